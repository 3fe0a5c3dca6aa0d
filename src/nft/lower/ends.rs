//! Where packets end: one small chain an entry, one a reason.

use std::collections::BTreeSet;

use crate::net::{Family, Proto};
use crate::policy::{DenyReason, Rate, ZoneId};
use crate::rules::{EntryRules, Leaf, Rules};

use super::super::names::{ACCEPTED_GROUP, LogTag, deny_counter, entry_counter, entry_limit, entry_tag, short_hash};
use super::super::ruleset::{CtState, Field, Limit, Ruleset, Statement, Value, Verdict};
use super::log_denied;
use super::open::guard_chain;
use super::short::{accept, deny, deny_chain, goto, l4proto};
use super::zones::{by_zone, within};

/// The chain that a leaf leads to.
pub fn leaf_chain(rules: &Rules, leaf: &Leaf) -> String {
    match leaf {
        Leaf::IntraZone => "intra_zone".to_owned(),
        Leaf::Deny(reason) => deny_chain(*reason),
        Leaf::Entries { ask, log } => match ask.as_slice() {
            [entry] if rules.entries[*entry].rate.is_none() => entry_chain(&rules.entries[*entry], *log),
            _ => {
                let ids: Vec<&str> = ask.iter().map(|entry| rules.entries[*entry].id.as_str()).collect();
                // Ids hold no control characters, so they cannot run together.
                let hash = short_hash(&ids.join("\u{0}"));
                format!("{}_{hash}", if *log { "askrecord" } else { "ask" })
            }
        },
    }
}

/// The chain of an entry; flows that it accepts are recorded in a second one.
/// Neither beginning begins the other: an entry may be called `log_A` beside `A`.
fn entry_chain(entry: &EntryRules, log: bool) -> String {
    format!("{}_{}", if log { "record" } else { "allow" }, entry_tag(&entry.id))
}

/// One chain for every leaf that accepts and every entry in one, one counter for
/// every entry.
pub fn entries(rules: &Rules, out: &mut Ruleset) {
    out.counters.extend(rules.entries.iter().map(|entry| entry_counter(&entry.id)));
    let leaves: BTreeSet<&Leaf> = rules.nodes.iter().flat_map(|(_, leaves)| leaves.iter().map(|(_, l)| l)).collect();
    for leaf in leaves {
        match leaf {
            Leaf::IntraZone => {
                out.counters.insert("intra_zone".into());
                let count = Statement::Counter("intra_zone".into());
                out.chain("intra_zone").rule([count, Statement::Mark(0), Statement::Priority(0), accept()]);
            }
            Leaf::Entries { ask, log } => {
                let asked: Vec<&EntryRules> = ask.iter().map(|entry| &rules.entries[*entry]).collect();
                for entry in &asked {
                    accepts(rules, entry, *log, out);
                }
                asks(&leaf_chain(rules, leaf), &asked, *log, out);
            }
            Leaf::Deny(_) => {}
        }
    }
}

/// The chain of one entry: its end, what it accepted before, its rate; then it
/// marks the connection as its own. Over the rate it returns.
fn accepts(rules: &Rules, entry: &EntryRules, log: bool, out: &mut Ruleset) {
    let mut chain = Vec::new();
    if entry.ends.is_some() {
        chain.push(vec![Statement::Verdict(Verdict::Jump(guard_chain(entry)))]);
    }
    let end = || [Statement::Mark(0), Statement::Priority(0), accept()];
    // Until the other side answers, all packets of a flow are new; it is one flow.
    let known = [
        Statement::Match(Field::CtState, vec![Value::State(CtState::New)]),
        Statement::Match(Field::CtMark, vec![Value::Mark(entry.mark)]),
    ];
    chain.push(known.into_iter().chain(end()).collect());
    let mut fresh = Vec::new();
    if let Some(rate) = entry.rate {
        let name = entry_limit(&entry.id, rate);
        out.limits.insert(name.clone(), limit(rate));
        fresh.push(Statement::Limit(name));
    }
    fresh.push(Statement::Counter(entry_counter(&entry.id)));
    if log {
        let prefix = LogTag::Accepted(entry_tag(&entry.id)).prefix();
        fresh.push(Statement::Log { prefix, group: ACCEPTED_GROUP, snaplen: rules.snaplen });
    }
    fresh.push(Statement::ConnMark(entry.mark));
    fresh.extend(end());
    chain.push(fresh);
    out.chain(entry_chain(entry, log)).rules = chain;
}

/// Entries in their order, each but the last with a rate; nothing where the
/// first takes all.
fn asks(name: &str, asked: &[&EntryRules], log: bool, out: &mut Ruleset) {
    let own = |entry: &EntryRules, log| Verdict::Goto(entry_chain(entry, log));
    match asked {
        [entry] if entry.rate.is_none() => return,
        [_] => {}
        many => {
            // A flow stays with the entry that let it open.
            let cases = many.iter().map(|entry| (Value::Mark(entry.mark), own(entry, log))).collect();
            let new = Statement::Match(Field::CtState, vec![Value::State(CtState::New)]);
            out.chain(name).rule([new, Statement::Cases(Field::CtMark, cases)]);
        }
    }
    for entry in asked {
        out.chain(name).rule([Statement::Verdict(Verdict::Jump(entry_chain(entry, log)))]);
    }
    out.chain(name).rule([deny(DenyReason::RateExceeded)]);
}

/// The kernel's limit for a rate. It counts what one packet costs in whole
/// nanoseconds, rounded down; so that no more than N·t + N pass, the rate is
/// lowered to where that cost is rounded up (by 1 in 1,000 at most).
fn limit(rate: Rate) -> Limit {
    let unit = rate.unit.seconds() * 1_000_000_000;
    let cost = unit.div_ceil(rate.count.into());
    // At most the rate itself, which is 32 bits wide.
    Limit { count: (unit / cost) as u32, unit: rate.unit, burst: rate.count }
}

/// The chain of every reason: count, record, answer where the zone wishes, drop.
pub fn denials(rules: &Rules, out: &mut Ruleset) {
    let answers = rules.zones.iter().any(|z| z.reject);
    for reason in DenyReason::ALL {
        out.counters.insert(deny_counter(reason));
        let chain = out.chain(deny_chain(reason));
        chain.rule([Statement::Counter(deny_counter(reason)), log_denied(reason, rules.snaplen)]);
        let end = if answers && reason.may_reject() { goto("leave") } else { Statement::Verdict(Verdict::Drop) };
        chain.rule([end]);
    }
    if answers {
        out.chain("leave").rules = leave(rules);
        out.chain("answer").rule([l4proto(&[Proto::TCP]), Statement::RejectReset]).rule([Statement::RejectAdmin]);
    }
}

/// Answers what leaves a zone with `deny_with = "reject"`, drops the rest.
fn leave(rules: &Rules) -> Vec<Vec<Statement>> {
    let mut out = Vec::new();
    // Interfaces by name before wildcards: a name within a wildcard is its own,
    // and ends here whether or not it answers.
    for atom in &rules.atoms {
        let interface = Statement::Match(Field::Iifname, vec![Value::Interface(atom.pattern.clone())]);
        for family in Family::BOTH {
            let wish = |zone: ZoneId| rules.zones[zone.0].reject;
            for (_, ranges) in by_zone(&atom.sources, family).into_iter().filter(|(z, _)| wish(*z)) {
                out.push(
                    [vec![interface.clone()], within(Field::Saddr(family), ranges), vec![goto("answer")]].concat(),
                );
            }
        }
        out.push(vec![interface, Statement::Verdict(Verdict::Drop)]);
    }
    out.push(vec![Statement::Verdict(Verdict::Drop)]);
    out
}
