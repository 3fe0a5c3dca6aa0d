//! Revisions: what was applied, when, by whom, with a snapshot of every source.
//!
//! Takes a [`Draft`] before the kernel is touched and the result afterwards;
//! gives back any revision, above all the active one, as a tree of files that
//! can be read like the disk. Stands under `STATE/revisions/`:
//!
//! ```text
//! current              number of the active revision
//! 000042/record.json   what, when, who (Record), with its own SHA-256
//! 000042/ruleset.nft   what went into the kernel
//! 000042/sources/0000  the raw bytes of each file that was read
//! ```
//!
//! The order is prepare → apply → commit. [`Revisions::prepare`] writes the
//! whole revision to disk; only if that succeeded is the kernel changed, so
//! that there is never a policy in force that could not be restored or
//! explained. Then [`Revisions::commit`] moves the pointer. If the disk is full
//! or read-only, a change is therefore refused (and said); what is enforced
//! already, and what expires, does not depend on the disk. A daemon killed
//! between apply and commit leaves a revision marked `prepared` behind, and
//! the pointer at the one before it.
//!
//! Folders have mode 0700, files 0600. Every file is written beside, synced,
//! and renamed into place. Each read checks SHA-256 sums, and damage is told by
//! revision and file.

mod record;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::diag::Message;
use crate::document::{FileTree as _, MemoryTree};
use crate::sys::files::DiskTree;

pub use record::{Changes, Outcome, Record, Snapshot, Who};

/// Largest record read back, bytes.
const MAX_RECORD: u64 = 64 << 20;
/// Largest ruleset or source read back, bytes.
const MAX_FILE: u64 = 1 << 30;
/// Begins the names of folders still being written.
const UNFINISHED: &str = ".new-";

/// Why a revision cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// The disk refused.
    #[error("{}", self.message())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A revision is not what was written.
    #[error("{}", self.message())]
    Damaged {
        /// Which one.
        number: u64,
        /// Which file of it.
        file: PathBuf,
    },
    /// The pointer to the active revision is not what was written.
    #[error("{}", self.message())]
    Pointer {
        /// Its path.
        path: PathBuf,
    },
    /// There is no such revision.
    #[error("{}", self.message())]
    Unknown(u64),
}

impl RevisionError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::Io { path, source } => Message::new("daemon-revision-io")
                .with("path", path.display().to_string())
                .with("error", source.to_string()),
            Self::Damaged { number, file } => Message::new("daemon-revision-damaged")
                .with("number", number.to_string())
                .with("file", file.display().to_string()),
            Self::Pointer { path } => Message::new("daemon-revision-pointer").with("path", path.display().to_string()),
            Self::Unknown(number) => Message::new("daemon-revision-unknown").with("number", number.to_string()),
        }
    }
}

type Result<T> = std::result::Result<T, RevisionError>;

/// Names the path in an I/O error.
fn at<T>(path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|source| RevisionError::Io { path: path.to_owned(), source })
}

/// What a revision is made of, before it has a number.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The candidate's digest, `sha256:…`.
    pub digest: &'a str,
    /// Who changed what.
    pub who: Who,
    /// Their words.
    pub comment: Option<&'a str>,
    /// The configuration's path as given to the reader.
    pub config: &'a Path,
    /// Every raw file that was read.
    pub files: &'a [(PathBuf, Vec<u8>)],
    /// The ruleset as text (`nft -f`).
    pub ruleset: &'a str,
    /// True under `reload.mode = "manual"`.
    pub manual: bool,
}

/// The revisions of one state folder.
#[derive(Debug, Clone)]
pub struct Revisions {
    root: PathBuf,
}

impl Revisions {
    /// For reading; nothing is made. `state` is the state folder.
    pub fn at(state: &Path) -> Self {
        Self { root: state.join("revisions") }
    }

    /// For writing: makes the folder, removes what an earlier run left unfinished.
    ///
    /// # Errors
    /// [`RevisionError::Io`].
    pub fn open(state: &Path) -> Result<Self> {
        let this = Self::at(state);
        at(&this.root, fs::DirBuilder::new().recursive(true).mode(0o700).create(&this.root))?;
        at(&this.root, fs::set_permissions(&this.root, fs::Permissions::from_mode(0o700)))?;
        for name in at(&this.root, DiskTree.list(&this.root))? {
            if name.starts_with(UNFINISHED) {
                let path = this.root.join(name);
                at(&path, fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)))?;
            }
        }
        Ok(this)
    }

    /// Writes a whole revision and gives its number. It is not active yet.
    ///
    /// # Errors
    /// [`RevisionError::Io`]; then nothing of it is left.
    pub fn prepare(&self, draft: &Draft<'_>) -> Result<u64> {
        let number = self.numbers()?.last().copied().unwrap_or(0) + 1;
        let private = fs::Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix(UNFINISHED).permissions(private).tempdir_in(&self.root);
        let folder = at(&self.root, made)?;
        let sources = folder.path().join("sources");
        at(&sources, fs::DirBuilder::new().mode(0o700).create(&sources))?;
        for (index, (_, bytes)) in draft.files.iter().enumerate() {
            let path = sources.join(Snapshot::name(index));
            at(&path, write_new(&path, bytes))?;
        }
        let ruleset = folder.path().join("ruleset.nft");
        at(&ruleset, write_new(&ruleset, draft.ruleset.as_bytes()))?;
        let record = folder.path().join("record.json");
        at(&record, write_new(&record, Record::new(number, draft).to_text().as_bytes()))?;
        at(&sources, sync(&sources))?;
        at(folder.path(), sync(folder.path()))?;
        let place = self.folder(number);
        at(&place, fs::rename(folder.path(), &place))?;
        // Moved away: nothing is left to remove under the old name.
        let _ = folder.keep();
        at(&self.root, sync(&self.root))?;
        Ok(number)
    }

    /// Makes a prepared revision the active one.
    ///
    /// # Errors
    /// As reading and writing it.
    pub fn commit(&self, number: u64, outcome: Outcome) -> Result<()> {
        let mut record = self.record(number)?;
        record.outcome = outcome;
        self.replace(&self.folder(number), "record.json", record.to_text().as_bytes())?;
        self.replace(&self.root, "current", format!("{number:06}\n").as_bytes())
    }

    /// Adds what is known only afterwards: how many flows opened and closed.
    ///
    /// # Errors
    /// As reading and writing it.
    pub fn annotate(&self, number: u64, changes: Changes) -> Result<()> {
        let mut record = self.record(number)?;
        record.changes = Some(changes);
        self.replace(&self.folder(number), "record.json", record.to_text().as_bytes())
    }

    /// Removes a prepared revision that never came into force.
    ///
    /// # Errors
    /// [`RevisionError::Io`].
    pub fn discard(&self, number: u64) -> Result<()> {
        let folder = self.folder(number);
        at(&folder, fs::remove_dir_all(&folder))
    }

    /// The active revision; none before the first commit.
    ///
    /// # Errors
    /// [`RevisionError::Pointer`] or [`RevisionError::Damaged`]: it is never
    /// guessed which one was meant.
    pub fn active(&self) -> Result<Option<Revision>> {
        let path = self.root.join("current");
        let bytes = match DiskTree.read(&path, 64) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RevisionError::Io { path, source }),
        };
        let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok());
        let number = number.ok_or(RevisionError::Pointer { path })?;
        self.get(number).map(Some)
    }

    /// One revision.
    ///
    /// # Errors
    /// [`RevisionError::Unknown`], [`RevisionError::Damaged`], [`RevisionError::Io`].
    pub fn get(&self, number: u64) -> Result<Revision> {
        Ok(Revision { folder: self.folder(number), record: self.record(number)? })
    }

    /// The numbers at hand, ascending; empty where there is no folder.
    ///
    /// # Errors
    /// [`RevisionError::Io`].
    pub fn numbers(&self) -> Result<Vec<u64>> {
        let names = match DiskTree.list(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => at(&self.root, names)?,
        };
        let own = |name: &String| (name.len() >= 6).then(|| name.parse().ok())?;
        let mut numbers: Vec<u64> = names.iter().filter_map(own).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn folder(&self, number: u64) -> PathBuf {
        self.root.join(format!("{number:06}"))
    }

    fn record(&self, number: u64) -> Result<Record> {
        let folder = self.folder(number);
        if !folder.exists() {
            return Err(RevisionError::Unknown(number));
        }
        let file = folder.join("record.json");
        let bytes = read(number, &file, MAX_RECORD)?;
        let record = Record::from_bytes(&bytes).filter(|record| record.number == number);
        record.ok_or(RevisionError::Damaged { number, file })
    }

    /// Writes a file whole or not at all.
    fn replace(&self, folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
        let path = folder.join(name);
        at(&path, tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)).and_then(|mut file| {
            at(&path, file.write_all(bytes))?;
            at(&path, file.as_file().sync_all())?;
            at(&path, file.persist(&path).map_err(|error| error.error))?;
            at(folder, sync(folder))
        })
    }
}

/// One revision on disk, its record read and found whole.
#[derive(Debug, Clone)]
pub struct Revision {
    folder: PathBuf,
    /// What, when, who.
    pub record: Record,
}

impl Revision {
    /// Its source files as they were, and the configuration's path in them.
    ///
    /// # Errors
    /// [`RevisionError::Damaged`].
    pub fn tree(&self) -> Result<(MemoryTree, PathBuf)> {
        let files: Result<Vec<_>> = self.record.sources.iter().map(|s| Ok((s.path.clone(), self.source(s)?))).collect();
        Ok((MemoryTree::new(files?), self.record.config.clone()))
    }

    /// The ruleset that was applied, as text.
    ///
    /// # Errors
    /// [`RevisionError::Damaged`].
    pub fn ruleset(&self) -> Result<String> {
        let file = self.folder.join("ruleset.nft");
        let bytes = self.checked(&file, &self.record.ruleset_sha256)?;
        String::from_utf8(bytes).map_err(|_| RevisionError::Damaged { number: self.record.number, file })
    }

    fn source(&self, snapshot: &Snapshot) -> Result<Vec<u8>> {
        // Not a path that leads elsewhere, whatever the record says.
        let name = Path::new(&snapshot.file).file_name().unwrap_or_default();
        self.checked(&self.folder.join("sources").join(name), &snapshot.sha256)
    }

    fn checked(&self, file: &Path, sum: &str) -> Result<Vec<u8>> {
        let bytes = read(self.record.number, file, MAX_FILE)?;
        if record::sha256(&bytes) == sum {
            Ok(bytes)
        } else {
            Err(RevisionError::Damaged { number: self.record.number, file: file.to_owned() })
        }
    }
}

/// A file of a revision; if it is missing, the revision is damaged.
fn read(number: u64, file: &Path, limit: u64) -> Result<Vec<u8>> {
    DiskTree.read(file, limit).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => {
            RevisionError::Damaged { number, file: file.to_owned() }
        }
        _ => RevisionError::Io { path: file.to_owned(), source },
    })
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
