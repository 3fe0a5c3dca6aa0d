//! What a policy is at an instant: the ledger's dates, and the next change of all.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::{HostId, Policy};

/// A ledger's dates of a host: half-open, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Validity {
    /// First instant; none = since ever.
    pub from: Option<Timestamp>,
    /// First instant no longer; none = without end.
    pub until: Option<Timestamp>,
}

impl Validity {
    /// True if the host is declared at `at`.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// True if some instant lies in both.
    pub fn meets(&self, other: &Self) -> bool {
        let begins = |a: &Self, b: &Self| !matches!((a.from, b.until), (Some(from), Some(until)) if until <= from);
        begins(self, other) && begins(other, self)
    }

    /// What lies in both.
    fn and(&self, other: &Self) -> Self {
        // No start sorts before every start.
        let until = [self.until, other.until].into_iter().flatten().min();
        Self { from: self.from.max(other.from), until }
    }

    /// Its dates, at most two.
    pub fn dates(&self) -> impl Iterator<Item = Timestamp> {
        self.from.into_iter().chain(self.until)
    }
}

impl Policy {
    /// The policy as its ledger stands at `at`: a host outside its dates has no
    /// address and no MAC, nor has one behind it (`via`). Whoever judges,
    /// compiles or proves at an instant does it with this. Schedules stay as
    /// they are.
    ///
    /// What manages the gateway is never cut by a date: a host of
    /// `gateway.management`, and one that it is behind, is always declared.
    pub fn as_of(&self, at: Timestamp) -> Cow<'_, Self> {
        let kept = self.always_declared();
        // Nothing is to be taken twice: the policy of a moment, asked for that moment, is itself.
        let has = |id: HostId| !self.host(id).ips.is_empty() || !self.host(id).macs.is_empty();
        let gone = |id: HostId| has(id) && !self.declared(id, &kept).contains(at);
        let gone: Vec<HostId> = (0..self.hosts.len()).map(HostId).filter(|id| gone(*id)).collect();
        if gone.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut policy = self.clone();
        for HostId(index) in gone {
            let host = &mut policy.hosts[index];
            host.ips.clear();
            host.macs.clear();
            host.via = None;
        }
        Cow::Owned(policy)
    }

    /// As [`Self::as_of`], shared where nothing differs.
    pub fn shared_as_of(self: &Arc<Self>, at: Timestamp) -> Arc<Self> {
        match self.as_of(at) {
            Cow::Borrowed(_) => Arc::clone(self),
            Cow::Owned(policy) => Arc::new(policy),
        }
    }

    /// When a host counts as declared: within its own dates and those of the host
    /// it is behind. `kept` is [`Self::always_declared`], asked once for many hosts.
    pub fn declared(&self, id: HostId, kept: &[HostId]) -> Validity {
        let both = [Some(id), self.host(id).via].into_iter().flatten().filter(|id| !kept.contains(id));
        both.fold(Validity::default(), |all, id| all.and(&self.host(id).valid))
    }

    /// The hosts to which dates do not apply.
    pub fn always_declared(&self) -> Vec<HostId> {
        let managers = self.gateway.management.iter().map(|management| management.host);
        managers.flat_map(|id| [Some(id), self.host(id).via]).flatten().collect()
    }

    /// The first instant after `after` at which some entry changes status or
    /// some host is declared or no longer.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let entries = self.entries.iter().filter_map(|entry| entry.schedule.next_change(after));
        let hosts = self.hosts.iter().flat_map(|host| host.valid.dates()).filter(|date| *date > after);
        entries.chain(hosts).min()
    }

    /// Every date that entries, hosts and expectations name.
    pub fn dates(&self) -> impl Iterator<Item = Timestamp> {
        let entries = self.entries.iter().flat_map(|entry| entry.schedule.dates());
        let hosts = self.hosts.iter().flat_map(|host| host.valid.dates());
        entries.chain(hosts).chain(self.expectations.iter().filter_map(|expectation| expectation.at))
    }
}
