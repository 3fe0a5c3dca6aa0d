//! Where the zones, hosts and groups of a policy lie in packet space.

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::Timestamp;

use super::devices::Devices;
use crate::net::{AddrRange, Family};
use crate::policy::{Endpoint, HostId, Policy, Regions, ZoneId, forwardable};
use crate::space::{GATEWAY_INTERFACE, Interfaces, IntervalSet, UNKNOWN_MAC, time_set};

/// Where packets come from: a product of four dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// Input interfaces.
    pub interfaces: IntervalSet,
    /// Source MACs.
    pub macs: IntervalSet,
    /// Source addresses.
    pub addresses: IntervalSet,
    /// When it is the one that is meant, by the ledger's dates.
    pub times: IntervalSet,
}

/// Where packets go: a product of three dimensions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Output interfaces.
    pub interfaces: IntervalSet,
    /// Destination addresses.
    pub addresses: IntervalSet,
    /// When it is the one that is meant, by the ledger's dates.
    pub times: IntervalSet,
}

/// Which MACs a source is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacRule {
    /// Those that an entry demands and binding lets pass (SPEC §2-5): for a host
    /// its own, for a whole zone or a network the declared MACs of declared
    /// addresses and any undeclared one for the rest; of a strict zone its
    /// declared hosts alone.
    Bound,
    /// Those that an entry demands, whatever binding says: management.
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
pub(super) struct Stretch {
    pub interfaces: IntervalSet,
    pub addresses: IntervalSet,
}

/// The zones and hosts of one policy, on a numbering of interfaces that may be
/// shared with another policy's.
#[derive(Debug)]
pub struct Geometry<'p> {
    policy: &'p Policy,
    interfaces: &'p Interfaces,
    /// By zone, then family.
    stretches: Vec<[Vec<Stretch>; 2]>,
    pub(super) devices: Devices<'p>,
}

/// Sources on an interface that belong to each of its zones (SPEC §2), for
/// packets to the gateway: unspecified and IPv6 link-local.
pub(super) fn everywhere(family: Family) -> IntervalSet {
    match family {
        Family::V4 => IntervalSet::single(0),
        Family::V6 => IntervalSet::from_ranges([(0, 0), (0xfe80 << 112, (0xfec0 << 112) - 1)]),
    }
}

fn range_set<'a>(family: Family, ranges: impl IntoIterator<Item = &'a AddrRange>) -> IntervalSet {
    let own = ranges.into_iter().filter(|r| r.family() == family);
    IntervalSet::from_ranges(own.map(|r| (r.first(), r.last())))
}

pub(super) fn net_set<'a>(family: Family, nets: impl IntoIterator<Item = &'a IpNet>) -> IntervalSet {
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
        let of = |zone| Family::BOTH.map(|family| stretches(&regions, interfaces, zone, family));
        let stretches = (0..policy.zones.len()).map(ZoneId).map(of).collect();
        Self { policy, interfaces, stretches, devices: Devices::new(policy) }
    }

    /// The policy.
    pub fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// The numbering of interfaces.
    pub fn interfaces(&self) -> &'p Interfaces {
        self.interfaces
    }

    /// Where a zone's addresses lie.
    pub(super) fn stretches(&self, zone: ZoneId, family: Family) -> &[Stretch] {
        &self.stretches[zone.0][family as usize]
    }

    /// The destinations that these endpoints of one zone mean; a host without
    /// addresses is none.
    pub fn targets(&self, zone: ZoneId, ends: &[Endpoint], family: Family) -> Vec<Target> {
        let mut by_times: BTreeMap<IntervalSet, Vec<(u128, u128)>> = BTreeMap::new();
        let always = always();
        let mut add = |times: &IntervalSet, set: &IntervalSet| {
            by_times.entry(times.clone()).or_default().extend(set.ranges());
        };
        let add_host = |id: HostId, add: &mut dyn FnMut(&IntervalSet, &IntervalSet)| {
            let device = self.devices.device(id);
            if let Some(addresses) = device.addresses.as_ref().filter(|_| self.policy.host(id).zone == zone) {
                add(&device.times, &addresses[family as usize]);
            }
        };
        for end in ends {
            match end {
                Endpoint::Zone(_) => add(&always, &IntervalSet::range(0, family.max())),
                Endpoint::Host(id) => add_host(*id, &mut add),
                Endpoint::Network(_, net) => add(&always, &net_set(family, [net])),
                Endpoint::Group(_, id) => {
                    let group = self.policy.group(*id);
                    group.hosts.iter().for_each(|id| add_host(*id, &mut add));
                    add(&always, &net_set(family, &group.networks));
                }
                Endpoint::Gateway => {}
            }
        }
        let deliverable = deliverable(family);
        let mut out = Vec::new();
        for (times, ranges) in by_times {
            let wanted = IntervalSet::from_ranges(ranges).intersect(&deliverable);
            for stretch in self.stretches(zone, family) {
                let addresses = stretch.addresses.intersect(&wanted);
                if !addresses.is_empty() {
                    out.push(Target { interfaces: stretch.interfaces.clone(), addresses, times: times.clone() });
                }
            }
        }
        out
    }

    /// Destinations of no zone, multicast and broadcast among them: for the
    /// gateway's own packets.
    pub fn targets_elsewhere(&self, family: Family) -> Vec<Target> {
        let all = IntervalSet::range(0, family.max());
        let mut by_addresses: Vec<Target> = Vec::new();
        for (number, _) in self.interfaces.examples() {
            let zoned = self.stretches.iter().flat_map(|z| &z[family as usize]);
            let here = zoned.filter(|s| s.interfaces.contains(number)).flat_map(|s| s.addresses.ranges().to_vec());
            let addresses = all.subtract(&IntervalSet::from_ranges(here).intersect(&deliverable(family)));
            let interfaces = IntervalSet::single(number);
            match by_addresses.iter_mut().find(|t| t.addresses == addresses) {
                Some(target) => target.interfaces = target.interfaces.union(&interfaces),
                None => by_addresses.push(Target { interfaces, addresses, times: always() }),
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
            times: always(),
        }
    }

    /// The gateway as a destination: whatever address it was reached by.
    pub fn gateway_target(family: Family) -> Target {
        Target {
            interfaces: IntervalSet::single(GATEWAY_INTERFACE),
            addresses: IntervalSet::range(0, family.max()),
            times: always(),
        }
    }
}

/// A zone's addresses, interfaces with the same ones together.
fn stretches(regions: &Regions, interfaces: &Interfaces, zone: ZoneId, family: Family) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    for (number, example) in interfaces.examples() {
        // The numbering is at least as fine as the regions: one name speaks for all.
        let Some(atom) = regions.atoms().iter().find(|a| a.pattern.matches(example)) else { continue };
        let ranges: Vec<AddrRange> = Regions::of_zone(atom, zone).collect();
        let addresses = range_set(family, &ranges);
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

/// All time.
pub(super) fn always() -> IntervalSet {
    time_set(&[(Timestamp::MIN, Timestamp::MAX)])
}
