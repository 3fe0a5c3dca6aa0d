//! Where the zones, hosts and groups of a policy lie in packet space.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::net::{AddrRange, Family, MacAddr};
use crate::policy::{Endpoint, HostId, Policy, Regions, ZoneId, forwardable};
use crate::space::{GATEWAY_INTERFACE, Interfaces, IntervalSet, UNKNOWN_MAC, macs};

/// Where packets come from: a product of three dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// Input interfaces.
    pub interfaces: IntervalSet,
    /// Source MACs.
    pub macs: IntervalSet,
    /// Source addresses.
    pub addresses: IntervalSet,
}

/// Where packets go: a product of two dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Output interfaces.
    pub interfaces: IntervalSet,
    /// Destination addresses.
    pub addresses: IntervalSet,
}

/// Which MACs a source is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacRule {
    /// Those under which the gateway sees the host: what an entry demands.
    Seen,
    /// Any, but for hosts that have no address of their own, which nothing else
    /// tells apart: the widest reading, for what must be denied.
    Any,
}

/// What a packet passes through: it decides which addresses a zone has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// Forwarded.
    Forward,
    /// To the gateway: unspecified and link-local sources belong to every zone
    /// of the interface (SPEC §2).
    Input,
}

/// A zone's addresses on some interfaces.
#[derive(Debug, Clone)]
struct Stretch {
    interfaces: IntervalSet,
    addresses: IntervalSet,
}

/// A host: its MACs (an index of `mac_sets`) and addresses by family.
#[derive(Debug)]
struct HostSpace {
    macs: usize,
    addresses: [IntervalSet; 2],
}

/// The zones and hosts of one policy, on a numbering of interfaces that may be
/// shared with another policy's.
#[derive(Debug)]
pub struct Geometry<'p> {
    policy: &'p Policy,
    interfaces: &'p Interfaces,
    /// By zone, then family.
    forward: Vec<[Vec<Stretch>; 2]>,
    input: Vec<[Vec<Stretch>; 2]>,
    hosts: Vec<HostSpace>,
    /// Different sets of MACs; the first is every MAC.
    mac_sets: Vec<IntervalSet>,
}

/// Sources on an interface that belong to each of its zones (SPEC §2), for
/// packets to the gateway: unspecified and IPv6 link-local.
fn everywhere(family: Family) -> IntervalSet {
    match family {
        Family::V4 => IntervalSet::single(0),
        Family::V6 => IntervalSet::from_ranges([(0, 0), (0xfe80 << 112, (0xfec0 << 112) - 1)]),
    }
}

fn range_set<'a>(family: Family, ranges: impl IntoIterator<Item = &'a AddrRange>) -> IntervalSet {
    let own = ranges.into_iter().filter(|r| r.family() == family);
    IntervalSet::from_ranges(own.map(|r| (r.first(), r.last())))
}

fn net_set<'a>(family: Family, nets: impl IntoIterator<Item = &'a IpNet>) -> IntervalSet {
    let ranges: Vec<AddrRange> = nets.into_iter().map(|n| AddrRange::from(*n)).collect();
    range_set(family, &ranges)
}

/// Destinations that are neither multicast nor broadcast.
fn deliverable(family: Family) -> IntervalSet {
    range_set(family, &forwardable(AddrRange::all(family)))
}

/// The numbering of interfaces that tells apart whatever these policies do.
pub(super) fn interfaces_of<'p>(policies: impl IntoIterator<Item = &'p Policy>) -> Interfaces {
    Interfaces::new(policies.into_iter().flat_map(|p| p.zones.iter().flat_map(|z| z.interfaces.iter().cloned())))
}

impl<'p> Geometry<'p> {
    /// The geometry of `policy`. `interfaces` numbers at least its patterns.
    pub fn new(policy: &'p Policy, interfaces: &'p Interfaces) -> Self {
        let regions = Regions::new(policy);
        let zones = || (0..policy.zones.len()).map(ZoneId);
        let stretches =
            |zone, path| Family::BOTH.map(|family| stretches(policy, &regions, interfaces, zone, family, path));
        let mut mac_sets = vec![macs(&[])];
        let mut known: HashMap<&[MacAddr], usize> = HashMap::from([(&[][..], 0)]);
        let hosts = policy
            .hosts
            .iter()
            .enumerate()
            .map(|(index, host)| HostSpace {
                macs: *known.entry(policy.seen_macs(HostId(index))).or_insert_with_key(|list| {
                    mac_sets.push(macs(list));
                    mac_sets.len() - 1
                }),
                addresses: Family::BOTH.map(|family| net_set(family, &host.ips)),
            })
            .collect();
        Self {
            policy,
            interfaces,
            forward: zones().map(|z| stretches(z, Path::Forward)).collect(),
            input: zones().map(|z| stretches(z, Path::Input)).collect(),
            hosts,
            mac_sets,
        }
    }

    /// The policy.
    pub fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// The numbering of interfaces.
    pub fn interfaces(&self) -> &'p Interfaces {
        self.interfaces
    }

    /// The sources that these endpoints of one zone mean.
    pub fn sources(&self, zone: ZoneId, ends: &[Endpoint], family: Family, rule: MacRule, path: Path) -> Vec<Source> {
        // Ranges by set of MACs; none = the whole zone.
        let mut by_macs: HashMap<usize, Option<Vec<(u128, u128)>>> = HashMap::new();
        let mut add = |macs: usize, set: Option<&IntervalSet>| {
            let slot = by_macs.entry(macs).or_insert_with(|| Some(Vec::new()));
            match (slot.as_mut(), set) {
                (Some(ranges), Some(set)) => ranges.extend(set.ranges()),
                _ => *slot = None,
            }
        };
        let mut add_host = |id: HostId| {
            // Known by its MAC alone, and that is not known: no packet is its own.
            if self.policy.host(id).zone != zone || self.nameless(id) {
                return;
            }
            let host = &self.hosts[id.0];
            let addressed = !self.policy.host(id).ips.is_empty();
            let macs = if rule == MacRule::Any && addressed { 0 } else { host.macs };
            add(macs, addressed.then_some(&host.addresses[family as usize]));
        };
        let mut plain: Vec<IntervalSet> = Vec::new();
        let mut whole = false;
        for end in ends {
            match end {
                Endpoint::Zone(_) => whole = true,
                Endpoint::Host(id) => add_host(*id),
                Endpoint::Network(_, net) => plain.push(net_set(family, [net])),
                Endpoint::Group(_, id) => {
                    let group = self.policy.group(*id);
                    group.hosts.iter().for_each(|id| add_host(*id));
                    plain.push(net_set(family, &group.networks));
                }
                Endpoint::Gateway => {}
            }
        }
        plain.iter().for_each(|set| add(0, Some(set)));
        if whole {
            add(0, None);
        }
        self.on_stretches(zone, family, path, by_macs)
    }

    /// True for a host of neither address nor MAC.
    fn nameless(&self, id: HostId) -> bool {
        self.policy.host(id).ips.is_empty() && self.hosts[id.0].macs == 0
    }

    fn on_stretches(
        &self,
        zone: ZoneId,
        family: Family,
        path: Path,
        by_macs: HashMap<usize, Option<Vec<(u128, u128)>>>,
    ) -> Vec<Source> {
        let places = match path {
            Path::Forward => &self.forward,
            Path::Input => &self.input,
        };
        let mut by_macs: Vec<(usize, Option<IntervalSet>)> =
            by_macs.into_iter().map(|(m, ranges)| (m, ranges.map(IntervalSet::from_ranges))).collect();
        by_macs.sort_unstable_by_key(|(m, _)| *m);
        let mut out = Vec::new();
        for (macs, wanted) in &by_macs {
            for stretch in &places[zone.0][family as usize] {
                let addresses =
                    wanted.as_ref().map_or_else(|| stretch.addresses.clone(), |w| w.intersect(&stretch.addresses));
                if !addresses.is_empty() {
                    out.push(Source {
                        interfaces: stretch.interfaces.clone(),
                        macs: self.mac_sets[*macs].clone(),
                        addresses,
                    });
                }
            }
        }
        out
    }

    /// The destinations that these endpoints of one zone mean; a host without
    /// addresses is none.
    pub fn targets(&self, zone: ZoneId, ends: &[Endpoint], family: Family) -> Vec<Target> {
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        let add_host = |id: &HostId, ranges: &mut Vec<(u128, u128)>| {
            if self.policy.host(*id).zone == zone {
                ranges.extend(self.hosts[id.0].addresses[family as usize].ranges());
            }
        };
        for end in ends {
            match end {
                Endpoint::Zone(_) => ranges.push((0, family.max())),
                Endpoint::Host(id) => add_host(id, &mut ranges),
                Endpoint::Network(_, net) => ranges.extend(net_set(family, [net]).ranges()),
                Endpoint::Group(_, id) => {
                    let group = self.policy.group(*id);
                    group.hosts.iter().for_each(|id| add_host(id, &mut ranges));
                    ranges.extend(net_set(family, &group.networks).ranges());
                }
                Endpoint::Gateway => {}
            }
        }
        let wanted = IntervalSet::from_ranges(ranges);
        let wanted = wanted.intersect(&deliverable(family));
        let stretches = &self.forward[zone.0][family as usize];
        stretches
            .iter()
            .map(|s| Target { interfaces: s.interfaces.clone(), addresses: s.addresses.intersect(&wanted) })
            .filter(|t| !t.addresses.is_empty())
            .collect()
    }

    /// Destinations of no zone, multicast and broadcast among them: for the
    /// gateway's own packets.
    pub fn targets_elsewhere(&self, family: Family) -> Vec<Target> {
        let all = IntervalSet::range(0, family.max());
        let mut by_addresses: Vec<Target> = Vec::new();
        for (number, _) in self.interfaces.examples() {
            let zoned = self.forward.iter().flat_map(|z| &z[family as usize]);
            let here = zoned.filter(|s| s.interfaces.contains(number)).flat_map(|s| s.addresses.ranges().to_vec());
            let addresses = all.subtract(&IntervalSet::from_ranges(here).intersect(&deliverable(family)));
            let interfaces = IntervalSet::single(number);
            match by_addresses.iter_mut().find(|t| t.addresses == addresses) {
                Some(target) => target.interfaces = target.interfaces.union(&interfaces),
                None => by_addresses.push(Target { interfaces, addresses }),
            }
        }
        by_addresses
    }

    /// The gateway as a source: no interface, no MAC, any address.
    pub fn gateway_source(family: Family) -> Source {
        Source {
            interfaces: IntervalSet::single(GATEWAY_INTERFACE),
            macs: IntervalSet::single(UNKNOWN_MAC),
            addresses: IntervalSet::range(0, family.max()),
        }
    }

    /// The gateway as a destination: whatever address it was reached by.
    pub fn gateway_target(family: Family) -> Target {
        Target { interfaces: IntervalSet::single(GATEWAY_INTERFACE), addresses: IntervalSet::range(0, family.max()) }
    }
}

/// A zone's addresses, interfaces with the same ones together.
fn stretches(
    policy: &Policy,
    regions: &Regions,
    interfaces: &Interfaces,
    zone: ZoneId,
    family: Family,
    path: Path,
) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    for (number, example) in interfaces.examples() {
        // The numbering is at least as fine as the regions: one name speaks for all.
        let Some(atom) = regions.atoms().iter().find(|a| a.pattern.matches(example)) else { continue };
        let ranges: Vec<AddrRange> = Regions::of_zone(atom, zone).collect();
        let mut addresses = range_set(family, &ranges);
        if path == Path::Input && policy.zone(zone).interfaces.iter().any(|p| p.matches(example)) {
            addresses = addresses.union(&everywhere(family));
        }
        if addresses.is_empty() {
            continue;
        }
        let interfaces = IntervalSet::single(number);
        match out.iter_mut().find(|s| s.addresses == addresses) {
            Some(stretch) => stretch.interfaces = stretch.interfaces.union(&interfaces),
            None => out.push(Stretch { interfaces, addresses }),
        }
    }
    out
}
