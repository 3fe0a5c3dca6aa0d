//! Addresses and MACs that belong together (SPEC §2-5): the lookups that the
//! ways of new packets, of open flows and of those for the gateway share.
//!
//! In this order, each only after a miss of the one before: a declared (MAC,
//! address) → its class; an address that is another MAC's → denied; a device
//! known by its MAC alone → its class; a MAC that has other addresses → denied;
//! an address declared without a MAC → its class.

use crate::net::{AddrRange, Family};
use crate::policy::DenyReason;
use crate::rules::{AtomIndex, Rules};

use super::super::ruleset::{Field, Ruleset, Statement};
use super::short::{deny, deny_chain, digit, goto};
use super::zones::{atom_tag, by_interface, within};

/// The fields that say who sends.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    /// Of the address; the maps' names end in it.
    pub family: Family,
    /// The address.
    pub addr: Field,
    /// The MAC.
    pub mac: Field,
}

impl Sender {
    /// An IP packet's.
    pub fn ip(family: Family) -> Self {
        Self { family, addr: Field::Saddr(family), mac: Field::EtherSaddr }
    }
}

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

fn classes(out: &Ruleset, names: Vec<String>, end: &str, key: &[Field], next: &str) -> Vec<Vec<Statement>> {
    let names = names.into_iter().filter(|name| out.maps.contains_key(name));
    names.map(|name| vec![Statement::MarkFromMap(keyed(end, key), name), goto(next)]).collect()
}

/// Sources known by MAC and address. `end` = that of the maps' names: of a
/// wildcard, or nothing.
pub fn known(out: &Ruleset, who: Sender, end: &str, next: &str) -> Vec<Vec<Statement>> {
    classes(out, present(out, "src", who.family, end), end, &[who.mac, who.addr], next)
}

/// Addresses of every zone that some endpoint means, with a MAC or whatever the MAC.
pub fn places(out: &Ruleset, who: Sender, end: &str, with_mac: bool, next: &str) -> Vec<Vec<Statement>> {
    let (stem, key) = if with_mac { ("lsrc", vec![who.mac, who.addr]) } else { ("lnet", vec![who.addr]) };
    classes(out, present(out, stem, who.family, end), end, &key, next)
}

/// What [`known`] missed: an address that is another MAC's is denied, a device
/// known by its MAC alone passes.
pub fn others(out: &Ruleset, who: Sender, end: &str, next: &str) -> Vec<Vec<Statement>> {
    // No verdict map: nft 1.0.6 cannot add a range of one field to one by JSON.
    let denial = deny_chain(DenyReason::MacMismatch);
    let mut rules = classes(out, present(out, "own", who.family, end), end, &[who.addr], &denial);
    rules.extend(classes(out, present(out, "dev", who.family, end), end, &[who.mac, who.addr], next));
    rules
}

/// Denies a MAC that has other addresses.
pub fn fixed(out: &Ruleset, who: Sender) -> Vec<Vec<Statement>> {
    let names = ["fixed", "fixed_range"].map(String::from).to_vec();
    classes(out, names, "_", &[who.mac], &moved_chain(who.family))
}

/// What [`others`] left: a MAC that has other addresses is denied, an address
/// declared without a MAC passes.
pub fn unnamed(out: &Ruleset, who: Sender, end: &str, next: &str) -> Vec<Vec<Statement>> {
    let mut rules = fixed(out, who);
    rules.extend(classes(out, present(out, "net", who.family, end), end, &[who.addr], next));
    rules
}

fn moved_chain(family: Family) -> String {
    format!("moved{}", digit(family))
}

/// `moved4`/`moved6`: a MAC under an address that is not its own. Where the
/// address is of no zone that comes first.
pub fn moved(rules: &Rules, who: Sender, out: &mut Ruleset) {
    if rules.fixed.is_empty() {
        return;
    }
    let stem = moved_chain(who.family);
    out.chain(stem.clone()).rules = by_interface(rules, Field::Iifname, &stem);
    for atom in 0..rules.atoms.len() {
        let mut body = Vec::new();
        let here = crate::rules::joined(sources(rules, atom, who.family));
        if !here.is_empty() {
            body.push([within(who.addr, here), vec![deny(DenyReason::IpMismatch)]].concat());
        }
        body.push(vec![deny(DenyReason::SpoofedSource)]);
        out.chain(format!("{stem}_{}", atom_tag(rules, atom))).rules = body;
    }
}

/// Every address of some zone on an interface.
fn sources(rules: &Rules, atom: AtomIndex, family: Family) -> Vec<AddrRange> {
    let all = rules.atoms[atom].sources.iter().map(|(range, _)| *range);
    all.filter(|range| range.family() == family).collect()
}
