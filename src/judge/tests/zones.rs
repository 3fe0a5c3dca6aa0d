//! Which zone a packet's ends are of.

use super::policies::{Build, packet, tcp};
use crate::judge::End;
use crate::net::Proto;

#[test]
fn on_a_shared_interface_the_longest_prefix_decides() {
    let mut b = Build::new();
    let wide = b.zone("wide", "eth1", "10.0.0.0/8");
    let narrow = b.zone("narrow", "eth1", "10.1.0.0/16 2001:db8::/32");
    let inner = b.zone("inner", "eth1", "10.1.2.0/24");
    let zone = |src: &str| b.ask(tcp(&format!("eth1 {src} > eth1 {src}#1"))).from_zone;
    assert_eq!(zone("10.2.0.1"), End::Zone(wide));
    assert_eq!(zone("10.1.3.1"), End::Zone(narrow));
    assert_eq!(zone("10.1.2.255"), End::Zone(inner));
    assert_eq!(zone("2001:db8::1"), End::Zone(narrow));
    assert_eq!(zone("11.0.0.1"), End::Unknown);
}

#[test]
fn a_prefix_of_another_interface_does_not_count() {
    let mut b = Build::new();
    let one = b.zone("one", "eth1", "10.0.0.0/8");
    b.zone("two", "eth2", "10.1.0.0/16");
    assert_eq!(b.ask(tcp("eth1 10.1.0.1 > eth2 10.1.0.2#1")).from_zone, End::Zone(one));
}

#[test]
fn wildcards_and_exact_names_share_an_interface() {
    let mut b = Build::new();
    let taps = b.zone("taps", "tap*", "10.0.0.0/8");
    let tap7 = b.zone("tap7", "tap7", "10.7.0.0/16");
    assert_eq!(b.ask(tcp("tap7 10.7.0.1 > tap1 10.7.0.1#1")).from_zone, End::Zone(tap7));
    assert_eq!(b.ask(tcp("tap7 10.7.0.1 > tap1 10.7.0.1#1")).to_zone, End::Zone(taps));
    assert_eq!(b.ask(tcp("tap7 10.8.0.1 > tap 10.8.0.1#1")).from_zone, End::Zone(taps));
    assert_eq!(b.ask(tcp("tap7 10.8.0.1 > tap 10.8.0.1#1")).to_zone, End::Zone(taps));
    assert_eq!(b.ask(tcp("ta 10.8.0.1 > tap 10.8.0.1#1")).from_zone, End::Unknown);
}

#[test]
fn any_is_what_no_zone_declares() {
    let mut b = Build::new();
    b.zone("inside", "eth1", "10.0.0.0/8 2001:db8::/32");
    let outside = b.zone("outside", "eth2", "any");
    let zone = |dst: &str| {
        let src = if dst.contains(':') { "2001:db8::1" } else { "10.0.0.1" };
        b.ask(packet(Proto::UDP, &format!("eth1 {src} > eth2 {dst}#1"))).to_zone
    };
    for dst in ["203.0.113.1", "9.255.255.255", "11.0.0.0", "0.0.0.1", "2001:db9::", "::2", "fec0::1"] {
        assert_eq!(zone(dst), End::Zone(outside), "{dst}");
    }
    for dst in ["10.0.0.0", "10.255.255.255", "2001:db8::1", "0.0.0.0", "::", "127.0.0.1", "127.255.255.255", "::1"] {
        assert_eq!(zone(dst), End::Unknown, "{dst}");
    }
    for dst in ["169.254.0.0", "169.254.255.255", "fe80::1", "febf:ffff::1", "224.0.0.1", "239.1.1.1", "ff02::1"] {
        assert_eq!(zone(dst), End::Unknown, "{dst}");
    }
}

#[test]
fn a_listed_network_beside_any_on_one_interface() {
    let mut b = Build::new();
    let line = b.zone("line", "eth2", "192.0.2.0/29");
    let outside = b.zone("outside", "eth2", "any");
    assert_eq!(b.ask(tcp("eth2 192.0.2.7 > eth2 192.0.2.8#1")).from_zone, End::Zone(line));
    assert_eq!(b.ask(tcp("eth2 192.0.2.7 > eth2 192.0.2.8#1")).to_zone, End::Zone(outside));
}
