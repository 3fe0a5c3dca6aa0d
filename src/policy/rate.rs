//! The limit on an entry's new flows.

use std::fmt;
use std::str::FromStr;

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

/// Most new flows a unit.
pub const MAX_RATE: u32 = 1_000_000;

impl RateUnit {
    /// Every unit.
    pub const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    /// Its length, seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

impl fmt::Display for RateUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        })
    }
}

/// A text that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRate;

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (count, unit) = text.split_once('/').ok_or(NoRate)?;
        // `parse` would take a sign.
        let digits = count.bytes().all(|b| b.is_ascii_digit());
        let count = count.parse().ok().filter(|n| digits && (1..=MAX_RATE).contains(n)).ok_or(NoRate)?;
        let unit = RateUnit::ALL.into_iter().find(|u| u.to_string() == unit).ok_or(NoRate)?;
        Ok(Self { count, unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_back_and_nothing_else_is_one() {
        for text in ["1/second", "100/minute", "7/hour", "1000000/day"] {
            assert_eq!(text.parse::<Rate>().map(|r| r.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            "1",
            "/second",
            "0/second",
            "1000001/second",
            "-1/second",
            "+1/second",
            "1/s",
            "1/Second",
            "1 /day",
            "1/day ",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(NoRate), "{text}");
        }
    }
}
