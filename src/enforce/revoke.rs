//! Revocation: what a change no longer allows ends at once, open or not.
//!
//! Takes a ruleset, the policy that it enforces and the moment; gives what was
//! applied and what became of the open flows. The order is KERNEL.md §6's, and
//! no other closes every gap:
//!
//! 1. judge every open flow by the new policy;
//! 2. commit the change, and in the same transaction a cut for the flows that it
//!    denies: from this instant none of their packets passes, either way;
//! 3. delete them from connection tracking, then judge again until a pass finds
//!    none: a flow that opened under the old rules meanwhile goes with them;
//! 4. take the cut away. A late packet of theirs opens a flow or not by the new
//!    rules, from whichever side it comes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::apply::{Applied, EnforceError, Enforcer};
use super::sweep::{Fate, Sweep, cut_keys};
use crate::diag::Message;
use crate::nft::{Cut, Ruleset};
use crate::policy::{DenyReason, Established, Policy};
use crate::sys::conntrack::{Conntrack, Flow, Handle, Pass};
use crate::sys::nft::NftError;
use crate::sys::sockets::Sockets;

/// Passes after a commit, at most; the second usually finds nothing.
const PASSES: u32 = 8;
/// Passes begun anew because the kernel could not keep its answer, at most.
const TRIES: u32 = 3;
/// Flows deleted in one go.
const AT_ONCE: usize = 1024;
/// Flows remembered from the look before a change, at most: some ten megabytes.
/// What is beyond is found again after it.
const REMEMBERED: usize = 200_000;

/// What became of the open flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Revoked {
    /// Flows that were open when the change came.
    pub judged: u64,
    /// Flows deleted.
    pub cut: u64,
    /// Those of them whose interface or MAC was not known: perhaps allowed, cut all the same.
    pub uncertain: u64,
    /// Passes over the table; the last found nothing to cut.
    pub passes: u32,
    /// Entries of the table that could not be read, and so were neither judged nor cut.
    pub unreadable: u64,
}

impl Revoked {
    /// The words for people.
    pub fn message(&self) -> Message {
        Message::new("enforce-revoked")
            .with("cut", self.cut)
            .with("judged", self.judged)
            .with("uncertain", self.uncertain)
            .with("unreadable", self.unreadable)
    }
}

/// Why it is not sure that every denied flow is cut. The change itself is in force.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The connection-tracking or routing table could not be read or changed.
    #[error("connection tracking: {0}")]
    Table(#[from] io::Error),
    /// The cut could not be taken away; the next apply does it.
    #[error("the cut stands: {0}")]
    CutStands(NftError),
    /// New denied flows were found in every pass.
    #[error("denied flows are left after {PASSES} passes")]
    Unsettled,
}

impl RevokeError {
    /// The words for people.
    pub fn message(&self) -> Message {
        match self {
            Self::Table(error) => Message::new("enforce-revoke-table").with("cause", error.to_string()),
            Self::CutStands(error) => Message::new("enforce-revoke-cut").with("cause", error.to_string()),
            Self::Unsettled => Message::new("enforce-revoke-unsettled").with("passes", u64::from(PASSES)),
        }
    }
}

/// A change that is in force.
#[derive(Debug)]
pub struct Change {
    /// What was sent.
    pub applied: Applied,
    /// What became of open flows. After an error call [`Enforcer::revoke`] again.
    pub revoked: Result<Revoked, RevokeError>,
}

impl Enforcer {
    /// Makes the kernel's table equal to `next`, as [`Enforcer::apply`], and
    /// cuts the open flows that `policy`, whose ruleset it is, denies at `at`:
    /// both ways, with the commit itself. What manages the gateway is kept.
    ///
    /// Every change goes through here: a reload, an entry's end or start, a
    /// rollback. Reads the tables on a thread for blocking work, in the network
    /// namespace of the calling one. If dropped half-way, the next apply puts
    /// things right.
    ///
    /// # Errors
    /// As [`Enforcer::apply`]: what ran before runs on, and no flow was cut.
    pub async fn apply_and_revoke(
        &mut self,
        next: &Ruleset,
        policy: &Arc<Policy>,
        at: Timestamp,
        established: Established,
    ) -> Result<Change, EnforceError> {
        let seen = look(policy, at, established).await;
        let (seen, cut) = match seen {
            Ok((seen, cut)) => (Some(seen), cut),
            Err(error) => {
                // New flows at least are closed now; then it is tried again.
                tracing::error!(%error, "open flows could not be judged before the change");
                (None, Cut::default())
            }
        };
        let applied = self.commit(next, &cut).await?;
        let cleared = match seen {
            Some(seen) => blocking(move || seen.clear()).await,
            None => clear(policy, at, established).await,
        };
        let removed = self.take_away(&cut).await;
        let revoked = cleared.and_then(|revoked| removed.map(|()| revoked).map_err(RevokeError::CutStands));
        Ok(Change { applied, revoked })
    }

    /// Cuts the open flows that `policy`, whose ruleset is in the kernel, denies
    /// at `at`: what is left to do where [`Change::revoked`] is an error.
    ///
    /// # Errors
    /// Some denied flow may be left.
    pub async fn revoke(
        &self,
        policy: &Arc<Policy>,
        at: Timestamp,
        established: Established,
    ) -> Result<Revoked, RevokeError> {
        clear(policy, at, established).await
    }
}

/// What one look at the flows gave, and what the next needs.
struct Seen {
    sweep: Sweep,
    established: Established,
    revoked: Revoked,
    /// Flows to delete once the change is in force.
    doomed: Vec<(Handle, Doom)>,
}

/// The first pass, before a change: nothing is deleted yet.
async fn look(policy: &Arc<Policy>, at: Timestamp, established: Established) -> Result<(Seen, Cut), RevokeError> {
    let policy = Arc::clone(policy);
    blocking(move || {
        let mut seen = Seen::new(policy, at, established)?;
        let mut cut = Cut::default();
        let mut doomed = Vec::new();
        seen.pass(|flow, doom| {
            for key in cut_keys(flow) {
                cut.add(key, doom.reason);
            }
            if doomed.len() < REMEMBERED {
                doomed.push((flow.handle(), doom));
            }
            Ok(())
        })?;
        seen.doomed = doomed;
        Ok((seen, cut))
    })
    .await
}

/// Deletes what is denied, without a cut before it.
async fn clear(policy: &Arc<Policy>, at: Timestamp, established: Established) -> Result<Revoked, RevokeError> {
    let policy = Arc::clone(policy);
    blocking(move || Seen::new(policy, at, established)?.clear()).await
}

/// Runs work that waits for the kernel beside the loop.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RevokeError> + Send + 'static,
) -> Result<T, RevokeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(RevokeError::Table(io::Error::other(error))),
    }
}

impl Seen {
    fn new(policy: Arc<Policy>, at: Timestamp, established: Established) -> Result<Self, RevokeError> {
        Ok(Self { sweep: Sweep::new(policy, at)?, established, revoked: Revoked::default(), doomed: Vec::new() })
    }

    /// Hands every flow to cut to `each`.
    fn pass(&mut self, mut each: impl FnMut(&Flow<'_>, Doom) -> io::Result<()>) -> Result<Pass, RevokeError> {
        for tried in 1.. {
            let mut table = Conntrack::open()?;
            let pass = table.each(|flow| match self.sweep.fate(flow)? {
                Fate::Cut { reason, uncertain } if !flow.dying() && ends(self.established, reason) => {
                    each(flow, Doom { reason, uncertain, own: self.sweep.own(flow) })
                }
                _ => Ok(()),
            });
            match pass {
                Ok(pass) => {
                    self.revoked.judged = self.revoked.judged.max(pass.flows);
                    self.revoked.unreadable = self.revoked.unreadable.max(pass.unreadable);
                    self.revoked.passes += 1;
                    return Ok(pass);
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) && tried < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RevokeError::Unsettled)
    }

    /// Deletes what is denied: what the look before the change found, then pass
    /// by pass until one finds nothing.
    fn clear(mut self) -> Result<Revoked, RevokeError> {
        let mut killer = Killer::new()?;
        for (handle, doom) in std::mem::take(&mut self.doomed) {
            killer.take(handle, doom)?;
        }
        self.count(killer)?;
        for _ in 0..PASSES {
            let mut killer = Killer::new()?;
            let pass = self.pass(|flow, doom| killer.take(flow.handle(), doom))?;
            let found = self.count(killer)?;
            if found == 0 && !pass.interrupted {
                return Ok(self.revoked);
            }
        }
        Err(RevokeError::Unsettled)
    }

    /// Ends a killer's work; gives how many flows it was handed.
    fn count(&mut self, mut killer: Killer) -> Result<u64, RevokeError> {
        killer.strike()?;
        self.revoked.cut += killer.killed;
        self.revoked.uncertain += killer.uncertain;
        Ok(killer.found)
    }
}

/// True if a flow denied for this reason is cut.
fn ends(established: Established, reason: DenyReason) -> bool {
    match established {
        Established::Revoke => true,
        Established::Keep => matches!(reason, DenyReason::Expired | DenyReason::OutsideWindow),
    }
}

/// What is known of a flow to cut.
struct Doom {
    reason: DenyReason,
    uncertain: bool,
    /// Local and remote end of a TCP connection of the gateway's own.
    own: Option<(SocketAddr, SocketAddr)>,
}

/// Deletes flows while the table is being read.
struct Killer {
    table: Conntrack,
    sockets: Sockets,
    waiting: Vec<Handle>,
    found: u64,
    uncertain: u64,
    killed: u64,
}

impl Killer {
    fn new() -> io::Result<Self> {
        let (table, sockets) = (Conntrack::open()?, Sockets::open()?);
        Ok(Self { table, sockets, waiting: Vec::new(), found: 0, uncertain: 0, killed: 0 })
    }

    fn take(&mut self, flow: Handle, doom: Doom) -> io::Result<()> {
        self.found += 1;
        self.uncertain += u64::from(doom.uncertain);
        if let Some((local, remote)) = doom.own {
            // Else the gateway's next segment would open the flow from its side.
            if let Err(error) = self.sockets.abort_tcp(local, remote) {
                tracing::warn!(%local, %remote, %error, "a connection of the gateway's own could not be aborted");
                self.sockets = Sockets::open()?;
            }
        }
        self.waiting.push(flow);
        if self.waiting.len() < AT_ONCE { Ok(()) } else { self.strike() }
    }

    fn strike(&mut self) -> io::Result<()> {
        self.killed += self.table.delete(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}
