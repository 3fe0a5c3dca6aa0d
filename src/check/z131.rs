//! Z131: a MAC behind a router is not the one that the gateway sees.

use std::collections::{BTreeMap, BTreeSet};

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::{Endpoint, HostId, L2, ZoneClass, ZoneId};

pub const CHECK: Check = Check::new("Z131", Severity::Error, words!("z131"), run)
    .cites(&[Clause::shunan("第3章(1)①")])
    .example("[zones.branch]\nclass = \"lgwan\"\nl2 = \"routed\"\n[hosts.pc]\nzone = \"branch\"\nip = [\"10.73.1.5\"]\nmac = [\"00:00:5e:00:53:01\"]\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let unseen = |id: &HostId| {
        let host = input.policy.host(*id);
        input.policy.zone(host.zone).l2 == L2::Routed && host.via.is_none() && !host.macs.is_empty()
    };
    let hosts: BTreeSet<HostId> = (0..input.policy.hosts.len()).map(HostId).filter(unseen).collect();
    if hosts.is_empty() {
        return;
    }
    let told = entries(input, &hosts, findings);
    let mut rest: BTreeMap<ZoneId, Vec<HostId>> = BTreeMap::new();
    for id in hosts.difference(&told) {
        rest.entry(input.policy.host(*id).zone).or_default().push(*id);
    }
    // A branch may have hundreds of terminals: one warning for all of a zone.
    for (zone, hosts) in rest {
        let zone = input.policy.zone(zone);
        let names: Vec<&str> = hosts.iter().take(3).map(|id| input.policy.host(*id).name.as_str()).collect();
        let message = Message::new("check-z131-zone")
            .with("zone", &zone.name)
            .with("count", hosts.len())
            .with("hosts", names.join(", "));
        let clauses = if zone.class == ZoneClass::Mynumber { CHECK.clauses } else { &[] };
        let mut finding = input.citing(&CHECK, clauses, message).at(&zone.place).subject(&zone.name);
        finding.severity = Severity::Warning;
        if let Some(first) = hosts.first() {
            finding = finding.related(Message::new("policy-host-here"), &input.policy.host(*first).place);
        }
        findings.push(finding);
    }
}

/// Errors for the ends of My Number entries; gives the hosts that they tell of.
fn entries(input: &Input<'_>, hosts: &BTreeSet<HostId>, findings: &mut Findings) -> BTreeSet<HostId> {
    let mut told = BTreeSet::new();
    for allowed in input.living() {
        if input.mynumber_crossings(allowed.entry).is_empty() {
            continue;
        }
        for (ends, texts) in [(&allowed.entry.from, &allowed.written.from), (&allowed.entry.to, &allowed.written.to)] {
            for end in ends {
                let members: Vec<HostId> = match end {
                    Endpoint::Host(id) => vec![*id],
                    Endpoint::Group(_, group) => input.policy.group(*group).hosts.iter().copied().collect(),
                    _ => continue,
                };
                let mynumber = |id: &&HostId| input.class(input.policy.host(**id).zone) == ZoneClass::Mynumber;
                let unseen: Vec<HostId> =
                    members.iter().filter(mynumber).filter(|id| hosts.contains(id)).copied().collect();
                let Some(first) = unseen.first() else { continue };
                let host = input.policy.host(*first);
                let message =
                    Message::new("check-z131-entry").with("host", &host.name).with("zone", input.zone_name(host.zone));
                let place = input.end_place(texts, *end, allowed.place());
                let finding = input.finding(&CHECK, message).at(place).subject(&allowed.entry.id);
                findings.push(finding.related(Message::new("policy-host-here"), &host.place));
                told.extend(unseen);
            }
        }
    }
    told
}
