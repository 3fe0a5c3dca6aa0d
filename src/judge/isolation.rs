//! What `zonectl isolate` cuts (SPEC §2, step 1).

use std::net::IpAddr;

use super::{entries, zones};
use crate::net::{Packet, Proto};
use crate::policy::{Isolated, Management, Policy, ZoneId};

/// True if an isolation cuts the packet. Loopback is never cut.
pub(super) fn cuts(policy: &Policy, packet: &Packet) -> bool {
    let loopback = [&packet.in_if, &packet.out_if].into_iter().flatten().any(|name| name.as_str() == "lo");
    if loopback || policy.isolated.is_empty() {
        return false;
    }
    let from = sources(policy, packet);
    let to = zones::destination_end(policy, packet).zone();
    policy.isolated.iter().any(|isolated| match *isolated {
        Isolated::All => true,
        Isolated::Zone(zone) => from.contains(&zone) || to == Some(zone),
        Isolated::Pair(a, b) => (from.contains(&a) && to == Some(b)) || (from.contains(&b) && to == Some(a)),
        Isolated::Host(host) => {
            let host = policy.host(host);
            let has = |addr: IpAddr| host.ips.iter().any(|network| network.contains(&addr));
            packet.src_mac.is_some_and(|mac| host.macs.contains(&mac)) || has(packet.src) || has(packet.dst)
        }
        Isolated::Mac(mac) => {
            let has = |addr: IpAddr| {
                let mut devices = policy.hosts.iter().filter(|host| host.macs.contains(&mac));
                devices.any(|host| host.ips.iter().any(|network| network.contains(&addr)))
            };
            packet.src_mac == Some(mac) || has(packet.src) || has(packet.dst)
        }
    })
}

/// The zones that the packet comes from: to the gateway, a source that belongs to every zone of its interface comes
/// from each of them.
fn sources(policy: &Policy, packet: &Packet) -> Vec<ZoneId> {
    let Some(in_if) = &packet.in_if else { return Vec::new() };
    if packet.out_if.is_none() && zones::of_every_zone(packet.src) {
        return zones::on_interface(policy, in_if);
    }
    zones::zone_of(policy, in_if, packet.src).into_iter().collect()
}

/// True if the packet, sent by the gateway, answers one that `gateway.management` lets in: no isolation cuts it.
pub(super) fn answers_management(policy: &Policy, packet: &Packet) -> bool {
    let to = zones::destination_end(policy, packet).zone();
    policy
        .gateway
        .management
        .iter()
        .any(|line| to == Some(policy.host(line.host).zone) && answers(policy, line, packet))
}

fn answers(policy: &Policy, line: &Management, packet: &Packet) -> bool {
    let asked = match packet.icmp_type {
        // The answers to echo requests (RFC 792, RFC 4443).
        Some(0) if packet.proto == Proto::ICMP => Some(8),
        Some(129) if packet.proto == Proto::ICMPV6 => Some(128),
        other => other,
    };
    let turned = Packet { sport: packet.dport, dport: packet.sport, icmp_type: asked, ..packet.clone() };
    entries::host_has(policy, line.host, packet.dst) && entries::service_matches(&line.services, &turned)
}
