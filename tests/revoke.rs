//! A permission that is taken away ends at once, for open flows too: real
//! sockets between the hosts of two zones, the real enforcer between them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure")]

mod lab;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lab::Lab;
use lab::namespace::Namespace;
use lab::sockets::{self, Echo};
use zoned::document::MemoryTree;
use zoned::enforce::{Change, Enforcer, Revoked, Way};
use zoned::nft::{self, Cut, CutKey, CutService};
use zoned::pipeline::Candidate;
use zoned::policy::{DenyReason, Established, Policy};
use zoned::sys::nft::Nft;

const PATIENCE: Duration = Duration::from_secs(3);
/// How long silence is listened to: several retransmissions of TCP's.
const SILENCE: Duration = Duration::from_millis(900);

const BASE: &str = r#"
version = 1
[zones.a]
class = "general"
interfaces = ["eth1"]
networks = ["10.1.0.0/24", "fd01::/64"]
[zones.b]
class = "general"
interfaces = ["eth2"]
networks = ["10.2.0.0/24", "fd02::/64"]
[approvals.x]
reason = "r"
requested_by = "p"
approved_by = ["q", "s"]
approved_on = 2026-01-01
"#;

/// `id: from > to services`, as an entry.
fn entry(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, from, ">", to, services @ ..] = words.as_slice() else { panic!("{line}") };
    let approval = if [from, to].contains(&&"gateway") { "" } else { "approval = \"x\"\n" };
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

/// Two networks of real hosts, and the gateway between them.
struct Town {
    lab: Lab,
    enforcer: Enforcer,
}

impl Town {
    fn new() -> Self {
        let lab = Lab::of_hosts();
        Self { lab, enforcer: Enforcer::new(Nft::default()) }
    }

    fn mac(net: u8) -> String {
        Lab::host_mac(net)
    }

    fn host(&self, net: usize) -> &Namespace {
        &self.lab.ports[net - 1].namespace
    }

    /// Applies a policy inside the gateway, as the daemon does.
    fn change_at(&mut self, text: &str, at: jiff::Timestamp, established: Established) -> (Change, Revoked) {
        let policy = policy(text);
        let ruleset = nft::ruleset(&policy, at);
        let enforcer = &mut self.enforcer;
        let mut change = self.lab.gateway.enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(enforcer.apply_and_revoke(&ruleset, &policy, at, established)).unwrap()
        });
        let revoked = std::mem::replace(&mut change.revoked, Ok(Revoked::default())).unwrap();
        assert_eq!(revoked.unreadable, 0);
        assert!(!self.table().contains("chain cut"), "the cut is gone:\n{}", self.table());
        (change, revoked)
    }

    fn change(&mut self, entries: &[&str]) -> (Change, Revoked) {
        let entries: String = entries.iter().map(|line| entry(line)).collect();
        self.change_at(&format!("{BASE}{entries}"), now(), Established::Revoke)
    }

    fn table(&self) -> String {
        self.lab.gateway.command("nft", &["-t", "list", "table", "inet", "zoned"])
    }

    /// Open flows from this address.
    fn flows(&self, src: &str) -> usize {
        let family = if src.contains(':') { "ipv6" } else { "ipv4" };
        let list = self.lab.gateway.command("conntrack", &["-L", "-f", family, "-s", src]);
        list.lines().count()
    }
}

/// An open TCP connection, both ends in hand.
struct Line {
    near: TcpStream,
    far: TcpStream,
}

impl Line {
    fn open(from: (&Namespace, &str), to: (&Namespace, &str)) -> Self {
        let address: SocketAddr = to.1.parse().unwrap();
        let listener = to.0.enter(|| TcpListener::bind(address)).unwrap();
        let near = sockets::tcp_connect(from.0, from.1.parse().unwrap(), address, PATIENCE).unwrap();
        let far = listener.accept().unwrap().0;
        let line = Self { near, far };
        line.carries();
        line
    }

    /// Bytes pass both ways.
    fn carries(&self) {
        for (mut from, mut to) in [(&self.near, &self.far), (&self.far, &self.near)] {
            to.set_read_timeout(Some(PATIENCE)).unwrap();
            to.set_nonblocking(false).unwrap();
            from.write_all(b"zonedlab").unwrap();
            let mut got = [0; 8];
            to.read_exact(&mut got).unwrap();
            assert_eq!(&got, b"zonedlab");
        }
    }

    /// The gateway's end is gone, and the other end's segments open nothing.
    fn is_aborted(&self) {
        let mut failed = 0;
        for mut end in [&self.near, &self.far] {
            end.set_nonblocking(true).unwrap();
            failed += u32::from(end.write_all(b"zonedlab").is_err());
        }
        std::thread::sleep(SILENCE);
        for mut end in [&self.near, &self.far] {
            assert!(!matches!(end.read(&mut [0; 8]), Ok(1..)));
        }
        assert_eq!(failed, 1, "one end of the two is the gateway's");
    }

    /// Whatever either side sends, with all its retransmissions, nothing arrives.
    fn is_dead(&self) {
        for mut end in [&self.far, &self.near] {
            end.set_nonblocking(true).unwrap();
            end.write_all(b"zonedlab").unwrap();
        }
        let started = Instant::now();
        while started.elapsed() < SILENCE {
            for mut end in [&self.far, &self.near] {
                match end.read(&mut [0; 8]) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    other => panic!("after {:?}: {other:?}", started.elapsed()),
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A neighbour's traffic beside the change: a TCP stream compared byte for byte
/// and numbered datagrams, both through echo servers.
struct Neighbour {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    threads: Vec<JoinHandle<u64>>,
    _echoes: [Echo; 2],
}

impl Neighbour {
    fn start(town: &Town, from: &str, to: &str) -> Self {
        let address: SocketAddr = to.parse().unwrap();
        let echoes = [Echo::tcp(town.host(2), address), Echo::udp(town.host(2), address)];
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let near: IpAddr = from.parse().unwrap();
        let mut stream = sockets::tcp_connect(town.host(1), near, address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let flag = Arc::clone(&stop);
        let count = Arc::clone(&sent);
        let tcp = std::thread::spawn(move || {
            let mut number = 0u64;
            while !flag.load(Ordering::Relaxed) {
                stream.write_all(&number.to_be_bytes()).unwrap();
                let mut back = [0; 8];
                stream.read_exact(&mut back).unwrap();
                assert_eq!(u64::from_be_bytes(back), number);
                number += 1;
                count.fetch_add(1, Ordering::Relaxed);
            }
            number
        });
        let socket = town.host(1).enter(|| UdpSocket::bind((near, 0))).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let flag = Arc::clone(&stop);
        let udp = std::thread::spawn(move || {
            let mut number = 0u64;
            while !flag.load(Ordering::Relaxed) {
                socket.send_to(&number.to_be_bytes(), address).unwrap();
                let mut back = [0; 8];
                // A lost datagram is a time-out here: nobody sends it again.
                socket.recv(&mut back).unwrap();
                assert_eq!(u64::from_be_bytes(back), number);
                number += 1;
            }
            number
        });
        Self { stop, sent, threads: vec![tcp, udp], _echoes: echoes }
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends it; a byte that differed or a datagram that was lost fails here.
    fn finish(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

#[test]
fn a_long_connection_dies_with_its_entry_and_its_neighbour_lives() {
    if !lab::possible() {
        return;
    }
    let mut town = Town::new();
    let all = [
        "gone a:10.1.0.1 > b:10.2.0.1 tcp/22 udp/53 ping",
        "gone6 a:fd01::1 > b:fd02::1 tcp/22 udp/53 ping",
        "stays a:10.1.0.2 > b:10.2.0.1 tcp/22 udp/22",
        "stays6 a:fd01::2 > b:fd02::1 tcp/22 udp/22",
    ];
    town.change(&all);
    let lines = [("10.1.0.1", "10.2.0.1:22"), ("fd01::1", "[fd02::1]:22")]
        .map(|(from, to)| Line::open((town.host(1), from), (town.host(2), to)));
    let neighbours =
        [("10.1.0.2", "10.2.0.1:22"), ("fd01::2", "[fd02::1]:22")].map(|(from, to)| Neighbour::start(&town, from, to));
    let others = [("10.1.0.1", "10.2.0.1"), ("fd01::1", "fd02::1")].map(|(from, to)| {
        let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
        let echo = Echo::udp(town.host(2), SocketAddr::new(to, 53));
        let socket = town.host(1).enter(|| UdpSocket::bind((from, 0))).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(b"zonedlab", (to, 53)).unwrap();
        assert_eq!(socket.recv(&mut [0; 16]).unwrap(), 8);
        assert!(sockets::ping(town.host(1), from, to, PATIENCE));
        (from, to, socket, echo)
    });
    assert_eq!([town.flows("10.1.0.1"), town.flows("fd01::1")], [3, 3]);

    // The same policy in other words cuts nothing.
    let (change, revoked) = town.change(&[
        "gone a:10.1.0.1 > b:10.2.0.1 ping tcp/22 udp/53",
        "gone6 a:fd01::1 > b:fd02::1 tcp/22 udp/53 ping",
        "stays a:10.1.0.2/32 > b:10.2.0.1/32 tcp/22 udp/22",
        "stays6 a:fd01::2 > b:fd02::1 tcp/22 udp/22",
    ]);
    assert_eq!((change.applied.way, revoked.cut), (Way::Unchanged, 0));
    assert_eq!(revoked.judged, 10);
    lines.iter().for_each(Line::carries);

    // Another entry that covers a flow keeps it.
    let (_, revoked) = town.change(&["wide a > b:10.2.0.0/24 tcp/20-30 udp/1-100 ping", all[1], all[3]]);
    assert_eq!(revoked.cut, 0);
    lines.iter().for_each(Line::carries);

    let before = neighbours.each_ref().map(Neighbour::sent);
    let (_, revoked) = town.change(&all[2..]);
    assert_eq!((revoked.cut, revoked.uncertain), (6, 0));
    assert_eq!([town.flows("10.1.0.1"), town.flows("fd01::1")], [0, 0]);
    for (from, to, socket, _echo) in &others {
        socket.set_read_timeout(Some(SILENCE)).unwrap();
        socket.send_to(b"zonedlab", (*to, 53)).unwrap();
        assert!(socket.recv(&mut [0; 16]).is_err());
        assert!(!sockets::ping(town.host(1), *from, *to, SILENCE));
    }
    // Late packets of either side open nothing.
    lines.iter().for_each(Line::is_dead);
    assert_eq!([town.flows("10.1.0.1"), town.flows("fd01::1")], [0, 0]);
    assert_eq!([town.flows("10.2.0.1"), town.flows("fd02::1")], [0, 0]);
    assert!(neighbours.iter().zip(before).all(|(n, before)| n.sent() > before + 100));
    for counts in neighbours.map(Neighbour::finish) {
        assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
    }
}

#[test]
fn the_cut_alone_stops_open_flows_both_ways() {
    if !lab::possible() {
        return;
    }
    let mut town = Town::new();
    town.change(&["one a > b tcp/22 ping"]);
    for (near, beside, far, at) in
        [("10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.1:22"), ("fd01::1", "fd01::2", "fd02::1", "[fd02::1]:22")]
    {
        let mut line = Line::open((town.host(1), near), (town.host(2), at));
        let other = Line::open((town.host(1), beside), (town.host(2), at));
        let mut cut = Cut::default();
        let (src, dst) = (near.parse().unwrap(), far.parse().unwrap());
        for service in [CutService::Port(zoned::net::Proto::TCP, 22), CutService::Icmp(8), CutService::Icmp(128)] {
            cut.add(CutKey { src, dst, service }, DenyReason::NoAllowEntry);
        }
        assert!(sockets::ping(town.host(1), src, dst, PATIENCE));
        town.lab.gateway.nft_json(&nft::document(cut.install()).to_string());
        line.is_dead();
        other.carries();
        assert!(!sockets::ping(town.host(1), src, dst, SILENCE));
        assert!(town.flows(near) > 0, "still tracked");
        town.lab.gateway.nft_json(&nft::document(cut.remove()).to_string());
        // Nothing was deleted, so what waited comes through.
        line.far.set_nonblocking(false).unwrap();
        line.far.set_read_timeout(Some(PATIENCE)).unwrap();
        line.far.read_exact(&mut [0; 8]).unwrap();
    }
    assert!(!town.table().contains("cut"));
}

#[test]
fn an_end_of_time_cuts_even_where_open_flows_are_kept() {
    if !lab::possible() {
        return;
    }
    let mut town = Town::new();
    let timed = entry("timed a:10.1.0.1 > b tcp/22") + "expires = 2026-11-30\n";
    let plain = entry("plain a:10.1.0.2 > b tcp/22");
    let both = format!("{BASE}{timed}{plain}");
    town.change_at(&both, now(), Established::Keep);
    let first = Line::open((town.host(1), "10.1.0.1"), (town.host(2), "10.2.0.1:22"));
    let second = Line::open((town.host(1), "10.1.0.2"), (town.host(2), "10.2.0.1:22"));
    // Another policy: kept, though denied.
    let (_, revoked) = town.change_at(&format!("{BASE}{timed}"), now(), Established::Keep);
    assert_eq!(revoked.cut, 0);
    second.carries();
    // The same policy, a second too late.
    let late = "2026-12-01T00:00:00+09:00".parse().unwrap();
    let (_, revoked) = town.change_at(&format!("{BASE}{timed}"), late, Established::Keep);
    assert_eq!(revoked.cut, 1);
    first.is_dead();
    second.carries();
    let (_, revoked) = town.change_at(&format!("{BASE}{timed}"), late, Established::Revoke);
    assert_eq!(revoked.cut, 1);
    second.is_dead();
}

#[test]
fn a_flow_whose_device_is_no_longer_the_declared_one_is_cut() {
    if !lab::possible() {
        return;
    }
    let mut town = Town::new();
    let with = |mac: &str| {
        // A router, so that its other address is no ip-mismatch.
        let host = format!(
            "[hosts.pc]\nkind = \"router\"\nzone = \"a\"\nip = [\"10.1.0.1\", \"fd01::1\"]\nmac = [\"{mac}\"]\n"
        );
        format!("{BASE}{host}{}{}", entry("pc a:pc > b tcp/22"), entry("free a:10.1.0.2 > b tcp/22"))
    };
    town.change_at(&with(&Town::mac(1)), now(), Established::Revoke);
    let lines = [("10.1.0.1", "10.2.0.1:22"), ("fd01::1", "[fd02::1]:22")]
        .map(|(from, to)| Line::open((town.host(1), from), (town.host(2), to)));
    let free = Line::open((town.host(1), "10.1.0.2"), (town.host(2), "10.2.0.1:22"));
    let (_, revoked) = town.change_at(&with(&Town::mac(1)), now(), Established::Revoke);
    assert_eq!(revoked.cut, 0);
    let (_, revoked) = town.change_at(&with("02:00:00:00:00:99"), now(), Established::Revoke);
    assert_eq!((revoked.cut, revoked.uncertain), (2, 0));
    lines.iter().for_each(Line::is_dead);
    free.carries();
    // No MAC known at all: what needs one is cut, what needs none is not.
    town.change_at(&with(&Town::mac(1)), now(), Established::Revoke);
    let bound = Line::open((town.host(1), "10.1.0.1"), (town.host(2), "10.2.0.1:22"));
    town.lab.gateway.ip("neighbour flush dev eth1\n");
    let (_, revoked) = town.change_at(&with(&Town::mac(1)), now(), Established::Revoke);
    // With it the old line's, if a late segment has opened it again meanwhile.
    assert!(revoked.cut >= 1 && revoked.cut == revoked.uncertain, "{revoked:?}");
    // Its next packet shows its MAC, and is judged by it.
    bound.carries();
    free.carries();
}

#[test]
fn translated_addresses_are_understood() {
    if !lab::possible() {
        return;
    }
    let mut town = Town::new();
    town.lab.gateway.nft(
        "table ip t {\n chain pre { type nat hook prerouting priority -100\n ip daddr 10.9.9.9 tcp dport 80 dnat to 10.2.0.1:22\n }\n \
         chain post { type nat hook postrouting priority 100\n oifname \"eth2\" masquerade\n }\n}\n",
    );
    town.change(&["one a:10.1.0.1 > b:10.2.0.1 tcp/22", "two a:10.1.0.2 > b:10.2.0.1 tcp/22"]);
    let lines = ["10.1.0.1", "10.1.0.2"].map(|from| {
        let listener = town.host(2).enter(|| TcpListener::bind("10.2.0.1:22")).unwrap();
        let to = "10.9.9.9:80".parse().unwrap();
        let near = sockets::tcp_connect(town.host(1), from.parse().unwrap(), to, PATIENCE).unwrap();
        let far = listener.accept().unwrap().0;
        assert_eq!(far.peer_addr().unwrap().ip(), IpAddr::from([10, 2, 0, 254]), "masqueraded");
        let line = Line { near, far };
        line.carries();
        line
    });
    let (_, revoked) = town.change(&["two a:10.1.0.2 > b:10.2.0.1 tcp/22"]);
    assert_eq!(revoked.cut, 1);
    lines[0].is_dead();
    lines[1].carries();
}

#[test]
fn what_manages_the_gateway_is_kept_and_the_rest_is_not() {
    if !lab::possible() {
        return;
    }
    let mut town = Town::new();
    // A router, so that its other address is no ip-mismatch.
    let head = format!(
        "{BASE}[hosts.admin]\nkind = \"router\"\nzone = \"a\"\nip = [\"10.1.0.1\"]\nmac = [\"{}\"]\n[gateway]\nmanagement = [\"a:admin:ssh\"]\n",
        Town::mac(1)
    );
    let open = entry("in a > gateway tcp/22") + &entry("out gateway > b tcp/22");
    town.change_at(&format!("{head}output = \"deny\"\n{open}"), now(), Established::Revoke);
    let admin = Line::open((town.host(1), "10.1.0.1"), (&town.lab.gateway, "10.1.0.254:22"));
    let other = Line::open((town.host(1), "10.1.0.2"), (&town.lab.gateway, "10.1.0.254:22"));
    let own = Line::open((&town.lab.gateway, "10.2.0.254"), (town.host(2), "10.2.0.1:22"));
    let within = Line::open((&town.lab.gateway, "127.0.0.1"), (&town.lab.gateway, "127.0.0.1:22"));
    let (_, revoked) = town.change_at(&format!("{head}output = \"deny\"\n"), now(), Established::Revoke);
    assert_eq!(revoked.cut, 2);
    other.is_aborted();
    own.is_aborted();
    admin.carries();
    within.carries();
    assert_eq!(town.flows("10.1.0.2"), 0);
    // Also where the gateway itself may send what it likes.
    let free = format!("{head}output = \"allow\"\n");
    town.change_at(&format!("{free}{}", entry("in a > gateway tcp/22")), now(), Established::Revoke);
    let other = Line::open((town.host(1), "10.1.0.2"), (&town.lab.gateway, "10.1.0.254:22"));
    let (_, revoked) = town.change_at(&free, now(), Established::Revoke);
    assert_eq!(revoked.cut, 1);
    other.is_aborted();
    assert_eq!([town.flows("10.1.0.2"), town.flows("10.1.0.254")], [0, 0]);
    // Without its neighbour entry too.
    town.lab.gateway.ip("neighbour flush dev eth1\n");
    let (_, revoked) = town.change_at(&format!("{head}output = \"deny\"\n"), now(), Established::Revoke);
    assert_eq!(revoked.cut, 0);
    admin.carries();
}
