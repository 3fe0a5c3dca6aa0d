//! Permanent neighbour entries for declared hosts, so that what the gateway
//! sends them reaches their own MAC whatever is claimed on the wire.
//!
//! Takes the policy in force; makes the kernel's table have an entry for every
//! single address of a host that is known by exactly one MAC of its own, on the
//! interface where the address lies. What zoned made is remembered in the state
//! folder, and only that is ever changed or removed: an entry that somebody else
//! made permanent stays, and is told of.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;

use crate::diag::Message;
use crate::net::{IfName, MacAddr};
use crate::policy::{HostId, Policy, Regions, ZoneId};
use crate::store::pins::{PinStore, Pinned};
use crate::sys::neighbours::{Key, Neighbour, Neighbours, interfaces};
use crate::sys::routes::{Routes, Way};

/// What was done, and what should be there.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Every entry that should be there, and its MAC.
    pub wanted: Pinned,
    /// Entries made or set right.
    pub made: usize,
    /// Entries removed.
    pub removed: usize,
    /// What could not be done; the rest was.
    pub failed: Vec<Message>,
}

/// Keeps the table in step with a policy. Reads and writes the table of the
/// calling thread's network namespace.
///
/// # Errors
/// The tables or the state folder could not be read or written: nothing was
/// changed that is not remembered.
pub fn keep(policy: &Policy, state: &Path) -> io::Result<Kept> {
    let mut routes = None;
    let way = |addr: IpAddr| match &mut routes {
        Some(routes) => Routes::way(routes, addr),
        none => none.insert(Routes::open()?).way(addr),
    };
    let wanted = wanted(policy, &interfaces(), way)?;
    carry_out(wanted, &PinStore::at(state))
}

/// Removes every entry that zoned made.
///
/// # Errors
/// As [`keep`].
pub fn remove_all(state: &Path) -> io::Result<Kept> {
    carry_out(Pinned::new(), &PinStore::at(state))
}

/// The entries that a policy asks for on these interfaces; `way` is asked only
/// where an address may lie on several.
fn wanted(policy: &Policy, here: &[IfName], mut way: impl FnMut(IpAddr) -> io::Result<Way>) -> io::Result<Pinned> {
    let mut all: BTreeMap<Key, BTreeSet<MacAddr>> = BTreeMap::new();
    if !policy.binding.pin_neighbours {
        return Ok(Pinned::new());
    }
    let regions = Regions::new(policy);
    for (index, host) in policy.hosts.iter().enumerate() {
        let ([mac], None) = (policy.seen_macs(HostId(index)), host.via) else { continue };
        for addr in host.ips.iter().filter(|ip| ip.prefix_len() == ip.max_prefix_len()).map(|ip| ip.addr()) {
            if let Some(interface) = place(&regions, here, host.zone, addr, &mut way)? {
                all.entry((interface, addr)).or_default().insert(*mac);
            }
        }
    }
    // Two hosts at one place with two MACs: neither is the one.
    let one = |(key, macs): (Key, BTreeSet<MacAddr>)| (macs.len() == 1).then(|| Some((key, *macs.first()?)))?;
    Ok(all.into_iter().filter_map(one).collect())
}

/// The interface on which an address of a zone lies.
fn place(
    regions: &Regions,
    here: &[IfName],
    zone: ZoneId,
    addr: IpAddr,
    way: &mut impl FnMut(IpAddr) -> io::Result<Way>,
) -> io::Result<Option<IfName>> {
    let mut own = here.iter().filter(|name| regions.zone_at(name, addr) == Some(zone));
    Ok(match (own.next(), own.next()) {
        (first, None) => first.cloned(),
        (Some(_), Some(_)) => match way(addr)? {
            Way::Through { interface, .. } if regions.zone_at(&interface, addr) == Some(zone) => Some(interface),
            _ => None,
        },
        (None, Some(_)) => None,
    })
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    make: Pinned,
    remove: BTreeSet<Key>,
    /// Ours afterwards.
    ours: Pinned,
    /// Permanent, and of somebody else, with another MAC.
    foreign: Vec<Key>,
}

fn plan(wanted: &Pinned, ours: &Pinned, actual: &BTreeMap<Key, Neighbour>) -> Plan {
    let mut plan = Plan::default();
    for (key, mac) in ours {
        let stands = actual.get(key) == Some(&Neighbour { mac: Some(*mac), permanent: true });
        if stands && !wanted.contains_key(key) {
            plan.remove.insert(key.clone());
        }
    }
    for (key, mac) in wanted {
        let entry = actual.get(key).filter(|entry| entry.permanent);
        match entry {
            Some(entry) if !ours.contains_key(key) => {
                if entry.mac != Some(*mac) {
                    plan.foreign.push(key.clone());
                }
                continue;
            }
            Some(entry) if entry.mac == Some(*mac) => {}
            _ => drop(plan.make.insert(key.clone(), *mac)),
        }
        plan.ours.insert(key.clone(), *mac);
    }
    plan
}

fn carry_out(wanted: Pinned, store: &PinStore) -> io::Result<Kept> {
    let before = store.read()?;
    if wanted.is_empty() && before.is_empty() {
        return Ok(Kept::default());
    }
    let mut table = Neighbours::open()?;
    let Plan { make, remove, mut ours, foreign } = plan(&wanted, &before, &table.list()?);
    // Remembered before it is made: what a crash leaves is known to be ours.
    let mut both = before.clone();
    both.extend(ours.clone());
    if both != before {
        store.write(&both)?;
    }
    let mut kept = Kept { wanted, ..Kept::default() };
    let told = |message: &'static str, (interface, addr): &Key| {
        Message::new(message).with("interface", interface.as_str()).with("address", addr.to_string())
    };
    kept.failed.extend(foreign.iter().map(|key| told("enforce-pin-foreign", key)));
    for key in &remove {
        match table.remove(key) {
            Ok(_) => kept.removed += 1,
            Err(error) => {
                kept.failed.push(told("enforce-pin-failed", key).with("cause", error.to_string()));
                // Still there, still ours.
                ours.extend(before.get(key).map(|mac| (key.clone(), *mac)));
            }
        }
    }
    for (key, mac) in &make {
        match table.pin(key, *mac) {
            Ok(()) => kept.made += 1,
            Err(error) => {
                kept.failed.push(told("enforce-pin-failed", key).with("cause", error.to_string()));
                ours.remove(key);
            }
        }
    }
    if ours != both {
        store.write(&ours)?;
    }
    Ok(kept)
}

#[cfg(test)]
#[path = "pins_tests.rs"]
mod tests;
