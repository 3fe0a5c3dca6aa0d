//! The real `zonectl`, without root and without a daemon: exit codes, JSON keys
//! to the letter, both languages, on the shipped example and on broken ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's failure")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/alpha-town");

fn zonectl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zonectl"))
        .args(arguments)
        .env_remove("LC_ALL")
        .env_remove("LC_MESSAGES")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// With the example's configuration and no state.
fn example(arguments: &[&str]) -> Output {
    let fixed = ["--config", EXAMPLE, "--state", "/nonexistent/state", "--run", "/nonexistent/run"];
    zonectl(&[&fixed[..], arguments].concat())
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Standard output holds one JSON value and nothing else.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", out(output), err(output)))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object")).keys().map(String::as_str).collect()
}

/// A copy of the example with one more file in `policy.d`.
fn with(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("etc");
    copy(Path::new(EXAMPLE), &config);
    fs::write(config.join("policy.d").join(name), text).unwrap();
    let path = config.to_str().unwrap().to_owned();
    (dir, path)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target): (PathBuf, PathBuf) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

const VERIFY: [&str; 10] =
    ["result", "against", "digest", "findings", "opened", "closed", "settings", "expectations", "cut", "would_pass"];
const PACKET: [&str; 9] = ["in", "out", "mac", "src", "dst", "proto", "sport", "dport", "icmp_type"];
const FINDING: [&str; 10] =
    ["code", "severity", "message", "file", "line", "column", "subject", "clause", "hint", "waived"];
const PRINT: &str = "[[allow]]\nid = \"LP-001\"\nfrom = \"lgwan:soumu-1\"\nto = \"mfp:mfp-1\"\nservices = \"print\"\napproval = \"R8-031\"\n";

#[test]
fn help_speaks_both_languages() {
    let (ja, en) = (zonectl(&["--lang", "ja", "--help"]), zonectl(&["verify", "--help"]));
    assert_eq!((code(&ja), code(&en)), (0, 0));
    assert!(out(&ja).contains("使い方:") && out(&ja).contains("変更前の確認"), "{}", out(&ja));
    assert!(out(&en).contains("Usage:") && out(&en).contains("Dry run"), "{}", out(&en));
    for command in ["verify", "compile", "apply", "status", "matrix", "trace", "history", "diff", "log", "schema"] {
        assert!(out(&ja).contains(&format!("\n  {command} ")), "{command}");
    }
    assert!(!out(&ja).contains("isolate"), "what is not in this build is not offered");
}

#[test]
fn the_locale_chooses_the_language() {
    let run = |name: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zonectl"));
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        out(&command.env(name, value).arg("--help").output().unwrap())
    };
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        assert!(run(name, "ja_JP.UTF-8").contains("使い方:"), "{name}");
        assert!(run(name, "en_US.UTF-8").contains("Usage:"), "{name}");
    }
}

#[test]
fn common_options_stand_anywhere() {
    let before = zonectl(&["--config", EXAMPLE, "--format", "json", "verify", "--against", "none"]);
    let after = zonectl(&["verify", "--against", "none", "--format=json", "--config", EXAMPLE]);
    assert_eq!((code(&before), code(&after)), (3, 3));
    assert_eq!(json(&before)["digest"], json(&after)["digest"]);
}

#[test]
fn wrong_usage_is_2_in_words_and_json() {
    for wrong in [
        &["verifyy"][..],
        &["verify", "--agianst", "none"],
        &["verify", "--format", "xml"],
        &["verify", "--lang", "fr"],
        &["verify", "--at", "tomorrow"],
        &["verify", "--format", "csv"],
        &["diff"],
        &["history", "some"],
        &["completions", "tcsh"],
        &["trace", "--src", "10.0.0.1"],
        &["trace", "--src", "10.0.0.1", "--dst", "nowhere", "--in", "eth1"],
        &[],
    ] {
        let output = example(wrong);
        assert_eq!(code(&output), 2, "{wrong:?}: {}", err(&output));
        assert!(!err(&output).is_empty() && out(&output).is_empty(), "{wrong:?}");
    }
    let output = example(&["verifyy", "--format", "json", "--lang", "ja"]);
    assert_eq!(json(&output)["error"]["kind"], "usage");
    assert!(err(&output).contains("「verifyy」はありません"), "{}", err(&output));
    assert!(err(&output).contains("verify"));
}

#[test]
fn what_a_later_build_has_is_refused_by_name() {
    for later in [
        &["isolate", "zone", "lgwan", "--reason", "x"][..],
        &["release", "all"],
        &["audit", "--report", "a.html"],
        &["init", "--model", "alpha"],
        &["ledger", "check", "x.csv"],
        &["confirm"],
        &["rollback", "3"],
        &["log", "top", "--since", "2h"],
        &["log", "explain", "1"],
        &["verify", "--flows"],
        &["verify", "--live"],
        &["verify", "--report", "a.html"],
        &["apply", "--confirm", "10m"],
        &["history", "--verify"],
    ] {
        for (lang, words) in [("en", "not in this build"), ("ja", "この版にはまだありません")] {
            let output = example(&[&["--lang", lang], later].concat());
            assert_eq!(code(&output), 2, "{later:?}");
            assert!(err(&output).contains(words), "{later:?}: {}", err(&output));
        }
    }
}

#[test]
fn verify_says_what_opens() {
    let output = example(&["verify", "--format", "json"]);
    assert_eq!(code(&output), 3, "{}", err(&output));
    let value = json(&output);
    assert_eq!(keys(&value), VERIFY);
    assert_eq!((&value["result"], &value["against"]), (&"changed".into(), &"none".into()));
    assert!(value["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap().len() == 64);
    assert_eq!(value["findings"].as_array().unwrap().len(), 0, "{}", value["findings"]);
    let entries: Vec<&str> = value["opened"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|f| f["entries"].as_array().unwrap())
        .map(|e| e.as_str().unwrap())
        .collect();
    for entry in ["MN-001", "MN-002", "LG-001", "LG-002", "LI-001", "LI-002", "IL-001", "IU-001"] {
        assert!(entries.contains(&entry), "{entry}: {entries:?}");
    }
    for flow in value["opened"].as_array().unwrap() {
        for key in ["from_zone", "to_zone", "entries", "space", "witness"] {
            assert!(keys(flow).contains(&key), "{key}: {flow}");
        }
        assert_eq!(keys(&flow["space"]), PACKET);
        assert_eq!(keys(&flow["witness"]), PACKET);
    }
    for expectation in value["expectations"].as_array().unwrap() {
        assert_eq!(keys(expectation), ["name", "holds", "witness"]);
        assert_eq!(expectation["holds"], true, "{expectation}");
    }
}

#[test]
fn verify_in_words() {
    let (ja, en) = (example(&["verify", "--lang", "ja"]), example(&["verify"]));
    assert_eq!((code(&ja), code(&en)), (3, 3));
    for words in ["適合しています", "開く通信", "閉じる通信: 0 件", "MN-001", "mynumber", "通信の可否が変わります"]
    {
        assert!(out(&ja).contains(words), "{words}: {}", out(&ja));
    }
    assert!(out(&en).contains("opens:") && out(&en).contains("Applying it changes what passes."), "{}", out(&en));
}

#[test]
fn the_same_policy_otherwise_laid_out_is_no_change() {
    let (_dir, path) = with("00-comment.toml", "# 何も変えない\n");
    let output = zonectl(&["--config", &path, "verify", "--against", EXAMPLE, "--format", "json"]);
    let value = json(&output);
    assert_eq!(code(&output), 0, "{value}");
    assert_eq!((&value["result"], &value["against"]), (&"unchanged".into(), &EXAMPLE.into()));
    assert_eq!(value["digest"], json(&example(&["verify", "--format", "json"]))["digest"]);
    for key in ["opened", "closed", "settings"] {
        assert_eq!(value[key], Value::Array(vec![]), "{key}");
    }
}

#[test]
fn one_more_entry_opens_and_its_removal_closes() {
    let (_dir, path) = with("50-print.toml", PRINT);
    let opened = json(&zonectl(&["--config", &path, "verify", "--against", EXAMPLE, "--format", "json"]));
    let flows = opened["opened"].as_array().unwrap();
    assert_eq!((flows.len(), opened["closed"].as_array().unwrap().len()), (1, 0), "{opened}");
    assert_eq!(flows[0]["entries"], serde_json::json!(["LP-001"]));
    assert_eq!((&flows[0]["from_zone"], &flows[0]["to_zone"]), (&"lgwan".into(), &"mfp".into()));
    assert_eq!(flows[0]["witness"]["mac"], "00:00:5e:00:53:b1");
    assert_eq!(flows[0]["witness"]["dport"], 9100);
    let back = zonectl(&["--config", EXAMPLE, "diff", &path, "--format", "json"]);
    assert_eq!(code(&back), 3, "{}", err(&back));
    let back = json(&back);
    assert_eq!((back["opened"].as_array().unwrap().len(), back["closed"].as_array().unwrap().len()), (0, 1));
    let same = zonectl(&["diff", &path, &path]);
    assert_eq!(code(&same), 0, "{}", err(&same));
}

#[test]
fn a_violated_expectation_refuses_with_a_witness() {
    let (_dir, path) = with(
        "95.toml",
        "[[expect]]\nname = \"画面転送はできないはず\"\nfrom = [\"lgwan\"]\nto = [\"internet\"]\nverdict = \"deny\"\n",
    );
    let output = zonectl(&["--config", &path, "--state", "/nonexistent", "verify", "--format", "json"]);
    let value = json(&output);
    assert_eq!(code(&output), 1, "{value}");
    assert_eq!(keys(&value), VERIFY);
    assert_eq!((&value["result"], &value["opened"]), (&"invalid".into(), &Value::Array(vec![])));
    let broken = value["expectations"].as_array().unwrap().iter().find(|e| e["holds"] == false).unwrap();
    assert_eq!(broken["name"], "画面転送はできないはず");
    assert_eq!(keys(&broken["witness"]), PACKET);
    let finding = &value["findings"][0];
    assert_eq!(keys(finding), FINDING);
    assert_eq!((&finding["code"], &finding["severity"]), (&"Z401".into(), &"error".into()));
    assert!(finding["file"].as_str().unwrap().ends_with("95.toml") && finding["line"] == 2, "{finding}");
    assert_eq!(code(&zonectl(&["--config", &path, "compile"])), 1, "what is refused is not compiled");
}

#[test]
fn broken_configurations_are_refused_with_a_clear_finding() {
    let outside = "[hosts.x]\nzone = \"lgwan\"\nip = [\"10.10.0.99\"]\n";
    for (text, want) in [
        ("[[allow]\n", "Z001"),
        ("colour = 1\n", "Z002"),
        ("[hosts.juki]\nzone = \"lgwan\"\nip = [\"10.20.0.9\"]\n", "Z003"),
        ("[[allow]]\nid = \"X\"\nfrom = \"lgwan:dare\"\nto = \"mfp\"\nservices = \"print\"\n", "Z004"),
        ("[hosts.x]\nzone = \"lgwan\"\nip = [\"10.20.0.300\"]\n", "Z005"),
        ("include = [\"missing.toml\"]\n", "Z006"),
        ("[[allow]]\nid = \"X\"\n", "Z008"),
        (outside, "Z009"),
        ("[alerts]\nscan_ports = 20\n", "Z012"),
    ] {
        let (_dir, path) = with("60.toml", text);
        for command in [&["verify"][..], &["compile"]] {
            let arguments = [&["--config", &path, "--state", "/nonexistent", "--format", "json"], command].concat();
            let output = zonectl(&arguments);
            assert_eq!(code(&output), 1, "{want} {command:?}");
            assert!(out(&output).contains(&format!("\"code\":\"{want}\"")), "{want}: {}", out(&output));
        }
        let words = zonectl(&["--config", &path, "--state", "/nonexistent", "--lang", "ja", "verify"]);
        assert_eq!(code(&words), 1);
        assert!(err(&words).contains(want) && err(&words).contains("60.toml"), "{want}: {}", err(&words));
        assert!(err(&words).contains("適合していません"), "{}", err(&words));
    }
    let missing = zonectl(&["--config", "/nonexistent", "--state", "/nonexistent", "verify", "--format", "json"]);
    assert_eq!((code(&missing), &json(&missing)["result"]), (1, &"invalid".into()));
    assert_eq!(json(&missing)["digest"], Value::Null);
    assert!(out(&missing).contains("Z006"));
}

/// The regulations refuse a set like a syntax error does; a waiver lets it pass
/// and stays to be seen.
#[test]
fn what_breaks_the_regulations_is_refused_unless_waived() {
    let entry = "[[allow]]\nid = \"X\"\nfrom = \"lgwan:renkei\"\nto = \"lgwan-net:192.0.2.2\"\nservices = \"smtp\"\n";
    let approved = format!("{entry}approval = \"R8-021\"\n");
    let waived = format!(
        "{approved}[[waive]]\ncheck = \"Z124\"\nsubject = \"X\"\nexpires = 2027-03-31\napproval = \"R8-021\"\n"
    );
    let at = ["--state", "/nonexistent", "--at", "2026-11-22", "--format", "json"];
    for (text, want, exit) in [(entry, "Z140", 1), (&approved, "Z124", 1), (&waived, "Z124", 3)] {
        let (_dir, path) = with("60.toml", text);
        let output = zonectl(&[&["--config", &path], &at[..], &["verify"]].concat());
        let value = json(&output);
        assert_eq!(code(&output), exit, "{value}");
        let found = value["findings"].as_array().unwrap().iter().find(|f| f["code"] == want).unwrap();
        assert_eq!((&found["subject"], &found["waived"]), (&"X".into(), &(exit == 3).into()), "{found}");
        assert!(found["clause"].is_string() && found["hint"].is_string() && found["line"].is_u64(), "{found}");
        assert_eq!(code(&zonectl(&[&["--config", &path], &at[..], &["compile"]].concat())), i32::from(exit == 1));
    }
}

#[test]
fn every_check_explains_itself() {
    let (one, all) = (zonectl(&["checks", "z104"]), zonectl(&["checks", "--lang", "ja"]));
    assert!(code(&one) == 0 && out(&one).contains("Z104") && out(&one).contains("第3章(1)①"), "{}", out(&one));
    assert!(out(&all).lines().count() > 40 && out(&all).contains("Z204"), "{}", out(&all));
    let listed = json(&zonectl(&["checks", "--format", "json"]));
    let want = ["code", "severity", "waivable", "clauses", "what", "why", "mend", "example"];
    assert!(listed.as_array().unwrap().iter().all(|check| keys(check) == want));
    assert_eq!(code(&zonectl(&["checks", "Z999"])), 2);
}

#[test]
fn the_compiled_ruleset_loads() {
    let loads = |form: &[&str], ruleset: &[u8]| {
        let mut child = Command::new("unshare")
            .args(["-rn", "--", "nft", "-c"])
            .args(form)
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), ruleset).unwrap();
        child.wait().unwrap().success()
    };
    let (text, form) = (example(&["compile"]), example(&["compile", "--format", "json"]));
    assert_eq!((code(&text), code(&form)), (0, 0));
    assert!(json(&form)["nftables"].is_array());
    assert!(loads(&[], &text.stdout) && loads(&["-j"], &form.stdout));
}

#[test]
fn what_needs_the_daemon_or_its_state_says_so() {
    for command in [&["status"][..], &["apply"]] {
        let output = example(&[command, &["--format", "json"]].concat());
        assert_eq!(code(&output), 1, "{command:?}");
        assert!(json(&output)["error"]["message"].is_string());
        assert!(err(&output).contains("/nonexistent/run"), "{}", err(&output));
    }
    let history = example(&["history", "--format", "json"]);
    assert_eq!((code(&history), json(&history)["revisions"].as_array().unwrap().len()), (0, 0));
    assert_eq!(code(&example(&["verify", "--against", "active"])), 1);
    assert_eq!(code(&example(&["diff", "7"])), 1);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = zonectl(&["completions", shell]);
        assert_eq!(code(&output), 0, "{shell}");
        assert!(out(&output).contains("verify") && !out(&output).contains("isolate"), "{shell}");
    }
}

/// `trace` of one packet, with these further arguments.
fn trace(arguments: &[&str]) -> (i32, Value) {
    let output = example(&[&["--format", "json", "trace"], arguments].concat());
    (code(&output), json(&output))
}

const SHINSEI: [&str; 12] = [
    "--in",
    "eth1",
    "--mac",
    "00-00-5E-00-53-20",
    "--src",
    "10.10.0.20",
    "--dst",
    "10.20.0.50",
    "--proto",
    "tcp",
    "--dport",
    "443",
];

#[test]
fn trace_says_verdict_reason_entry_and_zones() {
    let (exit, value) = trace(&[&SHINSEI[..], &["--out", "eth2", "--sport", "40000"]].concat());
    assert_eq!((exit, keys(&value)), (0, vec!["verdict", "reason", "entry", "from_zone", "to_zone", "nearest"]));
    let want = serde_json::json!({
        "verdict": "allow", "reason": "allowed", "entry": "MN-001", "from_zone": "mynumber", "to_zone": "lgwan",
        "nearest": null,
    });
    assert_eq!(value, want);
    let (exit, value) = trace(&[&SHINSEI[..], &["--out", "eth2", "--at", "2027-04-01T00:00"]].concat());
    assert_eq!((exit, &value["verdict"], &value["reason"]), (0, &"deny".into(), &"expired".into()));
    assert_eq!(value["nearest"], serde_json::json!({ "entry": "MN-001", "differs": ["time"] }));
    let (_, value) = trace(&[&SHINSEI[..], &["--to-zone", "lgwan", "--at", "2027-03-31 23:59:59"]].concat());
    assert_eq!(value["verdict"], "allow", "the bare end date means its end, in the organisation's time");
    let (_, value) = trace(&[&SHINSEI[..], &["--to-zone", "lgwan", "--at", "2027-03-31T15:00:00Z"]].concat());
    assert_eq!(value["reason"], "expired");
}

#[test]
fn trace_tells_a_forged_mac_from_a_forged_address() {
    let with = |mac: &str, src: &str, more: &[&str]| {
        let packet =
            ["--in", "eth1", "--out", "eth2", "--mac", mac, "--src", src, "--dst", "10.20.0.50", "--dport", "443"];
        trace(&[&packet[..], more].concat()).1
    };
    let forged = with("00:00:5e:00:53:99", "10.10.0.20", &[]);
    let want = serde_json::json!({
        "verdict": "deny", "reason": "mac-mismatch", "entry": null, "from_zone": "mynumber", "to_zone": "lgwan",
        "nearest": { "entry": "MN-001", "differs": ["mac"] },
        "declared": ["00:00:5e:00:53:20"], "seen": ["00:00:5e:00:53:99"],
    });
    assert_eq!(forged, want);
    // The zone is strict: an open flow does not help.
    let open = with("00:00:5e:00:53:99", "10.10.0.20", &["--state", "established"]);
    assert_eq!(open["reason"], "mac-mismatch");
    assert_eq!(with("00:00:5e:00:53:20", "10.10.0.20", &["--state", "established"])["reason"], "established");
    let moved = with("00:00:5e:00:53:20", "10.10.0.77", &[]);
    assert_eq!((&moved["reason"], &moved["declared"]), (&"ip-mismatch".into(), &serde_json::json!(["10.10.0.20"])));
    let foreign = with("00:00:5e:00:53:99", "10.10.0.77", &[]);
    assert_eq!((&foreign["reason"], &foreign["nearest"]["differs"][0]), (&"foreign-device".into(), &"src".into()));
    for (lang, word) in [
        ("ja", "登録: 00:00:5e:00:53:20、実際: 00:00:5e:00:53:99"),
        ("en", "declared: 00:00:5e:00:53:20; seen: 00:00:5e:00:53:99"),
    ] {
        let words = example(&[
            "--lang",
            lang,
            "trace",
            "--in",
            "eth1",
            "--out",
            "eth2",
            "--mac",
            "00:00:5e:00:53:99",
            "--src",
            "10.10.0.20",
            "--dst",
            "10.20.0.50",
            "--dport",
            "443",
        ]);
        assert!(out(&words).contains(word), "{}", out(&words));
    }
}

#[test]
fn trace_knows_states_zones_and_the_gateway() {
    for (state, reason) in [("established", "established"), ("invalid", "invalid"), ("new", "no-allow-entry")] {
        let renkei = ["--in", "eth2", "--mac", "00:00:5e:00:53:50", "--src", "10.20.0.50"];
        let to = ["--out", "eth1", "--dst", "10.10.0.10", "--dport", "443"];
        let (exit, value) = trace(&[&renkei[..], &to, &["--state", state]].concat());
        assert_eq!((exit, &value["reason"]), (0, &reason.into()), "{state}");
    }
    let admin = ["--src", "10.90.0.2", "--mac", "00:00:5e:00:53:90", "--dst", "10.90.0.1", "--dport", "22"];
    let (_, value) = trace(&[&admin[..], &["--in", "eth9"]].concat());
    assert_eq!((&value["reason"], &value["to_zone"]), (&"management".into(), &"gateway".into()));
    let (_, other) = trace(&[&admin[..], &["--from-zone", "management", "--to-zone", "gateway"]].concat());
    assert_eq!(value, other);
    let ping = ["--from-zone", "lgwan", "--to-zone", "internet", "--src", "10.20.0.101", "--dst", "10.30.0.11"];
    let (_, value) = trace(&[&ping[..], &["--proto", "icmp", "--icmp-type", "8", "--icmp-code", "0"]].concat());
    assert_eq!((&value["verdict"], &value["nearest"]["entry"]), (&"deny".into(), &"LI-001".into()), "{value}");
    let unknown = example(&["trace", "--from-zone", "nowhere", "--src", "10.0.0.1", "--dst", "10.0.0.2"]);
    assert_eq!(code(&unknown), 2);
    let words = example(&[&["--lang", "ja", "trace", "--out", "eth2"], &SHINSEI[..]].concat());
    assert!(out(&words).contains("通ります") && out(&words).contains("MN-001"), "{}", out(&words));
}

#[test]
fn the_matrix_names_every_pair() {
    let value = json(&example(&["matrix", "--format", "json"]));
    let cells = value["cells"].as_array().unwrap();
    let open = |from: &str, to: &str| {
        let cell = cells.iter().find(|cell| cell["from"] == from && cell["to"] == to);
        cell.map_or_else(Vec::new, |cell| cell["entries"].as_array().unwrap().iter().map(|e| e["id"].clone()).collect())
    };
    assert_eq!(open("lgwan", "internet"), ["LI-001", "LI-002"]);
    assert_eq!(open("internet", "lgwan"), ["IL-001"]);
    assert!(open("internet", "mynumber").is_empty() && open("uplink", "lgwan").is_empty());
    let words = example(&["matrix", "--lang", "ja"]);
    assert_eq!(code(&words), 0);
    assert!(out(&words).contains("mynumber -> lgwan-net") && out(&words).contains("画面転送"), "{}", out(&words));
}

#[test]
fn the_schema_holds_the_tables() {
    for format in ["text", "json"] {
        let value = json(&example(&["schema", "--format", format]));
        for table in ["zones", "hosts", "allow", "expect", "gateway", "log"] {
            assert!(value["properties"][table].is_object(), "{table}");
        }
    }
}
