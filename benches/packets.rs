//! What a packet that opens a flow costs, and what a policy weighs: ratios in
//! one run (TARGETS P1, P3, P9 in small). `cargo bench --bench packets`, as root.
//!
//! Every round sends the same frames through a real gateway namespace under
//! each ruleset in turn; the ratio is to an empty forward chain with policy
//! drop, median over the rounds.

#![allow(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

#[path = "../tests/lab/mod.rs"]
mod lab;
#[path = "support/policies.rs"]
mod policies;

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab::Lab;
use lab::frame::{Body, Frame};
use zoned::nft::{Ruleset, delta, document};

const ROUNDS: usize = 9;
const PACKETS: usize = 30_000;

struct Shape {
    name: &'static str,
    ruleset: Option<Ruleset>,
}

fn main() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let shapes = [
        Shape { name: "empty chain, policy drop", ruleset: None },
        Shape { name: "100 entries", ruleset: Some(policies::ruleset(&policies::tuples(100))) },
        Shape { name: "10,000 entries", ruleset: Some(policies::ruleset(&policies::tuples(10_000))) },
        Shape {
            name: "P9: 5,000 terminals, 201 groups",
            ruleset: Some(policies::ruleset(&policies::groups(5_000, 200))),
        },
    ];
    let mut lab = Lab::new(&["eth1", "eth2"]);
    lab.route("10.64.0.0/10".parse().unwrap(), 1);
    let mut denied: Vec<Vec<Duration>> = vec![Vec::new(); shapes.len()];
    let mut allowed = denied.clone();
    let mut report = String::new();
    for shape in &shapes {
        let took = load(&lab, shape);
        if let Some(ruleset) = &shape.ruleset {
            writeln!(report, "{:34} {:>6} elements, nft -f {took:.2?}", shape.name, ruleset.element_count()).unwrap();
        }
    }
    for round in 0..ROUNDS {
        for (index, shape) in shapes.iter().enumerate() {
            load(&lab, shape);
            denied[index].push(flood(&mut lab, round, 9));
            if shape.ruleset.is_some() {
                allowed[index].push(flood(&mut lab, round, policies::FIRST_PORT));
            }
        }
    }
    let base = median(&mut denied[0]);
    println!("per packet, {PACKETS} packets with a new source port each, median of {ROUNDS} rounds");
    println!("{:34} {:>12} {:>7} {:>12} {:>7}", "", "denied", "ratio", "allowed", "ratio");
    for (index, shape) in shapes.iter().enumerate() {
        let (deny, allow) = (median(&mut denied[index]), median(&mut allowed[index]));
        println!(
            "{:34} {deny:>12.2?} {:>7.2} {allow:>12.2?} {:>7.2}",
            shape.name,
            ratio(deny, base),
            ratio(allow, base)
        );
    }
    println!("{report}");
    one_entry_changed();
}

fn ratio(of: Duration, base: Duration) -> f64 {
    of.as_secs_f64() / base.as_secs_f64()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default() / PACKETS as u32
}

/// Loads a shape over whatever was there; gives what nft took.
fn load(lab: &Lab, shape: &Shape) -> Duration {
    let document = match &shape.ruleset {
        Some(ruleset) => ruleset.to_json().to_string(),
        None => {
            lab.gateway.nft(
                "table inet zoned\ndelete table inet zoned\ntable inet zoned {\n chain forward {\n  type filter hook forward priority 0; policy drop;\n }\n}\n",
            );
            return Duration::ZERO;
        }
    };
    let start = Instant::now();
    let mut child = Command::new("ip")
        .args(["netns", "exec", lab.gateway.name(), "nft", "-j", "-f", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{} loads", shape.name);
    start.elapsed()
}

/// Sends the packets of the first terminal to its first server at `dport`.
fn flood(lab: &mut Lab, round: usize, dport: u16) -> Duration {
    let (src, dst): (IpAddr, IpAddr) = (policies::address(0, 1).into(), policies::address(64, 1).into());
    lab.forget_connections();
    let frame = |n: usize| {
        let sport = 1024 + ((round * 7919 + n) % 64_000) as u16;
        Frame::new(policies::mac(1), src, dst, Body::Udp { sport, dport })
    };
    let sent: Vec<Frame> = (0..PACKETS).map(frame).collect();
    let mut took = Duration::ZERO;
    for part in sent.chunks(500) {
        let start = Instant::now();
        for frame in part {
            lab.send(0, frame);
        }
        lab.settle();
        took += start.elapsed();
    }
    took
}

/// What is sent for one entry among ten thousand.
fn one_entry_changed() {
    let old = policies::ruleset(&policies::tuples(10_000));
    let new = policies::ruleset(
        &policies::tuples(10_000).replace("id = \"E77\"\nfrom = [\"a:h77\"]", "id = \"E77\"\nfrom = [\"a:h78\"]"),
    );
    let change = delta(&old, &new);
    println!(
        "one entry of 10,000 changed: {} commands, {} elements added, {} deleted",
        change.commands.len(),
        change.added,
        change.deleted
    );
    println!("{}", document(change.commands));
}
