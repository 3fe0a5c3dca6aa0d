//! From the document to the policy: names looked up, values parsed.
//!
//! Takes a [`Document`]; gives a [`Policy`], or findings and none. Every part
//! goes on past its errors with what is left, and marks what is unsound so that
//! one mistake makes one finding.

mod binding;
mod entries;
mod gateway;
mod groups;
mod hosts;
mod names;
mod services;
mod times;
mod windows;
mod zones;

pub use services::service_meaning;

use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;

use super::{
    Binding, Compliance, Established, Gateway, GroupId, HostId, LogSettings, Model, Organisation, Policy, Reload,
    ReloadMode, ZoneId,
};
use crate::diag::{Finding, Findings, Message, Place};
use crate::document::{At, Document, Suggester};
use crate::net::{AddrRange, Service};

/// What a name of the one namespace of hosts and groups means.
#[derive(Debug, Clone, Copy)]
enum Named {
    Host(HostId),
    Group(GroupId),
}

/// Why a group cannot stand at one end of an entry: how many members, and the
/// first of them.
#[derive(Debug, Clone, Default)]
struct Misfits {
    /// Hosts of another zone.
    foreign: (usize, String),
    /// Addresses outside the zone.
    outside: (usize, String),
    /// Hosts without an address, which cannot be destinations.
    bare: (usize, String),
}

struct Resolver<'a> {
    document: &'a Document,
    findings: &'a mut Findings,
    suggester: Suggester,
    policy: Policy,
    zones: HashMap<&'a str, ZoneId>,
    names: HashMap<&'a str, Named>,
    /// Where each name of `names` was first declared.
    declared: HashMap<&'a str, &'a Place>,
    services: HashMap<&'a str, Vec<Service>>,
    /// False for a zone, host or group with a finding of its own.
    zone_sound: Vec<bool>,
    host_sound: Vec<bool>,
    group_sound: Vec<bool>,
    /// The addresses of each zone on any of its interfaces, ascending.
    spaces: Vec<Vec<AddrRange>>,
    /// Which members of a group do not fit a zone, found once a pair.
    misfits: HashMap<(ZoneId, GroupId), Misfits>,
}

/// Resolves a document. None if anything refuses the set: `findings` then says what.
pub fn resolve(document: &Document, findings: &mut Findings) -> Option<Policy> {
    let mut resolver = Resolver {
        document,
        findings,
        suggester: Suggester::default(),
        policy: empty(),
        zones: HashMap::new(),
        names: HashMap::new(),
        declared: HashMap::new(),
        services: HashMap::new(),
        zone_sound: Vec::new(),
        host_sound: Vec::new(),
        group_sound: Vec::new(),
        spaces: Vec::new(),
        misfits: HashMap::new(),
    };
    resolver.organisation();
    resolver.declare_services();
    resolver.declare_approvals();
    resolver.zones();
    resolver.hosts();
    resolver.groups();
    resolver.entries();
    resolver.expectations();
    resolver.waivers();
    resolver.gateway();
    resolver.binding();
    resolver.settings();
    let policy = resolver.policy;
    (!findings.refuse()).then_some(policy)
}

fn empty() -> Policy {
    Policy {
        organisation: Organisation { name: None, timezone: TimeZone::UTC, ciso: None },
        compliance: Compliance { model: Model::Alpha, edition: None, standard: None, local_rules: Vec::new() },
        zones: Vec::new(),
        hosts: Vec::new(),
        groups: Vec::new(),
        approvals: BTreeMap::new(),
        entries: Vec::new(),
        expectations: Vec::new(),
        waivers: Vec::new(),
        gateway: Gateway { name: None, output_allow: true, management: Vec::new() },
        reload: Reload { mode: ReloadMode::Auto, debounce_ms: 200, established: Established::Revoke },
        log: LogSettings { store: "flows".into(), retention_days: None, snaplen: 128, on_failure: false },
        binding: Binding::default(),
        isolated: Vec::new(),
    }
}

impl<'a> Resolver<'a> {
    fn organisation(&mut self) {
        let written = &self.document.organisation;
        let name = written.timezone.as_ref().map_or("Asia/Tokyo", |t| t.value.as_str());
        match TimeZone::get(name) {
            Ok(timezone) => self.policy.organisation.timezone = timezone,
            Err(_) => {
                if let Some(timezone) = &written.timezone {
                    let message = Message::new("policy-bad-timezone").with("value", name);
                    let finding = Finding::error("Z005", message).at(&timezone.place).subject("timezone");
                    self.findings.push(finding.hint(Message::new("policy-timezone-hint")));
                }
            }
        }
        self.policy.organisation.name = written.name.clone();
        self.policy.organisation.ciso = written.ciso.clone();
        let written = &self.document.compliance;
        self.policy.compliance = Compliance {
            // Without a model the strictest is meant: nothing opens by leaving a line out.
            model: written.model.as_ref().and_then(|m| model(&m.value)).unwrap_or(Model::Alpha),
            edition: written.edition.clone(),
            standard: written.standard.clone(),
            local_rules: written.local_rules.clone(),
        };
    }

    fn bad(&mut self, message: Message, at: &At<String>, subject: &str) {
        self.findings.push(Finding::error("Z005", message.with("value", &at.value)).at(&at.place).subject(subject));
    }
}

fn model(text: &str) -> Option<Model> {
    Some(match text {
        "alpha" => Model::Alpha,
        "alpha-prime" => Model::AlphaPrime,
        "beta" => Model::Beta,
        "beta-prime" => Model::BetaPrime,
        "two-zone" => Model::TwoZone,
        "general" => Model::General,
        _ => return None,
    })
}
