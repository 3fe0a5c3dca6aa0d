//! What entries are used for: its own thread hears of flows that end, and
//! answers `usage`.
//!
//! Flows are counted by the kernel, entry by entry. Their traffic is conntrack's
//! own account, credited through the connection's mark when the flow ends; to
//! an answer the open flows are added. While no flow ends the thread sleeps.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::protocol::{Refusal, accepted};
use super::run::Settings;
use crate::diag::{Lang, Message};
use crate::nft::names::entry_counter;
use crate::policy::Policy;
use crate::rules;
use crate::store::usage::{Count, Ledger, Totals};
use crate::sys::clock;
use crate::sys::conntrack::{Conntrack, Traffic};
use crate::sys::endings::{self, Batch, Endings};
use crate::sys::nft::Nft;

/// What was heard is written so long after the first of it.
const WRITE_AFTER: Duration = Duration::from_secs(60);
/// How long reading the kernel's counters may take.
const COUNTERS_TIME: Duration = Duration::from_secs(5);

/// An entry, as usage needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// The mark of its connections.
    pub mark: u32,
}

enum Command {
    Entries(Vec<Entry>),
    Ask(oneshot::Sender<Map<String, Value>>),
    Shutdown(oneshot::Sender<()>),
}

/// The handle; dropping it ends the thread after a last write.
#[derive(Debug)]
pub struct UsageTask {
    commands: UnboundedSender<Command>,
    _thread: JoinHandle<()>,
}

impl UsageTask {
    /// Starts listening in the caller's network namespace, and keeps what it
    /// hears under the state folder.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(state: &Path, nft: &Nft) -> io::Result<Self> {
        let (commands, received) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (state, nft) = (state.to_owned(), nft.clone().timeout(COUNTERS_TIME));
        let thread = std::thread::Builder::new().name("usage".into()).spawn(move || {
            runtime.block_on(async { Worker::new(state, nft).run(received).await });
        })?;
        Ok(Self { commands, _thread: thread })
    }

    /// The entries from now on, in reading order.
    pub fn set_entries(&self, entries: Vec<Entry>) {
        // A thread that ended answers nobody, and the caller is told.
        let _ = self.commands.send(Command::Entries(entries));
    }

    /// Asks; the receiver fails if the thread has ended.
    pub fn ask(&self) -> oneshot::Receiver<Map<String, Value>> {
        let (answer, answered) = oneshot::channel();
        // As above.
        let _ = self.commands.send(Command::Ask(answer));
        answered
    }

    /// Writes and ends the thread.
    pub async fn shutdown(self) {
        let (done, ended) = oneshot::channel();
        if self.commands.send(Command::Shutdown(done)).is_ok() {
            // An error says that the thread ended by itself.
            let _ = ended.await;
        }
    }
}

/// Starts counting, if that has not begun, for the entries of what is in force.
pub(super) fn follow(task: &mut Option<UsageTask>, settings: &Settings, policy: Option<&Policy>) {
    if task.is_none() {
        match UsageTask::start(&settings.state, &settings.nft) {
            Ok(started) => *task = Some(started),
            Err(error) => tracing::error!(%error, "usage"),
        }
    }
    let entries = policy.map_or_else(Vec::new, |policy| {
        let entries = policy.entries.iter().zip(rules::marks(policy));
        entries.map(|(entry, mark)| Entry { id: entry.id.clone(), title: entry.title.clone(), mark }).collect()
    });
    if let Some(task) = task {
        task.set_entries(entries);
    }
}

/// Answers `usage` beside the loop.
pub(super) fn answer(task: Option<&UsageTask>, answer: oneshot::Sender<Value>, lang: Lang) {
    let asked = task.map(UsageTask::ask);
    tokio::spawn(async move {
        let told = match asked {
            Some(asked) => asked.await.ok(),
            None => None,
        };
        let none = || Refusal::new("no-usage", Message::new("daemon-no-usage")).to_answer(lang);
        // Who asked may have gone.
        let _ = answer.send(told.map_or_else(none, accepted));
    });
}

/// Open flows of an entry.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    flows: u64,
    traffic: Count,
    /// Of them, those whose traffic is not counted.
    unmeasured: u64,
}

struct Worker {
    state: PathBuf,
    nft: Nft,
    ledger: Ledger,
    entries: Vec<Entry>,
    /// Every entry since the start, by mark: a flow may outlive its entry.
    ids: HashMap<u32, String>,
    endings: Option<Endings>,
    /// When to write what was heard since the last write.
    write_at: Option<Instant>,
    /// Why traffic is not counted.
    accounting: Option<String>,
    /// Why ends are not heard, or not kept.
    error: Option<String>,
}

impl Worker {
    fn new(state: PathBuf, nft: Nft) -> Self {
        let (now, boot) = (Timestamp::now(), clock::boot_id());
        let accounting = endings::account().err().map(|error| error.to_string());
        let (endings, mut error) = match Endings::open() {
            Ok(endings) => (Some(endings), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let ledger = Ledger::load(&state, now, &boot).unwrap_or_else(|unread| {
            error = Some(unread.to_string());
            Ledger::new(now, &boot)
        });
        for why in accounting.iter().chain(&error) {
            tracing::warn!(error = %why, "usage");
        }
        let (entries, ids) = (Vec::new(), HashMap::new());
        Self { state, nft, ledger, entries, ids, endings, write_at: None, accounting, error }
    }

    async fn run(&mut self, mut commands: UnboundedReceiver<Command>) {
        let done = loop {
            let write_at = self.write_at;
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Entries(entries)) => {
                        // What an entry that is gone counted since the last look went with its counter.
                        self.ids.extend(entries.iter().map(|entry| (entry.mark, entry.id.clone())));
                        self.entries = entries;
                        self.write_at.get_or_insert_with(|| Instant::now() + WRITE_AFTER);
                    }
                    Some(Command::Ask(answer)) => {
                        let report = self.report().await;
                        // Who asked may have gone.
                        let _ = answer.send(report);
                    }
                    Some(Command::Shutdown(done)) => break Some(done),
                    None => break None,
                },
                batch = heard(&mut self.endings) => self.take(batch),
                () = tokio::time::sleep_until(write_at.unwrap_or_else(Instant::now)), if write_at.is_some() => {
                    self.look().await;
                    self.write();
                }
            }
        };
        self.look().await;
        self.write();
        done.into_iter().for_each(|done| {
            // Whoever asked may have given up waiting.
            let _ = done.send(());
        });
    }

    fn take(&mut self, batch: io::Result<Batch>) {
        let now = Timestamp::now();
        match batch {
            Ok(batch) => {
                self.ledger.overruns += u64::from(batch.overrun);
                for ended in batch.ended {
                    if let Some(id) = self.ids.get(&ended.mark) {
                        self.ledger.ended(id, ended.traffic.map(count), now);
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, "usage");
                self.error = Some(error.to_string());
                self.endings = None;
            }
        }
        self.write_at.get_or_insert_with(|| Instant::now() + WRITE_AFTER);
    }

    /// Reads the kernel's counters.
    async fn look(&mut self) -> Option<String> {
        let listing = match self.nft.list_counters().await {
            Ok(listing) => listing.unwrap_or_default(),
            Err(error) => return Some(error.to_string()),
        };
        let counters = counters(&listing);
        let now = Timestamp::now();
        for id in self.ids.values() {
            self.ledger.counter(id, counters.get(&*entry_counter(id)).copied(), now);
        }
        None
    }

    fn write(&mut self) {
        self.write_at = None;
        if let Err(error) = self.ledger.save(&self.state, Timestamp::now()) {
            tracing::warn!(%error, "usage");
            self.error = Some(error.to_string());
        }
    }

    /// The flows that are open now, by mark.
    fn open(&self) -> io::Result<HashMap<u32, Open>> {
        let mut open: HashMap<u32, Open> = HashMap::new();
        Conntrack::open()?.each(|flow| {
            if flow.mark != 0 && !flow.dying() {
                let entry = open.entry(flow.mark).or_default();
                entry.flows += 1;
                match flow.traffic {
                    Some(traffic) => entry.traffic = entry.traffic.plus(count(traffic)),
                    None => entry.unmeasured += 1,
                }
            }
            Ok(())
        })?;
        Ok(open)
    }

    /// The answer to `usage`; written down too.
    async fn report(&mut self) -> Map<String, Value> {
        let unread = self.look().await;
        let (open, untold) = match self.open() {
            Ok(open) => (open, None),
            Err(error) => (HashMap::new(), Some(error.to_string())),
        };
        self.write();
        let now = Timestamp::now();
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| {
                let open = open.get(&entry.mark).copied().unwrap_or_default();
                self.row(entry, &self.ledger.of(&entry.id), open, now)
            })
            .collect();
        let unused: Vec<&Value> =
            entries.iter().filter(|row| row["flows"] == 0 && row["open"] == 0).map(|row| &row["id"]).collect();
        let errors: Vec<String> =
            [&self.accounting, &self.error, &unread, &untold].into_iter().flatten().cloned().collect();
        Map::from_iter([
            ("time".to_owned(), json!(now)),
            ("since".to_owned(), json!(self.ledger.since)),
            ("measured".to_owned(), json!(if self.accounting.is_none() { "flows" } else { "opening" })),
            ("listening".to_owned(), json!(self.endings.is_some())),
            ("gaps".to_owned(), json!(self.ledger.gaps)),
            ("overruns".to_owned(), json!(self.ledger.overruns)),
            ("errors".to_owned(), json!(errors)),
            ("unused".to_owned(), json!(unused)),
            ("entries".to_owned(), json!(entries)),
        ])
    }

    fn row(&self, entry: &Entry, totals: &Totals, open: Open, now: Timestamp) -> Value {
        let opened = totals.opened();
        let traffic = if self.accounting.is_none() { totals.ended.plus(open.traffic) } else { opened };
        json!({
            "id": entry.id,
            "title": entry.title,
            "flows": opened.packets,
            "open": open.flows,
            "packets": traffic.packets,
            "bytes": traffic.bytes,
            "unmeasured": totals.unmeasured + open.unmeasured,
            "last_used": if open.flows > 0 { Some(now) } else { totals.last_used },
        })
    }
}

/// The named counters of nft's listing.
pub(super) fn counters(listing: &Value) -> HashMap<&str, Count> {
    let objects = listing.get("nftables").and_then(Value::as_array).into_iter().flatten();
    objects
        .filter_map(|object| {
            let counter = object.get("counter")?;
            let number = |key: &str| counter.get(key).and_then(Value::as_u64);
            Some((counter.get("name")?.as_str()?, Count { packets: number("packets")?, bytes: number("bytes")? }))
        })
        .collect()
}

fn count(traffic: Traffic) -> Count {
    Count { packets: traffic.packets, bytes: traffic.bytes }
}

/// The next flows that end; waits without end where nobody listens.
async fn heard(endings: &mut Option<Endings>) -> io::Result<Batch> {
    match endings {
        Some(endings) => endings.recv().await,
        None => std::future::pending().await,
    }
}
