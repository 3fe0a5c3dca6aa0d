//! Numbers of a cube's dimensions and the packets they stand for.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{Cube, Dim, Interfaces, IntervalSet};
use crate::net::{Family, MacAddr, Packet, Proto, Service, addr_to_u128, u128_to_addr};

/// The number of the gateway itself in [`Dim::In`] and [`Dim::Out`].
pub const GATEWAY_INTERFACE: u128 = 0;

/// The number in [`Dim::Mac`] of a packet whose source MAC is not known: sent by
/// the gateway, or not Ethernet. MACs themselves are 0 ..= 2^48 - 1.
pub const UNKNOWN_MAC: u128 = 1 << 48;

/// Ports a protocol has, or types.
const PORTS: u128 = 0x1_0000;

/// One packet at one instant, as a cube's witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The packet; source port 49152 where the protocol has ports (the first of
    /// RFC 6335's dynamic range: any would do).
    pub packet: Packet,
    /// When.
    pub at: Timestamp,
}

/// The set of these MACs; every MAC, known or not, for an empty list.
pub fn macs(list: &[MacAddr]) -> IntervalSet {
    if list.is_empty() {
        return IntervalSet::range(0, UNKNOWN_MAC);
    }
    IntervalSet::from_ranges(list.iter().map(|m| (u128::from(m.to_u64()), u128::from(m.to_u64()))))
}

/// The number of a source MAC.
pub fn mac_value(mac: Option<MacAddr>) -> u128 {
    mac.map_or(UNKNOWN_MAC, |m| u128::from(m.to_u64()))
}

/// The ICMP of a family; the other family's number is a bare protocol in it.
pub fn own_icmp(family: Family) -> Proto {
    match family {
        Family::V4 => Proto::ICMP,
        Family::V6 => Proto::ICMPV6,
    }
}

/// The number of a packet's protocol and destination port or ICMP type:
/// protocol × 65536 + port or type, 0 for other protocols. None if the packet
/// lacks the port or type that its protocol has: such a one opens no flow.
pub fn service_value(packet: &Packet) -> Option<u128> {
    let low = match packet.proto {
        p if p.has_ports() => u128::from(packet.dport?),
        p if p == own_icmp(packet.family()) => u128::from(packet.icmp_type?),
        _ => 0,
    };
    Some(u128::from(packet.proto.0) * PORTS + low)
}

fn proto_range(family: Family, proto: Proto) -> (u128, u128) {
    let base = u128::from(proto.0) * PORTS;
    match proto {
        p if p.has_ports() => (base, base + PORTS - 1),
        p if p == own_icmp(family) => (base, base + 255),
        _ => (base, base),
    }
}

/// Every service of a family.
pub fn all_services(family: Family) -> IntervalSet {
    IntervalSet::from_ranges((0..=255).map(|n| proto_range(family, Proto(n))))
}

/// What services mean in a family: ICMP in IPv4 alone, ICMPv6 in IPv6 alone.
pub fn service_set(family: Family, services: &[Service]) -> IntervalSet {
    if services.contains(&Service::Any) {
        return all_services(family);
    }
    let typed = |proto: Proto, kind: Option<u8>| {
        let (base, last) = proto_range(family, proto);
        let range = kind.map_or((base, last), |t| (base + u128::from(t), base + u128::from(t)));
        (proto == own_icmp(family)).then_some(range)
    };
    IntervalSet::from_ranges(services.iter().filter_map(|service| match *service {
        Service::Ports(proto, range) => {
            let base = u128::from(proto.0) * PORTS;
            Some((base + u128::from(range.first()), base + u128::from(range.last())))
        }
        Service::Icmp(kind) => typed(Proto::ICMP, kind),
        Service::Icmpv6(kind) => typed(Proto::ICMPV6, kind),
        Service::Proto(proto) => Some(proto_range(family, proto)),
        // Everything: handled above.
        Service::Any => None,
    }))
}

/// The number of an instant: nanoseconds since `Timestamp::MIN`.
pub fn time_value(at: Timestamp) -> u128 {
    // No timestamp is before MIN.
    (at.as_nanosecond() - Timestamp::MIN.as_nanosecond()) as u128
}

/// The instant of a number; `Timestamp::MAX` for what lies beyond it.
pub fn instant_of(value: u128) -> Timestamp {
    i128::try_from(value)
        .ok()
        .and_then(|v| Timestamp::from_nanosecond(v + Timestamp::MIN.as_nanosecond()).ok())
        .unwrap_or(Timestamp::MAX)
}

/// The union of half-open spans.
pub fn time_set(spans: &[(Timestamp, Timestamp)]) -> IntervalSet {
    IntervalSet::from_ranges(
        spans.iter().filter(|(from, until)| from < until).map(|(f, u)| (time_value(*f), time_value(*u) - 1)),
    )
}

impl Cube {
    /// A packet of it and its earliest instant; none if it is empty. Plain
    /// packets are preferred: TCP or UDP, a MAC that a host could have.
    pub fn witness(&self, interfaces: &Interfaces) -> Option<Point> {
        if self.is_empty() {
            return None;
        }
        let service = plain_service(self.get(Dim::Service), self.family)?;
        let proto = Proto(u8::try_from(service / PORTS).ok()?);
        let low = service % PORTS;
        let icmp = proto == own_icmp(self.family);
        let packet = Packet {
            in_if: interfaces.name(self.get(Dim::In).first()?).cloned(),
            out_if: interfaces.name(self.get(Dim::Out).first()?).cloned(),
            src_mac: plain_mac(self.get(Dim::Mac))?,
            src: plain_address(self.family, self.get(Dim::Src))?,
            dst: plain_address(self.family, self.get(Dim::Dst))?,
            proto,
            sport: proto.has_ports().then_some(49152),
            dport: proto.has_ports().then_some(low as u16),
            icmp_type: icmp.then_some(low as u8),
            icmp_code: icmp.then_some(0),
        };
        Some(Point { packet, at: instant_of(self.get(Dim::Time).first()?) })
    }

    /// True if the packet, opening a flow at the instant, is in it.
    pub fn holds(&self, interfaces: &Interfaces, packet: &Packet, at: Timestamp) -> bool {
        let Some(service) = service_value(packet) else { return false };
        let number = |name: &Option<_>| name.as_ref().map_or(GATEWAY_INTERFACE, |n| interfaces.number(n));
        let values = [
            number(&packet.in_if),
            number(&packet.out_if),
            mac_value(packet.src_mac),
            addr_to_u128(packet.src),
            addr_to_u128(packet.dst),
            service,
            time_value(at),
        ];
        self.contains(packet.family(), &values)
    }
}

fn plain_service(set: &IntervalSet, family: Family) -> Option<u128> {
    let echo = if family == Family::V4 { 8 } else { 128 };
    let ping = u128::from(own_icmp(family).0) * PORTS + echo;
    let tcp = u128::from(Proto::TCP.0) * PORTS;
    let common = [443, 80, 22].map(|port| tcp + port);
    common
        .into_iter()
        .find(|n| set.contains(*n))
        .or_else(|| {
            [Proto::TCP, Proto::UDP, Proto::SCTP].into_iter().find_map(|proto| {
                let (base, last) = proto_range(family, proto);
                // Port 0 is a port, but no plain one.
                set.intersect(&IntervalSet::range(base + 1, last)).first()
            })
        })
        .or_else(|| set.contains(ping).then_some(ping))
        .or_else(|| set.first())
}

/// A MAC of the set, or none where only unknown ones are.
fn plain_mac(set: &IntervalSet) -> Option<Option<MacAddr>> {
    let local = MacAddr([2, 0, 0, 0, 0, 1]);
    if set.contains(u128::from(local.to_u64())) {
        return Some(Some(local));
    }
    let number = set.ranges().iter().find_map(|(first, last)| {
        // The I/G bit is bit 40: skip over the block of group addresses, and zero.
        let first = if *first == 0 { 1 } else { *first };
        let unicast = if first >> 40 & 1 == 1 { ((first >> 40) + 1) << 40 } else { first };
        (unicast <= *last && unicast < UNKNOWN_MAC).then_some(unicast)
    });
    let number = number.or_else(|| set.first())?;
    Some((number < UNKNOWN_MAC).then(|| MacAddr::from_u64(number as u64)))
}

/// An address of the set; the second of a wide range, whose first is often
/// reserved for the network.
fn plain_address(family: Family, set: &IntervalSet) -> Option<IpAddr> {
    let (first, last) = *set.ranges().first()?;
    let n = if last - first >= 2 { first + 1 } else { first };
    Some(u128_to_addr(family, n))
}
