//! Windows: the times of the week, and the single spans, that an entry names.
//!
//! A recurring window is of the clock on the wall: it is in force whenever that
//! clock, in the organisation's time zone, shows a time inside it. So an hour
//! that the clock shows twice (the end of summer time) is in force twice, and one
//! that it skips is not there. A window of its own date (`at`, `until`) is two
//! instants.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Spans;

/// Seconds of a day as clocks show it.
const DAY: u32 = 86_400;
/// Seconds of a week as clocks show it.
pub(super) const WEEK: u32 = 7 * DAY;
/// 1970-01-01 was a Thursday: seconds from the Monday before.
const EPOCH: i64 = 3 * DAY as i64;

/// One recurring window, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurring {
    /// On which days it begins, Monday first.
    pub days: [bool; 7],
    /// Seconds since the day's first, 0 ..= 86399.
    pub from: u32,
    /// Likewise, 0 ..= 86400, the first second outside. Not after `from`: of the
    /// next day, to which the window runs on.
    pub to: u32,
}

/// Normalised windows: two are equal if they mean the same times in the same zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Whose clock `weekly` is of; UTC where `weekly` is empty.
    zone: TimeZone,
    /// Seconds of the week since Monday 00:00, `[from, to)`, ascending and apart.
    weekly: Vec<(u32, u32)>,
    /// Instants, `[from, until)`, ascending and apart.
    once: Spans,
}

impl Windows {
    /// The union of these windows; none if that is always.
    pub fn new(zone: &TimeZone, recurring: &[Recurring], once: Spans) -> Option<Self> {
        let mut weekly = Vec::new();
        for window in recurring {
            let to = if window.to > window.from { window.to } else { window.to + DAY };
            for day in (0_u32..).zip(window.days).filter(|(_, begins)| *begins).map(|(day, _)| day * DAY) {
                let (from, to) = (day + window.from, day + to);
                weekly.push((from, to.min(WEEK)));
                // Sunday's night is Monday's morning.
                weekly.push((0, to.saturating_sub(WEEK)));
            }
        }
        let weekly = union(weekly);
        if weekly == [(0, WEEK)] {
            return None;
        }
        let zone = if weekly.is_empty() { TimeZone::UTC } else { zone.clone() };
        Some(Self { zone, weekly, once: union(once) })
    }

    /// True if they recur: their changes then never end.
    pub fn recur(&self) -> bool {
        !self.weekly.is_empty()
    }

    /// Whose clock recurring windows are of.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Seconds of the week since Monday 00:00 local, `[from, to)`, ascending and apart.
    pub fn weekly(&self) -> &[(u32, u32)] {
        &self.weekly
    }

    /// The windows of their own date, `[from, until)`, ascending and apart.
    pub fn once(&self) -> &[(Timestamp, Timestamp)] {
        &self.once
    }

    /// True if `at` lies in a window.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.once_at(at).is_some() || self.in_week(at)
    }

    /// The first instant after `after` at which [`Self::contains`] changes.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let inside = self.contains(after);
        let mut at = after;
        loop {
            // One window may take over where another ends: each turn leaves one behind.
            let next = match self.once_at(at) {
                Some((_, until)) => until,
                None => {
                    let begins = self.once.iter().map(|(from, _)| *from).find(|from| *from > at);
                    [self.week_change(at), begins].into_iter().flatten().min()?
                }
            };
            if self.contains(next) != inside {
                return Some(next);
            }
            at = next;
        }
    }

    fn once_at(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.once.iter().copied().find(|(from, until)| (*from..*until).contains(&at))
    }

    fn in_week(&self, at: Timestamp) -> bool {
        let second = self.second_of_week(at);
        self.weekly.iter().any(|(from, to)| (*from..*to).contains(&second))
    }

    /// What the clock on the wall shows at `at`.
    fn second_of_week(&self, at: Timestamp) -> u32 {
        let local = whole_second(at) + i64::from(self.zone.to_offset(at).seconds()) + EPOCH;
        // Below WEEK, which fits.
        local.rem_euclid(i64::from(WEEK)) as u32
    }

    /// The first instant after `after` at which [`Self::in_week`] changes.
    fn week_change(&self, after: Timestamp) -> Option<Timestamp> {
        if self.weekly.is_empty() {
            return None;
        }
        let inside = self.in_week(after);
        // A week that is neither empty nor full has a change in it; a clock that is
        // set for summer or winter may hide one, not those of two weeks.
        let limit = after.checked_add(SignedDuration::from_hours(24 * 21)).ok()?;
        let mut at = after;
        while at < limit {
            let edge = self.next_edge(at)?;
            // Up to the clock's next shift the week runs evenly.
            let shift = self.zone.following(at).next().map(|shift| shift.timestamp());
            at = shift.map_or(edge, |shift| shift.min(edge));
            if self.in_week(at) != inside {
                return Some(at);
            }
        }
        None
    }

    /// The instant after `at` at which the clock shows the next begin or end, if
    /// it is not shifted before.
    fn next_edge(&self, at: Timestamp) -> Option<Timestamp> {
        let now = self.second_of_week(at);
        let edges = || self.weekly.iter().flat_map(|(from, to)| [*from, *to]);
        let next = edges().find(|edge| *edge > now).or_else(|| edges().next().map(|first| first + WEEK))?;
        Timestamp::from_second(whole_second(at) + i64::from(next - now)).ok()
    }
}

/// The second that an instant lies in, also before 1970.
fn whole_second(at: Timestamp) -> i64 {
    at.as_second() - i64::from(at.subsec_nanosecond() < 0)
}

/// Ascending, those that touch made one; empty ones left out.
pub(super) fn union<T: Ord + Copy>(mut spans: Vec<(T, T)>) -> Vec<(T, T)> {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut out: Vec<(T, T)> = Vec::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}
