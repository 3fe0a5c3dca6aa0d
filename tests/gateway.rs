//! The gateway itself, by real packets: translation on an uplink, path MTU,
//! neighbour discovery, the errors that it sends and those that it is sent, with
//! its own output allowed and denied.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

mod lab;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lab::Lab;
use lab::frame::{Body, Frame};
use lab::namespace::Namespace;
use lab::sockets;
use zoned::document::MemoryTree;
use zoned::enforce::{Change, Enforcer};
use zoned::net::MacAddr;
use zoned::nft::{self, names};
use zoned::pipeline::Candidate;
use zoned::policy::{Established, Policy};
use zoned::sys::nft::Nft;

const PATIENCE: Duration = Duration::from_secs(5);
const SHUT: Duration = Duration::from_millis(300);
const INSIDE: [&str; 2] = ["10.1.0.1", "fd01::1"];
const SERVER: [&str; 2] = ["203.0.113.80", "2001:db8:f::80"];
const GATEWAY_IN: [&str; 2] = ["10.1.0.254", "fd01::fe"];
const GATEWAY_OUT: &str = "198.51.100.1";

/// The inner network, the uplink (`UPLINK` is replaced) and the gateway (`GATEWAY` too).
const POLICY: &str = r#"
version = 1
[zones.a]
class = "general"
interfaces = ["eth1"]
networks = ["10.1.0.0/24", "fd01::/64"]
[zones.up]
class = "uplink"
interfaces = ["eth9"]
networks = ["any"]
approval = "x"
UPLINK
[approvals.x]
reason = "r"
requested_by = "p"
approved_by = ["q", "s"]
approved_on = 2026-01-01
[gateway]
GATEWAY
"#;

fn entry(id: &str, from: &str, to: &str, services: &[&str]) -> String {
    let approval = if [from, to].contains(&"gateway") { "" } else { "approval = \"x\"\n" };
    format!("[[allow]]\nid = \"{id}\"\nfrom = [\"{from}\"]\nto = [\"{to}\"]\nservices = {services:?}\n{approval}")
}

fn policy(text: &str) -> Arc<Policy> {
    let tree = MemoryTree::new([("/zoned.toml", text)]);
    let candidate = Candidate::read(&tree, Path::new("/zoned.toml"), now());
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    Arc::new(candidate.policy.unwrap_or_else(|| panic!("{found:#?}")))
}

fn now() -> jiff::Timestamp {
    "2026-11-22T12:00:00+09:00".parse().unwrap()
}

/// A host inside, the gateway, a router outside and a server behind it. What the
/// router sends to the server must be of at most 1300 bytes, which neither knows
/// (what the server sends back here is short).
struct Site {
    lab: Lab,
    server: Namespace,
    enforcer: Enforcer,
}

impl Site {
    fn new() -> Self {
        let mut lab = Lab::new(&["eth1", "eth9"]);
        lab.listen(names::DENIED_GROUP);
        let server = Namespace::new("server");
        let (inside, router) = (&lab.ports[0].namespace, &lab.ports[1].namespace);
        lab.gateway.ip("address add 10.1.0.254/24 dev eth1\naddress add 198.51.100.1/24 dev eth9\n");
        lab.gateway.ip6("address add fd01::fe/64 dev eth1 nodad\naddress add 2001:db8:9::1/64 dev eth9 nodad\n");
        inside.ip(
            "address add 10.1.0.1/24 dev eth1\naddress add 10.1.0.2/24 dev eth1\nroute add default via 10.1.0.254\n",
        );
        inside.ip6("address add fd01::1/64 dev eth1 nodad\nroute add default via fd01::fe\n");
        router.sysctl(&["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"]);
        router.ip(&format!(
            "link add far mtu 1300 type veth peer name eth0 mtu 1500 netns {}\nlink set far up\n\
             address add 198.51.100.2/24 dev eth9\naddress add 203.0.113.1/24 dev far\n\
             route add 10.1.0.0/24 via 198.51.100.1\n",
            server.name()
        ));
        router.ip6(
            "address add 2001:db8:9::2/64 dev eth9 nodad\naddress add 2001:db8:f::1/64 dev far nodad\n\
             route add fd01::/64 via 2001:db8:9::1\n",
        );
        server.ip("link set eth0 up\naddress add 203.0.113.80/24 dev eth0\nroute add default via 203.0.113.1\n");
        server.ip6("address add 2001:db8:f::80/64 dev eth0 nodad\nroute add default via 2001:db8:f::1\n");
        lab.gateway.ip("route add 203.0.113.0/24 via 198.51.100.2\n");
        lab.gateway.ip6("route add 2001:db8:f::/64 via 2001:db8:9::2\n");
        Self { lab, server, enforcer: Enforcer::new(Nft::default()) }
    }

    fn inside(&self) -> &Namespace {
        &self.lab.ports[0].namespace
    }

    /// Applies a policy inside the gateway, as the daemon does.
    fn change(&mut self, uplink: &str, gateway: &str, entries: &[String]) -> Change {
        let text = POLICY.replace("UPLINK", uplink).replace("GATEWAY", gateway) + &entries.concat();
        let policy = policy(&text);
        let ruleset = nft::ruleset(&policy, now());
        let enforcer = &mut self.enforcer;
        self.lab.gateway.enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let change = enforcer.apply_and_revoke(&ruleset, &policy, now(), Established::Revoke);
            runtime.block_on(change).unwrap()
        })
    }

    /// A connection to the server from inside, and its far end.
    fn connect(&self, from: &str, to: &str) -> (TcpStream, TcpStream) {
        let to = SocketAddr::new(to.parse().unwrap(), 443);
        let listener = self.server.enter(|| TcpListener::bind(to)).unwrap();
        let near = sockets::tcp_connect(self.inside(), from.parse().unwrap(), to, PATIENCE).unwrap();
        let far = listener.accept().unwrap().0;
        (near, far)
    }

    /// Nobody remembers a path's MTU.
    fn forget_paths(&self) {
        for namespace in [self.inside(), &self.lab.gateway, &self.server] {
            namespace.ip("route flush cache\n");
            namespace.ip6("route flush cache\n");
        }
    }
}

/// Sends a megabyte and reads it at the other end.
fn carries_much((mut near, mut far): (TcpStream, TcpStream)) {
    let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    near.set_write_timeout(Some(PATIENCE)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| near.write_all(&bytes).unwrap());
        let mut got = vec![0; bytes.len()];
        far.read_exact(&mut got).unwrap();
        assert!(got == bytes, "byte for byte");
    });
}

fn carries((near, far): &(TcpStream, TcpStream)) -> bool {
    [(near, far), (far, near)].into_iter().all(|(mut from, mut to)| {
        to.set_read_timeout(Some(SHUT)).unwrap();
        from.write_all(b"zonedlab").is_ok() && to.read_exact(&mut [0; 8]).is_ok()
    })
}

#[test]
fn an_uplink_hides_who_is_inside() {
    if !lab::possible() {
        return;
    }
    let mut site = Site::new();
    let both = [
        entry("one", "a:10.1.0.1", "up", &["https", "ping", "udp/53"]),
        entry("two", "a:10.1.0.2", "up", &["https"]),
        entry("six", "a:fd01::/64", "up", &["https"]),
    ];
    site.change("masquerade = true", "", &both);
    let (one, two) = (site.connect(INSIDE[0], SERVER[0]), site.connect("10.1.0.2", SERVER[0]));
    let six = site.connect(INSIDE[1], SERVER[1]);
    for (line, seen) in [(&one, GATEWAY_OUT), (&two, GATEWAY_OUT), (&six, INSIDE[1])] {
        assert_eq!(line.1.peer_addr().unwrap().ip(), seen.parse::<IpAddr>().unwrap());
        assert!(carries(line));
    }
    assert!(sockets::ping(site.inside(), INSIDE[0].parse().unwrap(), SERVER[0].parse().unwrap(), PATIENCE));
    // The gateway's own packets keep the address that their program chose.
    let listener = site.server.enter(|| UdpSocket::bind("203.0.113.80:53")).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    for (namespace, from, seen) in [
        (&site.lab.gateway, GATEWAY_IN[0], GATEWAY_IN[0]),
        (&site.lab.gateway, "0.0.0.0", GATEWAY_OUT),
        (site.inside(), INSIDE[0], GATEWAY_OUT),
    ] {
        let socket = namespace.enter(|| UdpSocket::bind((from.parse::<IpAddr>().unwrap(), 0))).unwrap();
        socket.send_to(b"q", "203.0.113.80:53").unwrap();
        let (_, who) = listener.recv_from(&mut [0; 8]).unwrap();
        assert_eq!(who.ip(), seen.parse::<IpAddr>().unwrap(), "from {from}");
        listener.send_to(b"a", who).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(socket.recv_from(&mut [0; 8]).unwrap().0, 1, "the answer comes back");
    }

    // A change elsewhere leaves open flows, and their translation, as they are.
    let table = |site: &Site| {
        let flows = site.lab.gateway.command("conntrack", &["-L", "-p", "tcp", "-s", "10.1.0.1"]);
        let tuple: Vec<String> = flows.split_whitespace().filter(|w| w.contains("port=")).map(str::to_owned).collect();
        tuple.join(" ")
    };
    let before = table(&site);
    let more = [both.as_slice(), &[entry("more", "a:10.1.0.9", "up", &["ssh"])]].concat();
    let change = site.change("masquerade = true", "", &more);
    assert_eq!((change.revoked.unwrap().cut, table(&site)), (0, before));
    assert!([&one, &two, &six].into_iter().all(carries));

    // What is not allowed any more is cut, by who opened it; its neighbour flows on.
    let change = site.change("masquerade = true", "", &both[1..]);
    // The question over UDP and the ping went with it.
    assert_eq!(change.revoked.unwrap().cut, 3);
    assert!(!carries(&one) && carries(&two) && carries(&six));
    site.lab.settle();
    assert!(!sockets::ping(site.inside(), INSIDE[0].parse().unwrap(), SERVER[0].parse().unwrap(), SHUT));
    let denied = site.lab.settle().logged;
    let inner = |log: &lab::nflog::Logged| log.packet.get(12..16) == Some(&[10, 1, 0, 1]);
    assert!(denied.iter().any(|log| log.prefix == "zoned:deny:no-allow-entry" && inner(log)), "{denied:?}");

    // Translation goes with its key; IPv4 then leaves as it is.
    site.change("", "", &both);
    assert!(!site.lab.gateway.command("nft", &["-t", "list", "table", "inet", "zoned"]).contains("masquerade"));
    // The kernel translates nothing any more once no chain asks for it: open flows end.
    assert!(!carries(&two));
    let plain = site.connect(INSIDE[0], SERVER[0]);
    assert_eq!(plain.1.peer_addr().unwrap().ip(), INSIDE[0].parse::<IpAddr>().unwrap());
}

#[test]
fn a_narrow_path_is_found_out() {
    if !lab::possible() {
        return;
    }
    let mut site = Site::new();
    let entries = [entry("out", "a", "up", &["https"]), entry("own", "gateway", "up", &["https"])];
    for (uplink, gateway) in [("", ""), ("", "output = \"deny\""), ("masquerade = true", "output = \"deny\"")] {
        site.change(uplink, gateway, &entries);
        // Narrow behind the router, then narrowest at the gateway itself.
        for (mtu, found) in [("1500", "mtu 1300"), ("1290", "mtu 1290")] {
            site.lab.gateway.ip(&format!("link set eth9 mtu {mtu}\n"));
            for (from, to) in INSIDE.into_iter().zip(SERVER) {
                site.forget_paths();
                carries_much(site.connect(from, to));
                let path = site.inside().command("ip", &["route", "get", to]);
                assert!(path.contains(found), "{uplink} {gateway} {mtu}: {path}");
            }
        }
        site.lab.gateway.ip("link set eth9 mtu 1500\n");
        site.forget_paths();
        // The gateway's own connections.
        for to in SERVER {
            let to = SocketAddr::new(to.parse().unwrap(), 443);
            let listener = site.server.enter(|| TcpListener::bind(to)).unwrap();
            let near = site.lab.gateway.enter(|| TcpStream::connect_timeout(&to, PATIENCE)).unwrap();
            carries_much((near, listener.accept().unwrap().0));
            let path = site.lab.gateway.command("ip", &["route", "get", &to.ip().to_string()]);
            assert!(path.contains("mtu 1300"), "{gateway}: {path}");
        }
    }
}

#[test]
fn neighbours_are_found_with_output_denied_too() {
    if !lab::possible() {
        return;
    }
    let mut site = Site::new();
    let entries = [entry("in", "a", "gateway", &["ping"]), entry("own", "gateway", "a", &["ping"])];
    for gateway in ["", "output = \"deny\""] {
        site.change("", gateway, &entries);
        for (host, own) in INSIDE.into_iter().zip(GATEWAY_IN) {
            let (host, own): (IpAddr, IpAddr) = (host.parse().unwrap(), own.parse().unwrap());
            for gateway_asks in [false, true] {
                for namespace in [site.inside(), &site.lab.gateway] {
                    namespace.ip("neighbour flush dev eth1\n");
                }
                let (by, from, to) =
                    if gateway_asks { (&site.lab.gateway, own, host) } else { (site.inside(), host, own) };
                assert!(sockets::ping(by, from, to, PATIENCE), "{gateway} {from} → {to}");
            }
        }
    }
    // Nothing else of the gateway's own leaves.
    site.change("", "output = \"deny\"", &entries[..1]);
    for (host, own) in INSIDE.into_iter().zip(GATEWAY_IN) {
        assert!(!sockets::ping(&site.lab.gateway, own.parse().unwrap(), host.parse().unwrap(), SHUT));
    }
}

/// ICMP or ICMPv6 (by the address) of this type, from the gateway, at this port.
fn came(happened: &lab::Happened, port: usize, from: &str, kind: u8) -> bool {
    let from: IpAddr = from.parse().unwrap();
    happened.arrivals.iter().filter(|a| a.port == port).any(|arrival| {
        let packet = &arrival.packet;
        match from {
            IpAddr::V4(from) => {
                packet.get(9) == Some(&1) && packet.get(12..16) == Some(&from.octets()) && packet.get(20) == Some(&kind)
            }
            IpAddr::V6(from) => {
                packet.get(6) == Some(&58) && packet.get(8..24) == Some(&from.octets()) && packet.get(40) == Some(&kind)
            }
        }
    })
}

fn mac(of: &Namespace, interface: &str) -> MacAddr {
    let text = of.command("ip", &["-br", "link", "show", interface]);
    text.split_whitespace().nth(2).unwrap().parse().unwrap()
}

#[test]
fn a_packet_that_has_come_too_far_is_told_of() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut site = Site::new();
    let host = mac(site.inside(), "eth1");
    for gateway in ["", "output = \"deny\""] {
        site.change("", gateway, &[entry("out", "a", "up", &["udp/33434-33523"])]);
        for (family, kind) in [(0, 11), (1, 3)] {
            let body = Body::Udp { sport: 40000, dport: 33434 };
            let mut frame = Frame::new(host, INSIDE[family].parse().unwrap(), SERVER[family].parse().unwrap(), body);
            frame.ttl = 1;
            site.lab.send(0, &frame);
            let happened = site.lab.settle();
            assert!(came(&happened, 0, GATEWAY_IN[family], kind), "{gateway}: {happened:?}");
        }
    }
}

#[test]
fn errors_about_nothing_and_orders_to_the_gateway_are_denied() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut site = Site::new();
    site.change("", "", &[entry("out", "a", "up", &["udp/53"])]);
    let router = mac(&site.lab.ports[1].namespace, "eth9");
    let outside = ["198.51.100.2", "2001:db8:9::2"];
    let addr = |text: &str| text.parse::<IpAddr>().unwrap();
    let quoted = |family: usize| {
        let asked = Body::Udp { sport: 40000, dport: 53 };
        Frame::new(router, addr(INSIDE[family]), addr(SERVER[family]), asked).packets().remove(0)
    };
    // Of no open flow: unreachable, too big, time exceeded.
    for (family, kinds) in [(0, [(3, 1), (3, 4), (11, 0)]), (1, [(1, 0), (2, 0), (3, 0)])] {
        for (kind, code) in kinds {
            let body = Body::IcmpError { kind, code, about: quoted(family) };
            site.lab.send(1, &Frame::new(router, addr(outside[family]), addr(INSIDE[family]), body));
            let happened = site.lab.settle();
            assert!(!came(&happened, 0, outside[family], kind), "{kind}");
            assert!(happened.logged.iter().any(|log| log.prefix == "zoned:deny:invalid"), "{kind}: {happened:?}");
        }
    }
    // Redirects and router advertisements, from a router on the link.
    let link = addr("fe80::2");
    let redirect = |family: usize, kind| Body::IcmpError { kind, code: 1, about: quoted(family) };
    let advertised = Body::Discovery { kind: 134, target: link, option: Some((1, router)) };
    for (from, to, hops, body) in [
        (addr(outside[0]), addr(GATEWAY_OUT), 64, redirect(0, 5)),
        (link, addr("2001:db8:9::1"), 255, redirect(1, 137)),
        (link, addr("ff02::1"), 255, advertised),
    ] {
        let mut frame = Frame::new(router, from, to, body.clone());
        frame.ttl = hops;
        if to.is_multicast() {
            frame.dst_mac = Some(MacAddr([0x33, 0x33, 0, 0, 0, 1]));
        }
        site.lab.send(1, &frame);
        let happened = site.lab.settle();
        assert!(happened.logged.iter().any(|log| log.prefix.starts_with("zoned:deny:")), "{body:?}: {happened:?}");
        assert!(happened.logged.iter().all(|log| log.prefix.starts_with("zoned:deny:")), "{body:?}: {happened:?}");
    }
}

#[test]
fn link_local_addresses_that_entries_name_reach_the_gateway() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let text = "version = 1\n\
        [zones.a]\nclass = \"general\"\ninterfaces = [\"eth1\"]\nnetworks = [\"10.1.0.0/24\", \"fe80::/10\"]\n\
        [zones.b]\nclass = \"general\"\ninterfaces = [\"eth1\"]\nnetworks = [\"10.2.0.0/24\"]\n\
        [hosts.h]\nzone = \"a\"\nip = [\"fe80::5\"]\nmac = [\"02:00:00:00:00:05\"]\n";
    let entries = [
        entry("net", "a:fe80::/64", "gateway", &["udp/547"]),
        entry("host", "a:h", "gateway", &["udp/123"]),
        entry("other", "b", "gateway", &["udp/53"]),
    ];
    let policy = policy(&format!("{text}{}", entries.concat()));
    let mut lab = Lab::new(&["eth1"]);
    lab.listen(names::DENIED_GROUP);
    lab.gateway.nft(&nft::lower(&zoned::rules::compile(&policy, now())).to_text());
    let own = Lab::gateway_address_at(0, zoned::net::Family::V6);
    let (its, another) = (MacAddr([2, 0, 0, 0, 0, 5]), MacAddr([2, 0, 0, 0, 0, 6]));
    for (mac, from, dport, passes) in [
        (another, "fe80::1", 547, true),
        (another, "fe80:0:0:1::1", 547, false),
        (another, "fe80::1", 123, false),
        (its, "fe80::5", 123, true),
        // What names it by its network too, and what names all zones of the interface.
        (its, "fe80::5", 547, true),
        (its, "fe80::5", 53, true),
        (another, "fe80::5", 123, false),
        (its, "fe80::6", 123, false),
    ] {
        let body = Body::Udp { sport: 40000, dport };
        lab.send(0, &Frame::new(mac, from.parse().unwrap(), own, body));
        let logged = lab.settle().logged;
        let denied = logged.iter().any(|log| log.prefix == "zoned:deny:no-allow-entry");
        assert_eq!((denied, logged.is_empty()), (!passes, false), "{mac} {from} {dport}: {logged:?}");
    }
}
