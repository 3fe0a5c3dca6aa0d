//! Raw frames in and out of one interface.

use std::net::IpAddr;
use std::os::fd::{IntoRawFd as _, OwnedFd};
use std::time::Duration;

use pnet_datalink::{ChannelType, DataLinkReceiver, DataLinkSender, NetworkInterface, linux};
use rustix::net::{AddressFamily, SocketType, sockopt};
use zoned::net::MacAddr;

use super::namespace::Namespace;

/// The barriers' Ethernet type: IEEE 802 local experimental 1.
pub const BARRIER_TYPE: u16 = 0x88b5;
/// How long a barrier may take before the lab is broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// An AF_PACKET socket on one interface.
pub struct RawPort {
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
}

impl RawPort {
    /// Opens interface `name` of a namespace; `only` one Ethernet type, or all.
    pub fn open(namespace: &Namespace, name: &str, only: Option<u16>) -> Self {
        let (socket, interface) = namespace.enter(|| {
            let socket = rustix::net::socket(AddressFamily::PACKET, SocketType::RAW, None).unwrap();
            (socket, interface(name))
        });
        sockopt::set_socket_recv_buffer_size_force(&socket, 64 << 20).unwrap();
        let socket: OwnedFd = socket;
        let config = linux::Config {
            read_timeout: Some(PATIENCE),
            read_buffer_size: 1 << 16,
            // The socket is raw whatever is said here: only the type is taken.
            channel_type: only.map_or(ChannelType::Layer2, ChannelType::Layer3),
            socket_fd: Some(socket.into_raw_fd()),
            ..linux::Config::default()
        };
        match linux::channel(&interface, config).unwrap() {
            pnet_datalink::Channel::Ethernet(sender, receiver) => Self { sender, receiver },
            _ => panic!("not an Ethernet channel"),
        }
    }

    /// Sends a frame as it is.
    pub fn send(&mut self, frame: &[u8]) {
        self.sender.send_to(frame, None).unwrap().unwrap();
    }

    /// Sends barrier `number` from one MAC to another.
    pub fn send_barrier(&mut self, from: MacAddr, to: MacAddr, number: u64) {
        let header = ethernet(to, from, BARRIER_TYPE);
        self.send(&[&header[..], &number.to_be_bytes(), &[0; 38]].concat());
    }

    /// Reads until barrier `number` for the MAC `to` comes, giving every frame before it to `each`.
    /// (What the socket itself sends is seen too: other barriers are passed over.)
    pub fn until_barrier(&mut self, to: MacAddr, number: u64, mut each: impl FnMut(&[u8])) {
        let header = [&to.0[..], &[0; 6], &BARRIER_TYPE.to_be_bytes()].concat();
        loop {
            let frame = self.receiver.next().unwrap_or_else(|e| panic!("barrier {number} did not come: {e}"));
            if frame.len() < 22 {
                continue;
            }
            let awaited = frame[..6] == header[..6] && frame[12..14] == header[12..];
            if awaited && frame[14..22] == number.to_be_bytes() {
                return;
            }
            each(frame);
        }
    }
}

fn interface(name: &str) -> NetworkInterface {
    let any = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    let index = rustix::net::netdevice::name_to_index(&any, name).unwrap();
    NetworkInterface { name: name.to_owned(), description: String::new(), index, mac: None, ips: vec![], flags: 0 }
}

/// An Ethernet II header.
pub fn ethernet(to: MacAddr, from: MacAddr, kind: u16) -> [u8; 14] {
    let mut header = [0; 14];
    header[..6].copy_from_slice(&to.0);
    header[6..12].copy_from_slice(&from.0);
    header[12..].copy_from_slice(&kind.to_be_bytes());
    header
}

/// An IP or ARP packet that came out of the gateway at a port.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The port.
    pub port: usize,
    /// The packet from its IP or ARP header on.
    pub packet: Vec<u8>,
}

impl Arrival {
    /// Takes a frame seen at a port, if it is an IP or ARP packet sent by the gateway's MAC there.
    pub fn read(port: usize, gateway: MacAddr, frame: &[u8]) -> Option<Self> {
        let kind: [u8; 2] = frame.get(12..14)?.try_into().ok()?;
        let packet = frame.get(14..)?.to_vec();
        (matches!(kind, [0x08, 0x00] | [0x86, 0xdd] | [0x08, 0x06]) && frame[6..12] == gateway.0)
            .then_some(Self { port, packet })
    }
}

/// What the lab knows a packet by: the addresses, and the id that its sender
/// gave it (IPv4 identification, IPv6 flow label), which no gateway changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Source.
    pub src: IpAddr,
    /// Destination.
    pub dst: IpAddr,
    /// 16 bits in IPv4, 20 in IPv6.
    pub id: u32,
}

/// What marks ARP packets of a sender: bits that no packet's id has, and of its MAC those that differ in the lab.
pub fn arp_id(sender: MacAddr) -> u32 {
    let [.., a, b, c] = sender.0;
    u32::from_be_bytes([1, a, b, c])
}

/// An ARP packet's operation, sender MAC, sender, target MAC and target.
pub fn arp(packet: &[u8]) -> Option<(u8, MacAddr, IpAddr, MacAddr, IpAddr)> {
    let mac = |at: usize| packet.get(at..at + 6)?.try_into().ok().map(MacAddr);
    let address = |at: usize| packet.get(at..at + 4)?.try_into().ok().map(|a: [u8; 4]| IpAddr::from(a));
    let ours = packet.get(..7)? == [0, 1, 8, 0, 6, 4, 0];
    ours.then_some(())?;
    Some((*packet.get(7)?, mac(8)?, address(14)?, mac(18)?, address(24)?))
}

/// Reads a packet's mark from its IP or ARP header.
pub fn mark(packet: &[u8]) -> Option<Mark> {
    if let Some((_, sender_mac, src, _, dst)) = arp(packet) {
        return Some(Mark { src, dst, id: arp_id(sender_mac) });
    }
    match packet.first()? >> 4 {
        4 => {
            let src: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            let dst: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let id = u32::from(u16::from_be_bytes([packet[4], packet[5]]));
            Some(Mark { src: src.into(), dst: dst.into(), id })
        }
        6 => {
            let src: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            let dst: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            let id = u32::from_be_bytes([0, packet[1] & 0x0f, packet[2], packet[3]]);
            Some(Mark { src: src.into(), dst: dst.into(), id })
        }
        _ => None,
    }
}

/// The mark of the packet that an ICMP error quotes, if this is one.
pub fn quoted(packet: &[u8]) -> Option<Mark> {
    let (start, kind) = match packet.first()? >> 4 {
        4 if *packet.get(9)? == 1 => (usize::from(packet[0] & 0x0f) * 4, [3, 4, 11, 12].as_slice()),
        6 if *packet.get(6)? == 58 => (40, [1, 2, 3, 4].as_slice()),
        _ => return None,
    };
    kind.contains(packet.get(start)?).then(|| mark(packet.get(start + 8..)?)).flatten()
}
