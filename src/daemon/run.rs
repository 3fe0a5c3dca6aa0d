//! The daemon's one loop: waits for what happens, asks [`State`] what to do,
//! does it. One thread; work that takes time runs beside it ([`super::jobs`]).

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, Interval};

use super::answer;
use super::control::{self, Call};
use super::jobs::{self, Compiled, Done, Origin, Preparation, Read, Set};
use super::log::LogTask;
use super::protocol::{Refusal, Request, SOCKET, accepted, same_config};
use super::state::{
    Action, Active, Answer, Cause, Event, Failure, InForce, Moment, ReplyId, Report, Signal, State, Summary, Tell,
    Timer, What,
};
use super::status;
use super::usage::{self, UsageTask};
use crate::diag::{Lang, Message, Severity};
use crate::enforce::Enforcer;
use crate::flow::Context;
use crate::store::revisions::{Outcome, Revisions, Who};
use crate::sys::clock::{Ring, WallAlarm};
use crate::sys::nft::Nft;
use crate::sys::socket;
use crate::sys::systemd::{self, Notice};
use crate::sys::watch::Watch;

/// Findings of one reading that the daemon's own log tells.
const TOLD: usize = 50;

/// How long the log may take to write its last records.
const FLUSH: Duration = Duration::from_secs(10);

/// Where the daemon reads and writes, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configuration, absolute.
    pub config: PathBuf,
    /// The state folder, absolute.
    pub state: PathBuf,
    /// The run folder, absolute.
    pub run: PathBuf,
    /// Language of the log and of answers that ask for none.
    pub lang: Lang,
    /// How to run nft.
    pub nft: Nft,
}

/// Runs until SIGTERM. The ruleset stays.
///
/// # Errors
/// What keeps the daemon from starting: folders, lock, socket, signals.
pub async fn run(settings: Settings) -> Result<(), Message> {
    folder(&settings.run, 0o755)?;
    folder(&settings.state, 0o750)?;
    let lock = settings.run.join("zoned.lock");
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| Message::new("daemon-io").with("path", path).with("error", error.to_string())
    };
    let held = socket::lock(&lock).map_err(io(&lock))?;
    let _held = held.ok_or_else(|| Message::new("daemon-second").with("path", settings.run.display().to_string()))?;
    let place = settings.run.join(SOCKET);
    let listener = socket::listen(&settings.run, SOCKET).map_err(io(&place))?;
    listener.set_nonblocking(true).map_err(io(&place))?;
    let listener = UnixListener::from_std(listener).map_err(io(&place))?;
    let system = |error: io::Error| Message::new("daemon-system").with("error", error.to_string());
    let (calls, called) = mpsc::unbounded_channel();
    tokio::spawn(control::serve(listener, calls, settings.lang));
    let daemon = Daemon::new(settings, called).map_err(system)?;
    daemon.live().await.map_err(system)?;
    // Still ours: the lock is held.
    let _ = fs::remove_file(place);
    Ok(())
}

fn folder(path: &Path, mode: u32) -> Result<(), Message> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|error| {
        Message::new("daemon-io").with("path", path.display().to_string()).with("error", error.to_string())
    })
}

/// All that the loop holds.
pub(super) struct Daemon {
    pub(super) settings: Settings,
    pub(super) state: State,
    pub(super) began: Timestamp,
    clock: Instant,
    called: mpsc::UnboundedReceiver<Call>,
    jobs: mpsc::UnboundedSender<Done>,
    done: mpsc::UnboundedReceiver<Done>,
    enforcer: Arc<Mutex<Enforcer>>,
    watch: Watch,
    /// Why not all files are watched, if they are not.
    pub(super) blind: Option<String>,
    /// The watch itself is broken.
    deaf: bool,
    alarm: WallAlarm,
    debounce: Option<Instant>,
    retry: Option<Instant>,
    waiting: HashMap<ReplyId, (Lang, oneshot::Sender<Value>)>,
    next_reply: u64,
    candidate: Option<Box<Read>>,
    prepared: Option<Compiled>,
    applied: Option<Compiled>,
    /// What is in force, and as of when.
    pub(super) running: Option<(Arc<Set>, Timestamp)>,
    /// What came of an action at once, to be dealt with next.
    later: VecDeque<Event>,
    pub(super) log: Option<LogTask>,
    usage: Option<UsageTask>,
}

/// The signals that are meant for us, and the watchdog's pace.
struct Ears {
    terminate: Signals,
    interrupt: Signals,
    hangup: Signals,
    watchdog: Option<Interval>,
}

impl Daemon {
    fn new(settings: Settings, called: mpsc::UnboundedReceiver<Call>) -> io::Result<Self> {
        let (jobs, done) = mpsc::unbounded_channel();
        Ok(Self {
            state: State::new(active(&settings)),
            began: Timestamp::now(),
            clock: Instant::now(),
            called,
            jobs,
            done,
            enforcer: Arc::new(Mutex::new(Enforcer::new(settings.nft.clone()))),
            watch: Watch::new()?,
            blind: None,
            deaf: false,
            alarm: WallAlarm::new()?,
            debounce: None,
            retry: None,
            waiting: HashMap::new(),
            next_reply: 0,
            candidate: None,
            prepared: None,
            applied: None,
            running: None,
            later: VecDeque::new(),
            log: None,
            usage: None,
            settings,
        })
    }

    async fn live(mut self) -> io::Result<()> {
        let mut ears = Ears {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            watchdog: systemd::watchdog_interval().map(tokio::time::interval),
        };
        self.alarm.set(None)?;
        let config = std::slice::from_ref(&self.settings.config).to_vec();
        self.look_at(&config);
        let mut event = Some(Event::Start);
        loop {
            if let Some(event) = event.take() {
                let now = Moment { wall: Timestamp::now(), mono: self.clock.elapsed() };
                for action in self.state.step(now, event) {
                    if matches!(action, Action::Exit) {
                        if let Some(log) = self.log.take() {
                            // A disk that hangs must not keep us; what is lost then shows as a gap.
                            let _ = tokio::time::timeout(FLUSH, log.shutdown()).await;
                        }
                        if let Some(usage) = self.usage.take() {
                            let _ = tokio::time::timeout(FLUSH, usage.shutdown()).await;
                        }
                        return Ok(());
                    }
                    self.perform(action);
                }
            }
            event = match self.later.pop_front() {
                Some(event) => Some(event),
                None => self.hear(&mut ears).await,
            };
        }
    }

    /// Waits for the next thing to happen; none if it is dealt with already.
    async fn hear(&mut self, ears: &mut Ears) -> Option<Event> {
        let far = Instant::now() + Duration::from_secs(86_400 * 365);
        tokio::select! {
            biased;
            _ = ears.terminate.recv() => Some(Event::Signal(Signal::Terminate)),
            _ = ears.interrupt.recv() => Some(Event::Signal(Signal::Terminate)),
            Some(done) = self.done.recv() => Some(self.finished(done)),
            _ = ears.hangup.recv() => Some(Event::Signal(Signal::Hangup)),
            Some(call) = self.called.recv() => self.asked(call),
            rung = self.alarm.rings() => Some(self.rung(rung)),
            () = tokio::time::sleep_until(self.debounce.unwrap_or(far)), if self.debounce.is_some() => {
                self.debounce = None;
                Some(Event::DebounceElapsed)
            }
            () = tokio::time::sleep_until(self.retry.unwrap_or(far)), if self.retry.is_some() => {
                self.retry = None;
                Some(Event::RetryDue)
            }
            changed = self.watch.changed(), if !self.deaf => match changed {
                Ok(()) => Some(Event::FilesChanged),
                Err(error) => { self.deaf = true; self.blinded(&error); None }
            },
            _ = tick(&mut ears.watchdog) => Some(Event::WatchdogDue),
        }
    }

    fn finished(&mut self, done: Done) -> Event {
        match done {
            Done::Read(read) => {
                let reading = read.reading.clone();
                self.look_at(&read.watch);
                self.candidate = Some(read);
                Event::Read(reading)
            }
            Done::Prepared(result) => Event::Prepared(result.map(|(number, compiled)| {
                self.prepared = Some(compiled);
                number
            })),
            Done::Applied(result) => Event::Applied(result.map(|(applied, compiled)| {
                self.applied = compiled;
                applied
            })),
        }
    }

    /// Watches these paths and the configuration itself.
    fn look_at(&mut self, paths: &[PathBuf]) {
        let all: Vec<PathBuf> = paths.iter().chain([&self.settings.config]).cloned().collect();
        match self.watch.set(&all) {
            Ok(more) => {
                self.blind = None;
                // What is watched for the first time may have changed just before.
                if more {
                    self.debounce.get_or_insert(Instant::now() + Duration::from_millis(200));
                }
            }
            Err(error) => self.blinded(&error),
        }
    }

    fn blinded(&mut self, error: &io::Error) {
        if self.blind.replace(error.to_string()).is_none() {
            tracing::error!("{}", self.words(&Message::new("daemon-blind").with("error", error.to_string())));
        }
    }

    /// Rung once, an alarm is silent until it is set again.
    fn rung(&mut self, rung: io::Result<Ring>) -> Event {
        let rung = rung.and_then(|ring| self.alarm.set(None).map(|()| ring));
        let _ = rung.as_ref().inspect_err(|error| tracing::error!(%error, "timerfd"));
        if let Ok(Ring::ClockSet(by)) = rung { Event::ClockSet(by) } else { Event::Clock }
    }

    fn asked(&mut self, call: Call) -> Option<Event> {
        let lang = call.request.lang().unwrap_or(self.settings.lang);
        match call.request {
            Request::Status { .. } => {
                let (status, nft, answer) = (status::of(self, lang), self.settings.nft.clone(), call.answer);
                tokio::spawn(async move { drop(answer.send(accepted(status::finish(status, &nft, lang).await))) });
                None
            }
            Request::Usage { .. } => {
                usage::answer(self.usage.as_ref(), call.answer, lang);
                None
            }
            Request::Apply { config: Some(other), .. } if !same_config(&other, &self.settings.config) => {
                let message = Message::new("daemon-other-config")
                    .with("asked", other.display().to_string())
                    .with("own", self.settings.config.display().to_string());
                // Who asked may have gone.
                let _ = call.answer.send(Refusal::new("other-config", message).to_answer(lang));
                None
            }
            Request::Apply { digest, comment, caller, allow_lockout, .. } => {
                let (reply, peer) = (self.expect(lang, call.answer), call.peer);
                let caller = (!allow_lockout).then(|| Arc::new(caller));
                Some(Event::Request(Cause::Apply { reply, peer, digest, comment, caller }))
            }
            Request::Reload { .. } => {
                let reply = self.expect(lang, call.answer);
                Some(Event::Request(Cause::Reload { reply, peer: call.peer }))
            }
        }
    }

    fn expect(&mut self, lang: Lang, answer: oneshot::Sender<Value>) -> ReplyId {
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        self.waiting.insert(reply, (lang, answer));
        reply
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Read(caller) => {
                let running = self.running.as_ref().map(|(set, _)| Arc::clone(set));
                self.spawn(jobs::read(self.settings.config.clone(), caller.map(|caller| (caller, running))));
            }
            Action::Prepare { who, comment } => self.prepare(who, comment),
            Action::Apply { what, .. } => self.apply(what),
            Action::Commit { revision, applied } => {
                let outcome = Outcome::Applied {
                    applied_at: applied.at,
                    how: applied.how,
                    commands: applied.commands,
                    cut: applied.cut,
                };
                match Revisions::at(&self.settings.state).commit(revision, outcome) {
                    Ok(()) => self.count(revision),
                    Err(error) => self.later.push_back(Event::CommitFailed(error.message())),
                }
            }
            Action::Discard(number) => {
                self.prepared = None;
                if let Err(error) = Revisions::at(&self.settings.state).discard(number) {
                    tracing::warn!("{}", self.words(&error.message()));
                }
            }
            Action::InForce { sent } => self.in_force(sent),
            Action::Refused(report) => self.tell_findings(&report),
            Action::Log(message) => tracing::info!("{}", self.words(&message)),
            Action::LogWarning(message) => tracing::warn!("{}", self.words(&message)),
            Action::LogError(message) => tracing::error!("{}", self.words(&message)),
            Action::Tell(tell) => self.tell(tell),
            Action::Reply(id, answer) => self.reply(id, &answer),
            Action::Arm(Timer::Debounce, after) => self.debounce = Some(Instant::now() + after),
            Action::Arm(Timer::Retry, after) => self.retry = Some(Instant::now() + after),
            // The loop has ended before.
            Action::Exit => {}
        }
    }

    fn spawn(&self, job: impl Future<Output = Done> + Send + 'static) {
        let jobs = self.jobs.clone();
        // The loop may have ended meanwhile.
        tokio::spawn(async move { drop(jobs.send(job.await)) });
    }

    fn prepare(&mut self, who: Who, comment: Option<String>) {
        let Some((read, set)) = self.candidate.as_ref().and_then(|read| Some((read, read.set.clone()?))) else {
            return self.later.push_back(Event::Prepared(Err(Message::new("daemon-no-candidate"))));
        };
        self.tell_findings(&read.report);
        let (state, config) = (self.settings.state.clone(), self.settings.config.clone());
        let with = Preparation { state, config, files: Arc::clone(&read.files), who, comment };
        self.spawn(jobs::prepare(set, with));
    }

    fn apply(&mut self, what: What) {
        let candidate = || self.candidate.as_ref().and_then(|read| read.set.clone());
        let origin = match what {
            What::Candidate { .. } => {
                self.prepared.take().map(Origin::Compiled).or_else(|| candidate().map(Origin::Set))
            }
            What::Running { .. } => self.running.as_ref().map(|(set, _)| Origin::Set(Arc::clone(set))),
            What::Revision => Some(Origin::Revision(self.settings.state.clone())),
            What::Last => Some(Origin::Last),
        };
        match origin {
            Some(origin) => {
                let (enforcer, nft) = (Arc::clone(&self.enforcer), self.settings.nft.clone());
                self.spawn(jobs::apply(enforcer, nft, origin, jobs::refills(what)));
            }
            None => {
                let message = Message::new("daemon-no-candidate");
                self.later.push_back(Event::Applied(Err(Failure { message, uncertain: false })));
            }
        }
    }

    /// Counts beside the loop what a revision changed.
    fn count(&self, revision: u64) {
        if let Some(new) = self.applied.clone() {
            let old = self.running.as_ref().map(|(set, _)| Arc::clone(set));
            tokio::spawn(jobs::count(self.settings.state.clone(), revision, old, new));
        }
    }

    /// What was applied is in force now.
    fn in_force(&mut self, sent: bool) {
        self.retry = None;
        self.running = self.applied.take().map(|compiled| (compiled.set, compiled.at));
        let next = self.running.as_ref().and_then(|(set, at)| set.policy.next_change(*at));
        if let Err(error) = self.alarm.set(next) {
            tracing::error!(%error, "timerfd");
        }
        self.record();
        let policy = self.running.as_ref().map(|(set, _)| &*set.policy);
        usage::follow(&mut self.usage, &self.settings, policy);
        if sent {
            tracing::info!(generation = self.state.generation, "{}", self.words(&status::line(&self.state)));
        }
    }

    /// Gives the log the names of what is in force now. What a closed or left
    /// ruleset denies is recorded too, without names.
    fn record(&mut self) {
        let context = match (&self.state.in_force, &self.running) {
            (InForce::Policy { revision, .. }, Some((set, at))) => {
                Context::new(set.policy.shared_as_of(*at), &set.digest, Some(*revision))
            }
            _ => match jobs::nameless() {
                Some(policy) => Context::new(policy, "none", None),
                None => return,
            },
        };
        match &self.log {
            Some(log) => log.set_context(Arc::new(context)),
            None => match LogTask::start(&self.settings.state, Arc::new(context)) {
                Ok(log) => self.log = Some(log),
                Err(error) => tracing::error!(%error, "log"),
            },
        }
    }

    pub(super) fn words(&self, message: &Message) -> String {
        message.text(self.settings.lang)
    }

    fn tell(&mut self, tell: Tell) {
        if matches!(tell, Tell::Ready | Tell::Status) {
            // The job is over: what it read is not needed any more.
            self.candidate = None;
        }
        let line = || self.words(&status::line(&self.state));
        systemd::notify(&match tell {
            Tell::Ready => Notice::Ready(line()),
            Tell::Reloading => Notice::Reloading,
            Tell::Status => Notice::Status(line()),
            Tell::Watchdog => Notice::Watchdog,
            Tell::Stopping => Notice::Stopping,
        });
    }

    /// The findings, one a line of the log.
    fn tell_findings(&self, report: &Report) {
        if report.findings.refuse() {
            tracing::error!("{}", self.words(&report.message()));
        }
        for finding in report.findings.0.iter().take(TOLD) {
            let place = finding.place.as_ref().and_then(|place| report.sources.position(place));
            let place = place.map(|(path, line, column)| format!("{}:{line}:{column}: ", path.display()));
            let words = format!("{}{} {}", place.unwrap_or_default(), finding.code, self.words(&finding.message));
            match finding.severity {
                Severity::Error => tracing::error!("{words}"),
                Severity::Warning => tracing::warn!("{words}"),
                Severity::Info => tracing::info!("{words}"),
            }
        }
    }

    fn reply(&mut self, id: ReplyId, answer: &Answer) {
        let Some((lang, to)) = self.waiting.remove(&id) else { return };
        // Who asked may have gone.
        let _ = to.send(answer::render(&self.state, answer, lang));
    }
}

/// The revision that a start may fall back to. One that is damaged is told and passed over.
fn active(settings: &Settings) -> Option<Active> {
    let revision = match Revisions::at(&settings.state).active() {
        Ok(revision) => revision?,
        Err(error) => {
            tracing::error!("{}", error.message().text(settings.lang));
            return None;
        }
    };
    let debounce = Duration::from_millis(200);
    let summary = Summary { digest: revision.record.digest, manual: revision.record.manual, debounce };
    Some(Active { number: revision.record.number, summary })
}

/// The watchdog's next turn; never where there is none.
async fn tick(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}
