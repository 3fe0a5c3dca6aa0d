//! Random pairs of policies: what `diff` says, packet by packet, against the
//! judge. Packets are drawn inside every flow, at its ends and just outside, and
//! at random from the values that the policies name.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::judge::{Question, judge};
use crate::net::{Family, MacAddr, Packet, Proto, u128_to_addr};
use crate::policy::Binding;
use crate::space::{Cube, Dim, instant_of};
use crate::verify::{Flow, diff};

const ENDS: [&str; 17] = [
    "m",
    "m:a",
    "m:b",
    "m:v",
    "m:w",
    "shared:q",
    "m:dhcp",
    "m:ab",
    "m:10.10.0.0/27",
    "m:10.10.0.20",
    "l",
    "l:s",
    "l:10.20.0.0/23",
    "out",
    "out:203.0.113.0/24",
    "shared",
    "gateway",
];
const SERVICES: [&str; 9] =
    ["https", "tcp/440-450", "udp/53", "dns", "ping", "icmpv6/128", "any", "proto/47", "proto/17"];
const SPANS: [&str; 5] = [
    "",
    "expires = 2026-11-20",
    "starts = 2026-11-18",
    "expires = 2026-11-01",
    "starts = 2026-11-10\nexpires = 2026-12-01",
];

/// Zones on one interface, nested, beside those of the town.
const SHARED: &str = "[zones.shared]\nclass = \"general\"\ninterfaces = [\"eth1\", \"tap1*\"]\nnetworks = [\"10.10.0.128/26\", \"fd00::/64\"]\n";

/// More hosts: behind another, with several addresses and MACs, in a zone that
/// may be routed, on an interface that two zones share.
const HOSTS: &str = r#"
[hosts.r]
zone = "m"
ip = ["10.10.0.1"]
mac = ["00:00:5e:00:53:01"]
[hosts.v]
zone = "m"
ip = ["10.10.0.33"]
mac = ["00:00:5e:00:53:33"]
[hosts.w]
zone = "m"
ip = ["10.10.0.34", "10.10.0.68/30", "2001:db8:1::34"]
mac = ["00:00:5e:00:53:34", "00:00:5e:00:53:35"]
[hosts.t]
zone = "l"
ip = ["10.20.1.7"]
mac = ["00:00:5e:00:53:07"]
[hosts.q]
zone = "shared"
ip = ["10.10.0.130", "fd00::7"]
mac = ["00:00:5e:00:53:90"]
[hosts.roam]
zone = "shared"
mac = ["00:00:5e:00:53:88"]
"#;

/// What may be otherwise about binding, by a bit each: text, and what stands for it.
const BINDING: [(&str, &str); 7] = [
    ("ip = [\"10.10.0.33\"]\n", "ip = [\"10.10.0.33\"]\nvia = \"r\"\n"),
    (
        "ip = [\"10.10.0.30\", \"2001:db8:1::30\"]\n",
        "ip = [\"10.10.0.30\", \"2001:db8:1::30\"]\nmac = [\"00:00:5e:00:53:30\"]\n",
    ),
    ("53:20\"]", "53:21\", \"00:00:5e:00:53:22\"]"),
    ("mac = [\"00:00:5e:00:53:01\"]\n", "mac = [\"00:00:5e:00:53:01\"]\nkind = \"router\"\n"),
    ("\"10.20.0.0/22\"]\n", "\"10.20.0.0/22\"]\nl2 = \"routed\"\n"),
    ("[hosts.roam]\nzone = \"shared\"", "[hosts.roam]\nzone = \"l\""),
    ("ip = [\"10.10.0.1\"]\n", ""),
];

const STRICT: [&str; 3] = ["m", "shared", "l"];

#[derive(Debug, Clone)]
struct Draft {
    entries: Vec<(usize, usize, usize, usize)>,
    intra: bool,
    output: bool,
    management: bool,
    eth: bool,
    binding: [bool; 7],
    enforce: bool,
    strict: [bool; 3],
}

impl Draft {
    fn policy(&self) -> Policy {
        let mut policy = policy(&self.text());
        let strict =
            STRICT.iter().zip(self.strict).filter(|(_, on)| *on).filter_map(|(zone, _)| policy.zone_named(zone));
        policy.binding = Binding { enforce: self.enforce, strict: strict.collect(), pin_neighbours: true };
        policy
    }

    fn text(&self) -> String {
        let mut text = format!("{TOWN}{SHARED}{HOSTS}");
        for ((from, to), _) in BINDING.iter().zip(self.binding).filter(|(_, on)| *on) {
            text = text.replace(from, to);
        }
        if self.intra {
            text = text.replace("[zones.l]", "intra_zone = \"allow\"\n[zones.l]");
        }
        if self.eth {
            text = text.replace("\"eth2\", \"tap*\"", "\"eth2\", \"eth3\", \"tap*\"");
        }
        let output = if self.output { "allow" } else { "deny" };
        text += &format!("[gateway]\noutput = \"{output}\"\n");
        if self.management {
            text += "management = [\"m:a:ssh\"]\n";
        }
        for (index, (from, to, service, span)) in self.entries.iter().enumerate() {
            text += &entry(&format!("E{index}"), ENDS[*from], ENDS[*to], SERVICES[*service], SPANS[*span]);
        }
        text
    }
}

fn draft() -> impl Strategy<Value = Draft> {
    let entry = (0..ENDS.len(), 0..ENDS.len(), 0..SERVICES.len(), 0..SPANS.len())
        // What no policy may say: a MAC-only host as destination, the gateway to itself.
        .prop_filter("no such entry", |(f, t, ..)| {
            let from_gateway_to_itself = ENDS[*f] == "gateway" && ENDS[*t] == "gateway";
            !matches!(ENDS[*t], "m:dhcp" | "m:ab") && !from_gateway_to_itself
        });
    (proptest::collection::vec(entry, 0..5), any::<[bool; 4]>(), any::<[bool; 7]>(), any::<[bool; 4]>()).prop_map(
        |(entries, [intra, output, management, eth], binding, [enforce, strict @ ..])| Draft {
            entries,
            intra,
            output,
            management,
            eth,
            binding,
            enforce,
            strict,
        },
    )
}

/// The second policy: the first with something changed, or another.
fn pair() -> impl Strategy<Value = (Draft, Draft)> {
    (draft(), draft(), 0..9usize).prop_map(|(a, other, kind)| {
        let mut b = a.clone();
        match kind {
            0 => b = other,
            1 => b.entries.reverse(),
            2 => b.entries.truncate(a.entries.len() / 2),
            3 => b.intra = !b.intra,
            4 => b.eth = !b.eth,
            5 => b.binding = other.binding,
            6 => b.strict = other.strict,
            7 => b.enforce = !b.enforce,
            _ => b.entries.extend(other.entries),
        }
        (a, b)
    })
}

/// A packet with these numbers in a cube's dimensions, as `diff` counts them.
fn packet_of(family: Family, values: [u128; 7], diff: &crate::verify::Diff) -> (Packet, Timestamp) {
    let service = values[Dim::Service as usize];
    let proto = Proto((service >> 16) as u8);
    let low = (service & 0xffff) as u16;
    let own = if family == Family::V4 { Proto::ICMP } else { Proto::ICMPV6 };
    let name = |d: Dim| diff.interfaces.name(values[d as usize]).cloned();
    let mac = values[Dim::Mac as usize];
    let packet = Packet {
        in_if: name(Dim::In),
        out_if: name(Dim::Out),
        src_mac: (mac < 1 << 48).then(|| MacAddr::from_u64(mac as u64)),
        src: u128_to_addr(family, values[Dim::Src as usize]),
        dst: u128_to_addr(family, values[Dim::Dst as usize]),
        proto,
        sport: proto.has_ports().then_some(40000),
        dport: proto.has_ports().then_some(low),
        icmp_type: (proto == own).then_some(low as u8),
        icmp_code: (proto == own).then_some(0),
    };
    (packet, instant_of(values[Dim::Time as usize]))
}

/// The largest number of a dimension that a packet can have.
fn limit(dim: Dim, family: Family, interfaces: usize) -> u128 {
    match dim {
        Dim::In | Dim::Out => interfaces as u128,
        Dim::Mac => 1 << 48,
        Dim::Src | Dim::Dst => family.max(),
        Dim::Service => (255 << 16) | 0xffff,
        Dim::Time => crate::space::time_value(Timestamp::MAX) - 1,
    }
}

/// Numbers worth trying in a dimension: every end of a range and its neighbours.
fn edges(cube: &Cube, dim: Dim, interfaces: usize) -> Vec<u128> {
    let top = limit(dim, cube.family, interfaces);
    let mut out: Vec<u128> = Vec::new();
    for (first, last) in cube.get(dim).ranges() {
        out.extend([Some(*first), Some(*last), first.checked_sub(1), last.checked_add(1)].into_iter().flatten());
    }
    out.retain(|n| *n <= top);
    out
}

/// What opens no flow and is not part of the spaces: see `allowed`.
fn no_flow(packet: &Packet) -> bool {
    let gateway = packet.in_if.is_none() || packet.out_if.is_none();
    let essential = match packet.family() {
        Family::V4 => packet.proto == Proto::ICMP && matches!(packet.icmp_type, Some(3 | 4 | 11 | 12)),
        Family::V6 => packet.proto == Proto::ICMPV6 && matches!(packet.icmp_type, Some(1..=4 | 133 | 135 | 136 | 143)),
    };
    // The gateway's own packets have no source MAC, and loopback is no flow.
    (packet.in_if.is_none() && (packet.out_if.is_none() || packet.src_mac.is_some())) || (gateway && essential)
}

struct Tally {
    inside: usize,
    outside: usize,
}

fn compare(old: &Policy, new: &Policy, seed: &[u32], tally: &mut Tally) -> Result<(), TestCaseError> {
    let at = now();
    let diff = diff(Some(old), new, at).unwrap();
    let holds = |flows: &[Flow], p: &Packet, t| flows.iter().any(|f| f.space.holds(&diff.interfaces, p, t));
    let interfaces = diff.interfaces.examples().count();
    let other = [old, new].map(|p| crate::verify::diff(None, p, at).unwrap());
    let cubes: Vec<&Cube> =
        diff.opened.iter().chain(&diff.closed).chain(other.iter().flat_map(|d| &d.opened)).map(|f| &f.space).collect();
    for flow in diff.opened.iter().chain(&diff.closed) {
        prop_assert!(flow.space.holds(&diff.interfaces, &flow.witness.packet, flow.witness.at));
    }
    let mut dice =
        seed.iter().cycle().enumerate().map(|(i, n)| (n.wrapping_mul(2_654_435_761 + i as u32) >> 7) as usize);
    let mut roll = |n: usize| dice.next().unwrap_or(0) % n;
    for round in 0..400 {
        if cubes.is_empty() {
            break;
        }
        // The numbering of interfaces is the pair's own only for its own cubes.
        let own = diff.opened.len() + diff.closed.len();
        let cube = cubes[if own > 0 && round % 4 != 0 { roll(own) } else { roll(cubes.len()) }];
        let stray = roll(9);
        let mut values = [0; 7];
        for dim in Dim::ALL {
            let tries = edges(cube, dim, interfaces);
            let inner: Vec<u128> = tries.iter().copied().filter(|n| cube.get(dim).contains(*n)).collect();
            let from = if stray == dim as usize { &tries } else { &inner };
            let Some(n) = from.get(roll(from.len().max(1))) else { return Ok(()) };
            values[dim as usize] = (*n).min(limit(dim, cube.family, interfaces));
        }
        let (packet, when) = packet_of(cube.family, values, &diff);
        if when < at || no_flow(&packet) {
            continue;
        }
        let verdict = |policy| judge(policy, &Question::new(packet.clone(), when)).verdict.is_allow();
        let (before, after) = (verdict(old), verdict(new));
        prop_assert_eq!(holds(&diff.opened, &packet, when), !before && after, "opened: {:?} at {}", packet, when);
        prop_assert_eq!(holds(&diff.closed, &packet, when), before && !after, "closed: {:?} at {}", packet, when);
        if before == after {
            tally.outside += 1;
        } else {
            tally.inside += 1;
        }
    }
    Ok(())
}

#[test]
fn the_judge_agrees_with_every_difference() {
    let mut tally = Tally { inside: 0, outside: 0 };
    let cases = std::env::var("ZONED_DIFF_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(32);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let cell = std::cell::RefCell::new(&mut tally);
    TestRunner::new(config)
        .run(&(pair(), any::<[u32; 16]>()), |((old, new), seed)| {
            compare(&old.policy(), &new.policy(), &seed, &mut cell.borrow_mut())
        })
        .unwrap();
    assert!(tally.inside > 500 && tally.outside > 500, "{} inside, {} outside", tally.inside, tally.outside);
}
