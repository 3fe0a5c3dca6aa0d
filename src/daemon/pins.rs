//! Keeps permanent neighbour entries in step with the policy in force
//! ([`crate::enforce::keep_pins`]): after every change of it, and whenever the
//! kernel tells that an interface or one of the entries has changed. A failure
//! is told and stops nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::run::Daemon;
use crate::diag::{Lang, Message};
use crate::enforce::{KeptPins, keep_pins};
use crate::policy::Policy;
use crate::sys::neighbours::{Event, Events};

/// Changes in the kernel come in swarms (an interface and its addresses); and
/// who fights us over an entry shall not take all our time.
const REST: Duration = Duration::from_millis(200);

/// How the last round went.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Entries that should be there.
    pub(super) wanted: usize,
    /// What could not be done.
    pub(super) failed: Vec<Message>,
}

/// The keeper; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Pins {
    policy: watch::Sender<Arc<Policy>>,
    health: Arc<Mutex<Health>>,
}

impl Daemon {
    /// Neighbour entries follow what is in force now; while no policy is known
    /// they stay as they are.
    pub(super) fn pin(&mut self) {
        let Some((set, at)) = &self.running else { return };
        let policy = set.policy.shared_as_of(*at);
        match &self.pins {
            Some(pins) => drop(pins.policy.send_replace(policy)),
            None => self.pins = Some(Pins::start(policy, &self.settings.state, self.settings.lang)),
        }
    }
}

impl Pins {
    /// Starts for a policy.
    fn start(policy: Arc<Policy>, state: &Path, lang: Lang) -> Self {
        let health = Arc::new(Mutex::new(Health::default()));
        let (sender, receiver) = watch::channel(policy);
        let keeper = Keeper { state: state.to_owned(), lang, health: Arc::clone(&health), last: KeptPins::default() };
        tokio::spawn(keeper.live(receiver));
        Self { policy: sender, health }
    }

    /// How it goes.
    pub(super) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Keeper {
    state: PathBuf,
    lang: Lang,
    health: Arc<Mutex<Health>>,
    last: KeptPins,
}

impl Keeper {
    async fn live(mut self, mut policy: watch::Receiver<Arc<Policy>>) {
        let mut events = match Events::open() {
            Ok(events) => Some(events),
            Err(error) => {
                self.deaf(&error);
                None
            }
        };
        loop {
            let current = Arc::clone(&policy.borrow_and_update());
            self.round(current).await;
            tokio::select! {
                changed = policy.changed() => if changed.is_err() { return },
                heard = self.hear(&mut events) => {
                    if let Err(error) = heard {
                        self.deaf(&error);
                        events = None;
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Waits for something that may have undone our work.
    async fn hear(&self, events: &mut Option<Events>) -> io::Result<()> {
        let Some(events) = events else { return std::future::pending().await };
        loop {
            let heard = events.next().await?;
            if heard.iter().any(|event| self.matters(event)) {
                return Ok(());
            }
        }
    }

    /// Our own entry as we want it, told back to us, is no news, nor is anybody else's.
    fn matters(&self, event: &Event) -> bool {
        match event {
            Event::Elsewhere => true,
            Event::Entry(addr, now) => {
                let mut wanted = self.last.wanted.iter().filter(|((_, ours), _)| ours == addr).map(|(_, mac)| *mac);
                wanted.any(|mac| *now != Some(mac))
            }
        }
    }

    async fn round(&mut self, policy: Arc<Policy>) {
        let state = self.state.clone();
        let done = tokio::task::spawn_blocking(move || keep_pins(&policy, &state)).await;
        let kept = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        let kept = kept.unwrap_or_else(|error| KeptPins {
            failed: vec![Message::new("enforce-pins-failed").with("cause", error.to_string())],
            wanted: self.last.wanted.clone(),
            ..KeptPins::default()
        });
        if kept.made > 0 || kept.removed > 0 {
            let line = Message::new("enforce-pins-kept").with("made", kept.made).with("removed", kept.removed);
            tracing::info!("{}", line.text(self.lang));
        }
        // The same failure again is no news.
        for message in kept.failed.iter().filter(|message| !self.last.failed.contains(message)) {
            tracing::error!("{}", message.text(self.lang));
        }
        self.tell(Health { wanted: kept.wanted.len(), failed: kept.failed.clone() });
        self.last = kept;
    }

    fn deaf(&self, error: &io::Error) {
        let message = Message::new("enforce-pins-deaf").with("cause", error.to_string());
        tracing::error!("{}", message.text(self.lang));
    }

    fn tell(&self, health: Health) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }
}
