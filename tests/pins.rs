//! Permanent neighbour entries, by the real daemon and real packets: a spoofed
//! answer changes nothing, replies reach the declared MAC; kept in step, set
//! right again, and removed with what asked for them.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

mod lab;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lab::frame::{Body, Frame};
use lab::{Lab, raw};
use serde_json::Value;
use zoned::net::MacAddr;

const HOST: MacAddr = MacAddr([2, 0, 0, 0, 1, 9]);
const THIEF: MacAddr = MacAddr([2, 0, 0, 0, 1, 0x66]);

/// With its hosts, the first with this MAC, or without them.
fn config(hosts: bool, mac: &str) -> String {
    let declared = format!(
        "[hosts.one]\nzone = \"a\"\nip = [\"10.1.0.9\", \"fd01::9\"]\nmac = [\"{mac}\"]\n\
         [hosts.later]\nzone = \"a\"\nip = [\"10.7.0.1\"]\nmac = [\"02:00:00:00:01:07\"]\n"
    );
    format!("{POLICY}{}", if hosts { declared.as_str() } else { "" })
}

const POLICY: &str = r#"
version = 1
[organisation]
name = "海辺町"
[compliance]
model = "general"
[zones.a]
class = "general"
interfaces = ["eth1", "late"]
networks = ["10.1.0.0/24", "fd01::/64", "10.7.0.0/24"]
# Spoofed packets reach the kernel: what is pinned alone withstands them.
[binding]
enforce = false
pin_neighbours = true
[log]
retention_days = 30
[[allow]]
id = "in"
from = ["a"]
to = ["gateway"]
services = ["ping"]
"#;

struct Site {
    lab: Lab,
    folder: tempfile::TempDir,
    daemon: Option<Child>,
}

impl Site {
    fn new() -> Self {
        let lab = Lab::new(&["eth1"]);
        lab.gateway.ip("address add 10.1.0.254/24 dev eth1\n");
        lab.gateway.ip6("address add fd01::fe/64 dev eth1 nodad\n");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        Self { lab, folder, daemon: None }
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.path().join("etc/zoned.toml"), text).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let path = |name: &str| self.folder.path().join(name);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.lab.gateway.name(), program, "--config"]).arg(path("etc"));
        command.arg("--state").arg(path("state")).arg("--run").arg(path("run")).stdin(Stdio::null());
        command
    }

    fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.command(env!("CARGO_BIN_EXE_zoned"));
        self.daemon = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    fn status(&self) -> Value {
        let output = self.command(env!("CARGO_BIN_EXE_zonectl")).args(["--format", "json", "status"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Entries of the table that nothing heard changes, without the lab's own.
    fn pinned(&self) -> Vec<String> {
        let mut all = Vec::new();
        for family in ["-4", "-6"] {
            let text = self.lab.gateway.command("ip", &[family, "neighbour", "show", "nud", "permanent"]);
            all.extend(text.lines().filter(|line| !line.contains("169.254.") && !line.contains("fe80:")).map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                format!("{} {} {}", words[0], words[2], words[4])
            }));
        }
        all.sort();
        all
    }

    fn until(&self, want: &[String]) {
        let mut want = want.to_vec();
        want.sort();
        let began = Instant::now();
        while self.pinned() != want {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}, not {want:?}\n{}", self.pinned(), log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// An ARP packet of the thief's into the port.
    fn arp(&mut self, operation: u8, sender: [u8; 4], target: [u8; 4]) {
        let body = Body::Arp { operation, sender_mac: THIEF };
        self.lab.send(0, &Frame::new(THIEF, sender.into(), target.into(), body));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            self.kill();
        }
    }
}

/// What the declared MAC of the first host asks for, and the second's.
fn all(mac: MacAddr) -> Vec<String> {
    vec![format!("10.1.0.9 eth1 {mac}"), LATER.replace("late", "eth1"), format!("fd01::9 eth1 {mac}")]
}

const LATER: &str = "10.7.0.1 late 02:00:00:00:01:07";
const FOREIGN: &str = "10.1.0.77 eth1 02:00:00:00:01:77";

#[test]
fn replies_reach_the_declared_device() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut site = Site::new();
    site.write(&config(true, &HOST.to_string()));
    site.start();
    site.until(&all(HOST));
    site.lab.gateway.sysctl(&["ipv4/conf/eth1/arp_accept=1"]);
    for _ in 0..3 {
        // Answers nobody asked for, about itself, and questions.
        site.arp(2, [10, 1, 0, 9], [10, 1, 0, 254]);
        site.arp(2, [10, 1, 0, 9], [10, 1, 0, 9]);
        site.arp(1, [10, 1, 0, 9], [10, 1, 0, 254]);
        let (own, gateway) = ("fd01::9".parse().unwrap(), "fd01::fe".parse().unwrap());
        let body = Body::Discovery { kind: 136, target: own, option: Some((2, THIEF)) };
        let mut frame = Frame::new(THIEF, own, gateway, body);
        frame.ttl = 255;
        site.lab.send(0, &frame);
    }
    site.lab.settle();
    assert_eq!(site.pinned(), all(HOST));
    for (from, to, reply) in [("10.1.0.9", "10.1.0.254", 0), ("fd01::9", "fd01::fe", 129)] {
        let kind = if reply == 0 { 8 } else { 128 };
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        site.lab.send(0, &Frame::new(HOST, from, to, Body::Icmp { kind, code: 0, id: 1 }));
        let arrivals = site.lab.settle().arrivals;
        let answered: Vec<MacAddr> = arrivals
            .iter()
            .filter(|a| raw::mark(&a.packet).is_some_and(|m| m.dst == from))
            .map(|a| a.dst_mac)
            .collect();
        assert_eq!(answered, [HOST], "{arrivals:?}");
    }
}

#[test]
fn entries_follow_the_policy_and_only_ours_are_touched() {
    if !lab::possible() {
        return;
    }
    let mut site = Site::new();
    site.lab.gateway.ip("neighbour add 10.1.0.77 lladdr 02:00:00:00:01:77 dev eth1 nud permanent\n");
    let until = |site: &Site, want: &[String]| site.until(&[want, &[FOREIGN.to_owned()]].concat());
    site.write(&config(true, &HOST.to_string()));
    site.start();
    until(&site, &all(HOST));
    assert_eq!(site.status()["neighbours"]["pinned"], 3);
    // Others' hands.
    site.lab.gateway.ip("neighbour del 10.1.0.9 dev eth1\n");
    until(&site, &all(HOST));
    site.lab.gateway.ip(&format!("neighbour replace 10.1.0.9 lladdr {THIEF} dev eth1 nud permanent\n"));
    until(&site, &all(HOST));
    site.lab.gateway.ip("link set eth1 down\nlink set eth1 up\naddress replace 10.1.0.254/24 dev eth1\n");
    site.lab.gateway.ip6("address replace fd01::fe/64 dev eth1 nodad\n");
    // (The kernel forgets every entry of an interface that goes down.)
    site.until(&all(HOST));
    site.lab.gateway.ip("neighbour replace 10.1.0.77 lladdr 02:00:00:00:01:77 dev eth1 nud permanent\n");
    until(&site, &all(HOST));
    // An interface that comes later; where an address may lie on two, its route tells.
    site.lab.gateway.ip("link add late type veth peer name late0\nlink set late0 up\nlink set late up\naddress add 10.7.0.254/24 dev late\n");
    until(&site, &[all(HOST)[0].clone(), LATER.to_owned(), all(HOST)[2].clone()]);
    site.lab.gateway.ip("link delete late\n");
    until(&site, &all(HOST));
    // Another MAC; and while zoned is dead the declaration goes.
    site.write(&config(true, &THIEF.to_string()));
    until(&site, &all(THIEF));
    site.kill();
    site.write(&config(false, &THIEF.to_string()));
    until(&site, &all(THIEF));
    site.start();
    until(&site, &[]);
    site.write(&config(true, &HOST.to_string()));
    until(&site, &all(HOST));
    // Somebody else's permanent entry is left, and told of.
    site.write(&config(false, &HOST.to_string()));
    until(&site, &[]);
    site.lab.gateway.ip(&format!("neighbour replace 10.1.0.9 lladdr {THIEF} dev eth1 nud permanent\n"));
    site.write(&config(true, &HOST.to_string()));
    let left = [format!("10.1.0.9 eth1 {THIEF}"), all(HOST)[1].clone(), all(HOST)[2].clone()];
    until(&site, &left);
    let failed = site.status()["neighbours"]["failed"].clone();
    assert!(failed[0].as_str().unwrap().contains("10.1.0.9"), "{failed}");
    // Taken down, what is ours goes.
    site.kill();
    assert!(site.command(env!("CARGO_BIN_EXE_zoned")).arg("--teardown").status().unwrap().success());
    until(&site, &left[..1]);
}
