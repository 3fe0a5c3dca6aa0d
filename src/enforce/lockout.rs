//! Z306: would a candidate policy lock out whoever asks for it?
//!
//! Takes the candidate, the policy in force and the caller's connections to this
//! machine; gives findings. A connection is judged as revocation would judge it
//! under the candidate, whatever `established` says: who cannot come back is
//! locked out too. A management line of the policy in force is dropped where the
//! candidate's lines do not together admit all that it admits.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::sweep::{Fate, Sweep};
use crate::diag::{Finding, Message};
use crate::net::{AddrRange, Proto, Service};
use crate::policy::{Management, Policy};
use crate::sys::caller::{Caller, Connection};

/// What of the caller's and of the management's a candidate would cut. Reads
/// routes and neighbours in the network namespace of the calling thread.
pub fn lockout(candidate: &Arc<Policy>, running: Option<&Policy>, caller: &Caller, at: Timestamp) -> Vec<Finding> {
    let mut found = match connections(candidate, caller, at) {
        Ok(found) => found,
        // Not known is not safe.
        Err(error) => {
            vec![Finding::error("Z306", Message::new("enforce-lockout-unknown").with("cause", error.to_string()))]
        }
    };
    if let Some(running) = running {
        found.extend(dropped(candidate, running));
    }
    found.into_iter().map(|finding| finding.hint(Message::new("enforce-lockout-hint"))).collect()
}

fn connections(candidate: &Arc<Policy>, caller: &Caller, at: Timestamp) -> io::Result<Vec<Finding>> {
    let mut found = Vec::new();
    if caller.own.is_empty() && caller.any_of.is_empty() {
        return Ok(found);
    }
    let mut sweep = Sweep::new(Arc::clone(candidate), at)?;
    for connection in &caller.own {
        found.extend(cut(&mut sweep, connection)?.map(|fate| denied(candidate, &sweep, connection, fate)));
    }
    let mut others = Vec::new();
    for connection in &caller.any_of {
        match cut(&mut sweep, connection)? {
            None => return Ok(found),
            Some(fate) => others.push(denied(candidate, &sweep, connection, fate)),
        }
    }
    found.extend(others);
    Ok(found)
}

/// What becomes of a connection that the candidate would not let live.
fn cut(sweep: &mut Sweep, connection: &Connection) -> io::Result<Option<Fate>> {
    let fate = sweep.inbound(connection.remote, connection.local, Proto::TCP)?;
    Ok(fate.filter(|fate| *fate != Fate::Keep))
}

fn denied(candidate: &Policy, sweep: &Sweep, connection: &Connection, fate: Fate) -> Finding {
    let (reason, uncertain) = match fate {
        Fate::Cut { reason, uncertain } => (reason.as_str(), uncertain),
        Fate::Keep => ("", false),
    };
    let key = if uncertain { "enforce-lockout-uncertain" } else { "enforce-lockout-own" };
    let message = Message::new(key)
        .with("remote", connection.remote.to_string())
        .with("local", connection.local.to_string())
        .with("reason", reason);
    let finding = Finding::error("Z306", message).subject(format!("{} {}", connection.remote, connection.local));
    let zone = sweep.interface_towards(connection.remote.ip()).and_then(|interface| {
        candidate.zones.iter().find(|zone| zone.interfaces.iter().any(|pattern| pattern.matches(interface)))
    });
    match zone {
        Some(zone) => finding.at(&zone.place),
        None => finding,
    }
}

/// Management lines of `running` of which the candidate admits less.
fn dropped<'a>(candidate: &'a Policy, running: &'a Policy) -> impl Iterator<Item = Finding> + use<'a> {
    running.gateway.management.iter().filter(|line| !admitted(candidate, running, line)).map(|line| {
        let host = running.host(line.host);
        let zone = running.zone(host.zone);
        let services: Vec<String> = line.services.iter().map(Service::to_string).collect();
        let subject = format!("{}:{}:{}", zone.name, host.name, services.join(","));
        let message = Message::new("enforce-lockout-management").with("line", &subject);
        let finding = Finding::error("Z306", message).subject(subject);
        let known = candidate.hosts.iter().find(|known| known.name == host.name).map(|known| &known.place);
        let known = known.or_else(|| candidate.zones.iter().find(|known| known.name == zone.name).map(|z| &z.place));
        match known {
            Some(place) => finding.at(place),
            None => finding,
        }
    })
}

fn admitted(candidate: &Policy, running: &Policy, line: &Management) -> bool {
    let host = running.host(line.host);
    let macs = running.seen_macs(line.host);
    let zone = running.zone(host.zone);
    // Lines that mean the same devices, wherever the candidate names them.
    let lines: Vec<&Management> = candidate
        .gateway
        .management
        .iter()
        .filter(|other| {
            let seen = candidate.seen_macs(other.host);
            let there = candidate.zone(candidate.host(other.host).zone);
            let faces = || zone.interfaces.iter().all(|face| there.interfaces.iter().any(|p| p.covers(face)));
            let bound = seen.is_empty() || !macs.is_empty() && macs.iter().all(|mac| seen.contains(mac));
            bound && faces()
        })
        .collect();
    let covers = |net: AddrRange, service: &Service| {
        lines.iter().any(|other| {
            let nets = candidate.host(other.host).ips.iter().map(|ip| AddrRange::from(*ip));
            let holds = |range: AddrRange| range.contains(net.first_addr()) && range.contains(net.last_addr());
            nets.into_iter().any(holds) && other.services.iter().any(|wide| wider(wide, service))
        })
    };
    let nets = || host.ips.iter().map(|ip| AddrRange::from(*ip));
    line.services.iter().all(|service| nets().all(|net| covers(net, service)))
}

/// True if `wide` means all that `service` means.
fn wider(wide: &Service, service: &Service) -> bool {
    match (wide, service) {
        (Service::Any, _) => true,
        (Service::Ports(proto, range), Service::Ports(other, inner)) => {
            proto == other && range.first() <= inner.first() && inner.last() <= range.last()
        }
        (Service::Proto(proto), Service::Ports(other, _)) => proto == other,
        (Service::Icmp(None) | Service::Proto(Proto::ICMP), Service::Icmp(_)) => true,
        (Service::Icmpv6(None) | Service::Proto(Proto::ICMPV6), Service::Icmpv6(_)) => true,
        _ => wide == service,
    }
}

#[cfg(test)]
#[path = "lockout_tests.rs"]
mod tests;
