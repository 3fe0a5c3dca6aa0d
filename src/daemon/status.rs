//! How the daemon stands: the answer to `status`, and the one line for the
//! service manager.

use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::jobs::Set;
use super::run::Daemon;
use super::state::{InForce, State, Trouble};
use super::usage;
use crate::diag::{self, Lang, Message};
use crate::net::{IfName, IfPattern};
use crate::nft::names;
use crate::policy::{DenyReason, Policy};
use crate::sys::clock;
use crate::sys::nft::Nft;

/// How long reading the kernel's counters may take.
const COUNTERS_TIME: Duration = Duration::from_secs(5);

/// Changes to come that are told.
const UPCOMING: usize = 10;

/// All that is known without asking the kernel, and what is to be asked.
pub(super) struct Status {
    body: Map<String, Value>,
    entries: Vec<String>,
}

/// One line: what is in force, and what is wrong.
pub(super) fn line(state: &State) -> Message {
    let running = match &state.in_force {
        InForce::Nothing => Message::new("daemon-line-nothing"),
        InForce::Left => Message::new("daemon-line-left"),
        InForce::Closed => Message::new("daemon-line-closed"),
        InForce::Policy { summary, revision } => Message::new("daemon-line-policy")
            .with("digest", summary.digest.chars().take(19).collect::<String>())
            .with("revision", revision.to_string()),
    };
    let trouble = troubles(state).next();
    match (trouble, &state.pending) {
        (Some(trouble), _) => {
            Message::new("daemon-line-trouble").with("running", running).with("trouble", trouble.message.clone())
        }
        (None, Some(digest)) => Message::new("daemon-line-pending").with("running", running).with("digest", digest),
        (None, None) => running,
    }
}

/// What is wrong, the gravest first.
fn troubles(state: &State) -> impl Iterator<Item = &Trouble> {
    [&state.stale, &state.failed, &state.refused].into_iter().flatten()
}

/// What the loop knows.
pub(super) fn of(daemon: &Daemon, lang: Lang) -> Status {
    let state = &daemon.state;
    let (in_force, digest, revision, manual) = match &state.in_force {
        InForce::Nothing => ("nothing", None, None, None),
        InForce::Left => ("left", None, None, None),
        InForce::Closed => ("closed", None, None, None),
        InForce::Policy { summary, revision } => {
            ("policy", Some(&summary.digest), Some(*revision), Some(summary.manual))
        }
    };
    let errors: Vec<Value> = troubles(state).map(|trouble| trouble_json(trouble, lang)).collect();
    let set = daemon.running.as_ref().map(|(set, _)| &**set);
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "started": daemon.began,
        "config": daemon.settings.config,
        "state": daemon.settings.state,
        "in_force": in_force,
        "digest": digest,
        "revision": revision,
        "generation": state.generation,
        "applied_at": state.applied_at,
        "mode": manual.map(|manual| if manual { "manual" } else { "auto" }),
        "pending": state.pending,
        "summary": line(state).text(lang),
        "last_error": errors.first(),
        "errors": errors,
        "gateway": set.and_then(|set| set.policy.gateway.name.clone()),
        "zones": set.map_or(json!([]), |set| zones(&set.policy)),
        "log": log(daemon, lang),
        "next_change": set.map(next_change),
        "upcoming": set.map_or(json!([]), |set| upcoming(&set.policy)),
        "clock": { "now": Timestamp::now(), "synchronised": clock::synchronised() },
        "watch": { "ok": daemon.blind.is_none(), "error": daemon.blind },
        "binding": set.map(|set| binding(&set.policy)),
        "drift": "unsupported",
        "isolations": [],
    });
    let body = if let Value::Object(body) = body { body } else { Map::new() };
    let entries = set.map_or_else(Vec::new, |set| set.policy.entries.iter().map(|e| e.id.clone()).collect());
    Status { body, entries }
}

/// Adds the kernel's counters.
pub(super) async fn finish(status: Status, nft: &Nft, lang: Lang) -> Map<String, Value> {
    let Status { mut body, entries } = status;
    let listing = nft.clone().timeout(COUNTERS_TIME).list_counters().await;
    let (counters, error) = match listing {
        Ok(Some(listing)) => (counters(&listing, &entries), Value::Null),
        Ok(None) => (Value::Null, json!(Message::new("daemon-no-table").text(lang))),
        Err(error) => (Value::Null, json!(error.message().text(lang))),
    };
    body.insert("counters".into(), counters);
    body.insert("counters_error".into(), error);
    body
}

fn trouble_json(trouble: &Trouble, lang: Lang) -> Value {
    let findings = trouble.report.as_ref().map(|r| diag::json::findings(&r.findings.0, &r.sources, lang));
    json!({
        "time": trouble.time,
        "message": trouble.message.text(lang),
        "findings": findings.unwrap_or_else(|| json!([])),
    })
}

fn zones(policy: &Policy) -> Value {
    let here = interfaces();
    let interface = |pattern: &IfPattern| {
        let found: Vec<&str> = here.iter().filter(|name| pattern.matches(name)).map(IfName::as_str).collect();
        json!({ "name": pattern.to_string(), "present": !found.is_empty(), "found": found })
    };
    let zone = |zone: &crate::policy::Zone| {
        json!({
            "name": zone.name,
            "label": zone.label,
            "interfaces": zone.interfaces.iter().map(interface).collect::<Vec<_>>(),
        })
    };
    policy.zones.iter().map(zone).collect()
}

/// The interfaces of our own network namespace. `/sys/class/net` would show
/// those of whoever mounted it.
fn interfaces() -> Vec<IfName> {
    let text = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(':')?.0.trim().parse().ok()).collect()
}

fn binding(policy: &Policy) -> Value {
    let binding = &policy.binding;
    let strict: Vec<&str> = binding.strict.iter().map(|zone| policy.zone(*zone).name.as_str()).collect();
    json!({ "enforce": binding.enforce, "strict_zones": strict, "pin_neighbours": binding.pin_neighbours })
}

fn next_change(set: &Set) -> Value {
    let now = Timestamp::now();
    let Some(time) = set.policy.next_change(now) else { return Value::Null };
    let entries: Vec<&str> = set
        .policy
        .entries
        .iter()
        .filter(|entry| entry.schedule.next_change(now) == Some(time))
        .map(|entry| entry.id.as_str())
        .collect();
    json!({ "time": time, "entries": entries })
}

/// The next of what begins and ends, in the organisation's time.
fn upcoming(policy: &Policy) -> Value {
    let now = Timestamp::now();
    let change = |change: &crate::policy::Upcoming<'_>| {
        json!({
            "time": change.at.to_zoned(policy.organisation.timezone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "kind": change.subject.as_str(),
            "name": change.name,
            "change": change.turn.as_str(),
        })
    };
    policy.upcoming(now).iter().take(UPCOMING).map(change).collect()
}

fn log(daemon: &Daemon, lang: Lang) -> Value {
    let Some(log) = &daemon.log else { return Value::Null };
    let health = log.health();
    json!({
        "reading": health.reading,
        "storing": health.storing,
        "records": health.records,
        "packets": health.packets,
        "gaps": health.gaps,
        "lost": health.lost_packets,
        "last_error": health.last_error.map(|error| error.text(lang)),
        "store": health.store_path,
    })
}

/// nft's listing by reason and by entry.
fn counters(listing: &Value, entries: &[String]) -> Value {
    let mut named = usage::counters(listing);
    let denied: Map<String, Value> = DenyReason::ALL
        .into_iter()
        .filter_map(|reason| Some((reason.to_string(), json!(named.remove(&*names::deny_counter(reason))?))))
        .collect();
    let allowed: Map<String, Value> =
        entries.iter().filter_map(|id| Some((id.clone(), json!(named.remove(&*names::entry_counter(id))?)))).collect();
    json!({ "denied": denied, "entries": allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_by_reason_and_by_entry() {
        let counter =
            |name: String, packets: u64| json!({ "counter": { "name": name, "packets": packets, "bytes": 60 } });
        let listing = json!({ "nftables": [
            { "metainfo": { "version": "1.0.6" } },
            counter(names::deny_counter(DenyReason::NoAllowEntry), 7),
            counter(names::entry_counter("番-1"), 3),
            counter("other".into(), 1),
        ] });
        let told = counters(&listing, &["番-1".into(), "absent".into()]);
        assert_eq!(told["denied"], json!({ "no-allow-entry": { "packets": 7, "bytes": 60 } }));
        assert_eq!(told["entries"], json!({ "番-1": { "packets": 3, "bytes": 60 } }));
    }

    #[test]
    fn the_loopback_is_among_the_interfaces() {
        assert!(interfaces().iter().any(|name| name.as_str() == "lo"));
    }
}
