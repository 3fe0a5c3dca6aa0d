//! What the daemon does next: a pure step from an event to actions.
//!
//! Takes what happened ([`Event`]) and gives what to do ([`Action`]); `run`
//! performs them one after the other and reports back with further events. Jobs
//! (read, prepare, apply) run one at a time; what is asked meanwhile waits in
//! line. Rules held here:
//!
//! - A set that is refused, cannot be recorded or is refused by the kernel
//!   leaves what is in force as it is.
//! - Prepare the revision, apply, then commit it: never another order.
//! - At start something is put in force, in this order: the configuration; the
//!   active revision; the table an earlier run left; a closed ruleset.
//! - Under `reload.mode = "manual"` of what is in force, only `apply` applies.
//! - What fails at a schedule's instant is tried again: an expired entry must
//!   not stay open.

mod event;
mod start;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::diag::Message;

pub use event::{
    Action, Answer, Applied, Cause, Event, Failure, Moment, Reading, ReplyId, Report, Signal, Summary, Tell, Timer,
    Verdict, What,
};

/// Debounce before any policy says otherwise.
const DEFAULT_DEBOUNCE: Duration = Duration::from_millis(200);
/// A file that never rests is read after this many debounce times all the same.
const DEBOUNCE_LIMIT: u32 = 10;
/// Pause before a failed job is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// What the kernel enforces, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InForce {
    /// Nothing of ours.
    Nothing,
    /// The table of an earlier run, which we cannot explain.
    Left,
    /// All closed.
    Closed,
    /// A policy.
    Policy {
        /// What it says.
        summary: Summary,
        /// Its revision.
        revision: u64,
    },
}

/// The active revision as found at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// Its number.
    pub number: u64,
    /// Its policy.
    pub summary: Summary,
}

/// Something that went wrong, until it is right again.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// Since when.
    pub time: Timestamp,
    /// What.
    pub message: Message,
    /// The findings of a refused set.
    pub report: Option<Arc<Report>>,
}

/// What is being done.
#[derive(Debug, Clone)]
enum Job {
    Read(Cause),
    Prepare(Cause, Summary),
    Apply(Change),
}

/// One change of the kernel's ruleset on its way.
#[derive(Debug, Clone)]
struct Change {
    what: What,
    cause: Option<Cause>,
    summary: Option<Summary>,
    revision: Option<u64>,
    /// The revision was prepared for this change.
    fresh: bool,
}

#[derive(Debug, Clone)]
enum Work {
    Read(Cause),
    /// Compile what is in force for this instant, and apply that.
    Renew,
}

/// The daemon's mind.
#[derive(Debug)]
pub struct State {
    job: Option<Job>,
    queue: VecDeque<Work>,
    active: Option<Active>,
    seen: Option<[u8; 32]>,
    /// When the first of the changes not yet read came.
    restless: Option<Duration>,
    stopping: bool,
    ready: bool,
    /// What is enforced.
    pub in_force: InForce,
    /// Digest of a valid set that waits for `apply`.
    pub pending: Option<String>,
    /// The configuration on disk is refused.
    pub refused: Option<Trouble>,
    /// A valid set could not be recorded, or the kernel refused it.
    pub failed: Option<Trouble>,
    /// What is in force could not be brought up to date: an expired entry may be open.
    pub stale: Option<Trouble>,
    /// Transactions applied by this process.
    pub generation: u64,
    /// When the last one was.
    pub applied_at: Option<Timestamp>,
}

impl State {
    /// Before anything happened.
    pub fn new(active: Option<Active>) -> Self {
        Self {
            job: None,
            queue: VecDeque::new(),
            active,
            seen: None,
            restless: None,
            stopping: false,
            ready: false,
            in_force: InForce::Nothing,
            pending: None,
            refused: None,
            failed: None,
            stale: None,
            generation: 0,
            applied_at: None,
        }
    }

    /// What to do about an event, in this order.
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Start => self.queue.push_back(Work::Read(Cause::Start)),
            Event::FilesChanged => return self.files_changed(now),
            Event::DebounceElapsed => {
                self.restless = None;
                self.queue_once(Cause::Files);
            }
            Event::Clock => self.queue_renewal(),
            Event::ClockSet(by) => {
                let seconds = format!("{:+.3}", by.as_secs_f64());
                out.push(Action::LogWarning(Message::new("daemon-clock-set").with("seconds", seconds)));
                self.queue_renewal();
            }
            Event::RetryDue if self.in_force == InForce::Nothing => self.queue.push_back(Work::Read(Cause::Start)),
            Event::RetryDue => self.queue_renewal(),
            Event::Signal(Signal::Hangup) => self.queue_once(Cause::Hangup),
            Event::Signal(Signal::Terminate) => self.terminate(&mut out),
            Event::Request(cause) if self.stopping => reply(&mut out, Some(&cause), Answer::Stopping),
            Event::Request(cause) => self.queue.push_back(Work::Read(cause)),
            Event::Read(reading) => self.read(now, reading, &mut out),
            Event::Prepared(result) => self.prepared(now, result, &mut out),
            Event::Applied(result) => self.applied(now, result, &mut out),
            Event::CommitFailed(message) => self.failed = Some(trouble(now, message, &mut out)),
            Event::WatchdogDue => out.push(Action::Tell(Tell::Watchdog)),
        }
        self.next(&mut out);
        out
    }

    /// Takes the next piece of work if there is none in hand.
    fn next(&mut self, out: &mut Vec<Action>) {
        while self.job.is_none() && !self.stopping {
            match self.queue.pop_front() {
                None => return,
                Some(Work::Read(cause)) => {
                    if cause.announced() && self.ready {
                        out.push(Action::Tell(Tell::Reloading));
                    }
                    out.push(Action::Read(cause.caller()));
                    self.job = Some(Job::Read(cause));
                }
                Some(Work::Renew) => self.renew(out),
            }
        }
    }

    /// Applies what is in force anew, as of now.
    fn renew(&mut self, out: &mut Vec<Action>) {
        if let InForce::Policy { revision, .. } = self.in_force {
            let what = What::Running { refill: self.stale.is_some() };
            self.apply(Change { what, cause: None, summary: None, revision: Some(revision), fresh: false }, out);
        }
    }

    fn apply(&mut self, change: Change, out: &mut Vec<Action>) {
        out.push(Action::Apply { what: change.what, revision: change.revision });
        self.job = Some(Job::Apply(change));
    }

    fn files_changed(&mut self, now: Moment) -> Vec<Action> {
        let pause = match &self.in_force {
            InForce::Policy { summary, .. } => summary.debounce,
            _ => DEFAULT_DEBOUNCE,
        };
        let first = *self.restless.get_or_insert(now.mono);
        let left = (first + pause * DEBOUNCE_LIMIT).saturating_sub(now.mono);
        vec![Action::Arm(Timer::Debounce, pause.min(left))]
    }

    /// One reading in line sees everything that happened before it begins.
    fn queue_once(&mut self, cause: Cause) {
        if !self.queue.iter().any(|work| matches!(work, Work::Read(waiting) if *waiting == cause)) {
            self.queue.push_back(Work::Read(cause));
        }
    }

    /// Before all readings in line: what has ended must not stay open behind them.
    fn queue_renewal(&mut self) {
        if !self.queue.iter().any(|work| matches!(work, Work::Renew)) {
            self.queue.push_front(Work::Renew);
        }
    }

    fn terminate(&mut self, out: &mut Vec<Action>) {
        if std::mem::replace(&mut self.stopping, true) {
            // Asked twice: at once.
            out.push(Action::Exit);
            return;
        }
        out.push(Action::Tell(Tell::Stopping));
        for work in self.queue.drain(..) {
            if let Work::Read(cause) = work {
                reply(out, Some(&cause), Answer::Stopping);
            }
        }
        match &self.job {
            // What is on its way to the kernel is seen through, so that disk and kernel agree.
            Some(Job::Prepare(..) | Job::Apply(_)) => {}
            Some(Job::Read(cause)) => {
                reply(out, Some(cause), Answer::Stopping);
                out.push(Action::Exit);
            }
            None => out.push(Action::Exit),
        }
    }

    fn read(&mut self, now: Moment, reading: Reading, out: &mut Vec<Action>) {
        let Some(Job::Read(cause)) = self.job.take() else { return };
        let again = self.seen.replace(reading.fingerprint) == Some(reading.fingerprint);
        match reading.verdict {
            Verdict::Refused(report) => {
                self.pending = None;
                // The same bytes refused again are no news.
                if !(again && cause == Cause::Files && self.refused.is_some()) {
                    let trouble =
                        Trouble { time: now.wall, message: report.message(), report: Some(Arc::clone(&report)) };
                    self.refused = Some(trouble);
                    out.push(Action::Refused(Arc::clone(&report)));
                }
                reply(out, Some(&cause), Answer::Refused(report));
                self.not_applied(cause, out);
            }
            Verdict::LocksOut(report) => {
                out.push(Action::Refused(Arc::clone(&report)));
                reply(out, Some(&cause), Answer::Refused(report));
                self.not_applied(cause, out);
            }
            Verdict::Valid(summary) => self.valid(cause, summary, again, out),
        }
    }

    /// A valid set: is it to be applied? `again`: the same bytes as last time.
    fn valid(&mut self, cause: Cause, summary: Summary, again: bool, out: &mut Vec<Action>) {
        if let Cause::Apply { digest: Some(digest), .. } = &cause
            && *digest != summary.digest
        {
            let answer = Answer::DigestDiffers { asked: digest.clone(), found: summary.digest };
            reply(out, Some(&cause), answer);
            return self.finish(Some(&cause), out);
        }
        if self.refused.take().is_some() {
            out.push(Action::Log(Message::new("daemon-valid-again")));
        }
        match &self.in_force {
            InForce::Policy { summary: running, revision } if running.digest == summary.digest => {
                let revision = Some(*revision);
                self.pending = None;
                self.failed = None;
                if cause == Cause::Files && (again || running.manual) {
                    return self.finish(Some(&cause), out);
                }
                // The same permissions; but the order, which decides to whom a packet
                // is credited, may be another. And who asks wants certainty.
                let what = What::Candidate { refill: cause != Cause::Files };
                self.apply(Change { what, cause: Some(cause), summary: Some(summary), revision, fresh: false }, out);
            }
            _ if self.holds(&cause, &summary) => {
                if self.pending.as_ref() != Some(&summary.digest) {
                    let line = Message::new("daemon-pending").with("digest", &summary.digest);
                    out.push(Action::Log(line));
                }
                self.pending = Some(summary.digest);
                reply(out, Some(&cause), Answer::Pending);
                self.not_applied(cause, out);
            }
            _ => self.prepare(cause, summary, out),
        }
    }

    /// True if the set must wait for `apply`.
    fn holds(&self, cause: &Cause, summary: &Summary) -> bool {
        match (cause, &self.in_force, &self.active) {
            (Cause::Apply { .. }, ..) => false,
            (_, InForce::Policy { summary: running, .. }, _) => running.manual,
            // At start the active revision is what would run on.
            (_, InForce::Nothing, Some(active)) => active.summary.manual && active.summary.digest != summary.digest,
            (_, InForce::Nothing, None) => false,
            (_, InForce::Left | InForce::Closed, _) => summary.manual,
        }
    }

    fn prepare(&mut self, cause: Cause, summary: Summary, out: &mut Vec<Action>) {
        match &self.active {
            // The files say what the active revision says: nothing to record.
            Some(active) if active.summary.digest == summary.digest && self.in_force == InForce::Nothing => {
                let revision = Some(active.number);
                let what = What::Candidate { refill: false };
                let change = Change { what, cause: Some(cause), summary: Some(summary), revision, fresh: false };
                self.apply(change, out);
            }
            _ => {
                out.push(Action::Prepare { who: cause.who(), comment: cause.comment() });
                self.job = Some(Job::Prepare(cause, summary));
            }
        }
    }

    fn prepared(&mut self, now: Moment, result: Result<u64, Message>, out: &mut Vec<Action>) {
        let Some(Job::Prepare(cause, summary)) = self.job.take() else { return };
        match result {
            Ok(number) if self.stopping => {
                out.push(Action::Discard(number));
                reply(out, Some(&cause), Answer::Stopping);
                out.push(Action::Exit);
            }
            Ok(number) => {
                let what = What::Candidate { refill: false };
                let revision = Some(number);
                self.apply(Change { what, cause: Some(cause), summary: Some(summary), revision, fresh: true }, out);
            }
            Err(message) => {
                reply(out, Some(&cause), Answer::Failed { code: "revision", message: message.clone() });
                self.failed = Some(trouble(now, message, out));
                self.not_applied(cause, out);
            }
        }
    }

    fn applied(&mut self, now: Moment, result: Result<Applied, Failure>, out: &mut Vec<Action>) {
        let Some(Job::Apply(change)) = self.job.take() else { return };
        match result {
            Ok(applied) => self.took(change, applied, out),
            Err(failure) => self.did_not_take(now, change, failure, out),
        }
    }

    /// The kernel has it.
    fn took(&mut self, change: Change, applied: Applied, out: &mut Vec<Action>) {
        let sent = applied.sent;
        if applied.sent {
            self.generation += 1;
            self.applied_at = Some(applied.at);
        }
        self.stale = None;
        let revision = change.revision.unwrap_or(0);
        match change.what {
            What::Candidate { .. } => {
                if let Some(summary) = change.summary {
                    self.in_force = InForce::Policy { summary, revision };
                }
                self.pending = None;
                self.failed = None;
            }
            What::Revision => {
                if let Some(active) = &self.active {
                    self.in_force = InForce::Policy { summary: active.summary.clone(), revision: active.number };
                }
            }
            What::Running { .. } => {}
            What::Last => {
                self.in_force = if applied.sent { InForce::Closed } else { InForce::Left };
                let line = if applied.sent { "daemon-fallback-closed" } else { "daemon-fallback-left" };
                out.push(Action::LogWarning(Message::new(line)));
            }
        }
        if change.fresh {
            out.push(Action::Commit { revision, applied });
        }
        out.push(Action::InForce { sent });
        reply(out, change.cause.as_ref(), Answer::Applied { unchanged: !change.fresh });
        self.finish(change.cause.as_ref(), out);
    }

    /// The kernel is as it was.
    fn did_not_take(&mut self, now: Moment, change: Change, failure: Failure, out: &mut Vec<Action>) {
        let trouble = trouble(now, failure.message.clone(), out);
        match change.what {
            What::Running { .. } => self.stale = Some(trouble),
            _ => self.failed = Some(trouble),
        }
        if change.fresh {
            out.extend(change.revision.map(Action::Discard));
        }
        let cause = change.cause.as_ref();
        // Start goes on to what is next best; its end tells.
        match change.what {
            What::Candidate { .. } if cause == Some(&Cause::Start) => return self.fall_back(out),
            What::Revision => return self.fall_back_further(out),
            What::Last | What::Running { .. } => out.push(Action::Arm(Timer::Retry, RETRY)),
            // Nobody knows whether a transaction that was cut off went through: make it what it was.
            What::Candidate { .. } if failure.uncertain => self.queue_renewal(),
            What::Candidate { .. } => {}
        }
        reply(out, cause, Answer::Failed { code: "enforce", message: failure.message });
        self.finish(cause, out);
    }

    /// The job is done, well or not.
    fn finish(&mut self, cause: Option<&Cause>, out: &mut Vec<Action>) {
        self.job = None;
        if self.stopping {
            out.push(Action::Exit);
            return;
        }
        let first = !self.ready && self.in_force != InForce::Nothing;
        self.ready |= first;
        let announced = self.ready && cause.is_some_and(Cause::announced);
        out.push(Action::Tell(if first || announced { Tell::Ready } else { Tell::Status }));
    }
}

/// Logs it as an error, and keeps it for the status.
fn trouble(now: Moment, message: Message, out: &mut Vec<Action>) -> Trouble {
    out.push(Action::LogError(message.clone()));
    Trouble { time: now.wall, message, report: None }
}

/// Answers the cause, if somebody waits for it.
fn reply(out: &mut Vec<Action>, cause: Option<&Cause>, answer: Answer) {
    if let Some(Cause::Reload { reply, .. } | Cause::Apply { reply, .. }) = cause {
        out.push(Action::Reply(*reply, answer));
    }
}

#[cfg(test)]
mod tests;
