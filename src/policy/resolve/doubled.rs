//! Addresses and MACs that two hosts have at one time (Z011).

use std::cmp::Reverse;
use std::collections::HashSet;

use jiff::Timestamp;

use super::Resolver;
use crate::diag::{Finding, Message, Place};
use crate::net::{AddrRange, MacAddr};
use crate::policy::{HostId, Validity};

/// What hosts declare, with its place, as it was read.
#[derive(Default)]
pub(super) struct Owned<'a> {
    pub prefixes: Vec<(AddrRange, HostId, &'a Place)>,
    pub macs: Vec<(MacAddr, HostId, &'a Place)>,
    /// Hosts of which the dates are not known: they have a finding already.
    pub undated: HashSet<HostId>,
}

/// Who has one address or MAC, and when, in order of start.
struct Holders<'a>(Vec<Held<'a>>);

struct Held<'a> {
    from: Option<Timestamp>,
    /// Of all up to here the one that has it longest.
    longest: (HostId, &'a Place),
    valid: Validity,
}

impl<'a> Holders<'a> {
    /// One who has it at some time of `valid`.
    fn at(&self, valid: &Validity) -> Option<(HostId, &'a Place)> {
        let end = self.0.partition_point(|held| match (held.from, valid.until) {
            (Some(from), Some(until)) => from < until,
            _ => true,
        });
        let held = self.0.get(end.checked_sub(1)?)?;
        held.valid.meets(valid).then_some(held.longest)
    }

    /// Adds one that starts no earlier than the others.
    fn add(&mut self, valid: Validity, host: HostId, place: &'a Place) {
        let longer = |until: Option<Timestamp>| valid.until.is_none_or(|own| until.is_some_and(|until| own > until));
        let held = match self.0.last() {
            Some(last) if !(last.valid.until.is_some() && longer(last.valid.until)) => {
                Held { from: valid.from, longest: last.longest, valid: last.valid }
            }
            _ => Held { from: valid.from, longest: (host, place), valid },
        };
        self.0.push(held);
    }
}

impl Resolver<'_> {
    /// Z011, once it is known who manages the gateway: to those dates do not apply.
    pub(super) fn doubles(&mut self) {
        let mut owned = std::mem::take(&mut self.owned);
        let kept = self.policy.always_declared();
        let valid = |id: HostId| self.policy.declared(id, &kept);
        let mut found = Vec::new();
        owned.prefixes.retain(|(_, host, _)| !owned.undated.contains(host));
        owned.macs.retain(|(_, host, _)| !owned.undated.contains(host));
        // Prefixes nest or are apart, so one sweep with the enclosing ones finds each overlap.
        let order = |r: &AddrRange| (r.family(), r.first(), Reverse(r.last()));
        owned.prefixes.sort_by_cached_key(|(range, host, _)| (order(range), valid(*host).from, *host));
        let mut open: Vec<(AddrRange, Holders<'_>)> = Vec::new();
        for (range, host, place) in owned.prefixes {
            while open.last().is_some_and(|(outer, _)| !outer.contains_range(&range)) {
                open.pop();
            }
            let valid = valid(host);
            if let Some(first) = open.iter().rev().find_map(|(_, holders)| holders.at(&valid)) {
                found.push(("policy-ip-twice", range.to_string(), first, (host, place)));
            }
            if open.last().is_none_or(|(own, _)| *own != range) {
                open.push((range, Holders(Vec::new())));
            }
            if let Some((_, holders)) = open.last_mut() {
                holders.add(valid, host, place);
            }
        }
        owned.macs.sort_by_cached_key(|(mac, host, _)| (*mac, valid(*host).from, *host));
        for same in owned.macs.chunk_by(|a, b| a.0 == b.0) {
            let mut holders = Holders(Vec::new());
            for (mac, host, place) in same {
                let valid = valid(*host);
                if let Some(first) = holders.at(&valid) {
                    found.push(("policy-mac-twice", mac.to_string(), first, (*host, *place)));
                }
                holders.add(valid, *host, place);
            }
        }
        for (key, value, first, second) in found {
            self.doubled(key, value, first, second);
        }
    }

    fn doubled(&mut self, key: &'static str, value: String, one: (HostId, &Place), other: (HostId, &Place)) {
        // In reading order, whichever address sorts first.
        let (first, second) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        let (a, b) = (self.policy.host(first.0).name.clone(), self.policy.host(second.0).name.clone());
        let message = Message::new(key).with("value", value).with("first", a).with("second", &b);
        let finding = Finding::error("Z011", message)
            .at(second.1)
            .related(Message::new("document-first-here"), first.1)
            .subject(b);
        self.findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diag::SourceId;

    fn validity() -> impl Strategy<Value = Validity> {
        let second = |second: i64| Timestamp::from_second(second).unwrap();
        (prop::option::of(0_i64..12), prop::option::of(1_i64..8)).prop_map(move |(from, length)| Validity {
            from: from.map(second),
            until: length.map(|length| second(from.unwrap_or(0) + length)),
        })
    }

    proptest! {
        #[test]
        fn whoever_overlaps_is_found(mut all in prop::collection::vec(validity(), 0..8), asked in validity()) {
            all.sort_by_key(|valid| valid.from);
            let place = Place { source: SourceId(0), span: 0..0 };
            let mut holders = Holders(Vec::new());
            for (index, valid) in all.iter().enumerate() {
                holders.add(*valid, HostId(index), &place);
            }
            let common = |valid: &Validity| {
                (-1..30).map(|s| Timestamp::from_second(s).unwrap()).any(|at| valid.contains(at) && asked.contains(at))
            };
            let found = holders.at(&asked);
            prop_assert_eq!(found.is_some(), all.iter().any(common));
            prop_assert!(found.is_none_or(|(host, _)| common(&all[host.0])));
        }
    }
}
