//! Reads the files: the first, and what it includes.
//!
//! Takes a [`FileTree`] and a path; gives each file's tree with places, every
//! raw byte that was read, and what must be watched.

use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::node::{At, Table};
use super::{FileTree, glob, syntax};
use crate::diag::{Finding, Findings, Message, Place, SourceId, Sources};

/// The largest file that is read, in bytes.
pub const MAX_FILE: u64 = 64 << 20;
/// The most files that one configuration may include.
pub const MAX_FILES: usize = 10_000;
/// How deep files may include one another.
const MAX_DEPTH: usize = 32;

/// What was read so far.
pub struct Loader<'a> {
    tree: &'a dyn FileTree,
    /// Every text.
    pub sources: &'a mut Sources,
    /// What is wrong.
    pub findings: &'a mut Findings,
    /// Every raw file, in reading order.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Files and folders whose change matters.
    pub watch: BTreeSet<PathBuf>,
    /// The parsed files, in reading order; an include stands after its includer.
    pub parsed: Vec<(SourceId, Table)>,
    /// False once a file could not be read or parsed: names may be missing.
    pub whole: bool,
    /// Where each file was included; none = the first.
    seen: HashMap<PathBuf, Option<Place>>,
    /// The files being included, outermost first.
    open: Vec<PathBuf>,
}

impl<'a> Loader<'a> {
    /// Nothing read yet.
    pub fn new(tree: &'a dyn FileTree, sources: &'a mut Sources, findings: &'a mut Findings) -> Self {
        Self {
            tree,
            sources,
            findings,
            files: Vec::new(),
            watch: BTreeSet::new(),
            parsed: Vec::new(),
            whole: true,
            seen: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// Reads the first file: `config`, or its `zoned.toml` where it is a folder.
    pub fn start(&mut self, config: &Path) {
        let path = if self.tree.is_folder(config) { config.join("zoned.toml") } else { config.to_path_buf() };
        self.file(&normal(&path), None);
    }

    /// Reads a file as text. Anything wrong is a finding, at `place` where the
    /// file has no text of its own to point into.
    pub fn text(&mut self, path: &Path, place: Option<&Place>) -> Option<SourceId> {
        self.bytes(path, place)?;
        let (_, bytes) = self.files.last()?;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
            Err(error) => {
                // The faults shown as such, so that the caret has a line to stand under.
                let (valid, text) = (error.valid_up_to(), String::from_utf8_lossy(bytes).into_owned());
                let source = self.sources.add(path, text);
                let message = Message::new("document-not-utf8").with("byte", valid);
                let place = Place { source, span: valid..valid + 1 };
                self.broken(message, Some("document-not-utf8-hint"), &place);
                return None;
            }
        };
        let nul = text.find('\0');
        let source = self.sources.add(path, text);
        if let Some(at) = nul {
            self.broken(Message::new("document-nul"), None, &Place { source, span: at..at + 1 });
            return None;
        }
        Some(source)
    }

    /// Reads a file and keeps its bytes as the last of [`Self::files`].
    pub fn bytes(&mut self, path: &Path, place: Option<&Place>) -> Option<()> {
        self.watch_file(path);
        match self.tree.read(path, MAX_FILE) {
            Ok(bytes) => {
                self.files.push((path.to_path_buf(), bytes));
                Some(())
            }
            Err(error) => {
                let message = match error.kind() {
                    ErrorKind::NotFound => Message::new("document-file-missing"),
                    ErrorKind::PermissionDenied => Message::new("document-file-forbidden"),
                    ErrorKind::FileTooLarge => Message::new("document-file-too-large").with("limit", MAX_FILE >> 20),
                    ErrorKind::IsADirectory => Message::new("document-file-is-folder"),
                    _ => Message::new("document-file-unreadable").with("error", error.to_string()),
                };
                self.unreadable(path, message, place);
                None
            }
        }
    }

    fn watch_file(&mut self, path: &Path) {
        self.watch.insert(path.to_path_buf());
        self.watch.insert(folder_of(path));
    }

    fn unreadable(&mut self, path: &Path, message: Message, place: Option<&Place>) {
        self.whole = false;
        let name = path.display().to_string();
        let mut finding = Finding::error("Z006", message.with("path", &name)).subject(name);
        if let Some(place) = place {
            finding = finding.at(place);
        }
        self.findings.push(finding);
    }

    fn broken(&mut self, message: Message, hint: Option<&'static str>, place: &Place) {
        self.whole = false;
        let mut finding = Finding::error("Z001", message).at(place);
        finding.hint = hint.map(Message::new);
        self.findings.push(finding);
    }

    fn file(&mut self, path: &Path, included: Option<&Place>) {
        if self.seen.len() >= MAX_FILES {
            let message = Message::new("document-too-many-files").with("limit", MAX_FILES);
            return self.unreadable(path, message, included);
        }
        self.seen.insert(path.to_path_buf(), included.cloned());
        let Some(source) = self.text(path, included) else { return };
        let Some(text) = self.sources.get(source).map(|s| s.text.clone()) else { return };
        let (table, sound) = syntax::parse(source, &text, self.findings);
        self.whole &= sound;
        let includes = table.texts("include").unwrap_or_default();
        if sound {
            self.parsed.push((source, table));
        }
        self.open.push(path.to_path_buf());
        let base = folder_of(path);
        for include in includes {
            self.include(&base, &include);
        }
        self.open.pop();
    }

    fn include(&mut self, base: &Path, include: &At<String>) {
        if include.value.is_empty() {
            return self.unreadable(base, Message::new("document-include-empty"), Some(&include.place));
        }
        if !glob::is_pattern(&include.value) {
            let path = normal(&base.join(&include.value));
            return self.included(&path, &include.place);
        }
        match glob::expand(self.tree, base, &include.value) {
            Ok(found) => {
                self.watch.extend(found.folders);
                for path in found.files {
                    self.included(&normal(&path), &include.place);
                }
            }
            Err((folder, error)) => {
                let message = Message::new("document-file-unreadable").with("error", error.to_string());
                self.unreadable(&folder, message, Some(&include.place));
            }
        }
    }

    fn included(&mut self, path: &Path, place: &Place) {
        if self.open.iter().any(|p| p == path) {
            return self.unreadable(path, Message::new("document-include-cycle"), Some(place));
        }
        if self.open.len() >= MAX_DEPTH {
            let message = Message::new("document-include-deep").with("limit", MAX_DEPTH);
            return self.unreadable(path, message, Some(place));
        }
        if let Some(first) = self.seen.get(path) {
            let name = path.display().to_string();
            let message = Message::new("document-included-twice").with("path", &name);
            let mut finding = Finding::error("Z003", message).at(place).subject(name);
            if let Some(first) = first {
                finding = finding.related(Message::new("document-first-here"), first);
            }
            return self.findings.push(finding);
        }
        self.file(path, Some(place));
    }
}

/// The folder that a file lies in.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The path without `.` and, where that is safe by name alone, without `..`.
pub fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}
