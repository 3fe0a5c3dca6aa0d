//! ARP (SPEC §2-5): who claims an address on a link is held to steps 4 and 5
//! like the source of a packet, with both MACs that an ARP packet tells: that of
//! its frame first, then its own. What passes is no more than heard.

use crate::net::{AddrRange, Family};
use crate::policy::DenyReason;
use crate::rules::{AtomIndex, Rules, Source, link_sources};

use super::super::names::deny_counter;
use super::super::ruleset::{Data, Field, Hook, Ruleset, Statement, Value, Verdict};
use super::binding::{Sender, fixed, known, moved, others, unnamed};
use super::log_denied;
use super::maps::{fixed_macs, interface, put, suffix};
use super::short::{accept, deny, deny_chain, goto};
use super::zones::{atom_tag, by_interface, by_zone, link_lookup, within};

/// What ARP can be denied for.
const REASONS: [DenyReason; 5] = [
    DenyReason::UnknownZone,
    DenyReason::SpoofedSource,
    DenyReason::MacMismatch,
    DenyReason::IpMismatch,
    DenyReason::ForeignDevice,
];

/// One of the two MACs: its field, the chains that ask for it, and where it
/// goes on.
struct Pass {
    who: Sender,
    stem: &'static str,
    next: &'static str,
}

/// The table `arp zoned`; none where no interface has a zone.
pub fn table(rules: &Rules) -> Option<Ruleset> {
    if rules.atoms.is_empty() {
        return None;
    }
    let mut out = Ruleset::default();
    fill(rules, &mut out);
    let who = |mac| Sender { family: Family::V4, addr: Field::ArpSaddr, mac };
    let passes = [
        Pass { who: who(Field::EtherSaddr), stem: "frame", next: "claim" },
        Pass { who: who(Field::ArpEther), stem: "claim", next: "heard" },
    ];
    for pass in &passes {
        stage(rules, pass, &mut out);
    }
    let input = out.chain("input");
    input.hook = Some(Hook::Input);
    input.rule([goto("frame")]);
    // The lookups on the way leave a mark.
    out.chain("heard").rule([Statement::Mark(0), accept()]);
    moved(rules, passes[0].who, &mut out);
    for reason in REASONS {
        out.counters.insert(deny_counter(reason));
        out.chain(deny_chain(reason))
            .rule([Statement::Counter(deny_counter(reason)), log_denied(reason, rules.snaplen)])
            .rule([Statement::Verdict(Verdict::Drop)]);
    }
    Some(out)
}

/// The maps: as those of packets, but for the classes, which ARP has no use
/// for. Where nothing is asked of an address none stands in them.
fn fill(rules: &Rules, out: &mut Ruleset) {
    let strict = |source: &&Source| rules.atoms[source.atom].strict;
    let asked = |source: &&Source| !rules.bound.is_empty() || strict(source);
    let v4 = |range: &AddrRange| range.family() == Family::V4;
    let with_mac = rules.sources.iter().filter(|s| s.mac.is_some()).filter(asked).map(|source| ("src4", source));
    let alone = rules.sources.iter().filter(|s| s.mac.is_none()).filter(strict).map(|source| ("net4", source));
    let roaming = rules.devices.iter().filter(strict).map(|source| ("dev4", source));
    for (stem, source) in with_mac.chain(alone).chain(roaming).filter(|(_, source)| v4(&source.range)) {
        let mac = source.mac.map(|mac| (Field::EtherSaddr, Value::Mac(mac)));
        let key = mac.into_iter().chain([(Field::ArpSaddr, Value::Addr(source.range))]);
        element(rules, out, source.atom, stem, key, Data::Mark(1));
    }
    for (atom, range) in rules.bound.iter().filter(|(_, range)| v4(range)) {
        element(rules, out, *atom, "own4", [(Field::ArpSaddr, Value::Addr(*range))].into_iter(), Data::Mark(1));
    }
    for (atom, mac, _) in rules.link_sources.iter().filter(|(atom, ..)| rules.atoms[*atom].link_strict) {
        element(rules, out, *atom, "link", [(Field::EtherSaddr, Value::Mac(*mac))].into_iter(), Data::Mark(1));
    }
    fixed_macs(rules, out);
}

fn element(
    rules: &Rules,
    out: &mut Ruleset,
    atom: AtomIndex,
    stem: &str,
    rest: impl Iterator<Item = (Field, Value)>,
    data: Data,
) {
    let parts = interface(rules, atom, Field::Iifname).into_iter().chain(rest);
    let (fields, key): (Vec<Field>, Vec<Value>) = parts.unzip();
    put(out, &format!("{stem}{}", suffix(rules, atom)), &fields, key, data);
}

/// The chains of one of the two MACs.
fn stage(rules: &Rules, pass: &Pass, out: &mut Ruleset) {
    let (who, next) = (pass.who, pass.next);
    let mut head = known(out, who, "", next);
    head.extend(others(out, who, "", next));
    head.extend(by_interface(rules, Field::Iifname, pass.stem));
    out.chain(pass.stem).rules = head;
    for atom in 0..rules.atoms.len() {
        let body = interface_chain(rules, out, atom, pass);
        out.chain(format!("{}_{}", pass.stem, atom_tag(rules, atom))).rules = body;
    }
}

fn interface_chain(rules: &Rules, out: &Ruleset, atom: AtomIndex, pass: &Pass) -> Vec<Vec<Statement>> {
    let (who, next) = (pass.who, pass.next);
    let from = |ranges: Vec<AddrRange>| within(who.addr, ranges);
    let v4 = |ranges: &[AddrRange]| ranges.iter().copied().filter(|r| r.family() == Family::V4).collect();
    let unspecified: Vec<AddrRange> = v4(&link_sources());
    let end = suffix(rules, atom);
    let mut body = Vec::new();
    // A probe: its sender has no address yet.
    if rules.atoms[atom].link_strict {
        let device = link_lookup(rules, out, atom, who.mac).into_iter();
        body.extend(device.map(|mark| [from(unspecified.clone()), vec![mark, goto(next)]].concat()));
        body.push([from(unspecified), vec![deny(DenyReason::ForeignDevice)]].concat());
    } else {
        body.push([from(unspecified), vec![goto(next)]].concat());
    }
    if !end.is_empty() {
        body.extend(known(out, who, &end, next));
        body.extend(others(out, who, &end, next));
    }
    // Whichever of the two MACs has other addresses comes before what a strict zone says of the first.
    let claim = Sender { mac: Field::ArpEther, ..who };
    if who.mac != claim.mac {
        body.extend(fixed(out, who));
    }
    body.extend(unnamed(out, claim, &end, next));
    for (zone, ranges) in by_zone(&rules.atoms[atom].sources, Family::V4) {
        let verdict = if rules.zones[zone.0].strict { deny(DenyReason::ForeignDevice) } else { goto(next) };
        body.push([from(ranges), vec![verdict]].concat());
    }
    body.push(vec![deny(DenyReason::SpoofedSource)]);
    body
}
