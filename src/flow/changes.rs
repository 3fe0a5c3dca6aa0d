//! What the log has to keep next: new records, new totals, gaps.

use jiff::Timestamp;

use super::record::Record;

/// Why something is missing from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapCause {
    /// The kernel numbered packets that never came.
    Sequence,
    /// The receive buffer ran over; the number follows as [`Self::Sequence`].
    Overrun,
    /// A message of the kernel that could not be read.
    Unreadable,
    /// A packet that a rule of another program put into our group.
    Foreign,
    /// More flows at once than are held.
    Overflow,
    /// Records that could not be written.
    Store,
    /// The kernel's packets could not be read; how many is not known here.
    Unread,
    /// The daemon did not run; as above.
    Stopped,
    /// The store was damaged and set aside; how much it held is not known.
    Damaged,
    /// Records older than the retention, deleted; counted are their packets.
    Retention,
}

impl GapCause {
    /// Every cause.
    pub const ALL: [Self; 10] = [
        Self::Sequence,
        Self::Overrun,
        Self::Unreadable,
        Self::Foreign,
        Self::Overflow,
        Self::Store,
        Self::Unread,
        Self::Stopped,
        Self::Damaged,
        Self::Retention,
    ];

    /// The name in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Overrun => "overrun",
            Self::Unreadable => "unreadable",
            Self::Foreign => "foreign",
            Self::Overflow => "overflow",
            Self::Store => "store",
            Self::Unread => "unread",
            Self::Stopped => "stopped",
            Self::Damaged => "damaged",
            Self::Retention => "retention",
        }
    }

    /// The cause of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == text)
    }
}

/// Something missing: when, how much, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// From when on something may be missing.
    pub first: Timestamp,
    /// Until when.
    pub last: Timestamp,
    /// Why.
    pub cause: GapCause,
    /// Packets missing; 0 = not known here.
    pub packets: u64,
}

/// The totals of a record written before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The record.
    pub seq: u64,
    /// Packets so far.
    pub packets: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// The last packet so far.
    pub last_seen: Timestamp,
    /// Packets more than when the totals were last written.
    pub added: u64,
}

/// One transaction's worth. Opened records stand by number, without holes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// New records, with their totals so far.
    pub opened: Vec<Record>,
    /// New totals of older ones.
    pub totals: Vec<Total>,
    /// What is missing.
    pub gaps: Vec<Gap>,
}

impl Changes {
    /// True if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.totals.is_empty() && self.gaps.is_empty()
    }

    /// Adds to the gap of this cause.
    pub fn gap(&mut self, cause: GapCause, span: (Timestamp, Timestamp), packets: u64) {
        match self.gaps.iter_mut().find(|g| g.cause == cause) {
            Some(gap) => {
                gap.first = gap.first.min(span.0);
                gap.last = gap.last.max(span.1);
                gap.packets += packets;
            }
            None => self.gaps.push(Gap { first: span.0, last: span.1, cause, packets }),
        }
    }
}

/// Where records are kept: an embedded store today.
pub trait FlowSink {
    /// Why something could not be kept.
    type Error;

    /// Keeps all of it, or nothing.
    ///
    /// # Errors
    /// As the sink says; the caller keeps the changes and tries again.
    fn write(&mut self, changes: &Changes) -> Result<(), Self::Error>;

    /// The number for the next record.
    ///
    /// # Errors
    /// As the sink says.
    fn next_seq(&mut self) -> Result<u64, Self::Error>;
}
