//! Which zone an (interface, address) belongs to (SPEC §1, Zones).
//!
//! Interfaces fall into *atoms*: each name that some zone lists, and each
//! wildcard less the names and longer wildcards listed beside it. On every
//! atom the address space falls into disjoint ranges of one zone each, by
//! longest prefix. Built once a policy; the compiler, the prover and the log
//! read it (the judge does not: it decides on its own).

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Networks, Policy, ZoneId};
use crate::net::{AddrRange, Family, IfName, IfPattern};

/// What `["any"]` never holds, nor a forwarded packet's destination where it is
/// multicast or broadcast (RFC 6890).
const NEVER_ANY: [&str; 8] =
    ["0.0.0.0/32", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::/128", "::1/128", "fe80::/10", "ff00::/8"];

/// Destinations that are never forwarded, whatever a zone lists.
const NEVER_FORWARDED: [&str; 3] = ["224.0.0.0/4", "255.255.255.255/32", "ff00::/8"];

fn ranges(prefixes: &[&str]) -> Vec<AddrRange> {
    prefixes.iter().filter_map(|p| p.parse::<IpNet>().ok()).map(AddrRange::from).collect()
}

/// The interfaces that share one set of zones, and how their addresses divide.
#[derive(Debug, Clone)]
pub struct Atom {
    /// The name, or the wildcard less every other atom's names.
    pub pattern: IfPattern,
    /// Disjoint ranges in ascending order, IPv4 first, each of one zone.
    pub ranges: Vec<(AddrRange, ZoneId)>,
}

/// Every atom: names in order, then wildcards, the longest first, so that the
/// first atom that matches an interface is its own.
#[derive(Debug, Clone)]
pub struct Regions {
    atoms: Vec<Atom>,
}

impl Regions {
    /// The regions of a policy.
    pub fn new(policy: &Policy) -> Self {
        let mut patterns: Vec<IfPattern> = policy.zones.iter().flat_map(|z| z.interfaces.iter().cloned()).collect();
        patterns.sort_by_key(|p| match p {
            IfPattern::Exact(name) => (0, name.clone()),
            IfPattern::Prefix(prefix) => (usize::MAX - prefix.as_str().len(), prefix.clone()),
        });
        patterns.dedup();
        let any = AnySpace::new(policy);
        let atoms = patterns
            .into_iter()
            .map(|pattern| {
                let zones: Vec<ZoneId> = (0..policy.zones.len())
                    .map(ZoneId)
                    .filter(|z| policy.zone(*z).interfaces.iter().any(|p| p.covers(&pattern)))
                    .collect();
                Atom { ranges: paint(policy, &zones, &any), pattern }
            })
            .collect();
        Self { atoms }
    }

    /// The atoms; the first whose pattern matches an interface is its own.
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// The zone of an address seen on an interface.
    pub fn zone_at(&self, interface: &IfName, addr: IpAddr) -> Option<ZoneId> {
        let atom = self.atoms.iter().find(|a| a.pattern.matches(interface))?;
        let key = AddrRange::single(addr);
        let index = atom.ranges.partition_point(|(r, _)| (r.family(), r.first()) <= (key.family(), key.first()));
        let (range, zone) = atom.ranges.get(index.checked_sub(1)?)?;
        range.contains(addr).then_some(*zone)
    }

    /// True if some zone is on this interface.
    pub fn has_interface(&self, interface: &IfName) -> bool {
        self.atoms.iter().any(|a| a.pattern.matches(interface))
    }

    /// The ranges of one zone on an atom.
    pub fn of_zone(atom: &Atom, zone: ZoneId) -> impl Iterator<Item = AddrRange> {
        atom.ranges.iter().filter(move |(_, z)| *z == zone).map(|(r, _)| *r)
    }
}

/// `range` without what is never forwarded (multicast, broadcast).
pub fn forwardable(range: AddrRange) -> Vec<AddrRange> {
    subtract(vec![range], &ranges(&NEVER_FORWARDED))
}

/// What is left of `from` (any order) without `holes`; ascending.
pub fn subtract(from: Vec<AddrRange>, holes: &[AddrRange]) -> Vec<AddrRange> {
    let mut holes = holes.to_vec();
    holes.sort();
    let mut left = Vec::new();
    for range in from {
        let mut next = Some(range.first());
        for hole in holes.iter().filter_map(|h| h.intersect(&range)) {
            let Some(first) = next else { break };
            if hole.last() < first {
                continue;
            }
            if hole.first() > first {
                left.push(AddrRange::new(range.family(), first, hole.first() - 1));
            }
            next = hole.last().checked_add(1).filter(|n| *n <= range.last());
        }
        if let Some(first) = next {
            left.push(AddrRange::new(range.family(), first, range.last()));
        }
    }
    left.sort();
    left
}

/// What `["any"]` means for each zone that says it.
struct AnySpace {
    by_zone: Vec<(ZoneId, Vec<AddrRange>)>,
}

impl AnySpace {
    fn new(policy: &Policy) -> Self {
        let mut holes = ranges(&NEVER_ANY);
        for zone in &policy.zones {
            if let Networks::Listed(nets) = &zone.networks {
                holes.extend(nets.iter().map(|n| AddrRange::from(*n)));
            }
        }
        let all = Family::BOTH.map(AddrRange::all).to_vec();
        let rest = subtract(all, &holes);
        let by_zone = (0..policy.zones.len())
            .map(ZoneId)
            .filter(|z| policy.zone(*z).networks == Networks::Any)
            .map(|z| (z, rest.clone()))
            .collect();
        Self { by_zone }
    }
}

/// Divides the addresses of one atom between its zones: `any` below, then
/// prefixes, the longest on top. Prefixes nest or are apart, so one sweep with
/// a stack does it.
fn paint(policy: &Policy, zones: &[ZoneId], any: &AnySpace) -> Vec<(AddrRange, ZoneId)> {
    let mut prefixes: Vec<(AddrRange, ZoneId)> = Vec::new();
    let mut painted: Vec<(AddrRange, ZoneId)> = Vec::new();
    for zone in zones {
        match &policy.zone(*zone).networks {
            Networks::Listed(nets) => prefixes.extend(nets.iter().map(|n| (AddrRange::from(*n), *zone))),
            Networks::Any => {
                // Apart from every listed prefix by construction.
                let own = any.by_zone.iter().find(|(z, _)| z == zone);
                painted.extend(own.into_iter().flat_map(|(_, r)| r.iter().map(|r| (*r, *zone))));
            }
        }
    }
    prefixes.sort_by(|(a, _), (b, _)| (a.family(), a.first(), b.last()).cmp(&(b.family(), b.first(), a.last())));
    for (index, (range, zone)) in prefixes.iter().enumerate() {
        let inner: Vec<AddrRange> =
            prefixes[index + 1..].iter().take_while(|(r, _)| range.contains_range(r)).map(|(r, _)| *r).collect();
        painted.extend(subtract(vec![*range], &inner).into_iter().map(|r| (r, *zone)));
    }
    painted.sort();
    merge(painted)
}

/// Joins neighbours of the same zone.
fn merge(painted: Vec<(AddrRange, ZoneId)>) -> Vec<(AddrRange, ZoneId)> {
    let mut out: Vec<(AddrRange, ZoneId)> = Vec::new();
    for (range, zone) in painted {
        if let Some((last, last_zone)) = out.last_mut()
            && *last_zone == zone
            && last.family() == range.family()
            && last.last().checked_add(1) == Some(range.first())
        {
            *last = AddrRange::new(range.family(), last.first(), range.last());
            continue;
        }
        out.push((range, zone));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddrRange {
        AddrRange::from(text.parse::<IpNet>().unwrap())
    }

    #[test]
    fn subtraction_keeps_exactly_the_rest() {
        let left = subtract(vec![range("10.0.0.0/30")], &[range("10.0.0.1/32"), range("10.0.0.2/31")]);
        assert_eq!(left, vec![range("10.0.0.0/32")]);
        let all = subtract(vec![AddrRange::all(Family::V6)], &[AddrRange::all(Family::V6)]);
        assert!(all.is_empty());
        let none = subtract(vec![range("10.0.0.0/8")], &[range("11.0.0.0/8"), range("::/0")]);
        assert_eq!(none, vec![range("10.0.0.0/8")]);
        let tail = subtract(vec![AddrRange::all(Family::V4)], &[range("255.255.255.255/32")]);
        assert_eq!(tail, vec![AddrRange::new(Family::V4, 0, u128::from(u32::MAX) - 1)]);
    }

    #[test]
    fn nothing_multicast_is_forwardable() {
        for piece in forwardable(AddrRange::all(Family::V4)) {
            assert!(!piece.contains("239.1.2.3".parse().unwrap()));
            assert!(!piece.contains("255.255.255.255".parse().unwrap()));
        }
    }
}
