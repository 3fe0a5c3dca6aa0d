//! Addresses and MACs that belong together (SPEC §2-5): the lookups that the
//! ways of new packets, of open flows and of those for the gateway share.
//!
//! In this order, each only after a miss of the one before: a declared (MAC,
//! address) → its class; an address that is another MAC's → denied; a device
//! known by its MAC alone → its class; a MAC that has other addresses → denied;
//! an address declared without a MAC → its class.

use crate::net::Family;
use crate::policy::DenyReason;
use crate::rules::{AtomIndex, Rules};

use super::super::ruleset::{Field, Ruleset, Statement};
use super::short::{deny, digit, goto};
use super::zones::{atom_tag, by_interface, within};

/// The names of the maps of one kind of source, exact before ranges, that exist.
fn present(out: &Ruleset, stem: &str, family: Family, end: &str) -> Vec<String> {
    let name = format!("{stem}{}{end}", digit(family));
    let names = [name.clone(), format!("{name}_range")];
    names.into_iter().filter(|name| out.maps.contains_key(name)).collect()
}

/// A key by interface where the map is of named ones: a wildcard's map has an
/// end to its name and is entered by its own chain.
fn keyed(end: &str, rest: &[Field]) -> Vec<Field> {
    let interface = end.is_empty().then_some(Field::Iifname);
    interface.into_iter().chain(rest.iter().copied()).collect()
}

fn classes(out: &Ruleset, stem: &str, family: Family, end: &str, key: &[Field], next: &str) -> Vec<Vec<Statement>> {
    let names = present(out, stem, family, end).into_iter();
    names.map(|name| vec![Statement::MarkFromMap(keyed(end, key), name), goto(next)]).collect()
}

/// Sources known by MAC and address. `end` = that of the maps' names: of a
/// wildcard, or nothing.
pub fn known(out: &Ruleset, family: Family, end: &str, next: &str) -> Vec<Vec<Statement>> {
    classes(out, "src", family, end, &[Field::EtherSaddr, Field::Saddr(family)], next)
}

/// What [`known`] missed: an address that is another MAC's is denied, a device
/// known by its MAC alone passes.
pub fn others(out: &Ruleset, family: Family, end: &str, next: &str) -> Vec<Vec<Statement>> {
    let names = present(out, "own", family, end).into_iter();
    let mut rules: Vec<Vec<Statement>> =
        names.map(|name| vec![Statement::Vmap(keyed(end, &[Field::Saddr(family)]), name)]).collect();
    rules.extend(classes(out, "dev", family, end, &[Field::EtherSaddr, Field::Saddr(family)], next));
    rules
}

/// What [`others`] left: a MAC that has other addresses is denied, an address
/// declared without a MAC passes.
pub fn unnamed(out: &Ruleset, family: Family, end: &str, next: &str) -> Vec<Vec<Statement>> {
    let fixed = ["fixed", "fixed_range"].into_iter().filter(|name| out.maps.contains_key(*name));
    let moved = |name: &str| {
        let known = Statement::MarkFromMap(vec![Field::EtherSaddr], name.into());
        vec![known, goto(format!("moved{}", digit(family)))]
    };
    let mut rules: Vec<Vec<Statement>> = fixed.map(moved).collect();
    rules.extend(classes(out, "net", family, end, &[Field::Saddr(family)], next));
    rules
}

/// `moved4`/`moved6`: a MAC under an address that is not its own. Where the
/// address is of no zone that comes first.
pub fn moved(rules: &Rules, out: &mut Ruleset) {
    if rules.fixed.is_empty() {
        return;
    }
    for family in Family::BOTH {
        let stem = format!("moved{}", digit(family));
        out.chain(stem.clone()).rules = by_interface(rules, Field::Iifname, &stem);
        for atom in 0..rules.atoms.len() {
            let mut body = Vec::new();
            let here = crate::rules::joined(sources(rules, atom, family));
            if !here.is_empty() {
                body.push([within(Field::Saddr(family), here), vec![deny(DenyReason::IpMismatch)]].concat());
            }
            body.push(vec![deny(DenyReason::SpoofedSource)]);
            out.chain(format!("{stem}_{}", atom_tag(rules, atom))).rules = body;
        }
    }
}

/// Every address of some zone on an interface.
fn sources(rules: &Rules, atom: AtomIndex, family: Family) -> Vec<crate::net::AddrRange> {
    let all = rules.atoms[atom].sources.iter().map(|(range, _)| *range);
    all.filter(|range| range.family() == family).collect()
}
