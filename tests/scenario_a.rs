//! Scenario A (海辺町), as shipped in config/examples/alpha-town, guarded by the
//! real zoned: every entry works, everything that must be denied is, by real
//! packets and by `zonectl trace`, both agreeing; and what holds when zoned is
//! killed or a file changes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure")]

mod lab;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lab::Lab;
use lab::frame::{Body, Frame};
use lab::sockets::{self, Echo};
use serde_json::Value;

const PORTS: [&str; 7] = ["eth1", "eth2", "eth3", "eth4", "eth5", "eth6", "eth9"];
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/alpha-town");
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a connection that must not open is tried.
const SHUT: Duration = Duration::from_millis(400);

/// A running zoned in the lab's gateway, with a copy of the example.
struct Guard {
    folder: tempfile::TempDir,
    namespace: String,
    daemon: Child,
}

impl Guard {
    fn new(lab: &Lab) -> Self {
        Self::with(lab, |_| ())
    }

    /// The example's copy is changed by `edit` before zoned starts.
    fn with(lab: &Lab, edit: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-R").arg(EXAMPLE).arg(folder.path().join("etc")).status().unwrap();
        assert!(copied.success());
        edit(&folder.path().join("etc"));
        let namespace = lab.gateway.name().to_owned();
        let daemon = Self::start(folder.path(), &namespace);
        let guard = Self { folder, namespace, daemon };
        guard.await_ready();
        guard
    }

    fn start(folder: &Path, namespace: &str) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
        Command::new("ip")
            .args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_zoned")])
            .args(Self::folders(folder))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn folders(folder: &Path) -> [String; 6] {
        let path = |name: &str| folder.join(name).display().to_string();
        ["--config".into(), path("etc"), "--state".into(), path("state"), "--run".into(), path("run")]
    }

    fn zonectl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonectl"));
        command.args(Self::folders(self.folder.path())).args(["--lang", "en"]).args(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.zonectl(&[&["--format", "json"], arguments].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{arguments:?}: {e}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn await_ready(&self) {
        let started = Instant::now();
        // It answers before its first transaction: what counts is that a policy is in force.
        while !self.enforces() {
            assert!(started.elapsed() < Duration::from_secs(20), "zoned is not ready:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn enforces(&self) -> bool {
        let status = self.zonectl(&["--format", "json", "status"]);
        let body: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        status.status.success() && body["in_force"] == "policy"
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn policy_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("etc/policy.d").join(name)
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }

    fn restart(&mut self) {
        self.daemon = Self::start(self.folder.path(), &self.namespace);
        self.await_ready();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Killed by its own handle; it may have ended already.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A packet, and what must become of it: the deciding entry, or the reason.
struct Case {
    what: &'static str,
    ends: [&'static str; 2],
    mac: &'static str,
    addresses: [&'static str; 2],
    service: (&'static str, u16),
    want: Result<&'static str, &'static str>,
}

const fn case(
    what: &'static str,
    ends: [&'static str; 2],
    mac: &'static str,
    addresses: [&'static str; 2],
    service: (&'static str, u16),
    want: Result<&'static str, &'static str>,
) -> Case {
    Case { what, ends, mac, addresses, service, want }
}

const SHINSEI: &str = "00:00:5e:00:53:20";
const ZEI: &str = "00:00:5e:00:53:30";
const RENKEI: &str = "00:00:5e:00:53:50";
const MTA_L: &str = "00:00:5e:00:53:25";
const CDR_L: &str = "00:00:5e:00:53:26";
const SOUMU: &str = "00:00:5e:00:53:b1";
const KOHO: &str = "00:00:5e:00:53:c1";
const MFP: &str = "00:00:5e:00:53:d1";
const ANY: &str = "02:00:00:00:00:77";
const NONE: Result<&str, &str> = Err("no-allow-entry");
const NIC: Result<&str, &str> = Err("mac-mismatch");
const SPOOFED: Result<&str, &str> = Err("spoofed-source");
const V6: [&str; 2] = ["2001:db8::1", "2001:db8:1::1"];

const CASES: &[Case] = &[
    // Every entry works.
    case("MN-001", ["eth1", "eth2"], SHINSEI, ["10.10.0.20", "10.20.0.50"], ("tcp", 443), Ok("MN-001")),
    case("MN-002", ["eth1", "eth4"], ZEI, ["10.10.0.30", "192.0.2.5"], ("tcp", 443), Ok("MN-002")),
    case("LG-001", ["eth2", "eth4"], RENKEI, ["10.20.0.50", "192.0.2.4"], ("tcp", 443), Ok("LG-001")),
    case("LG-002", ["eth2", "eth4"], MTA_L, ["10.20.0.25", "192.0.2.2"], ("tcp", 25), Ok("LG-002")),
    case("LI-001 443", ["eth2", "eth3"], ANY, ["10.20.3.9", "10.30.0.11"], ("tcp", 443), Ok("LI-001")),
    case("LI-001 22443", ["eth2", "eth3"], SOUMU, ["10.20.0.101", "10.30.0.20"], ("tcp", 22443), Ok("LI-001")),
    case("LI-002", ["eth2", "eth3"], CDR_L, ["10.20.0.26", "10.30.0.26"], ("tcp", 443), Ok("LI-002")),
    case("IL-001", ["eth3", "eth2"], ANY, ["10.30.0.25", "10.20.0.25"], ("tcp", 25), Ok("IL-001")),
    case("IU-001", ["eth3", "eth6"], KOHO, ["10.30.0.101", "198.51.100.1"], ("tcp", 8080), Ok("IU-001")),
    // What must be denied (DOMAIN, scenario A).
    case("renkei to juki", ["eth2", "eth1"], RENKEI, ["10.20.0.50", "10.10.0.10"], ("tcp", 443), NONE),
    case("a replaced NIC", ["eth1", "eth2"], "00:00:5e:00:53:99", ["10.10.0.20", "10.20.0.50"], ("tcp", 443), NIC),
    case("vdi to L", ["eth3", "eth2"], ANY, ["10.30.0.11", "10.20.0.101"], ("tcp", 443), NONE),
    case("vdi to mta-l", ["eth3", "eth2"], ANY, ["10.30.0.11", "10.20.0.25"], ("tcp", 25), NONE),
    case("drive redirection", ["eth2", "eth3"], SOUMU, ["10.20.0.101", "10.30.0.11"], ("tcp", 9427), NONE),
    case("zei by http", ["eth1", "eth4"], ZEI, ["10.10.0.30", "192.0.2.5"], ("tcp", 80), NONE),
    case("zei by udp", ["eth1", "eth4"], ZEI, ["10.10.0.30", "192.0.2.5"], ("udp", 443), NONE),
    case("juki to renkei", ["eth1", "eth2"], "00:00:5e:00:53:10", ["10.10.0.10", "10.20.0.50"], ("tcp", 443), NONE),
    case("M to the Internet", ["eth1", "eth6"], SHINSEI, ["10.10.0.20", "203.0.113.9"], ("tcp", 443), NONE),
    case("M to I", ["eth1", "eth3"], SHINSEI, ["10.10.0.20", "10.30.0.11"], ("tcp", 443), NONE),
    case("telemetry", ["eth2", "eth6"], SOUMU, ["10.20.0.101", "203.0.113.9"], ("tcp", 443), NONE),
    case("I past the proxy", ["eth3", "eth6"], KOHO, ["10.30.0.101", "203.0.113.9"], ("tcp", 443), NONE),
    case("MFP to SMB", ["eth5", "eth1"], MFP, ["10.40.0.11", "10.10.0.10"], ("tcp", 445), NONE),
    case("the Internet inward", ["eth6", "eth2"], ANY, ["203.0.113.9", "10.20.0.25"], ("tcp", 25), NONE),
    case("the proxy inward", ["eth6", "eth3"], ANY, ["198.51.100.1", "10.30.0.101"], ("tcp", 80), NONE),
    case("LGWAN inward", ["eth4", "eth1"], ANY, ["192.0.2.5", "10.10.0.30"], ("tcp", 443), NONE),
    case("within L by the gateway", ["eth2", "eth2"], SOUMU, ["10.20.0.101", "10.20.1.101"], ("tcp", 445), NONE),
    case("spoofed", ["eth3", "eth2"], SHINSEI, ["10.10.0.20", "10.20.0.50"], ("tcp", 443), SPOOFED),
    case("wrong way out", ["eth2", "eth6"], RENKEI, ["10.20.0.50", "192.0.2.4"], ("tcp", 443), Err("unknown-zone")),
    // All IPv6.
    case("v6 from M", ["eth1", "eth6"], SHINSEI, V6, ("tcp", 443), SPOOFED),
    case("v6 from L", ["eth2", "eth3"], RENKEI, V6, ("tcp", 443), SPOOFED),
    case("v6 from I", ["eth3", "eth6"], ANY, V6, ("tcp", 443), SPOOFED),
    case("v6 from LGWAN", ["eth4", "eth2"], ANY, V6, ("tcp", 443), SPOOFED),
    case("v6 from the MFPs", ["eth5", "eth6"], ANY, V6, ("tcp", 443), SPOOFED),
    case("v6 from the Internet", ["eth6", "eth2"], ANY, V6, ("tcp", 443), Err("unknown-zone")),
    case("v6 back out", ["eth6", "eth6"], ANY, V6, ("tcp", 443), NONE),
];

#[test]
fn real_packets_and_trace_agree_on_every_line_of_scenario_a() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut lab = Lab::new(&PORTS);
    let guard = Guard::new(&lab);
    let mut wrong = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        let [src, dst] = case.addresses.map(|a| a.parse::<IpAddr>().unwrap());
        let [input, output] = case.ends.map(|name| lab.port_named(name).unwrap());
        let (sport, dport) = (40_000 + index as u16, case.service.1);
        let body = match case.service.0 {
            "udp" => Body::Udp { sport, dport },
            _ => Body::Tcp { sport, dport, flags: 2, seq: 1, ack: 0 },
        };
        let tos = lab.tos_of(output);
        let frame = Frame { tos, id: index as u32 + 1, ..Frame::new(case.mac.parse().unwrap(), src, dst, body) };
        lab.forget_connections();
        lab.send(input, &frame);
        let passed = lab.settle().came_out(frame.mark());
        let want = if case.want.is_ok() { vec![output] } else { vec![] };
        if passed != want {
            wrong.push(format!("{}: came out at {passed:?}, wanted {want:?}", case.what));
        }
        let traced = trace(&guard, case, sport);
        let told = match traced["verdict"].as_str() {
            Some("allow") => Ok(traced["entry"].as_str().unwrap_or("?").to_owned()),
            _ => Err(traced["reason"].as_str().unwrap_or("?").to_owned()),
        };
        if told != case.want.map(String::from).map_err(String::from) {
            wrong.push(format!("{}: trace says {traced}", case.what));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), guard.log());
}

fn trace(guard: &Guard, case: &Case, sport: u16) -> Value {
    let ([input, output], [src, dst]) = (case.ends, case.addresses);
    let (sport, dport) = (sport.to_string(), case.service.1.to_string());
    guard.json(&[
        "trace",
        "--in",
        input,
        "--out",
        output,
        "--mac",
        case.mac,
        "--src",
        src,
        "--dst",
        dst,
        "--proto",
        case.service.0,
        "--sport",
        &sport,
        "--dport",
        &dport,
    ])
}

/// Hosts with ordinary sockets: shinsei and juki on eth1, renkei and a terminal
/// on eth2, an LGWAN server on eth4, an MFP on eth5.
fn furnish(lab: &Lab) {
    for (name, number, addresses, gateway, mac) in [
        ("eth1", 24, &["10.10.0.20", "10.10.0.10"][..], "10.10.0.1", SHINSEI),
        ("eth2", 22, &["10.20.0.50"], "10.20.0.1", RENKEI),
        ("eth4", 29, &["192.0.2.4"], "192.0.2.1", ANY),
        ("eth5", 26, &["10.40.0.11"], "10.40.0.1", MFP),
    ] {
        lab.gateway.ip(&format!("address add {gateway}/{number} dev {name}\n"));
        let host = &lab.ports[lab.port_named(name).unwrap()].namespace;
        host.ip(&format!("link set {name} address {mac}\n"));
        for address in addresses {
            host.ip(&format!("address add {address}/{number} dev {name}\n"));
        }
        host.ip(&format!("route add default via {gateway}\n"));
    }
    // A second device on the LGWAN segment: a terminal of soumu.
    let segment = &lab.ports[lab.port_named("eth2").unwrap()].namespace;
    segment.ip(&format!(
        "link add link eth2 name soumu address {SOUMU} type macvlan mode bridge\nlink set soumu up\n\
         address add 10.20.0.101/32 dev soumu\nroute add 10.20.0.1 dev soumu table 7\n\
         route add default via 10.20.0.1 dev soumu table 7\nrule add from 10.20.0.101 lookup 7\n"
    ));
    segment.sysctl(&["ipv4/conf/all/arp_ignore=1", "ipv4/conf/all/arp_announce=2"]);
}

/// One TCP connection as people would make it.
struct Try<'a> {
    lab: &'a Lab,
    port: &'static str,
    from: &'static str,
    to: &'static str,
}

impl Try<'_> {
    fn works(&self, patience: Duration) -> bool {
        let host = &self.lab.ports[self.lab.port_named(self.port).unwrap()].namespace;
        sockets::tcp_works(host, self.from.parse().unwrap(), self.to.parse().unwrap(), patience)
    }
}

fn serve(lab: &Lab, port: &str, address: &str) -> Echo {
    let host = &lab.ports[lab.port_named(port).unwrap()].namespace;
    Echo::tcp(host, address.parse::<SocketAddr>().unwrap())
}

#[test]
fn killing_zoned_opens_nothing_and_cuts_nothing() {
    if !lab::possible() {
        return;
    }
    let lab = Lab::new(&PORTS);
    furnish(&lab);
    let mut guard = Guard::new(&lab);
    let _servers = [serve(&lab, "eth2", "10.20.0.50:443"), serve(&lab, "eth1", "10.10.0.10:443")];
    let allowed = Try { lab: &lab, port: "eth1", from: "10.10.0.20", to: "10.20.0.50:443" };
    let forbidden = Try { lab: &lab, port: "eth2", from: "10.20.0.50", to: "10.10.0.10:443" };
    assert!(allowed.works(PATIENCE), "{}", guard.log());
    assert!(!forbidden.works(SHUT));
    let shinsei = &lab.ports[0].namespace;
    let to: SocketAddr = "10.20.0.50:443".parse().unwrap();
    let mut open = sockets::tcp_connect(shinsei, "10.10.0.20".parse().unwrap(), to, PATIENCE).unwrap();
    sockets::tcp_carries(&mut open, PATIENCE).unwrap();
    guard.kill();
    for round in 0..20 {
        sockets::tcp_carries(&mut open, PATIENCE).unwrap_or_else(|e| panic!("round {round}: {e}"));
    }
    assert!(allowed.works(PATIENCE), "a new allowed flow");
    assert!(!forbidden.works(SHUT), "a forbidden flow");
    assert_eq!(guard.zonectl(&["status"]).status.code(), Some(1), "status tells that nobody answers");
    guard.restart();
    sockets::tcp_carries(&mut open, PATIENCE).expect("the open flow outlives the new start");
    assert!(allowed.works(PATIENCE) && !forbidden.works(SHUT));
}

#[test]
fn a_file_opens_a_flow_within_a_second_and_a_broken_one_changes_nothing() {
    if !lab::possible() {
        return;
    }
    let lab = Lab::new(&PORTS);
    furnish(&lab);
    let guard = Guard::new(&lab);
    let _servers = [serve(&lab, "eth5", "10.40.0.11:9100"), serve(&lab, "eth2", "10.20.0.50:443")];
    let print = Try { lab: &lab, port: "eth2", from: "10.20.0.101", to: "10.40.0.11:9100" };
    let designated = Try { lab: &lab, port: "eth1", from: "10.10.0.20", to: "10.20.0.50:443" };
    assert!(!print.works(SHUT));
    let line = "allow = [{ id = \"LP-001\", from = \"lgwan:10.20.0.101\", to = \"mfp:mfp-1\", services = \"print\", \
                approval = \"R8-031\" }]\n";
    let before = guard.json(&["status"])["digest"].clone();
    std::fs::write(guard.policy_file("50-print.toml"), line).unwrap();
    let written = Instant::now();
    while !print.works(Duration::from_millis(100)) {
        assert!(written.elapsed() < Duration::from_secs(1), "not open after a second:\n{}", guard.log());
    }
    eprintln!("open after {:?}", written.elapsed());
    // The kernel decides by it before the daemon has read it back and says so.
    while guard.json(&["status"])["digest"] == before {
        assert!(written.elapsed() < PATIENCE, "status stays behind:\n{}", guard.log());
    }
    let digest = guard.json(&["status"])["digest"].clone();
    assert!(digest.is_string());

    std::fs::write(guard.policy_file("60-broken.toml"), "allow = [{ id = \"X\", from = \"lgwan:dare\" ").unwrap();
    let written = Instant::now();
    loop {
        let status = guard.zonectl(&["--format", "json", "status"]);
        assert!(status.status.success());
        if String::from_utf8_lossy(&status.stdout).contains("60-broken.toml") {
            break;
        }
        assert!(written.elapsed() < PATIENCE, "status does not say why:\n{}", guard.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(guard.json(&["status"])["digest"], digest, "what is in force stays");
    assert!(print.works(PATIENCE) && designated.works(PATIENCE));

    std::fs::remove_file(guard.policy_file("60-broken.toml")).unwrap();
    std::fs::remove_file(guard.policy_file("50-print.toml")).unwrap();
    let removed = Instant::now();
    while print.works(Duration::from_millis(100)) {
        assert!(removed.elapsed() < PATIENCE, "still open:\n{}", guard.log());
    }
    assert!(designated.works(PATIENCE));
}

#[test]
fn under_manual_mode_a_change_is_shown_checked_and_applied_by_digest() {
    if !lab::possible() {
        return;
    }
    let lab = Lab::new(&PORTS);
    let guard = Guard::with(&lab, |config| {
        let path = config.join("zoned.toml");
        let text = std::fs::read_to_string(&path).unwrap().replace("mode = \"auto\"", "mode = \"manual\"");
        std::fs::write(path, text).unwrap();
    });
    let unchanged = guard.json(&["verify"]);
    assert_eq!((&unchanged["result"], &unchanged["against"]), (&"unchanged".into(), &"active".into()));
    let line =
        "allow = [{ id = \"LP-001\", from = \"lgwan\", to = \"mfp\", services = \"print\", approval = \"R8-031\" }]";
    std::fs::write(guard.policy_file("50-print.toml"), line).unwrap();
    let changed = guard.json(&["verify"]);
    assert_eq!((&changed["result"], &changed["against"]), (&"changed".into(), &"active".into()));
    assert_eq!(changed["opened"][0]["entries"], serde_json::json!(["LP-001"]));
    let digest = changed["digest"].as_str().unwrap();

    let wrong = guard.zonectl(&["apply", "--digest", "sha256:0000"]);
    assert_eq!(wrong.status.code(), Some(1), "not the one that was checked");
    assert_eq!(guard.json(&["status"])["revision"], 1);
    let applied = guard.json(&["apply", "--digest", digest, "--comment", "印刷を開く"]);
    assert_eq!((&applied["result"], &applied["digest"]), (&"applied".into(), &digest.into()));
    assert_eq!(guard.json(&["verify"])["result"], "unchanged");

    let history = guard.json(&["history"]);
    let revisions = history["revisions"].as_array().unwrap();
    assert_eq!((revisions.len(), &history["active"]), (2, &2.into()));
    assert_eq!((&revisions[0]["comment"], &revisions[0]["digest"]), (&"印刷を開く".into(), &digest.into()));
    assert_eq!((&revisions[0]["who"]["uid"], &revisions[0]["result"]), (&0.into(), &"applied".into()));
    assert_eq!(guard.json(&["history", "1"])["revisions"].as_array().unwrap().len(), 1);
    let back = guard.json(&["diff", "active", "1"]);
    assert_eq!(back["closed"][0]["entries"], serde_json::json!(["LP-001"]));
    assert_eq!(guard.zonectl(&["diff", "1", "2"]).status.code(), Some(3));
    assert_eq!(guard.zonectl(&["diff", "2"]).status.code(), Some(0), "revision 2 is the configuration on disk");
}
