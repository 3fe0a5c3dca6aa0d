//! Verdicts and their reasons (SPEC §2, §4): one vocabulary for the compiler,
//! the judge, the prover and the log.

use std::fmt;

/// Why a packet is denied, in the order in which SPEC §2 asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenyReason {
    /// An isolation is in force.
    Isolated,
    /// Connection state invalid or untracked, or an IPv6 routing header.
    Invalid,
    /// Interface or destination of no zone.
    UnknownZone,
    /// Source address not of a zone on that interface.
    SpoofedSource,
    /// A declared address with another MAC.
    MacMismatch,
    /// A declared MAC with another address.
    IpMismatch,
    /// A device not declared, in a strict zone.
    ForeignDevice,
    /// An entry matches but is beyond its rate.
    RateExceeded,
    /// An entry matches but not at this time.
    OutsideWindow,
    /// An entry matches but has expired, or its approval has.
    Expired,
    /// No entry matches.
    NoAllowEntry,
}

impl DenyReason {
    /// Every reason, in order.
    pub const ALL: [Self; 11] = [
        Self::Isolated,
        Self::Invalid,
        Self::UnknownZone,
        Self::SpoofedSource,
        Self::MacMismatch,
        Self::IpMismatch,
        Self::ForeignDevice,
        Self::RateExceeded,
        Self::OutsideWindow,
        Self::Expired,
        Self::NoAllowEntry,
    ];

    /// The name used in logs, counters and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::Invalid => "invalid",
            Self::UnknownZone => "unknown-zone",
            Self::SpoofedSource => "spoofed-source",
            Self::MacMismatch => "mac-mismatch",
            Self::IpMismatch => "ip-mismatch",
            Self::ForeignDevice => "foreign-device",
            Self::RateExceeded => "rate-exceeded",
            Self::OutsideWindow => "outside-window",
            Self::Expired => "expired",
            Self::NoAllowEntry => "no-allow-entry",
        }
    }

    /// The reason of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// True if `deny_with = "reject"` may answer (SPEC §2: the claimed source of
    /// the others is not to be believed).
    pub fn may_reject(self) -> bool {
        matches!(self, Self::Isolated | Self::RateExceeded | Self::OutsideWindow | Self::Expired | Self::NoAllowEntry)
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a packet is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AllowReason {
    /// An entry, the gateway's `output = "allow"`, or what the gateway needs to live.
    Allowed,
    /// Routed inside a zone with `intra_zone = "allow"`.
    IntraZone,
    /// `gateway.management`.
    Management,
    /// Of an open flow, or an ICMP error about one.
    Established,
}

impl AllowReason {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::IntraZone => "intra-zone",
            Self::Management => "management",
            Self::Established => "established",
        }
    }
}

impl fmt::Display for AllowReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It passes.
    Allow(AllowReason),
    /// It does not.
    Deny(DenyReason),
}

impl Verdict {
    /// True for [`Verdict::Allow`].
    pub fn is_allow(self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// `allow` or `deny`.
    pub fn as_str(self) -> &'static str {
        if self.is_allow() { "allow" } else { "deny" }
    }

    /// The reason's name.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Allow(reason) => reason.as_str(),
            Self::Deny(reason) => reason.as_str(),
        }
    }
}
