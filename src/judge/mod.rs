//! The judge: what becomes of one packet, straight from SPEC §2.
//!
//! Takes a resolved [`Policy`] and a [`Question`] (one packet and what the
//! gateway knows about it), gives an [`Answer`]. Written from the specification
//! alone: it imports nothing of `rules`, `nft` or `space`, walks plain lists
//! and is slow on purpose. It is the witness that the compiled ruleset and the
//! prover are held against.

mod binding;
mod entries;
mod isolation;
mod link;
mod zones;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::net::{ConnState, Family, IfName, Packet, Proto};
use crate::policy::{AllowReason, DenyReason, Policy, Verdict, ZoneId};

pub use link::{Arp, Discovery, arp};

/// One packet, and what decides about it beside its addresses and ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The headers. `in_if` none = sent by the gateway, `out_if` none = for the gateway.
    pub packet: Packet,
    /// Its connection state. An ICMP error about an open flow is `Established`;
    /// what connection tracking leaves untracked is `Invalid`.
    pub state: ConnState,
    /// True if the packet carries an IPv6 routing header.
    pub routing_header: bool,
    /// TTL or hop limit as it reached the gateway, 0 ..= 255.
    pub hop_limit: u8,
    /// What a neighbour or router solicitation or advertisement says beside its
    /// headers. None for any other packet, and where it is not known: then only
    /// its source is judged.
    pub discovery: Option<Discovery>,
    /// Entries, by index into [`Policy::entries`], that are over their rate at
    /// this packet.
    pub over_rate: BTreeSet<usize>,
    /// The moment.
    pub at: Timestamp,
}

impl Question {
    /// An ordinary flow-opening packet: state new, no routing header, hop limit 64,
    /// every entry within its rate.
    pub fn new(packet: Packet, at: Timestamp) -> Self {
        Self {
            packet,
            state: ConnState::New,
            routing_header: false,
            hop_limit: 64,
            discovery: None,
            over_rate: BTreeSet::new(),
            at,
        }
    }
}

/// One side of a packet, as records name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The gateway itself.
    Gateway,
    /// This zone.
    Zone(ZoneId),
    /// No zone, or none that the packet tells (an unspecified or link-local
    /// source on an interface that several zones share).
    Unknown,
}

impl End {
    /// The zone, if it is one.
    pub fn zone(self) -> Option<ZoneId> {
        match self {
            Self::Zone(zone) => Some(zone),
            Self::Gateway | Self::Unknown => None,
        }
    }
}

/// The judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Allowed or denied, and why.
    pub verdict: Verdict,
    /// Index into [`Policy::entries`] of the entry that lets it pass: the first
    /// in reading order that is in force and matches.
    pub entry: Option<usize>,
    /// True if an entry in force that matches has `log = true`.
    pub logged: bool,
    /// Where it comes from.
    pub from_zone: End,
    /// Where it goes to.
    pub to_zone: End,
}

/// Judges one packet by the steps of SPEC §2, in their order.
pub fn judge(policy: &Policy, question: &Question) -> Answer {
    let packet = &question.packet;
    let mut answer = Answer {
        verdict: Verdict::Deny(DenyReason::NoAllowEntry),
        entry: None,
        logged: false,
        from_zone: zones::source_end(policy, packet),
        to_zone: zones::destination_end(policy, packet),
    };
    answer.verdict = match (&packet.in_if, &packet.out_if) {
        (Some(_), Some(_)) => forward(policy, question, &mut answer),
        (Some(_), None) => input(policy, question, &mut answer),
        (None, _) => output(policy, question, &mut answer),
    };
    answer
}

/// A packet routed through the gateway: steps 1 to 9.
fn forward(policy: &Policy, question: &Question, answer: &mut Answer) -> Verdict {
    let packet = &question.packet;
    if isolation::cuts(policy, packet) {
        return Verdict::Deny(DenyReason::Isolated);
    }
    if invalid(question) {
        return Verdict::Deny(DenyReason::Invalid);
    }
    if question.state == ConnState::Established {
        return open_flow(policy, packet);
    }
    let from = match sender(policy, packet) {
        Ok(source) => source,
        Err(reason) => return Verdict::Deny(reason),
    };
    let End::Zone(to) = answer.to_zone else {
        return Verdict::Deny(DenyReason::UnknownZone);
    };
    if from.zones() == [to] && policy.zone(to).intra_zone_allow {
        return Verdict::Allow(AllowReason::IntraZone);
    }
    by_entries(policy, question, &entries::Ends::Between(from.zones(), to), answer)
}

/// A packet for the gateway itself.
fn input(policy: &Policy, question: &Question, answer: &mut Answer) -> Verdict {
    let packet = &question.packet;
    if management(policy, packet, answer.from_zone) {
        return Verdict::Allow(AllowReason::Management);
    }
    let discovery = link::is_discovery(packet) && question.hop_limit == 255;
    if isolation::cuts(policy, packet) && !isolation::spares(policy, question) {
        return Verdict::Deny(DenyReason::Isolated);
    }
    // Connection tracking leaves neighbour discovery untracked; that alone does not deny it.
    if question.routing_header || (invalid(question) && !discovery) {
        return Verdict::Deny(DenyReason::Invalid);
    }
    if question.state == ConnState::Established {
        return open_flow(policy, packet);
    }
    // Loopback is of no zone: it cannot wait for step 4.
    if packet.in_if.as_ref().is_some_and(|name| name.as_str() == "lo") {
        return Verdict::Allow(AllowReason::Allowed);
    }
    let from = match sender(policy, packet) {
        Ok(source) => source,
        Err(reason) => return Verdict::Deny(reason),
    };
    if discovery && let Some(reason) = link::fault(policy, question) {
        return Verdict::Deny(reason);
    }
    if icmp_error(packet) || discovery {
        return Verdict::Allow(AllowReason::Allowed);
    }
    by_entries(policy, question, &entries::Ends::ToGateway(from.zones()), answer)
}

/// A packet that the gateway itself sends.
fn output(policy: &Policy, question: &Question, answer: &mut Answer) -> Verdict {
    let packet = &question.packet;
    if isolation::cuts(policy, packet) && !isolation::spares(policy, question) {
        return Verdict::Deny(DenyReason::Isolated);
    }
    if question.state == ConnState::Established {
        return Verdict::Allow(AllowReason::Established);
    }
    if policy.gateway.output_allow {
        return Verdict::Allow(AllowReason::Allowed);
    }
    let loopback = packet.out_if.as_ref().is_none_or(|name| name.as_str() == "lo");
    if loopback || speaks_for_its_link(packet) || icmp_error(packet) {
        return Verdict::Allow(AllowReason::Allowed);
    }
    if invalid(question) {
        return Verdict::Deny(DenyReason::Invalid);
    }
    let End::Zone(to) = answer.to_zone else {
        return Verdict::Deny(DenyReason::UnknownZone);
    };
    by_entries(policy, question, &entries::Ends::FromGateway(to), answer)
}

/// Step 2.
fn invalid(question: &Question) -> bool {
    question.state == ConnState::Invalid || question.routing_header
}

/// Step 3. Where an interface leads to a strict zone, the source must be of a zone there, and of a strict one only
/// with its own MAC.
fn open_flow(policy: &Policy, packet: &Packet) -> Verdict {
    let strict = |zone: &ZoneId| policy.binding.strict.contains(zone);
    let watched = |name: &IfName| zones::on_interface(policy, name).iter().any(strict);
    let Some(in_if) = packet.in_if.as_ref().filter(|name| watched(name)) else {
        return Verdict::Allow(AllowReason::Established);
    };
    let fault = match zones::source(policy, in_if, packet.src, packet.out_if.is_none()) {
        Ok(source) if source.zones().iter().any(strict) => binding::fault(policy, &source, packet.src, packet.src_mac),
        Ok(_) => None,
        Err(reason) => Some(reason),
    };
    fault.map_or(Verdict::Allow(AllowReason::Established), Verdict::Deny)
}

/// Steps 4 and 5.
fn sender(policy: &Policy, packet: &Packet) -> Result<zones::Source, DenyReason> {
    let Some(in_if) = &packet.in_if else { return Err(DenyReason::UnknownZone) };
    let source = zones::source(policy, in_if, packet.src, packet.out_if.is_none())?;
    match binding::fault(policy, &source, packet.src, packet.src_mac) {
        Some(reason) => Err(reason),
        None => Ok(source),
    }
}

/// Steps 8 and 9.
fn by_entries(policy: &Policy, question: &Question, ends: &entries::Ends<'_>, answer: &mut Answer) -> Verdict {
    let found = entries::matching(policy, question, ends);
    match found.first_active {
        Some(index) => {
            answer.entry = Some(index);
            answer.logged = found.logged;
            Verdict::Allow(AllowReason::Allowed)
        }
        None if found.over_rate => Verdict::Deny(DenyReason::RateExceeded),
        None if found.outside_window => Verdict::Deny(DenyReason::OutsideWindow),
        None if found.expired => Verdict::Deny(DenyReason::Expired),
        None => Verdict::Deny(DenyReason::NoAllowEntry),
    }
}

/// `gateway.management`: the host's address and MAC, in its zone on that zone's interface, and the service.
fn management(policy: &Policy, packet: &Packet, from: End) -> bool {
    policy.gateway.management.iter().any(|line| {
        from == End::Zone(policy.host(line.host).zone)
            && entries::host_is_source(policy, line.host, packet)
            && entries::service_matches(&line.services, packet)
    })
}

/// An ICMP error message: RFC 792 types 3, 4, 11, 12; RFC 4443 types 1 to 4.
/// A redirect (5) is none: it changes routes.
fn icmp_error(packet: &Packet) -> bool {
    match (packet.family(), packet.proto) {
        (Family::V4, Proto::ICMP) => matches!(packet.icmp_type, Some(3 | 4 | 11 | 12)),
        (Family::V6, Proto::ICMPV6) => matches!(packet.icmp_type, Some(1..=4)),
        _ => false,
    }
}

/// What a gateway must say to live on its link: neighbour and router discovery of
/// its own, and multicast listener reports (RFC 3810), without which switches that
/// snoop cut neighbour discovery off.
fn speaks_for_its_link(packet: &Packet) -> bool {
    let kind = packet.proto == Proto::ICMPV6 && matches!(packet.icmp_type, Some(133 | 135 | 136 | 143));
    kind && packet.family() == Family::V6
}
