//! Random packets, most of them at or beside something that the policy names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use zoned::net::{Family, IfPattern, MacAddr, PortRange, Proto, Service};
use zoned::policy::{Endpoint, Entry, HostId, Networks, Policy, ZoneId};

use crate::draft::BINDING;
use crate::lab::Lab;
use crate::lab::frame::{Body, Cut, Extension, Frame};
use crate::policies::{PORTS, edge, neighbour, outside_address, within};
use crate::random::Random;
use crate::shot::{SYN, Shot, Side, is_own};

/// Makes packets for one policy.
pub struct Maker<'a> {
    pub random: &'a mut Random,
    pub policy: &'a Policy,
    /// Numbers packets, source ports and ICMP identifiers; never the same twice in a row of 60,000.
    pub serial: &'a mut u32,
    /// Packets that opened flows, to be answered.
    pub opened: Vec<Shot>,
}

/// One side of a packet in the making.
#[derive(Clone, Copy)]
struct End {
    side: Side,
    addr: IpAddr,
    mac: MacAddr,
}

impl Maker<'_> {
    /// The next packet.
    pub fn shot(&mut self) -> Shot {
        if !self.opened.is_empty() && self.random.chance(10) {
            return self.follow_up();
        }
        match self.random.below(100) {
            0..4 => return self.link_talk(),
            4..8 if BINDING => return self.arp(),
            8..11 => return self.advertisement(),
            _ => {}
        }
        let (mut from, mut to, service) = self.plan();
        if Family::of(from.addr) != Family::of(to.addr) {
            to.addr = self.of_family(Family::of(from.addr));
        }
        if self.random.chance(70) {
            from.mac = self.right_mac(from.addr).unwrap_or(from.mac);
        }
        self.mutate(&mut from, &mut to);
        if for_the_gateway(to.addr) {
            to.side = Side::Gateway;
        } else if to.side == Side::Gateway {
            to.addr = Lab::gateway_address_at(self.random.below(PORTS.len()), Family::of(from.addr));
        } else if is_own(to.addr) {
            to.addr = self.of_family(Family::of(from.addr));
        }
        if from.side == Side::Gateway && to.side == Side::Gateway {
            from.side = Side::Port(self.random.below(PORTS.len()));
        }
        if from.side == Side::Gateway && to.addr.is_multicast() {
            to.addr = outside_address(self.random);
        }
        if from.side == Side::Gateway && (self.random.chance(80) || !Self::sendable(from.addr)) {
            from.addr = Lab::gateway_address_at(self.random.below(PORTS.len()), Family::of(to.addr));
        }
        if Family::of(from.addr) != Family::of(to.addr) {
            from.addr = self.of_family(Family::of(to.addr));
        }
        let body = self.body(service, from.addr);
        self.dress(from, to, body)
    }

    /// What the kernel sends with a header of ours.
    fn sendable(addr: IpAddr) -> bool {
        !addr.is_multicast() && !addr.is_unspecified() && !addr.is_loopback()
    }

    /// Two ends and a service: an entry's, a management line's, or any.
    fn plan(&mut self) -> (End, End, Service) {
        let policy = self.policy;
        let lines = &policy.gateway.management;
        if !lines.is_empty() && self.random.chance(5) {
            let line = self.random.pick(lines);
            let service = *self.random.pick(&line.services);
            let from = self.host_end(line.host);
            return (from, End { side: Side::Gateway, ..from }, service);
        }
        let rated: Vec<&Entry> = policy.entries.iter().filter(|entry| entry.rate.is_some()).collect();
        let entry = match self.random.chance(20) {
            true => self.random.pick_any(&rated).copied(),
            false => self.random.pick_any(&policy.entries),
        };
        if let (Some(entry), true) = (entry, self.random.chance(60)) {
            let (from, to) = (*self.random.pick(&entry.from), *self.random.pick(&entry.to));
            let (from, mut to) = (self.end(from), self.end(to));
            if from.side == Side::Gateway && to.side == Side::Gateway {
                to = self.any_zone_end();
            }
            return (from, to, *self.random.pick(&entry.services));
        }
        let (mut from, mut to) = (self.any_zone_end(), self.any_zone_end());
        match self.random.below(100) {
            0..12 => to.side = Side::Gateway,
            12..20 => from.side = Side::Gateway,
            _ => {}
        }
        let services: Vec<Service> = policy.entries.iter().flat_map(|e| e.services.iter().copied()).collect();
        (from, to, self.random.pick_any(&services).copied().unwrap_or(Service::Any))
    }

    fn end(&mut self, endpoint: Endpoint) -> End {
        match endpoint {
            Endpoint::Zone(zone) => self.zone_end(zone),
            Endpoint::Host(host) => self.host_end(host),
            Endpoint::Network(zone, net) => End { addr: self.at(net), ..self.zone_end(zone) },
            Endpoint::Gateway => End { side: Side::Gateway, ..self.any_zone_end() },
            Endpoint::Group(zone, group) => {
                let group = self.policy.group(group);
                let hosts: Vec<HostId> = group.hosts.iter().copied().collect();
                let nets: Vec<IpNet> = group.networks.iter().copied().collect();
                match (self.random.chance(60), self.random.pick_any(&hosts), self.random.pick_any(&nets)) {
                    (true, Some(host), _) | (_, Some(host), None) => self.host_end(*host),
                    (_, _, Some(net)) => End { addr: self.at(*net), ..self.zone_end(zone) },
                    _ => self.zone_end(zone),
                }
            }
        }
    }

    fn at(&mut self, net: IpNet) -> IpAddr {
        if self.random.chance(25) { edge(self.random, net) } else { within(self.random, net) }
    }

    fn any_zone_end(&mut self) -> End {
        let zone = ZoneId(self.random.below(self.policy.zones.len()));
        self.zone_end(zone)
    }

    fn zone_end(&mut self, id: ZoneId) -> End {
        let zone = self.policy.zone(id);
        let addr = match &zone.networks {
            Networks::Any => outside_address(self.random),
            Networks::Listed(nets) => {
                let net = *self.random.pick(nets);
                self.at(net)
            }
        };
        End { side: self.port_of(&zone.interfaces), addr, mac: self.any_mac() }
    }

    fn host_end(&mut self, id: HostId) -> End {
        let host = self.policy.host(id);
        let mut end = self.zone_end(host.zone);
        if let Some(net) = self.random.pick_any(&host.ips) {
            end.addr = within(self.random, *net);
        }
        let macs = if self.random.chance(85) { self.policy.seen_macs(id) } else { &host.macs };
        end.mac = self.random.pick_any(macs).copied().unwrap_or(end.mac);
        end
    }

    fn port_of(&mut self, patterns: &[IfPattern]) -> Side {
        let means = |port: &usize| PORTS[*port].parse().is_ok_and(|name| patterns.iter().any(|p| p.matches(&name)));
        let there: Vec<usize> = (0..PORTS.len()).filter(means).collect();
        let any = self.random.below(PORTS.len());
        Side::Port(self.random.pick_any(&there).copied().unwrap_or(any))
    }

    fn any_mac(&mut self) -> MacAddr {
        let declared: Vec<MacAddr> = self.policy.hosts.iter().flat_map(|h| h.macs.iter().copied()).collect();
        match self.random.pick_any(&declared) {
            Some(mac) if self.random.chance(20) => *mac,
            _ => MacAddr([2, 0x77, 0, 0, 0, self.random.below(256) as u8]),
        }
    }

    /// A MAC under which the gateway sees a host that declares the address.
    fn right_mac(&mut self, addr: IpAddr) -> Option<MacAddr> {
        let owner = self.policy.hosts.iter().position(|h| h.ips.iter().any(|net| net.contains(&addr)))?;
        self.random.pick_any(self.policy.seen_macs(HostId(owner))).copied()
    }

    /// The address's MAC, or often enough another.
    fn mac_for(&mut self, addr: IpAddr) -> MacAddr {
        let right = if self.random.chance(65) { self.right_mac(addr) } else { None };
        right.unwrap_or_else(|| self.any_mac())
    }

    /// What a host, or one that says so, tells the gateway about its address: an ARP request, probe or announcement.
    fn arp(&mut self) -> Shot {
        let mut end = self.any_zone_end();
        if let (Some(host), true) = (self.any_host(), self.random.chance(60)) {
            end = self.host_end(host);
        }
        let any = Side::Port(self.random.below(PORTS.len()));
        let from = if self.random.chance(85) { end.side } else { any };
        let mut sender = if end.addr.is_ipv4() { end.addr } else { self.of_family(Family::V4) };
        if self.random.chance(10) {
            sender = (*self.random.pick(&[Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(169, 254, 7, 7)])).into();
        }
        let mac = self.mac_for(sender);
        let sender_mac = if self.random.chance(75) { mac } else { self.mac_for(sender) };
        let operation = if self.random.chance(80) { 1 } else { 2 };
        let target = Lab::gateway_address_at(self.random.below(PORTS.len()), Family::V4);
        let body = Body::Arp { operation, sender_mac };
        let frame = Frame::new(mac, sender, target, body);
        Shot { from, to: Side::Gateway, frame, after: None }
    }

    fn any_host(&mut self) -> Option<HostId> {
        let count = self.policy.hosts.len();
        (count > 0).then(|| HostId(self.random.below(count)))
    }

    /// A neighbour advertisement for somebody's address, with a MAC that may be its own.
    fn advertisement(&mut self) -> Shot {
        let end = match (self.any_host(), self.random.chance(60)) {
            (Some(host), true) => self.host_end(host),
            _ => self.any_zone_end(),
        };
        let target = if end.addr.is_ipv6() { end.addr } else { self.of_family(Family::V6) };
        let link = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, self.random.below(9) as u16).into();
        let src = if self.random.chance(60) { link } else { target };
        let mac = self.mac_for(target);
        let told = if self.random.chance(75) { mac } else { self.mac_for(target) };
        let option = self.random.chance(90).then_some((2, told));
        let target = if self.random.chance(10) { link } else { target };
        let Side::Port(port) = end.side else { unreachable!("zones have ports") };
        let dst = if self.random.chance(50) { Lab::gateway_address_at(port, Family::V6) } else { ALL_NODES.into() };
        let ttl = if self.random.chance(95) { 255 } else { 254 };
        let frame = Frame {
            id: self.next_serial(),
            ttl,
            ..Frame::new(mac, src, dst, Body::Discovery { kind: 136, target, option })
        };
        Shot { from: end.side, to: Side::Gateway, frame, after: None }
    }

    /// An address of a family that the policy knows, or any.
    fn of_family(&mut self, family: Family) -> IpAddr {
        let hosts = self.policy.hosts.iter().flat_map(|h| h.ips.iter().copied());
        let listed = self.policy.zones.iter().flat_map(|z| match &z.networks {
            Networks::Listed(nets) => nets.clone(),
            Networks::Any => Vec::new(),
        });
        let nets: Vec<IpNet> = hosts.chain(listed).filter(|n| Family::of(n.addr()) == family).collect();
        match (self.random.pick_any(&nets).copied(), family) {
            (Some(net), _) => self.at(net),
            (None, Family::V4) => Ipv4Addr::new(203, 0, 113, 9).into(),
            (None, Family::V6) => Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9).into(),
        }
    }

    /// Something is a little different.
    fn mutate(&mut self, from: &mut End, to: &mut End) {
        let (any, family) = (Side::Port(self.random.below(PORTS.len())), Family::of(from.addr));
        match self.random.below(20) {
            0 => from.addr = neighbour(self.random, from.addr),
            1 => to.addr = neighbour(self.random, to.addr),
            2 => from.addr = self.of_family(family),
            3 => to.addr = self.of_family(family),
            4 if from.side != Side::Gateway => from.side = any,
            5 if to.side != Side::Gateway => to.side = any,
            6 | 7 => from.mac = self.any_mac(),
            8 if self.random.chance(30) => {
                from.addr = match family {
                    Family::V4 => Ipv4Addr::from(*self.random.pick(&[0, 0x7f00_0001, 0xe000_0005, 0xa9fe_0101])).into(),
                    Family::V6 => {
                        Ipv6Addr::from(*self.random.pick(&[0, 1, 0xfe80 << 112 | 9, 0xff0e << 112 | 9])).into()
                    }
                }
            }
            9 if self.random.chance(30) => {
                to.addr = match family {
                    Family::V4 => Ipv4Addr::from(*self.random.pick(&[0xefff_0001, 0xffff_ffff, 0xa9fe_0101])).into(),
                    Family::V6 => Ipv6Addr::from(*self.random.pick(&[0xff05 << 112 | 2, 0xfec0 << 112 | 9])).into(),
                }
            }
            _ => {}
        }
    }

    fn next_serial(&mut self) -> u32 {
        *self.serial = *self.serial % 60_000 + 1;
        *self.serial
    }

    fn body(&mut self, service: Service, src: IpAddr) -> Body {
        let v4 = src.is_ipv4();
        let other = self.random.chance(10);
        match service {
            _ if other => self.any_body(v4),
            Service::Ports(proto, range) => {
                let port = self.port(range);
                self.with_port(proto, port)
            }
            Service::Icmp(kind) | Service::Icmpv6(kind) => self.icmp(kind, v4),
            Service::Proto(proto) => self.of_proto(proto, v4),
            Service::Any => self.any_body(v4),
        }
    }

    fn port(&mut self, range: PortRange) -> u16 {
        let (first, last) = (range.first(), range.last());
        match self.random.below(8) {
            0 => first.saturating_sub(1),
            1 => last.saturating_add(1),
            2 | 3 => first,
            4 | 5 => last,
            _ => self.random.between(usize::from(first), usize::from(last)) as u16,
        }
    }

    fn with_port(&mut self, proto: Proto, dport: u16) -> Body {
        let sport = self.next_serial() as u16;
        match proto {
            Proto::UDP => Body::Udp { sport, dport },
            Proto::SCTP => Body::Sctp { sport, dport },
            _ => {
                let odd = [0x10, 0xc2, 0x03, 0x00, 0x29, 0x11, 0x04, 0x12];
                let flags = if self.random.chance(88) { SYN } else { *self.random.pick(&odd) };
                Body::Tcp { sport, dport, flags, seq: self.random.number() as u32, ack: 1 }
            }
        }
    }

    fn icmp(&mut self, kind: Option<u8>, v4: bool) -> Body {
        let id = self.next_serial() as u16;
        let usual: &[u8] = if v4 { &[8, 13, 15, 17, 0, 5, 10] } else { &[128, 139, 129, 143, 130, 133, 137] };
        // IPv4's requests have numbers that in ICMPv6 are errors, and the other way round.
        let fits = kind.filter(|k| (*k < 128) == v4);
        let kind = fits.filter(|_| self.random.chance(75)).unwrap_or(*self.random.pick(usual));
        Body::Icmp { kind, code: self.random.below(2) as u8, id }
    }

    fn of_proto(&mut self, proto: Proto, v4: bool) -> Body {
        match proto {
            Proto::TCP | Proto::UDP | Proto::SCTP => {
                let port = *self.random.pick(&[0, 1, 53, 80, 443, 65535]);
                self.with_port(proto, port)
            }
            Proto::ICMP | Proto::ICMPV6 => self.icmp(None, v4),
            other => Body::Raw { proto: other, bytes: vec![0x20; self.random.between(16, 40)] },
        }
    }

    fn any_body(&mut self, v4: bool) -> Body {
        let port = *self.random.pick(&[0, 22, 53, 80, 443, 2905, 5005, 8443, 65535]);
        match self.random.below(12) {
            0..3 => self.with_port(Proto::TCP, port),
            3..6 => self.with_port(Proto::UDP, port),
            6 => self.with_port(Proto::SCTP, port),
            7 => self.icmp(None, v4),
            8 => {
                let about = vec![0x45; 48];
                let kind = *self.random.pick(if v4 { &[3, 11, 12] } else { &[1, 2, 3] });
                Body::IcmpError { kind, code: 0, about }
            }
            9 => Body::Auth(Box::new(self.with_port(Proto::TCP, port))),
            _ => {
                let number = *self.random.pick(&[2, 4, 41, 47, 50, 59, 89, 103, 112, 253]);
                self.of_proto(Proto(number), v4)
            }
        }
    }

    /// The frame around a body, sometimes in an odd dress.
    fn dress(&mut self, from: End, to: End, body: Body) -> Shot {
        let mut frame = Frame { id: self.next_serial(), ..Frame::new(from.mac, from.addr, to.addr, body) };
        let own = from.side == Side::Gateway;
        if frame.src.is_ipv6() && self.random.chance(12) {
            frame.extensions = self.random.pick(EXTENSIONS).to_vec();
        }
        if !own && self.random.chance(10) {
            frame.cut =
                *self.random.pick(&[Cut::Two(8), Cut::Two(48), Cut::Two(48), Cut::OnlyFirst(48), Cut::OnlySecond(48)]);
            // A truncated chain of headers is a matter of its own: TCP shows it.
            let whole_header = matches!(frame.body, Body::Tcp { .. }) && frame.extensions.is_empty();
            if frame.src.is_ipv6() && frame.cut == Cut::Two(8) && !whole_header {
                frame.cut = Cut::Two(48);
            }
        }
        let sums = !matches!(frame.body, Body::Raw { .. } | Body::Auth(_));
        frame.corrupt = !own && sums && self.random.chance(2);
        if self.random.chance(1) {
            frame.ttl = 1;
        }
        Shot { from: from.side, to: to.side, frame, after: None }
    }

    /// An answer, or an ICMP error, to a packet that went through.
    fn follow_up(&mut self) -> Shot {
        let opener = self.opened.swap_remove(self.random.below(self.opened.len()));
        let id = self.next_serial();
        if matches!(opener.frame.body, Body::Udp { .. }) && self.random.chance(35) {
            return self.once_more(opener, id);
        }
        let v4 = opener.frame.src.is_ipv4();
        let error = {
            let kind = *self.random.pick(if v4 { &[3, 11] } else { &[1, 3] });
            Body::IcmpError { kind, code: 0, about: opener.frame.packets().swap_remove(0) }
        };
        let reply = opener.reply(id).filter(|_| self.random.chance(70));
        let (mut src, body) = match reply {
            Some(body) => (opener.frame.dst, body),
            None => (opener.frame.dst, error),
        };
        if matches!(body, Body::IcmpError { .. }) && self.random.chance(40) {
            src = self.of_family(Family::of(src));
        }
        let any = Side::Port(self.random.below(PORTS.len()));
        let from = if self.random.chance(85) { opener.to } else { any };
        let to = if opener.from == Side::Gateway || self.random.chance(85) { opener.from } else { any };
        let frame = Frame { id, ..Frame::new(self.mac_for(src), src, opener.frame.src, body) };
        if matches!(frame.body, Body::Udp { .. }) && self.random.chance(70) {
            self.opened.push(opener.clone());
        }
        Shot { from, to, frame, after: Some(Box::new(opener)) }
    }

    /// The next packet of a flow, from the same device or another.
    fn once_more(&mut self, opener: Shot, id: u32) -> Shot {
        let mac = if self.random.chance(50) { opener.frame.src_mac } else { self.any_mac() };
        let frame = Frame { id, src_mac: mac, ..opener.frame.clone() };
        Shot { from: opener.from, to: opener.to, frame, after: Some(Box::new(opener)) }
    }

    /// What hosts say to the gateway on their link, before they have an address too.
    fn link_talk(&mut self) -> Shot {
        let (mut end, mut body) = (self.any_zone_end(), None);
        let entries = self.policy.entries.iter().filter(|e| e.to.contains(&Endpoint::Gateway));
        let entries: Vec<_> = entries.filter(|e| !e.from.contains(&Endpoint::Gateway)).collect();
        let link = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, self.random.below(9) as u16);
        let src: IpAddr = match self.random.below(8) {
            0..3 => Ipv4Addr::UNSPECIFIED.into(),
            3 => Ipv6Addr::UNSPECIFIED.into(),
            4 | 5 => link.into(),
            6 => self.of_family(Family::V6),
            _ => end.addr,
        };
        if let (Some(entry), true) = (self.random.pick_any(&entries), self.random.chance(60)) {
            let (from, service) = (*self.random.pick(&entry.from), *self.random.pick(&entry.services));
            end = self.end(from);
            body = Some(self.body(service, src));
        }
        let Side::Port(port) = end.side else { unreachable!("zones have ports") };
        let own = Lab::gateway_address_at(port, Family::of(src));
        let (dst, ttl) = (self.link_destination(src, own), if self.random.chance(80) { 255 } else { 254 });
        let id = self.next_serial();
        let body = body.unwrap_or_else(|| match src {
            IpAddr::V4(_) => Body::Udp { sport: id as u16, dport: *self.random.pick(&[67, 53, 5005]) },
            IpAddr::V6(_) => {
                let kind = *self.random.pick(&[133, 135, 135, 136, 134, 137]);
                let told = if self.random.chance(80) { end.mac } else { self.mac_for(src) };
                let option = (!src.is_unspecified()).then_some((1 + u8::from(kind == 136), told));
                Body::Discovery { kind, target: own, option }
            }
        });
        let frame = Frame { id, ttl, ..Frame::new(end.mac, src, dst, body) };
        Shot { from: end.side, to: Side::Gateway, frame, after: None }
    }

    fn link_destination(&mut self, src: IpAddr, own: IpAddr) -> IpAddr {
        let last = self.random.between(1, 2) as u16;
        match src {
            IpAddr::V4(_) => Ipv4Addr::BROADCAST.into(),
            IpAddr::V6(_) if self.random.chance(60) => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, last).into(),
            IpAddr::V6(_) => own,
        }
    }
}

/// ff02::1.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Broadcasts (0.0.0.0 was one once), and the multicast groups that a router is a member of.
fn for_the_gateway(dst: IpAddr) -> bool {
    match dst {
        IpAddr::V4(a) => a.is_broadcast() || a.is_unspecified() || a == Ipv4Addr::new(224, 0, 0, 1),
        IpAddr::V6(a) => matches!(a.segments(), [0xff02, 0, 0, 0, 0, 0, 0, 1 | 2]),
    }
}

const EXTENSIONS: &[&[Extension]] = &[
    &[Extension::HopByHop],
    &[Extension::Destination],
    &[Extension::HopByHop, Extension::Destination, Extension::Destination],
    &[Extension::AtomicFragment],
    &[Extension::HopByHop, Extension::AtomicFragment, Extension::Destination],
    &[Extension::Routing(0, 0)],
    &[Extension::Routing(0, 1)],
    &[Extension::Routing(2, 1)],
    &[Extension::Destination, Extension::Routing(4, 0)],
    &[Extension::Routing(253, 0), Extension::Destination],
];
