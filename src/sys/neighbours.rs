//! The kernel's neighbour table: listing, permanent entries, and word of changes.
//!
//! Over rtnetlink, in the caller's network namespace. Setting and removing needs
//! CAP_NET_ADMIN. Kernel: linux/neighbour.h, linux/rtnetlink.h.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};
use tokio::io::unix::AsyncFd;

use super::conntrack::address;
use super::netlink::{Attributes, CREATE, Messages, Netlink, REPLACE, attribute, field};
use crate::net::{IfName, MacAddr};

const NEW: u16 = 28;
const DELETE: u16 = 29;
const GET: u16 = 30;
const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
/// `NDA_DST`, `NDA_LLADDR`.
const ADDRESS: u16 = 1;
const MAC: u16 = 2;
/// `NUD_PERMANENT`.
const PERMANENT: u16 = 0x80;
/// `NUD_REACHABLE | STALE | DELAY | PROBE | PERMANENT`: a MAC is known.
const KNOWN: u16 = 0x02 | 0x04 | 0x08 | 0x10 | PERMANENT;
/// `sizeof(struct ndmsg)`.
const BODY: usize = 12;
/// `RTMGRP_LINK | NEIGH | IPV4_IFADDR | IPV6_IFADDR`.
const GROUPS: u32 = 0x1 | 0x4 | 0x10 | 0x100;
/// What one read can hold: a link's message with all its attributes is a few KiB.
const READ_BYTES: usize = 64 << 10;
/// Listings begun anew because the table changed meanwhile, at most.
const TRIES: u32 = 5;

/// Where a neighbour is, and its address.
pub type Key = (IfName, IpAddr);

/// What the table says of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Its MAC; none = not known (yet).
    pub mac: Option<MacAddr>,
    /// True if nothing that is heard on the wire changes it.
    pub permanent: bool,
}

/// `struct ndmsg` and its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) index: u32,
    pub(super) addr: IpAddr,
    /// Only if it is known to hold.
    pub(super) mac: Option<MacAddr>,
    pub(super) permanent: bool,
}

/// Reads a message of the neighbour table; none where it has no address.
pub(super) fn read(body: &[u8]) -> Option<Raw> {
    let index = u32::from_ne_bytes(field(body, 4)?);
    let state = u16::from_ne_bytes(field(body, 8)?);
    let (mut addr, mut mac) = (None, None);
    for (kind, value) in Attributes(body.get(BODY..)?) {
        match kind {
            ADDRESS => addr = address(value),
            MAC if value.len() == 6 => mac = field(value, 0).map(MacAddr),
            _ => {}
        }
    }
    let mac = mac.filter(|_| state & KNOWN != 0);
    Some(Raw { index, addr: addr?, mac, permanent: state & PERMANENT != 0 })
}

/// Lists the table; true if it changed meanwhile.
pub(super) fn dump(netlink: &mut Netlink, mut each: impl FnMut(Raw)) -> io::Result<bool> {
    netlink.dump(GET, &[0; BODY], |body| {
        read(body).into_iter().for_each(&mut each);
        Ok(())
    })
}

/// A way to the table.
#[derive(Debug)]
pub struct Neighbours {
    netlink: Netlink,
}

impl Neighbours {
    /// Opens it.
    ///
    /// # Errors
    /// As socket(2) says.
    pub fn open() -> io::Result<Self> {
        Netlink::open(None).map(|netlink| Self { netlink })
    }

    /// All of it, by interface and address.
    ///
    /// # Errors
    /// The kernel's; EAGAIN where the table never rests.
    pub fn list(&mut self) -> io::Result<BTreeMap<Key, Neighbour>> {
        for _ in 0..TRIES {
            let mut found = Vec::new();
            if dump(&mut self.netlink, |raw| found.push(raw))? {
                continue;
            }
            let mut names: HashMap<u32, Option<IfName>> = HashMap::new();
            let fd = self.netlink.fd();
            let mut named = |raw: Raw| {
                let name = || rustix::net::netdevice::index_to_name(fd, raw.index).ok()?.parse().ok();
                let name = names.entry(raw.index).or_insert_with(name).clone()?;
                Some(((name, raw.addr), Neighbour { mac: raw.mac, permanent: raw.permanent }))
            };
            return Ok(found.into_iter().filter_map(&mut named).collect());
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Makes or changes an entry that nothing heard on the wire changes.
    ///
    /// # Errors
    /// The kernel's; ENODEV where there is no such interface.
    pub fn pin(&mut self, key: &Key, mac: MacAddr) -> io::Result<()> {
        let mut body = self.body(key, PERMANENT)?;
        attribute(&mut body, MAC, &mac.0);
        match self.netlink.order(&[(NEW, &body)], CREATE | REPLACE)?.first() {
            None => Ok(()),
            Some(errno) => Err(io::Error::from_raw_os_error(*errno)),
        }
    }

    /// Removes an entry; false if it is not there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn remove(&mut self, key: &Key) -> io::Result<bool> {
        let body = match self.body(key, 0) {
            Ok(body) => body,
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Ok(false),
            Err(error) => return Err(error),
        };
        match self.netlink.order(&[(DELETE, &body)], 0)?.first() {
            None => Ok(true),
            Some(&libc::ENOENT) => Ok(false),
            Some(errno) => Err(io::Error::from_raw_os_error(*errno)),
        }
    }

    /// `struct ndmsg`, and the address.
    fn body(&self, (interface, addr): &Key, state: u16) -> io::Result<Vec<u8>> {
        let index = rustix::net::netdevice::name_to_index(self.netlink.fd(), interface.as_str())?;
        let family = if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let mut body = vec![0; BODY];
        body[0] = family as u8;
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        body[8..10].copy_from_slice(&state.to_ne_bytes());
        match addr {
            IpAddr::V4(addr) => attribute(&mut body, ADDRESS, &addr.octets()),
            IpAddr::V6(addr) => attribute(&mut body, ADDRESS, &addr.octets()),
        }
        Ok(body)
    }
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// To an interface or its addresses; or more than the kernel could keep for us.
    Elsewhere,
    /// To the entry of an address on some interface: this is its MAC now, and
    /// permanent, or anything else.
    Entry(IpAddr, Option<MacAddr>),
}

/// Word of what happens to interfaces and neighbours. One socket, no thread.
#[derive(Debug)]
pub struct Events {
    socket: AsyncFd<OwnedFd>,
    buffer: Vec<u8>,
}

impl Events {
    /// Listens from now on. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// As socket(2) and bind(2) say.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        // Less than asked for still works: what is lost is told.
        let _ = sockopt::set_socket_recv_buffer_size_force(&fd, 1 << 20);
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self { socket: super::readable::readable(fd)?, buffer: vec![0; READ_BYTES] })
    }

    /// Waits for what happens next; at least one event. Cancel safe.
    ///
    /// # Errors
    /// As recvfrom(2) says.
    pub async fn next(&mut self) -> io::Result<Vec<Event>> {
        loop {
            let mut guard = self.socket.readable().await?;
            let read = rustix::net::recvfrom(guard.get_inner().as_fd(), &mut self.buffer[..], RecvFlags::TRUNC);
            let events = match read {
                Ok((_, length, from)) => {
                    let kernel = from.and_then(|a| SocketAddrNetlink::try_from(a).ok()).is_some_and(|a| a.pid() == 0);
                    match self.buffer.get(..length) {
                        Some(bytes) if kernel => events(bytes),
                        Some(_) => Vec::new(),
                        None => vec![Event::Elsewhere],
                    }
                }
                Err(Errno::AGAIN) => {
                    guard.clear_ready();
                    continue;
                }
                Err(Errno::INTR) => continue,
                Err(Errno::NOBUFS) => vec![Event::Elsewhere],
                Err(errno) => return Err(errno.into()),
            };
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}

fn events(bytes: &[u8]) -> Vec<Event> {
    let event = |message: io::Result<super::netlink::Message<'_>>| {
        let Ok(message) = message else { return Some(Event::Elsewhere) };
        match message.kind {
            NEW | DELETE => {
                let raw = read(message.body)?;
                let pinned = raw.mac.filter(|_| raw.permanent && message.kind == NEW);
                Some(Event::Entry(raw.addr, pinned))
            }
            NEW_LINK | DELETE_LINK | NEW_ADDRESS | DELETE_ADDRESS => Some(Event::Elsewhere),
            _ => None,
        }
    };
    Messages(bytes).filter_map(event).collect()
}

/// The interfaces of the calling thread's network namespace. (`/sys/class/net`
/// would show those of whoever mounted it.)
pub fn interfaces() -> Vec<IfName> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(':')?.0.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sys::namespace::{in_namespace, run};

    fn ip(line: &str) {
        run("ip", &line.split_whitespace().collect::<Vec<_>>(), "");
    }

    #[test]
    fn entries_are_made_told_changed_and_removed() {
        in_namespace(|runtime| {
            for line in ["link add e1 type veth peer name e2", "link set e1 up", "link set e2 up"] {
                ip(line);
            }
            assert!(interfaces().iter().any(|name| name.as_str() == "e1"));
            let mut events = Events::open().unwrap();
            let mut happened = |want: Event| {
                let wait = async { while !events.next().await.unwrap().contains(&want) {} };
                runtime.block_on(tokio::time::timeout(Duration::from_secs(5), wait)).unwrap();
            };
            let mut table = Neighbours::open().unwrap();
            let mac = |last| MacAddr([2, 0, 0, 0, 0, last]);
            for addr in ["10.1.0.9", "fd00::9"] {
                let addr: IpAddr = addr.parse().unwrap();
                let key: Key = ("e1".parse().unwrap(), addr);
                table.pin(&key, mac(1)).unwrap();
                happened(Event::Entry(addr, Some(mac(1))));
                table.pin(&key, mac(2)).unwrap();
                let entry = Neighbour { mac: Some(mac(2)), permanent: true };
                assert_eq!(table.list().unwrap().get(&key), Some(&entry));
                assert!(table.remove(&key).unwrap());
                happened(Event::Entry(addr, None));
                assert!(!table.remove(&key).unwrap());
                assert_eq!(table.list().unwrap().get(&key).and_then(|n| n.mac), None);
                let absent: Key = ("e9".parse().unwrap(), addr);
                assert_eq!(table.pin(&absent, mac(1)).unwrap_err().raw_os_error(), Some(libc::ENODEV));
                assert!(!table.remove(&absent).unwrap());
            }
            ip("link set e2 down");
            happened(Event::Elsewhere);
        });
    }
}
