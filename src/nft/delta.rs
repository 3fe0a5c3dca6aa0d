//! From one ruleset to another in one transaction, in place.
//!
//! The table is never deleted while it runs: that would drop packets of allowed
//! flows and lose every count. [`delta`] sends what differs; [`refill`] empties
//! and fills again what is there when it is not known what that is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::json::{add_chain, add_counter, add_limit, add_map, add_rule, elements, named, of_arp, table};
use super::ruleset::{Hook, Limit, Ruleset};
use super::text::hook_name;

/// Commands of one transaction, and what they touch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// libnftables commands in order; none = nothing differs.
    pub commands: Vec<Json>,
    /// Map elements added.
    pub added: usize,
    /// Map elements deleted.
    pub deleted: usize,
    /// Chains added, emptied or rewritten, deleted.
    pub chains: usize,
}

/// Where a chain hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In no hook: other chains lead to it.
    Inner,
    /// In the hook of its name, as our base chains; its policy may be any.
    Base,
    /// In a hook in another way.
    Strange,
}

/// Names of what is in the kernel's table, from a terse listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Present {
    /// Chains.
    pub chains: BTreeMap<String, Place>,
    /// Maps and sets: (`map` or `set`, name).
    pub maps: BTreeSet<(String, String)>,
    /// Counters.
    pub counters: BTreeSet<String>,
    /// What is in `arp zoned`; none = no such table.
    pub arp: Option<Box<Present>>,
    /// Limits: packets a unit, the unit, and packets at once.
    pub limits: BTreeMap<String, (u64, String, u64)>,
}

impl Present {
    /// Reads terse listings of `inet zoned` and `arp zoned`, one behind the other;
    /// what it does not know it leaves.
    pub fn from_listing(listing: &Json) -> Self {
        let (mut present, mut arp) = (Self::default(), Self::default());
        for object in listing["nftables"].as_array().into_iter().flatten() {
            // nft 1.0.6 prints maps without the wrapping object.
            let inner = object.as_object().and_then(|o| o.values().next()).unwrap_or(object);
            if inner["family"] == "arp" || object["family"] == "arp" {
                arp.take(object);
                present.arp.get_or_insert_default();
            } else {
                present.take(object);
            }
        }
        present.arp = present.arp.map(|_| Box::new(arp));
        present
    }

    fn take(&mut self, object: &Json) {
        let name = |kind: &str| object[kind]["name"].as_str().map(str::to_owned);
        if let Some(chain) = name("chain") {
            self.chains.insert(chain, place(&object["chain"]));
        } else if let Some(counter) = name("counter") {
            self.counters.insert(counter);
        } else if let Some(limit) = name("limit") {
            let number = |key: &str| object["limit"][key].as_u64().unwrap_or_default();
            let unit = object["limit"]["per"].as_str().unwrap_or_default().to_owned();
            self.limits.insert(limit, (number("rate"), unit, number("burst")));
        } else if let Some(map) = name("map") {
            self.maps.insert(("map".into(), map));
        } else if let Some(set) = name("set") {
            self.maps.insert(("set".into(), set));
        } else if let (Some(map), true) = (object["name"].as_str(), object.get("map").is_some()) {
            self.maps.insert(("map".into(), map.to_owned()));
        }
    }
}

fn place(chain: &Json) -> Place {
    let ours = Hook::ALL.iter().any(|hook| {
        let (kind, priority, ..) = hook.base();
        let name = hook_name(*hook);
        chain["hook"] == name && chain["name"] == name && chain["type"] == kind && chain["prio"] == priority
    });
    match chain.get("hook") {
        None => Place::Inner,
        Some(_) if ours => Place::Base,
        Some(_) => Place::Strange,
    }
}

/// What leads from `old` to `new`.
pub fn delta(old: &Ruleset, new: &Ruleset) -> Delta {
    let first = difference(old, new);
    let second = match (&old.arp, &new.arp) {
        (Some(old), Some(new)) => difference(old, new),
        (None, Some(new)) => anew(&Present::default(), new),
        (Some(_), None) => gone(),
        (None, None) => Delta::default(),
    };
    first.and(second)
}

/// What takes a whole table away.
fn gone() -> Delta {
    Delta { commands: vec![json!({ "delete": { "table": table() } })], ..Delta::default() }
}

impl Delta {
    /// With what becomes of the table `arp zoned`, in the same transaction.
    fn and(mut self, arp: Self) -> Self {
        self.commands.extend(of_arp(arp.commands));
        Self {
            commands: self.commands,
            added: self.added + arp.added,
            deleted: self.deleted + arp.deleted,
            chains: self.chains + arp.chains,
        }
    }
}

/// What leads from one state of a table to another.
fn difference(old: &Ruleset, new: &Ruleset) -> Delta {
    let mut out = Delta::default();
    out.commands.extend(new.counters.difference(&old.counters).map(|c| add_counter(c)));
    let limits = new.limits.iter().filter(|(name, _)| !old.limits.contains_key(*name));
    out.commands.extend(limits.map(|(name, limit)| add_limit(name, *limit)));
    for (name, map) in &new.maps {
        if !old.maps.contains_key(name) {
            out.commands.push(add_map(name, map));
        }
    }
    for (name, chain) in &new.chains {
        if !old.chains.contains_key(name) {
            out.commands.push(add_chain(name, chain.hook));
        }
    }
    rewrite_chains(old, new, &mut out);
    change_elements(old, new, &mut out);
    remove(old, new, &mut out);
    out
}

fn rewrite_chains(old: &Ruleset, new: &Ruleset, out: &mut Delta) {
    for (name, chain) in &new.chains {
        match old.chains.get(name) {
            Some(before) if before.rules == chain.rules => continue,
            Some(_) => out.commands.push(named("flush", "chain", name)),
            None => {}
        }
        out.chains += 1;
        out.commands.extend(chain.rules.iter().map(|rule| add_rule(name, rule)));
    }
}

fn change_elements(old: &Ruleset, new: &Ruleset, out: &mut Delta) {
    for (name, map) in &new.maps {
        let before = old.maps.get(name).map(|m| &m.elements);
        if let Some(before) = before {
            let gone: Vec<_> = before.iter().filter(|(key, data)| map.elements.get(*key) != Some(*data)).collect();
            out.deleted += gone.len();
            out.commands.extend(elements("delete", name, gone.into_iter()));
        }
        let fresh: Vec<_> =
            map.elements.iter().filter(|(key, data)| before.and_then(|b| b.get(*key)) != Some(*data)).collect();
        out.added += fresh.len();
        out.commands.extend(elements("add", name, fresh.into_iter()));
    }
}

/// Takes away what `new` no longer has: first everything that refers to
/// something, then the things themselves.
fn remove(old: &Ruleset, new: &Ruleset, out: &mut Delta) {
    let chains: Vec<&String> = old.chains.keys().filter(|name| !new.chains.contains_key(*name)).collect();
    out.chains += chains.len();
    let maps: Vec<&String> = old.maps.keys().filter(|name| !new.maps.contains_key(*name)).collect();
    out.commands.extend(chains.iter().map(|name| named("flush", "chain", name)));
    out.commands.extend(maps.iter().map(|name| named("delete", "map", name)));
    out.commands.extend(chains.iter().map(|name| named("delete", "chain", name)));
    out.commands.extend(old.counters.difference(&new.counters).map(|name| named("delete", "counter", name)));
    let limits = old.limits.keys().filter(|name| !new.limits.contains_key(*name));
    out.commands.extend(limits.map(|name| named("delete", "limit", name)));
}

/// Empties whatever is in the tables and fills them with `new`, in one
/// transaction. Counters and limits that stay keep their counts, and base chains that hang
/// where ours do stay: one made anew meets packets beside the old one while the
/// transaction is under way, and drops those of allowed flows.
pub fn refill(present: &Present, new: &Ruleset) -> Delta {
    let second = match (&present.arp, &new.arp) {
        (present, Some(new)) => anew(present.as_deref().unwrap_or(&Present::default()), new),
        (Some(_), None) => gone(),
        (None, None) => Delta::default(),
    };
    anew(present, new).and(second)
}

/// The same for one table.
fn anew(present: &Present, new: &Ruleset) -> Delta {
    let mut commands = vec![json!({ "add": { "table": table() } })];
    if *present != Present::default() {
        commands.push(json!({ "flush": { "table": table() } }));
    }
    commands.extend(present.maps.iter().map(|(kind, name)| named("flush", kind, name)));
    commands.extend(present.maps.iter().map(|(kind, name)| named("delete", kind, name)));
    let stale = present.chains.iter().filter(|(name, place)| {
        let wanted = new.chains.get(*name).map(|c| if c.hook.is_some() { Place::Base } else { Place::Inner });
        wanted != Some(**place)
    });
    commands.extend(stale.map(|(name, _)| named("delete", "chain", name)));
    commands.extend(present.counters.difference(&new.counters).map(|name| named("delete", "counter", name)));
    let strange = present.limits.iter().filter(|(name, (count, unit, burst))| {
        let same = |l: &&Limit| (*count, unit, *burst) == (l.count.into(), &l.unit.to_string(), l.burst.into());
        new.limits.get(*name).filter(same).is_none()
    });
    commands.extend(strange.map(|(name, _)| named("delete", "limit", name)));
    commands.extend(new.fill());
    let added = new.maps.values().map(|map| map.elements.len()).sum();
    Delta { commands, added, deleted: 0, chains: new.chains.len() }
}
