//! The configuration as written: a mirror of SPEC §1 with places, before names
//! are looked up.
//!
//! Takes files through a [`FileTree`]; gives a typed [`Document`] and findings.
//! What a key is called and may hold stands once, in `keys`.

mod files;
mod glob;
mod keys;
mod ledger;
mod load;
mod merge;
mod moment;
mod node;
mod schema;
mod shape;
mod suggest;
mod syntax;
mod validate;
mod written;

use std::path::{Path, PathBuf};

pub use files::{FileTree, MemoryTree};
pub use load::{MAX_FILE, MAX_FILES};
pub use merge::duplicate;
pub use moment::Moment;
pub use node::At;
pub use schema::schema;
pub use suggest::Suggester;
pub use written::*;

use crate::diag::{Findings, Place, Sources};

/// One reading of a configuration.
#[derive(Debug, Default)]
pub struct Reading {
    /// What could be read of the configuration; none if the first file could not.
    pub document: Option<Document>,
    /// Every raw file that was read: the snapshot.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Files and folders whose change matters.
    pub watch: Vec<PathBuf>,
}

/// Reads `config` (a file, or a folder's `zoned.toml`), what it includes and its
/// ledgers. All that is wrong with the text, its keys and kinds of values is in
/// `findings` afterwards; names are not looked up.
pub fn read(tree: &dyn FileTree, config: &Path, sources: &mut Sources, findings: &mut Findings) -> Reading {
    let mut loader = load::Loader::new(tree, sources, findings);
    loader.start(config);
    let parsed = std::mem::take(&mut loader.parsed);
    let first = parsed.first().map(|(source, _)| *source);
    for (_, table) in &parsed {
        validate::validate(table, keys::ROOT, true, loader.findings);
    }
    let root = merge::merge(parsed.into_iter().map(|(_, t)| t).collect(), keys::ROOT, loader.findings);
    if let Some(source) = first.filter(|_| loader.whole) {
        validate::missing(&root, keys::ROOT, &Place { source, span: 0..0 }, loader.findings);
    }
    let mut document = Document::of(&root);
    for inventory in &document.inventories {
        let Some(writer) = loader.sources.get(inventory.file.place.source) else { continue };
        let path = load::normal(&load::folder_of(&writer.path).join(&inventory.file.value));
        if !inventory.built {
            // Refused already; kept for the snapshot.
            loader.bytes(&path, Some(&inventory.file.place));
            loader.whole = false;
            continue;
        }
        let Some(source) = loader.text(&path, Some(&inventory.file.place)) else { continue };
        let ledger = ledger::read(inventory, source, loader.sources, loader.findings);
        document.hosts.extend(ledger.hosts);
        loader.whole &= ledger.whole;
    }
    document.complete = loader.whole;
    let document = first.map(|_| document);
    Reading { document, files: loader.files, watch: loader.watch.into_iter().collect() }
}
