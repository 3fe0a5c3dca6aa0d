//! One pass over the open flows: which of them does a policy deny?
//!
//! Each flow is judged as the packet that would open it now: its original
//! source, where it really goes (after destination translation), the interfaces
//! that lead to both, and the MAC of the next hop towards its source. What was
//! judged once holds for every flow of the same ends and service.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;

use super::narrow::{Narrow, Side};
use crate::judge::{self, Question};
use crate::net::{IfName, MacAddr, Packet, Proto};
use crate::nft::{CutKey, CutService};
use crate::policy::{AllowReason, DenyReason, Policy, Verdict};
use crate::sys::conntrack::Flow;
use crate::sys::routes::{Routes, Way};

/// Members of sides remembered at once: a few ten megabytes at most.
const SIDES_KEPT: usize = 400_000;

/// What becomes of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The policy allows it.
    Keep,
    /// The policy denies it for this reason.
    Cut {
        reason: DenyReason,
        /// Its interface, or its MAC, is not known: it might have been allowed.
        uncertain: bool,
    },
}

/// An address that some flow has, and what is known about it.
#[derive(Debug)]
struct Known {
    addr: IpAddr,
    way: Way,
    source: Option<Arc<Side>>,
    destination: Option<Arc<Side>>,
}

/// Numbers of two known addresses, protocol, port (or ICMP type and code).
type Key = (u32, u32, u8, u16);

/// A policy, and everything learnt about flows so far.
#[derive(Debug)]
pub(super) struct Sweep {
    policy: Arc<Policy>,
    /// Made when there is a flow to judge.
    narrow: Option<Narrow>,
    at: Timestamp,
    routes: Routes,
    numbers: HashMap<IpAddr, u32>,
    known: Vec<Known>,
    fates: HashMap<Key, Fate>,
    /// The pair that the narrow policy was last made for.
    pair: Option<(u32, u32)>,
    kept: usize,
}

impl Sweep {
    /// Ready to judge by `policy` at `at`.
    pub(super) fn new(policy: Arc<Policy>, at: Timestamp) -> io::Result<Self> {
        Ok(Self {
            policy: policy.shared_as_of(at),
            narrow: None,
            at,
            routes: Routes::open()?,
            numbers: HashMap::new(),
            known: Vec::new(),
            fates: HashMap::new(),
            pair: None,
            kept: 0,
        })
    }

    /// What becomes of a flow.
    ///
    /// # Errors
    /// The routing table could not be asked.
    pub(super) fn fate(&mut self, flow: &Flow<'_>) -> io::Result<Fate> {
        let (from, to) = (self.number(flow.original.src)?, self.number(flow.reply.src)?);
        let (original, reply) = (&flow.original, &flow.reply);
        let detail = match (original.icmp_type, original.icmp_code) {
            (Some(kind), code) => u16::from_be_bytes([kind, code.unwrap_or(0)]),
            _ if original.proto.has_ports() => reply.sport.unwrap_or(0),
            _ => 0,
        };
        let key = (from, to, original.proto.0, detail);
        if let Some(fate) = self.fates.get(&key) {
            return Ok(*fate);
        }
        let fate = self.judge(from, to, |in_if, out_if, src_mac| packet(flow, in_if, out_if, src_mac));
        self.fates.insert(key, fate);
        Ok(fate)
    }

    /// What would become of a connection between these, opened from there to here;
    /// none if the local end is no address of this machine.
    ///
    /// # Errors
    /// The routing table could not be asked.
    pub(super) fn inbound(&mut self, remote: SocketAddr, local: SocketAddr, proto: Proto) -> io::Result<Option<Fate>> {
        let (from, to) = (self.number(remote.ip())?, self.number(local.ip())?);
        if self.known[to as usize].way != Way::Here || remote.is_ipv4() != local.is_ipv4() {
            return Ok(None);
        }
        let (sport, dport) = (Some(remote.port()), Some(local.port()));
        let packet = |in_if, out_if, src_mac| {
            let (src, dst, icmp_type, icmp_code) = (remote.ip(), local.ip(), None, None);
            Some(Packet { in_if, out_if, src_mac, src, dst, proto, sport, dport, icmp_type, icmp_code })
        };
        Ok(Some(self.judge(from, to, packet)))
    }

    /// The interface that leads to an address that was asked about before.
    pub(super) fn interface_towards(&self, addr: IpAddr) -> Option<&IfName> {
        match &self.known[*self.numbers.get(&addr)? as usize].way {
            Way::Through { interface, .. } => Some(interface),
            _ => None,
        }
    }

    /// The local and the remote end of a TCP flow of the gateway's own, as its
    /// program sees them; the flow was asked about before.
    pub(super) fn own(&self, flow: &Flow<'_>) -> Option<(SocketAddr, SocketAddr)> {
        let (original, reply) = (&flow.original, &flow.reply);
        let here = |addr| self.numbers.get(addr).is_some_and(|n| self.known[*n as usize].way == Way::Here);
        // Destinations are translated before a program here reads, sources after one writes.
        let (local, remote) = if here(&reply.src) {
            ((reply.src, reply.sport?), (reply.dst, reply.dport?))
        } else if here(&original.src) {
            ((original.src, original.sport?), (original.dst, original.dport?))
        } else {
            return None;
        };
        (original.proto == Proto::TCP).then(|| (local.into(), remote.into()))
    }

    fn number(&mut self, addr: IpAddr) -> io::Result<u32> {
        if let Some(number) = self.numbers.get(&addr) {
            return Ok(*number);
        }
        let way = self.routes.way(addr)?;
        // Two addresses a flow, and the kernel holds fewer than 2^31 flows.
        let number = self.known.len() as u32;
        self.known.push(Known { addr, way, source: None, destination: None });
        self.numbers.insert(addr, number);
        Ok(number)
    }

    /// Judges what opens a flow from one known address to another; `packet` makes
    /// it of its interfaces and its MAC.
    fn judge(
        &mut self,
        from: u32,
        to: u32,
        packet: impl Fn(Option<IfName>, Option<IfName>, Option<MacAddr>) -> Option<Packet>,
    ) -> Fate {
        let lost = Fate::Cut { reason: DenyReason::UnknownZone, uncertain: true };
        let Some((in_if, out_if, src_mac)) = interfaces(&self.known[from as usize].way, &self.known[to as usize].way)
        else {
            return lost;
        };
        let Some(mut packet) = packet(in_if, out_if, src_mac) else { return lost };
        let at = self.at;
        let narrow = self.look_at(from, to, src_mac);
        let verdict = judge::judge(narrow.last(), &Question::new(packet.clone(), at)).verdict;
        let Verdict::Deny(reason) = verdict else { return Fate::Keep };
        let blind = packet.in_if.is_some() && packet.src_mac.is_none();
        if blind && packet.out_if.is_none() {
            // What manages the gateway is never cut for want of a neighbour entry.
            let full = narrow.full();
            for mac in full.gateway.management.iter().flat_map(|line| full.seen_macs(line.host)) {
                packet.src_mac = Some(*mac);
                let answer = judge::judge(narrow.last(), &Question::new(packet.clone(), at));
                if answer.verdict == Verdict::Allow(AllowReason::Management) {
                    return Fate::Keep;
                }
            }
        }
        Fate::Cut { reason, uncertain: blind }
    }

    /// The policy as it looks to two known addresses.
    fn look_at(&mut self, from: u32, to: u32, mac: Option<MacAddr>) -> &Narrow {
        let narrow = self.narrow.get_or_insert_with(|| Narrow::new(Arc::clone(&self.policy)));
        if self.pair == Some((from, to)) {
            return narrow;
        }
        if self.kept > SIDES_KEPT {
            self.kept = 0;
            for known in &mut self.known {
                (known.source, known.destination) = (None, None);
            }
        }
        let Self { known, kept, .. } = self;
        let mut count = |side: Side| {
            *kept += side.len();
            Arc::new(side)
        };
        let one = &mut known[from as usize];
        let source = Arc::clone(one.source.get_or_insert_with(|| count(narrow.source(one.addr, mac))));
        let other = &mut known[to as usize];
        let destination = Arc::clone(other.destination.get_or_insert_with(|| count(narrow.destination(other.addr))));
        narrow.between(&source, &destination);
        self.pair = Some((from, to));
        narrow
    }
}

/// The interfaces of a flow's opening packet and the MAC it comes with; none
/// where no route tells them.
fn interfaces(from: &Way, to: &Way) -> Option<(Option<IfName>, Option<IfName>, Option<MacAddr>)> {
    // No interface has these names, or they are the loopback's.
    let named = |name: &str| name.parse::<IfName>().ok();
    Some(match (from, to) {
        (Way::Here, Way::Here) => (named("lo"), None, None),
        // Never forwarded, so of no zone whatever the interface.
        (Way::Here, Way::Group) => (None, named("#"), None),
        (Way::Here, Way::Through { interface, .. }) => (None, Some(interface.clone()), None),
        (Way::Through { interface, mac }, Way::Here | Way::Group) => (Some(interface.clone()), None, *mac),
        (Way::Through { interface, mac }, Way::Through { interface: out, .. }) => {
            (Some(interface.clone()), Some(out.clone()), *mac)
        }
        (Way::None | Way::Group, _) | (_, Way::None) => return None,
    })
}

/// The packet that would open the flow now; none if its ends are of two families.
fn packet(flow: &Flow<'_>, in_if: Option<IfName>, out_if: Option<IfName>, src_mac: Option<MacAddr>) -> Option<Packet> {
    let (original, reply) = (&flow.original, &flow.reply);
    let ports = original.proto.has_ports();
    (original.src.is_ipv4() == reply.src.is_ipv4()).then(|| Packet {
        in_if,
        out_if,
        src_mac,
        src: original.src,
        dst: reply.src,
        proto: original.proto,
        sport: original.sport.filter(|_| ports),
        dport: reply.sport.filter(|_| ports),
        icmp_type: original.icmp_type,
        icmp_code: original.icmp_code,
    })
}

/// What stops a flow's packets: for ICMP the question and the answer.
pub(super) fn cut_keys(flow: &Flow<'_>) -> Vec<CutKey> {
    let (original, reply) = (&flow.original, &flow.reply);
    let services = match (original.proto, reply.sport) {
        (Proto::ICMP | Proto::ICMPV6, _) => {
            let mut kinds: Vec<u8> = [original.icmp_type, reply.icmp_type].into_iter().flatten().collect();
            kinds.dedup();
            kinds.into_iter().map(CutService::Icmp).collect()
        }
        (proto, Some(port)) if proto.has_ports() => vec![CutService::Port(proto, port)],
        (proto, _) => vec![CutService::Proto(proto)],
    };
    services.into_iter().map(|service| CutKey { src: original.src, dst: reply.src, service }).collect()
}
