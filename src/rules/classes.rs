//! The first question: which sources meet the same entries.
//!
//! A class is a zone and the set of `from` endpoints that mean the source (for
//! `targets`: of `to` endpoints that mean the destination). Its name is made of
//! those, not of entries: an entry added to a group that is already somewhere a
//! source changes no class.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::{AddrRange, MacAddr};
use crate::policy::{Endpoint, Entry, HostId, Policy, ZoneId};

use super::binding::{known_macs, unbound};
use super::link_sources;
use super::partition::partition_addresses;

/// Index into [`Tokens::endpoints`].
pub type Token = usize;

/// The distinct endpoints of one side of all entries.
pub struct Tokens {
    /// The endpoints, sorted.
    pub endpoints: Vec<Endpoint>,
    /// For each endpoint the entries that name it, ascending.
    pub entries: Vec<Vec<usize>>,
    by_host: BTreeMap<HostId, BTreeSet<Token>>,
}

/// What a class is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClassKey {
    /// Sources in one zone, meant by these endpoints.
    Zone(ZoneId, BTreeSet<Token>),
    /// Addresses that belong to every zone of an interface.
    Link(Vec<ZoneId>, BTreeSet<Token>),
    /// The gateway itself.
    Gateway(BTreeSet<Token>),
}

/// Sources of one zone, wherever they come in.
pub struct ZoneSource {
    /// The zone.
    pub zone: ZoneId,
    /// Their MAC; none = any.
    pub mac: Option<MacAddr>,
    /// Known by the MAC alone: no host seen with it declares these addresses.
    pub roaming: bool,
    /// Their addresses.
    pub range: AddrRange,
    /// Their class.
    pub class: ClassKey,
}

impl ClassKey {
    /// The endpoints that mean it.
    pub fn tokens(&self) -> &BTreeSet<Token> {
        match self {
            Self::Zone(_, tokens) | Self::Link(_, tokens) | Self::Gateway(tokens) => tokens,
        }
    }
}

impl Tokens {
    /// The endpoints of a policy's entries on the side that `side` chooses.
    pub fn new(policy: &Policy, side: fn(&Entry) -> &[Endpoint]) -> Self {
        let mut entries_of: BTreeMap<Endpoint, BTreeSet<usize>> = BTreeMap::new();
        for (index, entry) in policy.entries.iter().enumerate() {
            for endpoint in side(entry) {
                entries_of.entry(*endpoint).or_default().insert(index);
            }
        }
        let endpoints: Vec<Endpoint> = entries_of.keys().copied().collect();
        let entries = entries_of.into_values().map(|set| set.into_iter().collect()).collect();
        let mut by_host: BTreeMap<HostId, BTreeSet<Token>> = BTreeMap::new();
        for (token, endpoint) in endpoints.iter().enumerate() {
            match endpoint {
                Endpoint::Host(host) => {
                    by_host.entry(*host).or_default().insert(token);
                }
                Endpoint::Group(_, group) => {
                    for host in &policy.group(*group).hosts {
                        by_host.entry(*host).or_default().insert(token);
                    }
                }
                _ => {}
            }
        }
        Self { endpoints, entries, by_host }
    }

    /// The token of an endpoint, if any entry names it.
    pub fn of(&self, endpoint: Endpoint) -> Option<Token> {
        self.endpoints.binary_search(&endpoint).ok()
    }

    /// The entries that name some of the tokens.
    pub fn entries_of(&self, tokens: &BTreeSet<Token>) -> BTreeSet<usize> {
        tokens.iter().flat_map(|t| self.entries[*t].iter().copied()).collect()
    }

    /// A name for a class that depends on nothing but what it means.
    pub fn class_name(&self, policy: &Policy, key: &ClassKey) -> String {
        let mut name = match key {
            ClassKey::Zone(zone, _) => format!("zone {}", policy.zone(*zone).name),
            ClassKey::Link(zones, _) => {
                let names: Vec<&str> = zones.iter().map(|z| policy.zone(*z).name.as_str()).collect();
                format!("link {}", names.join("\u{0}"))
            }
            ClassKey::Gateway(_) => "gateway".to_owned(),
        };
        let mut parts: Vec<String> = key.tokens().iter().map(|t| endpoint_name(policy, self.endpoints[*t])).collect();
        parts.sort();
        for part in parts {
            name.push('\u{0}');
            name.push_str(&part);
        }
        name
    }
}

fn endpoint_name(policy: &Policy, endpoint: Endpoint) -> String {
    match endpoint {
        Endpoint::Zone(zone) => format!("zone {}", policy.zone(zone).name),
        Endpoint::Host(host) => format!("host {}", policy.host(host).name),
        Endpoint::Group(zone, group) => format!("group {} {}", policy.zone(zone).name, policy.group(group).name),
        Endpoint::Network(zone, net) => format!("net {} {net}", policy.zone(zone).name),
        Endpoint::Gateway => "gateway".to_owned(),
    }
}

/// The class of what in a zone no narrower endpoint means.
pub fn zone_class(tokens: &Tokens, zone: ZoneId) -> ClassKey {
    ClassKey::Zone(zone, tokens.of(Endpoint::Zone(zone)).into_iter().collect())
}

/// The class of addresses that belong to every one of these zones.
pub fn link_class(tokens: &Tokens, zones: &BTreeSet<ZoneId>) -> ClassKey {
    let set = zones.iter().filter_map(|z| tokens.of(Endpoint::Zone(*z))).collect();
    ClassKey::Link(zones.iter().copied().collect(), set)
}

/// The classes of devices known by their MAC, on an interface with these zones,
/// while they send from an address that belongs to every zone: where all zones
/// are strict every declared one, else those that have no address and that some
/// entry names.
pub fn link_devices(policy: &Policy, tokens: &Tokens, zones: &BTreeSet<ZoneId>) -> Vec<(MacAddr, ClassKey)> {
    let ClassKey::Link(list, wide) = link_class(tokens, zones) else { return Vec::new() };
    let mut by_mac: BTreeMap<MacAddr, BTreeSet<Token>> = BTreeMap::new();
    if zones.is_subset(&policy.binding.strict) {
        by_mac.extend(known_macs(policy, zones).into_iter().map(|mac| (mac, wide.clone())));
    }
    for (host, own) in &tokens.by_host {
        if policy.host(*host).ips.is_empty() && zones.contains(&policy.host(*host).zone) {
            for mac in policy.seen_macs(*host) {
                by_mac.entry(*mac).or_insert_with(|| wide.clone()).extend(own);
            }
        }
    }
    by_mac.into_iter().map(|(mac, set)| (mac, ClassKey::Link(list.clone(), set))).collect()
}

/// Of the addresses that belong to every zone of an interface, with these zones,
/// those that some endpoint narrower than a zone means: under a MAC, or under
/// any (none) where not all zones are strict. `devices` = [`link_devices`].
pub fn link_places(
    policy: &Policy,
    tokens: &Tokens,
    zones: &BTreeSet<ZoneId>,
    devices: &[(MacAddr, ClassKey)],
) -> Vec<(Option<MacAddr>, AddrRange, ClassKey)> {
    let ClassKey::Link(list, wide) = link_class(tokens, zones) else { return Vec::new() };
    let here = |range: AddrRange| link_sources().into_iter().filter_map(move |link| link.intersect(&range));
    let unseen = |host| policy.seen_macs(host).is_empty();
    let pieces = zones.iter().flat_map(|zone| open_pieces(policy, tokens, *zone, unseen));
    let open: Vec<(AddrRange, Token)> = pieces
        .flat_map(|(range, set)| here(range).flat_map(move |part| set.clone().into_iter().map(move |t| (part, t))))
        .collect();
    let mut by_mac: BTreeMap<MacAddr, Vec<(AddrRange, Token)>> =
        devices.iter().map(|(mac, _)| (*mac, Vec::new())).collect();
    for (host, own) in tokens.by_host.iter().filter(|(host, _)| zones.contains(&policy.host(**host).zone)) {
        for range in policy.host(*host).ips.iter().flat_map(|ip| here(AddrRange::from(*ip))) {
            for mac in policy.seen_macs(*host) {
                by_mac.entry(*mac).or_default().extend(own.iter().map(|token| (range, *token)));
            }
        }
    }
    let known: BTreeMap<&MacAddr, &BTreeSet<Token>> = devices.iter().map(|(mac, key)| (mac, key.tokens())).collect();
    let alone = (!zones.is_subset(&policy.binding.strict)).then_some((None, Vec::new()));
    let mut out = Vec::new();
    for (mac, own) in by_mac.into_iter().map(|(mac, own)| (Some(mac), own)).chain(alone) {
        let base = mac.as_ref().and_then(|mac| known.get(mac).copied()).unwrap_or(&wide);
        for (range, set) in partition_addresses(&[own, open.clone()].concat()) {
            out.push((mac, range, ClassKey::Link(list.clone(), base.union(&set).copied().collect())));
        }
    }
    out
}

/// Every source that some endpoint narrower than its zone means, and where
/// binding is asked for every declared one. What names no MAC comes first asked
/// for in its own right, then once more under each MAC that is declared for it:
/// a lookup by MAC finds all that applies.
pub fn sources(policy: &Policy, tokens: &Tokens) -> Vec<ZoneSource> {
    let mut out = Vec::new();
    for index in 0..policy.zones.len() {
        let zone = ZoneId(index);
        let wide = tokens.of(Endpoint::Zone(zone));
        let strict = policy.binding.strict.contains(&zone);
        let open = open_pieces(policy, tokens, zone, |host| policy.seen_macs(host).is_empty());
        for (mac, ranges) in bound_ranges(policy, tokens, zone) {
            for (range, marks) in partition_addresses(&ranges) {
                let roaming = !marks.contains(&Mark::Addressed);
                for (piece, extra) in split(range, &open) {
                    let named = marks.iter().filter_map(|mark| mark.token());
                    let class = named.chain(wide).chain(extra.into_iter().flatten().copied()).collect();
                    let class = ClassKey::Zone(zone, class);
                    out.push(ZoneSource { zone, mac: Some(mac), roaming, range: piece, class });
                }
            }
        }
        // Without a MAC a strict zone knows the hosts that have none, and nobody else.
        let alone: Vec<(AddrRange, Option<&BTreeSet<Token>>)> = if strict {
            unbound(policy, zone).into_iter().flat_map(|range| split(range, &open)).collect()
        } else {
            open.iter().map(|(range, set)| (*range, Some(set))).collect()
        };
        for (range, set) in alone {
            let class = ClassKey::Zone(zone, set.into_iter().flatten().copied().chain(wide).collect());
            out.push(ZoneSource { zone, mac: None, roaming: false, range, class });
        }
    }
    out
}

/// Addresses that endpoints mean whatever the MAC, divided by their tokens;
/// hosts where `counts` says so.
pub fn open_pieces(
    policy: &Policy,
    tokens: &Tokens,
    zone: ZoneId,
    counts: impl Fn(HostId) -> bool,
) -> Vec<(AddrRange, BTreeSet<Token>)> {
    let mut ranges: Vec<(AddrRange, Token)> = Vec::new();
    for (token, endpoint) in tokens.endpoints.iter().enumerate() {
        match endpoint {
            Endpoint::Network(z, net) if *z == zone => ranges.push((AddrRange::from(*net), token)),
            Endpoint::Group(z, group) if *z == zone => {
                ranges.extend(policy.group(*group).networks.iter().map(|n| (AddrRange::from(*n), token)));
            }
            _ => {}
        }
    }
    for (host, own) in &tokens.by_host {
        if policy.host(*host).zone == zone && counts(*host) {
            for ip in &policy.host(*host).ips {
                ranges.extend(own.iter().map(|token| (AddrRange::from(*ip), *token)));
            }
        }
    }
    partition_addresses(&ranges)
}

/// What is known of an address under a MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// A host seen with the MAC declares it.
    Addressed,
    /// A host seen with the MAC has no address.
    Roaming,
    /// This endpoint means it.
    Token(Token),
}

impl Mark {
    fn token(&self) -> Option<Token> {
        match self {
            Self::Token(token) => Some(*token),
            Self::Addressed | Self::Roaming => None,
        }
    }
}

/// For each MAC the addresses under which declared hosts of the zone send with
/// it: of all hosts where binding is asked for, else of those that endpoints mean.
fn bound_ranges(policy: &Policy, tokens: &Tokens, zone: ZoneId) -> BTreeMap<MacAddr, Vec<(AddrRange, Mark)>> {
    let strict = policy.binding.strict.contains(&zone);
    let none = BTreeSet::new();
    let mut out: BTreeMap<MacAddr, Vec<(AddrRange, Mark)>> = BTreeMap::new();
    for id in (0..policy.hosts.len()).map(HostId).filter(|id| policy.host(*id).zone == zone) {
        let own = match tokens.by_host.get(&id) {
            Some(own) => own,
            // Without an address it is bound to nothing, only known.
            None if strict || (policy.binding.enforce && !policy.host(id).ips.is_empty()) => &none,
            None => continue,
        };
        let ips = &policy.host(id).ips;
        let (ranges, what): (Vec<AddrRange>, Mark) = if ips.is_empty() {
            (crate::net::Family::BOTH.map(AddrRange::all).to_vec(), Mark::Roaming)
        } else {
            (ips.iter().map(|ip| AddrRange::from(*ip)).collect(), Mark::Addressed)
        };
        for mac in policy.seen_macs(id) {
            let list = out.entry(*mac).or_default();
            for range in &ranges {
                list.push((*range, what));
                list.extend(own.iter().map(|token| (*range, Mark::Token(*token))));
            }
        }
    }
    out
}

/// Divides `range` along disjoint ascending pieces; what lies in none has no set.
fn split(range: AddrRange, pieces: &[(AddrRange, BTreeSet<Token>)]) -> Vec<(AddrRange, Option<&BTreeSet<Token>>)> {
    let family = range.family();
    let start = pieces.partition_point(|(p, _)| (p.family(), p.last()) < (family, range.first()));
    let mut out = Vec::new();
    let mut next = Some(range.first());
    for (piece, set) in &pieces[start..] {
        let (Some(first), Some(both)) = (next, piece.intersect(&range)) else { break };
        if both.first() > first {
            out.push((AddrRange::new(family, first, both.first() - 1), None));
        }
        out.push((both, Some(set)));
        next = both.last().checked_add(1).filter(|n| *n <= range.last());
    }
    if let Some(first) = next {
        out.push((AddrRange::new(family, first, range.last()), None));
    }
    out
}
