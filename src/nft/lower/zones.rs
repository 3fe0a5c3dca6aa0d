//! The slow way, after a miss in the maps: which zone is this, and is it one?

use std::collections::BTreeMap;

use crate::net::{AddrRange, Family, IfPattern};
use crate::policy::{DenyReason, ZoneId};
use crate::rules::{AtomIndex, Rules};

use super::super::names::entry_tag;
use super::super::ruleset::{Field, Ruleset, Statement, Value, Verdict};
use super::binding::{Sender, known, others, places, unnamed};
use super::maps::suffix;
use super::short::{deny, digit, goto};

/// An interface's name, or a wildcard, as part of an identifier.
pub fn atom_tag(rules: &Rules, atom: AtomIndex) -> String {
    entry_tag(&rules.atoms[atom].pattern.to_string())
}

/// Sends each interface to its chain, `STEM_INTERFACE`; names by one lookup,
/// then wildcards, the longest first. Ends in unknown-zone.
pub fn by_interface(rules: &Rules, field: Field, stem: &str) -> Vec<Vec<Statement>> {
    let mut names = Vec::new();
    let mut out = Vec::new();
    for (atom, entry) in rules.atoms.iter().enumerate() {
        let value = Value::Interface(entry.pattern.clone());
        let chain = format!("{stem}_{}", atom_tag(rules, atom));
        match entry.pattern {
            IfPattern::Exact(_) => names.push((value, Verdict::Goto(chain))),
            IfPattern::Prefix(_) => out.push(vec![Statement::Match(field, vec![value]), goto(chain)]),
        }
    }
    if !names.is_empty() {
        out.insert(0, vec![Statement::Cases(field, names)]);
    }
    out.push(vec![deny(DenyReason::UnknownZone)]);
    out
}

/// `from4`/`from6` for forwarded packets and `gin4`/`gin6` for the gateway's:
/// sources that no (interface, MAC, address) names.
pub fn sources(rules: &Rules, out: &mut Ruleset) {
    links(rules, out, "gateway");
    for family in Family::BOTH {
        let d = digit(family);
        for (stem, next) in [("from", format!("to{d}")), ("gin", "gateway".to_owned())] {
            let mut head = Vec::new();
            if stem == "gin" {
                head.push([of_link(family), vec![goto("glink")]].concat());
            }
            head.extend(others(out, Sender::ip(family), "", &next));
            head.extend(by_interface(rules, Field::Iifname, &format!("{stem}{d}")));
            out.chain(format!("{stem}{d}")).rules = head;
            for atom in 0..rules.atoms.len() {
                let name = format!("{stem}{d}_{}", atom_tag(rules, atom));
                let body = source_chain(rules, out, atom, family, &next);
                out.chain(name).rules = body;
            }
        }
    }
}

/// One interface: sources of a wildcard, then those without a MAC, then each
/// zone as a whole.
fn source_chain(rules: &Rules, out: &Ruleset, atom: AtomIndex, family: Family, next: &str) -> Vec<Vec<Statement>> {
    let mut body = Vec::new();
    let end = suffix(rules, atom);
    if !end.is_empty() {
        body.extend(known(out, Sender::ip(family), &end, next));
        body.extend(others(out, Sender::ip(family), &end, next));
    }
    let zones = by_zone(&rules.atoms[atom].sources, family);
    if !zones.is_empty() {
        body.extend(unnamed(out, Sender::ip(family), &end, next));
    }
    for (zone, ranges) in zones {
        let from = within(Field::Saddr(family), ranges);
        let zone = &rules.zones[zone.0];
        let verdict = match zone.strict {
            true => vec![deny(DenyReason::ForeignDevice)],
            false => vec![Statement::Mark(zone.class.0), goto(next)],
        };
        body.push([from, verdict].concat());
    }
    body.push(vec![deny(DenyReason::SpoofedSource)]);
    body
}

/// A match of the addresses that belong to every zone of an interface.
fn of_link(family: Family) -> Vec<Statement> {
    let ranges = crate::rules::link_sources().into_iter().filter(|r| r.family() == family).collect();
    within(Field::Saddr(family), ranges)
}

/// The class of a device known by its MAC on an interface, while it has no address.
pub fn link_lookup(rules: &Rules, out: &Ruleset, atom: AtomIndex, mac: Field) -> Option<Statement> {
    let end = suffix(rules, atom);
    let (map, mut key) = (format!("link{end}"), vec![mac]);
    if end.is_empty() {
        key.insert(0, Field::Iifname);
    }
    let known = out.maps.contains_key(&map);
    known.then_some(Statement::MarkFromMap(key, map))
}

/// Addresses that belong to every zone and that some endpoint means.
fn named(out: &Ruleset, end: &str, with_mac: bool, next: &str) -> Vec<Vec<Statement>> {
    Family::BOTH.into_iter().flat_map(|family| places(out, Sender::ip(family), end, with_mac, next)).collect()
}

/// `glink`: addresses that belong to every zone of the interface; what endpoints
/// mean with a MAC, a device known by its MAC, what they mean without, the rest.
fn links(rules: &Rules, out: &mut Ruleset, next: &str) {
    out.chain("glink").rules = by_interface(rules, Field::Iifname, "glink");
    for (atom, entry) in rules.atoms.iter().enumerate() {
        let end = suffix(rules, atom);
        let known = link_lookup(rules, out, atom, Field::EtherSaddr).map(|mark| vec![mark, goto(next)]);
        let mut body = named(out, &end, true, next);
        body.extend(known);
        if !entry.link_strict {
            body.extend(named(out, &end, false, next));
        }
        body.push(match entry.link_strict {
            true => vec![deny(DenyReason::ForeignDevice)],
            false => vec![Statement::Mark(entry.link_class.0), goto(next)],
        });
        out.chain(format!("glink_{}", atom_tag(rules, atom))).rules = body;
    }
}

/// `to4`/`to6`: the second question; the target goes into the priority.
pub fn destinations(rules: &Rules, out: &mut Ruleset) {
    for family in Family::BOTH {
        let d = digit(family);
        let mut head = Vec::new();
        for name in [format!("dst{d}"), format!("dst{d}_range")] {
            if out.maps.contains_key(&name) {
                let key = vec![Field::Oifname, Field::Daddr(family)];
                head.push(vec![Statement::PriorityFromMap(key, name), goto("pair")]);
            }
        }
        head.extend(by_interface(rules, Field::Oifname, &format!("to{d}")));
        out.chain(format!("to{d}")).rules = head;
        for atom in 0..rules.atoms.len() {
            let body = destination_chain(rules, out, atom, family);
            out.chain(format!("to{d}_{}", atom_tag(rules, atom))).rules = body;
        }
    }
}

fn destination_chain(rules: &Rules, out: &Ruleset, atom: AtomIndex, family: Family) -> Vec<Vec<Statement>> {
    let mut body = Vec::new();
    let end = suffix(rules, atom);
    if !end.is_empty() {
        for range in ["", "_range"] {
            let name = format!("dst{}{end}{range}", digit(family));
            if out.maps.contains_key(&name) {
                body.push(vec![Statement::PriorityFromMap(vec![Field::Daddr(family)], name), goto("pair")]);
            }
        }
    }
    for (zone, ranges) in by_zone(&rules.atoms[atom].destinations, family) {
        let target = Statement::Priority(rules.zones[zone.0].target.0);
        body.push([within(Field::Daddr(family), ranges), vec![target, goto("pair")]].concat());
    }
    body.push(vec![deny(DenyReason::UnknownZone)]);
    body
}

/// The ranges of one family, by zone.
pub fn by_zone(regions: &[(AddrRange, ZoneId)], family: Family) -> BTreeMap<ZoneId, Vec<AddrRange>> {
    let mut out: BTreeMap<ZoneId, Vec<AddrRange>> = BTreeMap::new();
    for (range, zone) in regions.iter().filter(|(r, _)| r.family() == family) {
        out.entry(*zone).or_default().push(*range);
    }
    out
}

/// A match of the ranges; where they are the whole family, a match that any
/// packet of the family passes.
pub fn within(field: Field, ranges: Vec<AddrRange>) -> Vec<Statement> {
    match ranges.as_slice() {
        // ARP's senders are of one family only.
        [all] if field == Field::ArpSaddr && *all == AddrRange::all(Family::V4) => Vec::new(),
        [all] if *all == AddrRange::all(all.family()) => {
            vec![Statement::Match(Field::Nfproto, vec![Value::Family(all.family())])]
        }
        _ => vec![Statement::Match(field, ranges.into_iter().map(Value::Addr).collect())],
    }
}
