//! What commands read: the configuration on disk, or a revision's snapshot.

use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::{Context, Failure};
use crate::diag::Message;
use crate::document::FileTree;
use crate::pipeline::Candidate;
use crate::policy::Policy;
use crate::store::revisions::{Revision, RevisionError, Revisions};
use crate::sys::files::DiskTree;

/// Reads and judges a configuration as of `--at`, or of now.
///
/// # Errors
/// If `--at` cannot be told. What is wrong in the files is in the findings.
pub fn read(context: &Context, tree: &dyn FileTree, config: &Path) -> Result<Candidate, Failure> {
    let assumed = context.at(&default_timezone())?;
    let candidate = Candidate::read(tree, config, assumed);
    // A local `--at` is of the organisation's own time zone, known only now.
    let meant = match &candidate.policy {
        Some(policy) => context.at(&policy.organisation.timezone)?,
        None => assumed,
    };
    Ok(if meant == assumed { candidate } else { Candidate::read(tree, config, meant) })
}

/// The configuration of `--config`, checked: it is what somebody is about to apply.
///
/// # Errors
/// As [`read`].
pub fn config(context: &Context) -> Result<Candidate, Failure> {
    let mut candidate = read(context, &DiskTree, &context.config)?;
    candidate.check();
    Ok(candidate)
}

/// The policy of a candidate.
///
/// # Errors
/// The findings, if they refuse it.
pub fn policy<'a>(context: &Context, candidate: &'a Candidate) -> Result<&'a Policy, Failure> {
    match &candidate.policy {
        Some(policy) if !candidate.findings.refuse() => Ok(policy),
        _ => Err(Failure::invalid(context, candidate)),
    }
}

/// The policy of what a candidate is compared with, called `name`.
///
/// # Errors
/// The findings, if they refuse it.
pub fn accepted(context: &Context, candidate: Candidate, name: &str) -> Result<Policy, Failure> {
    if candidate.findings.refuse() {
        return Err(Failure::invalid_named(context, &candidate, name));
    }
    // Nothing refuses it, so it has a policy.
    candidate.policy.ok_or_else(|| Failure::failed(Message::new("cli-no-policy").with("path", name)))
}

/// Waits for what the system does in its own time.
///
/// # Errors
/// If the machinery to wait cannot be made (no descriptors left).
pub fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::failed(Message::new("cli-no-runtime").with("error", error.to_string())))?;
    Ok(runtime.block_on(work))
}

/// SPEC's default: Asia/Tokyo.
fn default_timezone() -> TimeZone {
    // Bundled with the program; UTC would still be an honest time.
    TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC)
}

/// The organisation's time zone by the configuration at hand, else the default.
pub fn timezone(context: &Context) -> TimeZone {
    let candidate = Candidate::read(&DiskTree, &context.config, context.now);
    candidate.policy.map_or_else(default_timezone, |policy| policy.organisation.timezone)
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// The configuration in force by the state folder.
    Active,
    /// A revision by its number.
    Revision(u64),
    /// A configuration on disk.
    Path(PathBuf),
}

impl Side {
    /// Reads `active`, a revision's number, or a path. A path that looks like
    /// one of these is written `./7`.
    pub fn parse(text: &str) -> Self {
        match text.parse() {
            _ if text == "active" => Self::Active,
            Ok(number) => Self::Revision(number),
            Err(_) => Self::Path(text.into()),
        }
    }

    /// Reads its configuration as of `--at`.
    ///
    /// # Errors
    /// If there is no such revision, none is active, or it is damaged.
    pub fn read(&self, context: &Context) -> Result<Candidate, Failure> {
        let revisions = Revisions::at(&context.state);
        match self {
            Self::Path(path) => read(context, &DiskTree, path),
            Self::Revision(number) => snapshot(context, revisions.get(*number)),
            Self::Active => match revisions.active() {
                Ok(None) => Err(Failure::failed(
                    Message::new("cli-no-active").with("state", context.state.display().to_string()),
                )),
                Ok(Some(active)) => snapshot(context, Ok(active)),
                Err(error) => Err(revision_failure(&error)),
            },
        }
    }
}

fn snapshot(context: &Context, revision: Result<Revision, RevisionError>) -> Result<Candidate, Failure> {
    let (tree, config) = revision.and_then(|revision| revision.tree()).map_err(|error| revision_failure(&error))?;
    read(context, &tree, &config)
}

/// Why revisions cannot be read; where only root may, it says so.
pub fn revision_failure(error: &RevisionError) -> Failure {
    let failure = Failure::failed(error.message());
    if forbidden(error) { failure.hint(Message::new("cli-state-needs-root")) } else { failure }
}

/// True if this user may not read the state folder.
pub fn forbidden(error: &RevisionError) -> bool {
    matches!(error, RevisionError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}
