//! What can be wrong with a store, in words.

use std::fmt;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::diag::Message;

/// Why a store cannot be opened, read or written.
#[derive(Debug)]
pub enum StoreError {
    /// There is none: nothing was recorded yet, or the place is wrong.
    Missing(PathBuf),
    /// Written by a newer version, whose schema is not known here.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest known here.
        known: i64,
    },
    /// Not a flow store, or damaged.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database says.
        detail: String,
    },
    /// Another daemon writes it.
    Locked(PathBuf),
    /// Anything else: permissions, a full disk.
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
}

impl StoreError {
    /// From the database's own error on the file `path`.
    pub(super) fn new(path: &std::path::Path, error: rusqlite::Error) -> Self {
        let (path, detail) = (path.to_owned(), error.to_string());
        let damage = match &error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => true,
            other => {
                matches!(other.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            }
        };
        if damage { Self::Damaged { path, detail } } else { Self::Failed { path, detail } }
    }

    /// In words.
    pub fn message(&self) -> Message {
        let show = |path: &PathBuf| path.display().to_string();
        match self {
            Self::Missing(path) => Message::new("log-store-missing").with("path", show(path)),
            Self::Newer { path, found, known } => Message::new("log-store-newer")
                .with("path", show(path))
                .with("found", found.to_string())
                .with("known", known.to_string()),
            Self::Damaged { path, detail } => {
                Message::new("log-store-damaged").with("path", show(path)).with("error", detail)
            }
            Self::Locked(path) => Message::new("log-store-locked").with("path", show(path)),
            Self::Failed { path, detail } => {
                Message::new("log-store-failed").with("path", show(path)).with("error", detail)
            }
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl std::error::Error for StoreError {}
