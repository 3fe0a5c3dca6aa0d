//! Packets of open flows, where some must not simply pass.
//!
//! A connection's mark says which entry let it open. The entries in force that
//! end of themselves have an element each in one map: at the instant of the end
//! the kernel itself stops their flows, new and open, whether or not zoned
//! lives. What may pass there may still come from a strict zone ([`strict`]).
//! While no entry has an end and no zone is strict nothing of this exists.

use std::collections::BTreeMap;

use super::super::names::entry_tag;
use super::super::ruleset::{Data, Field, Gives, Map, Ruleset, Statement, Value, Verdict};
use super::short::{accept, deny};
use super::strict;
use crate::rules::{EntryRules, Rules};

/// From a connection's mark to the guard of its entry.
const TIMED: &str = "timed";

/// The chain that denies once the entry has ended, and returns before.
pub fn guard_chain(entry: &EntryRules) -> String {
    format!("until_{}", entry_tag(&entry.id))
}

/// Makes what packets of open flows need to pass; gives where they go.
pub fn fill(rules: &Rules, out: &mut Ruleset) -> Verdict {
    let mut elements = BTreeMap::new();
    for entry in &rules.entries {
        let Some((end, reason)) = entry.ends else { continue };
        out.chain(guard_chain(entry)).rule([Statement::Since(end), deny(reason)]);
        elements.insert(vec![Value::Mark(entry.mark)], Data::Verdict(Verdict::Jump(guard_chain(entry))));
    }
    let strict = strict::fill(rules, out);
    if elements.is_empty() && strict.is_empty() {
        return Verdict::Accept;
    }
    if !elements.is_empty() {
        let key = vec![Field::CtMark];
        out.chain("open").rule([Statement::Vmap(key.clone(), TIMED.into())]);
        out.maps.insert(TIMED.into(), Map { key, gives: Gives::Verdict, interval: false, elements });
    }
    let open = out.chain("open");
    open.rules.extend(strict);
    open.rule([accept()]);
    Verdict::Goto("open".into())
}
