//! The log's own thread: packets from the kernel into records in the store.
//!
//! Owns the NFLOG groups, the aggregation and the store, so that neither a
//! flood nor a slow disk holds up the daemon. Whatever fails here is said in
//! [`LogHealth`] and counted; enforcing goes on.

mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::diag::Message;
use crate::flow::Context;
use worker::Worker;

/// How the log is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogHealth {
    /// Records begun since the daemon started.
    pub records: u64,
    /// Packets in them.
    pub packets: u64,
    /// Times that something was found missing.
    pub gaps: u64,
    /// Packets known to be missing from the records.
    pub lost_packets: u64,
    /// True while both groups are read.
    pub reading: bool,
    /// True while records are written.
    pub storing: bool,
    /// What failed last, while it has not been mended.
    pub last_error: Option<Message>,
    /// The store's file.
    pub store_path: PathBuf,
}

enum Command {
    Context(Arc<Context>),
    Shutdown(oneshot::Sender<()>),
}

/// The handle; dropping it ends the thread after a last write.
#[derive(Debug)]
pub struct LogTask {
    commands: UnboundedSender<Command>,
    health: Arc<Mutex<LogHealth>>,
    thread: JoinHandle<()>,
}

impl LogTask {
    /// Starts reading in the caller's network namespace and writing under the
    /// state folder, where the policy's `log.store` says. A group that is busy
    /// or a store that does not open is tried again and again.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(state: &Path, context: Arc<Context>) -> io::Result<Self> {
        let (commands, received) = unbounded_channel();
        let health = Arc::new(Mutex::new(LogHealth::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut worker = Worker::new(state.to_owned(), context, health.clone());
        let thread =
            std::thread::Builder::new().name("log".into()).spawn(move || runtime.block_on(worker.run(received)))?;
        Ok(Self { commands, health, thread })
    }

    /// The policy from now on; packets read later are recorded under it.
    pub fn set_context(&self, context: Arc<Context>) {
        // A thread that ended says so in its health.
        let _ = self.commands.send(Command::Context(context));
    }

    /// How it is.
    pub fn health(&self) -> LogHealth {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.thread.is_finished() {
            health.reading = false;
            health.storing = false;
        }
        health
    }

    /// Closes every open record, writes, and ends the thread.
    pub async fn shutdown(self) {
        let (done, ended) = oneshot::channel();
        if self.commands.send(Command::Shutdown(done)).is_ok() {
            // An error says that the thread ended by itself.
            let _ = ended.await;
        }
    }
}

#[cfg(test)]
mod tests;
