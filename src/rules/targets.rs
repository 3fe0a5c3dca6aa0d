//! The second question: which destinations a class meets, and under which entries.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::AddrRange;
use crate::policy::{Endpoint, Policy, ZoneId};

use super::classes::{ClassKey, Tokens};
use super::partition::partition_addresses;
use super::services::Member;

/// The entries (and a zone's own routing) that match a source and a destination.
pub type NodeKey = BTreeSet<Member>;

/// Where one entry leads.
#[derive(Default)]
struct Destinations {
    narrow: Vec<(ZoneId, AddrRange)>,
    wide: Vec<ZoneId>,
    gateway: bool,
}

/// The destinations of every entry, expanded once.
pub struct Directory {
    entries: Vec<Destinations>,
}

/// What one class meets.
#[derive(Default)]
pub struct ClassTargets {
    /// Addresses in a zone that differ from the rest of it.
    pub narrow: Vec<(ZoneId, AddrRange, NodeKey)>,
    /// Zones as a whole.
    pub wide: BTreeMap<ZoneId, NodeKey>,
    /// The gateway.
    pub gateway: NodeKey,
}

impl Directory {
    /// Expands the `to` endpoints of all entries.
    pub fn new(policy: &Policy) -> Self {
        let entries = policy.entries.iter().map(|entry| destinations(policy, &entry.to)).collect();
        Self { entries }
    }

    /// What a class meets; entries that only the gateway's own output needs are
    /// met by the gateway's class alone.
    pub fn of_class(&self, policy: &Policy, tokens: &Tokens, class: &ClassKey) -> ClassTargets {
        let (set, home) = match class {
            ClassKey::Zone(zone, set) => (set, Some(*zone)),
            ClassKey::Link(_, set) | ClassKey::Gateway(set) => (set, None),
        };
        let mut targets = ClassTargets::default();
        let mut narrow: BTreeMap<ZoneId, Vec<(AddrRange, Member)>> = BTreeMap::new();
        if let Some(zone) = home.filter(|z| policy.zone(*z).intra_zone_allow) {
            targets.wide.entry(zone).or_default().insert(Member::IntraZone);
        }
        for index in tokens.entries_of(set) {
            let member = Member::Entry(index);
            let to = &self.entries[index];
            if to.gateway && !matches!(class, ClassKey::Gateway(_)) {
                targets.gateway.insert(member);
            }
            // What every zone of an interface may send from reaches the gateway only.
            if matches!(class, ClassKey::Link(..)) {
                continue;
            }
            for zone in &to.wide {
                targets.wide.entry(*zone).or_default().insert(member);
            }
            for (zone, range) in &to.narrow {
                narrow.entry(*zone).or_default().push((*range, member));
            }
        }
        for (zone, ranges) in narrow {
            let wide = targets.wide.get(&zone).cloned().unwrap_or_default();
            for (range, set) in partition_addresses(&ranges) {
                let node: BTreeSet<Member> = set.union(&wide).copied().collect();
                targets.narrow.push((zone, range, node));
            }
        }
        targets
    }
}

fn destinations(policy: &Policy, to: &[Endpoint]) -> Destinations {
    let mut out = Destinations::default();
    for endpoint in to {
        match endpoint {
            Endpoint::Gateway => out.gateway = true,
            Endpoint::Zone(zone) => out.wide.push(*zone),
            Endpoint::Network(zone, net) => out.narrow.push((*zone, AddrRange::from(*net))),
            Endpoint::Host(host) => {
                let host = policy.host(*host);
                out.narrow.extend(host.ips.iter().map(|ip| (host.zone, AddrRange::from(*ip))));
            }
            Endpoint::Group(zone, group) => {
                let group = policy.group(*group);
                out.narrow.extend(group.networks.iter().map(|n| (*zone, AddrRange::from(*n))));
                for host in &group.hosts {
                    out.narrow.extend(policy.host(*host).ips.iter().map(|ip| (*zone, AddrRange::from(*ip))));
                }
            }
        }
    }
    out
}
