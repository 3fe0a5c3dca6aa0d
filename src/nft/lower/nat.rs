//! Source translation: IPv4 that leaves by an uplink with `masquerade = true`.
//!
//! Only what is forwarded: the gateway's own packets have one of its addresses
//! already, and keep the one that their program chose. The filter has judged
//! before, by the addresses as they were, and judges replies after they have
//! been translated back; a reload leaves open flows their translation. Only
//! without the chain, so when the last zone stops masquerading, does the kernel
//! stop translating open flows too: they end.

use crate::net::{Family, IfPattern};
use crate::rules::{AtomRules, Rules};

use super::super::ruleset::{Field, Hook, Ruleset, Statement, Value};
use super::short::accept;

/// The postrouting hook, only where some zone masquerades.
pub fn postrouting(rules: &Rules, out: &mut Ruleset) {
    let mut body = Vec::new();
    for (index, atom) in rules.atoms.iter().enumerate() {
        let face = Statement::Match(Field::Oifname, vec![Value::Interface(atom.pattern.clone())]);
        let ipv4 = Statement::Match(Field::Nfproto, vec![Value::Family(Family::V4)]);
        if let Some(towards) = translated(rules, atom) {
            let mut rule = vec![face.clone(), ipv4];
            rule.extend(towards);
            rule.extend([Statement::SourceElsewhere, Statement::Masquerade]);
            body.push(rule);
        }
        // The first atom that matches is an interface's own: no wildcard after it may take it.
        let wider = |later: &AtomRules| {
            matches!(later.pattern, IfPattern::Prefix(_)) && later.pattern.covers(&atom.pattern) && masks(rules, later)
        };
        if rules.atoms[index + 1..].iter().any(wider) {
            body.push(vec![face, accept()]);
        }
    }
    if body.is_empty() {
        return;
    }
    let chain = out.chain("postrouting");
    chain.hook = Some(Hook::Postrouting);
    chain.rules = body;
}

fn masks(rules: &Rules, atom: &AtomRules) -> bool {
    translated(rules, atom).is_some()
}

/// What of an interface's traffic is translated: none = nothing, else a match of
/// the destinations where the interface has other zones as well.
fn translated(rules: &Rules, atom: &AtomRules) -> Option<Option<Statement>> {
    let own = |zone: crate::policy::ZoneId| rules.zones[zone.0].masquerade;
    let v4 = || atom.destinations.iter().filter(|(range, _)| range.family() == Family::V4);
    let ranges: Vec<Value> = v4().filter(|(_, zone)| own(*zone)).map(|(range, _)| Value::Addr(*range)).collect();
    if ranges.is_empty() {
        return None;
    }
    let shared = v4().any(|(_, zone)| !own(*zone));
    Some(shared.then_some(Statement::Match(Field::Daddr(Family::V4), ranges)))
}
