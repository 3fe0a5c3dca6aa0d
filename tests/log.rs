//! `zonectl log` on a store written beside it: filters, forms, gaps, follow.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use etherparse::PacketBuilder;
use jiff::Timestamp;
use serde_json::Value;
use zoned::flow::{
    Aggregator, Changes, Context, ETHERTYPE_IPV4, FlowSink as _, GapCause, Limits, LoggedPacket, Record, Station,
};
use zoned::nft::names::LogTag;
use zoned::pipeline::Candidate;
use zoned::policy::DenyReason;
use zoned::store::flows::FlowStore;
use zoned::sys::files::DiskTree;

const POLICY: &str = r#"
version = 1
[organisation]
timezone = "Asia/Tokyo"
[compliance]
model = "alpha"
[zones.m]
class = "mynumber"
interfaces = ["eth1"]
networks = ["10.10.0.0/24"]
[zones.l]
class = "lgwan"
interfaces = ["eth2"]
networks = ["10.20.0.0/24"]
[hosts.zei-1]
zone = "m"
ip = ["10.10.0.20"]
labels = { dept = "税務課" }
[log]
store = "records"
"#;

/// A configuration, a state folder, and the store under it.
struct Town {
    folder: tempfile::TempDir,
    store: FlowStore,
    flows: Aggregator,
    context: Context,
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("zoned.toml");
        fs::write(&config, POLICY).unwrap();
        let candidate = Candidate::read(&DiskTree, &config, Timestamp::now());
        let context = Context::new(Arc::new(candidate.policy.expect("a valid policy")), "sha256:aa", Some(1));
        let store = FlowStore::open(&folder.path().join("state/records")).unwrap();
        let station = Station { hostname: "box".into(), boot_id: "b00t".into(), clock_synced: None };
        Self { folder, store, flows: Aggregator::new(station, Limits::default(), 1), context }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A denied SYN to this port, `ago` seconds ago, written at once.
    fn deny(&mut self, port: u16, ago: i64) {
        let mut bytes = Vec::new();
        let ends = PacketBuilder::ipv4([10, 10, 0, 20], [10, 20, 0, 5], 63);
        ends.tcp(40000, port, 7, 64).syn().write(&mut bytes, &[]).unwrap();
        let packet = LoggedPacket {
            prefix: LogTag::Denied(DenyReason::NoAllowEntry).prefix(),
            hw_protocol: ETHERTYPE_IPV4,
            in_if: Some("eth1".parse().unwrap()),
            out_if: Some("eth2".parse().unwrap()),
            src_mac: Some("00:00:5e:00:53:20".parse().unwrap()),
            link_header: Vec::new(),
            time: Timestamp::now() - jiff::SignedDuration::from_secs(ago),
            bytes,
        };
        assert!(self.flows.packet(Duration::ZERO, &packet, &self.context));
        self.store.write(self.flows.changes(Duration::ZERO)).unwrap();
        self.flows.written();
    }

    fn lose(&mut self, packets: u64) {
        let mut changes = Changes::default();
        let now = Timestamp::now();
        changes.gap(GapCause::Sequence, (now, now), packets);
        self.store.write(&changes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonectl"));
        command.arg("log").args(arguments);
        for (option, name) in [("--config", "zoned.toml"), ("--state", "state"), ("--run", "run")] {
            command.arg(option).arg(self.path(name));
        }
        command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "C.UTF-8").stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// Destination ports of what a query finds.
    fn ports(&self, arguments: &[&str]) -> Vec<u64> {
        let (code, out, err) = self.run(&[&["query", "--format", "json"], arguments].concat());
        assert_eq!(code, 0, "{err}");
        out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["dport"].as_u64().unwrap()).collect()
    }
}

#[test]
fn json_is_one_object_a_line_with_every_key() {
    let mut town = Town::new();
    town.deny(445, 10);
    let (code, out, err) = town.run(&["query", "--format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let value: Value = serde_json::from_str(&out).unwrap();
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, Record::KEYS);
    assert_eq!(
        (&value["src_host"], &value["gateway"], &value["dst_host"]),
        (&"zei-1".into(), &"box".into(), &Value::Null)
    );
    assert!(value["time"].as_str().unwrap().ends_with("+09:00"), "{value}");
}

#[test]
fn filters_select_newest_first() {
    let mut town = Town::new();
    for (port, ago) in [(1, 7300), (2, 3000), (3, 1000), (4, 5)] {
        town.deny(port, ago);
    }
    assert_eq!(town.ports(&[]), [4, 3, 2, 1]);
    assert_eq!(town.ports(&["--limit", "2"]), [4, 3]);
    assert_eq!(town.ports(&["--since", "2h"]), [4, 3, 2]);
    assert_eq!(town.ports(&["--since", "2h", "--until", "30m"]), [2]);
    assert_eq!(town.ports(&["--port", "1", "--port", "3-4", "--from", "m"]), [4, 3, 1]);
    assert_eq!(town.ports(&["--port", "1-4", "--not", "port=2", "--not", "port=4"]), [3, 1]);
    assert_eq!(town.ports(&["--dept", "税務課", "--src", "10.10.0.0/24", "--host", "zei-1"]), [4, 3, 2, 1]);
    assert_eq!(town.ports(&["--to", "m"]), Vec::<u64>::new());
    assert_eq!(town.ports(&["--mac", "00-00-5E-00-53-20", "--proto", "TCP", "--verdict", "deny", "--limit", "1"]), [4]);
}

#[test]
fn wrong_filters_are_usage_errors_in_words() {
    let town = Town::new();
    for arguments in [
        &["--since", "soon"][..],
        &["--src", "10.10.0"],
        &["--mac", "xx"],
        &["--port", "70000"],
        &["--proto", "nonsense"],
        &["--reason", "because"],
        &["--verdict", "maybe"],
        &["--not", "port"],
        &["--not", "colour=red"],
        &["--not", "port=red"],
        &["--where", "dport = 1"],
        &["--format", "cef"],
        &["--format", "csv-excel"],
    ] {
        let (code, out, err) = town.run(&[&["query"], arguments].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.starts_with("error: ") && !err.contains("log-"), "{arguments:?}: {err}");
    }
}

#[test]
fn tables_speak_both_languages() {
    let mut town = Town::new();
    town.deny(445, 10);
    let (_, ja, _) = town.run(&["query", "--lang", "ja"]);
    assert!(ja.contains("送信元領域") && ja.contains("10.10.0.20 (zei-1)") && ja.contains("tcp/445"), "{ja}");
    let (_, en, _) = town.run(&["query", "--lang", "en"]);
    assert!(en.contains("destination") && en.contains("no-allow-entry") && en.contains("税務課"), "{en}");
    let (_, csv, _) = town.run(&["query", "--format", "csv"]);
    let mut lines = csv.split("\r\n");
    assert_eq!(lines.next().unwrap(), Record::KEYS.join(","));
    assert!(lines.next().unwrap().contains(",deny,no-allow-entry,,m,l,eth1,eth2,"), "{csv}");
}

#[test]
fn what_is_missing_is_said() {
    let mut town = Town::new();
    town.deny(445, 10);
    town.lose(17);
    let (code, out, err) = town.run(&["query", "--format", "json"]);
    assert_eq!((code, out.lines().count()), (0, 1));
    assert!(err.contains("not complete") && err.contains("17 packets"), "{err}");
    let (_, _, err) = town.run(&["query", "--until", "1h"]);
    assert_eq!(err, "", "a gap outside the range does not matter");
}

#[test]
fn no_store_a_broken_one_and_a_broken_policy() {
    let mut town = Town::new();
    town.deny(445, 10);
    // The configuration at hand says where the store is; without one, `flows`.
    fs::write(town.path("zoned.toml"), "broken = [").unwrap();
    let (code, _, err) = town.run(&["query"]);
    assert!(code == 1 && err.contains("state/flows/flows.sqlite"), "{err}");
    fs::write(town.path("zoned.toml"), POLICY).unwrap();
    let path = town.path("state/records/flows.sqlite");
    for tail in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(Path::new(&format!("{}{tail}", path.display())));
    }
    fs::write(&path, [7; 4096]).unwrap();
    let (code, out, err) = town.run(&["query", "--format", "json"]);
    assert!(code == 1 && err.contains("damaged"), "{err}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["error"]["kind"], "failed");
}

#[test]
fn follow_streams_what_comes_and_gaps_too() {
    let mut town = Town::new();
    town.deny(1, 100);
    let mut child =
        town.command(&["follow", "--format", "json", "--not", "port=3"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let (send, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.by_ref() {
            if send.send(serde_json::from_str::<Value>(&line).unwrap()).is_err() {
                break;
            }
        }
    });
    std::thread::sleep(Duration::from_millis(900));
    for port in [2, 3, 4] {
        town.deny(port, 0);
    }
    town.lose(5);
    let next = || received.recv_timeout(Duration::from_secs(3)).expect("a line within a moment");
    let (first, second, gap) = (next(), next(), next());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((&first["dport"], &second["dport"]), (&2.into(), &4.into()));
    assert_eq!((&gap["gap"]["cause"], &gap["gap"]["packets"]), (&"sequence".into(), &5.into()));
}
