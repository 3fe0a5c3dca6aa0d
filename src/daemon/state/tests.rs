use super::*;
use crate::store::revisions::Who;

const FIRST: [u8; 32] = [1; 32];

fn summary(digest: &str) -> Summary {
    Summary { digest: digest.into(), manual: false, debounce: Duration::from_millis(200) }
}

fn manual(digest: &str) -> Summary {
    Summary { manual: true, ..summary(digest) }
}

fn valid(summary: Summary) -> Event {
    let mut fingerprint = [0; 32];
    fingerprint[..summary.digest.len()].copy_from_slice(summary.digest.as_bytes());
    Event::Read(Reading { fingerprint, verdict: Verdict::Valid(summary) })
}

fn refused() -> Event {
    Event::Read(Reading { fingerprint: FIRST, verdict: Verdict::Refused(Arc::default()) })
}

fn sent() -> Event {
    Event::Applied(Ok(Applied { at: Timestamp::UNIX_EPOCH, sent: true, how: "refill".into(), commands: 1, cut: None }))
}

fn left() -> Event {
    Event::Applied(Ok(Applied { at: Timestamp::UNIX_EPOCH, sent: false, how: "left".into(), commands: 0, cut: None }))
}

fn kernel_refused(uncertain: bool) -> Event {
    Event::Applied(Err(Failure { message: Message::new("x"), uncertain }))
}

fn apply(reply: u64, digest: Option<&str>) -> Event {
    let peer = Who::Peer { uid: 0, gid: 0, pid: None, user: None };
    let digest = digest.map(str::to_owned);
    Event::Request(Cause::Apply { reply: ReplyId(reply), peer, digest, comment: None, caller: None })
}

/// The actions in a word each; what is only said is left out.
fn words(actions: &[Action]) -> Vec<String> {
    let word = |action: &Action| match action {
        Action::Read(_) => Some("read".into()),
        Action::Prepare { .. } => Some("prepare".into()),
        Action::Apply { what, revision } => Some(format!("apply {what:?} {revision:?}")),
        Action::Commit { revision, .. } => Some(format!("commit {revision}")),
        Action::Discard(number) => Some(format!("discard {number}")),
        Action::Refused(_) => Some("refused".into()),
        Action::Tell(tell) => Some(format!("{tell:?}")),
        Action::Reply(id, answer) => Some(format!("reply {} {}", id.0, kind(answer))),
        Action::Arm(timer, after) => Some(format!("arm {timer:?} {after:?}")),
        Action::Exit => Some("exit".into()),
        Action::InForce { .. } | Action::Log(_) | Action::LogWarning(_) | Action::LogError(_) => None,
    };
    actions.iter().filter_map(word).collect()
}

fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Applied { unchanged: true } => "unchanged",
        Answer::Applied { unchanged: false } => "applied",
        Answer::Pending => "pending",
        Answer::Refused(_) => "refused",
        Answer::DigestDiffers { .. } => "digest-differs",
        Answer::Failed { code, .. } => code,
        Answer::Stopping => "stopping",
    }
}

struct Daemon(State, Duration);

impl Daemon {
    fn new(active: Option<Active>) -> Self {
        Self(State::new(active), Duration::ZERO)
    }

    /// Running this policy as revision 1.
    fn running(summary: Summary) -> Self {
        let mut daemon = Self::new(None);
        daemon.step(Event::Start);
        daemon.step(valid(summary));
        daemon.step(Event::Prepared(Ok(1)));
        assert_eq!(daemon.step(sent()), ["commit 1", "Ready"]);
        daemon
    }

    fn step(&mut self, event: Event) -> Vec<String> {
        words(&self.0.step(Moment { wall: Timestamp::UNIX_EPOCH, mono: self.1 }, event))
    }

    fn digest(&self) -> Option<&str> {
        match &self.0.in_force {
            InForce::Policy { summary, .. } => Some(&summary.digest),
            _ => None,
        }
    }
}

#[test]
fn a_change_is_prepared_then_applied_then_committed() {
    let mut daemon = Daemon::running(summary("a"));
    assert_eq!(daemon.step(Event::FilesChanged), ["arm Debounce 200ms"]);
    assert_eq!(daemon.step(Event::DebounceElapsed), ["read"]);
    assert_eq!(daemon.step(valid(summary("b"))), ["prepare"]);
    assert_eq!(daemon.step(Event::Prepared(Ok(2))), ["apply Candidate { refill: false } Some(2)"]);
    assert_eq!(daemon.digest(), Some("a"), "until the kernel has it");
    assert_eq!(daemon.step(sent()), ["commit 2", "Status"]);
    assert_eq!((daemon.digest(), daemon.0.generation), (Some("b"), 2));
}

#[test]
fn same_policy_in_other_bytes_makes_no_revision() {
    let mut daemon = Daemon::running(summary("a"));
    daemon.step(Event::DebounceElapsed);
    assert_eq!(daemon.step(valid(summary("a"))), ["Status"], "the same bytes");
    let mut other = [9; 32];
    other[0] = 8;
    let reordered = Event::Read(Reading { fingerprint: other, verdict: Verdict::Valid(summary("a")) });
    daemon.step(Event::DebounceElapsed);
    assert_eq!(daemon.step(reordered), ["apply Candidate { refill: false } Some(1)"], "whom a packet is credited to");
    assert_eq!(daemon.step(left()), ["Status"]);
    assert_eq!(daemon.0.generation, 1);
}

#[test]
fn a_refused_set_keeps_what_runs_and_is_told_once() {
    let mut daemon = Daemon::running(summary("a"));
    daemon.step(Event::DebounceElapsed);
    assert_eq!(daemon.step(refused()), ["refused", "Status"]);
    assert!(daemon.0.refused.is_some() && daemon.digest() == Some("a"));
    daemon.step(Event::DebounceElapsed);
    assert_eq!(daemon.step(refused()), ["Status"], "the same bytes are no news");
    assert_eq!(daemon.step(Event::Signal(Signal::Hangup)), ["Reloading", "read"]);
    assert_eq!(daemon.step(refused()), ["refused", "Ready"], "to who asks it is");
    daemon.step(Event::DebounceElapsed);
    daemon.step(valid(summary("a")));
    assert_eq!(daemon.step(left()), ["Status"]);
    assert!(daemon.0.refused.is_none() && daemon.0.generation == 1);
}

#[test]
fn what_cannot_be_recorded_is_not_applied() {
    let mut daemon = Daemon::running(summary("a"));
    daemon.step(apply(7, None));
    assert_eq!(daemon.step(valid(summary("b"))), ["prepare"]);
    let full = Message::new("disk full");
    assert_eq!(daemon.step(Event::Prepared(Err(full))), ["reply 7 revision", "Ready"]);
    assert!(daemon.digest() == Some("a") && daemon.0.failed.is_some());
}

#[test]
fn what_the_kernel_refuses_leaves_no_revision() {
    let mut daemon = Daemon::running(summary("a"));
    daemon.step(Event::DebounceElapsed);
    daemon.step(valid(summary("b")));
    daemon.step(Event::Prepared(Ok(2)));
    assert_eq!(daemon.step(kernel_refused(false)), ["discard 2", "Status"]);
    assert!(daemon.digest() == Some("a") && daemon.0.failed.is_some());
    daemon.step(Event::DebounceElapsed);
    daemon.step(valid(summary("a")));
    assert!(daemon.0.failed.is_none(), "the files agree with the kernel again");
}

#[test]
fn a_transaction_cut_off_is_made_what_it_was() {
    let mut daemon = Daemon::running(summary("a"));
    daemon.step(Event::DebounceElapsed);
    daemon.step(valid(summary("b")));
    daemon.step(Event::Prepared(Ok(2)));
    let then = daemon.step(kernel_refused(true));
    assert_eq!(then, ["discard 2", "Status", "apply Running { refill: false } Some(1)"]);
    daemon.step(sent());
    assert!(daemon.0.failed.is_some(), "the new set is still not in force");
}

#[test]
fn a_schedule_is_acted_on_and_tried_again() {
    let mut daemon = Daemon::running(summary("a"));
    assert_eq!(daemon.step(Event::Clock), ["apply Running { refill: false } Some(1)"]);
    assert_eq!(daemon.step(kernel_refused(false)), ["arm Retry 10s", "Status"]);
    assert!(daemon.0.stale.is_some());
    assert_eq!(daemon.step(Event::RetryDue), ["apply Running { refill: true } Some(1)"]);
    assert_eq!(daemon.step(sent()), ["Status"]);
    assert!(daemon.0.stale.is_none() && daemon.digest() == Some("a"));
}

#[test]
fn a_clock_that_jumps_is_told_and_all_is_judged_anew() {
    let mut daemon = Daemon::running(summary("a"));
    let back = jiff::SignedDuration::from_millis(-3_600_500);
    let told = daemon.step(Event::ClockSet(back));
    assert!(told.iter().any(|action| action.contains("Running { refill: false }")), "{told:?}");
    let then = daemon.step(Event::ClockSet(back));
    assert!(!then.iter().any(|action| action.contains("Running")), "after the one on its way: {then:?}");
    assert!(daemon.step(sent()).iter().any(|action| action.contains("Running")));
}

#[test]
fn one_job_at_a_time_and_the_rest_in_line() {
    let mut daemon = Daemon::running(summary("a"));
    daemon.step(Event::DebounceElapsed);
    assert!(daemon.step(Event::Clock).is_empty());
    assert!(daemon.step(Event::Clock).is_empty());
    assert!(daemon.step(Event::DebounceElapsed).is_empty());
    assert!(daemon.step(apply(1, None)).is_empty());
    daemon.step(valid(summary("b")));
    daemon.step(Event::Prepared(Ok(2)));
    let then = daemon.step(sent());
    assert_eq!(then, ["commit 2", "Status", "apply Running { refill: false } Some(2)"]);
    assert_eq!(daemon.step(sent()), ["Status", "read"]);
    assert_eq!(daemon.step(valid(summary("b"))), ["Status", "Reloading", "read"], "read again, nothing to do");
}

#[test]
fn files_that_never_rest_are_read_all_the_same() {
    let mut daemon = Daemon::running(summary("a"));
    assert_eq!(daemon.step(Event::FilesChanged), ["arm Debounce 200ms"]);
    daemon.1 = Duration::from_millis(1950);
    assert_eq!(daemon.step(Event::FilesChanged), ["arm Debounce 50ms"]);
    daemon.1 = Duration::from_millis(2500);
    assert_eq!(daemon.step(Event::FilesChanged), ["arm Debounce 0ns"]);
    daemon.step(Event::DebounceElapsed);
    assert_eq!(daemon.step(Event::FilesChanged), ["arm Debounce 200ms"]);
}

#[test]
fn under_manual_only_apply_applies() {
    let mut daemon = Daemon::running(manual("a"));
    daemon.step(Event::DebounceElapsed);
    // Nor can an edit lift the hold by itself.
    assert_eq!(daemon.step(valid(summary("b"))), ["Status"]);
    assert_eq!(daemon.0.pending.as_deref(), Some("b"));
    daemon.step(Event::Signal(Signal::Hangup));
    assert_eq!(daemon.step(valid(summary("b"))), ["Ready"]);
    daemon.step(apply(1, Some("c")));
    assert_eq!(daemon.step(valid(summary("b"))), ["reply 1 digest-differs", "Ready"]);
    assert_eq!(daemon.digest(), Some("a"));
    daemon.step(apply(2, Some("b")));
    assert_eq!(daemon.step(valid(summary("b"))), ["prepare"]);
    daemon.step(Event::Prepared(Ok(2)));
    assert_eq!(daemon.step(sent()), ["commit 2", "reply 2 applied", "Ready"]);
    assert!(daemon.0.pending.is_none());
}

#[test]
fn apply_of_what_runs_fills_the_kernel_anew() {
    let mut daemon = Daemon::running(summary("a"));
    daemon.step(apply(1, None));
    assert_eq!(daemon.step(valid(summary("a"))), ["apply Candidate { refill: true } Some(1)"]);
    assert_eq!(daemon.step(sent()), ["reply 1 unchanged", "Ready"]);
}

#[test]
fn start_with_what_ran_before_writes_no_revision() {
    let mut daemon = Daemon::new(Some(Active { number: 4, summary: summary("a") }));
    assert_eq!(daemon.step(Event::Start), ["read"]);
    assert_eq!(daemon.step(valid(summary("a"))), ["apply Candidate { refill: false } Some(4)"]);
    assert_eq!(daemon.step(sent()), ["Ready"]);
}

#[test]
fn start_with_a_refused_set_restores_the_active_revision() {
    let mut daemon = Daemon::new(Some(Active { number: 4, summary: summary("a") }));
    daemon.step(Event::Start);
    assert_eq!(daemon.step(refused()), ["refused", "apply Revision Some(4)"]);
    assert_eq!(daemon.step(sent()), ["Ready"]);
    assert!(daemon.digest() == Some("a") && daemon.0.refused.is_some());
    daemon.step(Event::DebounceElapsed);
    assert_eq!(daemon.step(valid(summary("b"))), ["prepare"], "mended, it is applied");
}

#[test]
fn start_with_nothing_usable_leaves_the_table_or_closes() {
    for (result, in_force) in [(left(), InForce::Left), (sent(), InForce::Closed)] {
        let mut daemon = Daemon::new(Some(Active { number: 4, summary: summary("a") }));
        daemon.step(Event::Start);
        daemon.step(refused());
        assert_eq!(daemon.step(kernel_refused(false)), ["apply Last None"], "the revision is damaged");
        assert_eq!(daemon.step(result), ["Ready"]);
        assert_eq!(daemon.0.in_force, in_force);
        assert_eq!(daemon.step(Event::Clock), [""; 0], "nothing is scheduled there");
        daemon.step(Event::DebounceElapsed);
        assert_eq!(daemon.step(valid(summary("b"))), ["prepare"]);
    }
}

#[test]
fn start_under_manual_keeps_the_active_revision() {
    let mut daemon = Daemon::new(Some(Active { number: 4, summary: manual("a") }));
    daemon.step(Event::Start);
    assert_eq!(daemon.step(valid(manual("b"))), ["apply Revision Some(4)"]);
    assert_eq!(daemon.step(sent()), ["Ready"]);
    assert_eq!((daemon.digest(), daemon.0.pending.as_deref()), (Some("a"), Some("b")));
}

#[test]
fn without_a_kernel_start_is_tried_again_and_not_called_ready() {
    let mut daemon = Daemon::new(None);
    daemon.step(Event::Start);
    daemon.step(valid(summary("a")));
    daemon.step(Event::Prepared(Ok(1)));
    assert_eq!(daemon.step(kernel_refused(false)), ["discard 1", "apply Last None"]);
    assert_eq!(daemon.step(kernel_refused(false)), ["arm Retry 10s", "Status"]);
    assert_eq!(daemon.step(Event::RetryDue), ["read"]);
    daemon.step(valid(summary("a")));
    daemon.step(Event::Prepared(Ok(1)));
    assert_eq!(daemon.step(sent()), ["commit 1", "Ready"]);
    assert!(daemon.0.failed.is_none());
}

#[test]
fn the_end_waits_for_what_is_on_its_way_to_the_kernel() {
    let mut daemon = Daemon::running(summary("a"));
    assert_eq!(daemon.step(Event::Signal(Signal::Terminate)), ["Stopping", "exit"]);

    let mut daemon = Daemon::running(summary("a"));
    daemon.step(apply(1, None));
    daemon.step(apply(2, None));
    daemon.step(valid(summary("b")));
    daemon.step(Event::Prepared(Ok(2)));
    assert_eq!(daemon.step(Event::Signal(Signal::Terminate)), ["Stopping", "reply 2 stopping"]);
    assert_eq!(daemon.step(apply(3, None)), ["reply 3 stopping"]);
    assert_eq!(daemon.step(sent()), ["commit 2", "reply 1 applied", "exit"]);

    let mut daemon = Daemon::running(summary("a"));
    daemon.step(apply(1, None));
    daemon.step(valid(summary("b")));
    daemon.step(Event::Signal(Signal::Terminate));
    assert_eq!(daemon.step(Event::Prepared(Ok(2))), ["discard 2", "reply 1 stopping", "exit"]);
}

#[test]
fn the_end_during_start_does_not_go_on_to_the_next_best() {
    let mut daemon = Daemon::new(Some(Active { number: 4, summary: summary("a") }));
    daemon.step(Event::Start);
    daemon.step(valid(summary("b")));
    daemon.step(Event::Prepared(Ok(5)));
    assert_eq!(daemon.step(Event::Signal(Signal::Terminate)), ["Stopping"]);
    assert_eq!(daemon.step(kernel_refused(false)), ["discard 5", "exit"]);
}

#[test]
fn a_storm_of_hangups_is_one_reading_more_and_time_goes_before_it() {
    let mut daemon = Daemon::running(summary("a"));
    for _ in 0..1_000 {
        daemon.step(Event::Signal(Signal::Hangup));
    }
    daemon.step(Event::Clock);
    assert_eq!(daemon.step(refused()), ["refused", "Ready", "apply Running { refill: false } Some(1)"]);
    assert_eq!(daemon.step(sent()), ["Status", "Reloading", "read"]);
    assert_eq!(daemon.step(refused()), ["refused", "Ready"]);
    assert_eq!(daemon.step(Event::WatchdogDue), ["Watchdog"], "nothing is left in line");
}
