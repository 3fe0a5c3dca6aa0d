//! The daemon's work that takes time: read, compile, record, apply. Each job
//! runs beside the loop and gives a [`Done`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::state::{Applied, Failure, Reading, Report, Summary, Verdict, What};
use crate::diag::{Finding, Message};
use crate::document::{FileTree, MemoryTree};
use crate::enforce::{EnforceError, Enforcer, Way, lockout};
use crate::nft::{self, Ruleset};
use crate::pipeline::Candidate;
use crate::policy::{Policy, ReloadMode};
use crate::store::revisions::{Changes, Draft, Revisions, Who};
use crate::sys::caller::Caller;
use crate::sys::files::DiskTree;
use crate::sys::nft::Nft;
use crate::verify;

/// A valid policy and what it is called.
#[derive(Debug)]
pub struct Set {
    /// The policy.
    pub policy: Arc<Policy>,
    /// `sha256:…`.
    pub digest: String,
}

impl Set {
    /// What the step function needs of it.
    pub fn summary(&self) -> Summary {
        Summary {
            digest: self.digest.clone(),
            manual: self.policy.reload.mode == ReloadMode::Manual,
            debounce: std::time::Duration::from_millis(self.policy.reload.debounce_ms),
        }
    }
}

/// One reading, whole.
#[derive(Debug)]
pub struct Read {
    /// For the step function.
    pub reading: Reading,
    /// The set, if it is valid.
    pub set: Option<Arc<Set>>,
    /// Its files.
    pub files: Arc<Vec<(PathBuf, Vec<u8>)>>,
    /// What to watch.
    pub watch: Vec<PathBuf>,
    /// Everything found, warnings too.
    pub report: Arc<Report>,
}

/// A ruleset compiled for an instant.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// Of which set.
    pub set: Arc<Set>,
    /// For when.
    pub at: Timestamp,
    /// The ruleset.
    pub ruleset: Arc<Ruleset>,
}

/// Counts the flows that `new` opens and closes against `old`, for the record.
pub async fn count(state: PathBuf, revision: u64, old: Option<Arc<Set>>, new: Compiled) {
    let counted = beside(move || {
        let diff = verify::diff(old.as_ref().map(|set| &*set.policy), &new.set.policy, new.at).ok()?;
        let changes = Changes { opened: diff.opened.len() as u64, closed: diff.closed.len() as u64 };
        Revisions::at(&state).annotate(revision, changes).err()
    });
    match counted.await {
        Ok(None) => {}
        Ok(Some(error)) => tracing::warn!(revision, "{error}"),
        Err(error) => tracing::warn!(revision, "{error}"),
    }
}

/// A job's end.
#[derive(Debug)]
pub enum Done {
    /// [`read`].
    Read(Box<Read>),
    /// [`prepare`].
    Prepared(Result<(u64, Compiled), Message>),
    /// [`apply`]: what it was, and the set now in force (none: left, or closed).
    Applied(Result<(Applied, Option<Compiled>), Failure>),
}

/// Whom a set must not lock out, and the set in force.
pub type Guarded = (Arc<Caller>, Option<Arc<Set>>);

/// Reads the configuration, and sees whether it would lock somebody out.
pub async fn read(config: PathBuf, guarded: Option<Guarded>) -> Done {
    let read = beside(move || {
        let read = judge(&DiskTree, &config, true);
        match guarded {
            Some((caller, running)) => guard(read, &caller, running.as_deref()),
            None => read,
        }
    });
    let read = read.await;
    Done::Read(Box::new(read.unwrap_or_else(|message| {
        let mut report = Report::default();
        report.findings.push(Finding::error("Z006", message));
        let report = Arc::new(report);
        let verdict = Verdict::Refused(Arc::clone(&report));
        let reading = Reading { fingerprint: [0; 32], verdict };
        Read { reading, set: None, files: Arc::default(), watch: Vec::new(), report }
    })))
}

/// Refuses a valid set that would lock the caller out.
fn guard(mut read: Read, caller: &Caller, running: Option<&Set>) -> Read {
    let Some(set) = &read.set else { return read };
    let found = lockout(&set.policy, running.map(|set| &*set.policy), caller, Timestamp::now());
    if !found.is_empty()
        && let Some(report) = Arc::get_mut(&mut read.report)
    {
        found.into_iter().for_each(|finding| report.findings.push(finding));
        read.reading.verdict = Verdict::LocksOut(Arc::clone(&read.report));
        read.set = None;
    }
    read
}

/// `prove`: also whether the policy keeps the regulations and its expectations hold.
fn judge(tree: &dyn FileTree, config: &Path, prove: bool) -> Read {
    let mut candidate = Candidate::read(tree, config, Timestamp::now());
    if prove {
        candidate.check();
        candidate.prove();
    }
    let fingerprint = fingerprint(&candidate);
    let report = Arc::new(Report { findings: candidate.findings, sources: candidate.sources });
    let set = match (candidate.policy, candidate.digest) {
        (Some(policy), Some(digest)) if !report.findings.refuse() => {
            Some(Arc::new(Set { policy: Arc::new(policy), digest }))
        }
        _ => None,
    };
    let verdict = match &set {
        Some(set) => Verdict::Valid(set.summary()),
        None => Verdict::Refused(Arc::clone(&report)),
    };
    let reading = Reading { fingerprint, verdict };
    Read { reading, set, files: Arc::new(candidate.files), watch: candidate.watch, report }
}

/// Of every path and byte read, and of how many things were found: a file that
/// is missing or unreadable has no bytes.
fn fingerprint(candidate: &Candidate) -> [u8; 32] {
    let mut sum = Sha256::new();
    for (path, bytes) in &candidate.files {
        for part in [path.as_os_str().as_encoded_bytes(), bytes] {
            sum.update((part.len() as u64).to_le_bytes());
            sum.update(part);
        }
    }
    sum.update((candidate.findings.0.len() as u64).to_le_bytes());
    sum.finalize().into()
}

/// Compiles a set for now.
pub async fn compile(set: Arc<Set>) -> Result<Compiled, Message> {
    beside(move || {
        let at = Timestamp::now();
        let ruleset = Arc::new(nft::ruleset(&set.policy, at));
        Compiled { set, at, ruleset }
    })
    .await
}

/// What a revision is to say, beside the set.
#[derive(Debug)]
pub struct Preparation {
    /// The state folder.
    pub state: PathBuf,
    /// The configuration's path.
    pub config: PathBuf,
    /// The set's files.
    pub files: Arc<Vec<(PathBuf, Vec<u8>)>>,
    /// Who.
    pub who: Who,
    /// Why.
    pub comment: Option<String>,
}

/// Compiles a set and writes its revision.
pub async fn prepare(set: Arc<Set>, with: Preparation) -> Done {
    let compiled = match compile(set).await {
        Ok(compiled) => compiled,
        Err(message) => return Done::Prepared(Err(message)),
    };
    let written = beside(move || {
        let text = compiled.ruleset.to_text();
        let draft = Draft {
            digest: &compiled.set.digest,
            who: with.who,
            comment: with.comment.as_deref(),
            config: &with.config,
            files: &with.files,
            ruleset: &text,
            manual: compiled.set.policy.reload.mode == ReloadMode::Manual,
        };
        // Opened each time: the folder may have become writable again.
        let number = Revisions::open(&with.state).and_then(|revisions| revisions.prepare(&draft));
        number.map(|number| (number, compiled)).map_err(|error| error.message())
    });
    Done::Prepared(written.await.and_then(|written| written))
}

/// Where a ruleset to apply comes from.
#[derive(Debug)]
pub enum Origin {
    /// Compiled already.
    Compiled(Compiled),
    /// To be compiled for now.
    Set(Arc<Set>),
    /// The active revision of this state folder.
    Revision(PathBuf),
    /// What is there, or closed.
    Last,
}

/// Changes the kernel. `refill`: whatever we believe it has.
pub async fn apply(enforcer: Arc<Mutex<Enforcer>>, nft: Nft, origin: Origin, refill: bool) -> Done {
    let mut enforcer = enforcer.lock().await;
    if refill {
        *enforcer = Enforcer::new(nft);
    }
    Done::Applied(put(&mut enforcer, origin).await)
}

async fn put(enforcer: &mut Enforcer, origin: Origin) -> Result<(Applied, Option<Compiled>), Failure> {
    let sure = |message| Failure { message, uncertain: false };
    let compiled = match origin {
        Origin::Compiled(compiled) => compiled,
        Origin::Set(set) => compile(set).await.map_err(sure)?,
        Origin::Revision(state) => {
            let set = beside(move || restore(&state)).await.and_then(|set| set).map_err(sure)?;
            compile(set).await.map_err(sure)?
        }
        Origin::Last => {
            if enforcer.table_denies().await.map_err(|error| failure(&error))? {
                let at = Timestamp::now();
                return Ok((Applied { at, sent: false, how: "left".into(), commands: 0, cut: None }, None));
            }
            let applied = enforcer.apply(&nft::closed()).await.map_err(|error| failure(&error))?;
            return Ok((told(&applied), None));
        }
    };
    let (policy, at) = (&compiled.set.policy, compiled.at);
    let change = enforcer.apply_and_revoke(&compiled.ruleset, policy, at, policy.reload.established);
    let change = change.await.map_err(|error| failure(&error))?;
    let mut applied = told(&change.applied);
    let mut revoked = change.revoked;
    if let Err(error) = &revoked {
        // The rules are in force; open flows may still be where they were.
        tracing::warn!("{}", error.message());
        revoked = enforcer.revoke(policy, at, policy.reload.established).await;
    }
    applied.cut = match revoked {
        Ok(revoked) => {
            if revoked.cut > 0 || revoked.unreadable > 0 {
                tracing::info!("{}", revoked.message());
            }
            Some(revoked.cut)
        }
        Err(error) => {
            tracing::error!("{}", error.message());
            None
        }
    };
    Ok((applied, Some(compiled)))
}

fn told(applied: &crate::enforce::Applied) -> Applied {
    Applied {
        cut: None,
        at: Timestamp::now(),
        sent: applied.way != Way::Unchanged,
        how: applied.way.as_str().to_owned(),
        commands: applied.commands as u64,
    }
}

fn failure(error: &EnforceError) -> Failure {
    Failure { message: error.message(), uncertain: !error.0.left_all_as_it_was() }
}

/// The policy of the active revision.
fn restore(state: &Path) -> Result<Arc<Set>, Message> {
    let revision = Revisions::at(state).active().map_err(|error| error.message())?;
    let revision = revision.ok_or_else(|| Message::new("daemon-no-revision"))?;
    let (tree, config) = revision.tree().map_err(|error| error.message())?;
    // What was right when it was applied is not judged again: dates alone may have ended it.
    let read = judge(&tree, &config, false);
    read.set.ok_or_else(|| {
        Message::new("daemon-revision-refused")
            .with("number", revision.record.number.to_string())
            .with("reason", read.report.message())
    })
}

/// A policy that names nothing, for the log where no policy is known.
pub fn nameless() -> Option<Arc<Policy>> {
    let config = Path::new("/zoned.toml");
    let tree = MemoryTree::new([(config, "version = 1\n[compliance]\nmodel = \"general\"\n")]);
    Candidate::read(&tree, config, Timestamp::now()).policy.map(Arc::new)
}

/// Runs on another thread. A bug there must not end the daemon: its panic
/// becomes an error.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Message> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Message::new("daemon-internal").with("error", error.to_string()))
}

/// True for what [`apply`] is to fill anew.
pub fn refills(what: What) -> bool {
    matches!(what, What::Candidate { refill: true } | What::Running { refill: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_policy_that_names_nothing() {
        assert!(nameless().is_some_and(|policy| policy.zones.is_empty() && policy.entries.is_empty()));
    }
}
