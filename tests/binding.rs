//! Spoofing by ARP, from a host behind the gateway: recorded and without effect.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure")]

mod lab;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use lab::frame::{Body, Frame};
use lab::{Lab, sockets};
use zoned::document::MemoryTree;
use zoned::flow::{Decoded, ETHERTYPE_ARP};
use zoned::nft::{self, names::DENIED_GROUP};
use zoned::pipeline::Candidate;

const OWN: &str = "02:00:00:00:00:20";
const OTHER: &str = "02:00:00:00:00:66";

const POLICY: &str = r#"
version = 1
[zones.a]
class = "general"
interfaces = ["eth1"]
networks = ["10.1.0.0/24"]
[hosts.pc]
zone = "a"
ip = ["10.1.0.20"]
mac = ["02:00:00:00:00:20"]
[[allow]]
id = "P"
from = "a"
to = "gateway"
services = "ping"
"#;

fn gateway(text: &str) -> Lab {
    let at = "2026-11-22T12:00:00+09:00".parse().unwrap();
    let candidate = Candidate::read(&MemoryTree::new([("/zoned.toml", text)]), Path::new("/zoned.toml"), at);
    let policy = candidate.policy.expect("a valid policy");
    let mut lab = Lab::new(&["eth1"]);
    lab.gateway.ip("address add 10.1.0.1/24 dev eth1\n");
    lab.gateway.nft_json(&nft::ruleset(&policy, at).to_json().to_string());
    lab.listen(DENIED_GROUP);
    lab
}

/// Gives the host behind the gateway a MAC and an address, and has it ask for
/// the gateway; true if it got an answer.
fn speaks(lab: &Lab, mac: &str, address: &str) -> bool {
    let host = &lab.ports[0].namespace;
    host.ip(&format!("link set eth1 address {mac}\naddress flush dev eth1\naddress add {address}/24 dev eth1\n"));
    host.ip("neighbour flush dev eth1\n");
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    sockets::ping(host, ip(address), ip("10.1.0.1"), Duration::from_millis(1500))
}

fn neighbour(lab: &Lab, address: &str) -> String {
    lab.gateway.command("ip", &["neighbour", "show", address, "dev", "eth1"])
}

/// Reason and claimed address of every ARP packet denied since the last time.
fn denied(lab: &mut Lab) -> Vec<(String, String)> {
    let logged = lab.settle().logged.into_iter().filter(|log| log.group == DENIED_GROUP);
    let claims = logged.filter_map(|log| {
        let sender = Decoded::of(ETHERTYPE_ARP, &log.packet).src?.to_string();
        Some((log.prefix.strip_prefix("zoned:deny:")?.to_owned(), sender))
    });
    let mut claims: Vec<(String, String)> = claims.collect();
    claims.dedup();
    claims
}

#[test]
fn a_claim_by_another_mac_is_recorded_and_without_effect() {
    if !lab::possible() {
        return;
    }
    Lab::pin_thread();
    let mut lab = gateway(POLICY);
    let claim = |reason: &str, address: &str| vec![(reason.to_owned(), address.to_owned())];
    assert!(speaks(&lab, OWN, "10.1.0.20"));
    assert!(neighbour(&lab, "10.1.0.20").contains(OWN));
    assert_eq!(denied(&mut lab), []);
    // Another device under its address.
    assert!(!speaks(&lab, OTHER, "10.1.0.20"));
    assert_eq!(denied(&mut lab), claim("mac-mismatch", "10.1.0.20"));
    assert!(!neighbour(&lab, "10.1.0.20").contains(OTHER));
    // The device under an address that is not its own.
    assert!(!speaks(&lab, OWN, "10.1.0.99"));
    assert_eq!(denied(&mut lab), claim("ip-mismatch", "10.1.0.99"));
    assert_eq!(neighbour(&lab, "10.1.0.99"), "");
    // Whoever is not declared may speak where no zone is strict.
    assert!(speaks(&lab, OTHER, "10.1.0.98"));
    assert_eq!(denied(&mut lab), []);
}

/// What one claim of an address by a MAC is denied for.
fn claims(lab: &mut Lab, address: &str, mac: &str) -> Vec<String> {
    let mac = mac.parse().unwrap();
    let body = Body::Arp { operation: 2, sender_mac: mac };
    lab.send(0, &Frame::new(mac, address.parse().unwrap(), "10.1.0.1".parse().unwrap(), body));
    denied(lab).into_iter().map(|(reason, _)| reason).collect()
}

#[test]
fn a_sender_without_an_address_is_of_every_zone_even_if_a_host_declares_it() {
    if !lab::possible() {
        return;
    }
    let text = POLICY.replace("10.1.0.0/24", "0.0.0.0/0").replace("10.1.0.20\"", "10.1.0.20\", \"0.0.0.0\"");
    Lab::pin_thread();
    let mut lab = gateway(&text);
    assert_eq!(claims(&mut lab, "0.0.0.0", OTHER), [""; 0]);
    assert_eq!(claims(&mut lab, "0.0.0.0", OWN), [""; 0]);
    assert_eq!(claims(&mut lab, "10.1.0.20", OTHER), ["mac-mismatch"]);
    // The interface is of no zone.
    let mut lab = gateway(&text.replace("eth1", "eth2"));
    assert_eq!(claims(&mut lab, "0.0.0.0", OWN), ["unknown-zone"]);
    assert_eq!(claims(&mut lab, "10.1.0.20", OWN), ["unknown-zone"]);
}
