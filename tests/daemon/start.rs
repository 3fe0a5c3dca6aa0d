//! Start, with a usable configuration and without.

use std::fs;

use rustix::process::Signal;

use super::{CONFIG, Gateway, Request, able, entry};

#[test]
fn without_anything_usable_the_gateway_is_closed_until_mended() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new("version = 1\nzones = 3\n");
    gateway.start();
    let status = gateway.status();
    assert_eq!((&status["in_force"], &status["digest"]), (&"closed".into(), &serde_json::Value::Null));
    assert!(status["last_error"]["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
    assert!(gateway.ruleset().contains("chain forward"));
    assert_eq!(status["log"]["reading"], true, "what a closed gateway denies is recorded");
    gateway.write("zoned.toml", CONFIG);
    gateway.until("the mended configuration is in force", |s| s["in_force"] == "policy");
}

#[test]
fn a_broken_configuration_restores_the_active_revision() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.start();
    let (digest, before) = (gateway.digest(), gateway.ruleset());
    gateway.end(Signal::TERM);
    // As after a reboot: the kernel has forgotten.
    gateway.inside(&["nft", "flush", "ruleset"]);
    gateway.write("zoned.toml", "version = 1\n[");
    gateway.start();
    let status = gateway.status();
    assert_eq!((&status["in_force"], &status["digest"]), (&"policy".into(), &digest.as_str().into()));
    assert!(!status["last_error"].is_null());
    assert_eq!(gateway.ruleset(), before);
}

#[test]
fn without_configuration_and_revision_the_table_in_the_kernel_stays() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.start();
    let before = gateway.ruleset();
    gateway.end(Signal::KILL);
    gateway.write("zoned.toml", "version = 1\n[");
    fs::write(gateway.path("state/revisions/000001/record.json"), "{}").unwrap();
    gateway.start();
    assert_eq!(gateway.status()["in_force"], "left");
    assert_eq!(gateway.ruleset(), before);
}

#[test]
fn a_table_that_does_not_deny_is_not_left_in_force() {
    if !able() {
        return;
    }
    let open = "add chain inet zoned forward { type filter hook forward priority 0; policy accept; }";
    for table in [&["add table inet zoned"][..], &["add table inet zoned", open]] {
        let mut gateway = Gateway::new("version = 1\n[");
        for command in table {
            assert!(gateway.inside(&["nft", command]).0);
        }
        gateway.start();
        assert_eq!(gateway.status()["in_force"], "closed");
        assert!(gateway.ruleset().contains("hook forward priority filter; policy drop;"), "{}", gateway.ruleset());
    }
}

#[test]
fn a_table_put_to_sleep_is_woken() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.start();
    let before = gateway.ruleset();
    for start in [false, true] {
        assert!(gateway.inside(&["nft", "add table inet zoned { flags dormant; }"]).0);
        assert_ne!(gateway.ruleset(), before);
        if start {
            gateway.end(Signal::KILL);
            gateway.start();
        } else {
            gateway.call(&Request::Reload { lang: None }).unwrap();
        }
        assert_eq!(gateway.ruleset(), before);
    }
    // Nor may a broken configuration leave it asleep.
    assert!(gateway.inside(&["nft", "add table inet zoned { flags dormant; }"]).0);
    gateway.end(Signal::KILL);
    gateway.write("zoned.toml", "version = 1\n[");
    fs::write(gateway.path("state/revisions/000001/record.json"), "{}").unwrap();
    gateway.start();
    assert_eq!((gateway.ruleset(), gateway.status()["in_force"].as_str()), (before, Some("left")));
}

#[test]
fn without_nft_it_stays_says_so_and_is_not_ready() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.options = vec!["--nft".into(), "/nonexistent/nft".into()];
    gateway.spawn();
    let (status, _) = gateway.until("it says so", |s| !s["last_error"].is_null());
    assert_eq!(status["in_force"], "nothing");
    assert!(status["last_error"]["message"].as_str().unwrap().contains("/nonexistent/nft"));
    assert_eq!(gateway.end(Signal::TERM).code(), Some(0));
}

#[test]
fn while_nft_hangs_the_daemon_answers_and_can_be_ended() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    let wrapper = gateway.path("nft");
    fs::write(&wrapper, "#!/bin/sh\nexec sleep 100\n").unwrap();
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    gateway.options = vec!["--nft".into(), wrapper.display().to_string()];
    gateway.spawn();
    let (status, _) = gateway.until("it answers", |s| s["in_force"] == "nothing");
    assert!(status["counters"].is_null() && status["counters_error"].is_string());
    gateway.signal(Signal::TERM);
    // What is on its way to the kernel is waited for; asked twice, it is not.
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(gateway.daemon.as_mut().unwrap().try_wait().unwrap().is_none());
    assert_eq!(gateway.end(Signal::TERM).code(), Some(0));
}

#[test]
fn one_daemon_a_run_folder_and_many_side_by_side() {
    if !able() {
        return;
    }
    let mut first = Gateway::new(CONFIG);
    let mut second = Gateway::new(CONFIG);
    second.write("policy.d/10.toml", &entry("E-1", 443));
    first.start();
    second.start();
    assert!(!first.ruleset().contains("E-1") && second.ruleset().contains("E-1"));
    let (code, words) = first.once(&[]);
    assert!(code == Some(1) && words.contains(&first.path("run").display().to_string()), "{words}");
    assert_eq!(first.status()["in_force"], "policy", "the first goes on");
}

#[test]
fn check_tells_without_touching_the_kernel() {
    if !able() {
        return;
    }
    let gateway = Gateway::new(CONFIG);
    let (code, words) = gateway.once(&["--check"]);
    assert!(code == Some(0) && !words.contains("warning[") && !words.contains("error["), "{words}");
    gateway.write("policy.d/10.toml", "[[allow]]\nid = \"E\"\nform = [\"a\"]\n");
    let (code, words) = gateway.once(&["--check"]);
    assert!(code == Some(1) && words.contains("Z002") && words.contains("form"), "{words}");
    assert_eq!(gateway.ruleset(), "");
    assert!(!gateway.path("state").exists() && !gateway.path("run").exists());
    assert_eq!(gateway.once(&["--no-such-option"]).0, Some(2));
}
