//! Step 5: addresses, MACs and devices; and step 3 where every packet is checked.

use super::policies::{Build, from_mac, icmp, now, packet, tcp};
use crate::judge::{Question, judge};
use crate::net::{ConnState, Packet, Proto};
use crate::policy::{Endpoint, HostKind, L2, ZoneId};

const OWN: &str = "02:00:00:00:00:01";
const SPARE: &str = "02:00:00:00:00:02";
const OTHER: &str = "02:00:00:00:00:03";
const ROUTER: &str = "02:00:00:00:00:fe";
const STRANGER: &str = "02:00:00:00:00:77";

/// Zone `a` on eth1, `b` on eth2, everything allowed both ways and to the gateway; binding enforced.
fn bound() -> (Build, ZoneId, ZoneId) {
    let mut b = Build::new();
    let one = b.zone("a", "eth1", "10.1.0.0/16 2001:db8:1::/48");
    let two = b.zone("b", "eth2", "10.2.0.0/16");
    let ends = [Endpoint::Zone(one), Endpoint::Zone(two)];
    b.allow(&ends, &[ends[0], ends[1], Endpoint::Gateway], "any");
    b.0.binding.enforce = true;
    (b, one, two)
}

fn strict(b: &mut Build, zone: ZoneId) {
    b.0.binding.strict.insert(zone);
}

fn forwarded(b: &Build, mac: &str, src: &str) -> &'static str {
    let to = if src.contains(':') { "eth1 2001:db8:1::99" } else { "eth2 10.2.0.9" };
    b.reason(from_mac(mac, tcp(&format!("eth1 {src} > {to}#443"))))
}

fn to_gateway(b: &Build, mac: &str, src: &str) -> &'static str {
    let to = if src.contains(':') { "2001:db8:1::fe" } else { "10.1.255.254" };
    b.reason(from_mac(mac, tcp(&format!("eth1 {src} > - {to}#443"))))
}

#[test]
fn a_declared_address_speaks_only_with_its_macs() {
    let (mut b, one, _) = bound();
    b.host(one, "10.1.0.5 10.1.1.0/30 2001:db8:1::5", &format!("{OWN} {SPARE}"), None);
    for src in ["10.1.0.5", "10.1.1.3", "2001:db8:1::5"] {
        for ask in [forwarded, to_gateway] {
            assert_eq!([OWN, SPARE].map(|mac| ask(&b, mac, src)), ["allowed"; 2], "any pair");
            assert_eq!(ask(&b, STRANGER, src), "mac-mismatch");
        }
    }
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.6"), "allowed", "an undeclared address binds nobody");
    let nameless = Packet { src_mac: None, ..tcp("eth1 10.1.0.5 > eth2 10.2.0.9#443") };
    assert_eq!(b.reason(nameless), "mac-mismatch");
    b.0.binding.enforce = false;
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.5"), "allowed");
    assert_eq!(forwarded(&b, OWN, "10.1.0.6"), "allowed");
}

#[test]
fn an_address_binds_only_in_its_zone() {
    let (mut b, _, two) = bound();
    let three = b.zone("c", "eth3", "10.1.0.0/16");
    b.allow(&[Endpoint::Zone(three)], &[Endpoint::Zone(two)], "any");
    b.host(three, "10.1.0.5", OWN, None);
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.5"), "allowed");
    assert_eq!(b.reason(from_mac(STRANGER, tcp("eth3 10.1.0.5 > eth2 10.2.0.9#443"))), "mac-mismatch");
}

#[test]
fn a_host_without_mac_binds_nobody() {
    let (mut b, one, _) = bound();
    b.host(one, "10.1.0.5", "", None);
    assert_eq!([OWN, STRANGER].map(|mac| forwarded(&b, mac, "10.1.0.5")), ["allowed"; 2]);
    b.host(one, "10.1.0.0/28", OWN, None);
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.5"), "allowed", "one of its owners has no MAC");
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.6"), "mac-mismatch");
}

#[test]
fn a_declared_mac_speaks_only_with_its_addresses() {
    let (mut b, one, two) = bound();
    b.host(one, "10.1.0.5 2001:db8:1::5", OWN, None);
    b.host(two, "10.2.0.5", OTHER, None);
    for ask in [forwarded, to_gateway] {
        assert_eq!(ask(&b, OWN, "10.1.0.6"), "ip-mismatch");
        assert_eq!(ask(&b, OWN, "2001:db8:1::6"), "ip-mismatch");
        assert_eq!(ask(&b, OTHER, "10.1.0.6"), "ip-mismatch", "a terminal plugged into another zone");
        assert_eq!(ask(&b, OTHER, "10.1.0.5"), "mac-mismatch", "asked first");
    }
    assert_eq!(b.reason(from_mac(OTHER, tcp("eth2 10.1.0.5 > eth2 10.2.0.9#1"))), "spoofed-source");
    assert_eq!(b.reason(from_mac(OWN, tcp("eth1 10.1.0.6 > eth9 10.2.0.9#1"))), "ip-mismatch", "before step 6");
}

#[test]
fn routers_dhcp_terminals_and_unseen_macs_are_no_ip_mismatch() {
    let (mut b, one, _) = bound();
    let router = b.host(one, "10.1.0.1", ROUTER, None);
    assert_eq!(forwarded(&b, ROUTER, "10.1.5.5"), "ip-mismatch");
    b.0.hosts[router.0].kind = Some(HostKind::Router);
    assert_eq!(forwarded(&b, ROUTER, "10.1.5.5"), "allowed");
    b.0.hosts[router.0].kind = Some(HostKind::Terminal);
    b.host(one, "10.1.5.6", OWN, Some(router));
    assert_eq!(forwarded(&b, ROUTER, "10.1.5.5"), "allowed", "named by a via");
    b.host(one, "", OTHER, None);
    assert_eq!(forwarded(&b, OTHER, "10.1.5.5"), "allowed");
    let far = b.zone("far", "eth3", "10.3.0.0/16");
    b.0.zones[far.0].l2 = L2::Routed;
    b.host(far, "10.3.0.5", SPARE, None);
    assert_eq!(forwarded(&b, SPARE, "10.1.5.5"), "allowed", "a MAC behind a router is not seen");
}

#[test]
fn behind_a_via_only_the_vias_mac_is_seen() {
    let (mut b, one, _) = bound();
    let router = b.host(one, "10.1.0.1", ROUTER, None);
    b.host(one, "10.1.5.5", OWN, Some(router));
    assert_eq!(forwarded(&b, ROUTER, "10.1.5.5"), "allowed");
    assert_eq!(forwarded(&b, OWN, "10.1.5.5"), "mac-mismatch");
    assert_eq!(forwarded(&b, OWN, "10.1.5.7"), "ip-mismatch");
}

#[test]
fn in_a_routed_zone_macs_bind_nothing() {
    let (mut b, one, _) = bound();
    b.0.zones[one.0].l2 = L2::Routed;
    b.host(one, "10.1.0.5", OWN, None);
    let router = b.host(one, "10.1.0.1", ROUTER, None);
    b.host(one, "10.1.0.6", OWN, Some(router));
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.5"), "allowed");
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.6"), "mac-mismatch", "but with via");
}

#[test]
fn in_a_strict_zone_only_declared_devices_speak() {
    let (mut b, one, _) = bound();
    strict(&mut b, one);
    b.host(one, "10.1.0.5", OWN, None);
    b.host(one, "10.1.0.6", "", None);
    b.host(one, "", OTHER, None);
    let router = b.host(one, "10.1.0.1", ROUTER, None);
    b.0.hosts[router.0].kind = Some(HostKind::Router);
    for ask in [forwarded, to_gateway] {
        assert_eq!(ask(&b, OWN, "10.1.0.5"), "allowed");
        assert_eq!(ask(&b, STRANGER, "10.1.0.6"), "allowed", "not bound");
        assert_eq!(ask(&b, OTHER, "10.1.77.7"), "allowed", "any address with its MAC");
        assert_eq!(ask(&b, STRANGER, "10.1.77.7"), "foreign-device");
        assert_eq!(ask(&b, ROUTER, "10.1.77.7"), "foreign-device", "a router speaks for nobody undeclared");
        assert_eq!(ask(&b, STRANGER, "10.1.0.5"), "mac-mismatch");
        assert_eq!(ask(&b, OWN, "10.1.0.7"), "ip-mismatch");
        assert_eq!(ask(&b, OTHER, "10.1.0.5"), "mac-mismatch");
    }
    b.0.binding.enforce = false;
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.5"), "foreign-device", "each key by itself");
    assert_eq!(forwarded(&b, OWN, "10.1.0.7"), "foreign-device");
    assert_eq!(forwarded(&b, OWN, "10.1.0.5"), "allowed");
}

#[test]
fn a_host_without_address_and_mac_is_nobody() {
    let (mut b, one, _) = bound();
    strict(&mut b, one);
    b.host(one, "", "", None);
    assert_eq!(forwarded(&b, STRANGER, "10.1.0.5"), "foreign-device");
}

#[test]
fn binding_is_asked_before_intra_zone() {
    let (mut b, one, _) = bound();
    b.0.zones[one.0].intra_zone_allow = true;
    b.host(one, "10.1.0.5", OWN, None);
    let inside = |mac| b.reason(from_mac(mac, tcp("eth1 10.1.0.5 > eth1 10.1.0.9#1")));
    assert_eq!([OWN, STRANGER].map(inside), ["intra-zone", "mac-mismatch"]);
}

#[test]
fn sources_of_every_zone_are_asked_for_their_mac_only_where_all_zones_are_strict() {
    let (mut b, one, two) = bound();
    let shared = b.zone("c", "eth1", "10.3.0.0/16");
    b.host(one, "10.1.0.5", OWN, None);
    let router = b.host(shared, "10.3.0.1", ROUTER, None);
    b.0.hosts[router.0].kind = Some(HostKind::Router);
    b.0.zones[shared.0].l2 = L2::Routed;
    b.host(two, "10.2.0.5", OTHER, None);
    let ask = |b: &Build, mac| {
        let dhcp = b.reason(from_mac(mac, packet(Proto::UDP, "eth1 0.0.0.0 > - 255.255.255.255#67")));
        assert_eq!(b.reason(from_mac(mac, tcp("eth1 fe80::1 > - fe80::2#1"))), dhcp);
        dhcp
    };
    strict(&mut b, one);
    assert_eq!([OWN, OTHER, STRANGER, ROUTER].map(|mac| ask(&b, mac)), ["allowed"; 4]);
    strict(&mut b, shared);
    let seen = [OWN, ROUTER, OTHER, STRANGER].map(|mac| ask(&b, mac));
    assert_eq!(seen, ["allowed", "allowed", "foreign-device", "foreign-device"]);
}

fn in_state(b: &Build, state: ConnState, packet: Packet) -> &'static str {
    judge(&b.0, &Question { state, ..Question::new(packet, now()) }).verdict.reason()
}

#[test]
fn from_a_strict_zone_every_packet_of_a_flow_is_checked() {
    let (mut b, one, _) = bound();
    b.host(one, "10.1.0.5", OWN, None);
    let open = |b: &Build, mac, text| in_state(b, ConnState::Established, from_mac(mac, tcp(text)));
    let (through, local) = ("eth1 10.1.0.5 > eth2 10.2.0.9#1", "eth1 10.1.0.5 > - 10.1.255.254#1");
    assert_eq!(open(&b, STRANGER, through), "established");
    strict(&mut b, one);
    for text in [through, local] {
        assert_eq!(open(&b, OWN, text), "established");
        assert_eq!(open(&b, STRANGER, text), "mac-mismatch");
    }
    assert_eq!(open(&b, OWN, "eth1 10.1.0.6 > eth2 10.2.0.9#1"), "ip-mismatch");
    assert_eq!(open(&b, STRANGER, "eth1 10.1.0.6 > eth2 10.2.0.9#1"), "foreign-device");
    assert_eq!(open(&b, OWN, "eth1 10.9.0.6 > eth2 10.2.0.9#1"), "spoofed-source");
    assert_eq!(open(&b, OWN, "eth1 10.1.0.5 > eth9 10.9.0.9#1"), "established", "only 4 and 5");
    assert_eq!(open(&b, STRANGER, "eth2 10.2.0.9 > eth1 10.1.0.5#1"), "established", "not from the strict zone");
    assert_eq!(open(&b, STRANGER, "eth9 10.2.0.9 > eth1 10.1.0.5#1"), "established");
    assert_eq!(open(&b, STRANGER, "eth1 fe80::5 > - fe80::1#1"), "foreign-device");
    assert_eq!(open(&b, OWN, "eth1 fe80::5 > - fe80::1#1"), "established");
    let error = icmp(Proto::ICMP, 3, "eth1 10.1.0.5 > eth2 10.2.0.9");
    assert_eq!(in_state(&b, ConnState::Established, from_mac(STRANGER, error)), "mac-mismatch");
}

#[test]
fn beside_a_strict_zone_open_flows_of_another_pass() {
    let (mut b, one, _) = bound();
    b.zone("c", "eth1", "10.3.0.0/16");
    strict(&mut b, one);
    let open = |text| in_state(&b, ConnState::Established, from_mac(STRANGER, tcp(text)));
    assert_eq!(open("eth1 10.3.0.5 > eth2 10.2.0.9#1"), "established");
    assert_eq!(open("eth1 10.4.0.5 > eth2 10.2.0.9#1"), "spoofed-source");
    assert_eq!(open("eth1 fe80::5 > - fe80::1#1"), "established");
}

#[test]
fn management_comes_before_binding() {
    let (mut b, one, _) = bound();
    strict(&mut b, one);
    let admin = b.host(one, "10.1.0.5", "", None);
    b.host(one, "10.1.0.0/28", OWN, None);
    b.manage(admin, "tcp/22");
    let ssh = from_mac(STRANGER, tcp("eth1 10.1.0.5 > - 10.1.255.254#22"));
    assert_eq!(in_state(&b, ConnState::New, ssh.clone()), "management");
    assert_eq!(in_state(&b, ConnState::Established, ssh), "management");
}
