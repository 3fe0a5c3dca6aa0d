//! What the service manager and the journal are told.

use std::fs;

use rustix::process::Signal;

use super::{CONFIG, Gateway, able, manager, told};

#[test]
fn the_service_manager_hears_of_every_stage() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    let manager = manager(&mut gateway);
    gateway.environment.push(("WATCHDOG_USEC".into(), "200000".into()));
    gateway.start();
    let ready = told(&manager, "READY=1");
    assert!(ready.contains("STATUS=enforcing sha256:"), "{ready}");
    told(&manager, "WATCHDOG=1");
    gateway.signal(Signal::HUP);
    let reloading = told(&manager, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    told(&manager, "READY=1");
    gateway.write("policy.d/10.toml", "[");
    let status = told(&manager, "STATUS=");
    assert!(status.contains("Z001"), "{status}");
    gateway.signal(Signal::TERM);
    told(&manager, "STOPPING=1");
}

#[test]
fn the_journal_can_be_json_and_names_the_place() {
    if !able() {
        return;
    }
    let mut gateway = Gateway::new(CONFIG);
    gateway.options = vec!["--log-format".into(), "json".into()];
    gateway.start();
    gateway.write("policy.d/10.toml", "[");
    gateway.until("the refusal is told", |s| !s["last_error"].is_null());
    gateway.end(Signal::TERM);
    let log = fs::read_to_string(gateway.path("log")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refusal = lines.iter().find(|line| line["level"] == "ERROR").unwrap();
    assert!(refusal["message"].as_str().unwrap().contains("policy.d/10.toml:1"), "{refusal}");
}
