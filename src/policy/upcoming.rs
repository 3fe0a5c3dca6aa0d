//! What begins and ends next, for people who plan.

use jiff::Timestamp;

use super::{Policy, Status};

/// What an [`Upcoming`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An entry, by id.
    Entry,
    /// An approval, by name.
    Approval,
    /// A host, by name.
    Host,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// It comes into force.
    Begins,
    /// Its window closes; it may begin again.
    Ends,
    /// It is over.
    Expires,
}

/// One change that time alone brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upcoming<'p> {
    /// When.
    pub at: Timestamp,
    /// What kind of thing.
    pub subject: Subject,
    /// Its name.
    pub name: &'p str,
    /// What happens.
    pub turn: Turn,
}

impl Policy {
    /// The next change of every entry, approval and host after `after`, and every
    /// entry's expiry, in order of time.
    pub fn upcoming(&self, after: Timestamp) -> Vec<Upcoming<'_>> {
        let mut all = Vec::new();
        let mut add = |at: Option<Timestamp>, subject, name, turn| {
            all.extend(at.filter(|at| *at > after).map(|at| Upcoming { at, subject, name, turn }));
        };
        for entry in &self.entries {
            let (name, schedule) = (entry.id.as_str(), &entry.schedule);
            add(schedule.expires, Subject::Entry, name, Turn::Expires);
            let next = schedule.next_change(after);
            match next.map(|next| schedule.status(next)) {
                Some(Status::Active) => add(next, Subject::Entry, name, Turn::Begins),
                Some(Status::OutsideWindow) => add(next, Subject::Entry, name, Turn::Ends),
                Some(Status::Expired) | None => {}
            }
        }
        for (name, approval) in &self.approvals {
            add(approval.expires, Subject::Approval, name, Turn::Expires);
        }
        for host in &self.hosts {
            add(host.valid.from, Subject::Host, &host.name, Turn::Begins);
            add(host.valid.until, Subject::Host, &host.name, Turn::Expires);
        }
        all.sort_unstable();
        all
    }
}

impl Subject {
    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Approval => "approval",
            Self::Host => "host",
        }
    }
}

impl Turn {
    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Ends => "ends",
            Self::Expires => "expires",
        }
    }
}
