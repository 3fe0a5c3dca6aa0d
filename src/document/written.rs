//! The configuration as written, typed: the mirror of SPEC §1.
//!
//! Takes the merged, validated tree; what the tree holds wrongly was found
//! there and is absent here. Names, addresses and services are still text: the
//! policy gives them meaning.

use super::moment::Moment;
use super::node::{At, Table, Value};
use crate::diag::Place;

/// Every table of the configuration, in reading order.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// False if some file or row could not be read: a name that is not here
    /// may be declared there.
    pub complete: bool,
    /// `[organisation]`.
    pub organisation: Organisation,
    /// `[compliance]`.
    pub compliance: Compliance,
    /// `[zones.*]`.
    pub zones: Vec<Zone>,
    /// `[hosts.*]`, then the ledgers' rows.
    pub hosts: Vec<Host>,
    /// `[groups.*]`.
    pub groups: Vec<Group>,
    /// `[[inventory]]`.
    pub inventories: Vec<Inventory>,
    /// `[services.*]`: the name and its ports.
    pub services: Vec<(At<String>, Vec<At<String>>)>,
    /// `[approvals.*]`.
    pub approvals: Vec<(At<String>, Approval)>,
    /// `[[allow]]`.
    pub allow: Vec<Allow>,
    /// `[[expect]]`.
    pub expect: Vec<Expect>,
    /// `[[waive]]`.
    pub waive: Vec<Waive>,
    /// `[gateway]`.
    pub gateway: Gateway,
    /// `[binding]`.
    pub binding: Binding,
    /// `[reload]`.
    pub reload: Reload,
    /// `[log]`.
    pub log: Log,
}

/// `[organisation]`.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Organisation {
    pub name: Option<String>,
    pub timezone: Option<At<String>>,
    pub ciso: Option<Vec<String>>,
}

/// `[compliance]`.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Compliance {
    pub model: Option<At<String>>,
    pub edition: Option<String>,
    pub standard: Option<String>,
    pub local_rules: Vec<String>,
}

/// `[zones.NAME]`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Zone {
    pub name: At<String>,
    pub class: Option<At<String>>,
    pub label: Option<String>,
    pub interfaces: Vec<At<String>>,
    pub networks: Vec<At<String>>,
    pub intra_zone: Option<At<String>>,
    pub deny_with: Option<At<String>>,
    pub l2: Option<At<String>>,
    pub operator: Option<String>,
    pub internet_connected: Option<bool>,
    pub approval: Option<At<String>>,
    /// Where it says true.
    pub masquerade: Option<Place>,
    pub breakout: bool,
    pub redundant: bool,
    pub attest: Option<String>,
}

/// `[hosts.NAME]`, or a row of a ledger.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Host {
    pub name: At<String>,
    pub zone: Option<At<String>>,
    pub ip: Vec<At<String>>,
    pub mac: Vec<At<String>>,
    pub via: Option<At<String>>,
    pub kind: Option<At<String>>,
    pub labels: Vec<(String, String)>,
    /// False where a finding was made about it already.
    pub sound: bool,
}

/// `[groups.NAME]`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Group {
    pub name: At<String>,
    pub members: Vec<At<String>>,
    pub select: Vec<(At<String>, Vec<String>)>,
}

/// `[[inventory]]`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Inventory {
    pub file: At<String>,
    /// False if its encoding is one that this build does not read.
    pub built: bool,
    /// Where `columns` stands.
    pub columns_place: Place,
    pub columns: Vec<(At<String>, At<String>)>,
    pub zones: Option<Vec<(String, At<String>)>>,
    pub skip: Vec<(At<String>, Vec<String>)>,
}

/// `[approvals.NAME]`, or inline.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Approval {
    pub reason: Option<String>,
    pub requested_by: Option<At<String>>,
    pub approved_by: Vec<At<String>>,
    pub approved_on: Option<At<Moment>>,
    pub reference: Option<String>,
    pub expires: Option<At<Moment>>,
    pub review_by: Option<At<Moment>>,
    pub emergency: bool,
    pub same_person_reason: Option<String>,
}

/// `approval = …` of an entry or a waiver.
#[derive(Debug, Clone)]
pub enum AllowApproval {
    /// A name.
    Named(At<String>),
    /// A table.
    Inline(Box<Approval>),
}

/// One table of an entry's `window`; times of day in seconds.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Window {
    pub place: Place,
    pub days: Option<Vec<At<String>>>,
    pub from: Option<At<u32>>,
    pub to: Option<At<u32>>,
    pub at: Option<At<Moment>>,
    pub until: Option<At<Moment>>,
    /// False where a finding was made about it already.
    pub sound: bool,
}

/// `[[allow]]`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Allow {
    pub place: Place,
    pub id: Option<At<String>>,
    pub title: Option<String>,
    pub from: Vec<At<String>>,
    pub to: Vec<At<String>>,
    pub services: Vec<At<String>>,
    pub purpose: Option<At<String>>,
    pub sanitise: Option<At<String>>,
    /// `mfa` and `encrypted`.
    pub remote: Option<(bool, bool)>,
    pub windows: Vec<Window>,
    pub starts: Option<At<Moment>>,
    pub expires: Option<At<Moment>>,
    pub log: bool,
    pub rate: Option<At<String>>,
    pub attest: Option<String>,
    pub approval: Option<AllowApproval>,
}

/// `[[expect]]`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Expect {
    pub place: Place,
    pub name: Option<At<String>>,
    pub from: Vec<At<String>>,
    pub to: Vec<At<String>>,
    pub services: Option<Vec<At<String>>>,
    pub at: Option<At<Moment>>,
    pub verdict: Option<At<String>>,
}

/// `[[waive]]`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Waive {
    pub place: Place,
    pub check: Option<At<String>>,
    pub subject: Option<At<String>>,
    pub expires: Option<At<Moment>>,
    pub approval: Option<AllowApproval>,
}

/// `[gateway]`.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Gateway {
    pub name: Option<At<String>>,
    pub output: Option<At<String>>,
    pub management: Vec<At<String>>,
}

/// `[binding]`.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Binding {
    pub enforce: Option<bool>,
    pub strict_zones: Option<Vec<At<String>>>,
    pub pin_neighbours: Option<bool>,
}

/// `[reload]`.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Reload {
    pub mode: Option<At<String>>,
    pub debounce_ms: Option<At<i64>>,
    pub established: Option<At<String>>,
}

/// `[log]`.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is the key of its name in SPEC §1")]
pub struct Log {
    pub store: Option<At<String>>,
    pub retention_days: Option<At<i64>>,
    pub snaplen: Option<At<i64>>,
    pub on_failure: Option<At<String>>,
    /// Where the table stands.
    pub place: Option<Place>,
}

fn plain(text: Option<At<String>>) -> Option<String> {
    text.map(|t| t.value)
}

fn plains(texts: Option<Vec<At<String>>>) -> Vec<String> {
    texts.unwrap_or_default().into_iter().map(|t| t.value).collect()
}

fn pairs(table: Option<&Table>) -> Vec<(At<String>, At<String>)> {
    table.into_iter().flat_map(|t| &t.0).filter_map(|(k, v)| Some((k.clone(), v.text()?))).collect()
}

fn choices(table: Option<&Table>) -> Vec<(At<String>, Vec<String>)> {
    let nodes = table.into_iter().flat_map(|t| &t.0);
    nodes.map(|(k, v)| (k.clone(), plains(Some(v.texts())))).collect()
}

impl Document {
    /// The typed mirror of a merged tree.
    pub fn of(root: &Table) -> Self {
        let empty = Table::default();
        let table = |key: &str| root.table(key).unwrap_or(&empty);
        let (organisation, compliance) = (table("organisation"), table("compliance"));
        let (gateway, binding) = (table("gateway"), table("binding"));
        let (reload, log) = (table("reload"), table("log"));
        Self {
            complete: true,
            organisation: Organisation {
                name: plain(organisation.text("name")),
                timezone: organisation.text("timezone"),
                ciso: organisation.texts("ciso").map(|t| plains(Some(t))),
            },
            compliance: Compliance {
                model: compliance.text("model"),
                edition: plain(compliance.text("edition")),
                standard: plain(compliance.text("standard")),
                local_rules: plains(compliance.texts("local_rules")),
            },
            zones: root.named("zones").map(|(name, t)| Zone::of(name, t)).collect(),
            hosts: root.named("hosts").map(|(name, t)| Host::of(name, t)).collect(),
            groups: root.named("groups").map(|(name, t)| Group::of(name, t)).collect(),
            inventories: root.rows("inventory").filter_map(|(_, t)| Inventory::of(t)).collect(),
            services: root
                .named("services")
                .map(|(name, t)| (name.clone(), t.texts("ports").unwrap_or_default()))
                .collect(),
            approvals: root.named("approvals").map(|(name, t)| (name.clone(), Approval::of(t))).collect(),
            allow: root.rows("allow").map(|(place, t)| Allow::of(place, t)).collect(),
            expect: root.rows("expect").map(|(place, t)| Expect::of(place, t)).collect(),
            waive: root.rows("waive").map(|(place, t)| Waive::of(place, t)).collect(),
            gateway: Gateway {
                name: gateway.text("name"),
                output: gateway.text("output"),
                management: gateway.texts("management").unwrap_or_default(),
            },
            binding: Binding {
                enforce: binding.bool("enforce"),
                strict_zones: binding.texts("strict_zones"),
                pin_neighbours: binding.bool("pin_neighbours"),
            },
            reload: Reload {
                mode: reload.text("mode"),
                debounce_ms: reload.integer("debounce_ms"),
                established: reload.text("established"),
            },
            log: Log {
                store: log.text("store"),
                retention_days: log.integer("retention_days"),
                snaplen: log.integer("snaplen"),
                on_failure: log.text("on_failure"),
                place: root.get("log").map(|node| node.place.clone()),
            },
        }
    }
}

impl Zone {
    fn of(name: &At<String>, table: &Table) -> Self {
        Self {
            name: name.clone(),
            class: table.text("class"),
            label: plain(table.text("label")),
            interfaces: table.texts("interfaces").unwrap_or_default(),
            networks: table.texts("networks").unwrap_or_default(),
            intra_zone: table.text("intra_zone"),
            deny_with: table.text("deny_with"),
            l2: table.text("l2"),
            operator: plain(table.text("operator")),
            internet_connected: table.bool("internet_connected"),
            approval: table.text("approval"),
            masquerade: table
                .get("masquerade")
                .filter(|node| matches!(node.value, Value::Bool(true)))
                .map(|node| node.place.clone()),
            breakout: table.bool("breakout").unwrap_or(false),
            redundant: table.bool("redundant").unwrap_or(false),
            attest: plain(table.text("attest")),
        }
    }
}

impl Host {
    fn of(name: &At<String>, table: &Table) -> Self {
        let labels = pairs(table.table("labels"));
        let wrong = |key: &str| match table.get(key).map(|n| &n.value) {
            None | Some(Value::Text(_)) => false,
            Some(Value::List(items)) => items.iter().any(|i| !matches!(i.value, Value::Text(_))),
            Some(_) => true,
        };
        Self {
            name: name.clone(),
            zone: table.text("zone"),
            ip: table.texts("ip").unwrap_or_default(),
            mac: table.texts("mac").unwrap_or_default(),
            via: table.text("via"),
            kind: table.text("kind"),
            labels: labels.into_iter().map(|(k, v)| (k.value, v.value)).collect(),
            sound: table.text("zone").is_some() && !wrong("ip") && !wrong("mac") && !wrong("via"),
        }
    }
}

impl Group {
    fn of(name: &At<String>, table: &Table) -> Self {
        Self {
            name: name.clone(),
            members: table.texts("members").unwrap_or_default(),
            select: choices(table.table("select")),
        }
    }
}

impl Inventory {
    fn of(table: &Table) -> Option<Self> {
        Some(Self {
            file: table.text("file")?,
            built: table.text("encoding").is_none_or(|e| e.value == "utf-8"),
            columns_place: table.get("columns")?.place.clone(),
            columns: pairs(table.table("columns")),
            zones: table.table("zones").map(|t| pairs(Some(t)).into_iter().map(|(k, v)| (k.value, v)).collect()),
            skip: choices(table.table("skip")),
        })
    }
}

impl Approval {
    fn of(table: &Table) -> Self {
        Self {
            reason: plain(table.text("reason")),
            requested_by: table.text("requested_by"),
            approved_by: table.texts("approved_by").unwrap_or_default(),
            approved_on: table.moment("approved_on"),
            reference: plain(table.text("reference")),
            expires: table.moment("expires"),
            review_by: table.moment("review_by"),
            emergency: table.bool("emergency").unwrap_or(false),
            same_person_reason: plain(table.text("same_person_reason")),
        }
    }
}

impl AllowApproval {
    fn of(table: &Table) -> Option<Self> {
        match table.get("approval").map(|n| &n.value) {
            Some(Value::Table(inline)) => Some(Self::Inline(Box::new(Approval::of(inline)))),
            _ => table.text("approval").map(Self::Named),
        }
    }
}

impl Waive {
    fn of(place: &Place, table: &Table) -> Self {
        Self {
            place: place.clone(),
            check: table.text("check"),
            subject: table.text("subject"),
            expires: table.moment("expires"),
            approval: AllowApproval::of(table),
        }
    }
}

impl Allow {
    fn of(place: &Place, table: &Table) -> Self {
        let flag = |t: &Table, key| t.bool(key).unwrap_or(false);
        Self {
            place: place.clone(),
            id: table.text("id"),
            title: plain(table.text("title")),
            from: table.texts("from").unwrap_or_default(),
            to: table.texts("to").unwrap_or_default(),
            services: table.texts("services").unwrap_or_default(),
            purpose: table.text("purpose"),
            sanitise: table.text("sanitise"),
            remote: table.table("remote").map(|t| (flag(t, "mfa"), flag(t, "encrypted"))),
            windows: table.table_or_rows("window").map(|(place, t)| Window::of(place, t)).collect(),
            starts: table.moment("starts"),
            expires: table.moment("expires"),
            log: flag(table, "log"),
            rate: table.text("rate"),
            attest: plain(table.text("attest")),
            approval: AllowApproval::of(table),
        }
    }
}

impl Window {
    fn of(place: &Place, table: &Table) -> Self {
        let (from, to) = (table.clock("from"), table.clock("to"));
        let (at, until) = (table.moment("at"), table.moment("until"));
        let read = [("from", from.is_some()), ("to", to.is_some()), ("at", at.is_some()), ("until", until.is_some())];
        let sound = read.iter().all(|(key, read)| *read || table.get(key).is_none());
        Self { place: place.clone(), days: table.texts("days"), from, to, at, until, sound }
    }
}

impl Expect {
    fn of(place: &Place, table: &Table) -> Self {
        Self {
            place: place.clone(),
            name: table.text("name"),
            from: table.texts("from").unwrap_or_default(),
            to: table.texts("to").unwrap_or_default(),
            services: table.texts("services"),
            at: table.moment("at"),
            verdict: table.text("verdict"),
        }
    }
}
