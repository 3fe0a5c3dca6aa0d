//! Policies of a size, as a user would write them.

#![allow(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use zoned::document::MemoryTree;
use zoned::net::MacAddr;
use zoned::nft::{self, Ruleset};
use zoned::pipeline::Candidate;
use zoned::policy::Policy;

/// Port of the first entry of every policy here.
pub const FIRST_PORT: u16 = 1024;

/// Two zones.
pub const ZONES: &str = "version = 1
[zones.a]
class = \"general\"
interfaces = [\"eth1\"]
networks = [\"10.0.0.0/10\"]
[zones.b]
class = \"general\"
interfaces = [\"eth2\"]
networks = [\"10.64.0.0/10\"]
";

/// Address `n` under 10.`base`.0.0.
pub fn address(base: u8, n: u32) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(10u8) << 24) + (u32::from(base) << 16) + n)
}

/// A locally administered MAC.
pub fn mac(n: u32) -> MacAddr {
    MacAddr::from_u64((0x02 << 40) | u64::from(n))
}

fn host(out: &mut String, name: &str, n: u32, more: &str) {
    writeln!(out, "[hosts.{name}]\nzone = \"a\"\nip = [\"{}\"]\nmac = [\"{}\"]\n{more}", address(0, n), mac(n))
        .unwrap();
}

/// `count` entries of one MAC, source, destination, protocol and port each.
pub fn tuples(count: u32) -> String {
    let hosts = (count / 10).max(1);
    let mut out = ZONES.to_owned();
    for n in 0..hosts {
        host(&mut out, &format!("h{n}"), n + 1, "");
    }
    for n in 0..count {
        let to = address(64, n / 7 + 1);
        let (from, port) = (n % hosts, u32::from(FIRST_PORT) + n % 1000);
        writeln!(
            out,
            "[[allow]]\nid = \"E{n}\"\nfrom = [\"a:h{from}\"]\nto = [\"b:{to}\"]\nservices = [\"udp/{port}\"]"
        )
        .unwrap();
    }
    out
}

/// P9: one entry from all terminals to 50 servers on 10 services, and one such
/// entry for each of `groups` groups that share the terminals.
pub fn groups(terminals: u32, groups: u32) -> String {
    let mut out = ZONES.to_owned();
    for n in 0..terminals {
        host(&mut out, &format!("t{n}"), n + 1, &format!("labels = {{ team = \"{}\", all = \"1\" }}\n", n % groups));
    }
    out.push_str("[groups.all]\nselect = { all = [\"1\"] }\n");
    for g in 0..=groups {
        let from = if g == 0 { "all".to_owned() } else { format!("g{g}") };
        if g > 0 {
            writeln!(out, "[groups.g{g}]\nselect = {{ team = [\"{}\"] }}", g - 1).unwrap();
        }
        let servers: Vec<String> = (0..50).map(|n| format!("\"{}\"", address(64, g * 64 + n + 1))).collect();
        let services: Vec<String> = (0..10).map(|n| format!("\"udp/{}\"", u32::from(FIRST_PORT) + n)).collect();
        writeln!(out, "[groups.s{g}]\nmembers = [{}]", servers.join(", ")).unwrap();
        writeln!(
            out,
            "[[allow]]\nid = \"G{g}\"\nfrom = [\"a:{from}\"]\nto = [\"b:s{g}\"]\nservices = [{}]",
            services.join(", ")
        )
        .unwrap();
    }
    out
}

/// The ruleset of a policy's text.
pub fn ruleset(text: &str) -> Ruleset {
    nft::ruleset(&policy(text), "2026-11-22T12:00:00+09:00".parse().unwrap())
}

/// The policy of a text.
pub fn policy(text: &str) -> Policy {
    let at = "2026-11-22T12:00:00+09:00".parse().unwrap();
    let candidate = Candidate::read(&MemoryTree::new([("/zoned.toml", text)]), Path::new("/zoned.toml"), at);
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    candidate.policy.unwrap_or_else(|| panic!("{found:#?}"))
}
