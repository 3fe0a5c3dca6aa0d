//! Transport ports.

use std::fmt;
use std::str::FromStr;

/// An inclusive range of ports, 0 ..= 65535; `first <= last` always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Why a text is not a port or a port range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Not a number 0 ..= 65535.
    #[error("not a port number 0-65535")]
    Number,
    /// The range runs backwards.
    #[error("the range runs backwards")]
    Backwards,
}

impl PortRange {
    /// `first ..= last`; none if it runs backwards.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// One port.
    pub fn single(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// True if it holds one port.
    pub fn is_single(self) -> bool {
        self.first == self.last
    }

    /// True if `port` lies in it.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl FromStr for PortRange {
    type Err = PortError;

    /// Reads `PORT` or `PORT-PORT`, decimal.
    fn from_str(text: &str) -> Result<Self, PortError> {
        let port = |t: &str| {
            let digits = !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| t.parse::<u16>().ok()).flatten().ok_or(PortError::Number)
        };
        match text.split_once('-') {
            None => port(text).map(Self::single),
            Some((a, b)) => Self::new(port(a)?, port(b)?).ok_or(PortError::Backwards),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}
