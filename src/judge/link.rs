//! How devices of a link tell each other their MACs: neighbour discovery and ARP.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use super::{Answer, End, Question, binding, zones};
use crate::net::{Family, IfName, MacAddr, Packet, Proto};
use crate::policy::{AllowReason, DenyReason, Policy, Verdict};

/// Router solicitation, neighbour solicitation and advertisement (RFC 4861).
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// What a message of neighbour discovery says beside its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery {
    /// The target address of a neighbour solicitation or advertisement.
    pub target: Option<IpAddr>,
    /// The MAC in its link-layer address option, source or target; none = no option.
    pub link_address: Option<MacAddr>,
}

/// An ARP packet that reaches the gateway (RFC 826).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arp {
    /// Where it came in.
    pub in_if: IfName,
    /// Ethernet source.
    pub src_mac: MacAddr,
    /// The sender's MAC, as ARP itself says it.
    pub sender_mac: MacAddr,
    /// The sender's address; 0.0.0.0 = a probe (RFC 5227).
    pub sender: Ipv4Addr,
    /// The moment.
    pub at: Timestamp,
}

/// True for the messages of neighbour discovery that hosts send to routers.
pub(super) fn is_discovery(packet: &Packet) -> bool {
    let kinds = [ROUTER_SOLICITATION, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT];
    is_icmpv6(packet, &kinds)
}

/// True for neighbour solicitations and advertisements.
pub(super) fn is_of_neighbours(packet: &Packet) -> bool {
    is_icmpv6(packet, &[NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT])
}

fn is_icmpv6(packet: &Packet, kinds: &[u8]) -> bool {
    let kind = packet.icmp_type.is_some_and(|kind| kinds.contains(&kind));
    kind && packet.proto == Proto::ICMPV6 && packet.family() == Family::V6
}

/// Steps 4 and 5 for what a discovery message says: the address that it speaks for (an advertisement for its target,
/// a solicitation for its source) and the MAC in its option. The source and its Ethernet MAC were asked before.
pub(super) fn fault(policy: &Policy, question: &Question) -> Option<DenyReason> {
    let (packet, said) = (&question.packet, question.discovery?);
    let (in_if, mac) = (packet.in_if.as_ref()?, said.link_address);
    let subject = match packet.icmp_type {
        Some(NEIGHBOUR_ADVERTISEMENT) => said.target?,
        _ => packet.src,
    };
    let source = match zones::source(policy, in_if, subject, true) {
        Ok(source) => source,
        Err(reason) => return Some(reason),
    };
    mac?;
    let bound = matches!(source, zones::Source::Of(zone) if binding::is_bound(policy, zone, subject));
    if policy.binding.enforce && bound && mac != packet.src_mac {
        return Some(DenyReason::MacMismatch);
    }
    binding::fault(policy, &source, subject, mac)
}

/// Judges what an ARP packet tells the gateway: its sender, like a packet's source by steps 4 and 5, with both MACs.
/// Isolation does not cut it.
pub fn arp(policy: &Policy, question: &Arp) -> Answer {
    let sender = IpAddr::V4(question.sender);
    let macs = [Some(question.src_mac), Some(question.sender_mac)];
    let source = zones::source(policy, &question.in_if, sender, true);
    let fault = match &source {
        Ok(source) => binding::fault_of_two(policy, source, sender, macs),
        Err(reason) => Some(*reason),
    };
    let from_zone = match source.as_ref().map(|source| source.zones()) {
        Ok([only]) => End::Zone(*only),
        _ => End::Unknown,
    };
    let verdict = fault.map_or(Verdict::Allow(AllowReason::Allowed), Verdict::Deny);
    Answer { verdict, entry: None, logged: false, from_zone, to_zone: End::Gateway }
}
