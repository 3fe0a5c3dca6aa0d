use std::path::Path;

use super::*;
use crate::document::MemoryTree;
use crate::judge::{self, Question};
use crate::net::{IfName, Packet, Proto};
use crate::pipeline::Candidate;

const POLICY: &str = r#"
version = 1
[zones.a]
class = "general"
interfaces = ["eth1"]
networks = ["10.1.0.0/16", "fd01::/64"]
intra_zone = "allow"
[zones.b]
class = "general"
interfaces = ["eth2", "eth3"]
networks = ["any"]
[hosts.one]
zone = "a"
ip = ["10.1.0.1", "fd01::1"]
mac = ["02:00:00:00:00:01"]
[hosts.net]
zone = "a"
ip = ["10.1.1.0/24"]
[hosts.dhcp]
zone = "a"
mac = ["02:00:00:00:00:02"]
[hosts.switch]
zone = "a"
ip = ["10.1.0.9"]
mac = ["02:00:00:00:00:03"]
[hosts.behind]
zone = "a"
ip = ["10.1.2.7", "10.1.3.0/30"]
via = "switch"
[hosts.server]
zone = "b"
ip = ["192.0.2.1", "192.0.2.128/25"]
[groups.mixed]
members = ["one", "dhcp", "net", "10.1.2.0/24"]
[groups.inner]
members = ["one", "net", "behind", "10.1.2.0/24"]
[groups.outer]
members = ["server", "198.51.100.0/24"]
[gateway]
output = "deny"
management = ["a:one:ssh"]
[[allow]]
id = "1"
from = ["a:mixed"]
to = ["b:outer"]
services = ["https"]
[[allow]]
id = "2"
from = ["a:behind", "gateway"]
to = ["b:server", "b:198.51.100.7"]
services = ["ping", "tcp/1-100"]
[[allow]]
id = "3"
from = ["a"]
to = ["b:203.0.113.0/24", "gateway"]
services = ["dns"]
expires = 2026-01-01
[[allow]]
id = "4"
from = ["a:10.1.1.0/25", "b:server"]
to = ["gateway", "a:inner"]
services = ["dns", "ping"]
[[allow]]
id = "5"
from = ["b"]
to = ["a:one"]
services = ["any"]
"#;

const ADDRESSES: [&str; 12] = [
    "10.1.0.1",
    "10.1.1.7",
    "10.1.1.200",
    "10.1.2.7",
    "10.1.0.9",
    "10.1.3.2",
    "192.0.2.1",
    "192.0.2.200",
    "198.51.100.7",
    "203.0.113.5",
    "fd01::1",
    "2001:db8::1",
];

fn packet(ends: [IpAddr; 2], mac: u8, interfaces: [&str; 2], service: (Proto, u16)) -> Packet {
    let name = |text: &str| text.parse::<IfName>().ok();
    let ports = service.0.has_ports();
    Packet {
        in_if: name(interfaces[0]),
        out_if: name(interfaces[1]),
        src_mac: (mac > 0).then_some(MacAddr([2, 0, 0, 0, 0, mac])),
        src: ends[0],
        dst: ends[1],
        proto: service.0,
        sport: ports.then_some(40000),
        dport: ports.then_some(service.1),
        icmp_type: (!ports).then_some(8),
        icmp_code: (!ports).then_some(0),
    }
}

#[test]
fn a_narrow_policy_judges_as_the_whole() {
    let at = "2026-11-22T00:00:00Z".parse().unwrap();
    let tree = MemoryTree::new([("/zoned.toml", POLICY)]);
    let candidate = Candidate::read(&tree, Path::new("/zoned.toml"), at);
    let policy = Arc::new(candidate.policy.unwrap_or_else(|| panic!("{:#?}", candidate.findings.0)));
    let mut narrow = Narrow::new(Arc::clone(&policy));
    let services = [(Proto::TCP, 443), (Proto::TCP, 22), (Proto::UDP, 53), (Proto::ICMP, 0)];
    let addresses = ADDRESSES.map(|a| a.parse::<IpAddr>().unwrap());
    let (mut asked, mut allowed, mut left_out) = (0, 0, 0);
    for (src, dst) in addresses.iter().flat_map(|s| addresses.iter().map(move |d| (*s, *d))) {
        if src.is_ipv4() != dst.is_ipv4() {
            continue;
        }
        for mac in 0..5 {
            let mac_of = (mac > 0).then_some(MacAddr([2, 0, 0, 0, 0, mac]));
            let (from, to) = (narrow.source(src, mac_of), narrow.destination(dst));
            narrow.between(&from, &to);
            left_out += policy.entries.len() - narrow.last().entries.len();
            for interfaces in
                [["eth1", "eth2"], ["eth2", "eth1"], ["eth1", "eth1"], ["eth1", ""], ["eth3", ""], ["", "eth2"]]
            {
                for service in services {
                    let question = Question::new(packet([src, dst], mac, interfaces, service), at);
                    let whole = judge::judge(&policy, &question).verdict;
                    assert_eq!(judge::judge(narrow.last(), &question).verdict, whole, "{question:?}");
                    asked += 1;
                    allowed += usize::from(matches!(whole, crate::policy::Verdict::Allow(_)));
                }
            }
        }
    }
    // The sample is worth something: many of both, and little left to look at.
    assert!(asked > 10_000 && allowed > 500 && left_out > 1_000, "{asked} {allowed} {left_out}");
}
