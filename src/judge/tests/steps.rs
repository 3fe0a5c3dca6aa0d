//! The steps for forwarded packets, and that they come in SPEC's order.

use super::policies::{Build, now, packet, tcp};
use crate::judge::{Question, judge};
use crate::net::{ConnState, Proto};
use crate::policy::{Endpoint, ZoneId};

/// Zone `a` on eth1, `b` on eth2, everything allowed from a to b.
fn open() -> (Build, ZoneId, ZoneId) {
    let mut b = Build::new();
    let (one, two) = (b.zone("a", "eth1", "10.1.0.0/16"), b.zone("b", "eth2", "10.2.0.0/16"));
    b.allow(&[Endpoint::Zone(one)], &[Endpoint::Zone(two)], "any");
    (b, one, two)
}

fn in_state(b: &Build, state: ConnState, text: &str) -> &'static str {
    judge(&b.0, &Question { state, ..Question::new(tcp(text), now()) }).verdict.reason()
}

#[test]
fn invalid_state_and_routing_headers_are_denied_first() {
    let (b, ..) = open();
    assert_eq!(in_state(&b, ConnState::Invalid, "eth1 10.1.0.1 > eth2 10.2.0.1#443"), "invalid");
    assert_eq!(in_state(&b, ConnState::Invalid, "eth9 10.1.0.1 > eth9 10.2.0.1#443"), "invalid");
    for state in [ConnState::New, ConnState::Established] {
        let question =
            Question { state, routing_header: true, ..Question::new(tcp("eth1 10.1.0.1 > eth2 10.2.0.1#443"), now()) };
        assert_eq!(judge(&b.0, &question).verdict.reason(), "invalid");
    }
}

#[test]
fn an_open_flow_passes_before_zones_are_asked() {
    let (b, ..) = open();
    assert_eq!(in_state(&b, ConnState::Established, "eth2 10.2.0.1 > eth1 10.1.0.1#443"), "established");
    assert_eq!(in_state(&b, ConnState::New, "eth2 10.2.0.1 > eth1 10.1.0.1#443"), "no-allow-entry");
}

#[test]
fn the_source_is_asked_before_the_destination() {
    let (b, ..) = open();
    assert_eq!(b.reason(tcp("eth9 10.1.0.1 > eth9 10.2.0.1#443")), "unknown-zone");
    assert_eq!(b.reason(tcp("eth1 10.2.0.1 > eth9 10.2.0.1#443")), "spoofed-source");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth9 10.2.0.1#443")), "unknown-zone");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth2 10.1.0.1#443")), "unknown-zone");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth2 10.2.0.1#443")), "allowed");
    assert_eq!(b.reason(tcp("eth1 2001:db8::1 > eth2 2001:db8::2#443")), "spoofed-source");
}

#[test]
fn link_local_and_unspecified_sources_are_spoofed_when_forwarded() {
    let mut b = Build::new();
    let all = b.zone("a", "eth1", "any");
    b.allow(&[Endpoint::Zone(all)], &[Endpoint::Zone(all)], "any");
    for src in ["fe80::1", "::"] {
        assert_eq!(b.reason(tcp(&format!("eth1 {src} > eth1 2001:db8::2#443"))), "spoofed-source");
    }
    assert_eq!(b.reason(tcp("eth1 0.0.0.0 > eth1 192.0.2.1#443")), "spoofed-source");
}

#[test]
fn multicast_and_broadcast_are_never_forwarded() {
    let mut b = Build::new();
    let wide = b.zone("a", "eth1", "0.0.0.0/0 ::/0");
    b.allow(&[Endpoint::Zone(wide)], &[Endpoint::Zone(wide)], "any");
    for dst in ["224.0.0.1", "239.255.255.255", "255.255.255.255"] {
        assert_eq!(b.reason(packet(Proto::UDP, &format!("eth1 10.0.0.1 > eth1 {dst}#1"))), "unknown-zone");
    }
    assert_eq!(b.reason(packet(Proto::UDP, "eth1 2001:db8::1 > eth1 ff05::2#1")), "unknown-zone");
    assert_eq!(b.reason(packet(Proto::UDP, "eth1 10.0.0.1 > eth1 255.255.255.254#1")), "allowed");
}

#[test]
fn inside_a_zone_intra_zone_decides_then_entries() {
    let mut b = Build::new();
    let zone = b.zone("a", "eth1 eth3", "10.1.0.0/16");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth3 10.1.0.2#443")), "no-allow-entry");
    b.0.zones[zone.0].intra_zone_allow = true;
    let answer = b.ask(tcp("eth1 10.1.0.1 > eth3 10.1.0.2#443"));
    assert_eq!((answer.verdict.reason(), answer.entry), ("intra-zone", None));
    b.0.zones[zone.0].intra_zone_allow = false;
    b.allow(&[Endpoint::Zone(zone)], &[Endpoint::Zone(zone)], "tcp/443");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth1 10.1.0.2#443")), "allowed");
}

#[test]
fn zones_on_one_interface_are_still_two_zones() {
    let mut b = Build::new();
    let outer = b.zone("outer", "eth1", "10.0.0.0/8");
    let inner = b.zone("inner", "eth1", "10.1.0.0/16");
    b.0.zones[outer.0].intra_zone_allow = true;
    b.allow(&[Endpoint::Zone(outer)], &[Endpoint::Zone(inner)], "tcp/22");
    assert_eq!(b.reason(tcp("eth1 10.2.0.1 > eth1 10.3.0.1#80")), "intra-zone");
    assert_eq!(b.reason(tcp("eth1 10.2.0.1 > eth1 10.1.0.1#80")), "no-allow-entry");
    assert_eq!(b.reason(tcp("eth1 10.2.0.1 > eth1 10.1.0.1#22")), "allowed");
    assert_eq!(b.reason(tcp("eth1 10.1.0.1 > eth1 10.2.0.1#22")), "no-allow-entry");
}
