//! The slow way, after a miss in the maps: which zone is this, and is it one?

use std::collections::BTreeMap;

use crate::net::{AddrRange, Family, IfPattern};
use crate::policy::{DenyReason, ZoneId};
use crate::rules::{AtomIndex, Rules};

use super::super::names::entry_tag;
use super::super::ruleset::{Field, Ruleset, Statement, Value, Verdict};
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
    for family in Family::BOTH {
        let d = digit(family);
        for (stem, next) in [("from", format!("to{d}")), ("gin", "gateway".to_owned())] {
            let mut head = Vec::new();
            for name in [format!("net{d}"), format!("net{d}_range")] {
                if out.maps.contains_key(&name) {
                    let key = vec![Field::Iifname, Field::Saddr(family)];
                    head.push(vec![Statement::MarkFromMap(key, name), goto(&next)]);
                }
            }
            head.extend(by_interface(rules, Field::Iifname, &format!("{stem}{d}")));
            out.chain(format!("{stem}{d}")).rules = head;
            for atom in 0..rules.atoms.len() {
                let name = format!("{stem}{d}_{}", atom_tag(rules, atom));
                let body = source_chain(rules, out, atom, family, &next, stem == "gin");
                out.chain(name).rules = body;
            }
        }
    }
}

/// One interface: sources of a wildcard, then each zone as a whole.
fn source_chain(
    rules: &Rules,
    out: &Ruleset,
    atom: AtomIndex,
    family: Family,
    next: &str,
    gateway: bool,
) -> Vec<Vec<Statement>> {
    let mut body = Vec::new();
    let end = suffix(rules, atom);
    if !end.is_empty() {
        let saddr = Field::Saddr(family);
        for (stem, key) in [("src", vec![Field::EtherSaddr, saddr]), ("net", vec![saddr])] {
            for range in ["", "_range"] {
                let name = format!("{stem}{}{end}{range}", digit(family));
                if out.maps.contains_key(&name) {
                    body.push(vec![Statement::MarkFromMap(key.clone(), name), goto(next)]);
                }
            }
        }
    }
    if gateway {
        body.extend(link_rules(rules, out, atom, family, next));
    }
    for (zone, ranges) in by_zone(&rules.atoms[atom].sources, family) {
        let mark = Statement::Mark(rules.zones[zone.0].class.0);
        body.push([within(Field::Saddr(family), ranges), vec![mark, goto(next)]].concat());
    }
    body.push(vec![deny(DenyReason::SpoofedSource)]);
    body
}

/// Addresses that belong to every zone of the interface: a device known by its
/// MAC, then the rest.
fn link_rules(rules: &Rules, out: &Ruleset, atom: AtomIndex, family: Family, next: &str) -> Vec<Vec<Statement>> {
    let ranges: Vec<AddrRange> = crate::rules::link_sources().into_iter().filter(|r| r.family() == family).collect();
    let of_link = within(Field::Saddr(family), ranges);
    let end = suffix(rules, atom);
    let (map, mut key) = (format!("link{end}"), vec![Field::EtherSaddr]);
    if end.is_empty() {
        key.insert(0, Field::Iifname);
    }
    let known = if out.maps.contains_key(&map) { Some(Statement::MarkFromMap(key, map)) } else { None };
    let rest = Statement::Mark(rules.atoms[atom].link_class.0);
    let marks = known.into_iter().chain([rest]);
    marks.map(|mark| [of_link.clone(), vec![mark, goto(next)]].concat()).collect()
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
        [all] if *all == AddrRange::all(all.family()) => {
            vec![Statement::Match(Field::Nfproto, vec![Value::Family(all.family())])]
        }
        _ => vec![Statement::Match(field, ranges.into_iter().map(Value::Addr).collect())],
    }
}
