//! Random policies that use every form SPEC §1 has, in odd company.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use zoned::net::{AddrRange, Family, IfPattern, MacAddr, addr_to_u128, u128_to_addr};

use crate::draft::{Cut, Draft, Entry, Group, Host, ISOLATION, TIME, Zone};
use crate::random::Random;

/// The lab's interfaces.
pub const PORTS: [&str; 7] = ["eth1", "eth2", "eth3", "tap0", "tap1", "tap10", "vpn-a"];
/// What zones may name: exact, wildcard, wildcard about exact, absent.
const PATTERNS: [&str; 14] =
    ["eth1", "eth2", "eth3", "eth*", "e*", "tap0", "tap1", "tap10", "tap*", "tap1*", "vpn-a", "vpn-*", "gone0", "v*"];
/// Prefixes that nest, touch, and reach the ends of the space.
const NETWORKS: [&str; 36] = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.16.0/20",
    "10.1.16.128/25",
    "10.1.16.130/32",
    "10.2.0.0/16",
    "10.2.0.0/24",
    "10.2.1.0/24",
    "10.2.1.64/30",
    "10.6.0.0/15",
    "10.4.0.0/14",
    "172.16.0.0/12",
    "172.16.5.0/24",
    "192.0.2.0/29",
    "192.168.0.0/16",
    "192.168.255.0/24",
    "198.51.100.0/31",
    "203.0.113.0/24",
    "128.0.0.0/1",
    "0.0.0.0/0",
    "240.0.0.0/4",
    "1.0.0.0/8",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8:1:1::/64",
    "2001:db8:1:1::/96",
    "2001:db8:1:1::100/120",
    "2001:db8:1:1::101/128",
    "2001:db8:2::/48",
    "2001:db8:2:8000::/49",
    "2001:db8:3::/126",
    "2001:db8:ffff:ffff::/64",
    "fd00::/8",
    "fd12:3456::/32",
    "2000::/3",
    "::/0",
];
const SERVICES: [&str; 24] = [
    "tcp/443",
    "tcp/80",
    "tcp/22",
    "tcp/1-65535",
    "tcp/0-1023",
    "tcp/8000-8010",
    "tcp/8005-9000",
    "udp/53",
    "udp/5000-5010",
    "udp/65535",
    "udp/0",
    "sctp/2905",
    "sctp/2900-2910",
    "icmp",
    "icmp/8",
    "icmp/13",
    "icmpv6",
    "icmpv6/128",
    "proto/47",
    "proto/50",
    "proto/6",
    "proto/17",
    "dns",
    "ping",
];
const LABELS: [&str; 2] = ["税務課", "総務課"];

/// Windows, as the configuration has them, at each of which the run stands or does not: long before or after their ends.
fn window(random: &mut Random, at: Timestamp) -> String {
    let local = |hours: i64| (at + hours.hours()).to_zoned(TimeZone::get("Asia/Tokyo").unwrap());
    let span = |from: i64, to: i64| {
        let [from, to] = [from, to].map(|hours| local(hours).strftime("%Y-%m-%dT%H:%M").to_string());
        format!("{{ at = {from:?}, until = {to:?} }}")
    };
    let daily = |from: i64, to: i64| {
        let [from, to] = [from, to].map(|hours| local(hours).strftime("%H:%M").to_string());
        format!("{{ days = [\"mon-sun\"], from = {from:?}, to = {to:?} }}")
    };
    let (now, past, later) = (span(-3, 2), span(-30, -3), span(4, 50));
    match random.below(6) {
        0 => format!("[{now}]"),
        1 => format!("[{past}, {later}]"),
        2 => format!("[{past}]"),
        3 => format!("[{}, {later}]", daily(-2, 3)),
        4 => format!("[{}]", daily(3, 7)),
        _ => format!("[{}, {now}]", daily(2, -2)),
    }
}

fn cut(random: &mut Random, draft: &Draft) -> Option<Cut> {
    let zone = |random: &mut Random| random.pick_any(&draft.zones).map(|z| z.name.clone());
    let macs: Vec<MacAddr> = draft.hosts.iter().flat_map(|h| &h.mac).filter_map(|m| m.parse().ok()).collect();
    Some(match random.below(12) {
        0 => Cut::All,
        1..4 => Cut::Zone(zone(random)?),
        4..6 => Cut::Pair(zone(random)?, zone(random)?),
        6..9 => Cut::Host(random.pick_any(&draft.hosts)?.name.clone()),
        9 => Cut::Mac(MacAddr([2, 0x77, 0, 0, 0, random.below(256) as u8])),
        _ => Cut::Mac(*random.pick_any(&macs)?),
    })
}

/// Isolates something else, and has other strict zones: what changes under open flows.
pub fn amend(random: &mut Random, draft: &mut Draft) {
    draft.isolated.clear();
    if ISOLATION && random.chance(60) {
        let cut = cut(random, draft);
        draft.isolated.extend(cut);
    }
    draft.strict = draft.zones.iter().filter(|_| random.chance(30)).map(|z| z.name.clone()).collect();
}

/// A policy, for a run that stands at `at`; it need not be valid.
pub fn policy(random: &mut Random, at: Timestamp) -> Draft {
    let mut draft = Draft { output_deny: random.chance(35), ..Draft::default() };
    for index in 0..random.between(1, 6) {
        let zone = zone(random, index, &draft.zones);
        draft.zones.extend(zone);
    }
    let mut taken: Vec<AddrRange> = Vec::new();
    for index in 0..random.between(0, 14) {
        let host = host(random, index, &draft, &mut taken);
        draft.hosts.extend(host);
    }
    for index in 0..random.between(0, 4) {
        let group = group(random, index, &draft);
        draft.groups.extend(group);
    }
    for index in 0..random.between(0, 14) {
        let entry = entry(random, index, &draft, at);
        draft.entries.extend(entry);
    }
    draft.enforce = random.chance(80);
    draft.strict = draft.zones.iter().filter(|_| random.chance(25)).map(|z| z.name.clone()).collect();
    if ISOLATION && random.chance(20) {
        for _ in 0..random.between(1, 3) {
            let cut = cut(random, &draft);
            draft.isolated.extend(cut);
        }
    }
    let managers: Vec<&Host> = draft.hosts.iter().filter(|h| !h.ip.is_empty()).collect();
    for _ in 0..random.below(3) {
        if let Some(host) = random.pick_any(&managers) {
            let service = random.pick(&["ssh", "https", "tcp/8443", "icmp"]);
            draft.management.push(format!("{}:{}:{service}", host.zone, host.name));
        }
    }
    draft
}

fn several<'a>(random: &mut Random, most: usize, from: &[&'a str]) -> Vec<&'a str> {
    let mut list: Vec<&str> = (0..random.between(1, most)).map(|_| *random.pick(from)).collect();
    list.sort_unstable();
    list.dedup();
    list
}

/// A zone whose networks no other zone has where they meet; none if no luck.
fn zone(random: &mut Random, index: usize, others: &[Zone]) -> Option<Zone> {
    let interfaces: Vec<String> = several(random, 2, &PATTERNS).into_iter().map(str::to_owned).collect();
    let meet = |other: &&Zone| other.interfaces.iter().any(|a| interfaces.iter().any(|b| may_meet(a, b)));
    let met: Vec<&Zone> = others.iter().filter(meet).collect();
    let free = |network: &&str| !met.iter().any(|z| z.networks.iter().any(|n| n == network));
    let networks: Vec<&str> = if random.chance(15) {
        vec!["any"]
    } else {
        // The widest ones swallow everything: rarely.
        let rare = if random.chance(10) { NETWORKS.len() } else { 0 };
        let wide = ["128.0.0.0/1", "0.0.0.0/0", "2000::/3", "::/0", "240.0.0.0/4"];
        let usual: Vec<&str> = NETWORKS.iter().copied().filter(|n| rare > 0 || !wide.contains(n)).collect();
        several(random, 4, &usual)
    };
    let networks: Vec<String> = networks.iter().filter(|n| free(n)).map(|n| (*n).to_owned()).collect();
    (!networks.is_empty()).then(|| Zone {
        name: format!("z{index}"),
        interfaces,
        networks,
        intra: random.chance(25),
        reject: random.chance(40),
        routed: random.chance(15),
    })
}

/// True if some interface could be meant by both patterns.
fn may_meet(a: &str, b: &str) -> bool {
    let stem = |text: &str| text.trim_end_matches('*').to_owned();
    let matches = |pattern: &str, name: &str| {
        let name = name.parse();
        pattern.parse::<IfPattern>().is_ok_and(|p| name.is_ok_and(|n| p.matches(&n)))
    };
    match (a.ends_with('*'), b.ends_with('*')) {
        (true, true) => stem(a).starts_with(&stem(b)) || stem(b).starts_with(&stem(a)),
        (true, false) => matches(a, b),
        (false, _) => matches(b, a),
    }
}

/// A prefix inside a zone and touching no narrower network of another.
fn inside(random: &mut Random, zone: &Zone, draft: &Draft, single: bool) -> Option<IpNet> {
    for _ in 0..8 {
        let Ok(own) = random.pick(&zone.networks).parse::<IpNet>() else {
            let net = IpNet::from(outside_address(random));
            let listed = draft.zones.iter().flat_map(|z| &z.networks).filter_map(|n| n.parse::<IpNet>().ok());
            if listed.into_iter().all(|n| !n.contains(&net)) {
                return Some(net);
            }
            continue;
        };
        let length = if single || random.chance(70) { own.max_prefix_len() } else { narrower(random, own) };
        let net = IpNet::new(within(random, own), length).ok()?.trunc();
        let narrower_there = |n: &IpNet| n.prefix_len() > own.prefix_len() && (n.contains(&net) || net.contains(n));
        let others = draft.zones.iter().filter(|z| z.name != zone.name).flat_map(|z| &z.networks);
        if !others.filter_map(|n| n.parse().ok()).any(|n| narrower_there(&n)) {
            return Some(net);
        }
    }
    None
}

fn narrower(random: &mut Random, net: IpNet) -> u8 {
    random.between(usize::from(net.prefix_len()), usize::from(net.max_prefix_len())) as u8
}

/// An address in a prefix, often near its ends.
pub fn within(random: &mut Random, net: IpNet) -> IpAddr {
    let range = AddrRange::from(net);
    let size = range.last() - range.first();
    let step = match random.below(5) {
        0 => 0,
        1 => size,
        2 => size.min(1),
        _ => (u128::from(random.number()) << 64 | u128::from(random.number())) % size.saturating_add(1).max(1),
    };
    u128_to_addr(range.family(), range.first() + step)
}

/// An address at, or one beside, an end of a prefix.
pub fn edge(random: &mut Random, net: IpNet) -> IpAddr {
    let range = AddrRange::from(net);
    let number = match random.below(4) {
        0 => range.first(),
        1 => range.last(),
        2 => range.first().saturating_sub(1),
        _ => range.last().saturating_add(1).min(range.family().max()),
    };
    u128_to_addr(range.family(), number)
}

/// The address after or before.
pub fn neighbour(random: &mut Random, addr: IpAddr) -> IpAddr {
    let (family, number) = (Family::of(addr), addr_to_u128(addr));
    let next = if random.chance(50) { number.saturating_add(1).min(family.max()) } else { number.saturating_sub(1) };
    u128_to_addr(family, next)
}

/// An address that `any` may mean.
pub fn outside_address(random: &mut Random) -> IpAddr {
    match random.below(6) {
        0 => Ipv4Addr::new(8, 8, 4, random.below(8) as u8).into(),
        1 => Ipv4Addr::new(203, 0, 113, random.below(256) as u8).into(),
        2 => Ipv4Addr::from(random.number() as u32).into(),
        3 => Ipv6Addr::new(0x2a00, 1, 0, 0, 0, 0, 0, random.below(8) as u16).into(),
        4 => Ipv6Addr::new(0x2001, 0xdb8, random.below(5) as u16, 1, 0, 0, 0, 0x100).into(),
        _ => Ipv6Addr::from(0x2000 << 112 | u128::from(random.number()) << 48).into(),
    }
}

fn host(random: &mut Random, index: usize, draft: &Draft, taken: &mut Vec<AddrRange>) -> Option<Host> {
    let zone = random.pick_any(&draft.zones)?;
    let mut ip = Vec::new();
    for _ in 0..*random.pick(&[0, 1, 1, 1, 2, 3]) {
        let Some(net) = inside(random, zone, draft, false) else { continue };
        let range = AddrRange::from(net);
        if taken.iter().all(|t| t.intersect(&range).is_none()) {
            taken.push(range);
            ip.push(if range.is_single() { net.addr().to_string() } else { net.to_string() });
        }
    }
    let macs = if ip.is_empty() { random.between(1, 2) } else { *random.pick(&[0, 1, 1, 2]) };
    let mac = (0..macs).map(|n| MacAddr([2, 0, 0x5e, 0, index as u8, n as u8]).to_string()).collect();
    let routers: Vec<&Host> = draft.hosts.iter().filter(|h| h.via.is_none() && !h.mac.is_empty()).collect();
    let via = if ip.is_empty() || random.chance(80) { None } else { random.pick_any(&routers).map(|h| h.name.clone()) };
    let label = random.chance(50).then(|| (*random.pick(&LABELS)).to_owned());
    let (router, gone) = (random.chance(12), TIME && random.chance(6));
    Some(Host { name: format!("h{index}"), zone: zone.name.clone(), ip, mac, via, label, router, gone })
}

/// A group whose members are all of one zone, so that it can be an endpoint.
fn group(random: &mut Random, index: usize, draft: &Draft) -> Option<Group> {
    let zone = random.pick_any(&draft.zones)?;
    let mut members: Vec<String> = Vec::new();
    for host in draft.hosts.iter().filter(|h| h.zone == zone.name) {
        if random.chance(50) {
            members.push(host.name.clone());
        }
    }
    for _ in 0..random.below(3) {
        members.extend(inside(random, zone, draft, false).map(|n| n.to_string()));
    }
    members.sort();
    members.dedup();
    let alone = |label: &&str| {
        let with = draft.hosts.iter().filter(|h| h.label.as_deref() == Some(label));
        with.clone().count() > 0 && with.into_iter().all(|h| h.zone == zone.name)
    };
    let labels: Vec<&str> = LABELS.iter().copied().filter(alone).collect();
    let select = random.pick_any(&labels).map(|l| (*l).to_owned());
    Some(Group { name: format!("g{index}-{}", zone.name), members, select })
}

fn endpoint(random: &mut Random, draft: &Draft, source: bool) -> Option<String> {
    let zone = random.pick_any(&draft.zones)?;
    let named = |name: &str| format!("{}:{name}", zone.name);
    let bare = |name: &String| draft.hosts.iter().any(|h| h.name == *name && h.ip.is_empty());
    Some(match random.below(10) {
        0 | 1 => zone.name.clone(),
        2..=4 => {
            let own = |h: &&Host| h.zone == zone.name && (source || !h.ip.is_empty());
            let hosts: Vec<&Host> = draft.hosts.iter().filter(own).collect();
            named(&random.pick_any(&hosts)?.name)
        }
        5 | 6 => {
            let fits = |g: &&Group| {
                let labelled = |h: &&Host| g.select.is_some() && h.label == g.select;
                let with_bare =
                    g.members.iter().any(bare) || draft.hosts.iter().filter(labelled).any(|h| h.ip.is_empty());
                g.name.ends_with(&format!("-{}", zone.name)) && (source || !with_bare)
            };
            let groups: Vec<&Group> = draft.groups.iter().filter(fits).collect();
            named(&random.pick_any(&groups)?.name)
        }
        7 => named(&inside(random, zone, draft, true)?.addr().to_string()),
        8 => named(&inside(random, zone, draft, false)?.to_string()),
        _ => "gateway".to_owned(),
    })
}

fn entry(random: &mut Random, index: usize, draft: &Draft, at: Timestamp) -> Option<Entry> {
    let ends = |random: &mut Random, source: bool| {
        let mut list: Vec<String> = (0..random.between(1, 3)).filter_map(|_| endpoint(random, draft, source)).collect();
        list.sort();
        list.dedup();
        list
    };
    let (from, mut to) = (ends(random, true), ends(random, false));
    if from.contains(&"gateway".to_owned()) {
        to.retain(|end| end != "gateway");
    }
    let services = if random.chance(10) { vec!["any"] } else { several(random, 3, &SERVICES) };
    let starts = random.chance(25).then(|| if random.chance(50) { "2020-04-01" } else { "2037-04-01T08:00:00" });
    // It cannot expire before it starts.
    let ends_by =
        if random.chance(50) && starts != Some("2037-04-01T08:00:00") { "2022-03-31T17:15:00" } else { "2038-03-31" };
    (!from.is_empty() && !to.is_empty()).then(|| Entry {
        id: format!("{}{index}", random.pick(&["E-", "番号", "x.y "])),
        from,
        to,
        services: services.into_iter().map(str::to_owned).collect(),
        starts: starts.map(str::to_owned),
        expires: random.chance(25).then(|| ends_by.to_owned()),
        window: (TIME && random.chance(20)).then(|| window(random, at)),
        rate: random.chance(15).then(|| random.between(1, 4) as u32),
        approval: if random.chance(8) { "lapsed" } else { "lasting" }.to_owned(),
        log: random.chance(30),
    })
}
