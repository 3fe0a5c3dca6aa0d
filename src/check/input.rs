//! What a check looks at, and the questions that several of them ask.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Check, Clause, clause};
use crate::diag::{Finding, Message, Place};
use crate::document::{self, AllowApproval, At, Document};
use crate::net::{AddrRange, Family, Service, parse_prefix};
use crate::policy::{
    Approval, Endpoint, Entry, EntryApproval, HostId, HostKind, Networks, Policy, Status, Zone, ZoneClass, ZoneId,
    service_meaning,
};

/// Days that an emergency's entry is in force without an approver, from its `starts`.
pub const EMERGENCY_DAYS: i64 = 7;

/// The resolved policy, what was written, and the moment.
pub struct Input<'a> {
    pub policy: &'a Policy,
    pub document: &'a Document,
    pub at: Timestamp,
    /// The local day of `at`.
    pub today: Date,
    /// Whose an address is, by its first; no two hosts overlap (Z011).
    owners: BTreeMap<(Family, u128), (AddrRange, HostId)>,
}

/// One entry with what was written of it.
#[derive(Clone, Copy)]
pub struct Allowed<'a> {
    pub entry: &'a Entry,
    pub written: &'a document::Allow,
}

/// Two zones that an entry joins, the opening one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    pub from: ZoneId,
    pub to: ZoneId,
}

impl<'a> Input<'a> {
    pub fn new(policy: &'a Policy, document: &'a Document, at: Timestamp) -> Self {
        let today = at.to_zoned(policy.organisation.timezone.clone()).date();
        let hosts = policy.hosts.iter().enumerate();
        let nets =
            hosts.flat_map(|(index, host)| host.ips.iter().map(move |net| (AddrRange::from(*net), HostId(index))));
        let owners = nets.map(|(range, host)| ((range.family(), range.first()), (range, host))).collect();
        Self { policy, document, at, today, owners }
    }

    /// Every entry. The policy holds one for each that was written, in order.
    pub fn entries(&self) -> impl Iterator<Item = Allowed<'a>> {
        let (entries, written) = (&self.policy.entries, &self.document.allow);
        entries.iter().zip(written).map(|(entry, written)| Allowed { entry, written })
    }

    /// Every entry that is in force now or may come to be: what is over is only
    /// said to be over (Z143, Z144), so that a lapse never refuses a set.
    pub fn living(&self) -> impl Iterator<Item = Allowed<'a>> {
        self.entries().filter(|allowed| !self.over(allowed.entry))
    }

    /// True if an entry never comes into force again.
    pub fn over(&self, entry: &Entry) -> bool {
        entry.schedule.status(self.at) == Status::Expired || self.lapsed_emergency(entry)
    }

    /// True if an emergency's days are over and nobody approved it.
    pub fn lapsed_emergency(&self, entry: &Entry) -> bool {
        let waits = self.approval(entry).is_some_and(|a| a.emergency && a.approved_by.is_empty());
        waits && entry.schedule.starts.is_some_and(|start| self.at >= after_days(start, EMERGENCY_DAYS))
    }

    pub fn approval(&self, entry: &'a Entry) -> Option<&'a Approval> {
        entry.approval.as_ref().and_then(|approval| self.policy.approval(approval))
    }

    /// A finding of a check, as grave as it usually is, with its clause and hint.
    pub fn finding(&self, check: &Check, message: Message) -> Finding {
        self.citing(check, check.clauses, message)
    }

    /// The same for a finding that not all of the check's clauses are about.
    pub fn citing(&self, check: &Check, clauses: &[Clause], message: Message) -> Finding {
        let cited = clause::cited(clauses, self.policy.compliance.standard.as_deref());
        let mut finding = Finding::error(check.code, message).hint(Message::new(check.words.mend)).clause(cited);
        finding.severity = check.severity;
        finding
    }

    pub fn class(&self, zone: ZoneId) -> ZoneClass {
        self.policy.zone(zone).class
    }

    pub fn zone_name(&self, zone: ZoneId) -> &'a str {
        &self.policy.zone(zone).name
    }

    /// True from the edition of 2025-03 on.
    pub fn edition_2025(&self) -> bool {
        self.policy.compliance.edition.as_deref().is_some_and(|edition| edition >= "2025-03")
    }

    /// The pairs of different zones that an entry joins, in reading order.
    pub fn crossings(&self, entry: &Entry) -> Vec<Crossing> {
        let zones = |ends: &[Endpoint]| {
            let mut zones: Vec<ZoneId> = ends.iter().filter_map(|end| self.policy.endpoint_zone(*end)).collect();
            let mut seen = std::collections::BTreeSet::new();
            zones.retain(|zone| seen.insert(*zone));
            zones
        };
        let to = zones(&entry.to);
        let pairs = zones(&entry.from).into_iter().flat_map(|from| to.iter().map(move |to| Crossing { from, to: *to }));
        pairs.filter(|pair| pair.from != pair.to).collect()
    }

    /// The pairs with one end in the My Number zones and the other outside of them.
    pub fn mynumber_crossings(&self, entry: &Entry) -> Vec<Crossing> {
        let mut all = self.crossings(entry);
        all.retain(|pair| {
            (self.class(pair.from) == ZoneClass::Mynumber) != (self.class(pair.to) == ZoneClass::Mynumber)
        });
        all
    }

    /// The zone of the pair that is no My Number zone.
    pub fn far(&self, pair: Crossing) -> ZoneId {
        if self.class(pair.from) == ZoneClass::Mynumber { pair.to } else { pair.from }
    }

    /// The ends that lie in a zone.
    pub fn ends_in(&self, ends: &'a [Endpoint], zone: ZoneId) -> impl Iterator<Item = Endpoint> {
        ends.iter().copied().filter(move |end| self.policy.endpoint_zone(*end) == Some(zone))
    }

    /// The declared host of a zone that has all of these addresses.
    pub fn owner(&self, zone: ZoneId, range: &AddrRange) -> Option<HostId> {
        let at = (range.family(), range.first());
        let (_, (own, host)) = self.owners.range(..=at).next_back()?;
        (own.contains_range(range) && self.policy.host(*host).zone == zone).then_some(*host)
    }

    /// The hosts that an end means, an address's owner among them; none if it
    /// also means addresses of no declared host.
    pub fn hosts_of(&self, end: Endpoint) -> Option<Vec<HostId>> {
        let owner = |zone: ZoneId, net: &ipnet::IpNet| self.owner(zone, &AddrRange::from(*net));
        match end {
            Endpoint::Host(host) => Some(vec![host]),
            Endpoint::Group(zone, group) => {
                let group = self.policy.group(group);
                let owners: Option<Vec<HostId>> = group.networks.iter().map(|net| owner(zone, net)).collect();
                Some(group.hosts.iter().copied().chain(owners?).collect())
            }
            Endpoint::Network(zone, net) => owner(zone, &net).map(|host| vec![host]),
            Endpoint::Zone(_) | Endpoint::Gateway => None,
        }
    }

    /// True if an end means hosts of this kind and nothing else.
    pub fn all_of_kind(&self, end: Endpoint, kind: HostKind) -> bool {
        self.hosts_of(end).is_some_and(|hosts| hosts.iter().all(|id| self.policy.host(*id).kind == Some(kind)))
    }

    /// How an end is written: `zone:name`.
    pub fn end_text(&self, end: Endpoint) -> String {
        match end {
            Endpoint::Gateway => "gateway".to_owned(),
            Endpoint::Zone(zone) => self.zone_name(zone).to_owned(),
            Endpoint::Host(host) => {
                let host = self.policy.host(host);
                format!("{}:{}", self.zone_name(host.zone), host.name)
            }
            Endpoint::Group(zone, group) => format!("{}:{}", self.zone_name(zone), self.policy.group(group).name),
            Endpoint::Network(zone, net) => {
                format!("{}:{}", self.zone_name(zone), AddrRange::from(net))
            }
        }
    }

    /// Where a zone is declared, and its text.
    pub fn zones(&self) -> impl Iterator<Item = (ZoneId, &'a Zone)> {
        self.policy.zones.iter().enumerate().map(|(index, zone)| (ZoneId(index), zone))
    }

    /// The place of the text among `texts` that means `end`; `other` where none does.
    pub fn end_place(&self, texts: &'a [At<String>], end: Endpoint, other: &'a Place) -> &'a Place {
        texts.iter().find(|text| self.means(&text.value, end)).map_or(other, |text| &text.place)
    }

    fn means(&self, text: &str, end: Endpoint) -> bool {
        let (zone, rest) = match text.split_once(':') {
            None => (text, None),
            Some((zone, rest)) => (zone, Some(rest)),
        };
        let is = |id: ZoneId| self.zone_name(id) == zone;
        match end {
            Endpoint::Gateway => text == "gateway",
            Endpoint::Zone(id) => is(id) && rest.is_none(),
            Endpoint::Host(host) => rest == Some(&self.policy.host(host).name) && is(self.policy.host(host).zone),
            Endpoint::Group(id, group) => rest == Some(&self.policy.group(group).name) && is(id),
            Endpoint::Network(id, net) => is(id) && rest.and_then(parse_prefix) == Some(net),
        }
    }

    /// The first written service of an entry with a meaning that is `wrong`.
    pub fn service_at(&self, allowed: Allowed<'a>, wrong: impl Fn(&Service) -> bool) -> Option<&'a At<String>> {
        if !allowed.entry.services.iter().any(&wrong) {
            return None;
        }
        let names = &allowed.written.services;
        names.iter().find(|name| service_meaning(self.document, &name.value).iter().any(&wrong)).or(names.first())
    }

    /// True if a zone means addresses that nobody listed.
    pub fn is_any(&self, zone: ZoneId) -> bool {
        self.policy.zone(zone).networks == Networks::Any
    }
}

impl<'a> Allowed<'a> {
    /// The entry's own place: its id.
    pub fn place(self) -> &'a Place {
        &self.entry.place
    }

    /// Where its approval is named or written.
    pub fn approval_place(self) -> &'a Place {
        match &self.written.approval {
            Some(AllowApproval::Named(name)) => &name.place,
            _ => self.place(),
        }
    }
}

/// One approval, where it is written, and who is to be told: a name of
/// `[approvals.*]`, the id of the entry, or the waiver that holds it.
pub struct Approved<'a> {
    pub approval: &'a Approval,
    pub written: &'a document::Approval,
    pub subject: String,
    pub place: &'a Place,
}

impl<'a> Input<'a> {
    /// Every approval once: the named ones, then those written inline.
    pub fn approvals(&self) -> Vec<Approved<'a>> {
        let mut all = Vec::new();
        for (name, written) in &self.document.approvals {
            if let Some(approval) = self.policy.approvals.get(&name.value) {
                all.push(Approved { approval, written, subject: name.value.clone(), place: &name.place });
            }
        }
        for allowed in self.living() {
            let (Some(EntryApproval::Inline(approval)), Some(AllowApproval::Inline(written))) =
                (&allowed.entry.approval, &allowed.written.approval)
            else {
                continue;
            };
            all.push(Approved { approval, written, subject: allowed.entry.id.clone(), place: allowed.place() });
        }
        for (waiver, written) in self.policy.waivers.iter().zip(&self.document.waive) {
            let (Some(EntryApproval::Inline(approval)), Some(AllowApproval::Inline(written))) =
                (&waiver.approval, &written.approval)
            else {
                continue;
            };
            let subject = format!("{} {}", waiver.check, waiver.subject);
            all.push(Approved { approval, written, subject, place: &waiver.place });
        }
        all
    }
}

/// So many days of 24 hours later; the end of time where there is no such instant.
pub fn after_days(from: Timestamp, days: i64) -> Timestamp {
    from.checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
}

/// True if a name, a text, says the same but for spaces and width.
pub fn same_name(a: &str, b: &str) -> bool {
    let plain = |text: &str| crate::net::fold_width(text).split_whitespace().collect::<String>();
    plain(a) == plain(b)
}
