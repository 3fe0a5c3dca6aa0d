//! Strict zones: packets of open flows from their interfaces show once more who
//! they are (SPEC §2-3). While no zone is strict nothing of this exists.

use crate::net::{AddrRange, Family, IfPattern};
use crate::policy::DenyReason;
use crate::rules::{AtomIndex, Rules, link_sources};

use super::super::ruleset::{Field, Ruleset, Statement, Value, Verdict};
use super::binding::{Sender, known, others, unnamed};
use super::maps::suffix;
use super::short::{accept, by_family, deny, digit, goto};
use super::zones::{atom_tag, by_zone, link_lookup, within};

/// Where a packet of an open flow ends that may pass. The lookups on its way
/// leave a mark.
const PASSED: &str = "passed";

/// Rules that send what comes from an interface of a strict zone to its chain,
/// and that chain; none where no zone is strict.
pub fn fill(rules: &Rules, out: &mut Ruleset) -> Vec<Vec<Statement>> {
    if !rules.atoms.iter().any(|atom| atom.strict) {
        return Vec::new();
    }
    let wild = |pattern: &IfPattern| matches!(pattern, IfPattern::Prefix(_));
    let within_wildcard = rules.atoms.iter().any(|atom| atom.strict && wild(&atom.pattern));
    let (mut names, mut wildcards) = (Vec::new(), Vec::new());
    for (index, atom) in rules.atoms.iter().enumerate() {
        let value = Value::Interface(atom.pattern.clone());
        let to = match atom.strict {
            true => Verdict::Goto(format!("strict_{}", atom_tag(rules, index))),
            // A name within a strict wildcard is its own.
            false if within_wildcard => Verdict::Accept,
            false => continue,
        };
        if wild(&atom.pattern) {
            wildcards.push(vec![Statement::Match(Field::Iifname, vec![value]), Statement::Verdict(to)]);
        } else {
            names.push((value, to));
        }
        if atom.strict {
            chains(rules, index, out);
        }
    }
    out.chain(PASSED).rule([Statement::Mark(0), accept()]);
    let names = (!names.is_empty()).then(|| vec![Statement::Cases(Field::Iifname, names)]);
    names.into_iter().chain(wildcards).collect()
}

/// The chains of one interface with a strict zone.
fn chains(rules: &Rules, atom: AtomIndex, out: &mut Ruleset) {
    let tag = atom_tag(rules, atom);
    let name = |family| format!("strict{}_{tag}", digit(family));
    let split = by_family(&name(Family::V4), &name(Family::V6));
    out.chain(format!("strict_{tag}")).rule([split]).rule([deny(DenyReason::UnknownZone)]);
    for family in Family::BOTH {
        let body = source(rules, atom, family, out);
        out.chain(name(family)).rules = body;
    }
}

fn source(rules: &Rules, atom: AtomIndex, family: Family, out: &Ruleset) -> Vec<Vec<Statement>> {
    let from = |ranges: Vec<AddrRange>| within(Field::Saddr(family), ranges);
    let mut body = Vec::new();
    let links: Vec<AddrRange> = link_sources().into_iter().filter(|range| range.family() == family).collect();
    if rules.atoms[atom].link_strict {
        let device = link_lookup(rules, out, atom, Field::EtherSaddr).into_iter();
        body.extend(device.map(|mark| [from(links.clone()), vec![mark, goto(PASSED)]].concat()));
        body.push([from(links), vec![deny(DenyReason::ForeignDevice)]].concat());
    } else {
        body.push([from(links), vec![accept()]].concat());
    }
    let zones = by_zone(&rules.atoms[atom].sources, family);
    let (strict, free): (Vec<_>, Vec<_>) = zones.into_iter().partition(|(zone, _)| rules.zones[zone.0].strict);
    body.extend(free.into_iter().map(|(_, ranges)| [from(ranges), vec![accept()]].concat()));
    let end = suffix(rules, atom);
    if !strict.is_empty() {
        body.extend(known(out, Sender::ip(family), &end, PASSED));
        body.extend(others(out, Sender::ip(family), &end, PASSED));
        body.extend(unnamed(out, Sender::ip(family), &end, PASSED));
    }
    for (_, ranges) in strict {
        body.push([from(ranges), vec![deny(DenyReason::ForeignDevice)]].concat());
    }
    body.push(vec![deny(DenyReason::SpoofedSource)]);
    body
}
