//! The policy's own tests (`[[expect]]`, SPEC §3), proved on spaces.

use jiff::Timestamp;

use super::allowed::{Allowed, Cause, by_zone, essential};
use super::flow::time_text;
use super::geometry::{Geometry, MacRule, Path, Source, Target, interfaces_of};
use super::packet::packet_text;
use super::remainder::Lookup;
use crate::diag::{Finding, Message};
use crate::net::Family;
use crate::policy::{Calendar, Expectation, Policy};
use crate::space::{Budget, Cube, Interfaces, IntervalSet, Point, SpaceError, difference, service_set, time_set};

/// Whether one expectation holds.
#[derive(Debug, Clone)]
pub struct ExpectationResult {
    /// The expectation's name.
    pub name: String,
    /// Whether it was proved.
    pub holds: bool,
    /// A packet that violates it: one that passes though it should not, or one
    /// that does not though it should; none where the space is empty.
    pub witness: Option<Point>,
    /// The entry that lets the witness pass, for a violated denial.
    pub entry: Option<String>,
    /// True if no packet is in the space: such an expectation fails.
    pub empty: bool,
    /// Z401, if it does not hold.
    pub finding: Option<Finding>,
}

/// What was found about one expectation.
enum Outcome {
    Holds,
    Empty,
    Violated(Point, Option<Cause>),
    TooLarge(SpaceError),
}

/// Tries every expectation. Without its own `at`, a denial must hold at every
/// moment from `at` on, a permission at `at`. A source's MAC is any for a
/// denial, but for hosts of no address: their MAC is all they are. For a
/// permission sources are those that binding lets speak: a declared address with
/// its declared MACs, an undeclared one with undeclared MACs; of a strict zone
/// its declared hosts alone. Isolation and rates are ignored.
pub fn expectations(policy: &Policy, at: Timestamp) -> Vec<ExpectationResult> {
    let interfaces = interfaces_of([policy]);
    let since = policy.expectations.iter().filter_map(|e| e.at).fold(at, Timestamp::min);
    let calendar = Calendar::new([policy], since, [at]);
    let allowed = Allowed::new(Geometry::new(policy, &interfaces), since, &calendar);
    let mut lookup = Lookup::new(&allowed.allowances);
    policy
        .expectations
        .iter()
        .map(|expectation| {
            let outcome = check(&allowed, &mut lookup, expectation, at);
            result(policy, expectation, outcome)
        })
        .collect()
}

fn check(allowed: &Allowed<'_>, lookup: &mut Lookup<'_>, expectation: &Expectation, now: Timestamp) -> Outcome {
    let times = match (expectation.at, expectation.allow) {
        (None, false) => time_set(&[(now, Timestamp::MAX)]),
        (at, _) => IntervalSet::single(crate::space::time_value(at.unwrap_or(now))),
    };
    let interfaces: &Interfaces = allowed.geometry.interfaces();
    let cubes = space(&allowed.geometry, expectation, &times);
    if cubes.is_empty() {
        return Outcome::Empty;
    }
    let mut budget = Budget::default();
    for cube in &cubes {
        let met = lookup.with_causes(cube);
        if expectation.allow {
            let refs: Vec<&Cube> = met.iter().map(|(_, c)| c).collect();
            match difference(cube, &refs, &mut budget) {
                Err(error) => return Outcome::TooLarge(error),
                Ok(left) => {
                    if let Some(point) = left.first().and_then(|c| c.witness(interfaces)) {
                        return Outcome::Violated(point, None);
                    }
                }
            }
        } else if let Some((index, common)) = met.first().and_then(|(i, c)| Some((i, c.intersect(cube)?)))
            && let Some(point) = common.witness(interfaces)
        {
            return Outcome::Violated(point, Some(allowed.allowances[*index].cause));
        }
    }
    Outcome::Holds
}

/// The flow-opening packets that an expectation speaks of.
fn space(geometry: &Geometry<'_>, expectation: &Expectation, times: &IntervalSet) -> Vec<Cube> {
    let policy = geometry.policy();
    let rule = if expectation.allow { MacRule::Bound } else { MacRule::Any };
    let to = by_zone(policy, &expectation.to);
    let mut out = Vec::new();
    for family in Family::BOTH {
        let services = service_set(family, &expectation.services);
        for (from_zone, from_ends) in by_zone(policy, &expectation.from) {
            for (to_zone, to_ends) in &to {
                let (sources, services): (Vec<Source>, IntervalSet) = match (from_zone, to_zone) {
                    (None, None) => continue,
                    (None, _) => (vec![Geometry::gateway_source(family)], services.subtract(&essential(family))),
                    (Some(zone), None) => (
                        geometry.sources(zone, &from_ends, family, rule, Path::Input),
                        services.subtract(&essential(family)),
                    ),
                    (Some(zone), Some(_)) => {
                        (geometry.sources(zone, &from_ends, family, rule, Path::Forward), services.clone())
                    }
                };
                let targets: Vec<Target> = match to_zone {
                    Some(zone) => geometry.targets(*zone, to_ends, family),
                    None => vec![Geometry::gateway_target(family)],
                };
                let cubes = sources.iter().flat_map(|s| targets.iter().map(|t| cube(family, s, t, &services, times)));
                out.extend(cubes.filter(|c| !c.is_empty()));
            }
        }
    }
    out
}

fn cube(family: Family, source: &Source, target: &Target, services: &IntervalSet, times: &IntervalSet) -> Cube {
    let times = times.intersect(&source.times).intersect(&target.times);
    let (source, target) = (source.clone(), target.clone());
    Cube {
        family,
        sets: [
            source.interfaces,
            target.interfaces,
            source.macs,
            source.addresses,
            target.addresses,
            services.clone(),
            times,
        ],
    }
}

fn result(policy: &Policy, expectation: &Expectation, outcome: Outcome) -> ExpectationResult {
    let name = &expectation.name;
    let mut result = ExpectationResult {
        name: name.clone(),
        holds: matches!(outcome, Outcome::Holds),
        witness: None,
        entry: None,
        empty: matches!(outcome, Outcome::Empty),
        finding: None,
    };
    let message = match outcome {
        Outcome::Holds => return result,
        Outcome::Empty => Message::new("verify-expect-empty").with("name", name),
        Outcome::TooLarge(error) => {
            Message::new("verify-expect-unproved").with("name", name).with("why", error.message())
        }
        Outcome::Violated(point, cause) => {
            let key = if expectation.allow { "verify-expect-denied" } else { "verify-expect-passes" };
            let through = match cause {
                Some(Cause::Entry(index)) => {
                    let id = policy.entries[index].id.clone();
                    result.entry = Some(id.clone());
                    Message::new("verify-through-entry").with("entry", id)
                }
                Some(other) => Message::new("verify-through-other").with("what", other.name().unwrap_or_default()),
                None => Message::new("verify-through-none"),
            };
            let message = Message::new(key)
                .with("name", name)
                .with("packet", packet_text(&point.packet))
                .with("at", time_text(point.at, &policy.organisation.timezone))
                .with("through", through);
            result.witness = Some(point);
            message
        }
    };
    let finding = Finding::error("Z401", message).at(&expectation.place).subject(name.clone());
    result.finding = Some(finding.hint(Message::new("verify-expect-hint")));
    result
}
