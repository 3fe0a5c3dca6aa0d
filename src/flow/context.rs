//! The names of one moment: what a packet's addresses are called under the
//! policy in force.
//!
//! Takes a policy; gives zones, hosts, departments and entries for packets.
//! Built once a policy and swapped whole on reload, so that a record never
//! mixes two ledgers.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::decode::Decoded;
use super::packet::LoggedPacket;
use crate::net::{IfName, MacAddr, Packet};
use crate::nft::names::entry_tag;
use crate::policy::{DenyReason, HostId, LogSettings, Policy, Regions, ZoneId};
use crate::verify;

/// The label that names a host's department.
const DEPT: &str = "dept";
/// What stands for a zone where an end is the gateway itself.
const GATEWAY: &str = "gateway";

/// A policy as the log reads it.
pub struct Context {
    policy: Arc<Policy>,
    digest: Arc<str>,
    revision: Option<u64>,
    regions: Regions,
    zones: Vec<Arc<str>>,
    gateway: Arc<str>,
    hosts: Vec<HostNames>,
    by_addr: HashMap<(ZoneId, IpAddr), HostId>,
    by_net: HashMap<(ZoneId, IpNet), HostId>,
    /// Prefix lengths in `by_net`, the longest first.
    lengths: Vec<u8>,
    by_mac: HashMap<MacAddr, HostId>,
    entries: HashMap<String, Arc<str>>,
}

struct HostNames {
    name: Arc<str>,
    dept: Option<Arc<str>>,
}

/// One end of a flow, named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct End {
    /// The zone's name, or `gateway`.
    pub zone: Option<Arc<str>>,
    /// The host's name.
    pub host: Option<Arc<str>>,
    /// Its department.
    pub dept: Option<Arc<str>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("digest", &self.digest)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// The names under `policy`, whose digest and revision go into every record.
    pub fn new(policy: Arc<Policy>, digest: &str, revision: Option<u64>) -> Self {
        let mut context = Self {
            regions: Regions::new(&policy),
            digest: digest.into(),
            revision,
            zones: policy.zones.iter().map(|z| z.name.as_str().into()).collect(),
            gateway: GATEWAY.into(),
            hosts: Vec::new(),
            by_addr: HashMap::new(),
            by_net: HashMap::new(),
            lengths: Vec::new(),
            by_mac: HashMap::new(),
            entries: policy.entries.iter().map(|e| (entry_tag(&e.id), e.id.as_str().into())).collect(),
            policy,
        };
        context.index_hosts();
        context
    }

    fn index_hosts(&mut self) {
        let mut lengths = BTreeSet::new();
        for (index, host) in self.policy.hosts.iter().enumerate() {
            let id = HostId(index);
            let dept = host.labels.get(DEPT).map(|d| d.as_str().into());
            self.hosts.push(HostNames { name: host.name.as_str().into(), dept });
            for net in &host.ips {
                if net.prefix_len() == net.max_prefix_len() {
                    self.by_addr.entry((host.zone, net.addr())).or_insert(id);
                } else {
                    lengths.insert(net.prefix_len());
                    self.by_net.entry((host.zone, net.trunc())).or_insert(id);
                }
            }
            for mac in &host.macs {
                self.by_mac.entry(*mac).or_insert(id);
            }
        }
        self.lengths = lengths.into_iter().rev().collect();
    }

    /// The policy.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Its digest.
    pub fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// Its revision.
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// `[log]`.
    pub fn settings(&self) -> &LogSettings {
        &self.policy.log
    }

    /// The organisation's time zone.
    pub fn timezone(&self) -> &TimeZone {
        &self.policy.organisation.timezone
    }

    /// The id of the entry with this tag.
    pub fn entry(&self, tag: &str) -> Option<Arc<str>> {
        self.entries.get(tag).cloned()
    }

    /// The source and the destination of a packet.
    pub fn ends(&self, packet: &LoggedPacket, headers: &Decoded) -> (End, End) {
        let from = match &packet.in_if {
            None => self.own(),
            Some(interface) => {
                let zone = headers.src.and_then(|a| self.zone(interface, a, packet.out_if.is_none()));
                self.end(zone, self.source(zone, headers.src, packet.src_mac))
            }
        };
        let to = match &packet.out_if {
            None => self.own(),
            Some(interface) => {
                let zone = headers.dst.and_then(|a| self.zone(interface, a, packet.in_if.is_none()));
                self.end(zone, zone.zip(headers.dst).and_then(|(z, a)| self.host_at(z, a)))
            }
        };
        (from, to)
    }

    fn own(&self) -> End {
        End { zone: Some(self.gateway.clone()), ..End::default() }
    }

    fn end(&self, zone: Option<ZoneId>, host: Option<HostId>) -> End {
        let host = host.map(|h| &self.hosts[h.0]);
        End {
            zone: zone.map(|z| self.zones[z.0].clone()),
            host: host.map(|h| h.name.clone()),
            dept: host.and_then(|h| h.dept.clone()),
        }
    }

    /// The zone of an address. With the gateway at the other end, an address
    /// that belongs to the link alone is of the interface's zone, where that
    /// is one (SPEC §2: of every zone of the interface).
    fn zone(&self, interface: &IfName, addr: IpAddr, gateway: bool) -> Option<ZoneId> {
        let found = self.regions.zone_at(interface, addr);
        if found.is_some() || !gateway || !of_the_link(addr) {
            return found;
        }
        let atom = self.regions.atoms().iter().find(|a| a.pattern.matches(interface))?;
        let mut zones = atom.ranges.iter().map(|(_, zone)| *zone);
        let first = zones.next()?;
        zones.all(|z| z == first).then_some(first)
    }

    /// The host that a source is: the one of its address if its MAC agrees or
    /// is not known, else the one of its MAC, else the one that it claims to
    /// be (the reason then says so). An address of no zone names nobody.
    fn source(&self, zone: Option<ZoneId>, addr: Option<IpAddr>, mac: Option<MacAddr>) -> Option<HostId> {
        let claimed = zone.zip(addr).and_then(|(z, a)| self.host_at(z, a));
        let agrees = |host: HostId| {
            let macs = self.policy.seen_macs(host);
            macs.is_empty() || mac.is_none_or(|m| macs.contains(&m))
        };
        claimed.filter(|h| agrees(*h)).or_else(|| self.by_mac.get(&mac?).copied()).or(claimed)
    }

    fn host_at(&self, zone: ZoneId, addr: IpAddr) -> Option<HostId> {
        self.by_addr.get(&(zone, addr)).copied().or_else(|| {
            self.lengths.iter().find_map(|length| {
                let net = IpNet::new(addr, *length).ok()?.trunc();
                self.by_net.get(&(zone, net)).copied()
            })
        })
    }

    /// The entry nearest to allowing a packet, where all that it needs is
    /// known. Its cost grows with the number of entries.
    pub fn nearest(&self, packet: &LoggedPacket, headers: &Decoded, reason: DenyReason) -> Option<Arc<str>> {
        let question = Packet {
            in_if: packet.in_if.clone(),
            out_if: packet.out_if.clone(),
            src_mac: packet.src_mac,
            src: headers.src?,
            dst: headers.dst?,
            proto: headers.proto?,
            sport: headers.sport,
            dport: headers.dport,
            icmp_type: headers.icmp_type,
            icmp_code: headers.icmp_code,
        };
        verify::nearest(&self.policy, &question, packet.time, Some(reason)).map(|n| n.entry.into())
    }
}

/// Unspecified, link-local, or multicast.
fn of_the_link(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => a.is_unspecified() || a.is_multicast() || a.is_broadcast(),
        IpAddr::V6(a) => a.is_unspecified() || a.is_unicast_link_local() || a.is_multicast(),
    }
}
