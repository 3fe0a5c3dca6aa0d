//! When an entry is in force.

use jiff::Timestamp;

use super::{Calendar, Windows};

/// Half-open spans of time, in UTC, ascending and apart.
pub type Spans = Vec<(Timestamp, Timestamp)>;

/// The times at which an entry is in force: half-open, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// First instant in force; none = since ever.
    pub starts: Option<Timestamp>,
    /// First instant no longer in force: the earliest of the entry's own expiry
    /// and its approval's; none = without end.
    pub expires: Option<Timestamp>,
    /// When between them; none = always.
    pub windows: Option<Windows>,
}

/// What an entry is at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// In force.
    Active,
    /// Not now: before `starts`, or outside its window.
    OutsideWindow,
    /// No longer.
    Expired,
}

impl Schedule {
    /// The status at `at`. An entry past its expiry is expired whatever else holds.
    pub fn status(&self, at: Timestamp) -> Status {
        if self.expires.is_some_and(|end| at >= end) {
            Status::Expired
        } else if self.starts.is_some_and(|start| at < start) || !self.in_window(at) {
            Status::OutsideWindow
        } else {
            Status::Active
        }
    }

    fn in_window(&self, at: Timestamp) -> bool {
        self.windows.as_ref().is_none_or(|windows| windows.contains(at))
    }

    /// The first instant after `after` at which the status changes.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let status = self.status(after);
        if status == Status::Expired {
            return None;
        }
        let mut at = after;
        loop {
            // Before the start windows are of no account.
            let begun = self.starts.is_none_or(|start| start <= at);
            let window = self.windows.as_ref().filter(|_| begun).and_then(|windows| windows.next_change(at));
            let dates = [self.starts, self.expires].into_iter().flatten().filter(|date| *date > at);
            let next = dates.chain(window).min()?;
            if self.status(next) != status {
                return Some(next);
            }
            at = next;
        }
    }

    /// What is left at `at` of the span in force, `[at, end)`; none if it is not
    /// in force. An open end is `Timestamp::MAX`.
    pub fn span_at(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let active = self.status(at) == Status::Active;
        active.then(|| (at, self.next_change(at).unwrap_or(Timestamp::MAX)))
    }

    /// The spans in force within `[from, until)`. Without an `until` of their own
    /// windows that recur give spans without number.
    pub fn spans_within(&self, from: Timestamp, until: Timestamp) -> Spans {
        let mut spans = Spans::new();
        let mut at = Some(from);
        while let Some(from) = at.filter(|at| *at < until) {
            if let Some((from, end)) = self.span_at(from) {
                spans.push((from, end.min(until)));
            }
            at = self.next_change(from);
        }
        spans
    }

    /// The spans in force at or after `since`, by a calendar that names this
    /// schedule's dates: finitely many. An open end is `Timestamp::MAX`.
    pub fn spans(&self, since: Timestamp, calendar: &Calendar) -> Spans {
        let mut spans = Spans::new();
        let mut from = since;
        for (stop, resume) in calendar.stops_after(since) {
            spans.extend(self.spans_within(from, stop));
            spans.extend((self.status(stop) == Status::Active).then_some((stop, resume)));
            from = resume;
        }
        spans.extend(self.spans_within(from, Timestamp::MAX));
        super::window::union(spans)
    }

    /// Every date that it names: `starts`, `expires`, and of windows that do not recur.
    pub fn dates(&self) -> impl Iterator<Item = Timestamp> {
        let once = self.windows.iter().flat_map(|windows| windows.once()).flat_map(|(from, until)| [*from, *until]);
        self.starts.into_iter().chain(self.expires).chain(once)
    }
}

#[cfg(test)]
mod tests;
