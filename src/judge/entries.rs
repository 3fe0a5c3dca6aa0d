//! Which allow entries a packet matches (SPEC §2, steps 8 and 9).

use std::net::IpAddr;

use super::Question;
use crate::net::{Family, Packet, Service};
use crate::policy::{Endpoint, HostId, Policy, Status, ZoneId};

/// The two sides of a packet that entries are asked about.
pub(super) enum Ends<'a> {
    /// Forwarded, from one of these zones to this one.
    Between(&'a [ZoneId], ZoneId),
    /// From one of these zones to the gateway.
    ToGateway(&'a [ZoneId]),
    /// From the gateway to this zone.
    FromGateway(ZoneId),
}

/// What the matching entries say.
#[derive(Default)]
pub(super) struct Found {
    /// The first in force and within its rate.
    pub first_active: Option<usize>,
    /// One in force has `log = true`.
    pub logged: bool,
    /// One in force is over its rate.
    pub over_rate: bool,
    /// One matches at another time.
    pub outside_window: bool,
    /// One matched once.
    pub expired: bool,
}

/// Asks every entry, in reading order.
pub(super) fn matching(policy: &Policy, question: &Question, ends: &Ends<'_>) -> Found {
    let packet = &question.packet;
    let mut found = Found::default();
    for (index, entry) in policy.entries.iter().enumerate() {
        let from = entry.from.iter().any(|end| is_source(policy, *end, packet, ends));
        let to = entry.to.iter().any(|end| is_destination(policy, *end, packet, ends));
        if !from || !to || !service_matches(&entry.services, packet) {
            continue;
        }
        match entry.schedule.status(question.at) {
            Status::Active => {
                found.logged |= entry.log;
                if question.over_rate.contains(&index) {
                    found.over_rate = true;
                } else {
                    found.first_active = found.first_active.or(Some(index));
                }
            }
            Status::OutsideWindow => found.outside_window = true,
            Status::Expired => found.expired = true,
        }
    }
    found
}

/// True if the packet's source is this endpoint.
fn is_source(policy: &Policy, endpoint: Endpoint, packet: &Packet, ends: &Ends<'_>) -> bool {
    let zones = match ends {
        Ends::FromGateway(_) => return endpoint == Endpoint::Gateway,
        Ends::Between(zones, _) | Ends::ToGateway(zones) => *zones,
    };
    match endpoint {
        Endpoint::Gateway => false,
        Endpoint::Zone(zone) => zones.contains(&zone),
        Endpoint::Network(zone, network) => zones.contains(&zone) && network.contains(&packet.src),
        Endpoint::Host(host) => zones.contains(&policy.host(host).zone) && host_is_source(policy, host, packet),
        Endpoint::Group(zone, group) => {
            let group = policy.group(group);
            let is_host = |host: &HostId| policy.host(*host).zone == zone && host_is_source(policy, *host, packet);
            let listed = group.networks.iter().any(|network| network.contains(&packet.src));
            zones.contains(&zone) && (listed || group.hosts.iter().any(is_host))
        }
    }
}

/// True if the packet's destination is this endpoint. No MAC is asked.
fn is_destination(policy: &Policy, endpoint: Endpoint, packet: &Packet, ends: &Ends<'_>) -> bool {
    let to = match ends {
        Ends::ToGateway(_) => return endpoint == Endpoint::Gateway,
        Ends::Between(_, zone) | Ends::FromGateway(zone) => *zone,
    };
    match endpoint {
        Endpoint::Gateway => false,
        Endpoint::Zone(zone) => zone == to,
        Endpoint::Network(zone, network) => zone == to && network.contains(&packet.dst),
        Endpoint::Host(host) => policy.host(host).zone == to && host_has(policy, host, packet.dst),
        Endpoint::Group(zone, group) => {
            let group = policy.group(group);
            let is_host = |host: &HostId| policy.host(*host).zone == zone && host_has(policy, *host, packet.dst);
            let listed = group.networks.iter().any(|network| network.contains(&packet.dst));
            zone == to && (listed || group.hosts.iter().any(is_host))
        }
    }
}

/// True if one of the host's addresses is this one. A host without addresses is
/// known by its MAC alone, so never as a destination.
pub(super) fn host_has(policy: &Policy, host: HostId, addr: IpAddr) -> bool {
    policy.host(host).ips.iter().any(|network| network.contains(&addr))
}

/// True if the packet, whose zone is the host's, comes from the host: its address,
/// and its MAC (with `via`, the via's) where one is known.
pub(super) fn host_is_source(policy: &Policy, host: HostId, packet: &Packet) -> bool {
    let macs = policy.seen_macs(host);
    let mac_agrees = packet.src_mac.is_some_and(|mac| macs.contains(&mac));
    if policy.host(host).ips.is_empty() {
        // Any address of its zone, but only with its MAC.
        return mac_agrees;
    }
    host_has(policy, host, packet.src) && (macs.is_empty() || mac_agrees)
}

/// True if one of the services is the packet's. ICMP is IPv4's and ICMPv6 IPv6's:
/// their numbers under the other family are bare protocols.
pub(super) fn service_matches(services: &[Service], packet: &Packet) -> bool {
    services.iter().any(|service| match service {
        Service::Ports(proto, range) => packet.proto == *proto && packet.dport.is_some_and(|p| range.contains(p)),
        Service::Icmp(_) => packet.family() == Family::V4 && service.matches(packet),
        Service::Icmpv6(_) => packet.family() == Family::V6 && service.matches(packet),
        Service::Proto(proto) => packet.proto == *proto,
        Service::Any => true,
    })
}
