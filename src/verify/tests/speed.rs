//! How long large differences take: `cargo test --release -- --ignored speed --nocapture`.

use std::time::Instant;

use super::*;
use crate::verify::{diff, expectations};

fn hosts(zone: &str, octet: u8, count: usize) -> String {
    (0..count)
        .map(|n| {
            format!(
                "[hosts.{zone}{n}]\nzone = \"{zone}\"\nip = [\"10.{octet}.{}.{}\"]\nmac = [\"02:00:{octet:02x}:00:{:02x}:{:02x}\"]\n",
                n >> 8,
                n & 255,
                n >> 8,
                n & 255
            )
        })
        .collect()
}

const ZONES: &str = "version = 1\n[compliance]\nmodel = \"alpha\"\n[zones.m]\nclass = \"general\"\ninterfaces = [\"eth1\"]\nnetworks = [\"10.10.0.0/16\"]\n[zones.l]\nclass = \"general\"\ninterfaces = [\"eth2\"]\nnetworks = [\"10.20.0.0/16\"]\n[approvals.x]\nreason = \"r\"\nrequested_by = \"q\"\napproved_by = \"p\"\napproved_on = 2026-01-01\n[[expect]]\nname = \"e\"\nfrom = [\"l\"]\nto = [\"m\"]\nverdict = \"deny\"\n";

fn timed(what: &str, old: &Policy, new: &Policy) -> (usize, usize) {
    let start = Instant::now();
    let diff = diff(Some(old), new, now()).unwrap();
    println!("{what}: diff {:?} ({} opened, {} closed)", start.elapsed(), diff.opened.len(), diff.closed.len());
    let start = Instant::now();
    let bytes = diff.to_json(Lang::Ja).to_string().len();
    println!("{what}: JSON {:?}, {bytes} bytes", start.elapsed());
    (diff.opened.len(), diff.closed.len())
}

#[test]
#[ignore = "measures; run in release"]
fn ten_thousand_tuples_with_one_changed() {
    let base = format!("{ZONES}{}{}", hosts("m", 10, 10_000), hosts("l", 20, 200));
    let entries = |odd: usize| -> String {
        (0..10_000)
            .map(|n| {
                let port = if n == odd { 9999 } else { 1000 + n % 50 };
                entry(&format!("E{n}"), &format!("m:m{n}"), &format!("l:l{}", n % 200), &format!("tcp/{port}"), "")
            })
            .collect()
    };
    let (old, new) = (policy(&format!("{base}{}", entries(10_001))), policy(&format!("{base}{}", entries(77))));
    assert_eq!(timed("one changed", &old, &new), (1, 1));
    let start = Instant::now();
    assert_eq!(diff(None, &new, now()).unwrap().opened.iter().filter(|f| !f.entries.is_empty()).count(), 10_000);
    println!("against nothing: {:?}", start.elapsed());
    let renamed = policy(&format!("{base}{}", entries(77)).replace("\"eth2\"", "\"eth9\""));
    let (opened, _) = timed("all moved to another interface", &new, &renamed);
    assert!(opened >= 10_000);
    let wide = policy(&format!("{base}{}", entry("W", "m", "l", "any", "")));
    let (opened, closed) = timed("ten thousand become one wide entry", &new, &wide);
    assert!(opened > 0 && closed == 0);
    let start = Instant::now();
    assert!(expectations(&new, now()).iter().all(|e| e.holds));
    println!("expectation: {:?}", start.elapsed());
}

#[test]
#[ignore = "measures; run in release"]
fn groups_of_five_thousand_terminals() {
    let base = format!("{ZONES}{}{}", hosts("m", 10, 5_000), hosts("l", 20, 50));
    let services = (0..10).map(|n| format!("tcp/{}", 8000 + n)).collect::<Vec<_>>().join(" ");
    let members = |of: &dyn Fn(usize) -> bool| {
        (0..5_000).filter(|n| of(*n)).map(|n| format!("\"m{n}\"")).collect::<Vec<_>>().join(",")
    };
    let servers = (0..50).map(|n| format!("\"l{n}\"")).collect::<Vec<_>>().join(",");
    let text = |moved: bool| {
        let groups: String = (0..200)
            .map(|g| {
                let list = members(&|n| (n % 200 == g) != (moved && n == 7 && g == 7));
                format!("[groups.g{g}]\nmembers = [{list}]\n")
            })
            .collect();
        let all =
            format!("[groups.all]\nmembers = [{}]\n[groups.servers]\nmembers = [{servers}]\n", members(&|_| true));
        let allow: String = (0..200)
            .map(|g| entry(&format!("G{g}"), &format!("m:g{g}"), "l:servers", &format!("tcp/{}", 9000 + g), ""))
            .collect();
        policy(&format!("{base}{groups}{all}{}{allow}", entry("ALL", "m:all", "l:servers", &services, "")))
    };
    let (old, new) = (text(false), text(true));
    assert_eq!(timed("one terminal moved", &old, &new).1, 1);
    let start = Instant::now();
    let all = diff(None, &new, now()).unwrap();
    println!("against nothing: {:?}, {} flows", start.elapsed(), all.opened.len());
}
