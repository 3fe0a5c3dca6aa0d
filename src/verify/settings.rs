//! Differences between policies beside the flows, named for the reader.
//!
//! What changes flows is shown as flows; an entry, zone or host is named here
//! for what else about it differs, or because what differs has no effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Arg, Message};
use crate::policy::{Approval, Endpoint, Entry, EntryApproval, Expectation, Group, Host, Policy, Zone};

/// Names listed in one message before the rest is counted.
const NAMED: usize = 20;

/// Keys of an entry that decide which flows it opens.
const DECIDING: [&str; 4] = ["from", "to", "services", "schedule"];

/// What differs; `old` first. Order of tables and files is no difference, but
/// the reading order of entries is. Of entries in `shown`, which stand beside
/// opened or closed flows, only what does not decide about flows is named.
pub(super) fn settings(old: &Policy, new: &Policy, shown: &BTreeSet<&str>) -> Vec<Message> {
    let mut out = Vec::new();
    single(&mut out, "organisation", organisation(old, new));
    single(&mut out, "compliance", compliance(old, new));
    single(&mut out, "gateway", gateway(old, new));
    single(&mut out, "binding", binding(old, new));
    single(&mut out, "reload", reload(old, new));
    single(&mut out, "log", log(old, new));
    named(&mut out, "zones", by_name(&old.zones, |z| &z.name), by_name(&new.zones, |z| &z.name), zone);
    named(&mut out, "hosts", by_name(&old.hosts, |h| &h.name), by_name(&new.hosts, |h| &h.name), |a, b| {
        host((old, a), (new, b))
    });
    named(&mut out, "groups", by_name(&old.groups, |g| &g.name), by_name(&new.groups, |g| &g.name), |a, b| {
        group((old, a), (new, b))
    });
    let [a, b] = [old, new].map(|p| p.approvals.iter().map(|(name, v)| (name.as_str(), v)).collect());
    named(&mut out, "approvals", a, b, approval);
    let [mut a, mut b] = [old, new].map(|p| by_name(&p.entries, |e| &e.id));
    // An entry that stands on one side alone is named unless its flows are.
    let (before, after) = (a.clone(), b.clone());
    a.retain(|id, _| after.contains_key(id) || !shown.contains(id));
    b.retain(|id, _| before.contains_key(id) || !shown.contains(id));
    named(&mut out, "allow", a, b, |a, b| {
        let mut keys = entry((old, a), (new, b));
        keys.retain(|key| !shown.contains(a.id.as_str()) || !DECIDING.contains(key));
        keys
    });
    named(
        &mut out,
        "expect",
        by_name(&old.expectations, |e| &e.name),
        by_name(&new.expectations, |e| &e.name),
        |a, b| expectation((old, a), (new, b)),
    );
    let order = |p: &Policy, other: &Policy| -> Vec<String> {
        let kept = by_name(&other.entries, |e| &e.id);
        p.entries.iter().map(|e| e.id.clone()).filter(|id| kept.contains_key(id.as_str())).collect()
    };
    if order(old, new) != order(new, old) {
        out.push(Message::new("verify-settings-order"));
    }
    out
}

/// The keys whose values differ.
fn differing<const N: usize>(keys: [(&'static str, bool); N]) -> Vec<&'static str> {
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

fn single(out: &mut Vec<Message>, table: &'static str, keys: Vec<&'static str>) {
    if !keys.is_empty() {
        out.push(Message::new("verify-settings-table").with("table", table).with("keys", keys.join(", ")));
    }
}

fn by_name<T>(all: &[T], name: impl Fn(&T) -> &String) -> BTreeMap<&str, &T> {
    all.iter().map(|item| (name(item).as_str(), item)).collect()
}

fn listed(key: &'static str, table: &'static str, names: &[&str]) -> Message {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more: Arg = names.len().saturating_sub(NAMED).into();
    let mut message = Message::new(key).with("table", table).with("names", shown);
    if names.len() > NAMED {
        message = message.with("more", Message::new("verify-settings-more").with("count", more));
    } else {
        message = message.with("more", "");
    }
    message
}

fn named<T>(
    out: &mut Vec<Message>,
    table: &'static str,
    old: BTreeMap<&str, &T>,
    new: BTreeMap<&str, &T>,
    differs: impl Fn(&T, &T) -> Vec<&'static str>,
) {
    let added: Vec<&str> = new.keys().filter(|n| !old.contains_key(*n)).copied().collect();
    let removed: Vec<&str> = old.keys().filter(|n| !new.contains_key(*n)).copied().collect();
    if !added.is_empty() {
        out.push(listed("verify-settings-added", table, &added));
    }
    if !removed.is_empty() {
        out.push(listed("verify-settings-removed", table, &removed));
    }
    // By the same keys together: a ledger's import touches thousands alike.
    let mut changed: BTreeMap<Vec<&'static str>, Vec<&str>> = BTreeMap::new();
    for (name, item) in &new {
        let keys = old.get(name).map_or_else(Vec::new, |before| differs(before, item));
        if !keys.is_empty() {
            changed.entry(keys).or_default().push(name);
        }
    }
    for (keys, names) in changed {
        out.push(listed("verify-settings-changed", table, &names).with("keys", keys.join(", ")));
    }
}

fn organisation(a: &Policy, b: &Policy) -> Vec<&'static str> {
    let (a, b) = (&a.organisation, &b.organisation);
    differing([("name", a.name != b.name), ("timezone", a.timezone != b.timezone), ("ciso", a.ciso != b.ciso)])
}

fn compliance(a: &Policy, b: &Policy) -> Vec<&'static str> {
    let (a, b) = (&a.compliance, &b.compliance);
    differing([
        ("model", a.model != b.model),
        ("edition", a.edition != b.edition),
        ("standard", a.standard != b.standard),
        ("local_rules", a.local_rules != b.local_rules),
    ])
}

fn gateway(a: &Policy, b: &Policy) -> Vec<&'static str> {
    let management = |p: &Policy| -> Vec<_> {
        p.gateway.management.iter().map(|m| (p.host(m.host).name.clone(), m.services.clone())).collect()
    };
    differing([
        ("name", a.gateway.name != b.gateway.name),
        ("output", a.gateway.output_allow != b.gateway.output_allow),
        ("management", management(a) != management(b)),
    ])
}

fn binding(p: &Policy, q: &Policy) -> Vec<&'static str> {
    let strict = |policy: &Policy| -> BTreeSet<String> {
        policy.binding.strict.iter().map(|zone| policy.zone(*zone).name.clone()).collect()
    };
    let (a, b) = (&p.binding, &q.binding);
    differing([
        ("enforce", a.enforce != b.enforce),
        ("strict_zones", strict(p) != strict(q)),
        ("pin_neighbours", a.pin_neighbours != b.pin_neighbours),
    ])
}

fn reload(a: &Policy, b: &Policy) -> Vec<&'static str> {
    let (a, b) = (&a.reload, &b.reload);
    differing([
        ("mode", a.mode != b.mode),
        ("debounce_ms", a.debounce_ms != b.debounce_ms),
        ("established", a.established != b.established),
    ])
}

fn log(a: &Policy, b: &Policy) -> Vec<&'static str> {
    let (a, b) = (&a.log, &b.log);
    differing([
        ("store", a.store != b.store),
        ("retention_days", a.retention_days != b.retention_days),
        ("snaplen", a.snaplen != b.snaplen),
    ])
}

fn zone(a: &Zone, b: &Zone) -> Vec<&'static str> {
    differing([
        ("class", a.class != b.class),
        ("label", a.label != b.label),
        ("interfaces", a.interfaces != b.interfaces),
        ("networks", a.networks != b.networks),
        ("intra_zone", a.intra_zone_allow != b.intra_zone_allow),
        ("deny_with", a.deny_with != b.deny_with),
        ("l2", a.l2 != b.l2),
        ("operator", a.operator != b.operator),
        ("internet_connected", a.internet_connected != b.internet_connected),
        ("approval", a.approval != b.approval),
        ("masquerade", a.masquerade != b.masquerade),
        ("breakout", a.breakout != b.breakout),
        ("redundant", a.redundant != b.redundant),
    ])
}

/// An item and the policy whose ids it holds.
type Of<'p, T> = (&'p Policy, &'p T);

fn host((p, a): Of<'_, Host>, (q, b): Of<'_, Host>) -> Vec<&'static str> {
    let via = |policy: &Policy, host: &Host| host.via.map(|v| policy.host(v).name.clone());
    differing([
        ("zone", p.zone(a.zone).name != q.zone(b.zone).name),
        ("ip", a.ips != b.ips),
        ("mac", a.macs != b.macs),
        ("via", via(p, a) != via(q, b)),
        ("kind", a.kind != b.kind),
        ("labels", a.labels != b.labels),
        ("valid_from", a.valid.from != b.valid.from),
        ("valid_until", a.valid.until != b.valid.until),
    ])
}

fn group((p, a): Of<'_, Group>, (q, b): Of<'_, Group>) -> Vec<&'static str> {
    let hosts = |policy: &Policy, group: &Group| {
        let mut names: Vec<String> = group.hosts.iter().map(|h| policy.host(*h).name.clone()).collect();
        names.sort_unstable();
        names
    };
    differing([("members", hosts(p, a) != hosts(q, b) || a.networks != b.networks)])
}

/// An endpoint by names, as it would be written.
pub(super) fn endpoint_text(policy: &Policy, end: Endpoint) -> String {
    let zone = |id| &policy.zone(id).name;
    match end {
        Endpoint::Zone(id) => zone(id).clone(),
        Endpoint::Host(id) => format!("{}:{}", zone(policy.host(id).zone), policy.host(id).name),
        Endpoint::Group(id, group) => format!("{}:{}", zone(id), policy.group(group).name),
        Endpoint::Network(id, net) => format!("{}:{net}", zone(id)),
        Endpoint::Gateway => "gateway".into(),
    }
}

fn endpoint_texts(policy: &Policy, ends: &[Endpoint]) -> Vec<String> {
    let mut texts: Vec<String> = ends.iter().map(|e| endpoint_text(policy, *e)).collect();
    texts.sort_unstable();
    texts
}

fn entry((p, a): Of<'_, Entry>, (q, b): Of<'_, Entry>) -> Vec<&'static str> {
    let approval = |entry: &Entry| match &entry.approval {
        None => (None, None),
        Some(EntryApproval::Named(name)) => (Some(name.clone()), None),
        Some(EntryApproval::Inline(approval)) => (None, Some(approval.as_ref().clone())),
    };
    differing([
        ("title", a.title != b.title),
        ("from", endpoint_texts(p, &a.from) != endpoint_texts(q, &b.from)),
        ("to", endpoint_texts(p, &a.to) != endpoint_texts(q, &b.to)),
        ("services", a.services != b.services),
        ("purpose", a.purpose != b.purpose),
        ("sanitise", a.sanitise != b.sanitise),
        ("remote", a.remote != b.remote),
        ("schedule", a.schedule != b.schedule),
        ("rate", a.rate != b.rate),
        ("log", a.log != b.log),
        ("rate", a.rate != b.rate),
        ("attest", a.attest != b.attest),
        ("approval", approval(a) != approval(b)),
    ])
}

fn approval(a: &Approval, b: &Approval) -> Vec<&'static str> {
    differing([
        ("reason", a.reason != b.reason),
        ("requested_by", a.requested_by != b.requested_by),
        ("approved_by", a.approved_by != b.approved_by),
        ("approved_on", a.approved_on != b.approved_on),
        ("reference", a.reference != b.reference),
        ("expires", a.expires != b.expires),
        ("review_by", a.review_by != b.review_by),
        ("emergency", a.emergency != b.emergency),
        ("same_person_reason", a.same_person_reason != b.same_person_reason),
    ])
}

fn expectation((p, a): Of<'_, Expectation>, (q, b): Of<'_, Expectation>) -> Vec<&'static str> {
    differing([
        ("from", endpoint_texts(p, &a.from) != endpoint_texts(q, &b.from)),
        ("to", endpoint_texts(p, &a.to) != endpoint_texts(q, &b.to)),
        ("services", a.services != b.services),
        ("at", a.at != b.at),
        ("verdict", a.allow != b.allow),
    ])
}
