//! A calendar that ends: what recurs for ever, as finitely many spans.
//!
//! Recurring windows make schedules without end, yet only so many combinations
//! of what is in force at once. Between two dates that some schedule names, all
//! that changes is the week: once every time of it has been seen, nothing new
//! comes. So a [`Calendar`] lets time run after each date for a while, and then
//! stand still until the next: what holds where it stands has held before. Over
//! such a calendar each schedule is a finite set of spans
//! ([`super::Schedule::spans`]), and whatever is true of some moment at all is
//! true of a moment at which the calendar runs, and the other way round.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Policy, Spans};

/// How long time runs after a date. Two weeks and a day: where summer time hides
/// an hour of one week, the other shows it.
const RUN: SignedDuration = SignedDuration::from_hours(24 * 15);
/// Clocks of two zones meet in every way within this time, since the rules of
/// summer time are yearly.
const YEARS: SignedDuration = SignedDuration::from_hours(24 * 366 * 2);

/// Where time stands still.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    stops: Spans,
}

impl Calendar {
    /// The calendar of these policies from `since` on. Time also runs at and after each of `more`.
    pub fn new<'a>(
        policies: impl IntoIterator<Item = &'a Policy>,
        since: Timestamp,
        more: impl IntoIterator<Item = Timestamp>,
    ) -> Self {
        let (mut dates, mut zones): (BTreeSet<Timestamp>, Vec<&TimeZone>) = (more.into_iter().collect(), Vec::new());
        dates.insert(since);
        for policy in policies {
            dates.extend(policy.dates());
            for windows in policy.entries.iter().filter_map(|e| e.schedule.windows.as_ref()).filter(|w| w.recur()) {
                if !zones.contains(&windows.zone()) {
                    zones.push(windows.zone());
                }
            }
        }
        if zones.is_empty() {
            return Self::default();
        }
        if zones.len() > 1 {
            shifts(&mut dates, &zones);
        }
        dates.retain(|date| *date >= since);
        let ends = dates.iter().copied().skip(1).chain([Timestamp::MAX]);
        let stops = dates.iter().zip(ends).filter_map(|(date, end)| {
            let stop = date.checked_add(RUN).ok()?;
            (stop < end).then_some((stop, end))
        });
        Self { stops: stops.collect() }
    }

    /// From where to where time stands still, after `since`.
    pub(super) fn stops_after(&self, since: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.stops
            .iter()
            .copied()
            .filter(move |(_, resume)| *resume > since)
            .map(move |(stop, resume)| (stop.max(since), resume))
    }

    /// The moment at which all is as the calendar shows it at `at`.
    pub fn moment(&self, at: Timestamp) -> Timestamp {
        self.stops.iter().find(|(stop, resume)| (*stop..*resume).contains(&at)).map_or(at, |(stop, _)| *stop)
    }
}

/// Adds the dates at which clocks of several zones shift against each other.
fn shifts(dates: &mut BTreeSet<Timestamp>, zones: &[&TimeZone]) {
    let mut more = Vec::new();
    for date in &*dates {
        let until = date.checked_add(YEARS).unwrap_or(Timestamp::MAX);
        for zone in zones {
            more.extend(zone.following(*date).map(|shift| shift.timestamp()).take_while(|at| *at < until));
        }
    }
    dates.extend(more);
}
