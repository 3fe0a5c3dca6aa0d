//! A policy as text that can lose its parts one by one.

use std::fmt::Write as _;

use jiff::{Timestamp, ToSpan as _};
use zoned::net::MacAddr;
use zoned::policy::{HostId, Isolated, Policy, Validity};

/// What the kernel is held to.
pub const BINDING: bool = true;
pub const ISOLATION: bool = false;
pub const TIME: bool = false;
/// What neighbour discovery says beside its headers.
pub const DISCOVERY: bool = false;

/// `[zones.*]`.
#[derive(Clone)]
pub struct Zone {
    pub name: String,
    pub interfaces: Vec<String>,
    pub networks: Vec<String>,
    pub intra: bool,
    pub reject: bool,
    /// `l2 = "routed"`.
    pub routed: bool,
}

/// `[hosts.*]`.
#[derive(Clone)]
pub struct Host {
    pub name: String,
    pub zone: String,
    pub ip: Vec<String>,
    pub mac: Vec<String>,
    pub via: Option<String>,
    pub label: Option<String>,
    /// `kind = "router"`.
    pub router: bool,
    /// Outside its ledger's dates.
    pub gone: bool,
}

/// `[groups.*]`.
#[derive(Clone)]
pub struct Group {
    pub name: String,
    pub members: Vec<String>,
    pub select: Option<String>,
}

/// `[[allow]]`.
#[derive(Clone)]
pub struct Entry {
    pub id: String,
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub services: Vec<String>,
    pub starts: Option<String>,
    pub expires: Option<String>,
    /// As it stands behind `window =`.
    pub window: Option<String>,
    /// New flows a day.
    pub rate: Option<u32>,
    pub approval: String,
    pub log: bool,
}

/// What `zonectl isolate` cuts.
#[derive(Clone, Debug)]
pub enum Cut {
    All,
    Zone(String),
    Pair(String, String),
    Host(String),
    Mac(MacAddr),
}

/// A whole configuration.
#[derive(Clone, Default)]
pub struct Draft {
    pub zones: Vec<Zone>,
    pub hosts: Vec<Host>,
    pub groups: Vec<Group>,
    pub entries: Vec<Entry>,
    pub management: Vec<String>,
    pub output_deny: bool,
    /// `binding.enforce`.
    pub enforce: bool,
    /// `binding.strict_zones`.
    pub strict: Vec<String>,
    pub isolated: Vec<Cut>,
}

const HEAD: &str = r#"version = 1

[organisation]
name = "試験町"
timezone = "Asia/Tokyo"

[compliance]
model = "general"

[approvals.lasting]
reason = "試験"
requested_by = "甲課 一郎"
approved_by = "乙課 二郎"
approved_on = 2020-01-01
reference = "1"

[approvals.lapsed]
reason = "試験"
requested_by = "甲課 一郎"
approved_by = "乙課 二郎"
approved_on = 2020-01-01
reference = "2"
expires = 2021-03-31
"#;

impl Draft {
    /// The configuration's text.
    pub fn to_toml(&self) -> String {
        let mut out = HEAD.to_owned();
        self.write(&mut out).unwrap();
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let output = if self.output_deny { "deny" } else { "allow" };
        write!(out, "\n[gateway]\noutput = \"{output}\"\nmanagement = {:?}\n", self.management)?;
        if BINDING {
            write!(out, "\n[binding]\nenforce = {}\nstrict_zones = {:?}\n", self.enforce, self.strict)?;
        }
        for zone in &self.zones {
            let (intra, deny) =
                (if zone.intra { "allow" } else { "deny" }, if zone.reject { "reject" } else { "drop" });
            write!(out, "\n[zones.{}]\nclass = \"general\"\n", zone.name)?;
            write!(out, "interfaces = {:?}\nnetworks = {:?}\n", zone.interfaces, zone.networks)?;
            write!(out, "intra_zone = \"{intra}\"\ndeny_with = \"{deny}\"\n")?;
            writeln!(out, "l2 = {:?}", if zone.routed { "routed" } else { "direct" })?;
        }
        for host in &self.hosts {
            write!(out, "\n[hosts.{}]\nzone = {:?}\n", host.name, host.zone)?;
            for (key, list) in [("ip", &host.ip), ("mac", &host.mac)] {
                if !list.is_empty() {
                    writeln!(out, "{key} = {list:?}")?;
                }
            }
            if let Some(via) = &host.via {
                writeln!(out, "via = {via:?}")?;
            }
            if host.router {
                writeln!(out, "kind = \"router\"")?;
            }
            if let Some(label) = &host.label {
                writeln!(out, "labels = {{ dept = {label:?} }}")?;
            }
        }
        for group in &self.groups {
            write!(out, "\n[groups.{}]\nmembers = {:?}\n", group.name, group.members)?;
            if let Some(label) = &group.select {
                writeln!(out, "select = {{ dept = [{label:?}] }}")?;
            }
        }
        self.entries.iter().try_for_each(|entry| entry.write(out))
    }

    /// Gives the policy what no line of a configuration says: isolations, and ledgers' dates.
    pub fn complete(&self, policy: &mut Policy, at: Timestamp) {
        for (host, draft) in policy.hosts.iter_mut().zip(&self.hosts) {
            assert_eq!(host.name, draft.name, "hosts stand in reading order");
            if draft.gone {
                host.valid = Validity { until: Some(at - 1.hour()), ..Validity::default() };
            }
        }
        let zone = |name: &String| policy.zone_named(name);
        let host = |name: &String| policy.hosts.iter().position(|host| host.name == *name).map(HostId);
        let isolated = self.isolated.iter().filter_map(|cut| match cut {
            Cut::All => Some(Isolated::All),
            Cut::Zone(name) => zone(name).map(Isolated::Zone),
            Cut::Pair(a, b) => zone(a).zip(zone(b)).map(|(a, b)| Isolated::Pair(a, b)),
            Cut::Host(name) => host(name).map(Isolated::Host),
            Cut::Mac(mac) => Some(Isolated::Mac(*mac)),
        });
        policy.isolated = isolated.collect();
        if !BINDING {
            policy.binding = zoned::policy::Binding::default();
        }
    }

    /// Everything in words: the configuration, and what it does not say.
    pub fn to_text(&self) -> String {
        let gone: Vec<&String> = self.hosts.iter().filter(|h| h.gone).map(|h| &h.name).collect();
        format!("# outside their dates: {gone:?}; isolated: {:?}\n{}", self.isolated, self.to_toml())
    }

    /// Every policy that has one thing less; what names a lost thing is lost with it.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut each = |count: usize, cut: &dyn Fn(&mut Self, usize)| {
            for index in 0..count {
                let mut less = self.clone();
                cut(&mut less, index);
                all.push(less);
            }
        };
        each(self.entries.len(), &|d, i| drop(d.entries.remove(i)));
        each(self.zones.len(), &|d, i| d.forget_zone(i));
        each(usize::from(self.output_deny), &|d, _| d.output_deny = false);
        each(self.isolated.len(), &|d, i| drop(d.isolated.remove(i)));
        each(usize::from(self.enforce), &|d, _| d.enforce = false);
        each(self.strict.len(), &|d, i| drop(d.strict.remove(i)));
        for (at, host) in self.hosts.iter().enumerate() {
            each(usize::from(host.gone), &|d, _| d.hosts[at].gone = false);
            each(usize::from(host.router), &|d, _| d.hosts[at].router = false);
            each(usize::from(host.via.is_some()), &|d, _| d.hosts[at].via = None);
        }
        for (at, entry) in self.entries.iter().enumerate() {
            each(usize::from(entry.window.is_some()), &|d, _| d.entries[at].window = None);
            each(usize::from(entry.rate.is_some()), &|d, _| d.entries[at].rate = None);
        }
        for (at, zone) in self.zones.iter().enumerate() {
            each(usize::from(zone.routed), &|d, _| d.zones[at].routed = false);
            each(usize::from(zone.intra), &|d, _| d.zones[at].intra = false);
            each(usize::from(zone.reject), &|d, _| d.zones[at].reject = false);
        }
        each(self.groups.len(), &|d, i| d.forget_name(&d.groups[i].name.clone()));
        each(self.hosts.len(), &|d, i| d.forget_name(&d.hosts[i].name.clone()));
        each(self.management.len(), &|d, i| drop(d.management.remove(i)));
        for (at, group) in self.groups.iter().enumerate() {
            each(group.members.len(), &|d, i| drop(d.groups[at].members.remove(i)));
        }
        for (at, entry) in self.entries.iter().enumerate() {
            each(entry.from.len(), &|d, i| drop(d.entries[at].from.remove(i)));
            each(entry.to.len(), &|d, i| drop(d.entries[at].to.remove(i)));
            each(entry.services.len(), &|d, i| drop(d.entries[at].services.remove(i)));
        }
        for (at, zone) in self.zones.iter().enumerate() {
            each(zone.interfaces.len(), &|d, i| drop(d.zones[at].interfaces.remove(i)));
            each(zone.networks.len(), &|d, i| drop(d.zones[at].networks.remove(i)));
        }
        for (at, host) in self.hosts.iter().enumerate() {
            each(host.ip.len(), &|d, i| drop(d.hosts[at].ip.remove(i)));
            each(host.mac.len(), &|d, i| drop(d.hosts[at].mac.remove(i)));
        }
        all
    }

    fn forget_zone(&mut self, index: usize) {
        let zone = self.zones.remove(index).name;
        self.strict.retain(|name| *name != zone);
        let names: Vec<String> = self.hosts.iter().filter(|h| h.zone == zone).map(|h| h.name.clone()).collect();
        names.iter().for_each(|name| self.forget_name(name));
        let of_zone = |end: &String| *end == zone || end.starts_with(&format!("{zone}:"));
        self.retain_ends(|end| !of_zone(end));
    }

    fn forget_name(&mut self, name: &str) {
        self.hosts.retain(|h| h.name != name);
        self.groups.retain(|g| g.name != name);
        self.hosts.iter_mut().filter(|h| h.via.as_deref() == Some(name)).for_each(|h| h.via = None);
        self.groups.iter_mut().for_each(|g| g.members.retain(|m| m != name));
        self.retain_ends(|end| end.split(':').nth(1) != Some(name));
    }

    fn retain_ends(&mut self, keep: impl Fn(&String) -> bool) {
        for entry in &mut self.entries {
            entry.from.retain(&keep);
            entry.to.retain(&keep);
        }
        self.entries.retain(|e| !e.from.is_empty() && !e.to.is_empty());
        self.management.retain(&keep);
    }
}

impl Entry {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "\n[[allow]]\nid = {:?}\nfrom = {:?}\nto = {:?}\n", self.id, self.from, self.to)?;
        write!(out, "services = {:?}\napproval = {:?}\nlog = {}\n", self.services, self.approval, self.log)?;
        for (key, date) in [("starts", &self.starts), ("expires", &self.expires)] {
            if let Some(date) = date {
                writeln!(out, "{key} = {date}")?;
            }
        }
        if let Some(window) = &self.window {
            writeln!(out, "window = {window}")?;
        }
        if let Some(count) = self.rate {
            writeln!(out, "rate = \"{count}/day\"")?;
        }
        Ok(())
    }
}
