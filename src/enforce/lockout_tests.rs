use std::path::Path;
use std::process::Command;

use super::*;
use crate::diag::Lang;
use crate::document::MemoryTree;
use crate::pipeline::Candidate;
use crate::sys::namespace::in_namespace;

const BASE: &str = r#"
version = 1
[zones.m]
class = "management"
interfaces = ["e1"]
networks = ["10.1.0.0/24"]
[hosts.admin]
zone = "m"
ip = ["10.1.0.9"]
mac = ["02:00:00:00:00:09", "02:00:00:00:00:0a"]
"#;
/// Another name, a wider network, any MAC.
const WIDE: &str = r#"
[hosts.other]
zone = "m"
ip = ["10.1.0.8/31"]
"#;

fn policy(text: String) -> Arc<Policy> {
    let tree = MemoryTree::new([("/zoned.toml", text.as_str())]);
    let candidate = Candidate::read(&tree, Path::new("/zoned.toml"), now());
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    Arc::new(candidate.policy.unwrap_or_else(|| panic!("{found:#?}")))
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00+09:00".parse().unwrap()
}

fn managed(lines: &[&str]) -> Arc<Policy> {
    of(BASE, lines)
}

fn wide(lines: &[&str]) -> Arc<Policy> {
    let zone = BASE.split("[hosts").next().unwrap();
    of(&format!("{zone}{WIDE}"), lines)
}

fn of(base: &str, lines: &[&str]) -> Arc<Policy> {
    policy(format!("{base}[gateway]\nmanagement = {lines:?}\n"))
}

#[test]
fn management_must_be_admitted_as_before() {
    let running = managed(&["m:admin:ssh"]);
    let lost = |candidate: &Policy| dropped(candidate, &running).count();
    for kept in [&["m:admin:ssh"][..], &["m:admin:https", "m:admin:ssh"], &["m:admin:tcp/1-100"], &["m:admin:any"]] {
        assert_eq!(lost(&managed(kept)), 0, "{kept:?}");
    }
    for gone in [&[][..], &["m:admin:https"], &["m:admin:udp/22"]] {
        assert_eq!(lost(&managed(gone)), 1, "{gone:?}");
    }
    assert_eq!(lost(&wide(&["m:other:ssh"])), 0);
    assert_eq!(dropped(&running, &wide(&["m:other:ssh"])).count(), 1);
    // Narrower: one MAC of two, another interface.
    let line = &["m:admin:ssh"];
    assert_eq!(lost(&of(&BASE.replace(r#""02:00:00:00:00:09", "#, ""), line)), 1);
    assert_eq!(lost(&of(&BASE.replace("\"e1\"", "\"e2\""), line)), 1);
    assert_eq!(lost(&of(&BASE.replace("\"e1\"", "\"e1\", \"e2\""), line)), 0);
}

fn connection(remote: &str, local: &str) -> Connection {
    Connection { remote: remote.parse().unwrap(), local: local.parse().unwrap() }
}

#[test]
fn the_callers_connection_must_survive() {
    in_namespace(|_| {
        for line in [
            "link add e1 type veth peer name e2",
            "link set e1 up",
            "link set e2 up",
            "address add 10.1.0.1/24 dev e1",
            "neighbour add 10.1.0.9 lladdr 02:00:00:00:00:09 dev e1",
            "neighbour add 10.1.0.7 lladdr 02:00:00:00:00:07 dev e1",
        ] {
            assert!(Command::new("ip").args(line.split_whitespace()).status().unwrap().success(), "{line}");
        }
        let policy = managed(&["m:admin:ssh"]);
        let own = |remote: &str, local: &str| Caller { own: [connection(remote, local)].into(), ..Caller::default() };
        let refused = |policy: &Arc<Policy>, caller: &Caller| lockout(policy, None, caller, now());
        let clear = |caller: &Caller| refused(&policy, caller).is_empty();
        assert!(clear(&Caller::default()), "on the console");
        assert!(clear(&own("10.1.0.9:50000", "10.1.0.1:22")));
        assert!(clear(&own("127.0.0.1:50000", "127.0.0.1:22")));
        assert!(clear(&own("10.1.0.7:50000", "10.1.0.2:22")), "no address of this machine");
        for (remote, local) in [("10.1.0.7:50000", "10.1.0.1:22"), ("10.1.0.9:50000", "10.1.0.1:23")] {
            let found = refused(&policy, &own(remote, local));
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].code, found[0].subject.as_deref()), ("Z306", Some(&*format!("{remote} {local}"))));
            assert_eq!(found[0].place, Some(policy.zones[0].place.clone()));
            assert!(found[0].message.text(Lang::Ja).contains("no-allow-entry"));
        }
        // Whoever has another MAC now is not the one that the line means.
        let ip = ["neighbour", "change", "10.1.0.9", "lladdr", "02:00:00:00:00:07", "dev", "e1"];
        assert!(Command::new("ip").args(ip).status().unwrap().success());
        assert!(!clear(&own("10.1.0.9:50000", "10.1.0.1:22")));
        let open = wide(&["m:other:ssh"]);
        let either = |remotes: &[&str]| {
            let any_of = remotes.iter().map(|remote| connection(remote, "10.1.0.1:22")).collect();
            refused(&open, &Caller { any_of, ..Caller::default() }).len()
        };
        assert_eq!(either(&["10.1.0.7:1", "10.1.0.8:1"]), 0, "one of them survives");
        assert_eq!(either(&["10.1.0.7:1", "10.1.0.6:1"]), 2);
    });
}
