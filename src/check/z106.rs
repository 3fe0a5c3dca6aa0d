//! Z106: a My Number entry is a designated communication, and no entry joins
//! classes that the model keeps apart (DOMAIN, Models).

use super::input::{Allowed, Crossing, Input};
use super::{Check, Clause, words, z102, z110};
use crate::diag::{Findings, Message, Severity};
use crate::policy::{Endpoint, Model, Purpose, Sanitise, ZoneClass};

pub const CHECK: Check = Check::new("Z106", Severity::Error, words!("z106"), run)
    .cites(CLAUSES)
    .example("[[allow]]\nid = \"LU-001\"\nfrom = \"lgwan\"\nto = \"uplink\"\nservices = \"https\"\n");

/// First those on the My Number zones, then those on LGWAN.
const CLAUSES: &[Clause] = &[
    Clause::shunan("第3章(1)①"),
    Clause::akune("I 6(3)ア"),
    Clause::okayama("6(3)①"),
    Clause::shunan("第3章(2)①"),
    Clause::akune("I 6(3)イ"),
];
const MYNUMBER: usize = 3;

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        let entry = allowed.entry;
        let screen = input.edition_2025() && entry.sanitise == Some(Sanitise::ScreenTransfer);
        let designated = entry.purpose == Purpose::Designated || screen;
        let mynumber = input.mynumber_crossings(entry);
        if !designated && mynumber.iter().any(|pair| !z102::forbidden(input.class(input.far(*pair)))) {
            let place = allowed.written.purpose.as_ref().map_or(allowed.place(), |purpose| &purpose.place);
            let message = Message::new("check-z106-not-designated");
            findings.push(input.citing(&CHECK, &CLAUSES[..MYNUMBER], message).at(place).subject(&entry.id));
        }
        for pair in input.crossings(entry) {
            if let Some((key, end)) = closed(input, allowed, pair) {
                let message = Message::new(key)
                    .with("from", input.zone_name(pair.from))
                    .with("to", input.zone_name(pair.to))
                    .with("model", model_name(input.policy.compliance.model));
                let place = input.end_place(&allowed.written.to, end, allowed.place());
                findings.push(input.citing(&CHECK, &CLAUSES[MYNUMBER..], message).at(place).subject(&entry.id));
            }
        }
    }
}

/// The model as SPEC writes it.
pub fn model_name(model: Model) -> &'static str {
    match model {
        Model::Alpha => "alpha",
        Model::AlphaPrime => "alpha-prime",
        Model::Beta => "beta",
        Model::BetaPrime => "beta-prime",
        Model::TwoZone => "two-zone",
        Model::General => "general",
    }
}

/// Why the model closes a pair, and the end that shows it. Pairs of a My Number
/// zone are Z102's and the purpose's; those that the matrix does not name are open.
fn closed(input: &Input<'_>, allowed: Allowed<'_>, pair: Crossing) -> Option<(&'static str, Endpoint)> {
    let model = input.policy.compliance.model;
    if matches!(model, Model::TwoZone | Model::General) {
        return None;
    }
    let mut ends = input.ends_in(&allowed.entry.to, pair.to);
    let first = input.ends_in(&allowed.entry.to, pair.to).next()?;
    match (input.class(pair.from), input.class(pair.to)) {
        (ZoneClass::Lgwan, ZoneClass::Uplink) if model == Model::AlphaPrime => {
            let zone = input.policy.zone(pair.to);
            let unnamed = ends.find(|end| matches!(end, Endpoint::Zone(_)) && input.is_any(pair.to));
            if !zone.breakout {
                Some(("check-z106-closed", first))
            } else if let Some(end) = unnamed {
                Some(("check-z106-cloud-unnamed", end))
            } else {
                allowed.entry.schedule.expires.is_none().then_some(("check-z106-cloud-undated", first))
            }
        }
        (ZoneClass::Lgwan, ZoneClass::Uplink) | (ZoneClass::Uplink, ZoneClass::Lgwan) => {
            Some(("check-z106-closed", first))
        }
        (ZoneClass::Lgwan, ZoneClass::Internet) if matches!(model, Model::Beta | Model::BetaPrime) => {
            // An approved transfer says how it is made harmless; Z110 holds it to that.
            let open = allowed.entry.sanitise.is_some() || z110::exempt(allowed.entry);
            (!open).then_some(("check-z106-closed", first))
        }
        _ => None,
    }
}
