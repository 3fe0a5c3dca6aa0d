//! Which addresses and MACs belong together (SPEC §2-5): what the classes of
//! sources do not say by what they hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::{AddrRange, MacAddr};
use crate::policy::{HostId, HostKind, L2, Policy, ZoneId};

use super::partition::partition_addresses;

/// Every declared host.
fn hosts(policy: &Policy) -> impl Iterator<Item = HostId> + use<> {
    (0..policy.hosts.len()).map(HostId)
}

/// The declared hosts of a zone that have addresses, and whether MACs are known of them.
fn addressed(policy: &Policy, zone: ZoneId) -> impl Iterator<Item = (AddrRange, bool)> {
    let own = hosts(policy).filter(move |host| policy.host(*host).zone == zone);
    own.flat_map(|host| {
        let known = !policy.seen_macs(host).is_empty();
        policy.host(host).ips.iter().map(move |ip| (AddrRange::from(*ip), known))
    })
}

/// The addresses of a zone under which only the MACs of their hosts may speak:
/// those that no host without MACs declares too.
pub fn bound(policy: &Policy, zone: ZoneId) -> Vec<AddrRange> {
    let all: Vec<(AddrRange, bool)> = addressed(policy, zone).collect();
    let pieces = partition_addresses(&all).into_iter();
    pieces.filter(|(_, known)| !known.contains(&false)).map(|(range, _)| range).collect()
}

/// The addresses of a zone that some host without MACs declares.
pub fn unbound(policy: &Policy, zone: ZoneId) -> Vec<AddrRange> {
    let all: Vec<(AddrRange, bool)> = addressed(policy, zone).filter(|(_, known)| !known).collect();
    partition_addresses(&all).into_iter().map(|(range, _)| range).collect()
}

/// Joins ascending ranges that touch.
pub fn joined(ranges: Vec<AddrRange>) -> Vec<AddrRange> {
    let mut out: Vec<AddrRange> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if last.family() == range.family() && last.last().checked_add(1) == Some(range.first()) => {
                *last = AddrRange::new(last.family(), last.first(), range.last());
            }
            _ => out.push(range),
        }
    }
    out
}

/// The MACs that may speak under no address but their own, first and last of
/// each run: devices that are seen themselves, all with addresses, and none
/// that others speak through.
pub fn fixed(policy: &Policy) -> Vec<(MacAddr, MacAddr)> {
    let passages = passages(policy);
    let mut by_mac: BTreeMap<MacAddr, bool> = BTreeMap::new();
    for id in hosts(policy) {
        let host = policy.host(id);
        if host.via.is_none() && policy.zone(host.zone).l2 == L2::Routed {
            continue;
        }
        let own = !host.ips.is_empty() && !passages.contains(&id);
        for mac in &host.macs {
            *by_mac.entry(*mac).or_insert(true) &= own;
        }
    }
    let mut runs: Vec<(MacAddr, MacAddr)> = Vec::new();
    for mac in by_mac.into_iter().filter(|(_, fixed)| *fixed).map(|(mac, _)| mac) {
        match runs.last_mut() {
            Some((_, last)) if last.to_u64() + 1 == mac.to_u64() => *last = mac,
            _ => runs.push((mac, mac)),
        }
    }
    runs
}

/// Hosts with whose MACs packets of others come: routers, and those named by a `via`.
fn passages(policy: &Policy) -> BTreeSet<HostId> {
    let routers = hosts(policy).filter(|id| policy.host(*id).kind == Some(HostKind::Router));
    routers.chain(policy.hosts.iter().filter_map(|host| host.via)).collect()
}

/// The MACs of the declared hosts of these zones: those under which they are
/// seen, and those of what others speak through.
pub fn known_macs(policy: &Policy, zones: &BTreeSet<ZoneId>) -> BTreeSet<MacAddr> {
    let passages = passages(policy);
    let own = hosts(policy).filter(|id| zones.contains(&policy.host(*id).zone));
    own.flat_map(|id| {
        let through: &[MacAddr] = if passages.contains(&id) { &policy.host(id).macs } else { &[] };
        policy.seen_macs(id).iter().chain(through).copied()
    })
    .collect()
}
