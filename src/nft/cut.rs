//! The cut: what stops every packet of some open flows at once, both ways, for
//! as long as it takes to delete them (KERNEL.md §6).
//!
//! It is part of the same transaction as the change that denies the flows: base
//! chains before the filter's own, and maps from a flow's ends to the chain of
//! its reason. A second transaction takes it away. While there is nothing to
//! cut nothing of it exists, and no packet pays for it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::json::{add_rule_of, chunked, named};
use super::names::deny_counter;
use super::ruleset::TABLE;
use crate::net::{Family, Proto};
use crate::policy::DenyReason;

/// Before the filter's own chains, after connection tracking and translation of destinations.
const PRIORITY: i32 = -10;
/// The base chains, one a hook.
const HOOKS: [(&str, &str); 3] = [("cut_forward", "forward"), ("cut_input", "input"), ("cut_output", "output")];
/// The chain with the lookups.
const CHAIN: &str = "cut";

/// What tells flows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CutService {
    /// Destination port of a protocol that has ports (TCP, UDP, SCTP).
    Port(Proto, u16),
    /// ICMP or ICMPv6 (by the addresses' family) of this type: a question's or an answer's.
    Icmp(u8),
    /// Every packet of a protocol.
    Proto(Proto),
}

/// The flows from one address to another: the opener, and where it really goes
/// after translation of destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutKey {
    /// The opener's address.
    pub src: IpAddr,
    /// The other side's, of the same family.
    pub dst: IpAddr,
    /// What it asked for.
    pub service: CutService,
}

/// Flows to stop, each with the reason under which its packets are denied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cut {
    flows: BTreeMap<CutKey, DenyReason>,
}

/// One map: its name, and what its keys are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    family: Family,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Port,
    Icmp,
    Proto,
}

impl Cut {
    /// Adds flows; the first reason stays.
    pub fn add(&mut self, key: CutKey, reason: DenyReason) {
        self.flows.entry(key).or_insert(reason);
    }

    /// True if there is nothing to cut.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Keys held.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Commands that put it into our table, where the chains of the reasons are;
    /// none if it is empty.
    pub fn install(&self) -> Vec<Json> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut commands = Vec::new();
        let places = self.places();
        for (place, elements) in &places {
            commands.push(place.declare());
            commands.extend(chunked("add", &place.name(), elements));
        }
        commands.push(json!({ "add": { "chain": { "family": "inet", "table": TABLE, "name": CHAIN } } }));
        for place in places.keys() {
            commands.extend(["original", "reply"].map(|direction| add_rule_of(CHAIN, &place.rule(direction))));
        }
        for (name, hook) in HOOKS {
            commands.push(json!({ "add": { "chain": {
                "family": "inet", "table": TABLE, "name": name,
                "type": "filter", "hook": hook, "prio": PRIORITY, "policy": "accept",
            } } }));
            commands.push(add_rule_of(name, &json!([{ "jump": { "target": CHAIN } }])));
        }
        commands
    }

    /// Commands that take it away again; none if it is empty.
    pub fn remove(&self) -> Vec<Json> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut commands: Vec<Json> = HOOKS.map(|(name, _)| named("delete", "chain", name)).into();
        commands.push(named("delete", "chain", CHAIN));
        commands.extend(self.places().keys().map(|place| named("delete", "map", &place.name())));
        commands
    }

    fn places(&self) -> BTreeMap<Place, Vec<Json>> {
        let mut places: BTreeMap<Place, Vec<Json>> = BTreeMap::new();
        for (key, reason) in &self.flows {
            let (shape, rest) = match key.service {
                CutService::Port(proto, port) => (Shape::Port, vec![json!(proto.0), json!(port)]),
                CutService::Icmp(kind) => (Shape::Icmp, vec![json!(kind)]),
                CutService::Proto(proto) => (Shape::Proto, vec![json!(proto.0)]),
            };
            let parts = [vec![json!(key.src), json!(key.dst)], rest].concat();
            let element = json!([{ "concat": parts }, { "goto": { "target": deny_counter(*reason) } }]);
            places.entry(Place { family: Family::of(key.src), shape }).or_default().push(element);
        }
        places
    }
}

impl Place {
    fn name(self) -> String {
        let shape = match self.shape {
            Shape::Port => "port",
            Shape::Icmp => "icmp",
            Shape::Proto => "proto",
        };
        format!("{CHAIN}{}_{shape}", if self.family == Family::V4 { 4 } else { 6 })
    }

    fn declare(self) -> Json {
        let v4 = self.family == Family::V4;
        let addr = if v4 { "ipv4_addr" } else { "ipv6_addr" };
        let rest: &[&str] = match self.shape {
            Shape::Port => &["inet_proto", "inet_service"],
            Shape::Icmp if v4 => &["icmp_type"],
            Shape::Icmp => &["icmpv6_type"],
            Shape::Proto => &["inet_proto"],
        };
        let types = [&[addr, addr], rest].concat();
        json!({ "add": { "map": {
            "family": "inet", "table": TABLE, "name": self.name(), "type": types, "map": "verdict",
        } } })
    }

    /// The lookup of a packet of this direction: the opener stands first in every key.
    fn rule(self, direction: &str) -> Json {
        let field = |protocol: &str, field: &str| json!({ "payload": { "protocol": protocol, "field": field } });
        let v4 = self.family == Family::V4;
        let ip = if v4 { "ip" } else { "ip6" };
        let (opener, other, port) =
            if direction == "original" { ("saddr", "daddr", "dport") } else { ("daddr", "saddr", "sport") };
        let proto = json!({ "meta": { "key": "l4proto" } });
        let rest = match self.shape {
            Shape::Port => vec![proto, field("th", port)],
            Shape::Icmp => vec![field(if v4 { "icmp" } else { "icmpv6" }, "type")],
            Shape::Proto => vec![proto],
        };
        let key = [vec![field(ip, opener), field(ip, other)], rest].concat();
        json!([
            { "match": { "op": "==", "left": { "ct": { "key": "direction" } }, "right": direction } },
            { "vmap": { "key": { "concat": key }, "data": format!("@{}", self.name()) } },
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_cut_sends_nothing() {
        assert_eq!((Cut::default().install(), Cut::default().remove()), (vec![], vec![]));
    }

    #[test]
    fn one_map_a_family_and_shape() {
        let mut cut = Cut::default();
        let (v4, v6): ([IpAddr; 2], [IpAddr; 2]) =
            (["10.0.0.1", "10.0.0.2"].map(|a| a.parse().unwrap()), ["fd00::1", "fd00::2"].map(|a| a.parse().unwrap()));
        for [src, dst] in [v4, v6] {
            for service in [
                CutService::Port(Proto::TCP, 443),
                CutService::Port(Proto::UDP, 53),
                CutService::Icmp(8),
                CutService::Icmp(0),
                CutService::Proto(Proto(47)),
            ] {
                cut.add(CutKey { src, dst, service }, DenyReason::Expired);
                cut.add(CutKey { src, dst, service }, DenyReason::NoAllowEntry);
            }
        }
        assert_eq!(cut.len(), 10);
        let text = Json::from(cut.install()).to_string();
        for name in ["cut4_port", "cut4_icmp", "cut4_proto", "cut6_port", "cut6_icmp", "cut6_proto"] {
            assert!(text.contains(&format!("\"@{name}\"")), "{name}");
        }
        assert!(text.contains("deny_expired") && !text.contains("deny_no_allow_entry"));
        assert_eq!(cut.remove().len(), 4 + 6);
    }
}
