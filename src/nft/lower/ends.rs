//! Where packets end: one small chain an entry, one a reason.

use std::collections::BTreeSet;

use crate::net::{Family, Proto};
use crate::policy::{DenyReason, ZoneId};
use crate::rules::{Leaf, Rules};

use super::super::names::{ACCEPTED_GROUP, LogTag, deny_counter, entry_counter, entry_tag};
use super::super::ruleset::{Field, Ruleset, Statement, Value, Verdict};
use super::log_denied;
use super::short::{accept, deny_chain, goto, l4proto};
use super::zones::{by_zone, within};

/// The chain of an entry; flows that it accepts are recorded in a second one.
/// Neither beginning begins the other: an entry may be called `log_A` beside `A`.
pub fn entry_chain(id: &str, log: bool) -> String {
    format!("{}_{}", if log { "record" } else { "allow" }, entry_tag(id))
}

/// One chain for every leaf that accepts, one counter for every entry.
pub fn entries(rules: &Rules, out: &mut Ruleset) {
    out.counters.extend(rules.entries.iter().map(|id| entry_counter(id)));
    let leaves: BTreeSet<Leaf> = rules.nodes.iter().flat_map(|(_, leaves)| leaves.iter().map(|(_, l)| *l)).collect();
    for leaf in leaves {
        match leaf {
            Leaf::IntraZone => {
                out.counters.insert("intra_zone".into());
                let count = Statement::Counter("intra_zone".into());
                out.chain("intra_zone").rule([count, Statement::Mark(0), Statement::Priority(0), accept()]);
            }
            Leaf::Entry { entry, log } => {
                let id = &rules.entries[entry];
                let mut rule = vec![Statement::Counter(entry_counter(id))];
                if log {
                    let prefix = LogTag::Accepted(entry_tag(id)).prefix();
                    rule.push(Statement::Log { prefix, group: ACCEPTED_GROUP, snaplen: rules.snaplen });
                }
                rule.extend([Statement::Mark(0), Statement::Priority(0), accept()]);
                out.chain(entry_chain(id, log)).rule(rule);
            }
            Leaf::Deny(_) => {}
        }
    }
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
