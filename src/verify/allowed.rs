//! Everything a policy lets open: the spaces of its entries, of traffic inside
//! zones, of management and of the gateway itself.
//!
//! What the gateway needs to live whatever the policy says (neighbour
//! discovery, router solicitation, ICMP errors, loopback) opens no flow and is
//! not among them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::geometry::{Geometry, MacRule, Path, Source, Target};
use crate::net::{Family, Service};
use crate::policy::{Calendar, Endpoint, Policy, ZoneId};
use crate::space::{Cube, IntervalSet, all_services, service_set, time_set};

/// What lets a flow open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// `gateway.management`.
    Management,
    /// `intra_zone = "allow"`.
    IntraZone,
    /// `gateway.output = "allow"`.
    Output,
    /// An entry, by its index in [`Policy::entries`].
    Entry(usize),
}

impl Cause {
    /// What it is called beside the ids of entries; none for an entry.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Management => Some("management"),
            Self::IntraZone => Some("intra-zone"),
            Self::Output => Some("output"),
            Self::Entry(_) => None,
        }
    }
}

/// A product of sources, destinations, services and times, never multiplied out.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Why.
    pub cause: Cause,
    /// The source zone; none = the gateway.
    pub from: Option<ZoneId>,
    /// The destination zone; none = the gateway, or where the gateway itself is
    /// the source a place of no zone.
    pub to: Option<ZoneId>,
    /// The family.
    pub family: Family,
    /// Sources; not empty.
    pub sources: Arc<Vec<Source>>,
    /// Destinations; not empty.
    pub targets: Arc<Vec<Target>>,
    /// Services.
    pub services: IntervalSet,
    /// Times.
    pub times: IntervalSet,
}

impl Allowance {
    /// One of its cubes; empty where source and target are never declared
    /// together at its times.
    pub fn cube(&self, source: &Source, target: &Target) -> Cube {
        let times = [&source.times, &target.times]
            .into_iter()
            .fold(self.times.clone(), |times, own| if own.covers(&times) { times } else { times.intersect(own) });
        Cube {
            family: self.family,
            sets: [
                source.interfaces.clone(),
                target.interfaces.clone(),
                source.macs.clone(),
                source.addresses.clone(),
                target.addresses.clone(),
                self.services.clone(),
                times,
            ],
        }
    }
}

/// All that opens under a policy at or after an instant.
#[derive(Debug)]
pub struct Allowed<'p> {
    /// Where things lie.
    pub geometry: Geometry<'p>,
    /// Management first, then inside zones, the gateway's output, and entries in
    /// reading order.
    pub allowances: Vec<Allowance>,
}

impl<'p> Allowed<'p> {
    /// Everything that may open at or after `since`, by a calendar that names the
    /// policy's dates.
    pub fn new(geometry: Geometry<'p>, since: Timestamp, calendar: &Calendar) -> Self {
        let always = time_set(&[(since, Timestamp::MAX)]);
        let mut builder =
            Builder { geometry: &geometry, sources: HashMap::new(), targets: HashMap::new(), out: Vec::new() };
        for family in Family::BOTH {
            builder.management(family, &always);
            builder.intra_zone(family, &always);
            builder.output(family, &always);
        }
        for (index, entry) in geometry.policy().entries.iter().enumerate() {
            let times = time_set(&entry.schedule.spans(since, calendar));
            if times.is_empty() {
                continue;
            }
            for family in Family::BOTH {
                let services = service_set(family, &entry.services);
                let what = (Cause::Entry(index), family, &services, &times);
                builder.between(what, &entry.from, &entry.to);
            }
        }
        let allowances = builder.out;
        Self { geometry, allowances }
    }

    /// The policy.
    pub fn policy(&self) -> &'p Policy {
        self.geometry.policy()
    }
}

/// Sources by endpoints of a zone, family, MACs and path.
type Sources = HashMap<(ZoneId, Vec<Endpoint>, Family, MacRule, Path), Arc<Vec<Source>>>;

/// Destinations likewise.
type Targets = HashMap<(ZoneId, Vec<Endpoint>, Family), Arc<Vec<Target>>>;

/// What is let open but where: cause, family, services, times.
type What<'a> = (Cause, Family, &'a IntervalSet, &'a IntervalSet);

struct Builder<'g, 'p> {
    geometry: &'g Geometry<'p>,
    sources: Sources,
    targets: Targets,
    out: Vec<Allowance>,
}

impl Builder<'_, '_> {
    fn push(
        &mut self,
        (cause, family, services, times): What<'_>,
        (from, sources): (Option<ZoneId>, Arc<Vec<Source>>),
        (to, targets): (Option<ZoneId>, Arc<Vec<Target>>),
    ) {
        let services = match (from, to) {
            (Some(_), Some(_)) => services.clone(),
            _ => services.subtract(&essential(family)),
        };
        if !sources.is_empty() && !targets.is_empty() && !services.is_empty() {
            let times = times.clone();
            self.out.push(Allowance { cause, from, to, family, sources, targets, services, times });
        }
    }

    fn source(
        &mut self,
        zone: Option<ZoneId>,
        ends: &[Endpoint],
        family: Family,
        (rule, path): (MacRule, Path),
    ) -> Arc<Vec<Source>> {
        let Some(zone) = zone else { return Arc::new(vec![Geometry::gateway_source(family)]) };
        let geometry = self.geometry;
        let made = || Arc::new(geometry.sources(zone, ends, family, rule, path));
        self.sources.entry((zone, ends.to_vec(), family, rule, path)).or_insert_with(made).clone()
    }

    fn target(&mut self, zone: Option<ZoneId>, ends: &[Endpoint], family: Family) -> Arc<Vec<Target>> {
        let Some(zone) = zone else { return Arc::new(vec![Geometry::gateway_target(family)]) };
        let geometry = self.geometry;
        let made = || Arc::new(geometry.targets(zone, ends, family));
        self.targets.entry((zone, ends.to_vec(), family)).or_insert_with(made).clone()
    }

    fn management(&mut self, family: Family, always: &IntervalSet) {
        for management in &self.geometry.policy().gateway.management {
            let zone = self.geometry.policy().host(management.host).zone;
            let services = service_set(family, &management.services);
            // Management comes before binding.
            let rule = (MacRule::Seen, Path::Input);
            let source = self.source(Some(zone), &[Endpoint::Host(management.host)], family, rule);
            let target = self.target(None, &[], family);
            self.push((Cause::Management, family, &services, always), (Some(zone), source), (None, target));
        }
    }

    fn intra_zone(&mut self, family: Family, always: &IntervalSet) {
        let services = all_services(family);
        let policy = self.geometry.policy();
        for zone in (0..policy.zones.len()).map(ZoneId).filter(|z| policy.zone(*z).intra_zone_allow) {
            let whole = [Endpoint::Zone(zone)];
            self.between((Cause::IntraZone, family, &services, always), &whole, &whole);
        }
    }

    fn output(&mut self, family: Family, always: &IntervalSet) {
        let policy = self.geometry.policy();
        if !policy.gateway.output_allow {
            return;
        }
        let services = all_services(family);
        let source = self.source(None, &[], family, (MacRule::Bound, Path::Forward));
        let what = (Cause::Output, family, &services, always);
        for zone in (0..policy.zones.len()).map(ZoneId) {
            let target = self.target(Some(zone), &[Endpoint::Zone(zone)], family);
            self.push(what, (None, source.clone()), (Some(zone), target));
        }
        let elsewhere = Arc::new(self.geometry.targets_elsewhere(family));
        self.push(what, (None, source), (None, elsewhere));
    }

    /// From each zone's ends to each zone's ends. The gateway to itself is
    /// loopback, and no flow.
    fn between(&mut self, what: What<'_>, from: &[Endpoint], to: &[Endpoint]) {
        let policy = self.geometry.policy();
        let to = by_zone(policy, to);
        for (from_zone, from_ends) in by_zone(policy, from) {
            for (to_zone, to_ends) in &to {
                if from_zone.is_none() && to_zone.is_none() {
                    continue;
                }
                let path = if to_zone.is_none() { Path::Input } else { Path::Forward };
                let source = self.source(from_zone, &from_ends, what.1, (MacRule::Bound, path));
                let target = self.target(*to_zone, to_ends, what.1);
                self.push(what, (from_zone, source), (*to_zone, target));
            }
        }
    }
}

/// What the gateway sends and hears whatever the policy says, and opens no flow:
/// ICMP errors (RFC 792, RFC 4443), router solicitation, neighbour discovery
/// (RFC 4861) and listener reports (RFC 3810).
pub(super) fn essential(family: Family) -> IntervalSet {
    let types: &[u8] = match family {
        Family::V4 => &[3, 4, 11, 12],
        Family::V6 => &[1, 2, 3, 4, 133, 135, 136, 143],
    };
    let of = |kind: &u8| match family {
        Family::V4 => Service::Icmp(Some(*kind)),
        Family::V6 => Service::Icmpv6(Some(*kind)),
    };
    service_set(family, &types.iter().map(of).collect::<Vec<_>>())
}

/// Endpoints by zone, none for the gateway, in order of first mention.
pub(super) fn by_zone(policy: &Policy, ends: &[Endpoint]) -> Vec<(Option<ZoneId>, Vec<Endpoint>)> {
    let mut out: Vec<(Option<ZoneId>, Vec<Endpoint>)> = Vec::new();
    for end in ends {
        let zone = policy.endpoint_zone(*end);
        match out.iter_mut().find(|(z, _)| *z == zone) {
            Some((_, list)) => list.push(*end),
            None => out.push((zone, vec![*end])),
        }
    }
    out
}
