//! ARP, and what neighbour discovery says beside its headers.

use std::net::IpAddr;

use super::policies::{Build, from_mac, icmp, now};
use crate::judge::{Arp, Discovery, End, Question, arp, judge};
use crate::net::{ConnState, Proto};
use crate::policy::{HostKind, Isolated, ZoneId};

const OWN: &str = "02:00:00:00:00:01";
const SPARE: &str = "02:00:00:00:00:02";
const OTHER: &str = "02:00:00:00:00:03";
const STRANGER: &str = "02:00:00:00:00:77";
const STRANGER_TOO: &str = "02:00:00:00:00:78";

fn link() -> (Build, ZoneId) {
    let mut b = Build::new();
    let zone = b.zone("a", "eth1", "10.1.0.0/16 2001:db8::/64");
    b.host(zone, "10.1.0.5 2001:db8::5", &format!("{OWN} {SPARE}"), None);
    b.host(zone, "10.1.0.6 2001:db8::6", OTHER, None);
    b.0.binding.enforce = true;
    (b, zone)
}

/// Ethernet source and ARP's own sender MAC.
fn told(b: &Build, ether: &str, own: &str, sender: &str) -> &'static str {
    let question = Arp {
        in_if: "eth1".parse().unwrap(),
        src_mac: ether.parse().unwrap(),
        sender_mac: own.parse().unwrap(),
        sender: sender.parse().unwrap(),
        at: now(),
    };
    arp(&b.0, &question).verdict.reason()
}

#[test]
fn an_arp_sender_is_judged_with_both_macs() {
    let (mut b, zone) = link();
    assert_eq!(told(&b, OWN, OWN, "10.1.0.5"), "allowed");
    assert_eq!(told(&b, OWN, SPARE, "10.1.0.5"), "allowed", "any pair");
    assert_eq!(told(&b, STRANGER, OWN, "10.1.0.5"), "mac-mismatch");
    assert_eq!(told(&b, OWN, STRANGER, "10.1.0.5"), "mac-mismatch");
    assert_eq!(told(&b, STRANGER, OTHER, "10.1.0.7"), "ip-mismatch");
    assert_eq!(told(&b, OTHER, STRANGER, "10.1.0.7"), "ip-mismatch");
    assert_eq!(told(&b, STRANGER, STRANGER, "10.1.0.7"), "allowed");
    assert_eq!(told(&b, STRANGER, STRANGER, "10.2.0.7"), "spoofed-source");
    assert_eq!(told(&b, STRANGER, STRANGER, "169.254.0.7"), "spoofed-source");
    b.0.binding.strict.insert(zone);
    assert_eq!(told(&b, STRANGER, STRANGER, "10.1.0.7"), "foreign-device");
    assert_eq!(told(&b, STRANGER, OTHER, "10.1.0.7"), "ip-mismatch", "in step 5's order");
}

#[test]
fn an_arp_probe_belongs_to_every_zone() {
    let (mut b, zone) = link();
    assert_eq!(told(&b, STRANGER, STRANGER, "0.0.0.0"), "allowed");
    b.0.binding.strict.insert(zone);
    assert_eq!(told(&b, OWN, OWN, "0.0.0.0"), "allowed");
    assert_eq!(told(&b, STRANGER, OWN, "0.0.0.0"), "foreign-device");
    assert_eq!(told(&b, OWN, STRANGER, "0.0.0.0"), "foreign-device");
}

#[test]
fn arp_names_its_zone_and_isolation_does_not_cut_it() {
    let (mut b, zone) = link();
    b.0.isolated.push(Isolated::All);
    let mut question = Arp {
        in_if: "eth1".parse().unwrap(),
        src_mac: OWN.parse().unwrap(),
        sender_mac: OWN.parse().unwrap(),
        sender: "10.1.0.5".parse().unwrap(),
        at: now(),
    };
    let answer = arp(&b.0, &question);
    assert_eq!((answer.verdict.reason(), answer.from_zone, answer.to_zone), ("allowed", End::Zone(zone), End::Gateway));
    question.in_if = "eth9".parse().unwrap();
    let answer = arp(&b.0, &question);
    assert_eq!((answer.verdict.reason(), answer.from_zone), ("unknown-zone", End::Unknown));
}

/// A discovery message `TYPE SOURCE [TARGET]` from an Ethernet source, with the MAC in its option.
fn says(b: &Build, text: &str, ether: &str, option: Option<&str>) -> &'static str {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let kind = parts[0].parse().unwrap();
    let packet = from_mac(ether, icmp(Proto::ICMPV6, kind, &format!("eth1 {} > - ff02::1", parts[1])));
    let target = parts.get(2).map(|text| text.parse::<IpAddr>().unwrap());
    let discovery = Some(Discovery { target, link_address: option.map(|mac| mac.parse().unwrap()) });
    let question = Question { hop_limit: 255, state: ConnState::Invalid, discovery, ..Question::new(packet, now()) };
    judge(&b.0, &question).verdict.reason()
}

#[test]
fn a_solicitation_speaks_for_its_source() {
    let (b, _) = link();
    for kind in ["133 2001:db8::5", "135 2001:db8::5 2001:db8::fe"] {
        assert_eq!(says(&b, kind, OWN, Some(OWN)), "allowed");
        assert_eq!(says(&b, kind, OWN, None), "allowed");
        assert_eq!(says(&b, kind, OWN, Some(SPARE)), "mac-mismatch", "its own, but not the Ethernet source");
        assert_eq!(says(&b, kind, OWN, Some(STRANGER)), "mac-mismatch");
        assert_eq!(says(&b, kind, STRANGER, Some(OWN)), "mac-mismatch");
    }
    assert_eq!(says(&b, "135 2001:db8::7 2001:db8::fe", STRANGER, Some(STRANGER)), "allowed");
    assert_eq!(says(&b, "135 2001:db8::7 2001:db8::fe", STRANGER, Some(OTHER)), "ip-mismatch");
    assert_eq!(says(&b, "135 2001:db8::7 2001:db8::fe", STRANGER, Some(STRANGER_TOO)), "allowed", "nobody's address");
    assert_eq!(says(&b, "135 :: 2001:db8::5", STRANGER, None), "allowed", "a probe");
}

#[test]
fn an_advertisement_speaks_for_its_target() {
    let (b, _) = link();
    for src in ["2001:db8::5", "fe80::5"] {
        let of = |target: &str| format!("136 {src} {target}");
        assert_eq!(says(&b, &of("2001:db8::5"), OWN, Some(OWN)), "allowed");
        assert_eq!(says(&b, &of("2001:db8::5"), OWN, None), "allowed");
        assert_eq!(says(&b, &of("2001:db8::6"), OWN, Some(OWN)), "mac-mismatch", "another's address");
        assert_eq!(says(&b, &of("2001:db8::6"), OWN, Some(OTHER)), "mac-mismatch", "on another's behalf");
        assert_eq!(says(&b, &of("2001:db8::7"), OWN, Some(OWN)), "ip-mismatch");
        assert_eq!(says(&b, &of("2001:db9::7"), OWN, Some(OWN)), "spoofed-source");
        assert_eq!(says(&b, &of("fe80::5"), OWN, Some(OWN)), "allowed");
    }
    assert_eq!(says(&b, "136 2001:db8::6 2001:db8::5", OWN, Some(OWN)), "mac-mismatch", "the source first");
    assert_eq!(says(&b, "136 2001:db9::6 2001:db8::5", OWN, Some(OWN)), "spoofed-source");
}

#[test]
fn in_a_strict_zone_strangers_are_not_heard() {
    let (mut b, zone) = link();
    b.0.binding.strict.insert(zone);
    assert_eq!(says(&b, "135 2001:db8::7 2001:db8::fe", STRANGER, Some(STRANGER)), "foreign-device");
    assert_eq!(says(&b, "135 fe80::7 2001:db8::fe", STRANGER, Some(STRANGER)), "foreign-device");
    assert_eq!(says(&b, "135 fe80::7 2001:db8::fe", OWN, Some(STRANGER)), "foreign-device");
    assert_eq!(says(&b, "135 fe80::7 2001:db8::fe", OWN, Some(OWN)), "allowed");
    assert_eq!(says(&b, "135 :: 2001:db8::7", STRANGER, None), "foreign-device");
    assert_eq!(says(&b, "136 fe80::7 2001:db8::7", OWN, Some(STRANGER)), "foreign-device");
}

#[test]
fn a_router_may_speak_for_addresses_that_nobody_declares() {
    let (mut b, zone) = link();
    let router = b.host(zone, "2001:db8::1", STRANGER, None);
    assert_eq!(says(&b, "136 2001:db8::1 2001:db8::9", STRANGER, Some(STRANGER)), "ip-mismatch");
    b.0.hosts[router.0].kind = Some(HostKind::Router);
    assert_eq!(says(&b, "136 2001:db8::1 2001:db8::9", STRANGER, Some(STRANGER)), "allowed");
    assert_eq!(says(&b, "136 2001:db8::1 2001:db8::5", STRANGER, Some(STRANGER)), "mac-mismatch");
}

#[test]
fn what_a_message_says_is_asked_only_of_true_discovery() {
    let (b, _) = link();
    let packet = from_mac(STRANGER, icmp(Proto::ICMPV6, 136, "eth1 fe80::1 > - ff02::1"));
    let discovery =
        Some(Discovery { target: Some("2001:db8::5".parse().unwrap()), link_address: Some(STRANGER.parse().unwrap()) });
    let question = Question { hop_limit: 64, discovery, ..Question::new(packet, now()) };
    assert_eq!(judge(&b.0, &question).verdict.reason(), "no-allow-entry", "from beyond the link");
}
