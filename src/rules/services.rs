//! The third question: what a node decides for each service.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::partition::partition;
use super::{Leaf, ServiceKey};
use crate::net::{PortRange, Proto, Service};
use crate::policy::{DenyReason, Policy, Status};

/// One thing that may match a (source, destination): in the order in which
/// SPEC §2 asks, a zone's own routing before entries, entries in reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// `intra_zone = "allow"`.
    IntraZone,
    /// An entry, by index.
    Entry(usize),
}

/// Decides for a set of members that all match a packet.
pub fn leaf(policy: &Policy, members: &BTreeSet<Member>, at: Timestamp) -> Option<Leaf> {
    let (mut ask, mut asking, mut log, mut lapsed) = (Vec::new(), true, false, None::<DenyReason>);
    for member in members {
        let index = match member {
            Member::IntraZone => return Some(Leaf::IntraZone),
            Member::Entry(index) => *index,
        };
        let entry = &policy.entries[index];
        match entry.schedule.status(at) {
            Status::Active => {
                if asking {
                    ask.push(index);
                    asking = entry.rate.is_some();
                }
                log |= entry.log;
            }
            Status::OutsideWindow => lapsed = Some(DenyReason::OutsideWindow),
            Status::Expired => lapsed = lapsed.or(Some(DenyReason::Expired)),
        }
    }
    if ask.is_empty() { lapsed.map(Leaf::Deny) } else { Some(Leaf::Entries { ask, log }) }
}

/// Everything that the members decide, by service, most specific keys complete
/// in themselves.
pub fn leaves(policy: &Policy, members: &BTreeSet<Member>, at: Timestamp) -> Vec<(ServiceKey, Leaf)> {
    let services: Vec<(Service, Member)> = members
        .iter()
        .flat_map(|member| match member {
            Member::IntraZone => vec![(Service::Any, *member)],
            Member::Entry(index) => policy.entries[*index].services.iter().map(|s| (*s, *member)).collect(),
        })
        .collect();
    let any: BTreeSet<Member> = services.iter().filter(|(s, _)| *s == Service::Any).map(|(_, m)| *m).collect();
    let mut keys: Vec<(ServiceKey, BTreeSet<Member>)> = Vec::new();
    for proto in protocols(&services) {
        let of = |fits: fn(Service, Proto) -> bool| {
            let fitting = services.iter().filter(move |(s, _)| fits(*s, proto)).map(|(_, m)| *m);
            fitting.collect::<BTreeSet<Member>>()
        };
        let bare: BTreeSet<Member> = &any | &of(|s, p| s == Service::Proto(p));
        let whole = &bare | &of(is_every_type);
        let parts: Vec<(u128, u128, Member)> = services.iter().filter_map(|(s, m)| part(*s, proto, *m)).collect();
        for (first, last, mut set) in partition(&parts) {
            set.extend(&whole);
            keys.push((part_key(proto, first, last), set));
        }
        if whole.len() > bare.len() {
            let key = if proto == Proto::ICMP { ServiceKey::IcmpAll } else { ServiceKey::Icmpv6All };
            keys.push((key, whole));
        }
        if bare.len() > any.len() {
            keys.push((ServiceKey::Proto(proto), bare));
        }
    }
    if !any.is_empty() {
        keys.push((ServiceKey::Any, any));
    }
    keys.into_iter().filter_map(|(key, set)| Some((key, leaf(policy, &set, at)?))).collect()
}

/// Every protocol that some service names.
fn protocols(services: &[(Service, Member)]) -> BTreeSet<Proto> {
    services
        .iter()
        .filter_map(|(service, _)| match service {
            Service::Ports(proto, _) | Service::Proto(proto) => Some(*proto),
            Service::Icmp(_) => Some(Proto::ICMP),
            Service::Icmpv6(_) => Some(Proto::ICMPV6),
            Service::Any => None,
        })
        .collect()
}

/// True if the service is every type of ICMP (`proto` = ICMP) or ICMPv6. Unlike
/// the bare protocol it is meant in its own family only.
fn is_every_type(service: Service, proto: Proto) -> bool {
    match service {
        Service::Icmp(None) => proto == Proto::ICMP,
        Service::Icmpv6(None) => proto == Proto::ICMPV6,
        _ => false,
    }
}

/// The part of `proto` that the service names: ports, or types.
fn part(service: Service, proto: Proto, member: Member) -> Option<(u128, u128, Member)> {
    match service {
        Service::Ports(p, range) if p == proto => Some((range.first().into(), range.last().into(), member)),
        Service::Icmp(Some(t)) if proto == Proto::ICMP => Some((t.into(), t.into(), member)),
        Service::Icmpv6(Some(t)) if proto == Proto::ICMPV6 => Some((t.into(), t.into(), member)),
        _ => None,
    }
}

fn part_key(proto: Proto, first: u128, last: u128) -> ServiceKey {
    // The numbers came from u8 and u16, and pieces lie within their intervals.
    match proto {
        Proto::ICMP => ServiceKey::Icmp(first as u8),
        Proto::ICMPV6 => ServiceKey::Icmpv6(first as u8),
        _ => ServiceKey::Ports(
            proto,
            PortRange::new(first as u16, last as u16).unwrap_or(PortRange::single(first as u16)),
        ),
    }
}
