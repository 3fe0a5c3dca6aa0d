//! Packets that the ruleset logs, by netlink (kernel `nfnetlink_log.c`).
//!
//! Takes a group number; gives batches of [`LoggedPacket`] and how many are
//! missing between them. The kernel numbers what it sends ([`CFG_F_SEQ`]), so
//! every loss after the bind shows as a gap; a full receive buffer is such a
//! loss and never an error. Bound to the network namespace of the thread that
//! opens it.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use tokio::io::unix::AsyncFd;

use crate::diag::Message;
use crate::flow::LoggedPacket;
use crate::net::{IfName, MacAddr};

/// Bytes of each packet that the kernel copies, from the network header on:
/// room for an IPv6 chain of extension headers and a full TCP header. What is
/// kept of them as evidence is decided later (`log.snaplen`).
pub const COPY_BYTES: u32 = 320;
/// Packets that the kernel may gather before it sends them together.
const QUEUE_THRESHOLD: u32 = 64;
/// Longest time that it gathers, in hundredths of a second.
const QUEUE_TIMEOUT: u32 = 1;
/// Size of the kernel's message to us; [`QUEUE_THRESHOLD`] packets fit.
const MESSAGE_BYTES: u32 = 48 * 1024;
/// Larger than any message.
const READ_BYTES: usize = 128 * 1024;
/// Receive buffer: about two seconds of 100,000 packets a second.
const RECEIVE_BUFFER: usize = 64 * 1024 * 1024;
/// How long the kernel may take to answer the bind; it answers at once.
const BIND_PATIENCE: Duration = Duration::from_secs(2);
/// Names of vanished interfaces remembered.
const NAMES_KEPT: usize = 4096;

// linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_log.h
const NLMSG_ERROR: u16 = 2;
const ULOG_PACKET: u16 = (libc::NFNL_SUBSYS_ULOG as u16) << 8;
const ULOG_CONFIG: u16 = ULOG_PACKET | 1;
const NLM_F_REQUEST_ACK: u16 = 0x1 | 0x4;
const CFG_CMD: u16 = 1;
const CFG_MODE: u16 = 2;
const CFG_NLBUFSIZ: u16 = 3;
const CFG_TIMEOUT: u16 = 4;
const CFG_QTHRESH: u16 = 5;
const CFG_FLAGS: u16 = 6;
const CFG_CMD_BIND: u8 = 1;
const COPY_PACKET: u8 = 2;
const CFG_F_SEQ: u16 = 1;
const PACKET_HDR: u16 = 1;
const TIMESTAMP: u16 = 3;
const IFINDEX_IN: u16 = 4;
const IFINDEX_OUT: u16 = 5;
const HWADDR: u16 = 8;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;
const SEQ: u16 = 12;
const HWHEADER: u16 = 16;

/// Why a group cannot be read.
#[derive(Debug)]
pub enum NflogError {
    /// Another program holds the group.
    Busy {
        /// The group.
        group: u16,
        /// Its netlink port, most often its process id; 0 = not known.
        port: u32,
    },
    /// CAP_NET_ADMIN is missing.
    Permission,
    /// The kernel has no NFLOG.
    Unsupported,
    /// Anything else the system says.
    Io(io::Error),
}

impl NflogError {
    /// In words.
    pub fn message(&self) -> Message {
        match self {
            Self::Busy { group, port } => {
                Message::new("log-nflog-busy").with("group", u64::from(*group)).with("port", u64::from(*port))
            }
            Self::Permission => Message::new("log-nflog-permission"),
            Self::Unsupported => Message::new("log-nflog-unsupported"),
            Self::Io(error) => Message::new("log-nflog-io").with("error", error.to_string()),
        }
    }
}

impl std::fmt::Display for NflogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.message().fmt(f)
    }
}

impl std::error::Error for NflogError {}

impl From<Errno> for NflogError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl From<io::Error> for NflogError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What one read gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The packets, in the kernel's order.
    pub packets: Vec<LoggedPacket>,
    /// Packets that the kernel numbered and that never came.
    pub lost: u64,
    /// The receive buffer ran over; the next batch tells how many were lost.
    pub overrun: bool,
    /// Messages of the kernel that could not be read; each may hold packets.
    pub unreadable: u64,
}

impl Batch {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A bound group. Closing it (drop) gives the group free.
#[derive(Debug)]
pub struct Nflog {
    fd: AsyncFd<OwnedFd>,
    reader: Reader,
    /// What came before the bind was acknowledged.
    early: Batch,
    buffer: Vec<u8>,
}

impl Nflog {
    /// Binds `group` (1 ..= 65535) in the caller's network namespace. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// See [`NflogError`].
    pub fn open(group: u16) -> Result<Self, NflogError> {
        Self::with_buffer(group, RECEIVE_BUFFER)
    }

    fn with_buffer(group: u16, receive_buffer: usize) -> Result<Self, NflogError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER))?;
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, 0))?;
        if sockopt::set_socket_recv_buffer_size_force(&fd, receive_buffer).is_err() {
            // Without CAP_NET_ADMIN the bind below says so; a smaller buffer still works.
            sockopt::set_socket_recv_buffer_size(&fd, receive_buffer)?;
        }
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&fd, &bind_request(group), SendFlags::empty(), &kernel)?;
        let mut reader = Reader { next: Some(0), names: HashMap::new() };
        let mut buffer = vec![0; READ_BYTES];
        let mut early = Batch::default();
        let deadline = Instant::now() + BIND_PATIENCE;
        loop {
            match receive(&fd, &mut buffer) {
                Ok(bytes) => match reader.read(&buffer[..bytes], &fd, &mut early) {
                    None => {}
                    Some(0) => break,
                    Some(error) => return Err(refusal(group, error)),
                },
                Err(Errno::AGAIN) => wait(&fd, deadline)?,
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => early.overrun = true,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(Self { fd: super::readable::readable(fd)?, reader, early, buffer })
    }

    /// The next packets, up to [`QUEUE_THRESHOLD`] at a time. Safe to cancel.
    ///
    /// # Errors
    /// Only such as no further read can mend.
    pub async fn recv(&mut self) -> io::Result<Batch> {
        if !self.early.is_empty() {
            return Ok(std::mem::take(&mut self.early));
        }
        loop {
            let mut ready = self.fd.readable().await?;
            let buffer = &mut self.buffer;
            let read = ready.try_io(|fd| receive(fd.get_ref(), buffer).map_err(io::Error::from));
            let mut batch = Batch::default();
            match read {
                Ok(Ok(bytes)) => {
                    self.reader.read(&self.buffer[..bytes], self.fd.get_ref(), &mut batch);
                }
                Ok(Err(e)) if e.raw_os_error() == Some(libc::ENOBUFS) => batch.overrun = true,
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(e)) => return Err(e),
                Err(_would_block) => {}
            }
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }
}

/// Reads one datagram of the kernel's; another sender's counts as empty, one
/// that is too long is cut (and so noticed as unreadable).
fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let (bytes, _, from) = rustix::net::recvfrom(fd, buffer, RecvFlags::empty())?;
    let port = from.and_then(|a| SocketAddrNetlink::try_from(a).ok()).map(|a| a.pid());
    Ok(if port == Some(0) { bytes } else { 0 })
}

fn wait(fd: &OwnedFd, deadline: Instant) -> Result<(), NflogError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(NflogError::Io(io::ErrorKind::TimedOut.into()));
    }
    // At most two seconds: both parts fit.
    let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
    match poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&left)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// What the kernel's refusal means. It says EPERM both without the capability
/// and where another socket holds the group; its own list tells them apart.
fn refusal(group: u16, errno: i32) -> NflogError {
    match errno {
        libc::EPERM | libc::EBUSY => match holder(group) {
            Some(port) => NflogError::Busy { group, port },
            None if errno == libc::EBUSY => NflogError::Busy { group, port: 0 },
            None => NflogError::Permission,
        },
        libc::EINVAL | libc::EOPNOTSUPP | libc::EAFNOSUPPORT => NflogError::Unsupported,
        other => NflogError::Io(io::Error::from_raw_os_error(other)),
    }
}

/// The netlink port that holds a group.
fn holder(group: u16) -> Option<u32> {
    let list = std::fs::read_to_string("/proc/thread-self/net/netfilter/nfnetlink_log").ok()?;
    list.lines().find_map(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u32>);
        let (Some(Ok(id)), Some(Ok(port))) = (fields.next(), fields.next()) else { return None };
        (id == u32::from(group)).then_some(port)
    })
}

/// One message that binds the group and sets everything about it.
fn bind_request(group: u16) -> Vec<u8> {
    let mut message = vec![0; 16];
    // struct nfgenmsg: family unspecified, version 0, group
    message.extend([libc::AF_UNSPEC as u8, 0]);
    message.extend(group.to_be_bytes());
    attribute(&mut message, CFG_CMD, &[CFG_CMD_BIND]);
    let mut mode = COPY_BYTES.to_be_bytes().to_vec();
    mode.extend([COPY_PACKET, 0]);
    attribute(&mut message, CFG_MODE, &mode);
    attribute(&mut message, CFG_NLBUFSIZ, &MESSAGE_BYTES.to_be_bytes());
    attribute(&mut message, CFG_TIMEOUT, &QUEUE_TIMEOUT.to_be_bytes());
    attribute(&mut message, CFG_QTHRESH, &QUEUE_THRESHOLD.to_be_bytes());
    attribute(&mut message, CFG_FLAGS, &CFG_F_SEQ.to_be_bytes());
    // A few dozen bytes.
    let length = message.len() as u32;
    message[..4].copy_from_slice(&length.to_ne_bytes());
    message[4..6].copy_from_slice(&ULOG_CONFIG.to_ne_bytes());
    message[6..8].copy_from_slice(&NLM_F_REQUEST_ACK.to_ne_bytes());
    message[8..12].copy_from_slice(&1u32.to_ne_bytes());
    message
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    // Values are a few bytes.
    message.extend((value.len() as u16 + 4).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Splits what was read, and remembers what the next read needs.
#[derive(Debug)]
struct Reader {
    /// The number that the next packet should bear.
    next: Option<u32>,
    /// Last known names, for interfaces that are gone when their packet is read.
    names: HashMap<u32, IfName>,
}

impl Reader {
    /// Reads every message of a datagram into `batch`; gives the errno of an
    /// acknowledgement, 0 = done.
    fn read(&mut self, mut bytes: &[u8], fd: &OwnedFd, batch: &mut Batch) -> Option<i32> {
        let mut acknowledged = None;
        // Asked anew in every read, since an index may get another name.
        let mut asked = HashMap::new();
        while let Some((kind, body, rest)) = split_message(bytes) {
            bytes = rest;
            match kind {
                ULOG_PACKET => match Raw::parse(body) {
                    Some(raw) => {
                        batch.lost += self.gap(raw.seq);
                        let mut name = |index: Option<u32>| {
                            let index = index.filter(|i| *i != 0)?;
                            let known = asked.entry(index).or_insert_with(|| self.name(fd, index));
                            Some(known.clone())
                        };
                        let (in_if, out_if) = (name(raw.in_index), name(raw.out_index));
                        batch.packets.push(raw.into_packet(in_if, out_if));
                    }
                    None => batch.unreadable += 1,
                },
                NLMSG_ERROR => acknowledged = field::<4>(body, 0).map(|e| -i32::from_ne_bytes(e)),
                _ => {}
            }
        }
        if !bytes.is_empty() {
            batch.unreadable += 1;
        }
        acknowledged
    }

    /// How many numbers were skipped before `seq`.
    fn gap(&mut self, seq: Option<u32>) -> u64 {
        let Some(seq) = seq else { return 0 };
        let expected = self.next.replace(seq.wrapping_add(1));
        expected.map_or(0, |e| u64::from(seq.wrapping_sub(e)))
    }

    /// The name of an interface; of one that is gone the last known, else `#INDEX`.
    fn name(&mut self, fd: &OwnedFd, index: u32) -> IfName {
        let found = rustix::net::netdevice::index_to_name(fd, index).ok().and_then(|n| n.parse::<IfName>().ok());
        match found {
            Some(name) => {
                if self.names.len() >= NAMES_KEPT {
                    self.names.clear();
                }
                self.names.insert(index, name.clone());
                name
            }
            None => self.names.get(&index).cloned().unwrap_or_else(|| unnamed(index)),
        }
    }
}

/// A name that no interface has: `#` and at most ten digits.
#[expect(clippy::expect_used, reason = "1 to 11 ASCII bytes, none of them forbidden")]
fn unnamed(index: u32) -> IfName {
    format!("#{index}").parse().expect("a valid name")
}

/// Kind and body of the first netlink message, and what follows it.
fn split_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(field(bytes, 0)?) as usize;
    let kind = u16::from_ne_bytes(field(bytes, 4)?);
    let body = bytes.get(16..length)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body, rest))
}

/// `N` bytes at `at`, if there are so many.
fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The attributes of one packet message.
#[derive(Debug, Default)]
struct Raw<'a> {
    prefix: &'a [u8],
    hw_protocol: u16,
    in_index: Option<u32>,
    out_index: Option<u32>,
    hw_addr: Option<MacAddr>,
    hw_header: &'a [u8],
    time: Option<Timestamp>,
    seq: Option<u32>,
    payload: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Reads the body of a packet message: `struct nfgenmsg`, then attributes.
    /// None if it is cut or malformed.
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut rest = body.get(4..)?;
        let mut raw = Self::default();
        while !rest.is_empty() {
            let length = usize::from(u16::from_ne_bytes(field(rest, 0)?));
            // The two high bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
            let kind = u16::from_ne_bytes(field(rest, 2)?) & 0x3fff;
            let value = rest.get(4..length)?;
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            match kind {
                PACKET_HDR => raw.hw_protocol = u16::from_be_bytes(field(value, 0)?),
                TIMESTAMP => raw.time = timestamp(value),
                IFINDEX_IN => raw.in_index = Some(u32::from_be_bytes(field(value, 0)?)),
                IFINDEX_OUT => raw.out_index = Some(u32::from_be_bytes(field(value, 0)?)),
                HWADDR => raw.hw_addr = hw_addr(value),
                PAYLOAD => raw.payload = value,
                PREFIX => raw.prefix = value.strip_suffix(&[0]).unwrap_or(value),
                SEQ => raw.seq = Some(u32::from_be_bytes(field(value, 0)?)),
                HWHEADER => raw.hw_header = value,
                _ => {}
            }
        }
        Some(raw)
    }

    fn into_packet(self, in_if: Option<IfName>, out_if: Option<IfName>) -> LoggedPacket {
        LoggedPacket {
            prefix: String::from_utf8_lossy(self.prefix).into_owned(),
            hw_protocol: self.hw_protocol,
            in_if,
            out_if,
            src_mac: self.hw_addr,
            link_header: self.hw_header.to_vec(),
            time: self.time.unwrap_or_else(Timestamp::now),
            bytes: self.payload.to_vec(),
        }
    }
}

/// `struct nfulnl_msg_packet_timestamp`: seconds and microseconds, big-endian.
fn timestamp(value: &[u8]) -> Option<Timestamp> {
    let seconds = i64::from_be_bytes(field(value, 0)?);
    let micros = i32::try_from(i64::from_be_bytes(field(value, 8)?)).ok()?;
    Timestamp::new(seconds, micros.checked_mul(1000)?).ok()
}

/// `struct nfulnl_msg_packet_hw`: length, padding, address. Six bytes are a MAC;
/// the loopback's is zero and no one's.
fn hw_addr(value: &[u8]) -> Option<MacAddr> {
    let length = u16::from_be_bytes(field(value, 0)?);
    field(value, 4).map(MacAddr).filter(|mac| length == 6 && !mac.is_zero())
}

#[cfg(test)]
#[path = "nflog_tests.rs"]
mod tests;
