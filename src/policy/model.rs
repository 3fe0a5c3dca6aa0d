//! The types of the resolved policy (SPEC §1).
//!
//! Indices ([`ZoneId`], [`HostId`], [`GroupId`]) are of one policy only; across
//! policies compare by name. All vectors stand in reading order.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Approval, Binding, EntryApproval, Isolated, Rate, Schedule, Validity, Waiver};
use crate::diag::Place;
use crate::net::{IfPattern, MacAddr, Service};

/// Index into [`Policy::zones`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(pub usize);

/// Index into [`Policy::hosts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// Index into [`Policy::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub usize);

/// A whole, valid policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `[organisation]`.
    pub organisation: Organisation,
    /// `[compliance]`, as data.
    pub compliance: Compliance,
    /// `[zones.*]`.
    pub zones: Vec<Zone>,
    /// `[hosts.*]` and the rows of `[[inventory]]`.
    pub hosts: Vec<Host>,
    /// `[groups.*]`.
    pub groups: Vec<Group>,
    /// `[approvals.*]`, by name.
    pub approvals: BTreeMap<String, Approval>,
    /// `[[allow]]`, in reading order: the first match decides.
    pub entries: Vec<Entry>,
    /// `[[expect]]`.
    pub expectations: Vec<Expectation>,
    /// `[[waive]]`.
    pub waivers: Vec<Waiver>,
    /// `[gateway]`.
    pub gateway: Gateway,
    /// `[reload]`.
    pub reload: Reload,
    /// `[log]`.
    pub log: LogSettings,
    /// `[binding]`.
    pub binding: Binding,
    /// What is isolated now (`zonectl isolate`). No part of the configuration nor
    /// of the digest: the daemon puts it here, dry runs leave it empty.
    pub isolated: Vec<Isolated>,
}

/// `[organisation]`.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// The body's name.
    pub name: Option<String>,
    /// All printed and configured local times; default Asia/Tokyo.
    pub timezone: TimeZone,
    /// Who may approve exceptions (prefix match); none = not checked.
    pub ciso: Option<Vec<String>>,
}

/// `[compliance]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compliance {
    /// The separation model.
    pub model: Model,
    /// Guideline edition, as written (`2025-03`).
    pub edition: Option<String>,
    /// The body's own text, named in reports.
    pub standard: Option<String>,
    /// Stricter local rules.
    pub local_rules: Vec<String>,
}

/// The separation models (DOMAIN: Models).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Model {
    Alpha,
    AlphaPrime,
    Beta,
    BetaPrime,
    TwoZone,
    General,
}

/// The class of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum ZoneClass {
    Mynumber,
    Lgwan,
    Internet,
    Public,
    Official,
    Uplink,
    Partner,
    Management,
    General,
}

/// What a denied packet that leaves a zone is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DenyWith {
    /// Nothing.
    #[default]
    Drop,
    /// TCP reset, or ICMP administratively prohibited.
    Reject,
}

/// Whether the gateway sees the hosts' own MACs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum L2 {
    /// On the gateway's own segment.
    #[default]
    Direct,
    /// Behind a router.
    Routed,
}

/// The addresses of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networks {
    /// These prefixes (host bits zero), in reading order.
    Listed(Vec<IpNet>),
    /// `["any"]`: both families, less what other zones declare, multicast,
    /// loopback, link-local and unspecified.
    Any,
}

/// `[zones.NAME]`.
#[derive(Debug, Clone)]
pub struct Zone {
    /// The table's name.
    pub name: String,
    /// The class.
    pub class: ZoneClass,
    /// The name shown to people; absent = `name`.
    pub label: Option<String>,
    /// Names and wildcards.
    pub interfaces: Vec<IfPattern>,
    /// Addresses.
    pub networks: Networks,
    /// `intra_zone = "allow"`.
    pub intra_zone_allow: bool,
    /// `deny_with`.
    pub deny_with: DenyWith,
    /// `l2`.
    pub l2: L2,
    /// Who operates the outside system.
    pub operator: Option<String>,
    /// Whether the outside system is itself connected to the Internet.
    pub internet_connected: Option<bool>,
    /// Name of the zone's approval.
    pub approval: Option<String>,
    /// Uplink only: the source of IPv4 packets that leave is translated.
    pub masquerade: bool,
    /// Uplink only: a second way out.
    pub breakout: bool,
    /// Uplink only: a spare.
    pub redundant: bool,
    /// What lies outside the gateway's sight.
    pub attest: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// What a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum HostKind {
    Terminal,
    Server,
    Mfp,
    Iot,
    Router,
    Relay,
    Mta,
}

/// `[hosts.NAME]`, or a row of the ledger.
#[derive(Debug, Clone)]
pub struct Host {
    /// The name; one namespace with groups.
    pub name: String,
    /// The zone.
    pub zone: ZoneId,
    /// Addresses or prefixes, all inside the zone; empty = any address of the
    /// zone with one of `macs` (DHCP terminals), as source only.
    pub ips: Vec<IpNet>,
    /// MACs; empty = not bound.
    pub macs: Vec<MacAddr>,
    /// The host whose MACs the gateway sees; then only those match.
    pub via: Option<HostId>,
    /// The kind.
    pub kind: Option<HostKind>,
    /// Labels; a ledger's columns that are no host key among them.
    pub labels: BTreeMap<String, String>,
    /// When it is declared; outside of it the host has no address and no MAC.
    pub valid: Validity,
    /// Where it is declared.
    pub place: Place,
}

/// `[groups.NAME]`, members and selection resolved.
#[derive(Debug, Clone)]
pub struct Group {
    /// The name; one namespace with hosts.
    pub name: String,
    /// Hosts: members, members of member groups, and selected ones.
    pub hosts: BTreeSet<HostId>,
    /// Addresses and prefixes given as members.
    pub networks: BTreeSet<IpNet>,
    /// Where it is declared.
    pub place: Place,
}

/// One end of an entry, resolved. Whatever it names lies inside its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `ZONE`: every address of it.
    Zone(ZoneId),
    /// `ZONE:HOST`.
    Host(HostId),
    /// `ZONE:GROUP`; every member lies in the zone.
    Group(ZoneId, GroupId),
    /// `ZONE:ADDRESS` or `ZONE:CIDR`; binds no MAC.
    Network(ZoneId, IpNet),
    /// `gateway`.
    Gateway,
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "the names are SPEC's own")]
pub enum Purpose {
    #[default]
    Business,
    Designated,
    Sanitised,
    Management,
    Remote,
    Update,
}

/// How what crosses is made harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are SPEC's own")]
pub enum Sanitise {
    MailText,
    ScreenTransfer,
    FileCdr,
    Other,
}

/// `[[allow]]`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Unique id.
    pub id: String,
    /// Title for people.
    pub title: Option<String>,
    /// Sources.
    pub from: Vec<Endpoint>,
    /// Destinations.
    pub to: Vec<Endpoint>,
    /// The names as written, for people.
    pub service_names: Vec<String>,
    /// What they mean: sorted, without doubles.
    pub services: Vec<Service>,
    /// `purpose`.
    pub purpose: Purpose,
    /// `sanitise`, as data.
    pub sanitise: Option<Sanitise>,
    /// `remote.mfa` and `remote.encrypted`.
    pub remote: Option<Remote>,
    /// When it is in force.
    pub schedule: Schedule,
    /// Limit on new flows; none = unlimited.
    pub rate: Option<Rate>,
    /// Also record accepted flows.
    pub log: bool,
    /// What lies outside the gateway's sight.
    pub attest: Option<String>,
    /// Its approval, named or inline.
    pub approval: Option<EntryApproval>,
    /// Where it stands.
    pub place: Place,
}

/// `remote = { … }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Remote {
    /// Multi-factor authentication.
    pub mfa: bool,
    /// Encrypted.
    pub encrypted: bool,
}

/// `[[expect]]`.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Its name.
    pub name: String,
    /// Sources.
    pub from: Vec<Endpoint>,
    /// Destinations.
    pub to: Vec<Endpoint>,
    /// Services.
    pub services: Vec<Service>,
    /// The moment; none = every moment from now on (deny), now (allow).
    pub at: Option<Timestamp>,
    /// True for `verdict = "allow"`.
    pub allow: bool,
    /// Where it stands.
    pub place: Place,
}

/// `[gateway]`.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its name, in every record.
    pub name: Option<String>,
    /// `output = "allow"`.
    pub output_allow: bool,
    /// What no policy may cut.
    pub management: Vec<Management>,
}

/// `ZONE:HOST:SERVICE`.
#[derive(Debug, Clone)]
pub struct Management {
    /// The host, with its addresses and MACs.
    pub host: HostId,
    /// The service.
    pub services: Vec<Service>,
}

/// `reload.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReloadMode {
    /// A valid change is applied.
    #[default]
    Auto,
    /// It waits for `zonectl apply`.
    Manual,
}

/// `[reload] established`: what becomes of open flows that a change denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Established {
    /// They are cut.
    #[default]
    Revoke,
    /// Only those are cut whose time is over: expired, or outside their window.
    Keep,
}

/// `[reload]`.
#[derive(Debug, Clone)]
pub struct Reload {
    /// `mode`.
    pub mode: ReloadMode,
    /// `debounce_ms`, milliseconds; default 200.
    pub debounce_ms: u64,
    /// `established`, for reloads.
    pub established: Established,
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Under the state folder, or an absolute path; default `flows`.
    pub store: String,
    /// `retention_days`; none where not stated.
    pub retention_days: Option<u32>,
    /// Header bytes kept as evidence, 0 ..= 65535; 0 = none; default 128.
    pub snaplen: u16,
    /// True if `on_failure` is stated; what it says is then `alert`.
    pub on_failure: bool,
}

impl Policy {
    /// The zone with this id.
    pub fn zone(&self, id: ZoneId) -> &Zone {
        &self.zones[id.0]
    }

    /// The host with this id.
    pub fn host(&self, id: HostId) -> &Host {
        &self.hosts[id.0]
    }

    /// The group with this id.
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.0]
    }

    /// The zone of this name.
    pub fn zone_named(&self, name: &str) -> Option<ZoneId> {
        self.zones.iter().position(|z| z.name == name).map(ZoneId)
    }

    /// The MACs under which the gateway sees a host's packets: those of its
    /// `via`, else its own, but none where its zone lies behind a router that no
    /// `via` names; empty = any.
    pub fn seen_macs(&self, id: HostId) -> &[MacAddr] {
        let host = self.host(id);
        match host.via {
            Some(via) => &self.host(via).macs,
            None if self.zone(host.zone).l2 == L2::Routed => &[],
            None => &host.macs,
        }
    }

    /// The approval of an entry or a waiver.
    pub fn approval<'a>(&'a self, approval: &'a EntryApproval) -> Option<&'a Approval> {
        match approval {
            EntryApproval::Named(name) => self.approvals.get(name),
            EntryApproval::Inline(inline) => Some(inline),
        }
    }

    /// The zone of an endpoint; none for the gateway.
    pub fn endpoint_zone(&self, endpoint: Endpoint) -> Option<ZoneId> {
        match endpoint {
            Endpoint::Zone(zone) | Endpoint::Group(zone, _) | Endpoint::Network(zone, _) => Some(zone),
            Endpoint::Host(host) => Some(self.host(host).zone),
            Endpoint::Gateway => None,
        }
    }

    /// The same, without its entries.
    pub fn without_entries(&self) -> Self {
        Self {
            organisation: self.organisation.clone(),
            compliance: self.compliance.clone(),
            zones: self.zones.clone(),
            hosts: self.hosts.clone(),
            groups: self.groups.clone(),
            approvals: self.approvals.clone(),
            entries: Vec::new(),
            expectations: self.expectations.clone(),
            waivers: self.waivers.clone(),
            gateway: self.gateway.clone(),
            reload: self.reload.clone(),
            log: self.log.clone(),
            binding: self.binding.clone(),
            isolated: self.isolated.clone(),
        }
    }
}
