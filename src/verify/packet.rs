//! A packet as JSON (SPEC §4, PACKET) and as a line of text.

use serde_json::{Value, json};

use crate::net::Packet;

/// PACKET: `null` where inapplicable; `in` or `out` null = the gateway.
pub fn packet_json(packet: &Packet) -> Value {
    json!({
        "in": packet.in_if.as_ref().map(ToString::to_string),
        "out": packet.out_if.as_ref().map(ToString::to_string),
        "mac": packet.src_mac.map(|m| m.to_string()),
        "src": packet.src.to_string(),
        "dst": packet.dst.to_string(),
        "proto": packet.proto.to_string(),
        "sport": packet.sport,
        "dport": packet.dport,
        "icmp_type": packet.icmp_type,
    })
}

/// One line: `eth1 00:00:5e:00:53:20 10.10.0.20 → eth2 10.20.0.50 tcp/443`.
pub fn packet_text(packet: &Packet) -> String {
    let interface = |name: &Option<_>| name.as_ref().map_or_else(|| "gateway".to_owned(), ToString::to_string);
    let mac = packet.src_mac.map_or_else(String::new, |m| format!("{m} "));
    let detail = match (packet.dport, packet.icmp_type) {
        (Some(port), _) => format!("/{port}"),
        (None, Some(kind)) => format!("/{kind}"),
        (None, None) => String::new(),
    };
    format!(
        "{} {mac}{} → {} {} {}{detail}",
        interface(&packet.in_if),
        packet.src,
        interface(&packet.out_if),
        packet.dst,
        packet.proto,
    )
}
