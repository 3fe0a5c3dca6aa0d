//! Which entry comes nearest to letting a packet pass, and what differs.

use jiff::Timestamp;

use crate::net::{IfName, Packet, Proto, Service};
use crate::policy::{DenyReason, Endpoint, Entry, HostId, Policy, Regions, Status, ZoneId, forwardable};
use crate::space::own_icmp;

/// One thing in which a packet differs from an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Differs {
    /// The entry is not for the packet's source zone (or the gateway).
    FromZone,
    /// The source address is not one of the entry's.
    Src,
    /// The source MAC is not the one that the host is bound to.
    Mac,
    /// The entry is not for the packet's destination zone (or the gateway).
    ToZone,
    /// The destination address is not one of the entry's.
    Dst,
    /// No service of the entry has the packet's protocol.
    Proto,
    /// The protocol is the entry's, the destination port is not.
    Dport,
    /// The protocol is the entry's, the ICMP type is not.
    IcmpType,
    /// The entry is not in force at the time: not yet, or no longer.
    Time,
    /// The packet opens no flow: it is invalid or untracked, or bears a routing header.
    State,
}

impl Differs {
    /// The name in JSON: `from_zone`, `src`, `mac`, `to_zone`, `dst`, `proto`,
    /// `dport`, `icmp_type`, `time`, `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FromZone => "from_zone",
            Self::Src => "src",
            Self::Mac => "mac",
            Self::ToZone => "to_zone",
            Self::Dst => "dst",
            Self::Proto => "proto",
            Self::Dport => "dport",
            Self::IcmpType => "icmp_type",
            Self::Time => "time",
            Self::State => "state",
        }
    }
}

/// The nearest entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Its id.
    pub entry: String,
    /// Its index in [`Policy::entries`].
    pub index: usize,
    /// What differs, in the order of [`Differs`].
    pub differs: Vec<Differs>,
}

/// Finds nearest entries under one policy; build it once, ask it often.
#[derive(Debug)]
pub struct Neighbours<'p> {
    policy: &'p Policy,
    regions: Regions,
}

/// Where a packet comes from or goes.
enum Side {
    Gateway,
    /// None, one, or (link-local to the gateway) several.
    Zones(Vec<ZoneId>),
}

/// The entry with the fewest differences to `packet` at `at`; the first in
/// reading order among equals; none where there are no entries. A packet denied
/// by binding (`reason`) differs from every entry in what binding holds against
/// it: its MAC, or under a MAC that is another's own its address.
pub fn nearest(policy: &Policy, packet: &Packet, at: Timestamp, reason: Option<DenyReason>) -> Option<Nearest> {
    Neighbours::new(policy).nearest(packet, at, reason)
}

/// What binding holds against a packet.
fn unbound(reason: DenyReason) -> Option<Differs> {
    match reason {
        DenyReason::MacMismatch | DenyReason::ForeignDevice => Some(Differs::Mac),
        DenyReason::IpMismatch => Some(Differs::Src),
        _ => None,
    }
}

impl<'p> Neighbours<'p> {
    /// For the entries of this policy.
    pub fn new(policy: &'p Policy) -> Self {
        Self { policy, regions: Regions::new(policy) }
    }

    /// See [`nearest`].
    pub fn nearest(&self, packet: &Packet, at: Timestamp, reason: Option<DenyReason>) -> Option<Nearest> {
        let unbound = reason.and_then(unbound);
        let (from, to) = (self.source(packet), self.destination(packet));
        let mut best: Option<(usize, Vec<Differs>)> = None;
        for (index, entry) in self.policy.entries.iter().enumerate() {
            let mut differs = service_differs(entry, packet);
            if entry.schedule.status(at) != Status::Active {
                differs.push(Differs::Time);
            }
            let limit = best.as_ref().map_or(usize::MAX, |(_, d)| d.len());
            if differs.len() >= limit {
                continue;
            }
            differs.extend(self.least(&entry.to, |end| self.target_differs(end, &to, packet)));
            if differs.len() >= limit {
                continue;
            }
            let source = self.least(&entry.from, |end| self.source_differs(end, &from, packet));
            differs.extend(unbound.filter(|own| !source.contains(own)));
            differs.extend(source);
            if differs.len() < limit {
                differs.sort_unstable();
                best = Some((index, differs));
            }
        }
        best.map(|(index, differs)| Nearest { entry: self.policy.entries[index].id.clone(), index, differs })
    }

    /// The first moment after `at` at which an entry lets the packet pass that
    /// differs from it in time alone; none if none ever will.
    pub fn opens(&self, packet: &Packet, at: Timestamp) -> Option<Timestamp> {
        let (from, to) = (self.source(packet), self.destination(packet));
        let fits = |entry: &&Entry| {
            service_differs(entry, packet).is_empty()
                && self.least(&entry.to, |end| self.target_differs(end, &to, packet)).is_empty()
                && self.least(&entry.from, |end| self.source_differs(end, &from, packet)).is_empty()
        };
        let waiting = self.policy.entries.iter().filter(|e| e.schedule.status(at) == Status::OutsideWindow);
        waiting.filter(fits).filter_map(|entry| opening(entry, at)).min()
    }

    fn source(&self, packet: &Packet) -> Side {
        let Some(name) = &packet.in_if else { return Side::Gateway };
        let src = packet.src;
        let link_local = matches!(src, std::net::IpAddr::V6(a) if a.is_unicast_link_local());
        if packet.out_if.is_none() && (src.is_unspecified() || link_local) {
            return Side::Zones(self.on_interface(name));
        }
        Side::Zones(self.regions.zone_at(name, src).into_iter().collect())
    }

    fn destination(&self, packet: &Packet) -> Side {
        let Some(name) = &packet.out_if else { return Side::Gateway };
        let single = crate::net::AddrRange::single(packet.dst);
        let zone = self.regions.zone_at(name, packet.dst).filter(|_| !forwardable(single).is_empty());
        Side::Zones(zone.into_iter().collect())
    }

    fn on_interface(&self, name: &IfName) -> Vec<ZoneId> {
        let here = |z: &ZoneId| self.policy.zone(*z).interfaces.iter().any(|p| p.matches(name));
        (0..self.policy.zones.len()).map(ZoneId).filter(here).collect()
    }

    /// The shortest list that an endpoint gives; the first of equals.
    fn least(&self, ends: &[Endpoint], differs: impl Fn(Endpoint) -> Vec<Differs>) -> Vec<Differs> {
        ends.iter().map(|end| differs(*end)).min_by_key(Vec::len).unwrap_or_default()
    }

    /// Whether the endpoint's zone is not the side's, and which zone it is.
    fn zone_differs(&self, end: Endpoint, side: &Side) -> bool {
        match (self.policy.endpoint_zone(end), side) {
            (None, Side::Gateway) => false,
            (Some(zone), Side::Zones(zones)) => !zones.contains(&zone),
            _ => true,
        }
    }

    fn source_differs(&self, end: Endpoint, side: &Side, packet: &Packet) -> Vec<Differs> {
        let mut differs = match end {
            Endpoint::Zone(_) | Endpoint::Gateway => Vec::new(),
            Endpoint::Network(_, net) if net.contains(&packet.src) => Vec::new(),
            Endpoint::Network(..) => vec![Differs::Src],
            Endpoint::Host(id) => self.host_differs(id, packet),
            Endpoint::Group(_, id) => {
                let group = self.policy.group(id);
                if group.networks.iter().any(|n| n.contains(&packet.src)) {
                    Vec::new()
                } else {
                    let hosts = group.hosts.iter().map(|id| self.host_differs(*id, packet));
                    hosts.min_by_key(Vec::len).unwrap_or_else(|| vec![Differs::Src])
                }
            }
        };
        if self.zone_differs(end, side) {
            differs.push(Differs::FromZone);
        }
        differs
    }

    /// A host with neither address nor MAC of the packet differs in its address
    /// alone: it is another host.
    fn host_differs(&self, id: HostId, packet: &Packet) -> Vec<Differs> {
        let (host, macs) = (self.policy.host(id), self.policy.seen_macs(id));
        let addressed = !host.ips.is_empty();
        let src = host.ips.iter().any(|n| n.contains(&packet.src));
        let mac = packet.src_mac.is_some_and(|m| macs.contains(&m));
        match (addressed, src) {
            (false, _) if mac => Vec::new(),
            (false, _) => vec![Differs::Mac],
            (true, true) if mac || macs.is_empty() => Vec::new(),
            (true, true) => vec![Differs::Mac],
            (true, false) => vec![Differs::Src],
        }
    }

    fn target_differs(&self, end: Endpoint, side: &Side, packet: &Packet) -> Vec<Differs> {
        let has = |id: &HostId| self.policy.host(*id).ips.iter().any(|n| n.contains(&packet.dst));
        let holds = match end {
            Endpoint::Zone(_) | Endpoint::Gateway => true,
            Endpoint::Network(_, net) => net.contains(&packet.dst),
            Endpoint::Host(id) => has(&id),
            Endpoint::Group(_, id) => {
                let group = self.policy.group(id);
                group.networks.iter().any(|n| n.contains(&packet.dst)) || group.hosts.iter().any(has)
            }
        };
        let mut differs = if holds { Vec::new() } else { vec![Differs::Dst] };
        if self.zone_differs(end, side) {
            differs.push(Differs::ToZone);
        }
        differs
    }
}

/// When an entry comes into force after `at`.
fn opening(entry: &Entry, at: Timestamp) -> Option<Timestamp> {
    let next = entry.schedule.next_change(at)?;
    (entry.schedule.status(next) == Status::Active).then_some(next)
}

/// Nothing, or what stands nearest: the port or type where the protocol agrees,
/// else the protocol.
fn service_differs(entry: &Entry, packet: &Packet) -> Vec<Differs> {
    let icmp = own_icmp(packet.family());
    let mut found = vec![Differs::Proto];
    for service in &entry.services {
        match *service {
            Service::Any => return Vec::new(),
            Service::Proto(proto) if proto == packet.proto => return Vec::new(),
            Service::Ports(proto, _) if proto == packet.proto => {
                if service.matches(packet) {
                    return Vec::new();
                }
                found = vec![Differs::Dport];
            }
            Service::Icmp(_) if icmp == Proto::ICMP && packet.proto == icmp => {
                if service.matches(packet) {
                    return Vec::new();
                }
                found = vec![Differs::IcmpType];
            }
            Service::Icmpv6(_) if icmp == Proto::ICMPV6 && packet.proto == icmp => {
                if service.matches(packet) {
                    return Vec::new();
                }
                found = vec![Differs::IcmpType];
            }
            _ => {}
        }
    }
    found
}
