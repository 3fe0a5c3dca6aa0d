//! Z125: printers and things cross zones only where an approval names them.

use std::collections::BTreeSet;

use super::input::{Allowed, Input};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::net::AddrRange;
use crate::policy::{Endpoint, HostId, HostKind, ZoneId};

pub const CHECK: Check = Check::new("Z125", Severity::Error, words!("z125"), run)
    .cites(&[Clause::shunan("第6章第1節(11)②"), Clause::shunan("第6章第1節(12)"), Clause::kameoka("第5章1(7)")])
    .example("[hosts.mfp-1]\nzone = \"mfp\"\nip = [\"10.40.0.5\"]\nkind = \"mfp\"\n[[allow]]\nid = \"LP-001\"\nfrom = \"lgwan\"\nto = \"mfp:mfp-1\"\nservices = \"print\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let is_thing = |id: &HostId| matches!(input.policy.host(*id).kind, Some(HostKind::Mfp | HostKind::Iot));
    let things: Vec<HostId> = (0..input.policy.hosts.len()).map(HostId).filter(is_thing).collect();
    if things.is_empty() {
        return;
    }
    for allowed in input.living() {
        let pairs = input.crossings(allowed.entry);
        let mut unnamed: Vec<(HostId, Endpoint, bool)> = Vec::new();
        let mut zones: BTreeSet<(ZoneId, bool)> = BTreeSet::new();
        zones.extend(pairs.iter().flat_map(|pair| [(pair.from, true), (pair.to, false)]));
        for (zone, source) in zones {
            let ends = if source { &allowed.entry.from } else { &allowed.entry.to };
            for end in input.ends_in(ends, zone) {
                let inside = things.iter().filter(|id| input.policy.host(**id).zone == zone && holds(input, end, **id));
                unnamed.extend(inside.filter(|id| !named(input, allowed, **id)).map(|id| (*id, end, source)));
            }
        }
        if let Some((_, end, source)) = unnamed.first() {
            let names: BTreeSet<&str> = unnamed.iter().map(|(id, ..)| input.policy.host(*id).name.as_str()).collect();
            let list: Vec<&str> = names.iter().copied().take(3).collect();
            let message = Message::new("check-z125-found").with("hosts", list.join(", ")).with("count", names.len());
            let texts = if *source { &allowed.written.from } else { &allowed.written.to };
            let place = input.end_place(texts, *end, allowed.place());
            findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
        }
    }
}

/// True if an end means this host.
fn holds(input: &Input<'_>, end: Endpoint, id: HostId) -> bool {
    let inside = |net: &ipnet::IpNet| {
        let range = AddrRange::from(*net);
        input.policy.host(id).ips.iter().any(|ip| AddrRange::from(*ip).intersect(&range).is_some())
    };
    match end {
        Endpoint::Zone(_) => true,
        Endpoint::Host(host) => host == id,
        Endpoint::Group(_, group) => {
            let group = input.policy.group(group);
            group.hosts.contains(&id) || group.networks.iter().any(inside)
        }
        Endpoint::Network(_, net) => inside(&net),
        Endpoint::Gateway => false,
    }
}

/// True if the entry's approval says the host's name.
fn named(input: &Input<'_>, allowed: Allowed<'_>, id: HostId) -> bool {
    let name = input.policy.host(id).name.as_str();
    let says = |text: &Option<String>| text.as_deref().is_some_and(|text| text.contains(name));
    allowed
        .entry
        .approval
        .as_ref()
        .and_then(|a| input.policy.approval(a))
        .is_some_and(|approval| says(&approval.reason) || says(&approval.reference))
}
