//! A policy with nothing in it but what can matter to one pair of addresses.
//!
//! The judge walks a policy's lists from end to end; that is right for one
//! packet and slow for a million flows. What is left out here can match no
//! packet of the pair, whatever its interfaces, ports and time: entries of whose
//! ends no member holds the address, those members, and hosts that neither
//! address nor MAC tells of. The rest is the judge's alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::net::MacAddr;
use crate::policy::{Endpoint, Entry, GroupId, Host, HostId, Isolated, Policy};

/// What one address, as one end of a packet, may have to do with.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Entries that it may be an end of, in reading order, each with the members
    /// of that end that hold the address.
    entries: Vec<(usize, Vec<Endpoint>)>,
    /// Hosts that it may be, or be taken for, ascending; and theirs (`via`).
    hosts: Vec<HostId>,
}

impl Side {
    /// What it holds, counted.
    pub(super) fn len(&self) -> usize {
        self.entries.len() + self.hosts.len()
    }
}

/// A policy made ready.
#[derive(Debug)]
pub(super) struct Narrow {
    full: Arc<Policy>,
    /// The full policy with the entries, hosts and groups of the last pair alone.
    shell: Policy,
    /// Which hosts of the full policy those are; its ids are their places here.
    ids: Vec<HostId>,
    /// The entries used so far, without their ends and without words for people.
    bare: HashMap<usize, Entry>,
    hosts: Directory,
    groups_of: HashMap<HostId, Vec<GroupId>>,
    from: Ends,
    to: Ends,
}

impl Narrow {
    pub(super) fn new(full: Arc<Policy>) -> Self {
        let mut groups_of: HashMap<HostId, Vec<GroupId>> = HashMap::new();
        for (index, group) in full.groups.iter().enumerate() {
            group.hosts.iter().for_each(|host| groups_of.entry(*host).or_default().push(GroupId(index)));
        }
        let (from, to) = (Ends::new(&full, |entry| &entry.from), Ends::new(&full, |entry| &entry.to));
        let hosts = Directory::new(&full);
        let mut shell = full.without_entries();
        (shell.hosts, shell.groups, shell.expectations) = (Vec::new(), Vec::new(), Vec::new());
        let mut out = Self { shell, ids: Vec::new(), bare: HashMap::new(), full, hosts, groups_of, from, to };
        out.house(out.hosts.always.clone());
        out
    }

    /// The whole policy.
    pub(super) fn full(&self) -> &Policy {
        &self.full
    }

    /// What an address, seen with this MAC, may open.
    pub(super) fn source(&self, src: IpAddr, mac: Option<MacAddr>) -> Side {
        self.side(&self.from, src, self.hosts.around(&self.full, src, mac))
    }

    /// What may be opened to an address.
    pub(super) fn destination(&self, dst: IpAddr) -> Side {
        self.side(&self.to, dst, self.hosts.around(&self.full, dst, None))
    }

    fn side(&self, ends: &Ends, addr: IpAddr, hosts: Vec<HostId>) -> Side {
        let mut side: BTreeMap<usize, Vec<Endpoint>> = BTreeMap::new();
        let mut found = |entry: usize, end: Endpoint| side.entry(entry).or_default().push(end);
        ends.always.iter().for_each(|(entry, end)| found(*entry, *end));
        ends.nets.holding(addr).into_iter().for_each(|(entry, end)| found(entry, end));
        for host in &hosts {
            let end = Endpoint::Host(*host);
            ends.hosts.get(host).into_iter().flatten().for_each(|entry| found(*entry, end));
            for group in self.groups_of.get(host).into_iter().flatten() {
                let key = Endpoint::Group(self.full.host(*host).zone, *group);
                ends.groups.get(&key).into_iter().flatten().for_each(|entry| found(*entry, end));
            }
        }
        Side { entries: side.into_iter().collect(), hosts }
    }

    /// The policy as it looks to packets between the two sides of the last [`Narrow::between`].
    pub(super) fn last(&self) -> &Policy {
        &self.shell
    }

    /// Makes [`Narrow::last`] the policy as it looks to packets between two sides.
    pub(super) fn between(&mut self, from: &Side, to: &Side) {
        let mut ids = [self.hosts.always.as_slice(), &from.hosts, &to.hosts].concat();
        ids.sort_unstable();
        ids.dedup();
        if ids != self.ids {
            self.house(ids);
        }
        self.shell.entries.clear();
        let mut rest = to.entries.iter().peekable();
        for (index, sources) in &from.entries {
            while rest.next_if(|(other, _)| other < index).is_some() {}
            let Some((_, destinations)) = rest.next_if(|(other, _)| other == index) else { continue };
            let mut entry = self.bare.entry(*index).or_insert_with(|| bare(&self.full.entries[*index])).clone();
            entry.from = sources.iter().map(|end| renumbered(&self.ids, *end)).collect();
            entry.to = destinations.iter().map(|end| renumbered(&self.ids, *end)).collect();
            self.shell.entries.push(entry);
        }
    }

    /// Makes these the hosts of [`Narrow::last`]; they are ascending.
    fn house(&mut self, ids: Vec<HostId>) {
        let place = |id: HostId| place_of(&ids, id);
        let bare = |id: &HostId| {
            let host = self.full.host(*id);
            Host {
                name: String::new(),
                labels: BTreeMap::new(),
                ips: host.ips.clone(),
                macs: host.macs.clone(),
                via: host.via.map(place),
                place: host.place.clone(),
                ..*host
            }
        };
        self.shell.hosts = ids.iter().map(bare).collect();
        let management = self.shell.gateway.management.iter_mut().zip(&self.full.gateway.management);
        management.for_each(|(line, full)| line.host = place(full.host));
        for (isolated, full) in self.shell.isolated.iter_mut().zip(&self.full.isolated) {
            if let Isolated::Host(host) = full {
                *isolated = Isolated::Host(place(*host));
            }
        }
        self.ids = ids;
    }
}

/// Where a host stands among those of a narrow policy. Whatever is asked for was
/// put there; else the number is one that no host has.
fn place_of(ids: &[HostId], id: HostId) -> HostId {
    HostId(ids.binary_search(&id).unwrap_or(usize::MAX))
}

fn renumbered(ids: &[HostId], end: Endpoint) -> Endpoint {
    match end {
        Endpoint::Host(host) => Endpoint::Host(place_of(ids, host)),
        other => other,
    }
}

/// The hosts of a policy, by what a packet shows of them.
#[derive(Debug)]
struct Directory {
    addresses: Nets<HostId>,
    /// By their own MACs, and by those under which they are seen.
    macs: HashMap<MacAddr, Vec<HostId>>,
    /// One of the hosts that name a host as their `via`.
    behind: HashMap<HostId, HostId>,
    /// Those that matter whatever the packet: of management, isolated.
    always: Vec<HostId>,
}

impl Directory {
    fn new(policy: &Policy) -> Self {
        let (mut addresses, mut behind) = (Nets::default(), HashMap::new());
        let mut macs: HashMap<MacAddr, Vec<HostId>> = HashMap::new();
        for (index, host) in policy.hosts.iter().enumerate() {
            let id = HostId(index);
            host.ips.iter().for_each(|net| addresses.add(*net, id));
            let seen: BTreeSet<&MacAddr> = host.macs.iter().chain(policy.seen_macs(id)).collect();
            seen.into_iter().for_each(|mac| macs.entry(*mac).or_default().push(id));
            if let Some(via) = host.via {
                behind.entry(via).or_insert(id);
            }
        }
        let mut out = Self { addresses, macs, behind, always: Vec::new() };
        let isolated = policy.isolated.iter().filter_map(|isolated| match isolated {
            Isolated::Host(host) => Some(*host),
            _ => None,
        });
        let always = policy.gateway.management.iter().map(|line| line.host).chain(isolated).collect();
        out.always = out.closed(policy, always);
        out
    }

    /// The hosts that an address, seen with this MAC, tells of.
    fn around(&self, policy: &Policy, addr: IpAddr, mac: Option<MacAddr>) -> Vec<HostId> {
        let mut found = self.addresses.holding(addr);
        found.extend(mac.and_then(|mac| self.macs.get(&mac)).into_iter().flatten());
        self.closed(policy, found)
    }

    /// These, ascending, with the hosts through which they speak, and for each
    /// through which others speak one of those.
    fn closed(&self, policy: &Policy, mut hosts: Vec<HostId>) -> Vec<HostId> {
        let mut at = 0;
        while let Some(id) = hosts.get(at).copied() {
            let others = [policy.host(id).via, self.behind.get(&id).copied()];
            for other in others.into_iter().flatten() {
                if !hosts.contains(&other) {
                    hosts.push(other);
                }
            }
            at += 1;
        }
        hosts.sort_unstable();
        hosts.dedup();
        hosts
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
