//! What `zonectl isolate` cuts (SPEC §2, step 1).

use std::net::IpAddr;

use super::{Question, entries, link, zones};
use crate::net::{ConnState, Packet, Proto, Service};
use crate::policy::{Isolated, Management, Policy, ZoneId};

/// True if an isolation cuts the packet. Loopback is never cut.
pub(super) fn cuts(policy: &Policy, packet: &Packet) -> bool {
    let loopback = [&packet.in_if, &packet.out_if].into_iter().flatten().any(|name| name.as_str() == "lo");
    if loopback || policy.isolated.is_empty() {
        return false;
    }
    let from = |zone: ZoneId| comes_from(policy, packet, zone);
    let to = zones::destination_end(policy, packet).zone();
    policy.isolated.iter().any(|isolated| match *isolated {
        Isolated::All => true,
        Isolated::Zone(zone) => from(zone) || to == Some(zone),
        Isolated::Pair(a, b) => (from(a) && to == Some(b)) || (from(b) && to == Some(a)),
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

/// True if an isolated zone is where the packet comes from. A source that belongs to every zone of its interface, when
/// it speaks to the gateway, is cut where all of them are isolated.
fn comes_from(policy: &Policy, packet: &Packet, zone: ZoneId) -> bool {
    let Some(in_if) = &packet.in_if else { return false };
    if packet.out_if.is_none() && zones::of_every_zone(packet.src) {
        let here = zones::on_interface(policy, in_if);
        return here.contains(&zone) && here.iter().all(|z| policy.isolated.contains(&Isolated::Zone(*z)));
    }
    zones::zone_of(policy, in_if, packet.src) == Some(zone)
}

/// True if no isolation cuts the packet, to or from the gateway, because the gateway would be out of its managers'
/// reach: answers to what `gateway.management` lets in, and for IPv6 the neighbour discovery of their links.
pub(super) fn spares(policy: &Policy, question: &Question) -> bool {
    let packet = &question.packet;
    let neighbours = link::is_of_neighbours(packet) && question.hop_limit == 255;
    let to = zones::destination_end(policy, packet).zone();
    policy.gateway.management.iter().any(|line| {
        let zone = policy.host(line.host).zone;
        let reply = packet.in_if.is_none() && question.state == ConnState::Established;
        (neighbours && is_link_of(policy, line, packet)) || (reply && to == Some(zone) && answers(policy, line, packet))
    })
}

/// True if the packet is on a link of a manager that has IPv6 addresses, and comes with its MAC or from the gateway.
fn is_link_of(policy: &Policy, line: &Management, packet: &Packet) -> bool {
    let (host, macs) = (policy.host(line.host), policy.seen_macs(line.host));
    let Some(name) = packet.in_if.as_ref().or(packet.out_if.as_ref()) else { return false };
    let here = policy.zone(host.zone).interfaces.iter().any(|pattern| pattern.matches(name));
    let own = packet.in_if.is_none() || macs.is_empty() || packet.src_mac.is_some_and(|mac| macs.contains(&mac));
    here && own && host.ips.iter().any(|network| network.addr().is_ipv6())
}

fn answers(policy: &Policy, line: &Management, packet: &Packet) -> bool {
    let turned = Packet { sport: packet.dport, dport: packet.sport, ..packet.clone() };
    let answered = |service: &Service| match *service {
        // Echo, timestamp, information, address mask (RFC 792, RFC 950); echo (RFC 4443).
        Service::Icmp(Some(kind)) => {
            let pairs = [(8, 0), (13, 14), (15, 16), (17, 18)];
            packet.proto == Proto::ICMP
                && pairs.iter().any(|(ask, reply)| *ask == kind && packet.icmp_type == Some(*reply))
        }
        Service::Icmpv6(Some(kind)) => packet.proto == Proto::ICMPV6 && kind == 128 && packet.icmp_type == Some(129),
        other => entries::service_matches(&[other], &turned),
    };
    entries::host_has(policy, line.host, packet.dst) && line.services.iter().any(answered)
}
