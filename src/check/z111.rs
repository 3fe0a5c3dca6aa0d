//! Z111: no way for files stands open beside a screen transfer.

use super::input::{Allowed, Crossing, Input};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::net::{AddrRange, Proto, Service};
use crate::policy::{Endpoint, Sanitise, ZoneId};

pub const CHECK: Check = Check::new("Z111", Severity::Error, words!("z111"), run)
    .cites(&[Clause::shunan("第3章(2)①(イ)"), Clause::shunan("第6章第4節(3)⑤")])
    .example("[[allow]]\nid = \"LI-009\"\nfrom = \"lgwan\"\nto = \"internet:vdi\"\nservices = [\"tcp/9427\"]\nsanitise = \"screen-transfer\"\n");

/// Drive redirection and USB of Horizon, and file sharing of Windows.
const FILES: [u16; 4] = [9427, 32111, 445, 139];

fn run(input: &Input<'_>, findings: &mut Findings) {
    let screens: Vec<Allowed<'_>> =
        input.living().filter(|allowed| allowed.entry.sanitise == Some(Sanitise::ScreenTransfer)).collect();
    if screens.is_empty() {
        return;
    }
    for allowed in input.living() {
        let Some(text) = input.service_at(allowed, opens_files) else { continue };
        let beside = screens.iter().find(|screen| meet(input, **screen, allowed));
        if let Some(screen) = beside {
            let message =
                Message::new("check-z111-found").with("service", &text.value).with("screen", &screen.entry.id);
            let mut finding = input.finding(&CHECK, message).at(&text.place).subject(&allowed.entry.id);
            if screen.entry.id != allowed.entry.id {
                finding = finding.related(Message::new("check-z111-screen"), screen.place());
            }
            findings.push(finding);
        }
    }
}

fn opens_files(service: &Service) -> bool {
    match service {
        Service::Ports(proto, range) => *proto == Proto::TCP && FILES.iter().any(|port| range.contains(*port)),
        Service::Proto(proto) => *proto == Proto::TCP,
        Service::Any => true,
        Service::Icmp(_) | Service::Icmpv6(_) => false,
    }
}

/// True if both entries join the same two hosts, either way round.
fn meet(input: &Input<'_>, screen: Allowed<'_>, other: Allowed<'_>) -> bool {
    let (screen, other) = (screen.entry, other.entry);
    let crossing = |pair: Crossing| {
        let common = |a: &[Endpoint], b: &[Endpoint], zone: ZoneId| {
            let ends = |list: &[Endpoint]| -> Vec<Endpoint> {
                list.iter().copied().filter(|end| input.policy.endpoint_zone(*end) == Some(zone)).collect()
            };
            let (a, b) = (ends(a), ends(b));
            a.iter().any(|a| b.iter().any(|b| overlap(input, *a, *b)))
        };
        (common(&screen.from, &other.from, pair.from) && common(&screen.to, &other.to, pair.to))
            || (common(&screen.from, &other.to, pair.from) && common(&screen.to, &other.from, pair.to))
    };
    input.crossings(screen).into_iter().any(crossing)
}

/// True if two ends of one zone have a host or an address in common.
fn overlap(input: &Input<'_>, a: Endpoint, b: Endpoint) -> bool {
    if a == b || matches!(a, Endpoint::Zone(_)) || matches!(b, Endpoint::Zone(_)) {
        return true;
    }
    let ranges = |end: Endpoint| -> Vec<AddrRange> {
        let host = |id| input.policy.host(id).ips.iter().map(|net| AddrRange::from(*net));
        match end {
            Endpoint::Host(id) => host(id).collect(),
            Endpoint::Network(_, net) => vec![AddrRange::from(net)],
            Endpoint::Group(_, group) => {
                let group = input.policy.group(group);
                let own = group.networks.iter().map(|net| AddrRange::from(*net));
                group.hosts.iter().flat_map(|id| host(*id)).chain(own).collect()
            }
            Endpoint::Zone(_) | Endpoint::Gateway => Vec::new(),
        }
    };
    let mut all: Vec<(AddrRange, bool)> = ranges(a).into_iter().map(|range| (range, true)).collect();
    all.extend(ranges(b).into_iter().map(|range| (range, false)));
    all.sort();
    // Prefixes nest or are apart: whatever begins inside the widest open one meets it.
    let mut open: [Option<AddrRange>; 2] = [None, None];
    for (range, first) in all {
        if open[usize::from(first)].is_some_and(|other| other.intersect(&range).is_some()) {
            return true;
        }
        let own = &mut open[usize::from(!first)];
        if own.is_none_or(|known| !known.contains_range(&range)) {
            *own = Some(range);
        }
    }
    false
}
