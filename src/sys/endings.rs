//! Flows that leave connection tracking, as the kernel tells of them.
//!
//! Nothing is polled: while no flow ends nothing comes. What a full receive
//! buffer loses is told as such. Kernel: linux/netfilter/nfnetlink.h
//! (`NFNLGRP_CONNTRACK_DESTROY`), nfnetlink_conntrack.h.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};
use tokio::io::unix::AsyncFd;

use super::conntrack::{Traffic, read};
use super::netlink::Messages;

/// The bit of `NFNLGRP_CONNTRACK_DESTROY` (3) in a socket's address.
const GROUP: u32 = 1 << 2;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`.
const DELETE: u16 = 0x102;
/// About 60,000 flows that end at once.
const RECEIVE_BUFFER: usize = 32 << 20;
/// Larger than any message about one flow.
const READ_BYTES: usize = 16 << 10;
/// Flows handed over at once, at most.
const AT_ONCE: usize = 256;

/// A flow that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its mark; 0 = none.
    pub mark: u32,
    /// What passed; none if the kernel did not count.
    pub traffic: Option<Traffic>,
}

/// What one read gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Flows that are over.
    pub ended: Vec<Ended>,
    /// The buffer ran over: some ended unseen, nobody knows how many.
    pub overrun: bool,
}

/// A socket that hears of them.
#[derive(Debug)]
pub struct Endings {
    fd: AsyncFd<OwnedFd>,
    buffer: Vec<u8>,
}

impl Endings {
    /// Listens in the caller's network namespace. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As socket(2) and bind(2) say: EPERM without CAP_NET_ADMIN.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER))?;
        if sockopt::set_socket_recv_buffer_size_force(&fd, RECEIVE_BUFFER).is_err() {
            sockopt::set_socket_recv_buffer_size(&fd, RECEIVE_BUFFER)?;
        }
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, GROUP))?;
        Ok(Self { fd: super::readable::readable(fd)?, buffer: vec![0; READ_BYTES] })
    }

    /// The flows that ended meanwhile; waits for the first. Safe to cancel.
    ///
    /// # Errors
    /// Only such as no further read can mend.
    pub async fn recv(&mut self) -> io::Result<Batch> {
        let mut batch = Batch::default();
        loop {
            let mut ready = self.fd.readable().await?;
            while batch.ended.len() < AT_ONCE && !batch.overrun {
                let buffer = &mut self.buffer;
                match ready.try_io(|fd| receive(fd.get_ref(), buffer)) {
                    Ok(Ok(bytes)) => batch.ended.extend(endings(&self.buffer[..bytes])),
                    Ok(Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => batch.overrun = true,
                    Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(Err(error)) => return Err(error),
                    Err(_would_block) => break,
                }
            }
            if batch != Batch::default() {
                return Ok(batch);
            }
        }
    }
}

/// Reads one datagram; another sender's than the kernel's counts as empty.
fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (bytes, _, from) = rustix::net::recvfrom(fd, buffer, RecvFlags::empty())?;
    let port = from.and_then(|a| SocketAddrNetlink::try_from(a).ok()).map(|a| a.pid());
    Ok(if port == Some(0) { bytes } else { 0 })
}

fn endings(datagram: &[u8]) -> impl Iterator<Item = Ended> {
    let messages = Messages(datagram).filter_map(Result::ok).filter(|message| message.kind == DELETE);
    messages.filter_map(|message| read(message.body)).map(|flow| Ended { mark: flow.mark, traffic: flow.traffic })
}

/// Has the kernel count every flow's packets, and tell of every flow's end, in
/// this network namespace, from the next flow on.
///
/// # Errors
/// The first of the two settings that is not and cannot be made so.
pub fn account() -> io::Result<()> {
    for name in ["nf_conntrack_acct", "nf_conntrack_events"] {
        let path = format!("/proc/sys/net/netfilter/{name}");
        if fs::read_to_string(&path)?.trim() != "1" {
            fs::write(&path, "1").map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
        }
    }
    Ok(())
}
