//! What a change opens and closes, exact over all moments from one on.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::allowed::{Allowed, Cause};
use super::flow::{Flow, Labels, flows_json, flows_of, object};
use super::geometry::{Geometry, interfaces_of};
use super::remainder::{Share, remainder};
use super::settings::settings;
use crate::diag::{Lang, Message};
use crate::policy::{Calendar, Policy, ZoneId};
use crate::space::{Budget, Interfaces, SpaceError};

/// The difference between two policies, as flows.
#[derive(Debug, Clone)]
pub struct Diff {
    /// What the new policy lets open and the old one does not; the entries are
    /// the new policy's.
    pub opened: Vec<Flow>,
    /// What the old one lets open and the new one does not; the entries are the
    /// old policy's.
    pub closed: Vec<Flow>,
    /// Other differences, which change no verdict.
    pub settings: Vec<Message>,
    /// The interfaces as both policies tell them apart.
    pub interfaces: Interfaces,
    /// The new policy's time zone, in which times are shown.
    pub timezone: TimeZone,
}

/// What changes between `old` (none = nothing opens) and `new` at or after `at`.
/// Against none, what the gateway sends by `output = "allow"` is left out: no
/// chain of ours opens it, and without us it passes as well.
/// Rewording, moving, splitting or merging entries without effect is no change;
/// neither is what lies in the past of `at`. Live flows are not looked at.
///
/// # Errors
/// [`SpaceError::TooLarge`] where the proof would exceed its bound.
pub fn diff(old: Option<&Policy>, new: &Policy, at: Timestamp) -> Result<Diff, SpaceError> {
    let interfaces = interfaces_of(old.into_iter().chain([new]));
    let calendar = Calendar::new(old.into_iter().chain([new]), at, []);
    let after = Allowed::new(Geometry::new(new, &interfaces), at, &calendar);
    let before = old.map(|old| Allowed::new(Geometry::new(old, &interfaces), at, &calendar));
    let mut budget = Budget::default();
    let mut fresh = remainder(&after, before.as_ref(), &mut budget)?;
    fresh.retain(|share| old.is_some() || share.causes.iter().any(|cause| *cause != Cause::Output));
    let opened = flows(new, fresh, &interfaces, at);
    let closed = match (&before, old) {
        (Some(before), Some(old)) => flows(old, remainder(before, Some(&after), &mut budget)?, &interfaces, at),
        _ => Vec::new(),
    };
    drop((after, before));
    let shown = opened.iter().chain(&closed).flat_map(|f: &Flow| f.entries.iter().map(String::as_str)).collect();
    let settings = old.map_or_else(Vec::new, |old| settings(old, new, &shown));
    Ok(Diff { opened, closed, settings, interfaces, timezone: new.organisation.timezone.clone() })
}

fn flows(policy: &Policy, shares: Vec<Share>, interfaces: &Interfaces, at: Timestamp) -> Vec<Flow> {
    let mut out = Vec::new();
    for share in shares {
        let labels = Labels {
            from_zone: end_name(policy, share.from),
            to_zone: match (share.from, share.to) {
                (None, None) => None,
                (_, to) => Some(end_name(policy, to)),
            },
            entries: share.causes.iter().filter_map(|c| entry_id(policy, *c)).collect(),
            reasons: share.causes.iter().filter_map(|c| c.name()).collect(),
        };
        out.extend(share.cubes.iter().flat_map(|cube| flows_of(cube, &labels, interfaces, at)));
    }
    out
}

/// A zone's name, or `gateway`.
pub(super) fn end_name(policy: &Policy, zone: Option<ZoneId>) -> String {
    zone.map_or_else(|| "gateway".into(), |z| policy.zone(z).name.clone())
}

fn entry_id(policy: &Policy, cause: Cause) -> Option<String> {
    match cause {
        Cause::Entry(index) => Some(policy.entries[index].id.clone()),
        _ => None,
    }
}

impl Diff {
    /// True if some verdict changes at or after the moment of comparison.
    pub fn changes(&self) -> bool {
        !self.opened.is_empty() || !self.closed.is_empty()
    }

    /// SPEC §4's `opened`.
    pub fn opened_json(&self) -> Value {
        flows_json(&self.opened, &self.interfaces, &self.timezone)
    }

    /// SPEC §4's `closed`.
    pub fn closed_json(&self) -> Value {
        flows_json(&self.closed, &self.interfaces, &self.timezone)
    }

    /// SPEC §4's `settings`, in words.
    pub fn settings_text(&self, lang: Lang) -> Vec<String> {
        self.settings.iter().map(|m| m.text(lang)).collect()
    }

    /// `opened`, `closed` and `settings` of SPEC §4 in one object.
    pub fn to_json(&self, lang: Lang) -> Value {
        object([
            ("opened", self.opened_json()),
            ("closed", self.closed_json()),
            ("settings", json!(self.settings_text(lang))),
        ])
    }
}
