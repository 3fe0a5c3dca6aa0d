//! The connection-tracking table over ctnetlink: every flow, one after another,
//! and deletion of single flows.
//!
//! Nothing of the table is held in memory: a million flows pass by one at a
//! time. Needs CAP_NET_ADMIN. Works in the network namespace of the caller.
//! Kernel: linux/netfilter/nfnetlink_conntrack.h.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink::{Attributes, Netlink, attribute, field};
use crate::net::{Family, Proto};

/// `NFNL_SUBSYS_CTNETLINK << 8` with `IPCTNL_MSG_CT_GET`, `IPCTNL_MSG_CT_DELETE`.
const GET: u16 = 0x101;
const DELETE: u16 = 0x102;

const TUPLE_ORIG: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const STATUS: u16 = 3;
const MARK: u16 = 8;
const COUNTERS_ORIG: u16 = 9;
const COUNTERS_REPLY: u16 = 10;
const ID: u16 = 12;
const ZONE: u16 = 18;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTO: u16 = 2;

/// `IPS_SEEN_REPLY`, `IPS_ASSURED`, `IPS_DYING`.
const SEEN_REPLY: u32 = 1 << 1;
const ASSURED: u32 = 1 << 2;
const DYING: u32 = 1 << 9;

/// Flows deleted by one datagram.
const DELETED_AT_ONCE: usize = 256;

/// One direction of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Source.
    pub src: IpAddr,
    /// Destination, of the same family.
    pub dst: IpAddr,
    /// Protocol.
    pub proto: Proto,
    /// Source port, or what the protocol has in its place.
    pub sport: Option<u16>,
    /// Destination port, or what the protocol has in its place.
    pub dport: Option<u16>,
    /// ICMP or ICMPv6 type.
    pub icmp_type: Option<u8>,
    /// ICMP or ICMPv6 code.
    pub icmp_code: Option<u8>,
    /// ICMP or ICMPv6 identifier.
    pub icmp_id: Option<u16>,
}

/// What has passed of a flow, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes, IP headers included.
    pub bytes: u64,
}

/// One flow of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow<'a> {
    /// As its opener sent it.
    pub original: Tuple,
    /// As answers reach the gateway: its source is where the flow really goes,
    /// after destination translation.
    pub reply: Tuple,
    /// Connection-tracking zone; 0 = the usual one.
    pub zone: u16,
    /// The kernel's number for the flow: made of its tuple and where it lies in
    /// memory, so that nearly always another of the same tuple has another.
    pub id: u32,
    /// Mark; 0 = none.
    pub mark: u32,
    /// `IPS_*` bits.
    pub status: u32,
    /// What has passed; none if the kernel did not count when the flow opened
    /// (`net.netfilter.nf_conntrack_acct`).
    pub traffic: Option<Traffic>,
    /// The original tuple as the kernel wrote it.
    raw: &'a [u8],
}

impl Flow<'_> {
    /// The address family.
    pub fn family(&self) -> Family {
        Family::of(self.original.src)
    }

    /// True if both sides have spoken for long enough not to be evicted early.
    pub fn assured(&self) -> bool {
        self.status & ASSURED != 0
    }

    /// True if the other side has answered.
    pub fn answered(&self) -> bool {
        self.status & SEEN_REPLY != 0
    }

    /// True if it is on its way out of the table.
    pub fn dying(&self) -> bool {
        self.status & DYING != 0
    }

    /// What deletes this very flow, and no later one of the same addresses.
    pub fn handle(&self) -> Handle {
        let mut body = header(if self.original.src.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 });
        // NLA_F_NESTED
        attribute(&mut body, TUPLE_ORIG | 0x8000, self.raw);
        if self.zone != 0 {
            attribute(&mut body, ZONE, &self.zone.to_be_bytes());
        }
        attribute(&mut body, ID, &self.id.to_be_bytes());
        Handle(body.into())
    }
}

/// The order to delete one flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle(Box<[u8]>);

/// What one pass over the table saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Flows handed on.
    pub flows: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// The table was rebuilt meanwhile: flows may have been missed.
    pub interrupted: bool,
}

/// A way to the table. After an error open a new one.
#[derive(Debug)]
pub struct Conntrack {
    netlink: Netlink,
}

impl Conntrack {
    /// Opens it.
    ///
    /// # Errors
    /// As socket(2) says; EPROTONOSUPPORT where the kernel has no netfilter.
    pub fn open() -> io::Result<Self> {
        Netlink::open(Some(rustix::net::netlink::NETFILTER)).map(|netlink| Self { netlink })
    }

    /// Hands every flow of both families and all zones to `each`.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN; ENOBUFS where the kernel could not keep its
    /// answer; those of `each`.
    pub fn each(&mut self, mut each: impl FnMut(&Flow<'_>) -> io::Result<()>) -> io::Result<Pass> {
        let mut pass = Pass::default();
        let interrupted = self.netlink.dump_ahead(GET, &header(libc::AF_UNSPEC), |body| match read(body) {
            Some(flow) => {
                pass.flows += 1;
                each(&flow)
            }
            None => {
                pass.unreadable += 1;
                Ok(())
            }
        })?;
        pass.interrupted = interrupted;
        Ok(pass)
    }

    /// Deletes flows; gives how many were there to delete. Those that are gone
    /// already are none.
    ///
    /// # Errors
    /// The kernel's first refusal other than "no such flow"; the flows before it
    /// and after it in the same batch of 256 are deleted all the same.
    pub fn delete(&mut self, flows: &[Handle]) -> io::Result<u64> {
        let mut deleted = 0;
        for chunk in flows.chunks(DELETED_AT_ONCE) {
            let orders: Vec<(u16, &[u8])> = chunk.iter().map(|handle| (DELETE, &*handle.0)).collect();
            let refused = self.netlink.order(&orders)?;
            deleted += (chunk.len() - refused.len()) as u64;
            if let Some(errno) = refused.into_iter().find(|errno| *errno != libc::ENOENT) {
                return Err(io::Error::from_raw_os_error(errno));
            }
        }
        Ok(deleted)
    }
}

/// `struct nfgenmsg` of an address family: version 0, resource 0.
fn header(family: i32) -> Vec<u8> {
    vec![family as u8, 0, 0, 0]
}

/// A flow, from the body of the kernel's message about it.
pub(super) fn read(body: &[u8]) -> Option<Flow<'_>> {
    let (mut original, mut reply, mut raw) = (None, None, &[][..]);
    let (mut zone, mut id, mut mark, mut status, mut traffic) = (0, None, 0, 0, None);
    for (kind, value) in Attributes(body.get(4..)?) {
        match kind {
            TUPLE_ORIG => {
                original = Some(tuple(value)?);
                raw = value;
            }
            TUPLE_REPLY => reply = Some(tuple(value)?),
            STATUS => status = u32::from_be_bytes(field(value, 0)?),
            MARK => mark = u32::from_be_bytes(field(value, 0)?),
            ID => id = Some(u32::from_be_bytes(field(value, 0)?)),
            COUNTERS_ORIG | COUNTERS_REPLY => count(traffic.get_or_insert_default(), value),
            ZONE => zone = u16::from_be_bytes(field(value, 0)?),
            _ => {}
        }
    }
    Some(Flow { original: original?, reply: reply?, zone, id: id?, mark, status, traffic, raw })
}

/// Adds one direction's counters.
fn count(traffic: &mut Traffic, value: &[u8]) {
    for (kind, value) in Attributes(value) {
        let number = field(value, 0).map_or(0, u64::from_be_bytes);
        // CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES
        match kind {
            1 => traffic.packets += number,
            2 => traffic.bytes += number,
            _ => {}
        }
    }
}

fn tuple(value: &[u8]) -> Option<Tuple> {
    let (mut src, mut dst, mut proto) = (None, None, None);
    let (mut sport, mut dport, mut icmp_type, mut icmp_code, mut icmp_id) = (None, None, None, None, None);
    for (kind, value) in Attributes(value) {
        match kind {
            TUPLE_IP => {
                for (kind, value) in Attributes(value) {
                    let addr = address(value);
                    // CTA_IP_V4_SRC, V4_DST, V6_SRC, V6_DST
                    match kind {
                        1 | 3 => src = addr,
                        2 | 4 => dst = addr,
                        _ => {}
                    }
                }
            }
            TUPLE_PROTO => {
                for (kind, value) in Attributes(value) {
                    let byte = value.first().copied();
                    let word = field(value, 0).map(u16::from_be_bytes);
                    // CTA_PROTO_NUM, SRC_PORT, DST_PORT, ICMP(V6)_ID, _TYPE, _CODE
                    match kind {
                        1 => proto = byte.map(Proto),
                        2 => sport = word,
                        3 => dport = word,
                        4 | 7 => icmp_id = word,
                        5 | 8 => icmp_type = byte,
                        6 | 9 => icmp_code = byte,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(Tuple { src: src?, dst: dst?, proto: proto?, sport, dport, icmp_type, icmp_code, icmp_id })
}

/// An address in network order.
pub(super) fn address(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => field::<4>(value, 0).map(|b| Ipv4Addr::from(b).into()),
        16 => field::<16>(value, 0).map(|b| Ipv6Addr::from(b).into()),
        _ => None,
    }
}

#[cfg(test)]
#[path = "conntrack_tests.rs"]
mod tests;
