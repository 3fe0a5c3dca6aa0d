//! Source texts, and places in them.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Index of a source in its [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// One file as it was read, decoded to UTF-8.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the user would write it.
    pub path: PathBuf,
    /// The decoded text.
    pub text: Arc<str>,
}

/// A byte range of a source. Equality is by place; resolved values that must
/// ignore places do so in their own `PartialEq`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which source.
    pub source: SourceId,
    /// Byte offsets into its text.
    pub span: Range<usize>,
}

/// Every source read for one configuration, in reading order.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    all: Vec<Source>,
}

impl Sources {
    /// Adds a source; gives its id.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> SourceId {
        self.all.push(Source { path: path.into(), text: text.into() });
        SourceId(self.all.len() as u32 - 1)
    }

    /// The source with this id, if it is of this collection.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.all.get(id.0 as usize)
    }

    /// All sources in reading order.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.all.iter()
    }

    /// Path, line and column of a place; both count from 1, columns in characters.
    pub fn position(&self, place: &Place) -> Option<(&Path, usize, usize)> {
        let source = self.get(place.source)?;
        let before = source.text.get(..place.span.start.min(source.text.len()))?;
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before.get(start..)?.chars().count() + 1;
        Some((&source.path, line, column))
    }
}
