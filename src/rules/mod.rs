//! The policy in normal form: three questions instead of a list of entries.
//!
//! Takes a resolved [`Policy`](crate::policy::Policy) and an instant, gives
//! [`Rules`]; `nft` renders them, nothing here knows nftables.
//!
//! 1. Who sends? (interface, MAC, address) → *class*: the sources that the same
//!    endpoints mean, so that they meet the same entries.
//! 2. To whom? (interface, address) → *target*: the destinations that the same
//!    endpoints mean; and (class, target) → *node*: the set of entries that match
//!    source and destination.
//! 3. What? (node, protocol, port) → *leaf*: the deciding entry, or the reason
//!    of the denial.
//!
//! Groups are never multiplied out: an entry costs its sources plus its
//! destinations plus its services, and the classes on one side times those on
//! the other. Ids of classes and nodes are hashes of what
//! they stand for, so that a change elsewhere leaves them as they are.

mod binding;
mod classes;
mod compile;
mod ids;
mod partition;
mod services;
mod targets;

use std::net::IpAddr;

use jiff::Timestamp;

use crate::net::{AddrRange, IfPattern, MacAddr, PortRange, Proto, Service};
use crate::policy::{DenyReason, Rate, ZoneId};

pub use binding::joined;
pub use compile::{compile, marks};

/// Id of a class of sources; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// Id of a class of destinations; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

/// Id of a set of entries that match the same (source, destination); never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// Index into [`Rules::atoms`].
pub type AtomIndex = usize;

/// The whole policy in normal form, at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Interfaces, names before wildcards; the first that matches counts.
    pub atoms: Vec<AtomRules>,
    /// Zones in reading order; index = [`ZoneId`].
    pub zones: Vec<ZoneRules>,
    /// Sources that differ from the rest of their zone.
    pub sources: Vec<Source>,
    /// Devices known by their MAC alone, at any address that is not bound.
    pub devices: Vec<Source>,
    /// Devices known by their MAC while they have no address yet.
    pub link_sources: Vec<(AtomIndex, MacAddr, ClassId)>,
    /// Addresses that belong to every zone of their interface and that some
    /// endpoint means; no address of them is in `sources`, `devices` or `bound`.
    pub link_places: Vec<Source>,
    /// Addresses under which only certain MACs may speak: those of
    /// [`Rules::sources`]. Ascending, joined where they touch; empty where
    /// nothing is enforced.
    pub bound: Vec<(AtomIndex, AddrRange)>,
    /// MACs, first and last, that may speak under no address but their own.
    /// Ascending, joined where they touch; empty where nothing is enforced.
    pub fixed: Vec<(MacAddr, MacAddr)>,
    /// Destinations that differ from the rest of their zone.
    pub targets: Vec<Target>,
    /// Which class of sources meets which class of destinations.
    pub pairs: Vec<Pair>,
    /// The gateway itself as source, where its output is denied by default.
    pub gateway_source: Option<ClassId>,
    /// The gateway itself as destination.
    pub gateway_target: TargetId,
    /// What each node decides, by service.
    pub nodes: Vec<(NodeId, Vec<(ServiceKey, Leaf)>)>,
    /// All entries, in reading order; index as in [`Leaf::Entries`].
    pub entries: Vec<EntryRules>,
    /// What reaches the gateway before anything else.
    pub management: Vec<ManagementRule>,
    /// Header bytes that a logged packet carries.
    pub snaplen: u32,
}

/// One interface (or wildcard) and its zones.
#[derive(Debug, Clone, PartialEq)]
pub struct AtomRules {
    /// Name or wildcard.
    pub pattern: IfPattern,
    /// Source addresses, disjoint, and their zone.
    pub sources: Vec<(AddrRange, ZoneId)>,
    /// Destination addresses, disjoint, without multicast and broadcast.
    pub destinations: Vec<(AddrRange, ZoneId)>,
    /// Class of 0.0.0.0, :: and fe80::/10 on it, for packets to the gateway.
    pub link_class: ClassId,
    /// Some zone on it is strict: packets of open flows are asked as well.
    pub strict: bool,
    /// Every zone on it is strict: of a sender without an address the MAC must
    /// be known.
    pub link_strict: bool,
}

/// One zone.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneRules {
    /// Its name.
    pub name: String,
    /// Class of a source that no narrower endpoint means.
    pub class: ClassId,
    /// Class of a destination that no narrower endpoint means.
    pub target: TargetId,
    /// Denied packets that leave it are answered.
    pub reject: bool,
    /// A device that is not declared is denied.
    pub strict: bool,
    /// The source of forwarded IPv4 packets that leave to it is translated.
    pub masquerade: bool,
}

/// What an entry is, apart from where it applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRules {
    /// Its id.
    pub id: String,
    /// What the connections that it lets open are marked with; never 0. It depends
    /// on the id alone, so that a connection's mark is right in every later ruleset.
    pub mark: u32,
    /// Where it is in force and ends of itself: the first instant no longer in
    /// force, and why it denies from then on.
    pub ends: Option<(Timestamp, DenyReason)>,
    /// Its limit on new flows.
    pub rate: Option<Rate>,
}

/// Sources of one class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Where they come in.
    pub atom: AtomIndex,
    /// Their MAC; none = any.
    pub mac: Option<MacAddr>,
    /// Their addresses.
    pub range: AddrRange,
    /// Their class.
    pub class: ClassId,
}

/// Destinations of one class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Where they lie.
    pub atom: AtomIndex,
    /// Their addresses.
    pub range: AddrRange,
    /// Their class.
    pub class: TargetId,
}

/// A class of sources that some entry leads to a class of destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Sources.
    pub class: ClassId,
    /// Destinations.
    pub target: TargetId,
    /// What both match.
    pub node: NodeId,
}

/// What a node looks at; the most specific key that fits decides, and its leaf
/// has taken the wider ones into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKey {
    /// Destination ports of TCP, UDP or SCTP.
    Ports(Proto, PortRange),
    /// One ICMP type (IPv4).
    Icmp(u8),
    /// One ICMPv6 type.
    Icmpv6(u8),
    /// Every other ICMP type, in IPv4.
    IcmpAll,
    /// Every other ICMPv6 type, in IPv6.
    Icmpv6All,
    /// The rest of a protocol.
    Proto(Proto),
    /// Whatever is left.
    Any,
}

/// What becomes of a packet that opens a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leaf {
    /// Routed inside a zone that allows it.
    IntraZone,
    /// Accepted by the first of these entries that is within its rate, else
    /// denied as over its rate; and whether the flow is recorded.
    Entries {
        /// Indices into [`Rules::entries`], ascending, at least one; all but the
        /// last have a rate.
        ask: Vec<usize>,
        /// Some matching entry says `log = true`.
        log: bool,
    },
    /// Denied.
    Deny(DenyReason),
}

/// A management connection to the gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagementRule {
    /// Where it comes in.
    pub atom: AtomIndex,
    /// Its MACs; empty = any.
    pub macs: Vec<MacAddr>,
    /// Its addresses.
    pub ranges: Vec<AddrRange>,
    /// What it may reach.
    pub services: Vec<Service>,
}

/// The addresses that belong to every zone of an interface (SPEC §2): those of
/// a host that has none yet, and IPv6 link-local.
pub fn link_sources() -> [AddrRange; 3] {
    let v4 = AddrRange::single(IpAddr::from([0, 0, 0, 0]));
    let v6 = AddrRange::single(IpAddr::from([0u16; 8]));
    let local = u128::from(0xfe80u16) << 112;
    [v4, v6, AddrRange::new(crate::net::Family::V6, local, local | (u128::MAX >> 10))]
}
