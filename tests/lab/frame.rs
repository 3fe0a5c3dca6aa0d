//! Frames of every kind, built byte by byte with right checksums (or wrong ones,
//! where asked).

use std::net::IpAddr;

use zoned::net::{MacAddr, Proto};

use super::raw::{Mark, arp_id};

/// An IPv6 extension header before the transport header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// Hop-by-hop options, padding only. Must come first.
    HopByHop,
    /// Destination options, padding only.
    Destination,
    /// Routing header of this type with so many segments left.
    Routing(u8, u8),
    /// A fragment header that announces the only fragment (RFC 6946).
    AtomicFragment,
}

/// How the packet is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Not at all.
    Whole,
    /// After so many bytes of the transport header; rounded down to a multiple of 8.
    Two(usize),
    /// Only the first of two such fragments is sent.
    OnlyFirst(usize),
    /// Only the second.
    OnlySecond(usize),
}

/// What comes after the IP header and its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// TCP with these flags (low byte), sequence and acknowledgement.
    Tcp { sport: u16, dport: u16, flags: u8, seq: u32, ack: u32 },
    /// UDP.
    Udp { sport: u16, dport: u16 },
    /// SCTP with an INIT chunk.
    Sctp { sport: u16, dport: u16 },
    /// ICMP or ICMPv6, by the packet's family; the identifier stands where echo has it.
    Icmp { kind: u8, code: u8, id: u16 },
    /// An ICMP or ICMPv6 error that quotes a packet.
    IcmpError { kind: u8, code: u8, about: Vec<u8> },
    /// Neighbour or router solicitation or advertisement: target and one link-layer option.
    Discovery { kind: u8, target: IpAddr, option: Option<(u8, MacAddr)> },
    /// Any protocol with any bytes.
    Raw { proto: Proto, bytes: Vec<u8> },
    /// An authentication header (RFC 4302) before something else.
    Auth(Box<Body>),
    /// No IP at all: ARP (RFC 826), the frame's addresses being the sender's and the target's.
    Arp { operation: u8, sender_mac: MacAddr },
}

/// A packet and its Ethernet source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Ethernet source.
    pub src_mac: MacAddr,
    /// Ethernet destination; none = the gateway's MAC on the port.
    pub dst_mac: Option<MacAddr>,
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family.
    pub dst: IpAddr,
    /// Type of service or traffic class.
    pub tos: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// What the lab knows the packet by: IPv4 identification (not 0) or IPv6 flow label.
    pub id: u32,
    /// IPv6 only.
    pub extensions: Vec<Extension>,
    /// The transport.
    pub body: Body,
    /// Fragments.
    pub cut: Cut,
    /// True: the transport's checksum is wrong.
    pub corrupt: bool,
}

impl Frame {
    /// A plain packet: TTL 64, type of service 0, whole.
    pub fn new(src_mac: MacAddr, src: IpAddr, dst: IpAddr, body: Body) -> Self {
        Self {
            src_mac,
            dst_mac: None,
            src,
            dst,
            tos: 0,
            ttl: 64,
            id: 1,
            extensions: vec![],
            body,
            cut: Cut::Whole,
            corrupt: false,
        }
    }

    /// The packet or its fragments, from the IP header on.
    pub fn packets(&self) -> Vec<Vec<u8>> {
        if let Body::Arp { operation, sender_mac } = self.body {
            return vec![self.arp(operation, sender_mac)];
        }
        let (proto, body) = self.body_bytes();
        if self.src.is_ipv4() { self.v4(proto, &body) } else { self.v6(proto, &body) }
    }

    /// What the lab knows the packet by.
    pub fn mark(&self) -> Mark {
        match self.body {
            Body::Arp { sender_mac, .. } => Mark { src: self.src, dst: self.dst, id: arp_id(sender_mac) },
            _ => Mark { src: self.src, dst: self.dst, id: self.id },
        }
    }

    fn arp(&self, operation: u8, sender_mac: MacAddr) -> Vec<u8> {
        let (IpAddr::V4(sender), IpAddr::V4(target)) = (self.src, self.dst) else { panic!("ARP is IPv4's") };
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        [&head[..], &sender_mac.0, &sender.octets(), &[0; 6], &target.octets(), &[0; 18]].concat()
    }

    fn body_bytes(&self) -> (Proto, Vec<u8>) {
        let (proto, mut bytes) = self.body.bytes(self.src, self.dst);
        if let (true, Some(at)) = (self.corrupt, self.body.checksum_at()) {
            bytes[at] ^= 0x5a;
        }
        (proto, bytes)
    }

    /// Pieces of the body, which starts with so many bytes of extension headers: bytes, offset, and
    /// whether more follow.
    fn pieces<'a>(&self, headers: usize, body: &'a [u8]) -> Vec<(&'a [u8], usize, bool)> {
        let at = |wish: usize| ((headers + wish) & !7).clamp(8, body.len().saturating_sub(1) & !7);
        match self.cut {
            _ if body.len() < 9 => vec![(body, 0, false)],
            Cut::Whole => vec![(body, 0, false)],
            Cut::Two(wish) => vec![(&body[..at(wish)], 0, true), (&body[at(wish)..], at(wish), false)],
            Cut::OnlyFirst(wish) => vec![(&body[..at(wish)], 0, true)],
            Cut::OnlySecond(wish) => vec![(&body[at(wish)..], at(wish), false)],
        }
    }

    fn v4(&self, proto: Proto, body: &[u8]) -> Vec<Vec<u8>> {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (self.src, self.dst) else { panic!("mixed families") };
        let one = |(piece, offset, more): (&[u8], usize, bool)| {
            let mut p = vec![0x45, self.tos];
            p.extend((20 + piece.len() as u16).to_be_bytes());
            p.extend((self.id as u16).to_be_bytes());
            p.extend((offset as u16 / 8 + if more { 0x2000 } else { 0 }).to_be_bytes());
            p.extend([self.ttl, proto.0, 0, 0]);
            p.extend(src.octets());
            p.extend(dst.octets());
            let sum = checksum(&p);
            p[10..12].copy_from_slice(&sum.to_be_bytes());
            p.extend(piece);
            p
        };
        self.pieces(0, body).into_iter().map(one).collect()
    }

    fn v6(&self, proto: Proto, body: &[u8]) -> Vec<Vec<u8>> {
        // Hop-by-hop and routing headers stand before the fragment header, the rest is cut with the body.
        let before = |e: &&Extension| matches!(e, Extension::HopByHop | Extension::Routing(..));
        let outer: Vec<Extension> = self.extensions.iter().filter(before).copied().collect();
        let mut inner: Vec<Extension> = self.extensions.iter().filter(|e| !before(e)).copied().collect();
        let atomic = inner.contains(&Extension::AtomicFragment);
        inner.retain(|e| *e != Extension::AtomicFragment);
        let (inner_first, inner_bytes) = self.chain(&inner, proto.0, None, body);
        let one = |(piece, offset, more): (&[u8], usize, bool)| {
            let cut = (more || offset > 0 || atomic).then_some((offset, more));
            let (first, chain) = self.chain(&outer, inner_first, cut, piece);
            let mut p = (0x6000_0000 | u32::from(self.tos) << 20 | self.id & 0xf_ffff).to_be_bytes().to_vec();
            p.extend((chain.len() as u16).to_be_bytes());
            p.extend([first, self.ttl]);
            for addr in [self.src, self.dst] {
                let IpAddr::V6(addr) = addr else { panic!("mixed families") };
                p.extend(addr.octets());
            }
            p.extend(chain);
            p
        };
        self.pieces(inner_bytes.len() - body.len(), &inner_bytes).into_iter().map(one).collect()
    }

    /// Extension headers, a fragment header if any, and what follows; with the first header's number.
    fn chain(&self, headers: &[Extension], next: u8, cut: Option<(usize, bool)>, rest: &[u8]) -> (u8, Vec<u8>) {
        let mut kinds: Vec<u8> = headers.iter().map(|e| e.number()).collect();
        kinds.extend(cut.map(|_| 44));
        kinds.push(next);
        let mut bytes = Vec::new();
        for (i, header) in headers.iter().enumerate() {
            bytes.extend(header.bytes(kinds[i + 1], self.dst));
        }
        if let Some((offset, more)) = cut {
            bytes.extend([next, 0]);
            bytes.extend((offset as u16 | u16::from(more)).to_be_bytes());
            bytes.extend((0x5a00_0000 | self.id).to_be_bytes());
        }
        bytes.extend(rest);
        (kinds[0], bytes)
    }
}

impl Extension {
    fn number(self) -> u8 {
        match self {
            Self::HopByHop => 0,
            Self::Destination => 60,
            Self::Routing(..) => 43,
            Self::AtomicFragment => 44,
        }
    }

    fn bytes(self, next: u8, dst: IpAddr) -> Vec<u8> {
        match self {
            // PadN of four bytes fills the eight.
            Self::HopByHop | Self::Destination => vec![next, 0, 1, 4, 0, 0, 0, 0],
            Self::Routing(kind, left) => {
                let mut bytes = vec![next, 2, kind, left, 0, 0, 0, 0];
                let IpAddr::V6(dst) = dst else { panic!("a routing header in IPv4") };
                bytes.extend(dst.octets());
                bytes
            }
            Self::AtomicFragment => unreachable!("written by chain"),
        }
    }
}

impl Body {
    /// The protocol number that follows the IP header and its extensions.
    pub fn proto(&self, v4: bool) -> Proto {
        match self {
            Self::Tcp { .. } => Proto::TCP,
            Self::Udp { .. } => Proto::UDP,
            Self::Sctp { .. } => Proto::SCTP,
            Self::Icmp { .. } | Self::IcmpError { .. } if v4 => Proto::ICMP,
            Self::Icmp { .. } | Self::IcmpError { .. } | Self::Discovery { .. } => Proto::ICMPV6,
            Self::Raw { proto, .. } => *proto,
            Self::Auth(_) => Proto(51),
            Self::Arp { .. } => panic!("ARP is no IP protocol"),
        }
    }

    fn checksum_at(&self) -> Option<usize> {
        match self {
            Self::Tcp { .. } => Some(16),
            Self::Udp { .. } => Some(6),
            Self::Sctp { .. } => Some(8),
            Self::Icmp { .. } | Self::IcmpError { .. } | Self::Discovery { .. } => Some(2),
            Self::Raw { .. } | Self::Auth(_) | Self::Arp { .. } => None,
        }
    }

    fn bytes(&self, src: IpAddr, dst: IpAddr) -> (Proto, Vec<u8>) {
        let proto = self.proto(src.is_ipv4());
        let ports = |sport: u16, dport: u16| [sport.to_be_bytes(), dport.to_be_bytes()].concat();
        let mut bytes = match self {
            Self::Tcp { sport, dport, flags, seq, ack } => {
                let mut b = ports(*sport, *dport);
                b.extend(seq.to_be_bytes());
                b.extend(ack.to_be_bytes());
                b.extend([0x50, *flags, 0x20, 0, 0, 0, 0, 0]);
                b.extend(b"zonedlab");
                b
            }
            Self::Udp { sport, dport } => {
                let mut b = ports(*sport, *dport);
                b.extend([0, 16, 0, 0]);
                b.extend(b"zonedlab");
                b
            }
            Self::Sctp { sport, dport } => sctp_init(&ports(*sport, *dport)),
            Self::Icmp { kind, code, id } => {
                let mut b = vec![*kind, *code, 0, 0];
                b.extend(id.to_be_bytes());
                b.extend([0, 1]);
                b.extend(b"zonedlab");
                b
            }
            Self::IcmpError { kind, code, about } => [&[*kind, *code, 0, 0, 0, 0, 0, 0], &about[..]].concat(),
            Self::Discovery { kind, target, option } => discovery(*kind, *target, *option),
            Self::Raw { bytes, .. } => bytes.clone(),
            Self::Arp { .. } => panic!("ARP is no IP packet"),
            Self::Auth(inner) => {
                let (next, inner) = inner.bytes(src, dst);
                let header = [next.0, 4, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1];
                return (proto, [&header[..], &[0xaa; 12], &inner].concat());
            }
        };
        if let (Some(at), false) = (self.checksum_at(), matches!(self, Self::Sctp { .. })) {
            let pseudo = if proto == Proto::ICMP { vec![] } else { pseudo_header(src, dst, proto, bytes.len()) };
            let sum = checksum(&[&pseudo[..], &bytes].concat());
            // Zero means "no checksum" in UDP.
            let sum = if sum == 0 { 0xffff } else { sum };
            bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        (proto, bytes)
    }
}

/// A neighbour or router message (RFC 4861); the flags of an advertisement say solicited, override.
fn discovery(kind: u8, target: IpAddr, option: Option<(u8, MacAddr)>) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0, if kind == 136 { 0x60 } else { 0 }, 0, 0, 0];
    if let (135 | 136, IpAddr::V6(target)) = (kind, target) {
        bytes.extend(target.octets());
    }
    if let Some((number, mac)) = option {
        bytes.extend([number, 1]);
        bytes.extend(mac.0);
    }
    bytes
}

/// Common header with tag 0 and an INIT chunk (RFC 9260), checksum by CRC-32C.
fn sctp_init(ports: &[u8]) -> Vec<u8> {
    let mut bytes = ports.to_vec();
    bytes.extend([0; 8]);
    bytes.extend([1, 0, 0, 20, 0x11, 0x22, 0x33, 0x44, 0, 0, 0x20, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    let crc = crc32c(&bytes);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82f6_3b78 } else { c >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

fn pseudo_header(src: IpAddr, dst: IpAddr, proto: Proto, length: usize) -> Vec<u8> {
    let mut header = Vec::new();
    for addr in [src, dst] {
        match addr {
            IpAddr::V4(a) => header.extend(a.octets()),
            IpAddr::V6(a) => header.extend(a.octets()),
        }
    }
    header.extend((length as u32).to_be_bytes());
    header.extend([0, 0, 0, proto.0]);
    header
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(*w.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
