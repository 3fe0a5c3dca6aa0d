//! One packet on its way: where it goes in, where it goes out, and what the
//! kernel makes of it before any rule is asked.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use jiff::Timestamp;
use zoned::judge::{Arp, Discovery, Question};
use zoned::net::{ConnState, Family, Packet, Proto};

use crate::draft::DISCOVERY;
use crate::lab::Lab;
use crate::lab::frame::{Body, Cut, Extension, Frame};
use crate::policies::PORTS;

/// TCP SYN, alone.
pub const SYN: u8 = 0x02;

/// One end of a packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This port of the lab.
    Port(usize),
    /// The gateway itself.
    Gateway,
}

/// Whether rules are asked at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A hook decides about it.
    Surely,
    /// The kernel may throw it away before (martians, scopes).
    Perhaps,
    /// It never gets to a hook.
    Never,
}

/// A packet and its way.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Where it comes from.
    pub from: Side,
    /// Where it goes to.
    pub to: Side,
    /// The packet; its type of service is set when it is sent.
    pub frame: Frame,
    /// The packets that opened the flow it belongs to or speaks of, if any.
    pub after: Option<Box<Shot>>,
}

impl Side {
    /// The port, if it is one.
    pub fn port(self) -> Option<usize> {
        match self {
            Self::Port(port) => Some(port),
            Self::Gateway => None,
        }
    }
}

impl Shot {
    /// What the judge is asked.
    pub fn question(&self, state: ConnState, at: Timestamp) -> Question {
        let name = |side: Side| side.port().map(|p| PORTS[p].parse().unwrap());
        let frame = &self.frame;
        let (mut sport, mut dport, mut icmp) = (None, None, None);
        match &frame.body {
            Body::Tcp { sport: s, dport: d, .. }
            | Body::Udp { sport: s, dport: d }
            | Body::Sctp { sport: s, dport: d } => (sport, dport) = (Some(*s), Some(*d)),
            Body::Icmp { kind, code, .. } | Body::IcmpError { kind, code, .. } => icmp = Some((*kind, *code)),
            Body::Discovery { kind, .. } => icmp = Some((*kind, 0)),
            Body::Raw { .. } | Body::Auth(_) | Body::Arp { .. } => {}
        }
        let discovery = match &frame.body {
            Body::Discovery { kind, target, option } if DISCOVERY => Some(Discovery {
                target: matches!(kind, 135 | 136).then_some(*target),
                link_address: option.map(|(_, mac)| mac),
            }),
            _ => None,
        };
        let packet = Packet {
            in_if: name(self.from),
            out_if: name(self.to),
            src_mac: self.from.port().map(|_| frame.src_mac),
            src: frame.src,
            dst: frame.dst,
            proto: frame.body.proto(frame.src.is_ipv4()),
            sport,
            dport,
            icmp_type: icmp.map(|(kind, _)| kind),
            icmp_code: icmp.map(|(_, code)| code),
        };
        let base = Question::new(packet, at);
        Question { state, routing_header: self.routed(), hop_limit: frame.ttl, discovery, ..base }
    }

    /// What the judge is asked, if this is ARP.
    pub fn arp(&self, at: Timestamp) -> Option<Arp> {
        let (Body::Arp { sender_mac, .. }, Side::Port(port), IpAddr::V4(sender)) =
            (&self.frame.body, self.from, self.frame.src)
        else {
            return None;
        };
        let in_if = PORTS[port].parse().unwrap();
        Some(Arp { in_if, src_mac: self.frame.src_mac, sender_mac: *sender_mac, sender, at })
    }

    fn routed(&self) -> bool {
        self.frame.extensions.iter().any(|e| matches!(e, Extension::Routing(..)))
    }

    /// Whether any rule sees it.
    pub fn reach(&self) -> Reach {
        let frame = &self.frame;
        if let (Body::Arp { .. }, IpAddr::V4(sender)) = (&frame.body, frame.src) {
            let odd = sender.is_multicast() || sender.is_broadcast() || matches!(sender.octets()[0], 0 | 127);
            let odd = (odd && !sender.is_unspecified()) || is_own(frame.src);
            return if odd { Reach::Perhaps } else { Reach::Surely };
        }
        if matches!(frame.cut, Cut::OnlyFirst(_) | Cut::OnlySecond(_)) {
            return Reach::Never;
        }
        if self.from.port().is_some() && self.to.port().is_some() && frame.ttl < 2 {
            return Reach::Never;
        }
        let to_gateway = self.to == Side::Gateway;
        let usual = |addr: IpAddr| match addr {
            IpAddr::V4(a) => !(a.is_multicast() || a.is_loopback() || a.is_unspecified() || a.is_broadcast()),
            IpAddr::V6(a) => matches!(a.segments()[0], 0x2000..=0x3fff | 0xfc00..=0xfdff),
        };
        let source = usual(frame.src) && !is_own(frame.src) || self.from == Side::Gateway;
        // What links need to speak to the gateway reaches it from any source the link may have.
        let link = to_gateway && on_link(frame.src) && (frame.src.is_ipv6() || is_broadcast(frame.dst));
        let destination = if to_gateway { !frame.dst.is_unspecified() } else { usual(frame.dst) };
        match source && destination || link {
            true => Reach::Surely,
            false => Reach::Perhaps,
        }
    }

    /// The answer that a flow's other side would give to this opening packet.
    pub fn reply(&self, id: u32) -> Option<Body> {
        match &self.frame.body {
            Body::Tcp { sport, dport, flags: SYN, seq, .. } => {
                Some(Body::Tcp { sport: *dport, dport: *sport, flags: 0x12, seq: id, ack: seq.wrapping_add(1) })
            }
            Body::Udp { sport, dport } => Some(Body::Udp { sport: *dport, dport: *sport }),
            Body::Icmp { kind: 8, code, id } => Some(Body::Icmp { kind: 0, code: *code, id: *id }),
            Body::Icmp { kind: 128, code, id } => Some(Body::Icmp { kind: 129, code: *code, id: *id }),
            Body::Raw { proto, bytes } => Some(Body::Raw { proto: *proto, bytes: bytes.clone() }),
            _ => None,
        }
    }
}

fn is_broadcast(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V4(a) if a.is_broadcast())
}

/// Sources that the kernel takes from a link: ordinary, unspecified (IPv4: to
/// broadcast only), or link-local.
fn on_link(src: IpAddr) -> bool {
    match src {
        IpAddr::V4(a) => a.is_unspecified(),
        IpAddr::V6(a) => a == Ipv6Addr::UNSPECIFIED || a.segments()[0] == 0xfe80,
    }
}

/// True for the lab's own addresses of the gateway.
pub fn is_own(addr: IpAddr) -> bool {
    (0..PORTS.len()).any(|port| Lab::gateway_address_at(port, Family::of(addr)) == addr)
}

/// What identifies a flow to connection tracking, from one side.
type Key = (IpAddr, IpAddr, u8, u16, u16);

/// What is known of a flow.
#[derive(Default)]
struct Known {
    /// The other side has spoken.
    answered: bool,
    /// The entry that let it open, or that let its last packet through before it was answered.
    entry: Option<usize>,
}

/// The flows that the kernel has confirmed: opened and let through.
#[derive(Default)]
pub struct Flows(HashMap<Key, Known>);

impl Flows {
    /// The state in which the kernel sees a packet (nf_conntrack_proto_*.c).
    pub fn state(&mut self, shot: &Shot) -> ConnState {
        if matches!(shot.frame.body, Body::Arp { .. }) {
            return ConnState::Invalid;
        }
        let fresh = fresh_state(&shot.frame);
        if fresh == ConnState::Invalid && shot.after.is_none() {
            return fresh;
        }
        if let (Body::IcmpError { .. }, Some(_)) = (&shot.frame.body, &shot.after) {
            return ConnState::Established;
        }
        let key = key(&shot.frame);
        if let Some(known) = self.0.get_mut(&reversed(key)) {
            known.answered = true;
            return ConnState::Established;
        }
        match self.0.get(&key) {
            Some(known) if known.answered => ConnState::Established,
            _ => fresh,
        }
    }

    /// The entry whose flow the packet is of.
    pub fn entry(&self, shot: &Shot) -> Option<usize> {
        if matches!(shot.frame.body, Body::Arp { .. }) {
            return None;
        }
        self.0.get(&key(&shot.frame))?.entry
    }

    /// Notes that a packet in state new was let through, and by which entry; true
    /// if that makes it the entry's flow, which it was not yet.
    pub fn opened(&mut self, shot: &Shot, entry: Option<usize>) -> bool {
        let known = self.0.entry(key(&shot.frame)).or_default();
        let before = known.entry;
        known.entry = entry.or(before);
        entry.is_some() && entry != before
    }
}

fn key(frame: &Frame) -> Key {
    let proto = frame.body.proto(frame.src.is_ipv4()).0;
    let (a, b) = match &frame.body {
        Body::Tcp { sport, dport, .. } | Body::Udp { sport, dport } | Body::Sctp { sport, dport } => (*sport, *dport),
        Body::Icmp { id, .. } => (*id, *id),
        _ => (0, 0),
    };
    // Connection tracking looks through an authentication header in IPv6 only.
    match &frame.body {
        Body::Auth(inner) if frame.src.is_ipv6() => key(&Frame { body: (**inner).clone(), ..frame.clone() }),
        _ => (frame.src, frame.dst, proto, a, b),
    }
}

fn reversed((src, dst, proto, a, b): Key) -> Key {
    (dst, src, proto, b, a)
}

/// The state of a packet of no known flow.
fn fresh_state(frame: &Frame) -> ConnState {
    let summed = !matches!(frame.body, Body::Raw { .. } | Body::Auth(_));
    let cut_short = frame.src.is_ipv6() && matches!(frame.cut, Cut::Two(n) if n < 16);
    let truncated = cut_short && matches!(frame.body, Body::Tcp { .. });
    let valid = match &frame.body {
        // SYN (ECN too) opens; a lone ACK is picked up (tcp_loose).
        Body::Tcp { flags, .. } => matches!(flags, 0x02 | 0x10 | 0xc2),
        Body::Icmp { kind, .. } if frame.src.is_ipv4() => matches!(kind, 8 | 13 | 15 | 17),
        Body::Icmp { kind, .. } => matches!(kind, 128 | 139),
        Body::IcmpError { .. } | Body::Discovery { .. } | Body::Arp { .. } => false,
        // No next header.
        Body::Raw { proto, .. } => frame.src.is_ipv4() || *proto != Proto(59),
        // As in `key`: IPv6's is looked through.
        Body::Auth(inner) if frame.src.is_ipv6() => {
            fresh_state(&Frame { body: (**inner).clone(), ..frame.clone() }) == ConnState::New
        }
        Body::Udp { .. } | Body::Sctp { .. } | Body::Auth(_) => true,
    };
    match valid && !(frame.corrupt && summed) && !truncated {
        true => ConnState::New,
        false => ConnState::Invalid,
    }
}
