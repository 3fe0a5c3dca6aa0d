//! A blocking netlink socket: requests, dumps, acknowledgements, attributes.
//!
//! Takes message bodies as bytes, gives the kernel's answers as bytes. Only the
//! kernel is listened to, and every wait is bounded. Opened in the caller's
//! network namespace.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

/// How long the kernel may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// What one read can hold: more than the kernel puts into one answer (32 KiB).
const READ_BYTES: usize = 64 << 10;
/// Asked of the kernel for answers not yet read; without CAP_NET_ADMIN it may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Datagrams read ahead, at most.
const AHEAD: usize = 32;

/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NLM_F_ACK`.
const ACK: u16 = 4;
/// `NLM_F_DUMP_INTR`: what is dumped changed meanwhile.
const INTERRUPTED: u16 = 0x10;
/// `NLM_F_ROOT | NLM_F_MATCH`.
const DUMP: u16 = 0x300;
/// `NLMSG_ERROR`: an acknowledgement or a refusal.
const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end of a dump.
const DONE: u16 = 3;
/// `sizeof(struct nlmsghdr)`.
const HEADER: usize = 16;

/// One socket.
#[derive(Debug)]
pub(super) struct Netlink {
    fd: OwnedFd,
    buffer: Vec<u8>,
    seq: u32,
}

impl Netlink {
    /// Opens a socket of a netlink protocol; none = `NETLINK_ROUTE`, number 0.
    ///
    /// # Errors
    /// As socket(2) and bind(2) say.
    pub(super) fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, 0))?;
        if sockopt::set_socket_recv_buffer_size_force(&fd, RECEIVE_BUFFER).is_err() {
            sockopt::set_socket_recv_buffer_size(&fd, RECEIVE_BUFFER)?;
        }
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(PATIENCE))?;
        Ok(Self { fd, buffer: vec![0; READ_BYTES], seq: 0 })
    }

    /// The descriptor, for calls that want any socket.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Asks for everything of a kind; `each` gets the body of every message.
    /// Gives true if what was dumped changed meanwhile.
    ///
    /// # Errors
    /// The kernel's, those of `each`, ENOBUFS where the kernel could not keep
    /// its answer. The socket is of no further use after an error.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool> {
        let seq = self.send(&[(kind, body)], DUMP)?;
        let mut interrupted = false;
        loop {
            let length = self.receive()?;
            if part(&self.buffer[..length], seq, &mut interrupted, &mut each)? {
                return Ok(interrupted);
            }
        }
    }

    /// As [`Netlink::dump`], while a second thread reads ahead: for large tables,
    /// whose reading costs the kernel as much as `each` costs here.
    ///
    /// # Errors
    /// As [`Netlink::dump`].
    pub(super) fn dump_ahead(
        &mut self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool> {
        let seq = self.send(&[(kind, body)], DUMP)?;
        let (filled, datagrams) = sync_channel::<io::Result<Vec<u8>>>(AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                loop {
                    let datagram = self.receive().map(|length| self.buffer[..length].to_vec());
                    let last = datagram.as_ref().map_or(true, |bytes| is_last(bytes, seq));
                    if filled.send(datagram).is_err() || last {
                        return;
                    }
                }
            });
            let mut interrupted = false;
            for datagram in datagrams {
                if part(&datagram?, seq, &mut interrupted, &mut each)? {
                    return Ok(interrupted);
                }
            }
            Err(io::ErrorKind::UnexpectedEof.into())
        })
    }

    /// Asks for one thing and gives the body of the answer.
    ///
    /// # Errors
    /// The kernel's refusal, or as [`Netlink::dump`].
    pub(super) fn ask(&mut self, kind: u16, body: &[u8]) -> io::Result<Vec<u8>> {
        let seq = self.send(&[(kind, body)], 0)?;
        loop {
            let length = self.receive()?;
            for message in Messages(&self.buffer[..length]) {
                let message = message?;
                match message.kind {
                    _ if message.seq != seq => {}
                    ERROR => return Err(io::Error::from_raw_os_error(message.errno())),
                    _ => return Ok(message.body.to_vec()),
                }
            }
        }
    }

    /// Sends many orders at once, which the kernel obeys in order; gives the
    /// errno of each that it refused. Some hundred at a time, so that the
    /// refusals fit into the receive buffer.
    ///
    /// # Errors
    /// As sendto(2) and recvfrom(2) say.
    pub(super) fn order(&mut self, orders: &[(u16, &[u8])]) -> io::Result<Vec<i32>> {
        let mut refused = Vec::new();
        if orders.is_empty() {
            return Ok(refused);
        }
        let last = self.send(orders, ACK)?;
        loop {
            let length = self.receive()?;
            for message in Messages(&self.buffer[..length]) {
                let message = message?;
                if message.kind != ERROR {
                    continue;
                }
                refused.extend(Some(message.errno()).filter(|errno| *errno != 0));
                if message.seq == last {
                    return Ok(refused);
                }
            }
        }
    }

    /// Sends messages in one datagram, the last with these flags; gives its number.
    fn send(&mut self, messages: &[(u16, &[u8])], last: u16) -> io::Result<u32> {
        let mut datagram = Vec::new();
        for (index, (kind, body)) in messages.iter().enumerate() {
            self.seq = self.seq.wrapping_add(1);
            let flags = if index + 1 == messages.len() { REQUEST | last } else { REQUEST };
            // Bodies are some hundred bytes.
            datagram.extend(((HEADER + body.len()) as u32).to_ne_bytes());
            datagram.extend(kind.to_ne_bytes());
            datagram.extend(flags.to_ne_bytes());
            datagram.extend(self.seq.to_ne_bytes());
            datagram.extend([0; 4]);
            datagram.extend(*body);
            datagram.resize(datagram.len().next_multiple_of(4), 0);
        }
        rustix::net::sendto(&self.fd, &datagram, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        Ok(self.seq)
    }

    /// Reads one datagram of the kernel's.
    fn receive(&mut self) -> io::Result<usize> {
        loop {
            match rustix::net::recvfrom(&self.fd, &mut self.buffer[..], RecvFlags::TRUNC) {
                Ok((_, length, from)) => {
                    let port = from.and_then(|a| SocketAddrNetlink::try_from(a).ok()).map(|a| a.pid());
                    if length > self.buffer.len() {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer was cut"));
                    }
                    if port == Some(0) {
                        return Ok(length);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Hands the messages of one datagram of a dump to `each`; true at the dump's end.
fn part(
    datagram: &[u8],
    seq: u32,
    interrupted: &mut bool,
    each: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<bool> {
    for message in Messages(datagram) {
        let message = message?;
        if message.seq != seq {
            continue;
        }
        *interrupted |= message.flags & INTERRUPTED != 0;
        match message.kind {
            ERROR | DONE => {
                return match message.errno() {
                    0 => Ok(true),
                    errno => Err(io::Error::from_raw_os_error(errno)),
                };
            }
            _ => each(message.body)?,
        }
    }
    Ok(false)
}

/// True if a dump ends with this datagram, well or not.
fn is_last(datagram: &[u8], seq: u32) -> bool {
    let ends = |message: Message<'_>| message.seq == seq && matches!(message.kind, ERROR | DONE);
    Messages(datagram).any(|message| message.map_or(true, ends))
}

/// One message of a datagram.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    flags: u16,
    seq: u32,
    pub(super) body: &'a [u8],
}

impl Message<'_> {
    /// The errno of an acknowledgement or of a dump's end; 0 = none.
    fn errno(&self) -> i32 {
        field::<4>(self.body, 0).map_or(0, |e| i32::from_ne_bytes(e).saturating_neg())
    }
}

/// The messages of a datagram; one that is cut ends them with an error.
pub(super) struct Messages<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = io::Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.0);
        if bytes.is_empty() {
            return None;
        }
        let read = || {
            let length = u32::from_ne_bytes(field(bytes, 0)?) as usize;
            let message = Message {
                kind: u16::from_ne_bytes(field(bytes, 4)?),
                flags: u16::from_ne_bytes(field(bytes, 6)?),
                seq: u32::from_ne_bytes(field(bytes, 8)?),
                body: bytes.get(HEADER..length)?,
            };
            Some((message, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
        };
        Some(match read() {
            Some((message, rest)) => {
                self.0 = rest;
                Ok(message)
            }
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "a netlink message was cut")),
        })
    }
}

/// `N` bytes at `at`, if there are so many.
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Kinds (without their flags) and values of attributes in a row; one that is
/// cut ends them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.0);
        let length = usize::from(u16::from_ne_bytes(field(bytes, 0)?));
        // The two high bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
        let kind = u16::from_ne_bytes(field(bytes, 2)?) & 0x3fff;
        let value = bytes.get(4..length)?;
        self.0 = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Appends an attribute; values are some hundred bytes at most.
pub(super) fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend((value.len() as u16 + 4).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_read_back_and_cut_ones_end() {
        let mut bytes = Vec::new();
        attribute(&mut bytes, 7 | 0x8000, b"abc");
        attribute(&mut bytes, 9, b"");
        let all: Vec<_> = Attributes(&bytes).collect();
        assert_eq!(all, [(7, &b"abc"[..]), (9, b"")]);
        for cut in 0..bytes.len() {
            assert!(Attributes(&bytes[..cut]).count() < 2, "{cut}");
        }
        // A length below its own header must not loop.
        assert_eq!(Attributes(&[0, 0, 1, 0, 0, 0, 0, 0]).count(), 0);
    }

    #[test]
    fn cut_messages_are_errors() {
        let mut bytes = 20u32.to_ne_bytes().to_vec();
        bytes.extend([0; 16]);
        assert_eq!(Messages(&bytes).filter(|m| m.is_ok()).count(), 1);
        for cut in 1..bytes.len() {
            assert!(Messages(&bytes[..cut]).all(|m| m.is_err()), "{cut}");
        }
        assert!(Messages(&[0; 16]).all(|m| m.is_err()));
    }
}
