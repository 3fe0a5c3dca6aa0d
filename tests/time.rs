//! Time, by the vendor's entry of scenario B: nothing before its window, its
//! connection cut at the end, with the neighbour's bytes flowing on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure")]

mod lab;

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lab::Lab;
use lab::namespace::Namespace;
use lab::sockets::{self, Echo};
use zoned::document::MemoryTree;
use zoned::enforce::Enforcer;
use zoned::nft;
use zoned::pipeline::Candidate;
use zoned::policy::Established;
use zoned::sys::nft::Nft;

const PATIENCE: Duration = Duration::from_secs(3);
/// How long silence is listened to: several retransmissions of TCP's.
const SILENCE: Duration = Duration::from_millis(900);
/// How long a connection that must not open is waited for.
const REFUSAL: Duration = Duration::from_millis(300);
const VENDOR: &str = "10.64.9.5";
const NEIGHBOUR: &str = "10.64.9.6";
const SERVER: &str = "10.64.3.20:3389";

/// The vendor's entry with this window, and a neighbour's without.
fn policy(window: &str) -> String {
    format!(
        r#"
version = 1
[organisation]
timezone = "Asia/Tokyo"
[zones.partner]
class = "partner"
interfaces = ["eth1"]
networks = ["10.64.9.0/24"]
internet_connected = false
approval = "R8-050"
[zones.lgwan]
class = "lgwan"
interfaces = ["eth2"]
networks = ["10.64.3.0/24"]
[approvals."R8-050"]
reason = "基幹系の保守"
requested_by = "情報政策課 佐藤"
approved_by = ["CISO 副市長", "総務部長"]
approved_on = 2026-10-01
[[allow]]
id = "VENDOR"
from = ["partner:{VENDOR}"]
to = ["lgwan:10.64.3.20"]
services = ["tcp/3389"]
purpose = "remote"
remote = {{ mfa = true, encrypted = true }}
approval = "R8-050"
window = {window}
[[allow]]
id = "NEIGHBOUR"
from = ["partner:{NEIGHBOUR}"]
to = ["lgwan:10.64.3.20"]
services = ["tcp/3389"]
purpose = "remote"
remote = {{ mfa = true, encrypted = true }}
window = {{ from = "00:00", to = "24:00" }}
approval = "R8-050"
[log]
retention_days = 30
"#
    )
}

struct Town {
    lab: Lab,
    _server: Echo,
}

impl Town {
    fn new() -> Self {
        let lab = Lab::new(&["eth1", "eth2"]);
        for (port, net, hosts) in [(0, 9, [5, 6]), (1, 3, [20, 21])] {
            let host = &lab.ports[port].namespace;
            let name = &lab.ports[port].name;
            lab.gateway.ip(&format!("address add 10.64.{net}.254/24 dev {name}\n"));
            for n in hosts {
                host.ip(&format!("address add 10.64.{net}.{n}/24 dev {name}\n"));
            }
            host.ip(&format!("route add default via 10.64.{net}.254\n"));
        }
        let server = Echo::tcp(&lab.ports[1].namespace, SERVER.parse().unwrap());
        Self { lab, _server: server }
    }

    fn partner(&self) -> &Namespace {
        &self.lab.ports[0].namespace
    }

    fn connect(&self, from: &str, patience: Duration) -> Option<TcpStream> {
        let stream =
            sockets::tcp_connect(self.partner(), from.parse().unwrap(), SERVER.parse().unwrap(), patience).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(stream)
    }

    fn is_closed(&self) {
        assert!(self.connect(VENDOR, REFUSAL).is_none());
    }
}

fn carries(mut stream: &TcpStream) {
    stream.set_nonblocking(false).unwrap();
    stream.write_all(b"zonedlab").unwrap();
    let mut got = [0; 8];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"zonedlab");
}

/// Whatever is sent, with all its retransmissions, nothing comes back.
fn is_dead(mut stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    stream.write_all(b"zonedlab").unwrap();
    let began = Instant::now();
    while began.elapsed() < SILENCE {
        match stream.read(&mut [0; 8]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("after {:?}: {other:?}", began.elapsed()),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A stream beside the vendor's, compared byte for byte until it is finished.
struct Neighbour {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Neighbour {
    fn start(town: &Town) -> Self {
        let mut stream = town.connect(NEIGHBOUR, PATIENCE).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut number = 0_u64;
            while !flag.load(Ordering::Relaxed) {
                stream.write_all(&number.to_be_bytes()).unwrap();
                let mut back = [0; 8];
                stream.read_exact(&mut back).unwrap();
                assert_eq!(u64::from_be_bytes(back), number);
                number += 1;
            }
            number
        });
        Self { stop, thread }
    }

    fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert!(self.thread.join().unwrap() > 20);
    }
}

/// The night of the maintenance, of a date to come: the kernel closes timed
/// entries by its own clock, which nobody may fake.
#[test]
fn the_vendor_comes_at_22_and_is_gone_at_2() {
    if !lab::possible() {
        return;
    }
    let town = Town::new();
    let night = Timestamp::now().to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap()).date();
    let (night, morning) = (
        night.checked_add(jiff::Span::new().days(30)).unwrap(),
        night.checked_add(jiff::Span::new().days(31)).unwrap(),
    );
    let text = policy(&format!("{{ at = \"{night}T22:00\", until = \"{morning}T02:00\" }}"));
    let tree = MemoryTree::new([("/zoned.toml", text.as_str())]);
    let candidate = Candidate::read(&tree, Path::new("/zoned.toml"), Timestamp::now());
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    let policy = Arc::new(candidate.policy.unwrap_or_else(|| panic!("{found:#?}")));
    let mut enforcer = Enforcer::new(Nft::default());
    let mut at = |time: String| {
        let at: Timestamp = time.parse().unwrap();
        let ruleset = nft::ruleset(&policy, at);
        let change = town.lab.gateway.enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // Even where reloads keep open flows.
            runtime.block_on(enforcer.apply_and_revoke(&ruleset, &policy, at, Established::Keep)).unwrap()
        });
        change.revoked.unwrap().cut
    };
    at(format!("{night}T21:59:59.999+09:00"));
    town.is_closed();
    let neighbour = Neighbour::start(&town);
    at(format!("{night}T22:00:00+09:00"));
    let vendor = town.connect(VENDOR, PATIENCE).unwrap();
    carries(&vendor);
    assert_eq!(at(format!("{morning}T01:59:59.999+09:00")), 0);
    carries(&vendor);
    assert!(at(format!("{morning}T02:00:00+09:00")) >= 1);
    is_dead(&vendor);
    town.is_closed();
    neighbour.finish();
}

/// `zoned` inside the lab's gateway.
struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    fn start(town: &Town, config: &str) -> Self {
        Self::with_ledger(town, config, "")
    }

    /// With a file `ledger.csv` beside the configuration.
    fn with_ledger(town: &Town, config: &str, ledger: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("ledger.csv"), ledger).unwrap();
        fs::write(path("zoned.toml"), config).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            town.lab.gateway.name(),
            env!("CARGO_BIN_EXE_zoned"),
            "--lang",
            "en",
            "--config",
        ]);
        command.arg(path("zoned.toml")).arg("--state").arg(path("state")).arg("--run").arg(path("run"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let daemon = Self { child, folder };
        let began = Instant::now();
        while daemon.status()["in_force"] != "policy" {
            let log = || fs::read_to_string(daemon.folder.path().join("log")).unwrap();
            assert!(began.elapsed() < Duration::from_secs(10), "{:#}\n{}", daemon.status(), log());
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    fn status(&self) -> serde_json::Value {
        let request = zoned::daemon::protocol::Request::Status { lang: None };
        let answer = zoned::daemon::client::call(&self.folder.path().join("run"), &request);
        answer.map_or(serde_json::Value::Null, serde_json::Value::Object)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sleep_until(at: Timestamp) {
    std::thread::sleep(Duration::try_from(Timestamp::now().duration_until(at)).unwrap_or_default());
}

/// A window of real seconds, from so many to so many from now on.
fn window(from: i64, until: i64) -> (String, Timestamp, Timestamp) {
    let now = Timestamp::now().as_second();
    let [from, until] = [from, until].map(|seconds| Timestamp::from_second(now + seconds).unwrap());
    (format!("{{ at = \"{from}\", until = \"{until}\" }}"), from, until)
}

#[test]
fn the_daemon_acts_at_the_very_second() {
    if !lab::possible() {
        return;
    }
    let town = Town::new();
    let (window, from, until) = window(8, 13);
    let daemon = Daemon::start(&town, &policy(&window));
    let neighbour = Neighbour::start(&town);
    let status = daemon.status();
    assert_eq!(status["upcoming"][0]["name"], "VENDOR", "{status:#}");
    assert_eq!(status["upcoming"][0]["change"], "begins");
    assert_eq!(status["upcoming"][0]["time"].as_str().unwrap().parse::<Timestamp>().unwrap(), from);
    assert!(Timestamp::now() < from - SignedDuration::from_secs(1), "too slow a machine to see what was before");
    town.is_closed();
    sleep_until(from);
    // The first SYN may come a moment too early; it is sent again after a second.
    let vendor = town.connect(VENDOR, PATIENCE).expect("open");
    carries(&vendor);
    assert_eq!(daemon.status()["upcoming"][0]["change"], "ends");
    let mut last = Timestamp::now();
    while Timestamp::now() < until - SignedDuration::from_millis(200) {
        carries(&vendor);
        last = Timestamp::now();
    }
    assert!(last > until - SignedDuration::from_secs(1));
    sleep_until(until + SignedDuration::from_secs(1));
    is_dead(&vendor);
    town.is_closed();
    let status = daemon.status();
    let applied: Timestamp = status["applied_at"].as_str().unwrap().parse().unwrap();
    assert!(applied >= until && applied < until + SignedDuration::from_secs(1), "{applied} for {until}");
    assert!(status["counters"]["denied"]["outside-window"]["packets"].as_u64() >= Some(1), "{status:#}");
    neighbour.finish();
}

#[test]
fn with_the_daemon_dead_the_kernel_ends_the_window() {
    if !lab::possible() {
        return;
    }
    let town = Town::new();
    let (window, _, until) = window(0, 9);
    let mut daemon = Daemon::start(&town, &policy(&window));
    let neighbour = Neighbour::start(&town);
    let vendor = town.connect(VENDOR, PATIENCE).expect("open");
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    carries(&vendor);
    carries(&town.connect(VENDOR, PATIENCE).expect("open still"));
    assert!(Timestamp::now() < until, "too slow a machine to see what was before");
    sleep_until(until);
    is_dead(&vendor);
    town.is_closed();
    neighbour.finish();
}

/// The terminal's address goes to another one that may do nothing.
#[test]
fn a_terminal_is_gone_with_its_last_second_in_the_ledger() {
    if !lab::possible() {
        return;
    }
    let town = Town::new();
    let until = Timestamp::from_second(Timestamp::now().as_second() + 9).unwrap();
    let text = policy("{ from = \"00:00\", to = \"24:00\" }").replace("partner:10.64.9.5", "partner:terminal")
        + "[[inventory]]\nfile = \"ledger.csv\"\ncolumns = { name = \"n\", zone = \"z\", ip = \"i\", \
           valid_from = \"f\", valid_until = \"u\" }\n";
    let ledger = format!("n,z,i,f,u\nterminal,partner,{VENDOR},,{until}\nterminal-2,partner,{VENDOR},{until},\n");
    let daemon = Daemon::with_ledger(&town, &text, &ledger);
    let neighbour = Neighbour::start(&town);
    let terminal = town.connect(VENDOR, PATIENCE).expect("open");
    let status = daemon.status();
    assert_eq!(status["upcoming"][0]["name"], "terminal", "{status:#}");
    assert_eq!(status["upcoming"][0]["change"], "expires");
    let mut last = Timestamp::now();
    while Timestamp::now() < until - SignedDuration::from_millis(200) {
        carries(&terminal);
        last = Timestamp::now();
    }
    assert!(last > until - SignedDuration::from_secs(1), "too slow a machine to see what was before");
    sleep_until(until + SignedDuration::from_secs(1));
    is_dead(&terminal);
    town.is_closed();
    let status = daemon.status();
    let applied: Timestamp = status["applied_at"].as_str().unwrap().parse().unwrap();
    assert!(applied >= until && applied < until + SignedDuration::from_secs(1), "{applied} for {until}");
    assert!(status["counters"]["denied"]["no-allow-entry"]["packets"].as_u64() >= Some(1), "{status:#}");
    neighbour.finish();
}
