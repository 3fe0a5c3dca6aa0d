//! The lab itself: what it sends comes out, what it blocks does not, in every shape.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

mod lab;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use lab::frame::{Body, Cut, Extension, Frame};
use lab::raw::mark;
use lab::sockets::{self, Echo};
use lab::{ARRIVED_GROUP, Lab};
use zoned::net::{Family, MacAddr, Proto};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

/// Everything passes but UDP port 9, which is logged on group 5; open flows are known.
const RULES: &str = "table inet fw {
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state invalid log group 5 prefix \"invalid\" drop
    udp dport 9 log group 5 prefix \"nine\" drop
  }
}
";

fn every_body(v4: bool) -> Vec<Body> {
    let tcp = |flags| Body::Tcp { sport: 1000, dport: 80, flags, seq: 1, ack: 0 };
    let mut bodies = vec![
        tcp(2),
        Body::Udp { sport: 1001, dport: 53 },
        Body::Sctp { sport: 1003, dport: 53 },
        Body::Icmp { kind: if v4 { 8 } else { 128 }, code: 0, id: 7 },
        Body::Raw { proto: Proto(47), bytes: vec![0; 16] },
        Body::Raw { proto: Proto(50), bytes: vec![1; 16] },
        Body::Raw { proto: Proto(112), bytes: vec![1; 16] },
    ];
    bodies.push(Body::Auth(Box::new(Body::Tcp { sport: 1004, dport: 80, flags: 2, seq: 1, ack: 0 })));
    bodies
}

#[test]
fn every_kind_of_packet_comes_out_where_it_was_sent() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut lab = Lab::new(&["eth1", "eth2", "tap0"]);
    lab.gateway.nft(RULES);
    lab.listen(5);
    let mut id = 0;
    for (src, dst) in [("10.1.0.1", "10.2.0.1"), ("2001:db8:1::1", "2001:db8:2::1")] {
        let (src, dst): (IpAddr, IpAddr) = (src.parse().unwrap(), dst.parse().unwrap());
        for body in every_body(src.is_ipv4()) {
            // An IPv6 fragment without its whole transport header is thrown away (RFC 8200, 4.5).
            for cut in [Cut::Whole, Cut::Two(if src.is_ipv4() { 8 } else { 48 })] {
                for out in [1, 2] {
                    id += 1;
                    lab.forget_connections();
                    let tos = lab.tos_of(out);
                    let extensions = if src.is_ipv6() && id % 3 == 0 {
                        vec![Extension::HopByHop, Extension::Destination]
                    } else {
                        vec![]
                    };
                    let frame = Frame { id, tos, cut, extensions, ..Frame::new(MAC, src, dst, body.clone()) };
                    lab.send(0, &frame);
                    let happened = lab.settle();
                    let out_at = happened.came_out(frame.mark());
                    assert!(!out_at.is_empty() && out_at.iter().all(|p| *p == out), "{frame:?}: {happened:?}");
                    assert!(happened.logged.is_empty(), "{frame:?} {:?}", happened.logged);
                }
            }
        }
    }
}

#[test]
fn what_is_dropped_or_invalid_is_told_by_its_mark() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut lab = Lab::new(&["eth1", "eth2"]);
    lab.gateway.nft(RULES);
    lab.listen(5);
    for (src, dst) in [("10.1.0.1", "10.2.0.1"), ("2001:db8:1::1", "2001:db8:2::1")] {
        let (src, dst): (IpAddr, IpAddr) = (src.parse().unwrap(), dst.parse().unwrap());
        let frame = Frame { tos: lab.tos_of(1), ..Frame::new(MAC, src, dst, Body::Udp { sport: 5, dport: 9 }) };
        let odd = Body::Tcp { sport: 6, dport: 80, flags: 0x29, seq: 1, ack: 1 };
        let null = Body::Tcp { sport: 7, dport: 80, flags: 0, seq: 1, ack: 1 };
        let cases = [
            (frame.clone(), Some("nine")),
            (Frame { cut: Cut::Two(8), ..frame.clone() }, Some("nine")),
            (Frame { body: odd, ..frame.clone() }, Some("invalid")),
            (Frame { body: null, ..frame.clone() }, Some("invalid")),
            (Frame { body: Body::Udp { sport: 8, dport: 8 }, corrupt: true, ..frame.clone() }, Some("invalid")),
            (Frame { cut: Cut::OnlyFirst(8), ..frame.clone() }, None),
        ];
        for (number, (frame, want)) in cases.into_iter().enumerate() {
            let frame = Frame { id: 100 + number as u32, ..frame };
            lab.send(0, &frame);
            let happened = lab.settle();
            let prefixes: Vec<&str> = happened.logged.iter().map(|l| l.prefix.as_str()).collect();
            assert!(happened.came_out(frame.mark()).is_empty());
            assert_eq!(prefixes, Vec::from_iter(want), "{frame:?}");
            assert!(happened.logged.iter().all(|l| mark(&l.packet).unwrap().id == frame.id));
        }
    }
}

#[test]
fn packets_to_and_from_the_gateway_are_seen() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut lab = Lab::new(&["eth1", "eth2"]);
    for (src, family) in [("10.1.0.1", Family::V4), ("2001:db8:1::1", Family::V6)] {
        let src: IpAddr = src.parse().unwrap();
        let own = Lab::gateway_address_at(1, family);
        let frame = Frame { id: 77, ..Frame::new(MAC, src, own, Body::Udp { sport: 5, dport: 99 }) };
        lab.send(0, &frame);
        let logged = lab.settle().logged;
        let seen = logged.iter().filter(|l| l.group == ARRIVED_GROUP && mark(&l.packet) == Some(frame.mark()));
        assert_eq!(seen.count(), 1, "{logged:?}");
        let back = Frame { id: 78, tos: lab.tos_of(1), src: own, dst: src, ..frame };
        sockets::send_own(&lab.gateway, src, back.tos, &back.packets()[0]).unwrap();
        let happened = lab.settle();
        assert_eq!(happened.came_out(back.mark()), [1], "{happened:?}");
    }
}

#[test]
fn thousands_of_packets_a_second_and_none_is_lost() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut lab = Lab::new(&["eth1", "eth2"]);
    lab.gateway.nft(RULES);
    lab.listen(5);
    let (src, dst) = ("10.1.0.1".parse().unwrap(), "10.2.0.1".parse().unwrap());
    let start = Instant::now();
    let (mut arrived, mut denied) = (0, 0);
    for batch in 0..20 {
        for n in 0..500u32 {
            let id = batch * 500 + n + 1;
            let dport = if id % 2 == 0 { 9 } else { 10 };
            let body = Body::Udp { sport: id as u16, dport };
            lab.send(0, &Frame { id, tos: lab.tos_of(1), ..Frame::new(MAC, src, dst, body) });
        }
        let happened = lab.settle();
        arrived += happened.arrivals.iter().filter(|a| mark(&a.packet).is_some_and(|m| m.dst == dst)).count();
        denied += happened.logged.len();
    }
    eprintln!("10,000 packets in {:?}", start.elapsed());
    assert_eq!((arrived, denied), (5000, 5000));
}

#[test]
fn ordinary_sockets_work_through_the_gateway() {
    if !lab::possible() {
        return;
    }
    let patience = Duration::from_secs(2);
    let lab = Lab::new(&["eth1", "eth2"]);
    lab.gateway.nft(RULES);
    lab.gateway.ip("address add 10.1.0.254/24 dev eth1\naddress add 10.2.0.254/24 dev eth2\n");
    lab.gateway.ip6("address add fd01::fe/64 dev eth1 nodad\naddress add fd02::fe/64 dev eth2 nodad\n");
    for (port, n) in [(0, 1), (1, 2)] {
        let host = &lab.ports[port].namespace;
        let name = &lab.ports[port].name;
        host.ip(&format!("address add 10.{n}.0.1/24 dev {name}\nroute add default via 10.{n}.0.254\n"));
        host.ip6(&format!("address add fd0{n}::1/64 dev {name} nodad\nroute add default via fd0{n}::fe\n"));
    }
    let (client, server) = (&lab.ports[0].namespace, &lab.ports[1].namespace);
    for (src, dst) in [("10.1.0.1", "10.2.0.1"), ("fd01::1", "fd02::1")] {
        let (src, dst): (IpAddr, IpAddr) = (src.parse().unwrap(), dst.parse().unwrap());
        let _tcp = Echo::tcp(server, SocketAddr::new(dst, 80));
        let _udp = [53, 9].map(|port| Echo::udp(server, SocketAddr::new(dst, port)));
        assert!(sockets::ping(client, src, dst, patience), "{dst}");
        assert!(sockets::tcp_works(client, src, SocketAddr::new(dst, 80), patience), "{dst}");
        assert!(sockets::udp_works(client, src, SocketAddr::new(dst, 53), patience), "{dst}");
        assert!(!sockets::udp_works(client, src, SocketAddr::new(dst, 9), patience / 10), "{dst}");
        assert!(!sockets::tcp_works(client, src, SocketAddr::new(dst, 81), patience / 10), "{dst}");
    }
}
