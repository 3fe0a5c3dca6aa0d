//! Files change while the daemon runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use rustix::process::Signal;
use zoned::daemon::client::CallError;
use zoned::daemon::protocol::Request;

use super::{CONFIG, Gateway, able, entry, timed};

#[test]
fn a_drop_in_is_in_force_within_a_second_and_a_broken_one_changes_nothing() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.start();
    let (first, before) = (gateway.digest(), gateway.ruleset());
    assert!(before.contains("chain forward") && !before.contains("E-1"));

    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    let (status, took) = gateway.until("the drop-in is in force", |s| s["digest"] != first.as_str());
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!((&status["revision"], &status["generation"]), (&2.into(), &2.into()));
    let opened = gateway.ruleset();
    assert!(opened.contains("E-1"));

    gateway.write("policy.d/20.toml", "[[allow]\n");
    let (status, _) = gateway.until("the refusal is told", |s| !s["last_error"].is_null());
    assert_eq!(status["last_error"]["findings"][0]["code"], "Z001");
    assert!(status["last_error"]["findings"][0]["file"].as_str().unwrap().ends_with("policy.d/20.toml"));
    assert_eq!((&status["revision"], gateway.ruleset() == opened), (&2.into(), true));

    gateway.write("policy.d/20.toml", &entry("E-2", 80));
    let (status, _) = gateway.until("the mended file is in force", |s| s["revision"] == 3);
    assert!(status["last_error"].is_null() && gateway.ruleset().contains("E-2"));

    fs::remove_file(gateway.path("conf/policy.d/10.toml")).unwrap();
    fs::remove_file(gateway.path("conf/policy.d/20.toml")).unwrap();
    gateway.until("removal is in force", |s| s["digest"] == first.as_str());
    assert!(!gateway.ruleset().contains("E-1"));
}

#[test]
fn renames_and_symlink_swaps_are_seen() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.start();

    // As editors save: written beside, renamed over.
    gateway.write("policy.d/.10.toml.new", &entry("E-1", 8443));
    fs::rename(gateway.path("conf/policy.d/.10.toml.new"), gateway.path("conf/policy.d/10.toml")).unwrap();
    gateway.until("the rename is in force", |s| s["revision"] == 2);

    // As configuration managers switch: a folder of their own behind a symlink.
    for (release, port) in [("r1", 1001), ("r2", 1002)] {
        fs::create_dir_all(gateway.path(release)).unwrap();
        fs::write(gateway.path(release).join("20.toml"), entry("E-2", port)).unwrap();
    }
    symlink(gateway.path("r1"), gateway.path("live")).unwrap();
    symlink(gateway.path("live/20.toml"), gateway.path("conf/policy.d/20.toml")).unwrap();
    gateway.until("the symlink is in force", |s| s["revision"] == 3);
    symlink(gateway.path("r2"), gateway.path("next")).unwrap();
    fs::rename(gateway.path("next"), gateway.path("live")).unwrap();
    gateway.until("the swap is in force", |s| s["revision"] == 4);
    assert!(gateway.ruleset().contains("1002"));

    // The whole folder goes and comes back, changed.
    fs::rename(gateway.path("conf"), gateway.path("away")).unwrap();
    gateway.until("the absence is told", |s| !s["last_error"].is_null());
    assert!(gateway.ruleset().contains("1002"));
    fs::write(gateway.path("away/policy.d/10.toml"), entry("E-1", 9443)).unwrap();
    fs::rename(gateway.path("away"), gateway.path("conf")).unwrap();
    gateway.until("the folder's return is in force", |s| s["revision"] == 5);
    assert!(gateway.ruleset().contains("9443"));
}

#[test]
fn bytes_without_meaning_make_no_revision() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.start();
    gateway.write("policy.d/10.toml", "# 注釈だけ\n");
    std::thread::sleep(Duration::from_millis(800));
    let status = gateway.status();
    assert_eq!((&status["revision"], &status["generation"]), (&1.into(), &1.into()));
    assert!(status["last_error"].is_null());
}

#[test]
fn a_hangup_reads_again_and_puts_back_what_was_taken_away() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.start();
    let before = gateway.ruleset();
    assert!(gateway.inside(&["nft", "flush", "ruleset"]).0);
    gateway.signal(Signal::HUP);
    gateway.until("the ruleset is back", |s| s["generation"] == 2);
    assert_eq!(gateway.ruleset(), before);
    assert_eq!(gateway.status()["revision"], 1);
}

#[test]
fn what_expires_is_closed_at_that_second_under_the_same_digest() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    let zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let end =
        (jiff::Timestamp::now() + Duration::from_secs(5)).to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    gateway.write("policy.d/10.toml", &timed("E-1", 443, &format!("expires = {end}")));
    gateway.start();
    let open = gateway.ruleset();
    let status = gateway.status();
    assert_eq!(status["next_change"]["entries"], serde_json::json!(["E-1"]), "{status:#}");
    let (after, _) = gateway.until("the expiry is acted on", |s| s["generation"] == 2);
    let late = after["applied_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let due = status["next_change"]["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(late >= due && late.duration_since(due) < jiff::SignedDuration::from_secs(1), "{late} for {due}");
    assert_eq!((&after["digest"], &after["revision"]), (&status["digest"], &1.into()));
    assert!(after["next_change"].is_null() && gateway.ruleset() != open);
}

#[test]
fn under_manual_a_change_waits_for_apply() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(&format!("{CONFIG}\n[reload]\nmode = \"manual\"\n"));
    gateway.start();
    let first = gateway.digest();
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    let (status, _) = gateway.until("the change is pending", |s| !s["pending"].is_null());
    assert_eq!((&status["mode"], &status["digest"]), (&"manual".into(), &first.as_str().into()));
    assert!(!gateway.ruleset().contains("E-1"));
    let pending = status["pending"].as_str().unwrap().to_owned();

    let refused = gateway.apply(Some(&first)).unwrap_err();
    assert!(matches!(&refused, CallError::Refused { code, .. } if code == "digest-differs"), "{refused:?}");
    assert!(!gateway.ruleset().contains("E-1"));
    let answer = gateway.apply(Some(&pending)).unwrap();
    assert_eq!((&answer["result"], &answer["revision"]), (&"applied".into(), &2.into()));
    assert!(gateway.ruleset().contains("E-1") && gateway.status()["pending"].is_null());

    let record = fs::read_to_string(gateway.path("state/revisions/000002/record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let record = &record["record"];
    assert_eq!(
        (&record["comment"], &record["who"]["uid"], &record["result"]),
        (&"test".into(), &0.into(), &"applied".into())
    );
}

#[test]
fn what_nft_refuses_or_the_disk_cannot_hold_is_not_in_force() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    // Refuses to load while a file says so.
    let (wrapper, refusing) = (gateway.path("nft"), gateway.path("refuse"));
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *-f*) [ -e {} ] && {{ echo no >&2; exit 1; }};; esac\nexec nft \"$@\"\n",
        refusing.display()
    );
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    gateway.options = vec!["--nft".into(), wrapper.display().to_string()];
    gateway.start();
    let (first, before) = (gateway.digest(), gateway.ruleset());

    fs::write(&refusing, "").unwrap();
    gateway.write("policy.d/10.toml", &entry("E-1", 443));
    gateway.until("nft's refusal is told", |s| !s["last_error"].is_null());
    assert_eq!((gateway.digest(), gateway.ruleset()), (first.clone(), before.clone()));
    // Prepared again while files are looked at again; never left behind.
    let revision = gateway.path("state/revisions/000002");
    gateway.until("no revision is left of it", |_| !revision.exists());
    let refused = gateway.call(&Request::Reload { lang: None }).unwrap_err();
    assert!(matches!(&refused, CallError::Refused { code, .. } if code == "enforce"), "{refused:?}");
    fs::remove_file(&refusing).unwrap();
    gateway.call(&Request::Reload { lang: None }).unwrap();
    let second = gateway.digest();
    assert!(second != first && gateway.status()["last_error"].is_null());

    // A disk on which nothing can be recorded.
    fs::rename(gateway.path("state/revisions"), gateway.path("kept")).unwrap();
    fs::write(gateway.path("state/revisions"), "").unwrap();
    gateway.write("policy.d/10.toml", &entry("E-1", 444));
    gateway.until("the disk's refusal is told", |s| !s["last_error"].is_null());
    assert_eq!(gateway.digest(), second);
    let refused = gateway.apply(None).unwrap_err();
    assert!(matches!(&refused, CallError::Refused { code, .. } if code == "revision"), "{refused:?}");
    fs::remove_file(gateway.path("state/revisions")).unwrap();
    fs::rename(gateway.path("kept"), gateway.path("state/revisions")).unwrap();
    gateway.apply(None).unwrap();
    assert!(gateway.ruleset().contains("444"));
}
