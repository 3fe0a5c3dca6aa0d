//! Packets to and from the gateway itself.

use super::policies::{Build, from_mac, icmp, now, packet, tcp};
use crate::judge::{End, Question, judge};
use crate::net::{ConnState, Packet, Proto};
use crate::policy::Endpoint;

const ADMIN: &str = "02:00:00:00:00:0a";

fn in_state(b: &Build, state: ConnState, packet: Packet) -> &'static str {
    judge(&b.0, &Question { state, ..Question::new(packet, now()) }).verdict.reason()
}

fn hops(b: &Build, hop_limit: u8, state: ConnState, packet: Packet) -> &'static str {
    judge(&b.0, &Question { hop_limit, state, ..Question::new(packet, now()) }).verdict.reason()
}

#[test]
fn input_is_denied_unless_an_entry_names_the_gateway() {
    let mut b = Build::new();
    let one = b.zone("a", "eth1", "10.1.0.0/16");
    let entry = b.allow(&[Endpoint::Zone(one)], &[Endpoint::Gateway], "udp/123");
    b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(one)], "any");
    let answer = b.ask(packet(Proto::UDP, "eth1 10.1.0.1 > - 10.1.255.254#123"));
    assert_eq!((answer.entry, answer.to_zone), (Some(entry), End::Gateway));
    assert_eq!(b.reason(packet(Proto::UDP, "eth1 10.1.0.1 > - 10.1.255.254#124")), "no-allow-entry");
    assert_eq!(b.reason(packet(Proto::UDP, "eth1 10.2.0.1 > - 10.1.255.254#123")), "spoofed-source");
    assert_eq!(b.reason(packet(Proto::UDP, "eth2 10.1.0.1 > - 10.1.255.254#123")), "unknown-zone");
    assert_eq!(b.reason(packet(Proto::UDP, "lo 127.0.0.1 > - 127.0.0.1#124")), "allowed");
    assert_eq!(in_state(&b, ConnState::Established, tcp("eth1 10.1.0.1 > - 10.1.255.254#9")), "established");
}

#[test]
fn a_forwarded_packet_never_uses_a_gateway_entry() {
    let mut b = Build::new();
    let one = b.zone("a", "eth1", "10.1.0.0/16");
    let two = b.zone("b", "eth2", "10.2.0.0/16");
    b.allow(&[Endpoint::Zone(one), Endpoint::Gateway], &[Endpoint::Gateway], "any");
    b.allow(&[Endpoint::Gateway], &[Endpoint::Zone(two)], "any");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth2 10.2.0.1#1")), "no-allow-entry");
}

#[test]
fn management_comes_before_everything() {
    let mut b = Build::new();
    let zone = b.zone("m", "eth7", "10.7.0.0/24");
    b.zone("n", "eth8", "10.8.0.0/24");
    let admin = b.host(zone, "10.7.0.5", ADMIN, None);
    b.manage(admin, "tcp/22");
    let ssh = || from_mac(ADMIN, tcp("eth7 10.7.0.5 > - 10.7.0.1#22"));
    for state in [ConnState::New, ConnState::Established, ConnState::Invalid] {
        assert_eq!(in_state(&b, state, ssh()), "management");
    }
    assert_eq!(b.reason(tcp("eth7 10.7.0.5 > - 10.7.0.1#22")), "no-allow-entry", "another MAC");
    assert_eq!(b.reason(from_mac(ADMIN, tcp("eth7 10.7.0.6 > - 10.7.0.1#22"))), "no-allow-entry");
    assert_eq!(b.reason(from_mac(ADMIN, tcp("eth7 10.7.0.5 > - 10.7.0.1#23"))), "no-allow-entry");
    assert_eq!(b.reason(from_mac(ADMIN, tcp("eth8 10.7.0.5 > - 10.7.0.1#22"))), "spoofed-source");
    assert_eq!(b.reason(from_mac(ADMIN, tcp("eth7 10.7.0.5 > eth8 10.8.0.1#22"))), "no-allow-entry", "forwarded");
}

#[test]
fn icmp_errors_are_heard_but_not_redirects() {
    let mut b = Build::new();
    b.zone("a", "eth1", "10.1.0.0/16 2001:db8::/32");
    let v4 = |kind| b.reason(icmp(Proto::ICMP, kind, "eth1 10.1.0.1 > - 10.1.255.254"));
    let v6 = |kind| b.reason(icmp(Proto::ICMPV6, kind, "eth1 2001:db8::1 > - 2001:db8::fe"));
    assert!([3, 4, 11, 12].map(v4).iter().all(|reason| *reason == "allowed"));
    assert!([0, 5, 8, 13].map(v4).iter().all(|reason| *reason == "no-allow-entry"));
    assert!([1, 2, 3, 4].map(v6).iter().all(|reason| *reason == "allowed"));
    assert!([0, 5, 128, 134, 137].map(v6).iter().all(|reason| *reason == "no-allow-entry"));
    let spoofed = icmp(Proto::ICMP, 3, "eth1 10.2.0.1 > - 10.1.255.254");
    assert_eq!(b.reason(spoofed), "spoofed-source");
    let invalid = icmp(Proto::ICMP, 3, "eth1 10.1.0.1 > - 10.1.255.254");
    assert_eq!(in_state(&b, ConnState::Invalid, invalid), "invalid");
}

#[test]
fn neighbour_discovery_needs_hop_limit_255_and_a_source_of_the_interface() {
    let mut b = Build::new();
    b.zone("a", "eth1", "2001:db8::/32");
    for kind in [133, 135, 136] {
        let from = |src: &str| icmp(Proto::ICMPV6, kind, &format!("eth1 {src} > - ff02::1"));
        for src in ["2001:db8::5", "fe80::5", "::"] {
            assert_eq!(hops(&b, 255, ConnState::Invalid, from(src)), "allowed", "{kind} {src}");
            assert_eq!(hops(&b, 254, ConnState::Invalid, from(src)), "invalid", "{kind} {src}");
            assert_eq!(hops(&b, 254, ConnState::New, from(src)), "no-allow-entry", "{kind} {src}");
        }
        assert_eq!(hops(&b, 255, ConnState::Invalid, from("2001:db9::5")), "spoofed-source");
        let other = icmp(Proto::ICMPV6, kind, "eth2 fe80::5 > - ff02::1");
        assert_eq!(hops(&b, 255, ConnState::Invalid, other), "unknown-zone");
    }
    for kind in [134, 137, 143] {
        let packet = icmp(Proto::ICMPV6, kind, "eth1 fe80::5 > - ff02::1");
        assert_eq!(hops(&b, 255, ConnState::Invalid, packet), "invalid", "{kind}");
    }
    let question = Question {
        hop_limit: 255,
        routing_header: true,
        ..Question::new(icmp(Proto::ICMPV6, 135, "eth1 fe80::5 > - fe80::1"), now())
    };
    assert_eq!(judge(&b.0, &question).verdict.reason(), "invalid");
}

#[test]
fn sources_of_every_zone_match_the_entries_of_each() {
    let mut b = Build::new();
    let one = b.zone("a", "eth1", "10.1.0.0/16");
    let two = b.zone("b", "eth1", "10.2.0.0/16");
    let three = b.zone("c", "eth3", "10.3.0.0/16");
    b.allow(&[Endpoint::Zone(two)], &[Endpoint::Gateway], "udp/67");
    b.allow(&[Endpoint::Zone(three)], &[Endpoint::Gateway], "udp/68");
    let ask = |text: &str| b.ask(packet(Proto::UDP, text));
    let dhcp = ask("eth1 0.0.0.0 > - 255.255.255.255#67");
    assert_eq!((dhcp.verdict.reason(), dhcp.from_zone), ("allowed", End::Unknown));
    assert_eq!(ask("eth1 0.0.0.0 > - 255.255.255.255#68").verdict.reason(), "no-allow-entry");
    assert_eq!(ask("eth3 0.0.0.0 > - 255.255.255.255#68").from_zone, End::Zone(three));
    assert_eq!(ask("eth1 10.1.0.1 > - 10.1.0.254#67").verdict.reason(), "no-allow-entry");
    assert_eq!(ask("eth1 10.1.0.1 > - 10.1.0.254#67").from_zone, End::Zone(one));
}

#[test]
fn output_is_allowed_as_a_whole_or_by_entries() {
    let mut b = Build::new();
    let one = b.zone("a", "eth1", "10.1.0.0/16 2001:db8::/32");
    let entry = b.allow(&[Endpoint::Gateway], &[Endpoint::Zone(one)], "udp/514");
    assert_eq!(b.reason(tcp("- 10.1.255.254 > eth9 192.0.2.1#80")), "allowed");
    b.0.gateway.output_allow = false;
    let answer = b.ask(packet(Proto::UDP, "- 10.1.255.254 > eth1 10.1.0.1#514"));
    assert_eq!((answer.entry, answer.from_zone), (Some(entry), End::Gateway));
    assert_eq!(b.reason(packet(Proto::UDP, "- 10.1.255.254 > eth1 10.1.0.1#515")), "no-allow-entry");
    assert_eq!(b.reason(packet(Proto::UDP, "- 10.1.255.254 > eth1 10.2.0.1#514")), "unknown-zone");
    assert_eq!(b.reason(packet(Proto::UDP, "- 10.1.255.254 > eth9 10.1.0.1#514")), "unknown-zone");
    assert_eq!(in_state(&b, ConnState::Established, tcp("- 10.1.255.254 > eth1 10.1.0.1#9")), "established");
    assert_eq!(in_state(&b, ConnState::Invalid, tcp("- 10.1.255.254 > eth1 10.1.0.1#9")), "invalid");
    assert_eq!(b.reason(packet(Proto::UDP, "- 127.0.0.1 > lo 127.0.0.1#9")), "allowed");
}

#[test]
fn a_gateway_that_may_not_speak_still_lives_on_its_link() {
    let mut b = Build::new();
    b.zone("a", "eth1", "10.1.0.0/16 2001:db8::/32");
    b.0.gateway.output_allow = false;
    let v6 = |kind| icmp(Proto::ICMPV6, kind, "- fe80::1 > eth1 ff02::1");
    for kind in [1, 2, 3, 4, 133, 135, 136, 143] {
        assert_eq!(hops(&b, 255, ConnState::Invalid, v6(kind)), "allowed", "{kind}");
    }
    assert_eq!(hops(&b, 255, ConnState::New, v6(128)), "unknown-zone");
    assert_eq!(b.reason(icmp(Proto::ICMP, 3, "- 10.1.255.254 > eth1 10.1.0.1")), "allowed");
}
