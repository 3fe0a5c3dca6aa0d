//! Zone × zone: what is open between each pair, and through which entries.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::allowed::by_zone;
use super::diff::end_name;
use super::flow::time_text;
use crate::policy::{Entry, Policy, Status, ZoneId};

/// What is open from one side to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// What opens it beside entries: `intra-zone`, `management`, `output`.
    pub reasons: Vec<&'static str>,
    /// Entries between the two, in reading order.
    pub entries: Vec<CellEntry>,
}

/// An entry in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellEntry {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Its services as written.
    pub services: Vec<String>,
    /// In force, not yet, or no longer.
    pub status: Status,
    /// First instant in force; none = since ever.
    pub starts: Option<Timestamp>,
    /// First instant no longer in force; none = without end.
    pub expires: Option<Timestamp>,
    /// When the status next changes, windows among the causes; none = never.
    pub next_change: Option<Timestamp>,
}

/// The table. A side is a zone, or none for the gateway.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// Names of rows and columns in order: the zones, then `gateway`.
    pub sides: Vec<String>,
    /// The moment.
    pub at: Timestamp,
    cells: BTreeMap<(usize, usize), Cell>,
    timezone: jiff::tz::TimeZone,
}

/// The table of a policy at an instant.
pub fn matrix(policy: &Policy, at: Timestamp) -> Matrix {
    let gateway = policy.zones.len();
    let side = |zone: Option<ZoneId>| zone.map_or(gateway, |z| z.0);
    let mut cells: BTreeMap<(usize, usize), Cell> = BTreeMap::new();
    for management in &policy.gateway.management {
        let from = policy.host(management.host).zone.0;
        let reasons = &mut cells.entry((from, gateway)).or_default().reasons;
        if reasons.is_empty() {
            reasons.push("management");
        }
    }
    for (index, zone) in policy.zones.iter().enumerate() {
        if zone.intra_zone_allow {
            cells.entry((index, index)).or_default().reasons.push("intra-zone");
        }
        if policy.gateway.output_allow {
            cells.entry((gateway, index)).or_default().reasons.push("output");
        }
    }
    for entry in &policy.entries {
        for (from, _) in by_zone(policy, &entry.from) {
            for (to, _) in by_zone(policy, &entry.to) {
                cells.entry((side(from), side(to))).or_default().entries.push(cell_entry(entry, at));
            }
        }
    }
    let sides = (0..gateway).map(|z| Some(ZoneId(z))).chain([None]).map(|z| end_name(policy, z)).collect();
    Matrix { sides, at, cells, timezone: policy.organisation.timezone.clone() }
}

fn cell_entry(entry: &Entry, at: Timestamp) -> CellEntry {
    CellEntry {
        id: entry.id.clone(),
        title: entry.title.clone(),
        services: entry.service_names.clone(),
        status: entry.schedule.status(at),
        starts: entry.schedule.starts,
        expires: entry.schedule.expires,
        next_change: entry.schedule.next_change(at),
    }
}

/// `active`, `outside-window` (also not yet) or `expired`.
fn status_text(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::OutsideWindow => "outside-window",
        Status::Expired => "expired",
    }
}

impl Cell {
    /// True if something opens now.
    pub fn is_open(&self) -> bool {
        !self.reasons.is_empty() || self.entries.iter().any(|e| e.status == Status::Active)
    }
}

impl Matrix {
    /// The cell of two positions in `sides`; none if nothing is between them.
    pub fn cell(&self, from: usize, to: usize) -> Option<&Cell> {
        self.cells.get(&(from, to))
    }

    /// `{"at","zones":[…,"gateway"],"cells":[{"from","to","open","reasons",
    /// "entries":[{"id","title","services","status","starts","expires","next_change"}]}]}`;
    /// cells between which there is nothing are left out.
    pub fn to_json(&self) -> Value {
        let time = |t: Option<Timestamp>| t.map(|t| time_text(t, &self.timezone));
        let entry = |e: &CellEntry| {
            json!({
                "id": e.id, "title": e.title, "services": e.services, "status": status_text(e.status),
                "starts": time(e.starts), "expires": time(e.expires),
                "next_change": time(e.next_change),
            })
        };
        let cells = self.cells.iter().map(|((from, to), cell)| {
            json!({
                "from": self.sides[*from], "to": self.sides[*to], "open": cell.is_open(), "reasons": cell.reasons,
                "entries": cell.entries.iter().map(entry).collect::<Vec<_>>(),
            })
        });
        json!({ "at": time(Some(self.at)), "zones": self.sides, "cells": cells.collect::<Vec<_>>() })
    }
}
