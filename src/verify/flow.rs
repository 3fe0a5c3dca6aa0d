//! One opened or closed product of flows, as data, JSON and words.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::packet::packet_json;
use super::services::{self, ServiceProduct};
use crate::net::{AddrRange, Family, MacAddr};
use crate::space::{Cube, Dim, Interfaces, IntervalSet, Point, UNKNOWN_MAC};

/// Flows that a change opens or closes: one product of lists, over one span of
/// time, with a packet of it.
///
/// In JSON every list of `space` is exact, and its product is the whole flow:
/// single values, or `[lo, hi]`, both inclusive. `mac` lists the full range
/// where any MAC will do (one that is not known as well). A list is `null`
/// where the packets have no such field: `in`, `mac` for what the gateway sends,
/// `out` for what it receives, `sport`, `dport` and `icmp_type` by protocol.
/// `tap*` is every interface with that prefix that no zone names apart, `*`
/// every interface of no zone. `from` and `until` (half-open) say when; `null`
/// is now, and without end; `recurs`: so again and again. `reasons` names what opens it beside entries:
/// `intra-zone`, `management`, `output`.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Source zone, or `gateway`.
    pub from_zone: String,
    /// Destination zone, or `gateway`; none where the gateway itself sends to a
    /// place of no zone.
    pub to_zone: Option<String>,
    /// Ids of every entry that lets it open, in reading order.
    pub entries: Vec<String>,
    /// What else does.
    pub reasons: Vec<&'static str>,
    /// The packets.
    pub space: Cube,
    /// One of them, at its first moment.
    pub witness: Point,
    /// When it begins; none = at the moment of the comparison.
    pub from: Option<Timestamp>,
    /// The first instant after it; none = without end.
    pub until: Option<Timestamp>,
    /// It opens again and again after that, by recurring windows: `space` holds
    /// these times too.
    pub recurs: bool,
    product: ServiceProduct,
}

/// What flows of one share have in common.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    pub from_zone: String,
    pub to_zone: Option<String>,
    pub entries: Vec<String>,
    pub reasons: Vec<&'static str>,
}

/// Spans of time that are told one by one; more are told as recurring.
const SPANS: usize = 3;

/// The flows of a cube: one a span of time and product of services.
pub(super) fn flows_of(cube: &Cube, labels: &Labels, interfaces: &Interfaces, at: Timestamp) -> Vec<Flow> {
    let mut out = Vec::new();
    let spans = cube.get(Dim::Time).ranges();
    let recurs = spans.len() > SPANS;
    for (first, last) in spans.iter().take(if recurs { 1 } else { SPANS }) {
        let spanned = match recurs {
            true => cube.clone(),
            false => cube.with(Dim::Time, IntervalSet::range(*first, *last)),
        };
        let from = crate::space::instant_of(*first);
        let until = crate::space::instant_of(*last + 1);
        for product in services::products(cube.family, cube.get(Dim::Service)) {
            let space = spanned.with(Dim::Service, product.set.clone());
            // Only an empty cube has no witness, and no dimension here is empty.
            let Some(witness) = space.witness(interfaces) else { continue };
            out.push(Flow {
                from_zone: labels.from_zone.clone(),
                to_zone: labels.to_zone.clone(),
                entries: labels.entries.clone(),
                reasons: labels.reasons.clone(),
                space,
                witness,
                from: (from > at).then_some(from),
                until: (until < Timestamp::MAX).then_some(until),
                recurs,
                product,
            });
        }
    }
    out
}

/// RFC 3339 with the zone's offset.
pub(super) fn time_text(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

impl Flow {
    /// FLOW of SPEC §4, with `reasons`, `from` and `until` beside it.
    pub fn to_json(&self, interfaces: &Interfaces, timezone: &TimeZone) -> Value {
        let family = self.space.family;
        let addresses = |dim| addresses_json(family, self.space.get(dim));
        let time = |t: Option<Timestamp>| t.map(|t| time_text(t, timezone));
        json!({
            "from_zone": self.from_zone,
            "to_zone": self.to_zone,
            "entries": self.entries,
            "space": {
                "in": interfaces_json(interfaces, self.space.get(Dim::In)),
                "out": interfaces_json(interfaces, self.space.get(Dim::Out)),
                "mac": macs_json(self.space.get(Dim::Mac)),
                "src": addresses(Dim::Src),
                "dst": addresses(Dim::Dst),
                "proto": self.product.protos_json(),
                "sport": self.product.sports_json(),
                "dport": self.product.dports_json(),
                "icmp_type": self.product.types_json(),
            },
            "witness": packet_json(&self.witness.packet),
            "reasons": self.reasons,
            "from": time(self.from),
            "until": time(self.until),
            "recurs": self.recurs,
        })
    }

    /// The sources: `10.10.0.20 [00:00:5e:00:53:20]`; `any` for the gateway's own.
    /// `[≠ …]` is every MAC but these, which are others' own.
    pub fn sources_text(&self) -> String {
        let addresses = addresses_text(self.space.family, self.space.get(Dim::Src));
        let macs = self.space.get(Dim::Mac);
        // Without a MAC of its own only the gateway sends.
        if macs.first() == Some(UNKNOWN_MAC) {
            return addresses;
        }
        let (sign, listed) =
            if macs.contains(UNKNOWN_MAC) { ("≠ ", macs.complement(UNKNOWN_MAC)) } else { ("", macs.clone()) };
        match macs_text(&listed) {
            None => addresses,
            Some(text) => format!("{addresses} [{sign}{text}]"),
        }
    }

    /// The destinations.
    pub fn destinations_text(&self) -> String {
        addresses_text(self.space.family, self.space.get(Dim::Dst))
    }

    /// The services: `tcp/443`.
    pub fn services_text(&self) -> String {
        services::text(self.space.family, self.space.get(Dim::Service))
    }
}

fn interfaces_json(interfaces: &Interfaces, set: &IntervalSet) -> Value {
    let numbers = set.ranges().iter().flat_map(|(first, last)| *first..=*last);
    let names: Vec<String> = numbers.filter_map(|n| interfaces.text(n)).collect();
    // The gateway alone: no interface.
    if names.is_empty() { Value::Null } else { json!(names) }
}

fn macs_json(set: &IntervalSet) -> Value {
    let known = set.intersect(&IntervalSet::range(0, UNKNOWN_MAC - 1));
    let text = |n: u128| MacAddr::from_u64(n as u64).to_string();
    let items: Vec<Value> = known
        .ranges()
        .iter()
        .map(|(a, b)| if a == b { json!(text(*a)) } else { json!([text(*a), text(*b)]) })
        .collect();
    if items.is_empty() { Value::Null } else { Value::Array(items) }
}

fn addresses_json(family: Family, set: &IntervalSet) -> Value {
    let item = |(first, last): &(u128, u128)| {
        let range = AddrRange::new(family, *first, *last);
        let first = range.first_addr().to_string();
        if range.is_single() { json!(first) } else { json!([first, range.last_addr().to_string()]) }
    };
    Value::Array(set.ranges().iter().map(item).collect())
}

/// Items of a long list that are shown; the rest is counted.
const SHOWN: usize = 8;

/// Addresses and prefixes, joined by commas; long lists are cut with their count.
fn addresses_text(family: Family, set: &IntervalSet) -> String {
    if *set == IntervalSet::range(0, family.max()) {
        return "any".into();
    }
    joined(set, |a, b| AddrRange::new(family, a, b).to_string())
}

/// MACs and ranges of them likewise; none where there are none.
fn macs_text(set: &IntervalSet) -> Option<String> {
    let text = |n: u128| MacAddr::from_u64(n as u64).to_string();
    let one = |a, b| if a == b { text(a) } else { format!("{}-{}", text(a), text(b)) };
    (!set.is_empty()).then(|| joined(set, one))
}

fn joined(set: &IntervalSet, one: impl Fn(u128, u128) -> String) -> String {
    let ranges = set.ranges();
    let mut text = ranges.iter().take(SHOWN).map(|(a, b)| one(*a, *b)).collect::<Vec<_>>().join(",");
    if ranges.len() > SHOWN {
        text.push_str(&format!(",… (+{})", ranges.len() - SHOWN));
    }
    text
}

/// Flows as one JSON array.
pub(super) fn flows_json(flows: &[Flow], interfaces: &Interfaces, timezone: &TimeZone) -> Value {
    Value::Array(flows.iter().map(|f| f.to_json(interfaces, timezone)).collect())
}

/// An object of these members, in order.
pub(super) fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>())
}
