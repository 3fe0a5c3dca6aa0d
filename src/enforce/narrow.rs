//! A policy with nothing in it but what can matter to one pair of addresses.
//!
//! The judge walks a policy's lists from end to end; that is right for one
//! packet and slow for a million flows. What is left out here can match no
//! packet of the pair, whatever its interfaces, ports and time: entries of whose
//! ends no member holds the address, and those members. The rest is the
//! judge's alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::net::MacAddr;
use crate::policy::{Endpoint, Entry, GroupId, HostId, Policy};

/// Entries that one address may be an end of, in reading order, each with the
/// members of that end that hold the address.
pub(super) type Side = Vec<(usize, Vec<Endpoint>)>;

/// A policy made ready.
#[derive(Debug)]
pub(super) struct Narrow {
    full: Arc<Policy>,
    /// The full policy, but for its entries.
    shell: Policy,
    /// The entries used so far, without their ends and without words for people.
    bare: HashMap<usize, Entry>,
    hosts: Nets<HostId>,
    /// Hosts without addresses, by the MACs under which they are seen.
    macs: HashMap<MacAddr, Vec<HostId>>,
    groups_of: HashMap<HostId, Vec<GroupId>>,
    from: Ends,
    to: Ends,
}

impl Narrow {
    pub(super) fn new(full: Arc<Policy>) -> Self {
        let mut hosts = Nets::default();
        let mut macs: HashMap<MacAddr, Vec<HostId>> = HashMap::new();
        for (index, host) in full.hosts.iter().enumerate() {
            let id = HostId(index);
            host.ips.iter().for_each(|net| hosts.add(*net, id));
            if host.ips.is_empty() {
                full.seen_macs(id).iter().for_each(|mac| macs.entry(*mac).or_default().push(id));
            }
        }
        let mut groups_of: HashMap<HostId, Vec<GroupId>> = HashMap::new();
        for (index, group) in full.groups.iter().enumerate() {
            group.hosts.iter().for_each(|host| groups_of.entry(*host).or_default().push(GroupId(index)));
        }
        let (from, to) = (Ends::new(&full, |entry| &entry.from), Ends::new(&full, |entry| &entry.to));
        Self { shell: full.without_entries(), bare: HashMap::new(), full, hosts, macs, groups_of, from, to }
    }

    /// The whole policy.
    pub(super) fn full(&self) -> &Policy {
        &self.full
    }

    /// What an address, seen with this MAC, may open.
    pub(super) fn source(&self, src: IpAddr, mac: Option<MacAddr>) -> Side {
        let mut hosts = self.hosts.holding(src);
        hosts.extend(mac.and_then(|mac| self.macs.get(&mac)).into_iter().flatten());
        self.side(&self.from, src, &hosts)
    }

    /// What may be opened to an address.
    pub(super) fn destination(&self, dst: IpAddr) -> Side {
        self.side(&self.to, dst, &self.hosts.holding(dst))
    }

    fn side(&self, ends: &Ends, addr: IpAddr, hosts: &[HostId]) -> Side {
        let mut side: BTreeMap<usize, Vec<Endpoint>> = BTreeMap::new();
        let mut found = |entry: usize, end: Endpoint| side.entry(entry).or_default().push(end);
        ends.always.iter().for_each(|(entry, end)| found(*entry, *end));
        ends.nets.holding(addr).into_iter().for_each(|(entry, end)| found(entry, end));
        for host in hosts {
            let end = Endpoint::Host(*host);
            ends.hosts.get(host).into_iter().flatten().for_each(|entry| found(*entry, end));
            for group in self.groups_of.get(host).into_iter().flatten() {
                let key = Endpoint::Group(self.full.host(*host).zone, *group);
                ends.groups.get(&key).into_iter().flatten().for_each(|entry| found(*entry, end));
            }
        }
        side.into_iter().collect()
    }

    /// The policy as it looks to packets between the two sides of the last [`Narrow::between`].
    pub(super) fn last(&self) -> &Policy {
        &self.shell
    }

    /// Makes [`Narrow::last`] the policy as it looks to packets between two sides.
    pub(super) fn between(&mut self, from: &Side, to: &Side) {
        self.shell.entries.clear();
        let mut rest = to.iter().peekable();
        for (index, sources) in from {
            while rest.next_if(|(other, _)| other < index).is_some() {}
            let Some((_, destinations)) = rest.next_if(|(other, _)| other == index) else { continue };
            let mut entry = self.bare.entry(*index).or_insert_with(|| bare(&self.full.entries[*index])).clone();
            entry.from.clone_from(sources);
            entry.to.clone_from(destinations);
            self.shell.entries.push(entry);
        }
    }
}

/// An entry without its ends and without words for people.
fn bare(entry: &Entry) -> Entry {
    let mut bare = entry.clone();
    (bare.title, bare.attest, bare.approval) = (None, None, None);
    bare.from = Vec::new();
    bare.to = Vec::new();
    bare.service_names = Vec::new();
    bare
}

/// One end of every entry, by what it names.
#[derive(Debug, Default)]
struct Ends {
    /// Zones and the gateway: which addresses those are, the judge knows.
    always: Vec<(usize, Endpoint)>,
    hosts: HashMap<HostId, Vec<usize>>,
    /// By [`Endpoint::Group`].
    groups: HashMap<Endpoint, Vec<usize>>,
    nets: Nets<(usize, Endpoint)>,
}

impl Ends {
    fn new(policy: &Policy, of: impl Fn(&Entry) -> &Vec<Endpoint>) -> Self {
        let mut ends = Self::default();
        for (index, entry) in policy.entries.iter().enumerate() {
            for end in of(entry) {
                match *end {
                    Endpoint::Zone(_) | Endpoint::Gateway => ends.always.push((index, *end)),
                    Endpoint::Network(_, net) => ends.nets.add(net, (index, *end)),
                    Endpoint::Host(host) => ends.hosts.entry(host).or_default().push(index),
                    Endpoint::Group(zone, group) => {
                        ends.groups.entry(*end).or_default().push(index);
                        for net in &policy.group(group).networks {
                            ends.nets.add(*net, (index, Endpoint::Network(zone, *net)));
                        }
                    }
                }
            }
        }
        ends
    }
}

/// Things by the prefixes that they stand for.
#[derive(Debug)]
struct Nets<T> {
    /// Lengths in use, by family.
    lengths: BTreeSet<(bool, u8)>,
    things: HashMap<IpNet, Vec<T>>,
}

impl<T> Default for Nets<T> {
    fn default() -> Self {
        Self { lengths: BTreeSet::new(), things: HashMap::new() }
    }
}

impl<T: Copy> Nets<T> {
    fn add(&mut self, net: IpNet, thing: T) {
        let net = net.trunc();
        self.lengths.insert((net.addr().is_ipv4(), net.prefix_len()));
        self.things.entry(net).or_default().push(thing);
    }

    /// The things whose prefix holds the address.
    fn holding(&self, addr: IpAddr) -> Vec<T> {
        let lengths = self.lengths.iter().filter(|(v4, _)| *v4 == addr.is_ipv4());
        let nets = lengths.filter_map(|(_, length)| IpNet::new(addr, *length).ok());
        nets.filter_map(|net| self.things.get(&net.trunc())).flatten().copied().collect()
    }
}

#[cfg(test)]
#[path = "narrow_tests.rs"]
mod tests;
