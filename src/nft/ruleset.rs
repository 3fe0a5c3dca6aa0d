//! The ruleset as data: one table, its maps, chains and counters.
//!
//! Everything has a name and a sorted place, so that two rulesets can be
//! compared and their difference sent (`delta`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::net::{AddrRange, Family, IfPattern, MacAddr, PortRange, Proto};
use crate::policy::RateUnit;

/// The name of our tables.
pub const TABLE: &str = "zoned";

/// A packet's field, as a part of a key or a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named as in nft(8)")]
pub enum Field {
    Iifname,
    Oifname,
    EtherSaddr,
    ArpSaddr,
    ArpEther,
    Saddr(Family),
    Daddr(Family),
    Nfproto,
    L4proto,
    Dport,
    IcmpType,
    Icmpv6Type,
    HopLimit,
    Mark,
    Priority,
    CtState,
    CtMark,
}

/// A value of a field: a single one or a range.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Interface name or wildcard.
    Interface(IfPattern),
    /// MAC.
    Mac(MacAddr),
    /// MACs, first and last.
    Macs(MacAddr, MacAddr),
    /// Address, prefix or range.
    Addr(AddrRange),
    /// Protocol.
    Proto(Proto),
    /// Port or range.
    Ports(PortRange),
    /// ICMP or ICMPv6 type, or hop limit.
    Byte(u8),
    /// Mark.
    Mark(u32),
    /// Priority, printed as a traffic-control class.
    Priority(u32),
    /// `ipv4` or `ipv6`.
    Family(Family),
    /// Connection state.
    State(CtState),
}

/// Connection-tracking states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named as in nft(8)")]
pub enum CtState {
    New,
    Invalid,
    Established,
    Related,
    Untracked,
}

/// What a rule or a map element decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Accept.
    Accept,
    /// Drop.
    Drop,
    /// Go to a chain, not to return.
    Goto(String),
    /// Go to a chain and return.
    Jump(String),
    /// Back from a jump.
    Return,
}

/// One statement of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// The field is one of these values.
    Match(Field, Vec<Value>),
    /// An IPv6 routing header is there.
    RoutingHeader,
    /// A TCP reset.
    TcpReset,
    /// An anonymous verdict map.
    Cases(Field, Vec<(Value, Verdict)>),
    /// A named verdict map.
    Vmap(Vec<Field>, String),
    /// `meta mark set KEY map @NAME`; a miss ends the rule.
    MarkFromMap(Vec<Field>, String),
    /// `meta mark set N`.
    Mark(u32),
    /// `meta priority set KEY map @NAME`; a miss ends the rule.
    PriorityFromMap(Vec<Field>, String),
    /// `meta priority set N`; 0 = none.
    Priority(u32),
    /// `ct mark set N`: the connection's mark, which its later packets have too.
    ConnMark(u32),
    /// The clock has reached this instant; a fraction of a second counts as none.
    Since(Timestamp),
    /// A named limit; over it the rule ends.
    Limit(String),
    /// A named counter.
    Counter(String),
    /// To NFLOG.
    Log {
        /// At most 127 bytes.
        prefix: String,
        /// Group.
        group: u16,
        /// Bytes of the packet.
        snaplen: u32,
    },
    /// Answer a TCP segment with a reset.
    RejectReset,
    /// Answer with ICMP administratively prohibited, of either family.
    RejectAdmin,
    /// The source address is none of the gateway's.
    SourceElsewhere,
    /// Translate the source address to the outgoing interface's.
    Masquerade,
    /// The end.
    Verdict(Verdict),
}

/// One rule.
pub type Rule = Vec<Statement>;

/// What a map gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gives {
    /// A mark.
    Mark,
    /// A priority.
    Priority,
    /// A verdict.
    Verdict,
}

/// The data of a map element.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Data {
    /// A mark.
    Mark(u32),
    /// A priority.
    Priority(u32),
    /// A verdict.
    Verdict(Verdict),
}

/// A named map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Its key: at most five fields (nft 1.0.6 misprints more).
    pub key: Vec<Field>,
    /// What it gives.
    pub gives: Gives,
    /// True if keys may hold ranges.
    pub interval: bool,
    /// The elements.
    pub elements: BTreeMap<Vec<Value>, Data>,
}

/// A named limit: a bucket of `burst` packets that `count` packets a unit fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Packets a unit, at least 1.
    pub count: u32,
    /// The unit.
    pub unit: RateUnit,
    /// Packets that may pass at once, at least 1.
    pub burst: u32,
}

/// The hook of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named as in nft(8)")]
pub enum Hook {
    Forward,
    Input,
    Output,
    Postrouting,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 4] = [Self::Forward, Self::Input, Self::Output, Self::Postrouting];

    /// What a base chain in it is: the chain's type, its priority as a number and
    /// by name, its policy.
    pub fn base(self) -> (&'static str, i32, &'static str, &'static str) {
        match self {
            Self::Forward | Self::Input | Self::Output => ("filter", 0, "filter", "drop"),
            // Translates; whether a packet passes was decided before.
            Self::Postrouting => ("nat", 100, "srcnat", "accept"),
        }
    }
}

/// A chain; a base chain has a hook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// Base chains only.
    pub hook: Option<Hook>,
    /// The rules in order.
    pub rules: Vec<Rule>,
}

/// The whole table `inet zoned`, and what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruleset {
    /// Named maps.
    pub maps: BTreeMap<String, Map>,
    /// Chains.
    pub chains: BTreeMap<String, Chain>,
    /// Named counters.
    pub counters: BTreeSet<String>,
    /// The table `arp zoned`: what it denies is said under the same names.
    pub arp: Option<Box<Ruleset>>,
    /// Named limits. A name stands for one limit for ever: another limit has
    /// another name, so that one that stays is never touched.
    pub limits: BTreeMap<String, Limit>,
}

impl Field {
    /// The data type of the field in a map's declaration.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Iifname | Self::Oifname => "ifname",
            Self::EtherSaddr | Self::ArpEther => "ether_addr",
            Self::ArpSaddr | Self::Saddr(Family::V4) | Self::Daddr(Family::V4) => "ipv4_addr",
            Self::Saddr(Family::V6) | Self::Daddr(Family::V6) => "ipv6_addr",
            Self::Nfproto => "nf_proto",
            Self::L4proto => "inet_proto",
            Self::Dport => "inet_service",
            Self::IcmpType => "icmp_type",
            Self::Icmpv6Type => "icmpv6_type",
            Self::HopLimit => "integer",
            Self::Mark => "mark",
            Self::Priority => "classid",
            Self::CtState => "ct_state",
            Self::CtMark => "mark",
        }
    }
}

impl Value {
    /// True if it is a range or a wildcard: hash maps cannot hold it.
    pub fn is_interval(&self) -> bool {
        match self {
            Self::Interface(pattern) => matches!(pattern, IfPattern::Prefix(_)),
            Self::Macs(..) => true,
            Self::Addr(range) => !range.is_single(),
            Self::Ports(range) => !range.is_single(),
            _ => false,
        }
    }
}

impl Ruleset {
    /// Elements of all maps together, of both tables.
    pub fn element_count(&self) -> usize {
        let own: usize = self.maps.values().map(|m| m.elements.len()).sum();
        own + self.arp.as_ref().map_or(0, |arp| arp.element_count())
    }

    /// The chain of this name, made if it is not there.
    pub fn chain(&mut self, name: impl Into<String>) -> &mut Chain {
        self.chains.entry(name.into()).or_default()
    }
}

impl Chain {
    /// Appends a rule.
    pub fn rule(&mut self, statements: impl Into<Rule>) -> &mut Self {
        self.rules.push(statements.into());
        self
    }
}
