//! This machine's own TCP connections: lists them, and ends one on its socket.
//!
//! Deleting a flow from connection tracking is not enough where the gateway is
//! one of its ends: the next segment that the gateway itself sends would open
//! the flow anew. Ending needs CAP_NET_ADMIN. Kernel: linux/inet_diag.h.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::netlink::{Netlink, field};

/// `SOCK_DIAG_BY_FAMILY`, `SOCK_DESTROY`.
const FIND: u16 = 20;
const DESTROY: u16 = 21;
/// `struct inet_diag_sockid` in an answer (`struct inet_diag_msg`).
const ID: std::ops::Range<usize> = 4..52;
/// `TCP_LISTEN`.
const LISTEN: u8 = 10;

/// `TCP_ESTABLISHED`, as a bit of the states asked for.
const ESTABLISHED: u32 = 1 << 1;
/// Where an answer has the socket's inode.
const INODE: usize = 68;

/// An open TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Established {
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The socket's inode; 0 = held by no process.
    pub inode: u32,
}

/// A way to the sockets of the caller's network namespace.
#[derive(Debug)]
pub struct Sockets {
    netlink: Netlink,
}

impl Sockets {
    /// Opens it.
    ///
    /// # Errors
    /// As socket(2) says.
    pub fn open() -> io::Result<Self> {
        Netlink::open(Some(rustix::net::netlink::SOCK_DIAG)).map(|netlink| Self { netlink })
    }

    /// The open TCP connections; IPv4 over IPv6 sockets as IPv4. Needs no privilege.
    ///
    /// # Errors
    /// The kernel's.
    pub fn established(&mut self) -> io::Result<Vec<Established>> {
        let mut found = Vec::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            let body = request(family as u8, ESTABLISHED, &[0; 48]);
            self.netlink.dump(FIND, &body, |answer| {
                found.extend(established(answer));
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Aborts the TCP connection between these two, as its program sees it;
    /// false if there is none. A listening socket is never touched.
    ///
    /// # Errors
    /// The kernel's: EOPNOTSUPP where it cannot abort sockets.
    pub fn abort_tcp(&mut self, local: SocketAddr, remote: SocketAddr) -> io::Result<bool> {
        // A cookie of all ones means any.
        let mut id = [endpoint_ports(local, remote), address(local.ip()), address(remote.ip())].concat();
        id.extend([0; 4]);
        id.extend([0xff; 8]);
        let found = match self.netlink.ask(FIND, &request(family(local.ip()), u32::MAX, &id)) {
            Ok(found) => found,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(false),
            Err(error) => return Err(error),
        };
        // Where there is no such connection the kernel offers who listens there.
        let mapped = [endpoint_ports(local, remote), mapped(local.ip()), mapped(remote.ip())].concat();
        let (Some([family, state]), Some(exact)) = (found.first_chunk::<2>(), found.get(ID)) else { return Ok(false) };
        if *state == LISTEN || exact[..36] != id[..36] && exact[..36] != mapped {
            return Ok(false);
        }
        let refused = self.netlink.order(&[(DESTROY, &request(*family, u32::MAX, exact))])?;
        match refused.first() {
            None => Ok(true),
            Some(&libc::ENOENT) => Ok(false),
            Some(errno) => Err(io::Error::from_raw_os_error(*errno)),
        }
    }
}

/// Reads `struct inet_diag_msg`.
fn established(answer: &[u8]) -> Option<Established> {
    let port = |at| field(answer, at).map(u16::from_be_bytes);
    let addr = |at| -> Option<IpAddr> {
        match i32::from(*answer.first()?) {
            libc::AF_INET => field::<4>(answer, at).map(IpAddr::from),
            _ => field::<16>(answer, at).map(|bytes| IpAddr::from(bytes).to_canonical()),
        }
    };
    Some(Established {
        local: SocketAddr::new(addr(ID.start + 4)?, port(ID.start)?),
        remote: SocketAddr::new(addr(ID.start + 20)?, port(ID.start + 2)?),
        inode: field(answer, INODE).map(u32::from_ne_bytes)?,
    })
}

/// Both ports in network order.
fn endpoint_ports(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    [local.port().to_be_bytes(), remote.port().to_be_bytes()].concat()
}

/// Sixteen bytes, an IPv4 address in the first four.
fn address(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => [&addr.octets()[..], &[0; 12]].concat(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

/// An IPv4 address as sockets of both families have it.
fn mapped(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

/// `AF_INET` or `AF_INET6`.
fn family(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { libc::AF_INET as u8 } else { libc::AF_INET6 as u8 }
}

/// `struct inet_diag_req_v2`: family, protocol, nothing extra, states as bits, the id.
fn request(family: u8, states: u32, id: &[u8]) -> Vec<u8> {
    let mut body = vec![family, libc::IPPROTO_TCP as u8, 0, 0];
    body.extend(states.to_ne_bytes());
    body.extend(id);
    body
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::sys::namespace::in_namespace;

    #[test]
    fn one_connection_ends_and_its_listener_lives() {
        in_namespace(|_| {
            for (bind, at) in
                [("127.0.0.1:2222", "127.0.0.1:2222"), ("[::1]:2222", "[::1]:2222"), ("[::]:2223", "127.0.0.1:2223")]
            {
                let listener = TcpListener::bind(bind).unwrap();
                let open = || {
                    let near = TcpStream::connect(at).unwrap();
                    (near, listener.accept().unwrap().0)
                };
                let ((gone, mut gone_far), (stays, mut stays_far)) = (open(), open());
                let mut sockets = Sockets::open().unwrap();
                let ends = |stream: &TcpStream| (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
                let plain = |(a, b): (SocketAddr, SocketAddr)| {
                    [a, b].map(|end| SocketAddr::new(end.ip().to_canonical(), end.port()))
                };
                let listed = sockets.established().unwrap();
                for stream in [&gone, &gone_far, &stays, &stays_far] {
                    let same = |e: &&Established| [e.local, e.remote] == plain(ends(stream)) && e.inode != 0;
                    assert_eq!(listed.iter().filter(same).count(), 1, "{listed:?}");
                }
                assert_eq!(listed.len(), 4);
                let (local, remote) = (gone.peer_addr().unwrap(), gone.local_addr().unwrap());
                assert!(sockets.abort_tcp(local, remote).unwrap());
                assert!(!sockets.abort_tcp(local, remote).unwrap(), "gone already");
                assert!(gone_far.write_all(b"x").is_err());
                let nobody = SocketAddr::new(remote.ip(), 1);
                assert!(!sockets.abort_tcp(local, nobody).unwrap(), "the listener is not it");
                stays_far.write_all(b"x").unwrap();
                drop((gone, stays, open()));
            }
        });
    }
}
