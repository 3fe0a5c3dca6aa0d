//! Names: which are allowed, and what an endpoint's text means.

use ipnet::IpNet;

use super::{Named, Resolver};
use crate::diag::{Finding, Message, Place};
use crate::document::{At, Host};
use crate::net::{AddrRange, parse_prefix};
use crate::policy::{Endpoint, GroupId, HostId, ZoneId};

/// Members shown of a group that does not fit.
const SHOWN: usize = 3;

impl<'a> Resolver<'a> {
    /// True if the text may be a name; a finding if not.
    pub(super) fn good_name(&mut self, name: &At<String>) -> bool {
        let text = &name.value;
        let message = if text.is_empty() || text.trim() != text || text.contains(char::is_control) || text.len() > 255 {
            "policy-name-form"
        } else if text == "any" || text == "gateway" {
            "policy-name-reserved"
        } else if text.contains(':') {
            "policy-name-colon"
        } else if parse_prefix(text).is_some() {
            "policy-name-address"
        } else {
            return true;
        };
        self.bad(Message::new(message), name, text);
        false
    }

    /// A finding for a name that does not exist; `known` are those that do. None
    /// where something was not read: the name may be declared there.
    pub(super) fn unknown<'k>(
        &mut self,
        what: &'static str,
        name: &str,
        place: &Place,
        subject: &str,
        known: impl Iterator<Item = &'k str>,
    ) {
        if !self.document.complete {
            return;
        }
        let message = Message::new("policy-unknown").with("what", Message::new(what)).with("name", name);
        let mut finding = Finding::error("Z004", message).at(place).subject(subject);
        if let Some(near) = self.suggester.nearest(name, known) {
            finding = finding.hint(Message::new("document-did-you-mean").with("name", near));
        }
        self.findings.push(finding);
    }

    /// The zone of this name, or a finding.
    pub(super) fn zone_of(&mut self, name: &str, place: &Place, subject: &str) -> Option<ZoneId> {
        if let Some(zone) = self.zones.get(name) {
            return Some(*zone);
        }
        let known: Vec<&'a str> = self.document.zones.iter().map(|z| z.name.value.as_str()).collect();
        self.unknown("policy-what-zone", name, place, subject, known.into_iter());
        None
    }

    /// The host or group of this name, or a finding.
    pub(super) fn named(&mut self, name: &str, place: &Place, subject: &str) -> Option<Named> {
        if let Some(named) = self.names.get(name) {
            return Some(*named);
        }
        let document = self.document;
        let hosts = document.hosts.iter().map(|h: &Host| h.name.value.as_str());
        let known = hosts.chain(document.groups.iter().map(|g| g.name.value.as_str()));
        self.unknown("policy-what-host", name, place, subject, known);
        None
    }

    /// An address or prefix without host bits, or a finding.
    pub(super) fn prefix(&mut self, text: &At<String>, subject: &str) -> Option<IpNet> {
        let Some(net) = parse_prefix(&text.value) else {
            self.bad(Message::new("policy-bad-address"), text, subject);
            return None;
        };
        if net != net.trunc() {
            let message = Message::new("policy-host-bits").with("value", &text.value);
            let hint = Message::new("document-did-you-mean").with("name", net.trunc().to_string());
            self.findings.push(Finding::error("Z005", message).at(&text.place).subject(subject).hint(hint));
            return None;
        }
        Some(net)
    }

    /// True if every address of `net` belongs to `zone` on some interface of it.
    pub(super) fn inside(&self, zone: ZoneId, net: &IpNet) -> bool {
        let want = AddrRange::from(*net);
        let space = &self.spaces[zone.0];
        let index = space.partition_point(|r| (r.family(), r.first()) <= (want.family(), want.first()));
        index.checked_sub(1).is_some_and(|i| space[i].contains_range(&want))
    }

    /// The finding for an address outside a zone.
    pub(super) fn outside(&mut self, zone: ZoneId, net: &IpNet, place: &Place, subject: &str) {
        let want = AddrRange::from(*net);
        let partly = self.spaces[zone.0].iter().any(|r| r.intersect(&want).is_some());
        let key = if partly { "policy-partly-outside" } else { "policy-outside" };
        let zone = self.policy.zone(zone);
        let message = Message::new(key).with("address", want.to_string());
        let finding = Finding::error("Z009", message.with("zone", &zone.name)).at(place).subject(subject);
        let finding = finding.related(Message::new("policy-zone-here"), &zone.place);
        self.findings.push(finding);
    }

    /// What an endpoint's text means (SPEC §1, Grammar), or findings.
    pub(super) fn endpoint(&mut self, text: &At<String>, subject: &str, destination: bool) -> Option<Endpoint> {
        if text.value == "gateway" {
            return Some(Endpoint::Gateway);
        }
        let (zone, rest) = match text.value.split_once(':') {
            None => (text.value.as_str(), None),
            Some((zone, rest)) => (zone, Some(rest)),
        };
        let zone = self.zone_of(zone, &text.place, subject)?;
        let Some(rest) = rest else { return Some(Endpoint::Zone(zone)) };
        if parse_prefix(rest).is_some() {
            let net = self.prefix(&At::new(rest.to_owned(), &text.place), subject)?;
            if self.zone_sound[zone.0] && !self.inside(zone, &net) {
                self.outside(zone, &net, &text.place, subject);
                return None;
            }
            return Some(Endpoint::Network(zone, net));
        }
        match self.named(rest, &text.place, subject)? {
            Named::Host(host) => self.host_end(zone, host, &text.place, subject, destination),
            Named::Group(group) => self.group_end(zone, group, &text.place, subject, destination),
        }
    }

    fn host_end(&mut self, zone: ZoneId, id: HostId, place: &Place, subject: &str, to: bool) -> Option<Endpoint> {
        if !self.host_sound[id.0] {
            return None;
        }
        let host = self.policy.host(id);
        if host.zone != zone {
            let message = Message::new("policy-host-elsewhere")
                .with("host", &host.name)
                .with("zone", &self.policy.zone(zone).name)
                .with("own", &self.policy.zone(host.zone).name);
            let finding = Finding::error("Z009", message).at(place).subject(subject);
            self.findings.push(finding.related(Message::new("policy-host-here"), &host.place));
            return None;
        }
        if to && host.ips.is_empty() {
            let message = Message::new("policy-destination-without-ip").with("host", &host.name);
            let finding = Finding::error("Z005", message).at(place).subject(subject);
            let finding = finding.related(Message::new("policy-host-here"), &host.place);
            self.findings.push(finding.hint(Message::new("policy-destination-hint")));
            return None;
        }
        Some(Endpoint::Host(id))
    }

    fn group_end(&mut self, zone: ZoneId, id: GroupId, place: &Place, subject: &str, to: bool) -> Option<Endpoint> {
        if !self.group_sound[id.0] || !self.zone_sound[zone.0] {
            return None;
        }
        let misfits = self.misfits(zone, id).clone();
        let group = self.policy.group(id);
        let mut found = Vec::new();
        for (code, (count, names), key) in [
            ("Z009", misfits.foreign, "policy-group-elsewhere"),
            ("Z009", misfits.outside, "policy-group-outside"),
            ("Z005", if to { misfits.bare } else { (0, String::new()) }, "policy-group-without-ip"),
        ] {
            if count > 0 {
                let message = Message::new(key)
                    .with("group", &group.name)
                    .with("zone", &self.policy.zone(zone).name)
                    .with("count", count)
                    .with("names", names);
                let finding = Finding::error(code, message);
                let hint = (code == "Z005").then(|| Message::new("policy-destination-hint"));
                found.push(Finding { hint, ..finding });
            }
        }
        let group_place = group.place.clone();
        let sound = found.is_empty();
        for finding in found {
            let finding = finding.at(place).subject(subject);
            self.findings.push(finding.related(Message::new("policy-group-here"), &group_place));
        }
        sound.then_some(Endpoint::Group(zone, id))
    }

    fn misfits(&mut self, zone: ZoneId, id: GroupId) -> &super::Misfits {
        if !self.misfits.contains_key(&(zone, id)) {
            let group = self.policy.group(id);
            let sound = || group.hosts.iter().filter(|h| self.host_sound[h.0]).map(|h| self.policy.host(*h));
            let outside = group.networks.iter().filter(|n| !self.inside(zone, n));
            let found = super::Misfits {
                foreign: shown(sound().filter(|h| h.zone != zone).map(|h| &h.name)),
                outside: shown(outside.map(|n| AddrRange::from(*n))),
                bare: shown(sound().filter(|h| h.ips.is_empty()).map(|h| &h.name)),
            };
            self.misfits.insert((zone, id), found);
        }
        &self.misfits[&(zone, id)]
    }
}

/// How many there are, and the first few.
fn shown<T: ToString>(names: impl Iterator<Item = T>) -> (usize, String) {
    let (mut count, mut list) = (0, Vec::new());
    for name in names {
        count += 1;
        if list.len() < SHOWN {
            list.push(name.to_string());
        }
    }
    if count > SHOWN {
        list.push("…".into());
    }
    (count, list.join(", "))
}
