//! Entries: endpoints, MACs, services, times, order, log.

use super::policies::{Build, from_mac, icmp, now, packet, tcp, time};
use crate::judge::{Question, judge};
use crate::net::{Packet, Proto};
use crate::policy::{Endpoint, Schedule, ZoneId};

const OWN: &str = "02:00:00:00:00:01";
const SPARE: &str = "02:00:00:00:00:02";
const ROUTER: &str = "02:00:00:00:00:fe";

fn two_zones() -> (Build, ZoneId, ZoneId) {
    let mut b = Build::new();
    let (one, two) = (b.zone("a", "eth1", "10.1.0.0/16"), b.zone("b", "eth2", "10.2.0.0/16"));
    (b, one, two)
}

#[test]
fn a_host_with_macs_matches_as_source_only_with_them() {
    let (mut b, one, two) = two_zones();
    let host = b.host(one, "10.1.0.5 10.1.1.0/30", &format!("{OWN} {SPARE}"), None);
    let server = b.host(two, "10.2.0.5", OWN, None);
    b.allow(&[Endpoint::Host(host)], &[Endpoint::Host(server)], "tcp/443");
    let from = |mac, src| b.reason(from_mac(mac, tcp(&format!("eth1 {src} > eth2 10.2.0.5#443"))));
    for mac in [OWN, SPARE] {
        for src in ["10.1.0.5", "10.1.1.0", "10.1.1.3"] {
            assert_eq!(from(mac, src), "allowed");
        }
        assert_eq!(from(mac, "10.1.0.6"), "no-allow-entry");
        assert_eq!(from(mac, "10.1.1.4"), "no-allow-entry");
    }
    assert_eq!(from(ROUTER, "10.1.0.5"), "no-allow-entry");
    let unknown = Packet { src_mac: None, ..tcp("eth1 10.1.0.5 > eth2 10.2.0.5#443") };
    assert_eq!(b.reason(unknown), "no-allow-entry");
}

#[test]
fn a_host_without_mac_matches_with_any() {
    let (mut b, one, two) = two_zones();
    let host = b.host(one, "10.1.0.5", "", None);
    b.allow(&[Endpoint::Host(host)], &[Endpoint::Zone(two)], "tcp/443");
    assert_eq!(b.reason(from_mac(OWN, tcp("eth1 10.1.0.5 > eth2 10.2.0.9#443"))), "allowed");
    let unknown = Packet { src_mac: None, ..tcp("eth1 10.1.0.5 > eth2 10.2.0.9#443") };
    assert_eq!(b.reason(unknown), "allowed");
}

#[test]
fn a_host_without_address_is_known_by_its_mac_and_is_no_destination() {
    let (mut b, one, two) = two_zones();
    let dhcp = b.host(one, "", OWN, None);
    b.allow(&[Endpoint::Host(dhcp)], &[Endpoint::Zone(two)], "tcp/443");
    b.allow(&[Endpoint::Zone(two)], &[Endpoint::Host(dhcp)], "tcp/443");
    assert_eq!(b.reason(from_mac(OWN, tcp("eth1 10.1.77.5 > eth2 10.2.0.9#443"))), "allowed");
    assert_eq!(b.reason(from_mac(SPARE, tcp("eth1 10.1.77.5 > eth2 10.2.0.9#443"))), "no-allow-entry");
    assert_eq!(b.reason(from_mac(OWN, tcp("eth1 10.9.77.5 > eth2 10.2.0.9#443"))), "spoofed-source");
    assert_eq!(b.reason(from_mac(OWN, tcp("eth2 10.2.0.9 > eth1 10.1.77.5#443"))), "no-allow-entry");
}

#[test]
fn behind_a_via_only_its_macs_match() {
    let (mut b, one, two) = two_zones();
    let router = b.host(one, "10.1.0.1", ROUTER, None);
    let host = b.host(one, "10.1.0.5", OWN, Some(router));
    b.allow(&[Endpoint::Host(host)], &[Endpoint::Zone(two)], "tcp/443");
    assert_eq!(b.reason(from_mac(ROUTER, tcp("eth1 10.1.0.5 > eth2 10.2.0.9#443"))), "allowed");
    assert_eq!(b.reason(from_mac(OWN, tcp("eth1 10.1.0.5 > eth2 10.2.0.9#443"))), "no-allow-entry");
    assert_eq!(b.reason(from_mac(ROUTER, tcp("eth1 10.1.0.1 > eth2 10.2.0.9#443"))), "no-allow-entry");
}

#[test]
fn groups_are_their_hosts_and_their_networks() {
    let (mut b, one, two) = two_zones();
    let host = b.host(one, "10.1.0.5", OWN, None);
    let from = b.group(&[host], "10.1.9.0/24");
    let server = b.host(two, "10.2.0.5", "", None);
    let to = b.group(&[server], "10.2.7.7/32");
    b.allow(&[Endpoint::Group(one, from)], &[Endpoint::Group(two, to)], "tcp/443");
    let ask = |mac, src, dst| b.reason(from_mac(mac, tcp(&format!("eth1 {src} > eth2 {dst}#443"))));
    assert_eq!(ask(OWN, "10.1.0.5", "10.2.0.5"), "allowed");
    assert_eq!(ask(OWN, "10.1.0.5", "10.2.7.7"), "allowed");
    assert_eq!(ask(SPARE, "10.1.0.5", "10.2.7.7"), "no-allow-entry");
    assert_eq!(ask(SPARE, "10.1.9.1", "10.2.7.7"), "allowed");
    assert_eq!(ask(OWN, "10.1.0.5", "10.2.7.8"), "no-allow-entry");
}

#[test]
fn an_address_endpoint_binds_no_mac_but_its_zone() {
    let mut b = Build::new();
    let outer = b.zone("outer", "eth1", "10.0.0.0/8");
    let inner = b.zone("inner", "eth1", "10.1.0.0/16");
    let net = "10.0.0.0/8".parse().unwrap();
    b.allow(&[Endpoint::Network(outer, net)], &[Endpoint::Network(outer, "10.9.0.1/32".parse().unwrap())], "any");
    assert_eq!(b.reason(tcp("eth1 10.2.0.1 > eth1 10.9.0.1#1")), "allowed");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth1 10.9.0.1#1")), "no-allow-entry");
    assert_eq!(b.ask(tcp("eth1 10.1.0.1 > eth1 10.9.0.1#1")).from_zone.zone(), Some(inner));
}

#[test]
fn services_match_by_protocol_and_port_or_type() {
    let mut b = Build::new();
    let one = b.zone("a", "eth1", "10.1.0.0/16 2001:db8:1::/48");
    let two = b.zone("b", "eth2", "10.2.0.0/16 2001:db8:2::/48");
    let list = "tcp/443 udp/5000-5010 sctp/9 icmp/8 icmpv6/128 proto/47";
    b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], list);
    let v4 = "eth1 10.1.0.1 > eth2 10.2.0.1";
    let v6 = "eth1 2001:db8:1::1 > eth2 2001:db8:2::1";
    let passes = |packet: Packet| b.reason(packet) == "allowed";
    assert!(passes(packet(Proto::TCP, &format!("{v4}#443"))) && passes(packet(Proto::TCP, &format!("{v6}#443"))));
    assert!(!passes(packet(Proto::TCP, &format!("{v4}#444"))) && !passes(packet(Proto::UDP, &format!("{v4}#443"))));
    for (port, want) in [(4999, false), (5000, true), (5010, true), (5011, false)] {
        assert_eq!(passes(packet(Proto::UDP, &format!("{v4}#{port}"))), want, "{port}");
    }
    assert!(passes(packet(Proto::SCTP, &format!("{v4}#9"))) && !passes(packet(Proto(136), &format!("{v4}#9"))));
    assert!(passes(icmp(Proto::ICMP, 8, v4)) && !passes(icmp(Proto::ICMP, 13, v4)));
    assert!(passes(icmp(Proto::ICMPV6, 128, v6)) && !passes(icmp(Proto::ICMPV6, 8, v6)));
    assert!(!passes(icmp(Proto::ICMP, 8, v6)) && !passes(icmp(Proto::ICMPV6, 128, v4)));
    assert!(passes(packet(Proto(47), v4)) && passes(packet(Proto(47), v6)) && !passes(packet(Proto(46), v4)));
    assert!(!passes(packet(Proto::TCP, v4)), "a TCP packet whose port is not known");
}

#[test]
fn starts_and_expires_are_half_open() {
    let (mut b, one, two) = two_zones();
    let index = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "any");
    let (start, end) = (time("2026-11-01T00:00:00Z"), time("2026-12-01T00:00:00Z"));
    b.0.entries[index].schedule = Schedule { starts: Some(start), expires: Some(end), windows: None };
    let at = |at: &str| {
        let question = Question::new(tcp("eth1 10.1.0.1 > eth2 10.2.0.1#443"), time(at));
        judge(&b.0, &question).verdict.reason()
    };
    assert_eq!(at("2026-10-31T23:59:59.999999999Z"), "outside-window");
    assert_eq!(at("2026-11-01T00:00:00Z"), "allowed");
    assert_eq!(at("2026-11-30T23:59:59.999999999Z"), "allowed");
    assert_eq!(at("2026-12-01T00:00:00Z"), "expired");
}

#[test]
fn the_first_reason_is_outside_window_then_expired() {
    let (mut b, one, two) = two_zones();
    let later = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "tcp/1 tcp/2");
    let past = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "tcp/2 tcp/3");
    let open = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "tcp/4");
    b.0.entries[later].schedule.starts = Some(time("2027-01-01T00:00:00Z"));
    b.0.entries[past].schedule.expires = Some(now());
    let port = |port: u16| b.ask(tcp(&format!("eth1 10.1.0.1 > eth2 10.2.0.1#{port}")));
    assert_eq!(port(1).verdict.reason(), "outside-window");
    assert_eq!(port(2).verdict.reason(), "outside-window");
    assert_eq!(port(3).verdict.reason(), "expired");
    assert_eq!(port(4).entry, Some(open));
    assert_eq!(port(5).verdict.reason(), "no-allow-entry");
    assert_eq!(port(3).entry, None);
}

#[test]
fn the_first_entry_in_force_decides_and_any_that_matches_logs() {
    let (mut b, one, two) = two_zones();
    let past = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "tcp/443");
    let first = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "tcp/443");
    let second = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "any");
    b.0.entries[past].schedule.expires = Some(now());
    b.0.entries[past].log = true;
    let answer = |b: &Build| b.ask(tcp("eth1 10.1.0.1 > eth2 10.2.0.1#443"));
    assert_eq!((answer(&b).entry, answer(&b).logged), (Some(first), false));
    b.0.entries[second].log = true;
    assert_eq!((answer(&b).entry, answer(&b).logged), (Some(first), true));
}

#[test]
fn an_entry_of_many_ends_is_their_product() {
    let mut b = Build::new();
    let one = b.zone("a", "eth1", "10.1.0.0/16");
    let two = b.zone("b", "eth2", "10.2.0.0/16");
    let three = b.zone("c", "eth3", "10.3.0.0/16");
    b.allow(&[Endpoint::Zone(one), Endpoint::Zone(two)], &[Endpoint::Zone(two), Endpoint::Zone(three)], "any");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth3 10.3.0.1#1")), "allowed");
    assert_eq!(b.reason(tcp("eth2 10.2.0.1 > eth2 10.2.0.2#1")), "allowed");
    assert_eq!(b.reason(tcp("eth3 10.3.0.1 > eth2 10.2.0.2#1")), "no-allow-entry");
    assert_eq!(b.reason(tcp("eth2 10.2.0.1 > eth1 10.1.0.2#1")), "no-allow-entry");
}

#[test]
fn an_entry_over_its_rate_is_passed_over() {
    let (mut b, one, two) = two_zones();
    let ends = [Endpoint::Zone(one), Endpoint::Zone(two)];
    let first = b.allow(&ends[..1], &ends[1..], "tcp/443");
    let second = b.allow(&ends[..1], &ends[1..], "tcp/400-500");
    b.0.entries[first].log = true;
    let ask = |b: &Build, over: &[usize], port: u16| {
        let packet = tcp(&format!("eth1 10.1.0.5 > eth2 10.2.0.5#{port}"));
        let question = Question { over_rate: over.iter().copied().collect(), ..Question::new(packet, now()) };
        let answer = judge(&b.0, &question);
        (answer.verdict.reason(), answer.entry, answer.logged)
    };
    assert_eq!(ask(&b, &[], 443), ("allowed", Some(first), true));
    assert_eq!(ask(&b, &[first], 443), ("allowed", Some(second), true), "it matches all the same");
    assert_eq!(ask(&b, &[first, second], 443), ("rate-exceeded", None, false));
    assert_eq!(ask(&b, &[first], 444), ("allowed", Some(second), false));
    assert_eq!(ask(&b, &[first], 80), ("no-allow-entry", None, false), "no rate of another's");
    b.0.entries[second].schedule = Schedule { expires: Some(now()), ..Schedule::default() };
    assert_eq!(ask(&b, &[first, second], 443), ("rate-exceeded", None, false), "before the other reasons");
    assert_eq!(ask(&b, &[second], 444), ("expired", None, false), "what is not in force has no rate");
}
