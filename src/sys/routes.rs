//! Which interface leads to an address, and whose MAC it has there.
//!
//! Asks the kernel's routing table and neighbour table over rtnetlink, in the
//! caller's network namespace. What was asked is remembered: a [`Routes`] is
//! for one sweep, not for long. Kernel: linux/rtnetlink.h, linux/neighbour.h.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

use super::conntrack::address;
use super::neighbours;
use super::netlink::{Attributes, Netlink, attribute, field};
use crate::net::{IfName, MacAddr};

const GET_ROUTE: u16 = 26;
/// `RTA_DST`, `RTA_OIF`, `RTA_GATEWAY`, `RTA_VIA`.
const DST: u16 = 1;
const OUT_INDEX: u16 = 4;
const GATEWAY: u16 = 5;
const VIA: u16 = 18;
/// `sizeof(struct rtmsg)`.
const BODY: usize = 12;

/// How packets reach an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It is the gateway's own.
    Here,
    /// A broadcast address or a multicast group.
    Group,
    /// Out of this interface.
    Through {
        /// The interface.
        interface: IfName,
        /// MAC of the next hop (of the address itself where it is on the link); none = not known.
        mac: Option<MacAddr>,
    },
    /// No route, or one that forbids it.
    None,
}

/// Answers, asked of the kernel once each.
#[derive(Debug)]
pub struct Routes {
    netlink: Netlink,
    neighbours: HashMap<(u32, IpAddr), MacAddr>,
    names: HashMap<u32, Option<IfName>>,
}

impl Routes {
    /// Reads the neighbour table; routes are asked one by one.
    ///
    /// # Errors
    /// As socket(2) says, or the kernel refuses.
    pub fn open() -> io::Result<Self> {
        let mut netlink = Netlink::open(None)?;
        let mut neighbours = HashMap::new();
        neighbours::dump(&mut netlink, |known| {
            neighbours.extend(known.mac.map(|mac| ((known.index, known.addr), mac)));
        })?;
        Ok(Self { netlink, neighbours, names: HashMap::new() })
    }

    /// The way to an address by the main routes: rules that look at marks,
    /// sources or interfaces are followed only as far as they hold for a packet
    /// of the gateway's own.
    ///
    /// # Errors
    /// Of the socket only; "no route" is an answer.
    pub fn way(&mut self, to: IpAddr) -> io::Result<Way> {
        if to.is_multicast() || to == IpAddr::from([255; 4]) {
            return Ok(Way::Group);
        }
        let (family, bits) = if to.is_ipv4() { (libc::AF_INET, 32) } else { (libc::AF_INET6, 128) };
        let mut body = vec![0; BODY];
        body[..2].copy_from_slice(&[family as u8, bits]);
        match to {
            IpAddr::V4(addr) => attribute(&mut body, DST, &addr.octets()),
            IpAddr::V6(addr) => attribute(&mut body, DST, &addr.octets()),
        }
        match self.netlink.ask(GET_ROUTE, &body) {
            Ok(answer) => Ok(self.read(to, &answer).unwrap_or(Way::None)),
            Err(error) => match error.raw_os_error() {
                Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL) => Ok(Way::None),
                _ => Err(error),
            },
        }
    }

    fn read(&mut self, to: IpAddr, answer: &[u8]) -> Option<Way> {
        // struct rtmsg: the eighth byte is RTN_*.
        match answer.get(7)? {
            1 => {}
            2 | 4 => return Some(Way::Here),
            3 | 5 => return Some(Way::Group),
            _ => return Some(Way::None),
        }
        let (mut index, mut hop) = (None, to);
        for (kind, value) in Attributes(answer.get(BODY..)?) {
            match kind {
                OUT_INDEX => index = field(value, 0).map(u32::from_ne_bytes),
                GATEWAY => hop = address(value)?,
                // struct rtvia: family, address
                VIA => hop = address(value.get(2..)?)?,
                _ => {}
            }
        }
        let index = index?;
        let interface = self.name(index)?;
        Some(Way::Through { interface, mac: self.neighbours.get(&(index, hop)).copied() })
    }

    fn name(&mut self, index: u32) -> Option<IfName> {
        let fd = self.netlink.fd();
        let name = || rustix::net::netdevice::index_to_name(fd, index).ok()?.parse().ok();
        self.names.entry(index).or_insert_with(name).clone()
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
