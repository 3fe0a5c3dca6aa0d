//! Step 1: what `zonectl isolate` cuts, before everything but management.

use super::policies::{Build, from_mac, icmp, now, packet, tcp};
use crate::judge::{Question, judge};
use crate::net::{ConnState, Packet, Proto};
use crate::policy::{Endpoint, HostId, Isolated, ZoneId};

const ADMIN: &str = "02:00:00:00:00:0a";
const OWN: &str = "02:00:00:00:00:01";

/// Zones a, b, c on eth1, eth2, eth3; everything allowed; a host in a; an administrator in c.
fn town() -> (Build, [ZoneId; 3], HostId) {
    let mut b = Build::new();
    let zones =
        [("a", "eth1", "10.1.0.0/16 2001:db8:1::/48"), ("b", "eth2", "10.2.0.0/16"), ("c", "eth3", "10.3.0.0/16")]
            .map(|(name, interface, networks)| b.zone(name, interface, networks));
    let ends = zones.map(Endpoint::Zone);
    b.allow(&ends, &[ends[0], ends[1], ends[2], Endpoint::Gateway], "any");
    let host = b.host(zones[0], "10.1.0.5", OWN, None);
    let admin = b.host(zones[2], "10.3.0.5", ADMIN, None);
    b.manage(admin, "tcp/22");
    (b, zones, host)
}

fn isolate(b: &mut Build, what: Isolated) {
    b.0.isolated = vec![what];
}

const A_TO_B: &str = "eth1 10.1.0.9 > eth2 10.2.0.9#1";
const B_TO_A: &str = "eth2 10.2.0.9 > eth1 10.1.0.9#1";
const B_TO_C: &str = "eth2 10.2.0.9 > eth3 10.3.0.9#1";
const A_IN: &str = "eth1 10.1.0.9 > - 10.1.255.254#1";
const A_OUT: &str = "- 10.1.255.254 > eth1 10.1.0.9#1";
const B_OUT: &str = "- 10.2.255.254 > eth2 10.2.0.9#1";

#[test]
fn a_zone_is_cut_both_ways_inside_and_from_the_gateway() {
    let (mut b, zones, _) = town();
    isolate(&mut b, Isolated::Zone(zones[0]));
    for text in [A_TO_B, B_TO_A, "eth1 10.1.0.9 > eth1 10.1.0.8#1", A_IN, A_OUT, "eth1 10.1.0.9 > eth9 10.9.0.1#1"] {
        assert_eq!(b.reason(tcp(text)), "isolated", "{text}");
    }
    assert_eq!([B_TO_C, B_OUT].map(|text| b.reason(tcp(text))), ["allowed"; 2]);
    assert_eq!(b.reason(tcp("eth1 10.9.0.9 > eth2 10.2.0.9#1")), "spoofed-source", "not of the zone");
    let dhcp = packet(Proto::UDP, "eth1 0.0.0.0 > - 255.255.255.255#67");
    assert_eq!(b.reason(dhcp.clone()), "isolated", "of every zone of its interface");
    isolate(&mut b, Isolated::Zone(zones[1]));
    assert_eq!(b.reason(dhcp), "allowed");
}

#[test]
fn open_flows_and_invalid_packets_are_cut_too() {
    let (mut b, zones, _) = town();
    isolate(&mut b, Isolated::Zone(zones[0]));
    for state in [ConnState::Established, ConnState::Invalid] {
        for text in [A_TO_B, B_TO_A, A_IN, A_OUT] {
            let question = Question { state, ..Question::new(tcp(text), now()) };
            assert_eq!(judge(&b.0, &question).verdict.reason(), "isolated", "{text}");
        }
    }
}

#[test]
fn a_pair_is_cut_from_each_other_alone() {
    let (mut b, zones, _) = town();
    for pair in [Isolated::Pair(zones[0], zones[1]), Isolated::Pair(zones[1], zones[0])] {
        isolate(&mut b, pair);
        assert_eq!([A_TO_B, B_TO_A].map(|text| b.reason(tcp(text))), ["isolated"; 2]);
        let others = [B_TO_C, A_IN, A_OUT, "eth1 10.1.0.9 > eth1 10.1.0.8#1"];
        assert_eq!(others.map(|text| b.reason(tcp(text))), ["allowed"; 4]);
    }
}

#[test]
fn a_host_is_cut_by_its_addresses_and_its_macs() {
    let (mut b, _, host) = town();
    isolate(&mut b, Isolated::Host(host));
    let cut = [
        tcp("eth1 10.1.0.5 > eth2 10.2.0.9#1"),
        tcp("eth2 10.2.0.9 > eth1 10.1.0.5#1"),
        tcp("eth1 10.1.0.5 > - 10.1.255.254#1"),
        tcp("- 10.1.255.254 > eth1 10.1.0.5#1"),
        from_mac(OWN, tcp(A_TO_B)),
        from_mac(OWN, tcp("eth1 2001:db8:1::9 > - 2001:db8:1::fe#1")),
        from_mac(OWN, tcp("eth9 10.9.0.9 > eth2 10.2.0.9#1")),
    ];
    cut.into_iter().for_each(|packet| assert_eq!(b.reason(packet), "isolated"));
    assert_eq!([A_TO_B, B_TO_A, A_IN, A_OUT].map(|text| b.reason(tcp(text))), ["allowed"; 4]);
}

#[test]
fn a_mac_is_cut_with_the_addresses_of_its_hosts() {
    let (mut b, _, _) = town();
    isolate(&mut b, Isolated::Mac(OWN.parse().unwrap()));
    for packet in
        [from_mac(OWN, tcp(A_TO_B)), tcp("eth1 10.1.0.5 > eth2 10.2.0.9#1"), tcp("eth2 10.2.0.9 > eth1 10.1.0.5#1")]
    {
        assert_eq!(b.reason(packet), "isolated");
    }
    assert_eq!([A_TO_B, B_TO_A].map(|text| b.reason(tcp(text))), ["allowed"; 2]);
}

#[test]
fn management_is_kept_in_both_directions() {
    let (mut b, zones, _) = town();
    b.0.gateway.output_allow = false;
    let replied = |b: &Build, state, text: &str| {
        let back = Packet { sport: Some(22), ..tcp(text) };
        judge(&b.0, &Question { state, ..Question::new(back, now()) }).verdict.reason()
    };
    for what in [Isolated::All, Isolated::Zone(zones[2]), Isolated::Mac(ADMIN.parse().unwrap())] {
        isolate(&mut b, what);
        assert_eq!(b.reason(from_mac(ADMIN, tcp("eth3 10.3.0.5 > - 10.3.255.254#22"))), "management");
        assert_eq!(b.reason(from_mac(ADMIN, tcp("eth3 10.3.0.5 > - 10.3.255.254#23"))), "isolated");
        assert_eq!(b.reason(tcp("eth3 10.3.0.5 > - 10.3.255.254#22")), "isolated", "another MAC");
        let to_admin = "- 10.3.255.254 > eth3 10.3.0.5#40000";
        assert_eq!(replied(&b, ConnState::Established, to_admin), "established");
        assert_eq!(replied(&b, ConnState::New, to_admin), "isolated", "answers nothing");
        assert_eq!(b.reason(tcp(to_admin)), "isolated", "another port");
        assert_eq!(replied(&b, ConnState::Established, "- 10.3.255.254 > eth1 10.3.0.5#40000"), {
            if what == Isolated::Zone(zones[2]) { "established" } else { "isolated" }
        });
    }
}

#[test]
fn an_echo_of_management_is_answered() {
    let (mut b, zones, _) = town();
    let admin = b.host(zones[2], "10.3.0.6", "", None);
    b.manage(admin, "icmp/8");
    isolate(&mut b, Isolated::All);
    assert_eq!(b.reason(icmp(Proto::ICMP, 8, "eth3 10.3.0.6 > - 10.3.255.254")), "management");
    let said = |kind| {
        let packet = icmp(Proto::ICMP, kind, "- 10.3.255.254 > eth3 10.3.0.6");
        judge(&b.0, &Question { state: ConnState::Established, ..Question::new(packet, now()) }).verdict.reason()
    };
    assert_eq!([0, 3, 8].map(said), ["established", "isolated", "isolated"]);
}

#[test]
fn loopback_and_the_discovery_of_managers_live_on() {
    let (mut b, zones, _) = town();
    isolate(&mut b, Isolated::All);
    assert_eq!(b.reason(tcp("lo 127.0.0.1 > - 127.0.0.1#1")), "allowed");
    assert_eq!(b.reason(tcp("- 127.0.0.1 > lo 127.0.0.1#1")), "allowed");
    let heard = |b: &Build, kind, hop_limit, text: &str| {
        let packet = from_mac(ADMIN, icmp(Proto::ICMPV6, kind, text));
        let question = Question { hop_limit, state: ConnState::Invalid, ..Question::new(packet, now()) };
        judge(&b.0, &question).verdict.reason()
    };
    let (to, from) = ("eth3 fe80::5 > - ff02::1", "- fe80::1 > eth3 ff02::1");
    assert_eq!([to, from].map(|text| heard(&b, 135, 255, text)), ["isolated"; 2], "managed over IPv4 alone");
    let admin = b.host(zones[2], "2001:db8:3::5", ADMIN, None);
    b.manage(admin, "tcp/22");
    for kind in [135, 136] {
        assert_eq!([to, from].map(|text| heard(&b, kind, 255, text)), ["allowed"; 2]);
        assert_eq!([to, from].map(|text| heard(&b, kind, 254, text)), ["isolated"; 2]);
        assert_eq!(heard(&b, kind, 255, "eth1 fe80::5 > - ff02::1"), "isolated", "another link");
    }
    assert_eq!(heard(&b, 133, 255, to), "isolated");
    assert_eq!(heard(&b, 128, 255, "eth1 2001:db8:1::9 > - 2001:db8:1::fe"), "isolated");
}

#[test]
fn a_source_of_every_zone_is_cut_where_all_of_them_are() {
    let (mut b, zones, _) = town();
    let beside = b.zone("d", "eth1", "10.4.0.0/16");
    let dhcp = || packet(Proto::UDP, "eth1 0.0.0.0 > - 255.255.255.255#67");
    isolate(&mut b, Isolated::Zone(zones[0]));
    assert_eq!(b.reason(dhcp()), "allowed");
    b.0.isolated.push(Isolated::Zone(beside));
    assert_eq!(b.reason(dhcp()), "isolated");
}
