//! The thread's work: read, aggregate, write, mend what can be mended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::MissedTickBehavior;

use super::{Command, LogHealth};
use crate::diag::Message;
use crate::flow::{Aggregator, Context, FlowSink as _, GapCause, Limits, Station};
use crate::nft::names::{ACCEPTED_GROUP, DENIED_GROUP};
use crate::store::flows::{FlowStore, StoreError};
use crate::sys::clock;
use crate::sys::nflog::{Batch, Nflog};

/// How often what is new is written: a record is visible after at most so
/// long, and the time of the write.
const WRITE_EVERY: Duration = Duration::from_millis(250);
/// How long until what failed is tried again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How often the clock's state is asked and the time of life noted.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// At the end, the kernel has handed over everything once it is quiet so long.
const DRAIN_QUIET: Duration = Duration::from_millis(60);
/// The end is not put off for longer.
const DRAIN_AT_MOST: Duration = Duration::from_secs(1);
/// How often old records are looked for.
const RETAIN_EVERY: Duration = Duration::from_secs(600);
/// How many are deleted before packets are read again.
const RETAIN_AT_ONCE: usize = 2_000;

/// One NFLOG group, or the wish for it.
struct Source {
    group: u16,
    socket: Option<Nflog>,
    /// Since when it is not read.
    unread_since: Option<Timestamp>,
}

impl Source {
    fn new(group: u16) -> Self {
        Self { group, socket: None, unread_since: None }
    }

    /// The next packets; waits without end while the group is not bound.
    async fn recv(&mut self) -> io::Result<Batch> {
        match &mut self.socket {
            Some(socket) => socket.recv().await,
            None => std::future::pending().await,
        }
    }
}

/// All that the thread owns.
pub(super) struct Worker {
    state: PathBuf,
    context: Arc<Context>,
    health: Arc<Mutex<LogHealth>>,
    started: Instant,
    denied: Source,
    accepted: Source,
    aggregator: Aggregator,
    /// True once the records' numbers follow those of a store.
    numbered: bool,
    store: Option<FlowStore>,
    next_try: Instant,
    next_look: Instant,
    next_retain: Instant,
    /// What failed last, of the groups and of the store.
    errors: [Option<Message>; 2],
}

const OF_GROUPS: usize = 0;
const OF_STORE: usize = 1;

impl Worker {
    pub(super) fn new(state: PathBuf, context: Arc<Context>, health: Arc<Mutex<LogHealth>>) -> Self {
        let station = Station {
            hostname: rustix::system::uname().nodename().to_string_lossy().into(),
            boot_id: clock::boot_id().into(),
            clock_synced: clock::synchronised(),
        };
        let now = Instant::now();
        Self {
            state,
            context,
            health,
            started: now,
            denied: Source::new(DENIED_GROUP),
            accepted: Source::new(ACCEPTED_GROUP),
            aggregator: Aggregator::new(station, Limits::default(), 1),
            numbered: false,
            store: None,
            next_try: now,
            next_look: now,
            next_retain: now,
            errors: [None, None],
        }
    }

    /// Works until told to end, or until the handle is gone.
    pub(super) async fn run(&mut self, mut commands: UnboundedReceiver<Command>) {
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let done = loop {
            let (batch, source) = tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Context(context)) => {
                        self.change_context(context);
                        continue;
                    }
                    Some(Command::Shutdown(done)) => break Some(done),
                    None => break None,
                },
                _ = ticks.tick() => {
                    self.tick();
                    continue;
                }
                batch = self.denied.recv() => (batch, DENIED_GROUP),
                batch = self.accepted.recv() => (batch, ACCEPTED_GROUP),
            };
            self.take(source, batch);
        };
        self.drain().await;
        self.finish();
        done.into_iter().for_each(|d| {
            // Whoever asked may have given up waiting.
            let _ = d.send(());
        });
    }

    /// Reads what the kernel still holds: it gathers packets for a moment. A
    /// flood has no end; then the time until the next start is a gap.
    async fn drain(&mut self) {
        let end = Instant::now() + DRAIN_AT_MOST;
        while Instant::now() < end {
            let (batch, source) = tokio::select! {
                batch = self.denied.recv() => (batch, DENIED_GROUP),
                batch = self.accepted.recv() => (batch, ACCEPTED_GROUP),
                () = tokio::time::sleep(DRAIN_QUIET) => return,
            };
            self.take(source, batch);
        }
    }

    fn change_context(&mut self, context: Arc<Context>) {
        let moved = self.folder(&context) != self.folder(&self.context);
        self.context = context;
        self.next_retain = Instant::now();
        if moved {
            // What was seen belongs to the old place; what cannot be written there is lost.
            self.aggregator.flush();
            self.write();
            self.store = None;
            self.give_up(GapCause::Store, 1);
            self.numbered = false;
            self.next_try = Instant::now();
        }
    }

    fn folder(&self, context: &Context) -> PathBuf {
        self.state.join(&context.settings().store)
    }

    /// Counts what one read of a group gave.
    fn take(&mut self, group: u16, batch: io::Result<Batch>) {
        let at = Timestamp::now();
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                let source = if group == DENIED_GROUP { &mut self.denied } else { &mut self.accepted };
                source.socket = None;
                source.unread_since = Some(at);
                self.next_try = Instant::now() + RETRY_AFTER;
                return self.fail(OF_GROUPS, Message::new("log-nflog-io").with("error", error.to_string()));
            }
        };
        let now = self.started.elapsed();
        let (mut kept, mut lost) = (0, batch.lost);
        let before = self.aggregator.next_seq();
        for packet in &batch.packets {
            if self.aggregator.packet(now, packet, &self.context) {
                kept += 1;
            } else {
                lost += 1;
            }
        }
        let missing = [(GapCause::Sequence, batch.lost, 1), (GapCause::Overrun, u64::from(batch.overrun), 0)];
        for (cause, times, packets_each) in missing {
            if times > 0 {
                self.gap(cause, (at, at), times * packets_each);
            }
        }
        if batch.unreadable > 0 {
            self.gap(GapCause::Unreadable, (at, at), batch.unreadable);
            lost += batch.unreadable;
        }
        let begun = self.aggregator.next_seq() - before;
        self.note(|health| {
            health.records += begun;
            health.packets += kept;
            health.lost_packets += lost;
        });
    }

    fn gap(&mut self, cause: GapCause, span: (Timestamp, Timestamp), packets: u64) {
        // 0 stands for a number that is not known, never for none.
        let count = if packets == 0 { "unknown".to_owned() } else { packets.to_string() };
        tracing::warn!(cause = cause.as_str(), packets = count, "the flow log has a gap");
        self.aggregator.gap(cause, span, packets);
        self.note(|health| health.gaps += 1);
    }

    /// Everything that happens by the clock.
    fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.next_try {
            self.bind();
            if self.store.is_none() {
                self.open_store();
            }
            if self.errors.iter().any(Option::is_some) {
                self.next_try = now + RETRY_AFTER;
            }
        }
        self.write();
        if now >= self.next_look {
            self.next_look = now + LOOK_EVERY;
            self.aggregator.set_clock_synced(clock::synchronised());
            if let Some(store) = &mut self.store
                && let Err(error) = store.set_alive(Timestamp::now())
            {
                self.store_failed(&error);
            }
        }
        if now >= self.next_retain {
            self.next_retain = now + RETAIN_EVERY;
            self.retain();
        }
    }

    /// Binds what is not bound.
    fn bind(&mut self) {
        let mut error = None;
        let mut unread = Vec::new();
        for source in [&mut self.denied, &mut self.accepted] {
            if source.socket.is_some() {
                continue;
            }
            match Nflog::open(source.group) {
                Ok(socket) => {
                    source.socket = Some(socket);
                    unread.extend(source.unread_since.take());
                }
                Err(refused) => {
                    source.unread_since.get_or_insert_with(Timestamp::now);
                    error = Some(refused.message());
                }
            }
        }
        for since in unread {
            self.gap(GapCause::Unread, (since, Timestamp::now()), 0);
        }
        match error {
            Some(error) => self.fail(OF_GROUPS, error),
            None => self.mended(OF_GROUPS),
        }
    }

    /// Opens the store; a damaged one is set aside for a new one.
    fn open_store(&mut self) {
        let folder = self.folder(&self.context);
        let opened = match FlowStore::open(&folder) {
            Err(StoreError::Damaged { path, detail }) => {
                self.set_aside(&folder, &StoreError::Damaged { path, detail }).and_then(|()| FlowStore::open(&folder))
            }
            other => other,
        };
        match opened.and_then(|store| self.adopt(store)) {
            Ok(()) => self.mended(OF_STORE),
            Err(error) => self.fail(OF_STORE, error.message()),
        }
    }

    /// Goes on in `store`: with its numbers, unless the records that wait have
    /// numbers of it already.
    fn adopt(&mut self, mut store: FlowStore) -> Result<(), StoreError> {
        let next = store.next_seq()?;
        if self.numbered && self.aggregator.first_waiting().is_some_and(|seq| seq < next) {
            // Another file than before: its records are not ours to touch.
            self.give_up(GapCause::Store, next);
        }
        if !self.numbered {
            self.aggregator.number_from(next);
            self.numbered = true;
            if let Some(alive) = store.last_alive()? {
                let now = Timestamp::now();
                self.gap(GapCause::Stopped, (alive.min(now), now), 0);
            }
        }
        self.note(|health| health.store_path = store.path().to_owned());
        self.store = Some(store);
        Ok(())
    }

    fn set_aside(&mut self, folder: &Path, damage: &StoreError) -> Result<(), StoreError> {
        let at = Timestamp::now();
        match crate::store::flows::set_aside(folder, at) {
            Ok(aside) => {
                tracing::error!(error = %damage, aside = %aside.display(), "the flow log was set aside");
                self.gap(GapCause::Damaged, (at, at), 0);
                // The new store's numbers go on, so that none means two records.
                self.numbered = true;
                Ok(())
            }
            Err(error) => Err(StoreError::Failed { path: folder.to_owned(), detail: error.to_string() }),
        }
    }

    /// Writes what is new; what cannot be written waits.
    fn write(&mut self) {
        let changes = self.aggregator.changes(self.started.elapsed());
        let Some(store) = &mut self.store else { return };
        if changes.is_empty() {
            return;
        }
        match store.write(changes) {
            Ok(()) => self.aggregator.written(),
            Err(error) => self.store_failed(&error),
        }
    }

    fn store_failed(&mut self, error: &StoreError) {
        self.store = None;
        self.next_try = Instant::now() + RETRY_AFTER;
        if matches!(error, StoreError::Damaged { .. }) {
            let folder = self.folder(&self.context);
            // Totals of records that lie in the damaged file are of no use in
            // the next; open flows begin new records there.
            if self.set_aside(&folder, error).is_ok() {
                let next = self.aggregator.next_seq();
                self.give_up(GapCause::Damaged, next);
                self.next_try = Instant::now();
            }
        }
        self.fail(OF_STORE, error.message());
    }

    /// Ends every open record; what waits unwritten becomes a gap.
    fn give_up(&mut self, cause: GapCause, next_seq: u64) {
        let lost = self.aggregator.abandon(cause, Timestamp::now(), next_seq);
        self.note(|health| health.lost_packets += lost);
    }

    fn retain(&mut self) {
        let Some(days) = self.context.settings().retention_days else { return };
        let Some(store) = &mut self.store else { return };
        let before = Timestamp::now() - SignedDuration::from_hours(24 * i64::from(days));
        match store.retain(before, RETAIN_AT_ONCE) {
            Ok(RETAIN_AT_ONCE) => self.next_retain = Instant::now(),
            Ok(_) => {}
            Err(error) => self.store_failed(&error),
        }
    }

    /// The last write.
    fn finish(&mut self) {
        if self.store.is_none() {
            self.open_store();
        }
        let changes = self.aggregator.flush();
        let result = match &mut self.store {
            Some(store) if !changes.is_empty() => store.write(changes).map_err(|e| e.to_string()),
            Some(_) => Ok(()),
            None => Err(self.errors[OF_STORE].as_ref().map(Message::to_string).unwrap_or_default()),
        };
        if let Err(error) = result {
            let packets: u64 = changes.opened.iter().map(|r| r.packets).sum();
            tracing::error!(
                error,
                packets,
                records = changes.opened.len(),
                "records could not be written and are lost"
            );
        }
        self.denied.socket = None;
        self.accepted.socket = None;
        self.store = None;
    }

    fn fail(&mut self, what: usize, message: Message) {
        if self.errors[what].as_ref() != Some(&message) {
            tracing::error!(error = %message, "the flow log");
        }
        self.errors[what] = Some(message);
        self.say();
    }

    fn mended(&mut self, what: usize) {
        self.errors[what] = None;
        self.say();
    }

    fn say(&mut self) {
        let (reading, storing) = (self.denied.socket.is_some() && self.accepted.socket.is_some(), self.store.is_some());
        let error = self.errors.iter().flatten().next_back().cloned();
        self.note(|health| {
            health.reading = reading;
            health.storing = storing;
            health.last_error = error;
        });
    }

    fn note(&self, change: impl FnOnce(&mut LogHealth)) {
        change(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
