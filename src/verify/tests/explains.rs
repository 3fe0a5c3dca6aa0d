//! Traces, nearest entries and the matrix.

use jiff::tz::TimeZone;

use super::*;
use crate::judge::Question;
use crate::net::{ConnState, Packet, Proto};
use crate::verify::{Differs, matrix, nearest, trace};

/// A TCP packet from `eth1` to `eth2`.
fn packet(mac: &str, src: &str, dst: &str, dport: u16) -> Packet {
    Packet {
        in_if: Some("eth1".parse().unwrap()),
        out_if: Some("eth2".parse().unwrap()),
        src_mac: Some(mac.parse().unwrap()),
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        proto: Proto::TCP,
        sport: Some(50000),
        dport: Some(dport),
        icmp_type: None,
        icmp_code: None,
    }
}

const A: &str = "00:00:5e:00:53:20";

fn differs(policy: &Policy, packet: &Packet) -> (String, Vec<&'static str>) {
    let nearest = nearest(policy, packet, now(), None).unwrap();
    (nearest.entry, nearest.differs.into_iter().map(Differs::as_str).collect())
}

#[test]
fn the_nearest_entry_says_what_differs() {
    let policy = town(&(entry("NEAR", "m:a", "l:s", "https", "") + &entry("FAR", "l", "out", "dns", "")));
    let near = |packet: Packet| {
        let (id, differs) = differs(&policy, &packet);
        assert_eq!(id, "NEAR");
        differs
    };
    assert_eq!(near(packet("00:00:5e:00:53:99", "10.10.0.20", "10.20.0.50", 443)), ["mac"]);
    assert_eq!(near(packet(A, "10.10.0.21", "10.20.0.50", 443)), ["src"]);
    assert_eq!(near(packet(A, "10.10.0.20", "10.20.0.51", 443)), ["dst"]);
    assert_eq!(near(packet(A, "10.10.0.20", "10.20.0.50", 80)), ["dport"]);
    let udp = Packet { proto: Proto::UDP, ..packet(A, "10.10.0.20", "10.20.0.50", 443) };
    assert_eq!(near(udp), ["proto"]);
    let elsewhere = Packet { out_if: Some("eth6".parse().unwrap()), ..packet(A, "10.10.0.20", "203.0.113.9", 443) };
    assert_eq!(near(elsewhere), ["to_zone", "dst"]);
    let forged = Packet { in_if: Some("eth2".parse().unwrap()), ..packet(A, "10.10.0.20", "10.20.0.50", 443) };
    assert_eq!(near(forged), ["from_zone"]);
}

#[test]
fn among_equals_the_first_and_time_counts() {
    let policy =
        town(&(entry("OLD", "m:a", "l:s", "https", "expires = 2026-01-01") + &entry("P80", "m:a", "l:s", "http", "")));
    let https = packet(A, "10.10.0.20", "10.20.0.50", 443);
    assert_eq!(differs(&policy, &https), ("OLD".into(), vec!["time"]));
    assert_eq!(nearest(&town(""), &https, now(), None), None);
}

#[test]
fn a_groups_members_and_dhcp_hosts_are_near() {
    let policy = town(&entry("G", "m:ab", "l", "ping", ""));
    let ping = |mac: &str, src: &str| Packet {
        proto: Proto::ICMP,
        sport: None,
        dport: None,
        icmp_type: Some(13),
        ..packet(mac, src, "10.20.0.50", 0)
    };
    assert_eq!(differs(&policy, &ping("00:00:5e:00:53:77", "10.10.0.200")).1, ["icmp_type"]);
    assert_eq!(differs(&policy, &ping("00:00:5e:00:53:99", "10.10.0.20")).1, ["mac", "icmp_type"]);
}

#[test]
fn a_trace_is_spec_4s_object() {
    let policy = town(&entry("E", "m:a", "l:s", "https", ""));
    let ask = |packet: Packet| trace(&policy, &Question::new(packet, now())).to_json(&TimeZone::UTC);
    assert_eq!(
        ask(packet(A, "10.10.0.20", "10.20.0.50", 443)),
        serde_json::json!({
            "verdict": "allow", "reason": "allowed", "entry": "E", "from_zone": "m", "to_zone": "l", "nearest": null,
        })
    );
    assert_eq!(
        ask(packet(A, "10.10.0.20", "10.20.0.50", 80)),
        serde_json::json!({
            "verdict": "deny", "reason": "no-allow-entry", "entry": null, "from_zone": "m", "to_zone": "l",
            "nearest": {"entry": "E", "differs": ["dport"]},
        })
    );
    let forged = ask(packet(A, "192.0.2.1", "10.20.0.50", 443));
    assert_eq!((forged["reason"].as_str(), &forged["from_zone"]), (Some("spoofed-source"), &serde_json::Value::Null));
    let question =
        Question { state: ConnState::Invalid, ..Question::new(packet(A, "10.10.0.20", "10.20.0.50", 443), now()) };
    assert_eq!(trace(&policy, &question).to_json(&TimeZone::UTC)["nearest"]["differs"], serde_json::json!(["state"]));
    let input = Packet { out_if: None, ..packet(A, "10.10.0.20", "10.10.0.1", 22) };
    assert_eq!(ask(input)["to_zone"], "gateway");
}

#[test]
fn a_trace_says_what_binding_holds_against_a_packet() {
    let mut policy = town(&(entry("WIDE", "m", "l:s", "https", "") + &entry("E", "m:a", "l:s", "https", "")));
    let ask = |policy: &Policy, mac: &str, src: &str| {
        let packet = packet(mac, src, "10.20.0.50", 443);
        trace(policy, &Question::new(packet, now())).to_json(&TimeZone::UTC)
    };
    let spoofed = ask(&policy, "00:00:5e:00:53:99", "10.10.0.20");
    assert_eq!(
        spoofed,
        serde_json::json!({
            "verdict": "deny", "reason": "mac-mismatch", "entry": null, "from_zone": "m", "to_zone": "l",
            "nearest": {"entry": "WIDE", "differs": ["mac"]},
            "declared": [A], "seen": ["00:00:5e:00:53:99"],
        })
    );
    let moved = ask(&policy, A, "10.10.0.99");
    assert_eq!(
        (moved["reason"].as_str(), &moved["nearest"]["differs"]),
        (Some("ip-mismatch"), &serde_json::json!(["src"]))
    );
    assert_eq!(
        (&moved["declared"], &moved["seen"]),
        (&serde_json::json!(["10.10.0.20"]), &serde_json::json!(["10.10.0.99"]))
    );
    assert_eq!(ask(&policy, "00:00:5e:00:53:99", "10.10.0.99")["verdict"], "allow");
    policy.binding.strict.insert(policy.zone_named("m").unwrap());
    let foreign = ask(&policy, "00:00:5e:00:53:99", "10.10.0.99");
    assert_eq!(foreign["reason"], "foreign-device");
    assert_eq!(foreign["seen"], serde_json::json!(["00:00:5e:00:53:99", "10.10.0.99"]));
    // A strict zone's packets of open flows are asked as well.
    let open = |mac: &str| {
        let packet = packet(mac, "10.10.0.20", "10.20.0.50", 443);
        let question = Question { state: ConnState::Established, ..Question::new(packet, now()) };
        trace(&policy, &question).verdict.reason()
    };
    assert_eq!((open(A), open("00:00:5e:00:53:99")), ("established", "mac-mismatch"));
}

#[test]
fn the_matrix_shows_each_pair_once() {
    let text = entry("NOW", "m:a m:b", "l:s gateway", "https", "title = \"t\"")
        + &entry("LATER", "m", "l", "dns", "starts = 2027-01-01")
        + &entry("GONE", "l", "out", "dns", "expires = 2026-01-01")
        + "[gateway]\nmanagement = [\"m:a:ssh\", \"m:b:ssh\"]\n";
    let matrix = matrix(&town(&text), now());
    assert_eq!(matrix.sides, ["m", "l", "out", "gateway"]);
    let ids = |from, to| matrix.cell(from, to).unwrap().entries.iter().map(|e| e.id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids(0, 1), ["NOW", "LATER"]);
    assert_eq!(ids(0, 3), ["NOW"]);
    assert!(matrix.cell(0, 1).unwrap().is_open() && !matrix.cell(1, 2).unwrap().is_open());
    assert_eq!(matrix.cell(0, 3).unwrap().reasons, ["management"]);
    assert_eq!(matrix.cell(2, 0), None);
    let json = matrix.to_json();
    let cell = &json["cells"].as_array().unwrap()[0];
    assert_eq!(
        (cell["from"].as_str(), cell["to"].as_str(), cell["open"].as_bool()),
        (Some("m"), Some("l"), Some(true))
    );
    assert_eq!(cell["entries"][1]["status"], "outside-window");
    assert_eq!(cell["entries"][1]["starts"], "2027-01-01T00:00:00+09:00");
}
