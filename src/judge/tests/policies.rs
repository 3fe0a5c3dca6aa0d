//! Small policies and packets, as short as the tests need them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::diag::{Place, SourceId};
use crate::judge::{Answer, Question, judge};
use crate::net::{Packet, Proto};
use crate::policy::{
    Binding, Compliance, DenyWith, Endpoint, Entry, Established, Gateway, Group, GroupId, Host, HostId, L2,
    LogSettings, Management, Model, Networks, Organisation, Policy, Purpose, Reload, ReloadMode, Schedule, Validity,
    Zone, ZoneClass, ZoneId,
};

fn place() -> Place {
    Place { source: SourceId(0), span: 0..0 }
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The moment of every question that does not say otherwise.
pub fn now() -> Timestamp {
    time("2026-11-22T00:00:00Z")
}

/// A policy under construction.
pub struct Build(pub Policy);

impl Build {
    pub fn new() -> Self {
        Self(Policy {
            organisation: Organisation { name: None, timezone: TimeZone::UTC, ciso: None },
            compliance: Compliance { model: Model::General, edition: None, standard: None, local_rules: vec![] },
            zones: vec![],
            hosts: vec![],
            groups: vec![],
            approvals: BTreeMap::new(),
            entries: vec![],
            expectations: vec![],
            waivers: vec![],
            gateway: Gateway { name: None, output_allow: true, management: vec![] },
            reload: Reload { mode: ReloadMode::Auto, debounce_ms: 200, established: Established::Revoke },
            log: LogSettings { store: "flows".into(), retention_days: None, snaplen: 128, on_failure: false },
            binding: Binding::default(),
            isolated: vec![],
        })
    }

    /// A zone; `networks` are prefixes or `any`, parted by spaces like the interfaces.
    pub fn zone(&mut self, name: &str, interfaces: &str, networks: &str) -> ZoneId {
        let listed = || networks.split_whitespace().map(|n| n.parse().unwrap()).collect();
        self.0.zones.push(Zone {
            name: name.into(),
            class: ZoneClass::General,
            label: None,
            interfaces: interfaces.split_whitespace().map(|i| i.parse().unwrap()).collect(),
            networks: if networks == "any" { Networks::Any } else { Networks::Listed(listed()) },
            intra_zone_allow: false,
            deny_with: DenyWith::Drop,
            l2: L2::Direct,
            operator: None,
            internet_connected: None,
            approval: None,
            masquerade: false,
            breakout: false,
            redundant: false,
            attest: None,
            place: place(),
        });
        ZoneId(self.0.zones.len() - 1)
    }

    pub fn host(&mut self, zone: ZoneId, ips: &str, macs: &str, via: Option<HostId>) -> HostId {
        let prefix = |text: &str| match text.parse::<std::net::IpAddr>() {
            Ok(addr) => addr.into(),
            Err(_) => text.parse().unwrap(),
        };
        self.0.hosts.push(Host {
            name: format!("h{}", self.0.hosts.len()),
            zone,
            ips: ips.split_whitespace().map(prefix).collect(),
            macs: macs.split_whitespace().map(|m| m.parse().unwrap()).collect(),
            via,
            kind: None,
            labels: BTreeMap::new(),
            valid: Validity::default(),
            place: place(),
        });
        HostId(self.0.hosts.len() - 1)
    }

    pub fn group(&mut self, hosts: &[HostId], networks: &str) -> GroupId {
        self.0.groups.push(Group {
            name: format!("g{}", self.0.groups.len()),
            hosts: hosts.iter().copied().collect(),
            networks: networks.split_whitespace().map(|n| n.parse().unwrap()).collect::<BTreeSet<_>>(),
            place: place(),
        });
        GroupId(self.0.groups.len() - 1)
    }

    /// An entry that is always in force; gives its index.
    pub fn allow(&mut self, from: &[Endpoint], to: &[Endpoint], services: &str) -> usize {
        let service = |s: &str| if s == "any" { crate::net::Service::Any } else { s.parse().unwrap() };
        self.0.entries.push(Entry {
            id: format!("E{}", self.0.entries.len()),
            title: None,
            from: from.to_vec(),
            to: to.to_vec(),
            service_names: vec![],
            services: services.split_whitespace().map(service).collect(),
            purpose: Purpose::Business,
            sanitise: None,
            remote: None,
            schedule: Schedule::default(),
            rate: None,
            log: false,
            attest: None,
            approval: None,
            place: place(),
        });
        self.0.entries.len() - 1
    }

    pub fn manage(&mut self, host: HostId, service: &str) {
        let services = vec![service.parse().unwrap()];
        self.0.gateway.management.push(Management { host, services });
    }

    pub fn ask(&self, packet: Packet) -> Answer {
        judge(&self.0, &Question::new(packet, now()))
    }

    /// `allowed`, `no-allow-entry`, …
    pub fn reason(&self, packet: Packet) -> &'static str {
        self.ask(packet).verdict.reason()
    }
}

/// A packet: `tcp("eth1 10.0.0.1 > eth2 10.0.1.1:443")`; `-` = the gateway itself.
pub fn packet(proto: Proto, text: &str) -> Packet {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [in_if, src, ">", out_if, dst] = parts[..] else { panic!("{text}") };
    let interface = |name: &str| (name != "-").then(|| name.parse().unwrap());
    let (dst, dport) = match dst.rsplit_once('#') {
        Some((addr, port)) => (addr, Some(port.parse().unwrap())),
        None => (dst, None),
    };
    Packet {
        in_if: interface(in_if),
        out_if: interface(out_if),
        src_mac: Some("02:00:00:00:00:99".parse().unwrap()),
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        proto,
        sport: proto.has_ports().then_some(40000),
        dport,
        icmp_type: None,
        icmp_code: None,
    }
}

pub fn tcp(text: &str) -> Packet {
    packet(Proto::TCP, text)
}

pub fn icmp(proto: Proto, kind: u8, text: &str) -> Packet {
    Packet { icmp_type: Some(kind), icmp_code: Some(0), ..packet(proto, text) }
}

pub fn from_mac(mac: &str, packet: Packet) -> Packet {
    Packet { src_mac: Some(mac.parse().unwrap()), ..packet }
}
