//! Hosts: names, addresses inside their zones, MACs, dates.

use ipnet::IpNet;

use super::times::Side;
use super::{Named, Resolver};
use crate::diag::{Finding, Message};
use crate::document::{At, Host as Written, duplicate};
use crate::net::{AddrRange, MacAddr};
use crate::policy::{Host, HostId, HostKind, Validity, ZoneId};

impl<'a> Resolver<'a> {
    pub(super) fn hosts(&mut self) {
        self.inventory_zones();
        let document = self.document;
        for (index, written) in document.hosts.iter().enumerate() {
            let id = HostId(index);
            let sound = self.declare(&written.name, Named::Host(id));
            let (host, whole) = self.host(written, id);
            self.policy.hosts.push(host);
            self.host_sound.push(sound && whole && written.sound);
        }
        for (index, written) in document.hosts.iter().enumerate() {
            self.via(HostId(index), written);
        }
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

    fn host(&mut self, written: &'a Written, id: HostId) -> (Host, bool) {
        let subject = written.name.value.as_str();
        let zone = written.zone.as_ref().and_then(|z| self.host_zone(z, subject));
        let mut sound = zone.is_some();
        let mut ips: Vec<IpNet> = Vec::new();
        for text in &written.ip {
            let Some(net) = self.host_prefix(text, zone, subject) else {
                sound = false;
                continue;
            };
            self.owned.prefixes.push((AddrRange::from(net), id, &text.place));
            ips.push(net);
        }
        let mut own = Vec::new();
        for text in &written.mac {
            match self.mac(text, subject) {
                Some(mac) => {
                    self.owned.macs.push((mac, id, &text.place));
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
            valid: self.validity(written, id),
            place: written.name.place.clone(),
        };
        (host, sound)
    }

    /// A ledger's dates. Where they are not known nothing is said of what they overlap.
    fn validity(&mut self, written: &Written, id: HostId) -> Validity {
        let subject = written.name.value.as_str();
        let from = written.valid_from.as_ref().map(|from| (from, self.instant(from, Side::Start, subject)));
        let until = written.valid_until.as_ref().map(|until| (until, self.instant(until, Side::End, subject)));
        let ordered = match (from, until) {
            (Some(from), Some(until)) => self.ordered(from, until, "Z007", subject),
            _ => true,
        };
        let read = [from, until].into_iter().flatten().all(|(_, instant)| instant.is_some());
        if !(ordered && read && written.sound) {
            self.owned.undated.insert(id);
        }
        Validity { from: from.and_then(|(_, at)| at), until: until.and_then(|(_, at)| at) }
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
