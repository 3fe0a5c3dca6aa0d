//! The second question: which destinations the same entries lead to, and what
//! becomes of a class of sources that meets a class of destinations.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::AddrRange;
use crate::policy::{Policy, ZoneId};

use super::classes::{ClassKey, Tokens, open_pieces};
use super::services::Member;

/// The entries (and a zone's own routing) that match a source and a destination.
pub type NodeKey = BTreeSet<Member>;

/// Destinations of one zone, wherever they lie.
pub struct ZoneTarget {
    /// The zone.
    pub zone: ZoneId,
    /// Their addresses.
    pub range: AddrRange,
    /// Their class.
    pub class: ClassKey,
}

/// Every destination that some endpoint narrower than its zone means.
pub fn targets(policy: &Policy, tokens: &Tokens) -> Vec<ZoneTarget> {
    let zones = (0..policy.zones.len()).map(ZoneId);
    zones
        .flat_map(|zone| {
            let wide = tokens.of(crate::policy::Endpoint::Zone(zone));
            open_pieces(policy, tokens, zone, |_| true).into_iter().map(move |(range, mut set)| {
                set.extend(wide);
                ZoneTarget { zone, range, class: ClassKey::Zone(zone, set) }
            })
        })
        .collect()
}

/// Which classes of destinations each entry, and each zone, leads to.
pub struct Directory<'a> {
    by_entry: BTreeMap<usize, Vec<&'a ClassKey>>,
    by_zone: BTreeMap<ZoneId, Vec<&'a ClassKey>>,
}

impl<'a> Directory<'a> {
    /// The directory of these destination classes.
    pub fn new(tokens: &Tokens, classes: impl Iterator<Item = &'a ClassKey>) -> Self {
        let mut out = Self { by_entry: BTreeMap::new(), by_zone: BTreeMap::new() };
        for class in classes {
            for entry in tokens.entries_of(class.tokens()) {
                out.by_entry.entry(entry).or_default().push(class);
            }
            if let ClassKey::Zone(zone, _) = class {
                out.by_zone.entry(*zone).or_default().push(class);
            }
        }
        out
    }

    /// What a class of sources meets: every class of destinations that some
    /// entry leads to from it, with all the members that match both.
    pub fn meets(&self, policy: &Policy, from: &Tokens, class: &ClassKey) -> BTreeMap<&'a ClassKey, NodeKey> {
        let mut met: BTreeMap<&'a ClassKey, NodeKey> = BTreeMap::new();
        if let ClassKey::Zone(zone, _) = class
            && policy.zone(*zone).intra_zone_allow
        {
            for to in self.by_zone.get(zone).into_iter().flatten() {
                met.entry(to).or_default().insert(Member::IntraZone);
            }
        }
        for entry in from.entries_of(class.tokens()) {
            for to in self.by_entry.get(&entry).into_iter().flatten().filter(|to| may_meet(class, to)) {
                met.entry(to).or_default().insert(Member::Entry(entry));
            }
        }
        met
    }
}

/// Addresses that belong to every zone of an interface reach the gateway only,
/// and the gateway does not reach itself through the network.
fn may_meet(from: &ClassKey, to: &ClassKey) -> bool {
    match from {
        ClassKey::Zone(..) => true,
        ClassKey::Link(..) => matches!(to, ClassKey::Gateway(_)),
        ClassKey::Gateway(_) => matches!(to, ClassKey::Zone(..)),
    }
}
