//! Z101: what leaves or enters a My Number zone is limited to named devices
//! (IP and MAC) and single ports.

use std::collections::HashSet;

use super::input::{Allowed, Crossing, Input};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::net::{AddrRange, Service};
use crate::policy::{Endpoint, HostId, ZoneClass};

pub const CHECK: Check = Check::new("Z101", Severity::Error, words!("z101"), run)
    .never_waivable()
    .cites(&[Clause::shunan("第3章(1)①")])
    .example("[[allow]]\nid = \"MN-001\"\nfrom = \"mynumber\"\nto = \"lgwan:renkei\"\nservices = [\"tcp/1-1024\"]\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        let mynumber = |pair: &Crossing| [pair.from, pair.to].iter().any(|z| input.class(*z) == ZoneClass::Mynumber);
        let pairs: Vec<Crossing> = input.crossings(allowed.entry).into_iter().filter(mynumber).collect();
        if pairs.is_empty() {
            continue;
        }
        let mut told = HashSet::new();
        for pair in &pairs {
            // Between two of its zones it is enough that the one who opens is bound.
            let inside = input.class(pair.from) == input.class(pair.to);
            let bound = |zone| input.class(zone) == ZoneClass::Mynumber;
            for (source, bound) in [(true, bound(pair.from)), (false, bound(pair.to) && !inside)] {
                let (ends, texts, zone) = if source {
                    (&allowed.entry.from, &allowed.written.from, pair.from)
                } else {
                    (&allowed.entry.to, &allowed.written.to, pair.to)
                };
                for end in input.ends_in(ends, zone) {
                    let unpinned = || unpinned(input, bound && !source);
                    if let Some(message) =
                        fault(input, end, bound).or_else(unpinned).filter(|_| told.insert((end, source)))
                    {
                        let place = input.end_place(texts, end, allowed.place());
                        let message = message.with("end", input.end_text(end));
                        findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
                    }
                }
            }
        }
        services(input, allowed, findings);
    }
}

/// What is wrong with one end of such an entry; `bound` = it needs a MAC.
fn fault(input: &Input<'_>, end: Endpoint, bound: bool) -> Option<Message> {
    let policy = input.policy;
    let single = |net: &ipnet::IpNet| AddrRange::from(*net).is_single();
    match end {
        Endpoint::Gateway => None,
        Endpoint::Zone(_) => Some(Message::new("check-z101-zone")),
        Endpoint::Network(_, net) if !single(&net) => Some(Message::new("check-z101-range")),
        Endpoint::Network(..) => bound.then(|| Message::new("check-z101-unbound")),
        Endpoint::Host(host) => host_fault(input, host, bound),
        Endpoint::Group(_, group) => {
            let group = policy.group(group);
            if group.networks.iter().any(|net| !single(net)) {
                Some(Message::new("check-z101-range"))
            } else if bound && !group.networks.is_empty() {
                Some(Message::new("check-z101-unbound"))
            } else {
                group.hosts.iter().find_map(|host| host_fault(input, *host, bound))
            }
        }
    }
}

/// What reaches a My Number host reaches its MAC only if neighbours are pinned.
fn unpinned(input: &Input<'_>, target: bool) -> Option<Message> {
    (target && !input.policy.binding.pin_neighbours).then(|| Message::new("check-z101-unpinned"))
}

fn host_fault(input: &Input<'_>, id: HostId, bound: bool) -> Option<Message> {
    let host = input.policy.host(id);
    let key = if host.ips.iter().any(|net| !AddrRange::from(*net).is_single()) {
        "check-z101-host-range"
    } else if bound && host.ips.is_empty() {
        "check-z101-host-no-ip"
    } else if bound && host.macs.is_empty() && host.via.is_none() {
        "check-z101-host-no-mac"
    } else {
        return None;
    };
    Some(Message::new(key).with("host", &host.name))
}

fn services(input: &Input<'_>, allowed: Allowed<'_>, findings: &mut Findings) {
    let wide = |service: &Service| !matches!(service, Service::Ports(_, range) if range.is_single());
    if let Some(text) = input.service_at(allowed, wide) {
        let message = Message::new("check-z101-ports").with("service", &text.value);
        findings.push(input.finding(&CHECK, message).at(&text.place).subject(&allowed.entry.id));
    }
}
