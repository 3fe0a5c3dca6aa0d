//! Rates, packet by packet.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use zoned::document::MemoryTree;
use zoned::net::MacAddr;
use zoned::nft;
use zoned::pipeline::Candidate;

use super::lab::frame::{Body, Frame};
use super::lab::{self, Lab};

/// Two entries with rates over one without for some ports, and none for others.
const POLICY: &str = r#"
version = 1
[zones.a]
class = "general"
interfaces = ["eth1"]
networks = ["10.1.0.0/24"]
[zones.b]
class = "general"
interfaces = ["eth2"]
networks = ["10.2.0.0/24"]
[approvals.x]
reason = "r"
requested_by = "p"
approved_by = ["q", "s"]
approved_on = 2026-01-01
[[allow]]
id = "first"
from = ["a"]
to = ["b"]
services = ["udp/1000-1999"]
rate = "5/day"
approval = "x"
[[allow]]
id = "second"
from = ["a"]
to = ["b:10.2.0.1"]
services = ["udp/1500-2999"]
rate = "3/day"
approval = "x"
[[allow]]
id = "last"
from = ["a"]
to = ["b:10.2.0.1"]
services = ["udp/1900-1999"]
approval = "x"
"#;

struct Range {
    lab: Lab,
    sent: u32,
}

impl Range {
    /// Sends a datagram of this flow; true if it came out.
    fn passes(&mut self, sport: u16, dport: u16) -> bool {
        let (src, dst): (IpAddr, IpAddr) = ([10, 1, 0, 1].into(), [10, 2, 0, 1].into());
        let mut frame = Frame::new(MacAddr([2, 0, 0, 0, 0, 1]), src, dst, Body::Udp { sport, dport });
        self.sent += 1;
        frame.id = self.sent;
        frame.tos = self.lab.tos_of(1);
        self.lab.send(0, &frame);
        self.lab.settle().came_out(frame.mark()) == [1]
    }

    fn passing(&mut self, first_sport: u16, flows: u16, dport: u16) -> u16 {
        (first_sport..first_sport + flows).map(|sport| u16::from(self.passes(sport, dport))).sum()
    }

    fn counters(&self) -> [u64; 4] {
        let names = ["entry_first", "entry_second", "entry_last", "deny_rate_exceeded"];
        names.map(|name| {
            let text = self.lab.gateway.command("nft", &["list", "counter", "inet", "zoned", name]);
            text.split_once("packets ").unwrap().1.split(' ').next().unwrap().parse().unwrap()
        })
    }
}

#[test]
fn so_many_flows_open_and_no_more() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let tree = MemoryTree::new([("/zoned.toml", POLICY)]);
    let candidate = Candidate::read(&tree, Path::new("/zoned.toml"), Timestamp::now());
    let policy = candidate.policy.expect("valid");
    let mut range = Range { lab: Lab::new(&["eth1", "eth2"]), sent: 0 };
    range.lab.gateway.nft_json(&nft::ruleset(&policy, Timestamp::now()).to_json().to_string());

    // One entry: five flows, and every packet of theirs though nobody answers.
    assert_eq!(range.passing(2000, 4, 1000), 4);
    for _ in 0..20 {
        assert!(range.passes(2000, 1000), "a flow that is open costs nothing");
    }
    assert_eq!(range.counters(), [4, 0, 0, 0]);
    // Two: one left of the first, three of the second; then none.
    assert_eq!(range.passing(3000, 6, 1500), 4);
    assert_eq!(range.counters(), [5, 3, 0, 2]);
    assert!(range.passes(3000, 1500) && range.passes(3002, 1500), "what is open stays");
    assert!(!range.passes(2004, 1000) && !range.passes(4000, 2500));
    // The same limits, whichever services are asked for; and the last without one.
    assert_eq!(range.passing(5000, 10, 1950), 10);
    assert_eq!(range.counters(), [5, 3, 10, 4]);
}

#[test]
fn the_bucket_fills_no_faster_than_the_rate() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let tree = MemoryTree::new([("/zoned.toml", POLICY.replace("5/day", "20/second"))]);
    let policy = Candidate::read(&tree, Path::new("/zoned.toml"), Timestamp::now()).policy.expect("valid");
    let mut range = Range { lab: Lab::new(&["eth1", "eth2"]), sent: 0 };
    range.lab.gateway.nft_json(&nft::ruleset(&policy, Timestamp::now()).to_json().to_string());
    let began = Instant::now();
    let (mut opened, mut asked) = (0, 0);
    while began.elapsed() < Duration::from_millis(1500) {
        opened += u32::from(range.passing(10_000 + asked, 1, 1000));
        asked += 1;
    }
    let most = 20.0 * began.elapsed().as_secs_f64() + 20.0;
    assert!(f64::from(opened) <= most && opened >= u32::from(asked.min(21)), "{opened} of {asked} opened, {most} may");
}
