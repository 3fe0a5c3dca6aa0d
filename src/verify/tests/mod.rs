//! The prover on small policies, and against the judge.

mod against_judge;
mod binding;
mod diffs;
mod expects;
mod explains;

mod speed;

use std::path::Path;

use jiff::Timestamp;

use crate::diag::{Findings, Lang, Sources};
use crate::document::{self, MemoryTree};
use crate::policy::{self, Policy};

/// The policy of a text; panics with the findings where there is none.
fn policy(text: &str) -> Policy {
    let tree = MemoryTree::new([("zoned.toml", text.as_bytes())]);
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let reading = document::read(&tree, Path::new("zoned.toml"), &mut sources, &mut findings);
    let policy = reading.document.and_then(|d| policy::resolve(&d, &mut findings));
    let why = || findings.0.iter().map(|f| format!("{} {}\n", f.code, f.message.text(Lang::En))).collect::<String>();
    policy.unwrap_or_else(|| panic!("{}\n{text}", why()))
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The moment that the tests take for now.
fn now() -> Timestamp {
    time("2026-11-15T00:00:00Z")
}

/// A town in small: zones sharing nothing, hosts bound and not.
const TOWN: &str = r#"
version = 1
[compliance]
model = "alpha"
[zones.m]
class = "general"
interfaces = ["eth1"]
networks = ["10.10.0.0/24", "2001:db8:1::/64"]
[zones.l]
class = "general"
interfaces = ["eth2", "tap*"]
networks = ["10.20.0.0/22"]
[zones.out]
class = "general"
interfaces = ["eth6"]
networks = ["any"]
[hosts.a]
zone = "m"
ip = ["10.10.0.20"]
mac = ["00:00:5e:00:53:20"]
[hosts.b]
zone = "m"
ip = ["10.10.0.30", "2001:db8:1::30"]
[hosts.dhcp]
zone = "m"
mac = ["00:00:5e:00:53:77"]
[hosts.s]
zone = "l"
ip = ["10.20.0.50"]
mac = ["00:00:5e:00:53:50"]
[groups.ab]
members = ["a", "b", "dhcp", "10.10.0.64/28"]
[approvals.x]
reason = "r"
requested_by = "q"
approved_by = "p"
approved_on = 2026-01-01
"#;

/// `TOWN` with more text.
fn town(more: &str) -> Policy {
    policy(&format!("{TOWN}\n{more}"))
}

/// One entry as text.
fn entry(id: &str, from: &str, to: &str, services: &str, more: &str) -> String {
    let list = |t: &str| t.split(' ').map(|x| format!("\"{x}\"")).collect::<Vec<_>>().join(",");
    format!(
        "[[allow]]\nid = \"{id}\"\nfrom = [{}]\nto = [{}]\nservices = [{}]\napproval = \"x\"\n{more}\n",
        list(from),
        list(to),
        list(services)
    )
}
