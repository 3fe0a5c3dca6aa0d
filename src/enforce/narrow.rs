//! A policy with nothing in it but what can matter to one pair of addresses.
//!
//! The judge walks a policy's lists from end to end; that is right for one
//! packet and slow for a million flows. What is left out here can match no
//! packet of the pair, whatever its interfaces, ports and time: entries of whose
//! ends no member holds the address, and those members. The rest is the
//! judge's alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::net::MacAddr;
use crate::policy::{Endpoint, Entry, HostId, Policy};

/// Entries that one address may be an end of, in reading order, each with the
/// members of that end that hold the address.
pub(super) type Side = Vec<(usize, Vec<Endpoint>)>;

/// A policy made ready.
#[derive(Debug)]
pub(super) struct Narrow {
    full: Arc<Policy>,
    /// The full policy, but for its entries.
    shell: Policy,
    /// The entries without their ends and without words for people.
    bare: Vec<Entry>,
    addresses: HashMap<IpAddr, Vec<HostId>>,
    prefixes: Vec<(IpNet, HostId)>,
    /// Hosts without addresses, by the MACs under which they are seen.
    macs: HashMap<MacAddr, Vec<HostId>>,
}

impl Narrow {
    pub(super) fn new(full: Arc<Policy>) -> Self {
        let mut shell = Policy::clone(&full);
        let mut bare = std::mem::take(&mut shell.entries);
        for entry in &mut bare {
            (entry.title, entry.attest, entry.approval) = (None, None, None);
            entry.from.clear();
            entry.to.clear();
            entry.service_names.clear();
        }
        let (mut addresses, mut prefixes, mut macs) = (HashMap::new(), Vec::new(), HashMap::new());
        for (index, host) in full.hosts.iter().enumerate() {
            let id = HostId(index);
            for net in &host.ips {
                if net.prefix_len() == net.max_prefix_len() {
                    addresses.entry(net.addr()).or_insert_with(Vec::new).push(id);
                } else {
                    prefixes.push((*net, id));
                }
            }
            if host.ips.is_empty() {
                for mac in full.seen_macs(id) {
                    macs.entry(*mac).or_insert_with(Vec::new).push(id);
                }
            }
        }
        Self { full, shell, bare, addresses, prefixes, macs }
    }

    /// The whole policy.
    pub(super) fn full(&self) -> &Policy {
        &self.full
    }

    /// What an address, seen with this MAC, may open.
    pub(super) fn source(&self, src: IpAddr, mac: Option<MacAddr>) -> Side {
        let mut hosts = self.hosts(src);
        hosts.extend(mac.and_then(|mac| self.macs.get(&mac)).into_iter().flatten());
        self.side(src, &hosts, |entry| &entry.from)
    }

    /// What may be opened to an address.
    pub(super) fn destination(&self, dst: IpAddr) -> Side {
        self.side(dst, &self.hosts(dst), |entry| &entry.to)
    }

    /// Hosts that have the address.
    fn hosts(&self, addr: IpAddr) -> Vec<HostId> {
        let exact = self.addresses.get(&addr).into_iter().flatten().copied();
        exact.chain(self.prefixes.iter().filter(|(net, _)| net.contains(&addr)).map(|(_, host)| *host)).collect()
    }

    fn side(&self, addr: IpAddr, hosts: &[HostId], ends: impl Fn(&Entry) -> &Vec<Endpoint>) -> Side {
        let members = |entry| {
            let mut members = Vec::new();
            for end in ends(entry) {
                self.members(*end, addr, hosts, &mut members);
            }
            members
        };
        let all = self.full.entries.iter().map(members).enumerate();
        all.filter(|(_, members)| !members.is_empty()).collect()
    }

    /// The members of an endpoint that hold the address.
    fn members(&self, end: Endpoint, addr: IpAddr, hosts: &[HostId], out: &mut Vec<Endpoint>) {
        match end {
            Endpoint::Zone(_) | Endpoint::Gateway => out.push(end),
            Endpoint::Network(_, net) => out.extend(net.contains(&addr).then_some(end)),
            Endpoint::Host(host) => out.extend(hosts.contains(&host).then_some(end)),
            Endpoint::Group(zone, group) => {
                let group = self.full.group(group);
                let listed = group.networks.iter().filter(|net| net.contains(&addr));
                out.extend(listed.map(|net| Endpoint::Network(zone, *net)));
                let named = hosts.iter().filter(|h| group.hosts.contains(h) && self.full.host(**h).zone == zone);
                out.extend(named.map(|host| Endpoint::Host(*host)));
            }
        }
    }

    /// The policy as it looks to packets between the two of the last [`Narrow::between`].
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
            let mut entry = self.bare[*index].clone();
            entry.from.clone_from(sources);
            entry.to.clone_from(destinations);
            self.shell.entries.push(entry);
        }
    }
}
