//! The digest: one fingerprint of everything that a policy means.
//!
//! Takes a [`Policy`]; gives `sha256:HEX` over a canonical form in which names
//! stand for indices, everything without meaning in its order is sorted, and
//! places in files are left out. So comments, order, layout of files and
//! encoding change nothing, and any resolved value changes all (SPEC §4).

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Approval, Endpoint, Entry, EntryApproval, Expectation, Group, Host, Networks, Policy, Waiver, Zone};
use crate::net::AddrRange;

/// The digest of a policy, `sha256:` and 64 lower-case hexadecimal digits.
pub fn digest(policy: &Policy) -> String {
    use std::fmt::Write as _;
    let canonical = canonical(policy).to_string();
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(canonical.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The values as text, sorted, without doubles.
fn set<T: ToString>(values: impl IntoIterator<Item = T>) -> Value {
    let mut texts: Vec<String> = values.into_iter().map(|v| v.to_string()).collect();
    texts.sort_unstable();
    texts.dedup();
    json!(texts)
}

/// The values by their own text, sorted.
fn sorted(values: impl Iterator<Item = Value>) -> Value {
    let mut texts: Vec<(String, Value)> = values.map(|v| (v.to_string(), v)).collect();
    texts.sort_by(|(a, _), (b, _)| a.cmp(b));
    Value::Array(texts.into_iter().map(|(_, v)| v).collect())
}

fn canonical(policy: &Policy) -> Value {
    let organisation = &policy.organisation;
    let compliance = &policy.compliance;
    json!({
        "organisation": {
            "name": organisation.name,
            "timezone": organisation.timezone.iana_name(),
            "ciso": organisation.ciso.as_ref().map(set),
        },
        "compliance": {
            "model": format!("{:?}", compliance.model),
            "edition": compliance.edition,
            "standard": compliance.standard,
            "local_rules": set(&compliance.local_rules),
        },
        "zones": sorted(policy.zones.iter().map(zone)),
        "hosts": sorted(policy.hosts.iter().map(|h| host(policy, h))),
        "groups": sorted(policy.groups.iter().map(|g| group(policy, g))),
        "approvals": policy.approvals.iter().map(|(name, a)| json!([name, approval(a)])).collect::<Vec<_>>(),
        "entries": sorted(policy.entries.iter().map(|e| entry(policy, e))),
        "expectations": sorted(policy.expectations.iter().map(|e| expectation(policy, e))),
        "waivers": sorted(policy.waivers.iter().map(waiver)),
        "gateway": {
            "name": policy.gateway.name,
            "output_allow": policy.gateway.output_allow,
            "management": sorted(policy.gateway.management.iter().map(|m| {
                json!([policy.host(m.host).name, set(&m.services)])
            })),
        },
        "reload": [
            format!("{:?}", policy.reload.mode),
            policy.reload.debounce_ms,
            format!("{:?}", policy.reload.established),
        ],
        "log": [policy.log.store, policy.log.retention_days, policy.log.snaplen, policy.log.on_failure],
        "binding": {
            "enforce": policy.binding.enforce,
            "strict": set(policy.binding.strict.iter().map(|z| &policy.zone(*z).name)),
            "pin_neighbours": policy.binding.pin_neighbours,
        },
    })
}

fn zone(zone: &Zone) -> Value {
    json!({
        "name": zone.name,
        "class": format!("{:?}", zone.class),
        "label": zone.label,
        "interfaces": set(&zone.interfaces),
        "networks": match &zone.networks {
            Networks::Any => json!("any"),
            Networks::Listed(nets) => set(nets),
        },
        "intra_zone_allow": zone.intra_zone_allow,
        "deny_with": format!("{:?}", zone.deny_with),
        "l2": format!("{:?}", zone.l2),
        "operator": zone.operator,
        "internet_connected": zone.internet_connected,
        "approval": zone.approval,
        "masquerade": zone.masquerade,
        "breakout": zone.breakout,
        "redundant": zone.redundant,
        "attest": zone.attest,
    })
}

fn host(policy: &Policy, host: &Host) -> Value {
    json!({
        "name": host.name,
        "zone": policy.zone(host.zone).name,
        "ips": set(&host.ips),
        "macs": set(&host.macs),
        "via": host.via.map(|via| &policy.host(via).name),
        "kind": host.kind.map(|k| format!("{k:?}")),
        "labels": host.labels.iter().collect::<Vec<_>>(),
        "valid_from": host.valid.from.map(|t| t.to_string()),
        "valid_until": host.valid.until.map(|t| t.to_string()),
    })
}

fn group(policy: &Policy, group: &Group) -> Value {
    json!({
        "name": group.name,
        "hosts": set(group.hosts.iter().map(|h| &policy.host(*h).name)),
        "networks": set(&group.networks),
    })
}

fn approval(approval: &Approval) -> Value {
    json!({
        "reason": approval.reason,
        "requested_by": approval.requested_by,
        "approved_by": set(&approval.approved_by),
        "approved_on": approval.approved_on.map(|d| d.to_string()),
        "reference": approval.reference,
        "expires": approval.expires.map(|t| t.to_string()),
        "review_by": approval.review_by.map(|d| d.to_string()),
        "emergency": approval.emergency,
        "same_person_reason": approval.same_person_reason,
    })
}

fn ends(policy: &Policy, ends: &[Endpoint]) -> Value {
    // Names hold no colon, so the three parts cannot run together.
    set(ends.iter().map(|end| match end {
        Endpoint::Gateway => "gateway".to_owned(),
        Endpoint::Zone(zone) => policy.zone(*zone).name.clone(),
        Endpoint::Host(host) => {
            let host = policy.host(*host);
            format!("{}:{}", policy.zone(host.zone).name, host.name)
        }
        Endpoint::Group(zone, group) => format!("{}:{}", policy.zone(*zone).name, policy.group(*group).name),
        Endpoint::Network(zone, net) => format!("{}:{}", policy.zone(*zone).name, AddrRange::from(*net)),
    }))
}

fn entry(policy: &Policy, entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "title": entry.title,
        "from": ends(policy, &entry.from),
        "to": ends(policy, &entry.to),
        "service_names": set(&entry.service_names),
        "services": set(&entry.services),
        "purpose": format!("{:?}", entry.purpose),
        "sanitise": entry.sanitise.map(|s| format!("{s:?}")),
        "remote": entry.remote.map(|r| [r.mfa, r.encrypted]),
        "starts": entry.schedule.starts.map(|t| t.to_string()),
        "expires": entry.schedule.expires.map(|t| t.to_string()),
        "windows": entry.schedule.windows.as_ref().map(|w| {
            let once = w.once().iter().map(|(from, until)| [from.to_string(), until.to_string()]);
            json!([w.weekly(), once.collect::<Vec<_>>()])
        }),
        "rate": entry.rate.map(|r| json!([r.count, format!("{:?}", r.unit)])),
        "log": entry.log,
        "attest": entry.attest,
        "approval": entry_approval(entry.approval.as_ref()),
    })
}

fn entry_approval(written: Option<&EntryApproval>) -> Value {
    match written {
        None => Value::Null,
        Some(EntryApproval::Named(name)) => json!(name),
        Some(EntryApproval::Inline(inline)) => approval(inline),
    }
}

fn waiver(waiver: &Waiver) -> Value {
    json!({
        "check": waiver.check,
        "subject": waiver.subject,
        "expires": waiver.expires.map(|t| t.to_string()),
        "approval": entry_approval(waiver.approval.as_ref()),
    })
}

fn expectation(policy: &Policy, expectation: &Expectation) -> Value {
    json!({
        "name": expectation.name,
        "from": ends(policy, &expectation.from),
        "to": ends(policy, &expectation.to),
        "services": set(&expectation.services),
        "at": expectation.at.map(|t| t.to_string()),
        "allow": expectation.allow,
    })
}
