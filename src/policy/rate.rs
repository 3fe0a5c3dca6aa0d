//! The limit on an entry's new flows.

/// `rate = "N/UNIT"`: at most N·t + N new flows in t units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    /// New flows a unit, 1 ..= 1,000,000; also the burst.
    pub count: u32,
    /// The unit.
    pub unit: RateUnit,
}

/// The unit of a [`Rate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RateUnit {
    Second,
    Minute,
    Hour,
    Day,
}
