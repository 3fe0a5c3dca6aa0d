//! The daemon ends, one way or another; the ruleset stays.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::{CONFIG, Gateway, able, entry};

#[test]
fn the_ruleset_outlives_the_daemon_and_a_new_one_goes_on() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.start();
    let before = gateway.ruleset();
    assert_eq!(gateway.end(Signal::TERM).code(), Some(0));
    assert_eq!(gateway.ruleset(), before);
    assert!(!gateway.path("run/zoned.sock").exists());

    gateway.start();
    assert_eq!((gateway.ruleset(), gateway.status()["revision"].clone()), (before.clone(), 1.into()));
    gateway.end(Signal::KILL);
    assert_eq!(gateway.ruleset(), before);

    // Changed while nobody looked.
    gateway.write("policy.d/10.toml", &entry("E-1", 8443));
    gateway.start();
    assert_eq!(gateway.status()["revision"], 2);
    assert!(gateway.ruleset().contains("8443"));
}

#[test]
fn counters_go_on_over_a_restart() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.start();
    let host = Gateway::new(CONFIG);
    let link = ["ip", "link", "add", "ea", "type", "veth", "peer", "name", "eh", "netns", &host.name];
    assert!(gateway.inside(&link).0);
    for (place, name, address) in [(&gateway, "ea", "10.1.0.1/24"), (&host, "eh", "10.1.0.2/24")] {
        assert!(place.inside(&["ip", "addr", "add", address, "dev", name]).0);
        assert!(place.inside(&["ip", "link", "set", name, "up"]).0);
    }
    // To the gateway itself: no entry allows it.
    assert!(host.inside(&["bash", "-c", "for i in 1 2 3; do echo x > /dev/udp/10.1.0.1/9; done"]).0);
    let denied = |s: &Value| s["counters"]["denied"]["no-allow-entry"]["packets"].clone();
    gateway.until("the denials are counted", |s| denied(s) == 3);
    gateway.until("and recorded", |s| s["log"]["packets"].as_u64() >= Some(3));

    gateway.end(Signal::KILL);
    assert!(host.inside(&["bash", "-c", "echo x > /dev/udp/10.1.0.1/9"]).0);
    gateway.start();
    assert_eq!(denied(&gateway.status()), 4, "nobody was there, and it was denied and counted");
}

#[test]
fn only_teardown_removes_the_table() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.inside(&["nft", "add", "table", "inet", "other"]);
    gateway.start();
    gateway.end(Signal::INT);
    assert!(gateway.ruleset().contains("chain forward"));
    assert_eq!(gateway.once(&["--teardown"]).0, Some(0));
    assert_eq!(gateway.inside(&["nft", "list", "ruleset"]).1, "table inet other {\n}\n");
    assert_eq!(gateway.once(&["--teardown"]).0, Some(0), "nothing left to remove is no failure");
}

#[test]
fn all_that_is_written_lies_under_state_and_run() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.start();
    gateway.end(Signal::TERM);
    let mut names: Vec<_> = fs::read_dir(gateway.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    // The log is this test's own.
    assert_eq!(names, ["conf", "log", "run", "state"]);
    let held = fs::metadata(gateway.path("state/revisions")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&held.permissions()) & 0o777, 0o700);
}
