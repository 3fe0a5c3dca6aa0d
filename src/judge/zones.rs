//! Which zone an interface and an address belong to (SPEC §1, Zones).

use std::net::IpAddr;

use super::End;
use crate::net::{IfName, Packet};
use crate::policy::{DenyReason, Networks, Policy, ZoneId};

/// Where a source stands by step 4.
pub(super) enum Source {
    /// In this zone.
    Of(ZoneId),
    /// In every zone of its interface, these.
    OfEvery(Vec<ZoneId>),
}

impl Source {
    /// The zones that it may be of.
    pub(super) fn zones(&self) -> &[ZoneId] {
        match self {
            Self::Of(zone) => std::slice::from_ref(zone),
            Self::OfEvery(zones) => zones,
        }
    }
}

/// Step 4: the zone of a source. Some belong to every zone of an interface when they speak to the gateway.
pub(super) fn source(policy: &Policy, in_if: &IfName, src: IpAddr, to_gateway: bool) -> Result<Source, DenyReason> {
    let here = on_interface(policy, in_if);
    if here.is_empty() {
        return Err(DenyReason::UnknownZone);
    }
    if to_gateway && of_every_zone(src) {
        return Ok(Source::OfEvery(here));
    }
    zone_of(policy, in_if, src).map(Source::Of).ok_or(DenyReason::SpoofedSource)
}

/// The zones whose interfaces, exact or by wildcard, mean this one; in reading order.
pub(super) fn on_interface(policy: &Policy, name: &IfName) -> Vec<ZoneId> {
    let here = |id: &ZoneId| policy.zone(*id).interfaces.iter().any(|pattern| pattern.matches(name));
    (0..policy.zones.len()).map(ZoneId).filter(here).collect()
}

/// The zone of an address on an interface: the longest matching prefix among the
/// zones there, else a zone of `any` network there that takes the address.
pub(super) fn zone_of(policy: &Policy, interface: &IfName, addr: IpAddr) -> Option<ZoneId> {
    let here = on_interface(policy, interface);
    let mut best: Option<(u8, ZoneId)> = None;
    for id in &here {
        let Networks::Listed(networks) = &policy.zone(*id).networks else { continue };
        for network in networks {
            let longer = best.is_none_or(|(length, _)| network.prefix_len() > length);
            if network.contains(&addr) && longer {
                best = Some((network.prefix_len(), *id));
            }
        }
    }
    if let Some((_, zone)) = best {
        return Some(zone);
    }
    let takes = |id: &ZoneId| policy.zone(*id).networks == Networks::Any && any_takes(policy, addr);
    here.into_iter().find(takes)
}

/// True if `any` means this address: no zone lists it, on any interface, and it
/// is no multicast, loopback, link-local or unspecified address.
fn any_takes(policy: &Policy, addr: IpAddr) -> bool {
    let listed = policy.zones.iter().any(|zone| match &zone.networks {
        Networks::Listed(networks) => networks.iter().any(|network| network.contains(&addr)),
        Networks::Any => false,
    });
    !listed && !addr.is_multicast() && !addr.is_loopback() && !addr.is_unspecified() && !link_local(addr)
}

/// 169.254.0.0/16 or fe80::/10.
fn link_local(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => a.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// Sources that belong to every zone of their interface when they speak to the
/// gateway: 0.0.0.0, :: and fe80::/10.
pub(super) fn of_every_zone(src: IpAddr) -> bool {
    src.is_unspecified() || (src.is_ipv6() && link_local(src))
}

/// True for destinations that are never forwarded: multicast and 255.255.255.255.
fn never_forwarded(dst: IpAddr) -> bool {
    let broadcast = matches!(dst, IpAddr::V4(a) if a.is_broadcast());
    dst.is_multicast() || broadcast
}

/// The side that sent the packet.
pub(super) fn source_end(policy: &Policy, packet: &Packet) -> End {
    let Some(in_if) = &packet.in_if else { return End::Gateway };
    if let Some(zone) = zone_of(policy, in_if, packet.src) {
        return End::Zone(zone);
    }
    match on_interface(policy, in_if)[..] {
        [only] if packet.out_if.is_none() && of_every_zone(packet.src) => End::Zone(only),
        _ => End::Unknown,
    }
}

/// The side that the packet is for.
pub(super) fn destination_end(policy: &Policy, packet: &Packet) -> End {
    let Some(out_if) = &packet.out_if else { return End::Gateway };
    let zone = if never_forwarded(packet.dst) { None } else { zone_of(policy, out_if, packet.dst) };
    zone.map_or(End::Unknown, End::Zone)
}
