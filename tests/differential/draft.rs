//! A policy as text that can lose its parts one by one.

use std::fmt::Write as _;

/// `[zones.*]`.
#[derive(Clone)]
pub struct Zone {
    pub name: String,
    pub interfaces: Vec<String>,
    pub networks: Vec<String>,
    pub intra: bool,
    pub reject: bool,
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
    pub approval: String,
    pub log: bool,
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
        for zone in &self.zones {
            let (intra, deny) =
                (if zone.intra { "allow" } else { "deny" }, if zone.reject { "reject" } else { "drop" });
            write!(out, "\n[zones.{}]\nclass = \"general\"\n", zone.name)?;
            write!(out, "interfaces = {:?}\nnetworks = {:?}\n", zone.interfaces, zone.networks)?;
            write!(out, "intra_zone = \"{intra}\"\ndeny_with = \"{deny}\"\n")?;
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
        for (at, zone) in self.zones.iter().enumerate() {
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
        Ok(())
    }
}
