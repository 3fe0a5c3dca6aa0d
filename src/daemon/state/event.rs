//! What happens to the daemon, and what it then does.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::diag::{Findings, Message, Sources};
use crate::store::revisions::Who;
use crate::sys::caller::Caller;

/// An instant on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock.
    pub wall: Timestamp,
    /// Time since the daemon began, which never steps.
    pub mono: Duration,
}

/// Which waiting caller an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplyId(pub u64);

/// Why the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The daemon begins.
    Start,
    /// A file changed.
    Files,
    /// SIGHUP.
    Hangup,
    /// `reload` on the socket.
    Reload {
        /// Who waits.
        reply: ReplyId,
        /// Who asked.
        peer: Who,
    },
    /// `apply` on the socket.
    Apply {
        /// Who waits.
        reply: ReplyId,
        /// Who asked.
        peer: Who,
        /// Only this one.
        digest: Option<String>,
        /// Why.
        comment: Option<String>,
        /// Whose connections must survive it; none = nobody's, nor the management.
        caller: Option<Arc<Caller>>,
    },
}

impl Cause {
    /// Whom the set must not lock out.
    pub(super) fn caller(&self) -> Option<Arc<Caller>> {
        match self {
            Self::Apply { caller, .. } => caller.clone(),
            _ => None,
        }
    }

    /// True if the service manager is told of the reload: somebody waits for its end.
    pub(super) fn announced(&self) -> bool {
        !matches!(self, Self::Start | Self::Files)
    }

    /// As the revision records it.
    pub(super) fn who(&self) -> Who {
        match self {
            Self::Start => Who::Start,
            Self::Files => Who::FileChange,
            Self::Hangup => Who::Signal,
            Self::Reload { peer, .. } | Self::Apply { peer, .. } => peer.clone(),
        }
    }

    pub(super) fn comment(&self) -> Option<String> {
        match self {
            Self::Apply { comment, .. } => comment.clone(),
            _ => None,
        }
    }
}

/// What matters here of a valid set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `sha256:…`.
    pub digest: String,
    /// `reload.mode = "manual"`.
    pub manual: bool,
    /// `reload.debounce_ms`.
    pub debounce: Duration,
}

/// The findings of a reading, with the texts they point into.
#[derive(Debug, Default)]
pub struct Report {
    /// What was found.
    pub findings: Findings,
    /// Where.
    pub sources: Sources,
}

impl Report {
    /// One line: the number of errors and the first of them.
    pub fn message(&self) -> Message {
        let errors: Vec<_> = self.findings.0.iter().filter(|finding| finding.refuses()).collect();
        let message = Message::new("daemon-refused").with("count", errors.len());
        match errors.first() {
            None => message.with("first", ""),
            Some(first) => {
                let place = first.place.as_ref().and_then(|place| self.sources.position(place));
                let place = place.map_or(String::new(), |(path, line, _)| format!("{}:{line}: ", path.display()));
                let line = Message::new("daemon-refused-first")
                    .with("place", place)
                    .with("code", first.code)
                    .with("message", first.message.clone());
                message.with("first", line)
            }
        }
    }
}

/// What a reading came to.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Errors.
    Refused(Arc<Report>),
    /// Nothing but that it would lock somebody out (Z306): refused to who asked,
    /// no fault of the files.
    LocksOut(Arc<Report>),
    /// None.
    Valid(Summary),
}

/// One reading of the configuration.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Sum of all bytes read, and of what could not be.
    pub fingerprint: [u8; 32],
    /// What it came to.
    pub verdict: Verdict,
}

/// What a transaction was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// After the kernel's commit.
    pub at: Timestamp,
    /// True if anything was sent; false if all was as it should be, or was left.
    pub sent: bool,
    /// In a word: `delta`, `refill`.
    pub how: String,
    /// Commands sent.
    pub commands: u64,
    /// Open flows cut; none: not looked for, or not surely all.
    pub cut: Option<u64>,
}

/// Why it was none.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// In words.
    pub message: Message,
    /// It may have gone through all the same (cut off by the time limit).
    pub uncertain: bool,
}

/// The signals that are meant for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGTERM, SIGINT.
    Terminate,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// The daemon begins.
    Start,
    /// Something moved among the files that matter.
    FilesChanged,
    /// [`Timer::Debounce`] rang.
    DebounceElapsed,
    /// [`Timer::Retry`] rang.
    RetryDue,
    /// The instant of the next scheduled change is there.
    Clock,
    /// The wall clock jumped by so much, forward or back.
    ClockSet(SignedDuration),
    /// A signal came.
    Signal(Signal),
    /// Somebody asks for a reading.
    Request(Cause),
    /// [`Action::Read`] is done.
    Read(Reading),
    /// [`Action::Prepare`] is done: the revision's number, or why not.
    Prepared(Result<u64, Message>),
    /// [`Action::Apply`] is done.
    Applied(Result<Applied, Failure>),
    /// [`Action::Commit`] failed: the kernel is ahead of the disk.
    CommitFailed(Message),
    /// The service manager wants to hear from us.
    WatchdogDue,
}

/// What goes into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The set last read.
    Candidate {
        /// As a whole, whatever we believe the kernel has.
        refill: bool,
    },
    /// What is in force, as of now.
    Running {
        /// As above.
        refill: bool,
    },
    /// The active revision.
    Revision,
    /// What an earlier run left there, or if there is nothing, a closed ruleset.
    Last,
}

/// Timers of the loop; setting one again replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Files have come to rest.
    Debounce,
    /// Try again.
    Retry,
}

/// What the service manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// Start or reload is over; with the status line.
    Ready,
    /// A reload begins.
    Reloading,
    /// The status line alone.
    Status,
    /// Alive.
    Watchdog,
    /// Ending.
    Stopping,
}

/// What a caller is told.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is in force.
    Applied {
        /// It was before.
        unchanged: bool,
    },
    /// It is valid and waits for `apply`.
    Pending,
    /// It has errors.
    Refused(Arc<Report>),
    /// It is not the one that was meant.
    DigestDiffers {
        /// Meant.
        asked: String,
        /// Read.
        found: String,
    },
    /// It is valid but not in force.
    Failed {
        /// [`crate::daemon::protocol::Refusal::code`].
        code: &'static str,
        /// Why.
        message: Message,
    },
    /// The daemon is ending.
    Stopping,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Read the configuration, and see that it does not lock this caller out.
    Read(Option<Arc<Caller>>),
    /// Write the candidate's revision.
    Prepare {
        /// Who brought it about.
        who: Who,
        /// Why.
        comment: Option<String>,
    },
    /// Change the kernel.
    Apply {
        /// To what.
        what: What,
        /// Under which revision.
        revision: Option<u64>,
    },
    /// Make the prepared revision the active one.
    Commit {
        /// Which.
        revision: u64,
        /// How it came into force.
        applied: Applied,
    },
    /// Remove the prepared revision.
    Discard(u64),
    /// This is in force now: names for the log, the next scheduled change.
    InForce {
        /// The kernel was changed for it.
        sent: bool,
    },
    /// Log the findings of a refused set.
    Refused(Arc<Report>),
    /// Log.
    Log(Message),
    /// Log, as a warning.
    LogWarning(Message),
    /// Log, as an error.
    LogError(Message),
    /// Tell the service manager.
    Tell(Tell),
    /// Answer a caller.
    Reply(ReplyId, Answer),
    /// Set a timer.
    Arm(Timer, Duration),
    /// End; the ruleset stays.
    Exit,
}
