//! Policy to normal form.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::net::AddrRange;
use crate::policy::{DenyWith, Endpoint, Policy, Regions, ZoneId, forwardable};

use super::classes::{ClassKey, Tokens, link_class, sources, zone_class};
use super::ids::assign;
use super::services::{Member, leaves};
use super::targets::{ClassTargets, Directory, NodeKey};
use super::{AtomRules, ClassId, ManagementRule, NodeId, Rules, Source, Target, ZoneRules};

/// Header bytes that the kernel hands over even where none are kept: without
/// them no record could name addresses and ports.
const HEADERS: u32 = 128;

/// Compiles a policy as it stands at `at`: entries not in force then decide the
/// reason of a denial only.
pub fn compile(policy: &Policy, at: Timestamp) -> Rules {
    let regions = Regions::new(policy);
    let tokens = Tokens::new(policy);
    let zone_sources = sources(policy, &tokens);
    let links: Vec<ClassKey> = regions
        .atoms()
        .iter()
        .map(|atom| link_class(&tokens, &atom.ranges.iter().map(|(_, zone)| *zone).collect()))
        .collect();
    let gateway =
        (!policy.gateway.output_allow).then(|| ClassKey::Gateway(tokens.of(Endpoint::Gateway).into_iter().collect()));

    let mut keys: BTreeSet<ClassKey> = zone_sources.iter().map(|s| s.class.clone()).collect();
    keys.extend((0..policy.zones.len()).map(|z| zone_class(&tokens, ZoneId(z))));
    keys.extend(links.iter().cloned());
    keys.extend(gateway.clone());
    let classes = ClassIds::new(policy, &tokens, keys);

    let meets = Meets::new(policy, &tokens, &classes);
    let atoms = atom_rules(&regions, &links, &classes);
    Rules {
        sources: place_sources(&atoms, zone_sources, &classes),
        targets: meets.targets(&atoms),
        zone_targets: meets.zone_targets(),
        gateway_targets: meets.gateway_targets(),
        gateway_class: gateway.map(|key| classes.id(&key)),
        nodes: meets
            .nodes
            .iter()
            .map(|(key, id)| (*id, leaves(policy, key, at)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        entries: policy.entries.iter().map(|e| e.id.clone()).collect(),
        management: management(policy, &atoms),
        snaplen: u32::from(policy.log.snaplen).max(HEADERS),
        zones: (0..policy.zones.len()).map(|z| zone_rules(policy, &tokens, &classes, ZoneId(z))).collect(),
        atoms,
    }
}

/// The id of every class.
struct ClassIds {
    ids: BTreeMap<ClassKey, ClassId>,
}

impl ClassIds {
    fn new(policy: &Policy, tokens: &Tokens, keys: BTreeSet<ClassKey>) -> Self {
        let named: BTreeMap<String, ClassKey> =
            keys.into_iter().map(|key| (tokens.class_name(policy, &key), key)).collect();
        let ids = assign(&named.keys().cloned().collect());
        Self { ids: named.into_iter().map(|(name, key)| (key, ClassId(ids[&name]))).collect() }
    }

    /// Every class asked for was collected before ids were given.
    fn id(&self, key: &ClassKey) -> ClassId {
        self.ids[key]
    }
}

/// What every class meets, with the id of every node.
struct Meets {
    classes: Vec<(ClassId, ClassTargets)>,
    nodes: BTreeMap<NodeKey, NodeId>,
}

impl Meets {
    fn new(policy: &Policy, tokens: &Tokens, classes: &ClassIds) -> Self {
        let directory = Directory::new(policy);
        let met: Vec<(ClassId, ClassTargets)> =
            classes.ids.iter().map(|(key, id)| (*id, directory.of_class(policy, tokens, key))).collect();
        let keys: BTreeSet<&NodeKey> = met
            .iter()
            .flat_map(|(_, t)| t.narrow.iter().map(|(_, _, node)| node).chain(t.wide.values()).chain(Some(&t.gateway)))
            .filter(|key| !key.is_empty())
            .collect();
        let named: BTreeMap<String, &NodeKey> = keys.into_iter().map(|key| (node_name(policy, key), key)).collect();
        let ids = assign(&named.keys().cloned().collect());
        let nodes = named.into_iter().map(|(name, key)| (key.clone(), NodeId(ids[&name]))).collect();
        Self { classes: met, nodes }
    }

    fn targets(&self, atoms: &[AtomRules]) -> Vec<Target> {
        let mut out = Vec::new();
        for (class, met) in &self.classes {
            for (zone, range, key) in &met.narrow {
                let node = self.nodes[key];
                for (atom, rules) in atoms.iter().enumerate() {
                    let places = within(&rules.destinations, *zone, *range);
                    out.extend(places.map(|range| Target { class: *class, atom, range, node }));
                }
            }
        }
        out.sort();
        out
    }

    fn zone_targets(&self) -> Vec<(ClassId, ZoneId, NodeId)> {
        let met = self.classes.iter();
        met.flat_map(|(class, t)| t.wide.iter().map(|(zone, key)| (*class, *zone, self.nodes[key]))).collect()
    }

    fn gateway_targets(&self) -> Vec<(ClassId, NodeId)> {
        let met = self.classes.iter().filter(|(_, t)| !t.gateway.is_empty());
        met.map(|(class, t)| (*class, self.nodes[&t.gateway])).collect()
    }
}

/// A name for a node that depends on nothing but its members.
fn node_name(policy: &Policy, key: &NodeKey) -> String {
    let mut name = String::new();
    for member in key {
        match member {
            Member::IntraZone => name.push_str("intra"),
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

fn atom_rules(regions: &Regions, links: &[ClassKey], classes: &ClassIds) -> Vec<AtomRules> {
    let atoms = regions.atoms().iter().zip(links);
    atoms
        .map(|(atom, link)| AtomRules {
            pattern: atom.pattern.clone(),
            sources: atom.ranges.clone(),
            destinations: atom
                .ranges
                .iter()
                .flat_map(|(range, zone)| forwardable(*range).into_iter().map(|r| (r, *zone)))
                .collect(),
            link_class: classes.id(link),
        })
        .collect()
}

fn place_sources(atoms: &[AtomRules], found: Vec<super::classes::ZoneSource>, classes: &ClassIds) -> Vec<Source> {
    let mut out = Vec::new();
    for source in found {
        let class = classes.id(&source.class);
        for (atom, rules) in atoms.iter().enumerate() {
            let places = within(&rules.sources, source.zone, source.range);
            out.extend(places.map(|range| Source { atom, mac: source.mac, range, class }));
        }
    }
    out.sort();
    out
}

fn zone_rules(policy: &Policy, tokens: &Tokens, classes: &ClassIds, id: ZoneId) -> ZoneRules {
    let zone = policy.zone(id);
    ZoneRules {
        name: zone.name.clone(),
        class: classes.id(&zone_class(tokens, id)),
        reject: zone.deny_with == DenyWith::Reject,
    }
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
