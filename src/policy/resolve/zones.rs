//! Zones: their own values, and how they share interfaces.

use std::collections::HashMap;

use ipnet::IpNet;

use super::Resolver;
use crate::diag::{Finding, Message};
use crate::document::{At, Zone as Written};
use crate::net::{AddrRange, IfPattern};
use crate::policy::{DenyWith, L2, Networks, Regions, Zone, ZoneClass, ZoneId};

impl<'a> Resolver<'a> {
    pub(super) fn zones(&mut self) {
        let document = self.document;
        for (index, written) in document.zones.iter().enumerate() {
            let named = self.good_name(&written.name);
            let (zone, sound) = self.zone(written);
            self.zones.insert(&written.name.value, ZoneId(index));
            self.policy.zones.push(zone);
            self.zone_sound.push(sound && named);
        }
        let regions = Regions::new(&self.policy);
        self.overlaps(&regions);
        self.spaces = (0..self.policy.zones.len()).map(|z| space(&regions, ZoneId(z))).collect();
    }

    fn zone(&mut self, written: &'a Written) -> (Zone, bool) {
        let subject = &written.name.value;
        let mut sound = written.class.is_some() && !written.interfaces.is_empty();
        let mut interfaces = Vec::new();
        for text in &written.interfaces {
            match text.value.parse::<IfPattern>() {
                Ok(pattern) => interfaces.push(pattern),
                Err(_) => {
                    sound = false;
                    self.bad(Message::new("policy-bad-interface"), text, subject);
                }
            }
        }
        let networks = self.networks(&written.networks, subject);
        sound &= networks.is_some();
        if let Some(approval) = &written.approval {
            self.approval_named(approval, subject);
        }
        let outside = written.class.as_ref().filter(|c| matches!(c.value.as_str(), "official" | "partner"));
        if let (Some(class), None) = (outside, written.internet_connected) {
            let message = Message::new("policy-zone-connected").with("zone", subject).with("class", &class.value);
            let hint = Message::new("policy-zone-connected-hint");
            self.findings.push(Finding::error("Z008", message).at(&class.place).subject(subject).hint(hint));
        }
        if let (Some(class), Some(masquerade)) = (&written.class, &written.masquerade)
            && class.value != "uplink"
        {
            let message = Message::new("policy-masquerade-elsewhere").with("zone", subject).with("class", &class.value);
            self.findings.push(Finding::error("Z005", message).at(masquerade).subject(subject));
        }
        let is = |choice: &Option<At<String>>, text: &str| choice.as_ref().is_some_and(|c| c.value == text);
        let zone = Zone {
            name: written.name.value.clone(),
            class: written.class.as_ref().and_then(|c| class(&c.value)).unwrap_or(ZoneClass::General),
            label: written.label.clone(),
            interfaces,
            networks: networks.unwrap_or(Networks::Listed(Vec::new())),
            intra_zone_allow: is(&written.intra_zone, "allow"),
            deny_with: if is(&written.deny_with, "reject") { DenyWith::Reject } else { DenyWith::Drop },
            l2: if is(&written.l2, "routed") { L2::Routed } else { L2::Direct },
            operator: written.operator.clone(),
            internet_connected: written.internet_connected,
            approval: written.approval.as_ref().map(|a| a.value.clone()),
            masquerade: written.masquerade.is_some(),
            breakout: written.breakout,
            redundant: written.redundant,
            attest: written.attest.clone(),
            place: written.name.place.clone(),
        };
        (zone, sound)
    }

    fn networks(&mut self, texts: &'a [At<String>], subject: &str) -> Option<Networks> {
        if let Some(any) = texts.iter().find(|t| t.value == "any") {
            if texts.len() > 1 {
                self.bad(Message::new("policy-any-among-networks"), any, subject);
                return None;
            }
            return Some(Networks::Any);
        }
        let nets: Vec<IpNet> = texts.iter().filter_map(|t| self.prefix(t, subject)).collect();
        (nets.len() == texts.len() && !nets.is_empty()).then_some(Networks::Listed(nets))
    }

    /// Z010: two zones with the same prefix, or two with `any`, on one interface.
    fn overlaps(&mut self, regions: &Regions) {
        let mut told = std::collections::HashSet::new();
        for atom in regions.atoms() {
            let mut holders: HashMap<Option<AddrRange>, ZoneId> = HashMap::new();
            for index in 0..self.policy.zones.len() {
                let zone = &self.policy.zones[index];
                if !zone.interfaces.iter().any(|p| p.covers(&atom.pattern)) {
                    continue;
                }
                let keys: Vec<Option<AddrRange>> = match &zone.networks {
                    Networks::Any => vec![None],
                    Networks::Listed(nets) => nets.iter().map(|n| Some(AddrRange::from(*n))).collect(),
                };
                for key in keys {
                    let first = *holders.entry(key).or_insert(ZoneId(index));
                    if first != ZoneId(index) && told.insert((first, index, key)) {
                        self.overlap(first, ZoneId(index), key, &atom.pattern);
                    }
                }
            }
        }
    }

    fn overlap(&mut self, first: ZoneId, second: ZoneId, key: Option<AddrRange>, pattern: &IfPattern) {
        let (a, b) = (self.policy.zone(first), self.policy.zone(second));
        let written = &self.document.zones[second.0];
        let network = key.map_or_else(|| "any".to_owned(), |k| k.to_string());
        let at = written.networks.iter().find(|t| match key {
            None => t.value == "any",
            Some(range) => crate::net::parse_prefix(&t.value).map(AddrRange::from) == Some(range),
        });
        let message = Message::new("policy-zones-overlap")
            .with("network", network)
            .with("first", &a.name)
            .with("second", &b.name)
            .with("interface", pattern.to_string());
        let finding = Finding::error("Z010", message)
            .at(at.map_or(&b.place, |t| &t.place))
            .related(Message::new("document-first-here"), &a.place)
            .subject(&b.name);
        self.findings.push(finding);
    }
}

/// The addresses of a zone on any interface, as ascending ranges that do not touch.
fn space(regions: &Regions, zone: ZoneId) -> Vec<AddrRange> {
    let mut ranges: Vec<AddrRange> = regions.atoms().iter().flat_map(|a| Regions::of_zone(a, zone)).collect();
    ranges.sort();
    let mut joined: Vec<AddrRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last)
                if last.family() == range.family()
                    && last.last().checked_add(1).is_none_or(|next| range.first() <= next) =>
            {
                *last = AddrRange::new(last.family(), last.first(), last.last().max(range.last()));
            }
            _ => joined.push(range),
        }
    }
    joined
}

fn class(text: &str) -> Option<ZoneClass> {
    Some(match text {
        "mynumber" => ZoneClass::Mynumber,
        "lgwan" => ZoneClass::Lgwan,
        "internet" => ZoneClass::Internet,
        "public" => ZoneClass::Public,
        "official" => ZoneClass::Official,
        "uplink" => ZoneClass::Uplink,
        "partner" => ZoneClass::Partner,
        "management" => ZoneClass::Management,
        "general" => ZoneClass::General,
        _ => return None,
    })
}
