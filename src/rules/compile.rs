//! Policy to normal form.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::net::{AddrRange, IfPattern};
use crate::policy::{DenyReason, DenyWith, Endpoint, Policy, Regions, Schedule, Status, ZoneId, forwardable, subtract};

use super::binding::{bound, fixed, joined};
use super::classes::{ClassKey, Tokens, ZoneSource, link_class, link_devices, link_places, sources, zone_class};
use super::ids::assign;
use super::services::{Member, leaves};
use super::targets::{Directory, NodeKey, ZoneTarget, targets};
use super::{
    AtomIndex, AtomRules, ClassId, EntryRules, ManagementRule, NodeId, Pair, Rules, Source, Target, TargetId,
    ZoneRules, link_sources,
};

/// Header bytes that the kernel hands over even where none are kept: without
/// them no record could name addresses and ports. Room for a chain of IPv6
/// extension headers; as much as `sys::nflog` asks for.
const HEADERS: u32 = 320;

/// Compiles a policy as it stands at `at`: entries not in force then decide the
/// reason of a denial only.
pub fn compile(policy: &Policy, at: Timestamp) -> Rules {
    let policy = &*policy.as_of(at);
    let regions = Regions::new(policy);
    let from = Tokens::new(policy, |entry| &entry.from);
    let to = Tokens::new(policy, |entry| &entry.to);
    let zones = || (0..policy.zones.len()).map(ZoneId);
    let gateway = |tokens: &Tokens| ClassKey::Gateway(tokens.of(Endpoint::Gateway).into_iter().collect());

    let found = sources(policy, &from);
    let here = regions.atoms().iter().map(|atom| zones_on(policy, &atom.pattern));
    let here: Vec<BTreeSet<ZoneId>> = here.collect();
    let links: Vec<ClassKey> = here.iter().map(|zones| link_class(&from, zones)).collect();
    let (mut devices, mut spots) = (Vec::new(), Vec::new());
    for (atom, zones) in here.iter().enumerate() {
        let own = link_devices(policy, &from, zones);
        let narrow = link_places(policy, &from, zones, &own).into_iter();
        spots.extend(narrow.map(|(mac, range, key)| (atom, mac, range, key)));
        devices.extend(own.into_iter().map(|(mac, key)| (atom, mac, key)));
    }
    let mut keys: BTreeSet<ClassKey> = found.iter().map(|s| s.class.clone()).collect();
    keys.extend(zones().map(|z| zone_class(&from, z)));
    keys.extend(links.iter().cloned());
    keys.extend(devices.iter().map(|(_, _, key)| key.clone()));
    keys.extend(spots.iter().map(|(.., key)| key.clone()));
    keys.extend((!policy.gateway.output_allow).then(|| gateway(&from)));
    let classes = ClassIds::new(policy, &from, keys);

    let places = targets(policy, &to);
    let mut keys: BTreeSet<ClassKey> = places.iter().map(|t| t.class.clone()).collect();
    keys.extend(zones().map(|z| zone_class(&to, z)));
    keys.insert(gateway(&to));
    let destinations = ClassIds::new(policy, &to, keys);

    let (pairs, nodes) = pairs(policy, (&from, &classes), (&to, &destinations));
    let atoms = atom_rules(policy, &regions, (&here, &links), &classes);
    let (roaming, found): (Vec<ZoneSource>, Vec<ZoneSource>) = found.into_iter().partition(|s| s.roaming);
    let enforce = policy.binding.enforce;
    Rules {
        sources: place_sources(&atoms, found, &classes),
        devices: place_sources(&atoms, roaming, &classes),
        bound: if enforce { place_bound(policy, &atoms) } else { Vec::new() },
        fixed: if enforce { fixed(policy) } else { Vec::new() },
        link_sources: devices.iter().map(|(atom, mac, key)| (*atom, *mac, ClassId(classes.id(key)))).collect(),
        link_places: spots
            .into_iter()
            .map(|(atom, mac, range, key)| Source { atom, mac, range, class: ClassId(classes.id(&key)) })
            .collect(),
        targets: place_targets(&atoms, places, &destinations),
        pairs,
        nodes: nodes.into_iter().map(|(id, key)| (id, leaves(policy, &key, at))).collect(),
        gateway_source: (!policy.gateway.output_allow).then(|| ClassId(classes.id(&gateway(&from)))),
        gateway_target: TargetId(destinations.id(&gateway(&to))),
        entries: entries(policy, at),
        management: management(policy, &atoms),
        snaplen: u32::from(policy.log.snaplen).max(HEADERS),
        zones: zones()
            .map(|id| ZoneRules {
                name: policy.zone(id).name.clone(),
                class: ClassId(classes.id(&zone_class(&from, id))),
                target: TargetId(destinations.id(&zone_class(&to, id))),
                reject: policy.zone(id).deny_with == DenyWith::Reject,
                strict: policy.binding.strict.contains(&id),
                masquerade: policy.zone(id).masquerade,
            })
            .collect(),
        atoms,
    }
}

/// The marks of every entry's connections, in reading order. They are given in
/// the order of the ids, so that another reading order moves none.
pub fn marks(policy: &Policy) -> Vec<u32> {
    let ids: BTreeSet<&String> = policy.entries.iter().map(|e| &e.id).collect();
    let marks: BTreeMap<&String, u32> = ids.iter().copied().zip(assign(ids.iter().copied())).collect();
    policy.entries.iter().map(|e| marks[&e.id]).collect()
}

/// Every entry's own.
fn entries(policy: &Policy, at: Timestamp) -> Vec<EntryRules> {
    let ends = |schedule: &Schedule| {
        let end = schedule.next_change(at).filter(|_| schedule.status(at) == Status::Active)?;
        match schedule.status(end) {
            Status::Active => None,
            Status::OutsideWindow => Some((end, DenyReason::OutsideWindow)),
            Status::Expired => Some((end, DenyReason::Expired)),
        }
    };
    let entries = policy.entries.iter().zip(marks(policy));
    entries.map(|(e, mark)| EntryRules { id: e.id.clone(), mark, ends: ends(&e.schedule), rate: e.rate }).collect()
}

/// The zones on an interface, whether or not they have addresses left there.
fn zones_on(policy: &Policy, atom: &IfPattern) -> BTreeSet<ZoneId> {
    let zones = (0..policy.zones.len()).map(ZoneId);
    zones.filter(|z| policy.zone(*z).interfaces.iter().any(|pattern| pattern.covers(atom))).collect()
}

/// The id of every class of one side.
struct ClassIds {
    ids: BTreeMap<ClassKey, u32>,
}

impl ClassIds {
    fn new(policy: &Policy, tokens: &Tokens, keys: BTreeSet<ClassKey>) -> Self {
        let named: BTreeMap<String, ClassKey> =
            keys.into_iter().map(|key| (tokens.class_name(policy, &key), key)).collect();
        let ids = assign(named.keys());
        Self { ids: named.into_values().zip(ids).collect() }
    }

    /// Every class asked for was collected before ids were given.
    fn id(&self, key: &ClassKey) -> u32 {
        self.ids[key]
    }
}

/// Every class of sources that meets a class of destinations, and the node of
/// each such pair; pairs that the same members match share one.
fn pairs(
    policy: &Policy,
    (from, classes): (&Tokens, &ClassIds),
    (to, destinations): (&Tokens, &ClassIds),
) -> (Vec<Pair>, BTreeMap<NodeId, NodeKey>) {
    let directory = Directory::new(to, destinations.ids.keys());
    let mut met: Vec<(ClassId, TargetId, NodeKey)> = Vec::new();
    for (key, id) in &classes.ids {
        for (target, node) in directory.meets(policy, from, key) {
            met.push((ClassId(*id), TargetId(destinations.id(target)), node));
        }
    }
    let names: BTreeMap<String, NodeKey> =
        met.iter().map(|(_, _, key)| (node_name(policy, key), key.clone())).collect();
    let ids = assign(names.keys());
    let ids: BTreeMap<&NodeKey, NodeId> = names.values().zip(ids.into_iter().map(NodeId)).collect();
    let pairs =
        met.iter().map(|(class, target, key)| Pair { class: *class, target: *target, node: ids[key] }).collect();
    (pairs, ids.into_iter().map(|(key, id)| (id, key.clone())).collect())
}

/// A name for a node that depends on nothing but its members. A zone's own
/// routing is the empty name, which no entry has.
fn node_name(policy: &Policy, key: &NodeKey) -> String {
    let mut name = String::new();
    for member in key {
        match member {
            Member::IntraZone => {}
            Member::Entry(index) => name.push_str(&policy.entries[*index].id),
        }
        name.push('\u{0}');
    }
    name
}

/// The parts of `range` that are `zone`'s here; `regions` is ascending and disjoint.
fn within(
    regions: &[(AddrRange, ZoneId)],
    zone: ZoneId,
    range: AddrRange,
) -> impl Iterator<Item = AddrRange> + use<'_> {
    let start = regions.partition_point(|(r, _)| (r.family(), r.last()) < (range.family(), range.first()));
    regions[start..]
        .iter()
        .take_while(move |(r, _)| r.family() == range.family() && r.first() <= range.last())
        .filter(move |(_, z)| *z == zone)
        .filter_map(move |(r, _)| r.intersect(&range))
}

/// What of a range is left without the addresses that belong to every zone. Those
/// are never forwarded, and to the gateway they are not known as one zone's.
fn of_one_zone(range: AddrRange) -> Vec<AddrRange> {
    subtract(vec![range], &link_sources())
}

fn atom_rules(
    policy: &Policy,
    regions: &Regions,
    (here, links): (&[BTreeSet<ZoneId>], &[ClassKey]),
    classes: &ClassIds,
) -> Vec<AtomRules> {
    let strict = &policy.binding.strict;
    let atoms = regions.atoms().iter().zip(here.iter().zip(links));
    atoms
        .map(|(atom, (zones, link))| AtomRules {
            strict: !zones.is_disjoint(strict),
            link_strict: zones.is_subset(strict),
            pattern: atom.pattern.clone(),
            sources: atom.ranges.clone(),
            destinations: atom
                .ranges
                .iter()
                .flat_map(|(range, zone)| forwardable(*range).into_iter().map(|r| (r, *zone)))
                .collect(),
            link_class: ClassId(classes.id(link)),
        })
        .collect()
}

fn place_sources(atoms: &[AtomRules], found: Vec<ZoneSource>, classes: &ClassIds) -> Vec<Source> {
    let mut out = Vec::new();
    for source in found {
        let class = ClassId(classes.id(&source.class));
        for (atom, rules) in atoms.iter().enumerate() {
            let places = within(&rules.sources, source.zone, source.range).flat_map(of_one_zone);
            out.extend(places.map(|range| Source { atom, mac: source.mac, range, class }));
        }
    }
    out.sort();
    out
}

/// The bound addresses of every zone, where they come in.
fn place_bound(policy: &Policy, atoms: &[AtomRules]) -> Vec<(AtomIndex, AddrRange)> {
    let zones: Vec<(ZoneId, Vec<AddrRange>)> =
        (0..policy.zones.len()).map(ZoneId).map(|zone| (zone, bound(policy, zone))).collect();
    let mut out = Vec::new();
    for (atom, rules) in atoms.iter().enumerate() {
        let here = zones.iter().flat_map(|(zone, ranges)| ranges.iter().map(move |range| (*zone, *range)));
        let places = here.flat_map(|(zone, range)| within(&rules.sources, zone, range));
        let mut ranges: Vec<AddrRange> = places.flat_map(of_one_zone).collect();
        ranges.sort();
        out.extend(joined(ranges).into_iter().map(|range| (atom, range)));
    }
    out
}

fn place_targets(atoms: &[AtomRules], found: Vec<ZoneTarget>, classes: &ClassIds) -> Vec<Target> {
    let mut out = Vec::new();
    for target in found {
        let class = TargetId(classes.id(&target.class));
        for (atom, rules) in atoms.iter().enumerate() {
            let places = within(&rules.destinations, target.zone, target.range);
            out.extend(places.map(|range| Target { atom, range, class }));
        }
    }
    out.sort();
    out
}

fn management(policy: &Policy, atoms: &[AtomRules]) -> Vec<ManagementRule> {
    let mut out = Vec::new();
    for connection in &policy.gateway.management {
        let host = policy.host(connection.host);
        for (atom, rules) in atoms.iter().enumerate() {
            let ips = host.ips.iter().map(|ip| AddrRange::from(*ip));
            let ranges: Vec<AddrRange> = ips.flat_map(|ip| within(&rules.sources, host.zone, ip)).collect();
            if !ranges.is_empty() {
                let macs = policy.seen_macs(connection.host).to_vec();
                out.push(ManagementRule { atom, macs, ranges, services: connection.services.clone() });
            }
        }
    }
    out
}
