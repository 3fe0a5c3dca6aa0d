//! The named maps: everything that grows with the policy.
//!
//! Interfaces by name stand in the key of one map for all; a wildcard, which a
//! hash cannot hold, has maps of its own, entered by its chain.

use crate::net::{Family, IfPattern};
use crate::rules::{AtomIndex, Leaf, Rules, ServiceKey};

use super::super::ruleset::{Data, Field, Gives, Map, Ruleset, Value, Verdict};
use super::ends::leaf_chain;
use super::short::digit;
use super::zones::atom_tag;

/// The end of a map's name for an atom: nothing for a named interface.
pub fn suffix(rules: &Rules, atom: AtomIndex) -> String {
    match rules.atoms[atom].pattern {
        IfPattern::Exact(_) => String::new(),
        IfPattern::Prefix(_) => format!("_{}", atom_tag(rules, atom)),
    }
}

/// Puts an element into the map `stem` (or `stem_range`, where its key needs
/// intervals), made on first use: the rules look up only maps that exist.
pub fn put(out: &mut Ruleset, stem: &str, fields: &[Field], key: Vec<Value>, data: Data) {
    let interval = key.iter().any(Value::is_interval);
    let name = if interval { format!("{stem}_range") } else { stem.to_owned() };
    let gives = match data {
        Data::Mark(_) => Gives::Mark,
        Data::Priority(_) => Gives::Priority,
        Data::Verdict(_) => Gives::Verdict,
    };
    let map = out.maps.entry(name).or_insert_with(|| Map {
        key: fields.to_vec(),
        gives,
        interval,
        elements: Default::default(),
    });
    map.elements.insert(key, data);
}

/// Fills every map.
pub fn fill(rules: &Rules, out: &mut Ruleset) {
    sources(rules, out);
    bound(rules, out);
    targets(rules, out);
    for (atom, mac, class) in &rules.link_sources {
        let mut parts: Vec<(Field, Value)> = interface(rules, *atom, Field::Iifname).into_iter().collect();
        parts.push((Field::EtherSaddr, Value::Mac(*mac)));
        let (fields, key): (Vec<Field>, Vec<Value>) = parts.into_iter().unzip();
        put(out, &format!("link{}", suffix(rules, *atom)), &fields, key, Data::Mark(class.0));
    }
    for pair in &rules.pairs {
        let key = vec![Value::Mark(pair.class.0), Value::Priority(pair.target.0)];
        put(out, "pair", &[Field::Mark, Field::Priority], key, Data::Mark(pair.node.0));
    }
    for (node, leaves) in &rules.nodes {
        for (key, leaf) in leaves {
            service(rules, out, node.0, *key, leaf);
        }
    }
}

pub fn interface(rules: &Rules, atom: AtomIndex, field: Field) -> Option<(Field, Value)> {
    let pattern = &rules.atoms[atom].pattern;
    matches!(pattern, IfPattern::Exact(_)).then(|| (field, Value::Interface(pattern.clone())))
}

fn sources(rules: &Rules, out: &mut Ruleset) {
    let known = rules.sources.iter().map(|source| (if source.mac.is_some() { "src" } else { "net" }, source));
    let places = rules.link_places.iter();
    let places = places.map(|source| (if source.mac.is_some() { "lsrc" } else { "lnet" }, source));
    let devices = rules.devices.iter().map(|source| ("dev", source));
    for (stem, source) in known.chain(devices).chain(places) {
        let family = source.range.family();
        let mut parts: Vec<(Field, Value)> = interface(rules, source.atom, Field::Iifname).into_iter().collect();
        parts.extend(source.mac.map(|mac| (Field::EtherSaddr, Value::Mac(mac))));
        parts.push((Field::Saddr(family), Value::Addr(source.range)));
        let stem = format!("{stem}{}{}", digit(family), suffix(rules, source.atom));
        let (fields, key): (Vec<Field>, Vec<Value>) = parts.into_iter().unzip();
        put(out, &stem, &fields, key, Data::Mark(source.class.0));
    }
}

/// Addresses and MACs that belong together: what a lookup of a source missed
/// and this finds is denied.
fn bound(rules: &Rules, out: &mut Ruleset) {
    for (atom, range) in &rules.bound {
        let family = range.family();
        let mut parts: Vec<(Field, Value)> = interface(rules, *atom, Field::Iifname).into_iter().collect();
        parts.push((Field::Saddr(family), Value::Addr(*range)));
        let (fields, key): (Vec<Field>, Vec<Value>) = parts.into_iter().unzip();
        put(out, &format!("own{}{}", digit(family), suffix(rules, *atom)), &fields, key, Data::Mark(1));
    }
    fixed_macs(rules, out);
}

/// The MACs that have addresses of their own.
pub fn fixed_macs(rules: &Rules, out: &mut Ruleset) {
    for (first, last) in &rules.fixed {
        let key = if first == last { Value::Mac(*first) } else { Value::Macs(*first, *last) };
        put(out, "fixed", &[Field::EtherSaddr], vec![key], Data::Mark(1));
    }
}

fn targets(rules: &Rules, out: &mut Ruleset) {
    for target in &rules.targets {
        let family: Family = target.range.family();
        let mut parts: Vec<(Field, Value)> = interface(rules, target.atom, Field::Oifname).into_iter().collect();
        parts.push((Field::Daddr(family), Value::Addr(target.range)));
        let stem = format!("dst{}{}", digit(family), suffix(rules, target.atom));
        let (fields, key): (Vec<Field>, Vec<Value>) = parts.into_iter().unzip();
        put(out, &stem, &fields, key, Data::Priority(target.class.0));
    }
}

fn service(rules: &Rules, out: &mut Ruleset, node: u32, key: ServiceKey, leaf: &Leaf) {
    let chain = leaf_chain(rules, leaf);
    let mut parts = vec![(Field::Mark, Value::Mark(node))];
    let stem = match key {
        ServiceKey::Ports(proto, ports) => {
            parts.push((Field::L4proto, Value::Proto(proto)));
            parts.push((Field::Dport, Value::Ports(ports)));
            "service"
        }
        ServiceKey::Icmp(kind) => {
            parts.push((Field::IcmpType, Value::Byte(kind)));
            "service_icmp"
        }
        ServiceKey::Icmpv6(kind) => {
            parts.push((Field::Icmpv6Type, Value::Byte(kind)));
            "service_icmp6"
        }
        ServiceKey::IcmpAll => "service_icmp_all",
        ServiceKey::Icmpv6All => "service_icmp6_all",
        ServiceKey::Proto(proto) => {
            parts.push((Field::L4proto, Value::Proto(proto)));
            "service_proto"
        }
        ServiceKey::Any => "service_any",
    };
    let (fields, key): (Vec<Field>, Vec<Value>) = parts.into_iter().unzip();
    put(out, stem, &fields, key, Data::Verdict(Verdict::Goto(chain)));
}
