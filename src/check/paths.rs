//! Chains of entries at host level: what the first reaches, the next starts from.
//!
//! Entries meet in ends: an end is where one entry leads to and another comes
//! from if both mean an address in common (or a DHCP terminal that may have it).
//! Distinct ends are compared once, whatever number of entries names them, so
//! that the work grows with the policy and not with its square.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::input::Input;
use crate::diag::Place;
use crate::net::{AddrRange, Family};
use crate::policy::{Endpoint, ZoneClass, ZoneId};

/// Paths told of one search; beyond them it is said that there are more.
const MOST: usize = 1000;
/// Steps of the search, so that a thicket of cycles ends too.
const STEPS: usize = 200_000;

/// Where paths start, end and may pass, by class.
pub struct Search {
    pub starts: fn(ZoneClass) -> bool,
    pub ends: fn(ZoneClass) -> bool,
    pub passes: fn(ZoneClass) -> bool,
}

/// One entry of a path: from which end to which.
#[derive(Debug, Clone, Copy)]
pub struct Hop {
    pub entry: usize,
    pub from: Endpoint,
    pub to: Endpoint,
}

/// Two hops or more.
#[derive(Debug, Clone)]
pub struct Path {
    pub hops: Vec<Hop>,
}

impl Path {
    /// `internet:mta-i —[IL-001 smtp]→ lgwan:renkei —[LM-001 https]→ mynumber:juki`.
    pub fn text(&self, input: &Input<'_>) -> String {
        let mut text = self.hops.first().map(|hop| input.end_text(hop.from)).unwrap_or_default();
        for (index, hop) in self.hops.iter().enumerate() {
            let entry = &input.policy.entries[hop.entry];
            let services = entry.service_names.join(" ");
            text.push_str(&format!(" —[{} {services}]→ {}", entry.id, input.end_text(hop.to)));
            // Where the next hop names the same host otherwise, both names are shown.
            let next = self.hops.get(index + 1).map(|next| input.end_text(next.from));
            if let Some(next) = next.filter(|next| *next != input.end_text(hop.to)) {
                text.push_str(&format!(" = {next}"));
            }
        }
        text
    }

    /// The id of its last entry.
    pub fn last(&self, input: &Input<'_>) -> String {
        self.hops.last().map(|hop| input.policy.entries[hop.entry].id.clone()).unwrap_or_default()
    }

    /// Where its last entry stands.
    pub fn place<'a>(&self, input: &Input<'a>) -> &'a Place {
        let last = self.hops.last().map_or(0, |hop| hop.entry);
        &input.policy.entries[last].place
    }

    /// Its entries but the last.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        self.hops.iter().take(self.hops.len() - 1).map(|hop| hop.entry)
    }
}

/// What a search found.
pub struct Paths {
    pub found: Vec<Path>,
    /// True if there are more.
    pub more: bool,
}

impl Paths {
    /// Every path of two or more entries that are not over, no end visited twice.
    pub fn find(input: &Input<'_>, search: &Search) -> Self {
        let graph = Graph::new(input, search);
        let mut walk = Walk::default();
        for first in &graph.firsts {
            walk.from(&graph, *first);
        }
        Self { found: walk.found, more: walk.more }
    }
}

/// Which hop can follow which. Only hops from which an end can be reached are kept.
struct Graph {
    /// Hops from a start to a passing zone, by way of reading.
    firsts: Vec<Hop>,
    /// The hops that follow from where one leads.
    next: HashMap<Endpoint, Vec<Hop>>,
    ends: HashSet<Endpoint>,
}

impl Graph {
    fn new(input: &Input<'_>, search: &Search) -> Self {
        let class = |end: Endpoint| input.policy.endpoint_zone(end).map(|zone| input.class(zone));
        let is = |end: Endpoint, what: fn(ZoneClass) -> bool| class(end).is_some_and(what);
        let over: HashSet<usize> =
            (0..input.policy.entries.len()).filter(|i| input.over(&input.policy.entries[*i])).collect();
        // Ends that entries come from, and who comes from them, where a path may pass.
        let mut leaving: HashMap<Endpoint, Vec<usize>> = HashMap::new();
        let mut arriving: Vec<Endpoint> = Vec::new();
        let mut seen = HashSet::new();
        for (index, entry) in input.policy.entries.iter().enumerate().filter(|(index, _)| !over.contains(index)) {
            for from in entry.from.iter().filter(|from| is(**from, search.passes)) {
                leaving.entry(*from).or_default().push(index);
            }
            arriving.extend(entry.to.iter().filter(|to| is(**to, search.passes) && seen.insert(**to)));
        }
        let meets = Meeting::new(input, leaving.keys().copied());
        let links: HashMap<Endpoint, Vec<Endpoint>> = arriving.iter().map(|to| (*to, meets.with(input, *to))).collect();
        let good = reaching(input, search, &leaving, &links);
        let keep = |to: &Endpoint| is(*to, search.ends) || good.contains(to);
        let mut next = HashMap::new();
        for (to, froms) in &links {
            if !good.contains(to) {
                continue;
            }
            let mut hops: Vec<Hop> = Vec::new();
            for from in froms {
                for entry in &leaving[from] {
                    let tos = input.policy.entries[*entry].to.iter().filter(|to| keep(to));
                    hops.extend(tos.map(|to| Hop { entry: *entry, from: *from, to: *to }));
                }
            }
            hops.sort_by_key(|hop| (hop.entry, hop.from, hop.to));
            next.insert(*to, hops);
        }
        let mut firsts = Vec::new();
        for (index, entry) in input.policy.entries.iter().enumerate().filter(|(index, _)| !over.contains(index)) {
            for from in entry.from.iter().filter(|from| is(**from, search.starts)) {
                let tos = entry.to.iter().filter(|to| good.contains(to));
                firsts.extend(tos.map(|to| Hop { entry: index, from: *from, to: *to }));
            }
        }
        let ends = input.policy.entries.iter().flat_map(|e| e.to.iter().copied()).filter(|to| is(*to, search.ends));
        Self { firsts, next, ends: ends.collect() }
    }
}

/// The passing ends from which some end of the search can be reached.
fn reaching(
    input: &Input<'_>,
    search: &Search,
    leaving: &HashMap<Endpoint, Vec<usize>>,
    links: &HashMap<Endpoint, Vec<Endpoint>>,
) -> HashSet<Endpoint> {
    let ends = |to: &Endpoint| input.policy.endpoint_zone(*to).is_some_and(|zone| (search.ends)(input.class(zone)));
    // Backwards: which arrival ends lead to a leaving end, and which leaving ends to an arrival.
    let mut before: HashMap<Endpoint, Vec<Endpoint>> = HashMap::new();
    for (to, froms) in links {
        for from in froms {
            before.entry(*from).or_default().push(*to);
        }
    }
    let mut into: HashMap<Endpoint, Vec<Endpoint>> = HashMap::new();
    let mut todo: Vec<Endpoint> = Vec::new();
    let mut known: HashSet<Endpoint> = HashSet::new();
    for (from, entries) in leaving {
        for entry in entries {
            for to in &input.policy.entries[*entry].to {
                if ends(to) {
                    if known.insert(*from) {
                        todo.push(*from);
                    }
                } else {
                    into.entry(*to).or_default().push(*from);
                }
            }
        }
    }
    let mut good = HashSet::new();
    while let Some(from) = todo.pop() {
        for to in before.get(&from).into_iter().flatten() {
            if good.insert(*to) {
                todo.extend(into.get(to).into_iter().flatten().filter(|from| known.insert(**from)));
            }
        }
    }
    good
}

/// A walk along the graph, host by host: no entry and no end twice.
#[derive(Default)]
struct Walk {
    hops: Vec<Hop>,
    entries: HashSet<usize>,
    ends: HashSet<Endpoint>,
    found: Vec<Path>,
    steps: usize,
    more: bool,
}

impl Walk {
    fn from(&mut self, graph: &Graph, first: Hop) {
        // For each hop of the path, the hops that may follow it and how many were tried.
        let mut tried: Vec<(&[Hop], usize)> = Vec::new();
        self.enter(graph, first, &mut tried);
        while let Some((next, index)) = tried.last_mut() {
            let Some(hop) = next.get(*index).copied().filter(|_| !self.more) else {
                tried.pop();
                if let Some(hop) = self.hops.pop() {
                    self.entries.remove(&hop.entry);
                    self.ends.remove(&hop.to);
                }
                continue;
            };
            *index += 1;
            if !self.entries.contains(&hop.entry) && !self.ends.contains(&hop.to) {
                self.enter(graph, hop, &mut tried);
            }
        }
    }

    fn enter<'g>(&mut self, graph: &'g Graph, hop: Hop, tried: &mut Vec<(&'g [Hop], usize)>) {
        self.steps += 1;
        if self.found.len() >= MOST || self.steps > STEPS {
            self.more = true;
            return;
        }
        self.hops.push(hop);
        self.entries.insert(hop.entry);
        self.ends.insert(hop.to);
        if self.hops.len() > 1 && graph.ends.contains(&hop.to) {
            self.found.push(Path { hops: self.hops.clone() });
            tried.push((&[], 0));
        } else {
            tried.push((graph.next.get(&hop.to).map_or(&[], Vec::as_slice), 0));
        }
    }
}

/// The ends that entries come from, by what they mean.
struct Meeting {
    /// By zone: every end, for those that are met by the whole zone.
    all: HashMap<ZoneId, Vec<Endpoint>>,
    whole: HashMap<ZoneId, Vec<Endpoint>>,
    /// Terminals of any address: met by what holds an address of nobody's.
    roaming: HashMap<ZoneId, Vec<Endpoint>>,
    /// By zone and prefix. Prefixes nest or are apart.
    prefixes: HashMap<ZoneId, Prefixes>,
}

#[derive(Default)]
struct Prefixes {
    by_first: BTreeMap<(Family, u128, u128), Vec<Endpoint>>,
    /// The sizes (last - first) that occur.
    sizes: HashSet<(Family, u128)>,
}

impl Meeting {
    fn new(input: &Input<'_>, ends: impl Iterator<Item = Endpoint>) -> Self {
        let mut meeting =
            Self { all: HashMap::new(), whole: HashMap::new(), roaming: HashMap::new(), prefixes: HashMap::new() };
        let mut ends: Vec<Endpoint> = ends.collect();
        ends.sort_unstable();
        for end in ends {
            let Some(zone) = input.policy.endpoint_zone(end) else { continue };
            meeting.all.entry(zone).or_default().push(end);
            if let Endpoint::Zone(_) = end {
                meeting.whole.entry(zone).or_default().push(end);
            }
            let (ranges, roams) = meant(input, end);
            if roams {
                meeting.roaming.entry(zone).or_default().push(end);
            }
            let prefixes = meeting.prefixes.entry(zone).or_default();
            for range in ranges {
                prefixes.by_first.entry((range.family(), range.first(), range.last())).or_default().push(end);
                prefixes.sizes.insert((range.family(), range.last() - range.first()));
            }
        }
        meeting
    }

    /// The ends that have an address in common with `to`, in order.
    fn with(&self, input: &Input<'_>, to: Endpoint) -> Vec<Endpoint> {
        let Some(zone) = input.policy.endpoint_zone(to) else { return Vec::new() };
        let of = |map: &HashMap<ZoneId, Vec<Endpoint>>| map.get(&zone).cloned().unwrap_or_default();
        if let Endpoint::Zone(_) = to {
            return of(&self.all);
        }
        let mut met = of(&self.whole);
        let (ranges, _) = meant(input, to);
        let nobodys = |range: &AddrRange| !range.is_single() || input.owner(zone, range).is_none();
        if !matches!(to, Endpoint::Host(_)) && ranges.iter().any(nobodys) {
            met.extend(of(&self.roaming));
        }
        if let Some(prefixes) = self.prefixes.get(&zone) {
            for range in &ranges {
                prefixes.meeting(range, &mut met);
            }
        }
        met.sort_unstable();
        met.dedup();
        met
    }
}

impl Prefixes {
    fn meeting(&self, range: &AddrRange, met: &mut Vec<Endpoint>) {
        let family = range.family();
        let inside = (family, range.first(), 0)..=(family, range.last(), u128::MAX);
        met.extend(self.by_first.range(inside).flat_map(|(_, ends)| ends));
        // What holds the range begins at its first address with the low bits clear.
        for (_, size) in self.sizes.iter().filter(|(f, size)| *f == family && *size > range.last() - range.first()) {
            let first = range.first() & !size;
            met.extend(self.by_first.get(&(family, first, first + size)).into_iter().flatten());
        }
    }
}

/// The addresses that an end names, and whether it also names a terminal that
/// may have any. A whole zone names none of its own here.
fn meant(input: &Input<'_>, end: Endpoint) -> (Vec<AddrRange>, bool) {
    let host = |id| {
        let host = input.policy.host(id);
        (host.ips.iter().map(|net| AddrRange::from(*net)).collect::<Vec<_>>(), host.ips.is_empty())
    };
    match end {
        Endpoint::Zone(_) | Endpoint::Gateway => (Vec::new(), false),
        Endpoint::Network(_, net) => (vec![AddrRange::from(net)], false),
        Endpoint::Host(id) => host(id),
        Endpoint::Group(_, group) => {
            let group = input.policy.group(group);
            let mut ranges: Vec<AddrRange> = group.networks.iter().map(|net| AddrRange::from(*net)).collect();
            let mut roams = false;
            for id in &group.hosts {
                let (own, any) = host(*id);
                ranges.extend(own);
                roams |= any;
            }
            (ranges, roams)
        }
    }
}
