//! When an entry is in force.

use jiff::Timestamp;

/// The times at which an entry is in force: half-open, in UTC. Windows join here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Schedule {
    /// First instant in force; none = since ever.
    pub starts: Option<Timestamp>,
    /// First instant no longer in force: the earliest of the entry's own expiry
    /// and its approval's; none = without end.
    pub expires: Option<Timestamp>,
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
        } else if self.starts.is_some_and(|start| at < start) {
            Status::OutsideWindow
        } else {
            Status::Active
        }
    }

    /// The first instant after `after` at which the status changes.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let next = [self.starts, self.expires].into_iter().flatten().filter(|t| *t > after).min()?;
        (self.status(next) != self.status(after)).then_some(next)
    }

    /// The spans `[from, until)` in force at or after `since`, in order; an open
    /// end is `Timestamp::MAX`.
    pub fn spans(&self, since: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let from = self.starts.map_or(since, |s| s.max(since));
        let until = self.expires.unwrap_or(Timestamp::MAX);
        if from < until { vec![(from, until)] } else { Vec::new() }
    }
}
