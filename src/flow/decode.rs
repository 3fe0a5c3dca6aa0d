//! Headers of a logged packet, read from at most its first bytes.
//!
//! Takes bytes from the network header on, cut anywhere; gives what can be
//! known of them and the length of the headers. Never panics, never reads
//! payload. The transport protocol is the kernel's own (`ipv6_find_hdr` as
//! nftables calls it): extension headers are skipped, AH and ESP are not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packet::{ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use crate::net::Proto;

/// IPv6 extension headers that are skipped (RFC 8200): hop-by-hop, routing,
/// destination options; the fragment header has a form of its own.
const SKIPPED: [u8; 3] = [0, 43, 60];
const FRAGMENT: u8 = 44;
const NO_NEXT: u8 = 59;
/// More headers than this are no packet of a host's.
const MOST_HEADERS: usize = 64;

/// What the headers say. None where it does not apply or was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Source address.
    pub src: Option<IpAddr>,
    /// Destination address.
    pub dst: Option<IpAddr>,
    /// Transport protocol behind any extension headers.
    pub proto: Option<Proto>,
    /// Source port of TCP, UDP, SCTP, DCCP, UDP-Lite.
    pub sport: Option<u16>,
    /// Destination port of the same.
    pub dport: Option<u16>,
    /// TCP's flags: CWR ECE URG ACK PSH RST SYN FIN, from the high bit down.
    pub tcp_flags: Option<u8>,
    /// ICMP or ICMPv6 type.
    pub icmp_type: Option<u8>,
    /// ICMP or ICMPv6 code.
    pub icmp_code: Option<u8>,
    /// Time to live or hop limit.
    pub ttl: Option<u8>,
    /// Bytes of the whole packet from the network header on, as its header says.
    pub length: Option<u32>,
    /// Bytes of the network and transport headers; never more than were given,
    /// and never payload.
    pub header_length: usize,
}

impl Decoded {
    /// Reads `bytes`, whose EtherType is `hw_protocol`; of another than IP's and
    /// ARP's nothing is read.
    pub fn of(hw_protocol: u16, bytes: &[u8]) -> Self {
        let mut found = Self::default();
        match hw_protocol {
            ETHERTYPE_IPV4 => found.ipv4(bytes),
            ETHERTYPE_IPV6 => found.ipv6(bytes),
            ETHERTYPE_ARP => found.arp(bytes),
            _ => {}
        }
        found.header_length = found.header_length.min(bytes.len());
        found
    }

    /// ARP for IPv4 on Ethernet (RFC 826): sender and target address; it has no
    /// transport.
    fn arp(&mut self, bytes: &[u8]) {
        let Some(fixed) = bytes.first_chunk::<28>() else { return };
        if fixed[..6] != [0, 1, 8, 0, 6, 4] {
            return;
        }
        self.src = Some(IpAddr::V4(Ipv4Addr::new(fixed[14], fixed[15], fixed[16], fixed[17])));
        self.dst = Some(IpAddr::V4(Ipv4Addr::new(fixed[24], fixed[25], fixed[26], fixed[27])));
        self.length = Some(28);
        self.header_length = 28;
    }

    fn ipv4(&mut self, bytes: &[u8]) {
        let Some(fixed) = bytes.first_chunk::<20>() else { return };
        if fixed[0] >> 4 != 4 {
            return;
        }
        let total = u16::from_be_bytes([fixed[2], fixed[3]]);
        self.length = Some(u32::from(total));
        self.ttl = Some(fixed[8]);
        self.src = Some(IpAddr::V4(Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15])));
        self.dst = Some(IpAddr::V4(Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19])));
        self.proto = Some(Proto(fixed[9]));
        let start = usize::from(fixed[0] & 0x0f).max(5) * 4;
        let later_fragment = u16::from_be_bytes([fixed[6], fixed[7]]) & 0x1fff != 0;
        self.header_length = start;
        if !later_fragment {
            self.transport(Proto(fixed[9]), packet(bytes, usize::from(total)), start);
        }
    }

    fn ipv6(&mut self, bytes: &[u8]) {
        let Some(fixed) = bytes.first_chunk::<40>() else { return };
        if fixed[0] >> 4 != 6 {
            return;
        }
        let addr = |at: usize| {
            let octets: Option<[u8; 16]> = fixed.get(at..at + 16).and_then(|o| o.try_into().ok());
            octets.map(|o| IpAddr::V6(Ipv6Addr::from(o)))
        };
        let payload = u16::from_be_bytes([fixed[4], fixed[5]]);
        self.length = Some(u32::from(payload) + 40);
        self.ttl = Some(fixed[7]);
        (self.src, self.dst) = (addr(8), addr(24));
        let bytes = packet(bytes, if payload == 0 { 0 } else { usize::from(payload) + 40 });
        let (mut next, mut at) = (fixed[6], 40);
        self.header_length = at;
        for _ in 0..MOST_HEADERS {
            if SKIPPED.contains(&next) {
                let Some([follows, units]) = two(bytes, at) else { return };
                (next, at) = (follows, at + (usize::from(units) + 1) * 8);
            } else if next == FRAGMENT {
                let (Some([follows, _]), Some(offset)) = (two(bytes, at), two(bytes, at + 2)) else { return };
                (next, at) = (follows, at + 8);
                if u16::from_be_bytes(offset) & 0xfff8 != 0 {
                    // A later fragment: what comes is payload, or a header's rest.
                    self.header_length = at;
                    self.proto = (!SKIPPED.contains(&next) && next != FRAGMENT).then_some(Proto(next));
                    return;
                }
            } else {
                self.header_length = at;
                self.proto = Some(Proto(next));
                if next != NO_NEXT {
                    self.transport(Proto(next), bytes, at);
                }
                return;
            }
            self.header_length = at;
        }
    }

    /// Reads the transport header at `start`.
    fn transport(&mut self, proto: Proto, bytes: &[u8], start: usize) {
        let rest = bytes.get(start..).unwrap_or_default();
        // TCP, DCCP, UDP, SCTP and UDP-Lite all begin with the two ports.
        if matches!(proto.0, 6 | 17 | 33 | 132 | 136) {
            self.sport = two(rest, 0).map(u16::from_be_bytes);
            self.dport = two(rest, 2).map(u16::from_be_bytes);
        }
        let length = match proto {
            Proto::TCP => {
                self.tcp_flags = rest.get(13).copied();
                rest.get(12).map_or(0, |b| usize::from(b >> 4).max(5) * 4).max(20)
            }
            Proto::ICMP | Proto::ICMPV6 => {
                self.icmp_type = rest.first().copied();
                self.icmp_code = rest.get(1).copied();
                icmp_length(proto, self.icmp_type, rest)
            }
            Proto(17 | 136 | 50) => 8,
            Proto::SCTP | Proto(33 | 51) => 12,
            Proto(47) => 4,
            _ => 0,
        };
        self.header_length = start + length.min(rest.len());
    }
}

/// The packet without what the link added behind it. A length of 0 is
/// segmentation offload's: the real one did not fit.
fn packet(bytes: &[u8], length: usize) -> &[u8] {
    if length == 0 { bytes } else { bytes.get(..length).unwrap_or(bytes) }
}

fn two(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok()
}

/// Bytes of an ICMP message that are header: an error keeps the network and
/// transport headers of the packet it is about (their first eight bytes of
/// transport, RFC 792), neighbour messages keep the target and one link-layer
/// address option, everything else its fixed eight bytes.
fn icmp_length(proto: Proto, kind: Option<u8>, rest: &[u8]) -> usize {
    let error = match proto {
        Proto::ICMP => matches!(kind, Some(3 | 4 | 5 | 11 | 12)),
        _ => matches!(kind, Some(1..=4)),
    };
    if error {
        return 8 + embedded_length(rest.get(8..).unwrap_or_default());
    }
    let neighbour = proto == Proto::ICMPV6 && matches!(kind, Some(135 | 136));
    let link_option = matches!(rest.get(24..26), Some([1 | 2, 1]));
    match (neighbour, link_option) {
        (true, true) => 32,
        (true, false) => 24,
        _ => 8,
    }
}

/// Bytes of headers in the packet that an ICMP error quotes.
fn embedded_length(inner: &[u8]) -> usize {
    let (start, proto) = match inner.first().map(|b| b >> 4) {
        Some(4) => (usize::from(inner[0] & 0x0f).max(5) * 4, inner.get(9).copied()),
        Some(6) => (40, inner.get(6).copied()),
        _ => return 0,
    };
    // Protocols whose first eight bytes are header; of others nothing is kept.
    let transport = matches!(proto, Some(1 | 6 | 17 | 33 | 50 | 58 | 132 | 136));
    if transport { start + 8 } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    const SECRET: &[u8] = b"SECRET PAYLOAD OF A RESIDENT";

    fn hold_no_secret(found: &Decoded, bytes: &[u8]) {
        let kept = &bytes[..found.header_length];
        assert!(!kept.windows(6).any(|w| w == b"SECRET"), "payload kept: {kept:02x?}");
    }

    #[test]
    fn tcp_with_options_over_ipv4() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 10, 0, 20], [192, 168, 1, 1], 63)
            .tcp(51515, 443, 7, 1024)
            .syn()
            .ece()
            .options(&[etherparse::TcpOptionElement::MaximumSegmentSize(1460)])
            .unwrap()
            .write(&mut bytes, SECRET)
            .unwrap();
        let found = Decoded::of(ETHERTYPE_IPV4, &bytes);
        let want = Decoded {
            src: Some("10.10.0.20".parse().unwrap()),
            dst: Some("192.168.1.1".parse().unwrap()),
            proto: Some(Proto::TCP),
            sport: Some(51515),
            dport: Some(443),
            tcp_flags: Some(0x42),
            ttl: Some(63),
            length: Some(bytes.len() as u32),
            header_length: 20 + 24,
            ..Decoded::default()
        };
        assert_eq!(found, want);
        hold_no_secret(&found, &bytes);
    }

    /// Hop-by-hop, destination options and a first fragment before UDP.
    fn chained(offset_units: u16) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 0, 0, 5];
        bytes.extend("fd00::1".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend("fd00::2".parse::<Ipv6Addr>().unwrap().octets());
        bytes.extend([60, 0, 1, 4, 0, 0, 0, 0]);
        bytes.extend([44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([17, 0]);
        bytes.extend(((offset_units << 3) | 1).to_be_bytes());
        bytes.extend([0, 0, 0, 9]);
        bytes.extend([0x13, 0x88, 0, 53, 0, 36, 0, 0]);
        bytes.extend(SECRET);
        let length = bytes.len() as u16 - 40;
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    #[test]
    fn the_transport_behind_extension_headers() {
        let bytes = chained(0);
        let found = Decoded::of(ETHERTYPE_IPV6, &bytes);
        assert_eq!((found.proto, found.sport, found.dport), (Some(Proto::UDP), Some(5000), Some(53)));
        assert_eq!((found.header_length, found.ttl), (40 + 8 + 16 + 8 + 8, Some(5)));
        hold_no_secret(&found, &bytes);
    }

    #[test]
    fn a_later_fragment_has_no_ports_and_keeps_no_payload() {
        let bytes = chained(4);
        let found = Decoded::of(ETHERTYPE_IPV6, &bytes);
        assert_eq!((found.proto, found.sport, found.dport), (Some(Proto::UDP), None, None));
        assert_eq!(found.header_length, 40 + 8 + 16 + 8);
        let mut v4 = Vec::new();
        PacketBuilder::ipv4([1, 2, 3, 4], [5, 6, 7, 8], 9).udp(1, 2).write(&mut v4, SECRET).unwrap();
        v4[7] = 3;
        let found = Decoded::of(ETHERTYPE_IPV4, &v4);
        assert_eq!((found.proto, found.dport, found.header_length), (Some(Proto::UDP), None, 20));
    }

    #[test]
    fn authentication_headers_are_a_protocol_of_their_own() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 20, 51, 5];
        bytes.extend([0; 32]);
        bytes.extend([6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 80, 0, 80, 0, 0, 0, 0]);
        let found = Decoded::of(ETHERTYPE_IPV6, &bytes);
        assert_eq!((found.proto, found.dport, found.header_length), (Some(Proto(51)), None, 52));
    }

    #[test]
    fn an_icmp_error_keeps_the_quoted_headers_only() {
        let mut quoted = Vec::new();
        PacketBuilder::ipv4([1, 2, 3, 4], [5, 6, 7, 8], 9).udp(1, 2).write(&mut quoted, SECRET).unwrap();
        let mut bytes = Vec::new();
        let kind = etherparse::Icmpv4Type::TimeExceeded(etherparse::icmpv4::TimeExceededCode::TtlExceededInTransit);
        PacketBuilder::ipv4([9, 9, 9, 9], [1, 2, 3, 4], 64).icmpv4(kind).write(&mut bytes, &quoted).unwrap();
        let found = Decoded::of(ETHERTYPE_IPV4, &bytes);
        assert_eq!((found.icmp_type, found.icmp_code), (Some(11), Some(0)));
        assert_eq!(found.header_length, 20 + 8 + 28);
        hold_no_secret(&found, &bytes);
    }

    #[test]
    fn arp_says_who_claims_what() {
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, 1];
        bytes.extend([2, 0, 0, 0, 0, 9, 10, 10, 0, 20]);
        bytes.extend([0, 0, 0, 0, 0, 0, 10, 10, 0, 1]);
        bytes.extend(SECRET);
        let found = Decoded::of(ETHERTYPE_ARP, &bytes);
        assert_eq!((found.src, found.dst), (Some("10.10.0.20".parse().unwrap()), Some("10.10.0.1".parse().unwrap())));
        assert_eq!((found.proto, found.header_length, found.length), (None, 28, Some(28)));
        hold_no_secret(&found, &bytes);
        assert_eq!(Decoded::of(ETHERTYPE_ARP, &bytes[..27]), Decoded::default());
        bytes[4] = 8;
        assert_eq!(Decoded::of(ETHERTYPE_ARP, &bytes), Decoded::default());
    }

    #[test]
    fn an_echo_keeps_no_data() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 64).icmpv6_echo_request(1, 2).write(&mut bytes, SECRET).unwrap();
        let found = Decoded::of(ETHERTYPE_IPV6, &bytes);
        assert_eq!((found.icmp_type, found.icmp_code, found.header_length), (Some(128), Some(0), 48));
    }

    #[test]
    fn trailing_bytes_of_the_link_are_no_header() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([1, 2, 3, 4], [5, 6, 7, 8], 9).tcp(1, 2, 3, 4).write(&mut bytes, &[]).unwrap();
        // A false data offset must not reach into the padding.
        bytes[32] = 0xf0;
        bytes.extend(SECRET);
        assert_eq!(Decoded::of(ETHERTYPE_IPV4, &bytes).header_length, 40);
    }

    proptest! {
        #[test]
        fn any_bytes_decode(v6: bool, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = (*first & 0x0f) | if v6 { 0x60 } else { 0x40 };
            }
            let kind = if v6 { ETHERTYPE_IPV6 } else { ETHERTYPE_IPV4 };
            prop_assert!(Decoded::of(kind, &bytes).header_length <= bytes.len());
        }

        /// Wherever a packet is cut, what is read of it is right or none.
        #[test]
        fn a_cut_packet_tells_no_lie(cut in 0usize..120) {
            let whole = chained(0);
            let full = Decoded::of(ETHERTYPE_IPV6, &whole);
            let part = Decoded::of(ETHERTYPE_IPV6, &whole[..cut.min(whole.len())]);
            prop_assert!(part.proto.is_none() || part.proto == full.proto);
            prop_assert!(part.dport.is_none() || part.dport == full.dport);
            prop_assert!(part.header_length <= full.header_length);
        }
    }
}
