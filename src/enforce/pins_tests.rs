use std::path::Path as FsPath;

use super::*;
use crate::document::MemoryTree;
use crate::pipeline::Candidate;

const POLICY: &str = r#"
version = 1
[zones.a]
class = "general"
interfaces = ["e1", "e2", "tap*"]
networks = ["10.1.0.0/16", "fd01::/64"]
[zones.far]
class = "general"
interfaces = ["e3"]
networks = ["10.3.0.0/16"]
l2 = "routed"
[zones.b]
class = "general"
interfaces = ["e4"]
networks = ["10.4.0.0/16"]
[hosts]
one = { zone = "a", ip = ["10.1.0.1", "fd01::1"], mac = "02:00:00:00:00:01" }
two-macs = { zone = "a", ip = "10.1.0.2", mac = ["02:00:00:00:00:02", "02:00:00:00:00:03"] }
unbound = { zone = "a", ip = "10.1.0.3" }
dhcp = { zone = "a", mac = "02:00:00:00:00:04" }
net = { zone = "a", ip = "10.1.1.0/24", mac = "02:00:00:00:00:05" }
behind = { zone = "a", ip = "10.1.0.6", via = "router" }
router = { zone = "a", ip = "10.1.0.254", mac = "02:00:00:00:00:fe", kind = "router" }
away = { zone = "far", ip = "10.3.0.1", mac = "02:00:00:00:00:07" }
b = { zone = "b", ip = "10.4.0.1", mac = "02:00:00:00:00:08" }
"#;

fn policy() -> Policy {
    let tree = MemoryTree::new([("/zoned.toml", POLICY)]);
    let candidate = Candidate::read(&tree, FsPath::new("/zoned.toml"), "2026-11-22T00:00:00Z".parse().unwrap());
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    candidate.policy.unwrap_or_else(|| panic!("{found:#?}"))
}

fn mac(last: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, last])
}

fn key(interface: &str, addr: &str) -> Key {
    (interface.parse().unwrap(), addr.parse().unwrap())
}

fn names(names: &[&str]) -> Vec<IfName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn only_single_addresses_with_one_own_mac_are_pinned() {
    let mut policy = policy();
    let nowhere = |_| -> io::Result<Way> { panic!("one interface needs no route") };
    let got = wanted(&policy, &names(&["lo", "e1", "e3", "e4"]), nowhere).unwrap();
    let want = [
        (key("e1", "10.1.0.1"), mac(1)),
        (key("e1", "10.1.0.254"), mac(0xfe)),
        (key("e1", "fd01::1"), mac(1)),
        (key("e4", "10.4.0.1"), mac(8)),
    ];
    assert_eq!(got, Pinned::from(want));
    // No interface yet.
    assert_eq!(wanted(&policy, &names(&["lo"]), nowhere).unwrap(), Pinned::new());
    // On several, where the kernel would send it.
    let towards = |name: &'static str| move |_| Ok(Way::Through { interface: name.parse().unwrap(), mac: None });
    let here = names(&["e1", "e2", "tap7"]);
    let on = |name: &'static str| wanted(&policy, &here, towards(name)).unwrap().into_keys().map(|(i, _)| i);
    assert!(on("tap7").all(|i| i.as_str() == "tap7") && on("tap7").count() == 3);
    assert_eq!(on("e4").count(), 0);
    assert_eq!(wanted(&policy, &here, |_| Ok(Way::None)).unwrap(), Pinned::new());
    policy.binding.pin_neighbours = false;
    assert_eq!(wanted(&policy, &names(&["e1"]), nowhere).unwrap(), Pinned::new());
}

#[test]
fn only_what_is_ours_is_touched() {
    let entry = |last, permanent| Neighbour { mac: Some(mac(last)), permanent };
    let one = key("e1", "10.1.0.1");
    let wanted = Pinned::from([(one.clone(), mac(1))]);
    let ours = |last| Pinned::from([(one.clone(), mac(last))]);
    let there = |neighbour| BTreeMap::from([(one.clone(), neighbour)]);
    let make = |plan: &Plan| plan.make == wanted && plan.ours == wanted;
    // Absent, or heard on the wire, whatever it says: made.
    assert!(make(&plan(&wanted, &Pinned::new(), &BTreeMap::new())));
    assert!(make(&plan(&wanted, &Pinned::new(), &there(entry(9, false)))));
    assert!(make(&plan(&wanted, &Pinned::new(), &there(entry(1, false)))));
    // Ours, and changed by somebody, or with its old MAC: set right.
    assert!(make(&plan(&wanted, &ours(1), &there(entry(9, true)))));
    assert!(make(&plan(&wanted, &ours(7), &there(entry(7, true)))));
    // As it should be.
    let done = plan(&wanted, &ours(1), &there(entry(1, true)));
    assert_eq!(done, Plan { ours: wanted.clone(), ..Plan::default() });
    // Somebody else's.
    let foreign = plan(&wanted, &Pinned::new(), &there(entry(9, true)));
    assert_eq!(foreign, Plan { foreign: vec![one.clone()], ..Plan::default() });
    assert_eq!(plan(&wanted, &Pinned::new(), &there(entry(1, true))), Plan::default());
    // Not wanted any more: removed if it is still what we made.
    let gone = |actual| plan(&Pinned::new(), &ours(1), &actual);
    assert_eq!(gone(there(entry(1, true))).remove, BTreeSet::from([one.clone()]));
    for other in [there(entry(9, true)), there(entry(1, false)), BTreeMap::new()] {
        assert_eq!(gone(other), Plan::default());
    }
}
