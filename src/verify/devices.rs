//! Who is declared, when, and what binding (SPEC §2-5) leaves to everyone else.
//!
//! Of the pairs of MAC and address that a zone may hear, binding lets pass: each
//! declared host's MACs with its addresses (one product a host), and *the rest*:
//! MACs that no declaration holds, with addresses that none holds. However many
//! hosts there are, the rest is one product for each stretch of time in which
//! the ledger stays the same: its sets have holes, and nothing is multiplied.

use std::cell::OnceCell;
use std::collections::HashMap;

use jiff::Timestamp;

use super::geometry::{always, net_set};
use crate::net::{Family, MacAddr};
use crate::policy::{HostId, HostKind, L2, Policy, Validity, ZoneId};
use crate::space::{IntervalSet, UNKNOWN_MAC, macs, time_set};

/// A host while it is declared.
#[derive(Debug)]
pub(super) struct Device {
    /// The MACs under which the gateway sees it; none = any.
    pub macs: Option<IntervalSet>,
    /// By family; none = any address of its zone.
    pub addresses: Option<[IntervalSet; 2]>,
    /// When it is declared.
    pub times: IntervalSet,
}

/// Pairs of MAC and address of nobody declared, and when.
#[derive(Debug)]
pub(super) struct Rest {
    pub macs: IntervalSet,
    pub addresses: IntervalSet,
    pub times: IntervalSet,
}

/// Declared hosts of one policy.
#[derive(Debug)]
pub(super) struct Devices<'p> {
    policy: &'p Policy,
    devices: Vec<Device>,
    by_zone: Vec<Vec<usize>>,
    /// By zone and family: ranges of hosts with MACs, ascending.
    places: Vec<[Vec<Placed>; 2]>,
    /// By MAC: the hosts with addresses that are seen under it.
    by_mac: HashMap<u128, Vec<usize>>,
    /// First moments of stretches in which the same hosts are declared.
    starts: Vec<u128>,
    free_macs: OnceCell<Vec<IntervalSet>>,
    rest: Vec<[OnceCell<Vec<Rest>>; 2]>,
}

/// A range of a host's addresses.
#[derive(Debug)]
struct Placed {
    first: u128,
    last: u128,
    /// The greatest `last` up to here.
    reach: u128,
    device: usize,
}

impl<'p> Devices<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        let always = always();
        let kept = policy.always_declared();
        let mut known: HashMap<&[MacAddr], IntervalSet> = HashMap::new();
        let device = |(index, host): (usize, &'p crate::policy::Host)| {
            let seen = policy.seen_macs(HostId(index));
            let valid = policy.declared(HostId(index), &kept);
            let span = (valid.from.unwrap_or(Timestamp::MIN), valid.until.unwrap_or(Timestamp::MAX));
            Device {
                macs: (!seen.is_empty()).then(|| known.entry(seen).or_insert_with(|| macs(seen)).clone()),
                addresses: (!host.ips.is_empty()).then(|| Family::BOTH.map(|family| net_set(family, &host.ips))),
                times: if valid == Validity::default() { always.clone() } else { time_set(&[span]) },
            }
        };
        let devices: Vec<Device> = policy.hosts.iter().enumerate().map(device).collect();
        let mut by_zone = vec![Vec::new(); policy.zones.len()];
        for (index, host) in policy.hosts.iter().enumerate() {
            by_zone[host.zone.0].push(index);
        }
        let mut by_mac: HashMap<u128, Vec<usize>> = HashMap::new();
        let held = devices.iter().enumerate().filter(|(_, d)| d.addresses.is_some());
        for (index, mac) in held.flat_map(|(i, d)| each(d.macs.as_ref()).map(move |mac| (i, mac))) {
            by_mac.entry(mac).or_default().push(index);
        }
        let places = by_zone.iter().map(|own| Family::BOTH.map(|family| placed(&devices, own, family))).collect();
        let rest = by_zone.iter().map(|_| Default::default()).collect();
        let starts = starts(&devices);
        Self { policy, devices, by_zone, places, by_mac, starts, free_macs: OnceCell::new(), rest }
    }

    /// A host as it is declared.
    pub(super) fn device(&self, id: HostId) -> &Device {
        &self.devices[id.0]
    }

    /// The hosts of a zone.
    pub(super) fn of_zone(&self, zone: ZoneId) -> impl Iterator<Item = &Device> {
        self.by_zone[zone.0].iter().map(|index| &self.devices[*index])
    }

    /// The hosts of a zone with MACs and with addresses of this set (none = any).
    pub(super) fn held(&self, zone: ZoneId, family: Family, within: Option<&IntervalSet>) -> Vec<&Device> {
        let places = &self.places[zone.0][family as usize];
        let mut found: Vec<usize> = match within {
            None => places.iter().map(|p| p.device).collect(),
            Some(set) => set.ranges().iter().flat_map(|range| meeting(places, *range)).collect(),
        };
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| &self.devices[index]).collect()
    }

    /// The hosts of a zone with addresses that are seen under one of these MACs.
    pub(super) fn seen_under(&self, zone: ZoneId, macs: &IntervalSet) -> Vec<&Device> {
        let all = each(Some(macs)).filter_map(|mac| self.by_mac.get(&mac)).flatten().copied();
        let mut found: Vec<usize> = all.filter(|index| self.policy.hosts[*index].zone == zone).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| &self.devices[index]).collect()
    }

    /// The MACs that declared hosts of these zones are known by, routers' and
    /// those of hosts named by a `via` among them; each with its times.
    pub(super) fn known_macs(&self, zones: &[ZoneId]) -> Vec<(IntervalSet, IntervalSet)> {
        let mut by_times: HashMap<&IntervalSet, Vec<(u128, u128)>> = HashMap::new();
        for index in zones.iter().flat_map(|zone| &self.by_zone[zone.0]) {
            let (device, host) = (&self.devices[*index], &self.policy.hosts[*index]);
            let ranges = by_times.entry(&device.times).or_default();
            ranges.extend(device.macs.iter().flat_map(|set| set.ranges()));
            if host.kind == Some(HostKind::Router) {
                ranges.extend(macs_of(&host.macs));
            }
        }
        for (device, host) in self.devices.iter().zip(&self.policy.hosts) {
            let Some(via) = host.via.map(|via| self.policy.host(via)).filter(|via| zones.contains(&via.zone)) else {
                continue;
            };
            by_times.entry(&device.times).or_default().extend(macs_of(&via.macs));
        }
        let mut out: Vec<(IntervalSet, IntervalSet)> =
            by_times.into_iter().map(|(times, ranges)| (IntervalSet::from_ranges(ranges), times.clone())).collect();
        out.retain(|(macs, _)| !macs.is_empty());
        out.sort_unstable();
        out
    }

    /// What no declaration holds in a zone.
    pub(super) fn rest(&self, zone: ZoneId, family: Family) -> &[Rest] {
        self.rest[zone.0][family as usize].get_or_init(|| {
            let free_macs = self.free_macs.get_or_init(|| self.starts.iter().map(|at| self.free_macs(*at)).collect());
            let mut out: Vec<Rest> = Vec::new();
            for (index, at) in self.starts.iter().enumerate() {
                let (macs, addresses) = (&free_macs[index], self.free_addresses(zone, family, *at));
                let last = self.starts.get(index + 1).map_or(u128::MAX, |next| next - 1);
                let times = IntervalSet::range(*at, last);
                match out.last_mut() {
                    Some(top) if top.macs == *macs && top.addresses == addresses => {
                        top.times = top.times.union(&times);
                    }
                    _ => out.push(Rest { macs: macs.clone(), addresses, times }),
                }
            }
            out
        })
    }

    /// The MACs that may speak under any address, as far as MACs go: those of no
    /// declared host, and those that belong to no addresses (routers', those of
    /// hosts named by a `via`, those of hosts without address).
    fn free_macs(&self, at: u128) -> IntervalSet {
        let here =
            || self.devices.iter().zip(&self.policy.hosts).enumerate().filter(|(_, (d, _))| d.times.contains(at));
        let mut named = vec![false; self.devices.len()];
        for (_, (_, host)) in here() {
            if let Some(HostId(via)) = host.via {
                named[via] = true;
            }
        }
        let mut bound: HashMap<MacAddr, bool> = HashMap::new();
        for (index, (_, host)) in here() {
            if host.via.is_none() && self.policy.zone(host.zone).l2 == L2::Routed {
                continue;
            }
            let holds = !host.ips.is_empty() && host.kind != Some(HostKind::Router) && !named[index];
            for mac in &host.macs {
                *bound.entry(*mac).or_insert(true) &= holds;
            }
        }
        let bound: Vec<MacAddr> = bound.into_iter().filter(|(_, holds)| *holds).map(|(mac, _)| mac).collect();
        IntervalSet::from_ranges(macs_of(&bound)).complement(UNKNOWN_MAC)
    }

    /// The addresses that any MAC may use, as far as addresses go: those of no
    /// host of the zone that is held to MACs, and those that a host not held
    /// to any has too.
    fn free_addresses(&self, zone: ZoneId, family: Family, at: u128) -> IntervalSet {
        let (mut held, mut open) = (Vec::new(), Vec::new());
        for device in self.of_zone(zone).filter(|d| d.times.contains(at)) {
            let Some(addresses) = &device.addresses else { continue };
            let list = if device.macs.is_some() { &mut held } else { &mut open };
            list.extend(addresses[family as usize].ranges());
        }
        IntervalSet::from_ranges(held).subtract(&IntervalSet::from_ranges(open)).complement(family.max())
    }
}

/// The first moments at which what is declared changes, the first of all among them.
fn starts(devices: &[Device]) -> Vec<u128> {
    let ranges = devices.iter().flat_map(|d| d.times.ranges());
    let end = crate::space::time_value(Timestamp::MAX);
    let mut starts: Vec<u128> = ranges.flat_map(|(first, last)| [*first, last + 1]).filter(|at| *at < end).collect();
    starts.push(0);
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The ranges of hosts with MACs, ascending.
fn placed(devices: &[Device], own: &[usize], family: Family) -> Vec<Placed> {
    let mut out: Vec<Placed> = Vec::new();
    for index in own.iter().filter(|index| devices[**index].macs.is_some()) {
        let addresses = devices[*index].addresses.iter().flat_map(|a| a[family as usize].ranges());
        out.extend(addresses.map(|(first, last)| Placed { first: *first, last: *last, reach: *last, device: *index }));
    }
    out.sort_unstable_by_key(|p| (p.first, p.last, p.device));
    let mut reach = 0;
    for place in &mut out {
        reach = reach.max(place.last);
        place.reach = reach;
    }
    out
}

/// The hosts of which a range meets this one.
fn meeting(places: &[Placed], (first, last): (u128, u128)) -> impl Iterator<Item = usize> {
    let end = places.partition_point(|p| p.first <= last);
    let near = places[..end].iter().rev().take_while(move |p| p.reach >= first);
    near.filter(move |p| p.last >= first).map(|p| p.device)
}

fn macs_of(list: &[MacAddr]) -> impl Iterator<Item = (u128, u128)> {
    list.iter().map(|mac| u128::from(mac.to_u64())).map(|n| (n, n))
}

/// Every MAC of a set of single ones.
fn each(set: Option<&IntervalSet>) -> impl Iterator<Item = u128> {
    set.into_iter().flat_map(|set| set.ranges()).flat_map(|(first, last)| *first..=*last)
}
