//! Entries in the real kernel: rates, ends that the kernel keeps by itself,
//! records of what is accepted, and what is counted for `zonectl usage`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure")]

#[path = "../lab/mod.rs"]
mod lab;

mod ends;
mod rates;
mod usage;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lab::Lab;
use lab::namespace::Namespace;
use lab::sockets;
use serde_json::Value;

/// What an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

const BASE: &str = r#"
version = 1
include = ["policy.d/*.toml"]
[organisation]
name = "試験町"
[compliance]
model = "general"
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
[log]
retention_days = 30
"#;

/// An entry from one of a's hosts to b's, with more keys.
fn entry(id: &str, host: u8, service: &str, more: &str) -> String {
    format!(
        "[[allow]]\nid = \"{id}\"\nfrom = [\"a:10.1.0.{host}\"]\nto = [\"b\"]\nservices = [\"{service}\"]\napproval = \"x\"\n{more}\n"
    )
}

/// Two networks of real hosts and the real daemon between them.
struct Town {
    lab: Lab,
    dir: tempfile::TempDir,
    daemon: Option<Child>,
}

impl Town {
    /// With these entries, and the daemon started.
    fn new(entries: &str) -> Self {
        let mut town = Self { lab: Lab::of_hosts(), dir: tempfile::tempdir().unwrap(), daemon: None };
        fs::create_dir_all(town.path("conf/policy.d")).unwrap();
        fs::write(town.path("conf/zoned.toml"), BASE).unwrap();
        town.write(entries);
        town.start();
        town
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, entries: &str) {
        fs::write(self.path("conf/policy.d/entries.toml"), entries).unwrap();
    }

    fn start(&mut self) {
        let log = fs::File::create(self.path("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_zoned"));
        command.args(["--lang", "en", "--config"]).arg(self.path("conf"));
        command.arg("--state").arg(self.path("state")).arg("--run").arg(self.path("run"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.daemon = Some(self.lab.gateway.enter(|| command.spawn()).unwrap());
        self.until("the daemon enforces", |status| status["in_force"] == "policy");
    }

    /// Ends the daemon without a chance to say goodbye.
    fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// New entries, applied.
    fn change(&self, entries: &str) {
        let generation = self.ask(&["status"])["generation"].clone();
        self.write(entries);
        self.until("the change is in force", |status| status["generation"] != generation);
    }

    /// `zonectl --format json …`, one object, or a line each.
    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonectl"));
        command.args(["--format", "json", "--lang", "en", "--config"]).arg(self.path("conf"));
        command.arg("--state").arg(self.path("state")).arg("--run").arg(self.path("run")).args(arguments);
        let out = self.lab.gateway.enter(|| command.output()).unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        serde_json::Deserializer::from_str(&text).into_iter().map(|value| value.unwrap()).collect()
    }

    fn ask(&self, arguments: &[&str]) -> Value {
        self.lines(arguments).pop().unwrap_or_default()
    }

    /// Waits until the status is so.
    fn until(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        self.awaited(what, || Some(self.ask(&["status"])).filter(|status| so(status)))
    }

    /// Waits until there is something.
    fn awaited<T>(&self, what: &str, find: impl Fn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = find() {
                return found;
            }
            if began.elapsed() > Duration::from_secs(10) {
                let log = fs::read_to_string(self.path("log")).unwrap_or_default();
                panic!("{what}: not within 10 s\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn host(&self, net: usize) -> &Namespace {
        &self.lab.ports[net - 1].namespace
    }

    /// Packets of a named counter in the kernel.
    fn counter(&self, name: &str) -> u64 {
        let listing = self.lab.gateway.command("nft", &["-j", "list", "counters", "table", "inet", "zoned"]);
        let listing: Value = serde_json::from_str(&listing).unwrap();
        let counters = listing["nftables"].as_array().unwrap().iter().map(|object| &object["counter"]);
        counters.filter(|counter| counter["name"] == name).map(|c| c["packets"].as_u64().unwrap()).sum()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            self.kill();
        }
    }
}

/// An open TCP connection from one of a's hosts to b, both ends in hand.
struct Line {
    near: TcpStream,
    far: TcpStream,
}

impl Line {
    fn open(town: &Town, host: u8, port: u16) -> Option<Self> {
        let to: SocketAddr = ([10, 2, 0, 1], port).into();
        let listener = town.host(2).enter(|| TcpListener::bind(to)).unwrap();
        let near = sockets::tcp_connect(town.host(1), [10, 1, 0, host].into(), to, PATIENCE).ok()?;
        let far = listener.accept().unwrap().0;
        Some(Self { near, far })
    }

    /// Whether bytes pass both ways within this time.
    fn carries(&self, patience: Duration) -> bool {
        [(&self.near, &self.far), (&self.far, &self.near)].into_iter().all(|(mut from, mut to)| {
            to.set_read_timeout(Some(patience)).unwrap();
            from.write_all(b"zonedlab").is_ok() && to.read_exact(&mut [0; 8]).is_ok()
        })
    }
}

/// Sleeps until this instant.
fn sleep_until(at: Timestamp) {
    let left = at.duration_since(Timestamp::now());
    std::thread::sleep(Duration::try_from(left).unwrap_or_default());
}
