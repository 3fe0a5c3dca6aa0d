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

/// Bytes between two counts of characters.
const BLOCK: usize = 1024;

/// Where the lines of a text start, and how many characters stand before each
/// block: so that a position is found without reading the text from its start.
#[derive(Debug, Clone)]
struct Index {
    lines: Arc<[usize]>,
    blocks: Arc<[usize]>,
}

impl Index {
    fn new(text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        let mut count = 0;
        let blocks = text.as_bytes().chunks(BLOCK).map(|block| {
            let before = count;
            count += characters(block);
            before
        });
        Self { lines: std::iter::once(0).chain(starts).collect(), blocks: blocks.collect() }
    }

    /// Characters that start before byte `at`.
    fn characters_before(&self, text: &str, at: usize) -> usize {
        let block = at / BLOCK;
        let rest = text.as_bytes().get(block * BLOCK..at).unwrap_or_default();
        match self.blocks.get(block) {
            Some(before) => before + characters(rest),
            // Just behind a last block that is full.
            None => text.chars().count(),
        }
    }
}

/// Characters that start in these bytes: all but continuation bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| **b & 0xc0 != 0x80).count()
}

/// Every source read for one configuration, in reading order.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    all: Vec<Source>,
    indices: Vec<Index>,
}

impl Sources {
    /// Adds a source; gives its id.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> SourceId {
        let text = text.into();
        self.indices.push(Index::new(&text));
        self.all.push(Source { path: path.into(), text });
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

    /// Path, line and column of a place; both count from 1, columns in
    /// characters. A place behind the text's end is at its end.
    pub fn position(&self, place: &Place) -> Option<(&Path, usize, usize)> {
        let (source, index) = (self.get(place.source)?, self.indices.get(place.source.0 as usize)?);
        let at = place.span.start.min(source.text.len());
        let line = index.lines.partition_point(|start| *start <= at);
        let start = *index.lines.get(line.checked_sub(1)?)?;
        let before = |at| index.characters_before(&source.text, at);
        Some((&source.path, line, before(at) - before(start) + 1))
    }

    /// The bytes of the line on which a place starts, without its end.
    pub fn line(&self, place: &Place) -> Option<Range<usize>> {
        let (source, index) = (self.get(place.source)?, self.indices.get(place.source.0 as usize)?);
        let at = place.span.start.min(source.text.len());
        let line = index.lines.partition_point(|start| *start <= at);
        let start = *index.lines.get(line.checked_sub(1)?)?;
        let end = index.lines.get(line).map_or(source.text.len(), |next| next - 1);
        let text = source.text.get(start..end)?;
        Some(start..start + text.strip_suffix('\r').unwrap_or(text).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let long = "番号a\n".repeat(2_000) + "終わり";
        let mut sources = Sources::default();
        let source = sources.add("f", long.as_str());
        let mut at = 0;
        for (line, text) in long.split_inclusive('\n').enumerate() {
            for (column, (offset, c)) in text.char_indices().enumerate() {
                let place = Place { source, span: at + offset..at + offset + c.len_utf8() };
                let found = sources.position(&place).map(|(_, l, c)| (l, c));
                assert_eq!(found, Some((line + 1, column + 1)));
            }
            at += text.len();
        }
        let behind = Place { source, span: at + 9..at + 9 };
        assert_eq!(sources.position(&behind).map(|(_, l, c)| (l, c)), Some((2_001, 4)));
    }
}
