//! The record of one revision and its form on disk.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Draft;

/// Who brought a revision about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Who {
    /// A file changed.
    FileChange,
    /// The daemon started.
    Start,
    /// SIGHUP.
    Signal,
    /// Somebody on the control socket.
    Peer {
        /// Effective user at connection (`SO_PEERCRED`).
        uid: u32,
        /// Effective group.
        gid: u32,
        /// Process; none if it is of another process namespace.
        pid: Option<i32>,
        /// The user's name, if the machine knows one.
        user: Option<String>,
    },
}

/// How far it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// Written; not known to have come into force.
    Prepared,
    /// In force since then.
    Applied {
        /// The instant after the kernel's commit.
        applied_at: Timestamp,
        /// What was sent, in a word (`delta`, `refill`).
        how: String,
        /// Number of nftables commands sent.
        commands: u64,
        /// Open flows cut with it; absent: not looked for, or not surely all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<u64>,
    },
}

/// What it changed, counted in flows as `zonectl diff` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Flows opened.
    pub opened: u64,
    /// Flows closed.
    pub closed: u64,
}

/// One source file in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Where it was read.
    pub path: PathBuf,
    /// Its name under `sources/`.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// Hex.
    pub sha256: String,
}

impl Snapshot {
    pub(super) fn name(index: usize) -> String {
        format!("{index:04}")
    }
}

/// What, when, who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 1; what came into force keeps its number for good.
    pub number: u64,
    /// When it was prepared.
    pub time: Timestamp,
    /// Who.
    pub who: Who,
    /// Their words.
    pub comment: Option<String>,
    /// `sha256:…` of the resolved policy.
    pub digest: String,
    /// The version of zoned that compiled it.
    pub version: String,
    /// The configuration's path as given.
    pub config: PathBuf,
    /// `reload.mode` was `manual`.
    pub manual: bool,
    /// How far it came.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What it changed; none until counted.
    pub changes: Option<Changes>,
    /// Every file that was read.
    pub sources: Vec<Snapshot>,
    /// Hex, of `ruleset.nft`.
    pub ruleset_sha256: String,
}

/// The file: the record and the sum of its text.
#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    sha256: String,
    record: T,
}

impl Record {
    pub(super) fn new(number: u64, draft: &Draft<'_>) -> Self {
        let snapshot = |(index, (path, bytes)): (usize, &(PathBuf, Vec<u8>))| Snapshot {
            path: path.clone(),
            file: Snapshot::name(index),
            size: bytes.len() as u64,
            sha256: sha256(bytes),
        };
        Self {
            number,
            time: Timestamp::now(),
            who: draft.who.clone(),
            comment: draft.comment.map(str::to_owned),
            digest: draft.digest.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: Path::to_owned(draft.config),
            manual: draft.manual,
            outcome: Outcome::Prepared,
            changes: None,
            sources: draft.files.iter().enumerate().map(snapshot).collect(),
            ruleset_sha256: sha256(draft.ruleset.as_bytes()),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let sealed = Sealed { sha256: self.sum(), record: self };
        // `{:#}` of a JSON value cannot fail, nor can a record become none: its keys are strings.
        format!("{:#}\n", serde_json::to_value(sealed).unwrap_or_default())
    }

    /// None if it is no record, or not the one that was written.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let sealed: Sealed<Self> = serde_json::from_slice(bytes).ok()?;
        (sealed.record.sum() == sealed.sha256).then_some(sealed.record)
    }

    fn sum(&self) -> String {
        sha256(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

/// SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
