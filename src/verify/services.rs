//! Sets of services as products of protocols with ports or ICMP types, as FLOW
//! shows them (SPEC §4), and in words.

use serde_json::{Value, json};

use crate::net::{Family, PortRange, Proto};
use crate::space::{IntervalSet, all_services, own_icmp};

/// Protocols that share the same ports or types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServiceProduct {
    /// The protocols, as inclusive ranges of numbers.
    pub protos: Vec<(u8, u8)>,
    /// Destination ports, ICMP types, or nothing.
    pub detail: Detail,
    /// The same as a set.
    pub set: IntervalSet,
}

/// What distinguishes packets of one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Detail {
    /// Destination ports.
    Ports(Vec<(u16, u16)>),
    /// ICMP types.
    Types(Vec<(u8, u8)>),
    /// Nothing: the protocol has neither.
    Bare,
}

/// The least number of products whose union is `set`: by ports, by types, the rest.
pub(super) fn products(family: Family, set: &IntervalSet) -> Vec<ServiceProduct> {
    let mut found: Vec<ServiceProduct> = Vec::new();
    for number in 0..=u8::MAX {
        let proto = Proto(number);
        let base = u128::from(number) << 16;
        let own = set.intersect(&IntervalSet::range(base, base | 0xffff));
        if own.is_empty() {
            continue;
        }
        let ends = own.ranges().iter().map(|(a, b)| (a - base, b - base));
        let detail = if proto.has_ports() {
            Detail::Ports(ends.map(|(a, b)| (a as u16, b as u16)).collect())
        } else if proto == own_icmp(family) {
            Detail::Types(ends.map(|(a, b)| (a as u8, b as u8)).collect())
        } else {
            Detail::Bare
        };
        match found.iter_mut().find(|p| p.detail == detail) {
            Some(product) => {
                match product.protos.last_mut() {
                    Some(last) if last.1.checked_add(1) == Some(number) => last.1 = number,
                    _ => product.protos.push((number, number)),
                }
                product.set = product.set.union(&own);
            }
            None => found.push(ServiceProduct { protos: vec![(number, number)], detail, set: own }),
        }
    }
    found.sort_by_key(|p| match p.detail {
        Detail::Ports(_) => 0,
        Detail::Types(_) => 1,
        Detail::Bare => 2,
    });
    found
}

/// Ranges as lists of numbers and `[lo, hi]`.
fn ranges_json<T: Copy + PartialEq + Into<u64>>(ranges: &[(T, T)]) -> Value {
    let item = |(a, b): &(T, T)| if a == b { json!((*a).into()) } else { json!([(*a).into(), (*b).into()]) };
    Value::Array(ranges.iter().map(item).collect())
}

impl ServiceProduct {
    /// `proto`: names, and ranges of numbers.
    pub(super) fn protos_json(&self) -> Value {
        let item = |(a, b): &(u8, u8)| if a == b { json!(Proto(*a).to_string()) } else { json!([a, b]) };
        Value::Array(self.protos.iter().map(item).collect())
    }

    /// `sport`: always all; null where there are no ports.
    pub(super) fn sports_json(&self) -> Value {
        if matches!(self.detail, Detail::Ports(_)) { json!([[0, u16::MAX]]) } else { Value::Null }
    }

    /// `dport`; null where there are no ports.
    pub(super) fn dports_json(&self) -> Value {
        if let Detail::Ports(ports) = &self.detail { ranges_json(ports) } else { Value::Null }
    }

    /// `icmp_type`; null where there are no types.
    pub(super) fn types_json(&self) -> Value {
        if let Detail::Types(types) = &self.detail { ranges_json(types) } else { Value::Null }
    }
}

/// The set in one line: `tcp,udp/53 icmp/8`, or `any`.
pub(super) fn text(family: Family, set: &IntervalSet) -> String {
    if *set == all_services(family) {
        return "any".into();
    }
    let join = |parts: Vec<String>| parts.join(",");
    let range = |a: u64, b: u64| if a == b { a.to_string() } else { format!("{a}-{b}") };
    let one = |product: &ServiceProduct| {
        let protos = join(
            product
                .protos
                .iter()
                .map(|(a, b)| if a == b { Proto(*a).to_string() } else { format!("proto/{a}-{b}") })
                .collect(),
        );
        match &product.detail {
            Detail::Bare => protos,
            Detail::Ports(ports) if ports[..] == [(0, u16::MAX)] => protos,
            Detail::Types(types) if types[..] == [(0, u8::MAX)] => protos,
            Detail::Ports(ports) => {
                let ports = ports.iter().filter_map(|(a, b)| PortRange::new(*a, *b)).map(|p| p.to_string());
                format!("{protos}/{}", join(ports.collect()))
            }
            Detail::Types(types) => {
                format!("{protos}/{}", join(types.iter().map(|(a, b)| range((*a).into(), (*b).into())).collect()))
            }
        }
    };
    products(family, set).iter().map(one).collect::<Vec<_>>().join(" ")
}
