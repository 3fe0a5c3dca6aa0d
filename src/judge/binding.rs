//! Whether an address and a MAC belong together (SPEC §2, step 5).

use std::net::IpAddr;

use super::zones::Source;
use crate::net::MacAddr;
use crate::policy::{DenyReason, HostId, HostKind, L2, Policy, ZoneId};

/// What step 5 says of an address seen with a MAC; none = they may speak.
pub(super) fn fault(policy: &Policy, source: &Source, addr: IpAddr, mac: Option<MacAddr>) -> Option<DenyReason> {
    let zone = match source {
        Source::Of(zone) => *zone,
        Source::OfEvery(zones) => {
            let strict = zones.iter().all(|zone| policy.binding.strict.contains(zone));
            return (strict && !is_device_of(policy, zones, mac)).then_some(DenyReason::ForeignDevice);
        }
    };
    if policy.binding.enforce
        && is_bound(policy, zone, addr)
        && !owners(policy, zone, addr).any(|h| has(policy, h, mac))
    {
        return Some(DenyReason::MacMismatch);
    }
    if policy.binding.enforce && mac.is_some_and(|mac| is_anothers(policy, zone, addr, mac)) {
        return Some(DenyReason::IpMismatch);
    }
    let foreign = policy.binding.strict.contains(&zone) && !is_declared(policy, zone, addr, mac);
    foreign.then_some(DenyReason::ForeignDevice)
}

/// The first reason, in step 5's order, that an address gives with either of two MACs.
pub(super) fn fault_of_two(
    policy: &Policy,
    source: &Source,
    addr: IpAddr,
    macs: [Option<MacAddr>; 2],
) -> Option<DenyReason> {
    macs.into_iter().filter_map(|mac| fault(policy, source, addr, mac)).min()
}

/// True if the zone's address is declared, and only by hosts whose MACs are known.
pub(super) fn is_bound(policy: &Policy, zone: ZoneId, addr: IpAddr) -> bool {
    let mut owners = owners(policy, zone, addr).peekable();
    owners.peek().is_some() && owners.all(|host| !policy.seen_macs(host).is_empty())
}

fn hosts(policy: &Policy) -> impl Iterator<Item = HostId> {
    (0..policy.hosts.len()).map(HostId)
}

fn hosts_of(policy: &Policy, zone: ZoneId) -> impl Iterator<Item = HostId> {
    hosts(policy).filter(move |host| policy.host(*host).zone == zone)
}

/// The zone's hosts that declare an address.
fn owners(policy: &Policy, zone: ZoneId, addr: IpAddr) -> impl Iterator<Item = HostId> {
    hosts_of(policy, zone).filter(move |host| policy.host(*host).ips.iter().any(|network| network.contains(&addr)))
}

/// True if the gateway sees the host with this MAC.
fn has(policy: &Policy, host: HostId, mac: Option<MacAddr>) -> bool {
    mac.is_some_and(|mac| policy.seen_macs(host).contains(&mac))
}

/// True if the MAC is the own one of declared devices, each with addresses and none of them one that others speak
/// through, and none of the zone's hosts seen with it has this address.
fn is_anothers(policy: &Policy, zone: ZoneId, addr: IpAddr, mac: MacAddr) -> bool {
    let mut devices = hosts(policy).filter(|host| is_device(policy, *host, mac)).peekable();
    devices.peek().is_some()
        && devices.all(|host| !policy.host(host).ips.is_empty() && !is_passage(policy, host))
        && !owners(policy, zone, addr).any(|host| has(policy, host, Some(mac)))
}

/// True if the MAC is the host's own and can be seen: behind a router it cannot, and does not count as declared.
fn is_device(policy: &Policy, host: HostId, mac: MacAddr) -> bool {
    let declared = policy.host(host);
    let unseen = policy.zone(declared.zone).l2 == L2::Routed && declared.via.is_none();
    declared.macs.contains(&mac) && !unseen
}

/// True if packets of others come with the host's MAC: a router, or one named by a `via`.
fn is_passage(policy: &Policy, host: HostId) -> bool {
    policy.host(host).kind == Some(HostKind::Router) || policy.hosts.iter().any(|other| other.via == Some(host))
}

/// True if some declared host of the zone is seen with this address and MAC. What a host
/// does not name (no address, or no MAC) fits anything, but not both.
fn is_declared(policy: &Policy, zone: ZoneId, addr: IpAddr, mac: Option<MacAddr>) -> bool {
    hosts_of(policy, zone).any(|host| {
        let (ips, macs) = (&policy.host(host).ips, policy.seen_macs(host));
        let addr_fits = ips.is_empty() || ips.iter().any(|network| network.contains(&addr));
        let mac_fits = macs.is_empty() || has(policy, host, mac);
        addr_fits && mac_fits && !(ips.is_empty() && macs.is_empty())
    })
}

/// True if the MAC is of a declared host of one of the zones: one under which it is seen, or of what others speak
/// through.
fn is_device_of(policy: &Policy, zones: &[ZoneId], mac: Option<MacAddr>) -> bool {
    hosts(policy).filter(|host| zones.contains(&policy.host(*host).zone)).any(|host| {
        let passes_on = is_passage(policy, host) && mac.is_some_and(|mac| policy.host(host).macs.contains(&mac));
        has(policy, host, mac) || passes_on
    })
}
