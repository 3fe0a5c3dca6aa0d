//! P5: every open flow of a full connection-tracking table is judged again.
//!
//! Runs in a network namespace of its own; needs root. The table is filled by
//! `conntrack`; its size is the kernel's limit or what `FLOWS` says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark's failure")]

mod policies;
#[path = "../tests/lab/namespace.rs"]
#[allow(dead_code, reason = "a part is used")]
mod namespace;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use namespace::Namespace;
use zoned::enforce::{Enforcer, Established};
use zoned::nft;
use zoned::policy::Policy;
use zoned::sys::conntrack::Conntrack;
use zoned::sys::nft::Nft;

const TERMINALS: u32 = 5_000;
const SERVERS: u32 = 50;

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(policies::policy(text))
}

/// Entries, each from terminals to a server; `holes` of them left out.
fn text(holes: u32) -> String {
    let mut out = policies::ZONES.to_owned();
    for n in 0..TERMINALS {
        writeln!(
            out,
            "[hosts.h{n}]\nzone = \"a\"\nip = [\"{}\"]\nmac = [\"{}\"]\nlabels = {{ team = \"{}\" }}",
            policies::address(0, n + 1),
            policies::mac(n + 1),
            n % 100
        )
        .unwrap();
    }
    for team in 0..100 {
        writeln!(out, "[groups.g{team}]\nselect = {{ team = [\"{team}\"] }}").unwrap();
        for s in holes..5 {
            let to: Vec<String> =
                (s..SERVERS).step_by(5).map(|n| format!("\"b:{}\"", policies::address(64, n + 1))).collect();
            writeln!(
                out,
                "[[allow]]\nid = \"E{team}-{s}\"\nfrom = [\"a:g{team}\"]\nto = [{}]\nservices = [\"udp/53\", \"https\"]",
                to.join(", ")
            )
            .unwrap();
        }
    }
    out
}

fn fill(namespace: &Namespace, flows: u32) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut lines = String::new();
    for n in 0..flows {
        let (terminal, server) = (n % TERMINALS, n / TERMINALS % SERVERS);
        writeln!(
            lines,
            "-I -s {} -d {} -p udp --sport {} --dport 53 --timeout 600",
            policies::address(0, terminal + 1),
            policies::address(64, server + 1),
            1024 + n / TERMINALS / SERVERS
        )
        .unwrap();
    }
    std::fs::write(file.path(), lines).unwrap();
    namespace.command("conntrack", &["-R", file.path().to_str().unwrap()]);
}

fn main() {
    let flows: u32 = std::env::var("FLOWS").ok().and_then(|v| v.parse().ok()).unwrap_or(250_000);
    let namespace = Namespace::new("bench");
    namespace.ip("link add eth1 type veth peer name far1\nlink set eth1 up\nlink set far1 up\n\
        address add 10.0.255.1/10 dev eth1\nlink add eth2 type veth peer name far2\nlink set eth2 up\nlink set far2 up\n\
        address add 10.64.255.1/10 dev eth2\n");
    let mut neighbours = String::new();
    for n in 0..TERMINALS {
        writeln!(
            neighbours,
            "neighbour add {} lladdr {} dev eth1 nud permanent",
            policies::address(0, n + 1),
            policies::mac(n + 1)
        )
        .unwrap();
    }
    namespace.ip(&neighbours);
    let at = "2026-11-22T12:00:00+09:00".parse().unwrap();
    let (all, fewer) = (policy(&text(0)), policy(&text(1)));
    let (all_rules, fewer_rules) = (nft::ruleset(&all, at), nft::ruleset(&fewer, at));
    let mut enforcer = Enforcer::new(Nft::default());
    namespace.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(enforcer.apply(&all_rules)).unwrap();
    });
    let started = Instant::now();
    fill(&namespace, flows);
    println!("{flows} flows filled in {:.1?}", started.elapsed());
    namespace.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for _ in 0..3 {
            let started = Instant::now();
            let pass = Conntrack::open().unwrap().each(|_| Ok(())).unwrap();
            println!("bare pass: {} flows, {:.3?}", pass.flows, started.elapsed());
            let started = Instant::now();
            let seen = runtime.block_on(enforcer.revoke(&all, at, Established::Revoke)).unwrap();
            println!("one judged pass, nothing to cut: {:.3?} {seen:?}", started.elapsed());
        }
        let started = Instant::now();
        let change =
            runtime.block_on(enforcer.apply_and_revoke(&fewer_rules, &fewer, at, Established::Revoke)).unwrap();
        println!("change that cuts a fifth: {:.3?} {:?} {:?}", started.elapsed(), change.applied, change.revoked);
    });
}
