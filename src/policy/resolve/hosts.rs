//! Hosts: names, addresses inside their zones, MACs, and what is declared twice.

use ipnet::IpNet;

use super::{Named, Resolver};
use crate::diag::{Finding, Message, Place};
use crate::document::{At, Host as Written, duplicate};
use crate::net::{AddrRange, MacAddr};
use crate::policy::{Host, HostId, HostKind, Validity, ZoneId};

impl<'a> Resolver<'a> {
    pub(super) fn hosts(&mut self) {
        self.inventory_zones();
        let document = self.document;
        let mut prefixes = Vec::new();
        let mut macs = Vec::new();
        for (index, written) in document.hosts.iter().enumerate() {
            let id = HostId(index);
            let sound = self.declare(&written.name, Named::Host(id));
            let (host, whole) = self.host(written, id, &mut prefixes, &mut macs);
            self.policy.hosts.push(host);
            self.host_sound.push(sound && whole && written.sound);
        }
        for (index, written) in document.hosts.iter().enumerate() {
            self.via(HostId(index), written);
        }
        self.doubled_prefixes(prefixes);
        self.doubled_macs(macs);
    }

    /// Enters a host's or group's name; false (and a finding) if it is taken or no name.
    pub(super) fn declare(&mut self, name: &'a At<String>, named: Named) -> bool {
        if let Some(first) = self.declared.get(name.value.as_str()) {
            self.findings.push(duplicate(name, first));
            return false;
        }
        self.declared.insert(&name.value, &name.place);
        self.names.insert(&name.value, named);
        self.good_name(name)
    }

    /// The zones that a ledger's words mean, asked once and not once a row.
    fn inventory_zones(&mut self) {
        for inventory in &self.document.inventories {
            for (_, zone) in inventory.zones.iter().flatten() {
                self.zone_of(&zone.value, &zone.place, &inventory.file.value);
            }
        }
    }

    fn host(
        &mut self,
        written: &'a Written,
        id: HostId,
        prefixes: &mut Vec<(AddrRange, HostId, &'a Place)>,
        macs: &mut Vec<(MacAddr, HostId, &'a Place)>,
    ) -> (Host, bool) {
        let subject = written.name.value.as_str();
        let zone = written.zone.as_ref().and_then(|z| self.host_zone(z, subject));
        let mut sound = zone.is_some();
        let mut ips: Vec<IpNet> = Vec::new();
        for text in &written.ip {
            let Some(net) = self.host_prefix(text, zone, subject) else {
                sound = false;
                continue;
            };
            prefixes.push((AddrRange::from(net), id, &text.place));
            ips.push(net);
        }
        let mut own = Vec::new();
        for text in &written.mac {
            match self.mac(text, subject) {
                Some(mac) => {
                    macs.push((mac, id, &text.place));
                    own.push(mac);
                }
                None => sound = false,
            }
        }
        if written.sound && written.ip.is_empty() && written.mac.is_empty() {
            sound = false;
            let message = Message::new("policy-host-bare").with("host", subject);
            self.findings.push(Finding::error("Z008", message).at(&written.name.place).subject(subject));
        }
        let host = Host {
            name: written.name.value.clone(),
            zone: zone.unwrap_or(ZoneId(0)),
            ips,
            macs: own,
            via: None,
            kind: written.kind.as_ref().and_then(|k| kind(&k.value)),
            labels: written.labels.iter().cloned().collect(),
            valid: Validity::default(),
            place: written.name.place.clone(),
        };
        (host, sound)
    }

    /// The zone of a host. That of a ledger's mapping was looked up already.
    fn host_zone(&mut self, zone: &At<String>, subject: &str) -> Option<ZoneId> {
        let found = self.zones.get(zone.value.as_str()).copied();
        let mapped = |i: &crate::document::Inventory| i.zones.iter().flatten().any(|(_, z)| z.value == zone.value);
        if found.is_none() && !self.document.inventories.iter().any(mapped) {
            return self.zone_of(&zone.value, &zone.place, subject);
        }
        found
    }

    fn host_prefix(&mut self, text: &At<String>, zone: Option<ZoneId>, subject: &str) -> Option<IpNet> {
        let net = self.prefix(text, subject)?;
        let zone = zone.filter(|z| self.zone_sound[z.0])?;
        if !self.inside(zone, &net) {
            self.outside(zone, &net, &text.place, subject);
            return None;
        }
        Some(net)
    }

    fn mac(&mut self, text: &At<String>, subject: &str) -> Option<MacAddr> {
        match text.value.parse::<MacAddr>() {
            Ok(mac) if mac.is_multicast() || mac.is_zero() => {
                self.bad(Message::new("policy-no-host-mac"), text, subject);
                None
            }
            Ok(mac) => Some(mac),
            Err(_) => {
                self.bad(Message::new("policy-bad-mac"), text, subject);
                None
            }
        }
    }

    fn via(&mut self, id: HostId, written: &'a Written) {
        let Some(via) = &written.via else { return };
        let subject = written.name.value.as_str();
        let fault = match self.named(&via.value, &via.place, subject) {
            None => {
                self.host_sound[id.0] = false;
                return;
            }
            Some(Named::Group(_)) => Some("policy-via-group"),
            Some(Named::Host(other)) if other == id => Some("policy-via-self"),
            Some(Named::Host(other)) => {
                self.policy.hosts[id.0].via = Some(other);
                let target = &self.document.hosts[other.0];
                if target.via.is_some() {
                    Some("policy-via-chain")
                } else if self.host_sound[other.0] && target.mac.is_empty() {
                    Some("policy-via-without-mac")
                } else if written.ip.is_empty() {
                    // Its own MAC is never seen: it would be any address behind the other's.
                    Some("policy-via-needs-ip")
                } else {
                    None
                }
            }
        };
        if let Some(key) = fault {
            self.host_sound[id.0] = false;
            self.bad(Message::new(key).with("host", subject), via, subject);
        }
    }

    /// Z011: prefixes nest or are apart, so one sweep with the enclosing ones finds each overlap.
    fn doubled_prefixes(&mut self, mut all: Vec<(AddrRange, HostId, &'a Place)>) {
        let order = |r: &AddrRange| (r.family(), r.first(), std::cmp::Reverse(r.last()));
        all.sort_by_key(|(range, host, _)| (order(range), *host));
        let mut open: Vec<(AddrRange, HostId, &'a Place)> = Vec::new();
        for (range, host, place) in all {
            while open.last().is_some_and(|(outer, ..)| !outer.contains_range(&range)) {
                open.pop();
            }
            if let Some((_, first, first_place)) = open.last() {
                self.doubled("policy-ip-twice", range.to_string(), (*first, first_place), (host, place));
            }
            open.push((range, host, place));
        }
    }

    fn doubled_macs(&mut self, mut all: Vec<(MacAddr, HostId, &'a Place)>) {
        all.sort_by_key(|(mac, host, _)| (*mac, *host));
        let mut first: Option<(MacAddr, HostId, &'a Place)> = None;
        for (mac, host, place) in all {
            match first {
                Some((known, id, known_place)) if known == mac => {
                    self.doubled("policy-mac-twice", mac.to_string(), (id, known_place), (host, place));
                }
                _ => first = Some((mac, host, place)),
            }
        }
    }

    fn doubled(&mut self, key: &'static str, value: String, one: (HostId, &Place), other: (HostId, &Place)) {
        // In reading order, whichever address sorts first.
        let (first, second) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        let (a, b) = (self.policy.host(first.0).name.clone(), self.policy.host(second.0).name.clone());
        let message = Message::new(key).with("value", value).with("first", a).with("second", &b);
        let finding = Finding::error("Z011", message)
            .at(second.1)
            .related(Message::new("document-first-here"), first.1)
            .subject(b);
        self.findings.push(finding);
    }
}

fn kind(text: &str) -> Option<HostKind> {
    Some(match text {
        "terminal" => HostKind::Terminal,
        "server" => HostKind::Server,
        "mfp" => HostKind::Mfp,
        "iot" => HostKind::Iot,
        "router" => HostKind::Router,
        "relay" => HostKind::Relay,
        "mta" => HostKind::Mta,
        _ => return None,
    })
}
