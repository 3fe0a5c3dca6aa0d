//! What a service matches: protocol and port, ICMP type, or a bare protocol.

use std::fmt;
use std::str::FromStr;

use super::{Packet, PortRange, Proto};

/// One atom of a service (SPEC §1 `[services.*]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Destination ports of TCP, UDP or SCTP; never of another protocol.
    Ports(Proto, PortRange),
    /// ICMP for IPv4: one type, or all.
    Icmp(Option<u8>),
    /// ICMPv6: one type, or all.
    Icmpv6(Option<u8>),
    /// Every packet of an IP protocol.
    Proto(Proto),
    /// Every packet.
    Any,
}

/// Why a text is not a service atom.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// No such form.
    #[error("expected tcp|udp|sctp/PORT[-PORT], icmp[/TYPE], icmpv6[/TYPE] or proto/NUMBER")]
    Form,
    /// Bad port or range.
    #[error(transparent)]
    Port(#[from] super::PortError),
    /// Type or protocol number not 0 ..= 255.
    #[error("not a number 0-255")]
    Number,
}

impl Service {
    /// True if the packet is of this service (its destination port, type or protocol).
    pub fn matches(&self, packet: &Packet) -> bool {
        match *self {
            Self::Ports(proto, range) => packet.proto == proto && packet.dport.is_some_and(|p| range.contains(p)),
            Self::Icmp(want) => packet.proto == Proto::ICMP && want.is_none_or(|t| packet.icmp_type == Some(t)),
            Self::Icmpv6(want) => packet.proto == Proto::ICMPV6 && want.is_none_or(|t| packet.icmp_type == Some(t)),
            Self::Proto(proto) => packet.proto == proto,
            Self::Any => true,
        }
    }
}

impl FromStr for Service {
    type Err = ServiceError;

    /// Reads `tcp/443`, `udp/5000-5010`, `icmp`, `icmp/8`, `icmpv6/128`, `proto/47`.
    fn from_str(text: &str) -> Result<Self, ServiceError> {
        let (head, tail) = match text.split_once('/') {
            Some((h, t)) => (h, Some(t)),
            None => (text, None),
        };
        let number = |t: &str| {
            let digits = !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| t.parse::<u8>().ok()).flatten().ok_or(ServiceError::Number)
        };
        match (head, tail) {
            ("tcp", Some(t)) => Ok(Self::Ports(Proto::TCP, t.parse()?)),
            ("udp", Some(t)) => Ok(Self::Ports(Proto::UDP, t.parse()?)),
            ("sctp", Some(t)) => Ok(Self::Ports(Proto::SCTP, t.parse()?)),
            ("icmp", t) => Ok(Self::Icmp(t.map(number).transpose()?)),
            ("icmpv6", t) => Ok(Self::Icmpv6(t.map(number).transpose()?)),
            ("proto", Some(t)) => Ok(Self::Proto(Proto(number(t)?))),
            _ => Err(ServiceError::Form),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ports(proto, range) => write!(f, "{proto}/{range}"),
            Self::Icmp(None) => f.write_str("icmp"),
            Self::Icmp(Some(t)) => write!(f, "icmp/{t}"),
            Self::Icmpv6(None) => f.write_str("icmpv6"),
            Self::Icmpv6(Some(t)) => write!(f, "icmpv6/{t}"),
            Self::Proto(proto) => write!(f, "proto/{}", proto.0),
            Self::Any => f.write_str("any"),
        }
    }
}
