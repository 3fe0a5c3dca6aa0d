//! A plain NFLOG listener (linux/netfilter/nfnetlink_log.h), the lab's own, so
//! that the daemon's is not its own witness.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use super::namespace::Namespace;

/// Type of a packet's message: subsystem NFNL_SUBSYS_ULOG (4), message 0; of a configuration: message 1.
const PACKET: u16 = 4 << 8;
const CONFIG: u16 = (4 << 8) | 1;
/// NFULA_PAYLOAD and NFULA_PREFIX.
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;

/// A packet that a ruleset logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The group.
    pub group: u16,
    /// The rule's prefix.
    pub prefix: String,
    /// The packet from its IP header on, as far as it was copied.
    pub packet: Vec<u8>,
}

/// A bound group.
pub struct Nflog {
    socket: OwnedFd,
    group: u16,
}

impl Nflog {
    /// Binds a group in a namespace: every packet is sent to us at once.
    pub fn open(namespace: &Namespace, group: u16) -> Self {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = namespace.enter(|| {
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER)).unwrap()
        });
        sockopt::set_socket_recv_buffer_size_force(&socket, 64 << 20).unwrap();
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0)).unwrap();
        let log = Self { socket, group };
        // NFULA_CFG_CMD bind; NFULA_CFG_MODE copy 256 bytes; NFULA_CFG_QTHRESH 1.
        log.configure(&[5, 0, 1, 0, 1, 0, 0, 0]);
        log.configure(&[10, 0, 2, 0, 0, 0, 1, 0, 2, 0, 0, 0]);
        log.configure(&[8, 0, 5, 0, 0, 0, 0, 1]);
        log
    }

    fn configure(&self, attribute: &[u8]) {
        let mut message = Vec::new();
        message.extend((20 + attribute.len() as u32).to_ne_bytes());
        message.extend(CONFIG.to_ne_bytes());
        // NLM_F_REQUEST | NLM_F_ACK; sequence and port 0.
        message.extend(5u16.to_ne_bytes());
        message.extend([0; 8]);
        // nfgenmsg: any family, version 0, the group.
        message.extend([0, 0]);
        message.extend(self.group.to_be_bytes());
        message.extend(attribute);
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.socket, &message, SendFlags::empty(), &kernel).unwrap();
        let mut answer = [0; 1024];
        let (_, read) = rustix::net::recv(&self.socket, &mut answer, RecvFlags::empty()).unwrap();
        let error = i32::from_ne_bytes(answer[16..20].try_into().unwrap());
        assert!(read >= 20 && error == 0, "NFLOG group {}: error {error}", self.group);
    }

    /// Reads everything that waits.
    pub fn drain(&mut self, into: &mut Vec<Logged>) {
        let mut buffer = vec![0; 1 << 17];
        loop {
            match rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((_, read)) => self.read(&buffer[..read], into),
                Err(Errno::AGAIN) => return,
                Err(error) => panic!("NFLOG group {}: {error}", self.group),
            }
        }
    }

    fn read(&self, mut messages: &[u8], into: &mut Vec<Logged>) {
        while messages.len() >= 20 {
            let length = u32::from_ne_bytes(messages[..4].try_into().unwrap()) as usize;
            if u16::from_ne_bytes([messages[4], messages[5]]) == PACKET {
                into.push(self.packet(&messages[20..length]));
            }
            messages = &messages[(length.next_multiple_of(4)).min(messages.len())..];
        }
    }

    fn packet(&self, mut attributes: &[u8]) -> Logged {
        let mut logged = Logged { group: self.group, prefix: String::new(), packet: Vec::new() };
        while attributes.len() >= 4 {
            let length = usize::from(u16::from_ne_bytes([attributes[0], attributes[1]]));
            let value = &attributes[4..length];
            match u16::from_ne_bytes([attributes[2], attributes[3]]) & 0x7fff {
                PAYLOAD => logged.packet = value.to_vec(),
                PREFIX => logged.prefix = String::from_utf8_lossy(value).trim_end_matches('\0').to_owned(),
                _ => {}
            }
            attributes = &attributes[length.next_multiple_of(4).min(attributes.len())..];
        }
        logged
    }
}
