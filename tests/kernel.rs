//! The compiler against the real nft: what is loaded is what was meant.

use std::process::{Command, Stdio};

use zoned::nft;

/// Runs a shell-free `unshare -n nft …` with this on standard input.
fn nft_apart(args: &[&str], input: &str) -> (bool, String) {
    use std::io::Write as _;
    let flag = if rustix::process::geteuid().is_root() { "-n" } else { "-rn" };
    let mut child = Command::new("unshare")
        .args([flag, "--", "nft"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare runs");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("nft reads");
    let out = child.wait_with_output().expect("nft ends");
    (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn the_closed_ruleset_loads_in_both_forms() {
    let closed = nft::closed();
    let (ok, words) = nft_apart(&["-c", "-f", "-"], &closed.to_text());
    assert!(ok, "{words}\n{}", closed.to_text());
    let (ok, words) = nft_apart(&["-c", "-j", "-f", "-"], &closed.to_json().to_string());
    assert!(ok, "{words}");
}

/// The example of scenario A, as it is shipped.
fn alpha_town() -> zoned::policy::Policy {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/alpha-town");
    let at = "2026-11-22T12:00:00+09:00".parse().expect("a time");
    let candidate = zoned::pipeline::Candidate::read(&zoned::sys::files::DiskTree::default(), &folder, at);
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    candidate.policy.unwrap_or_else(|| panic!("{found:#?}"))
}

#[test]
fn scenario_a_loads_in_both_forms() {
    let at = "2026-11-22T12:00:00+09:00".parse().expect("a time");
    let ruleset = nft::ruleset(&alpha_town(), at);
    let (ok, words) = nft_apart(&["-c", "-f", "-"], &ruleset.to_text());
    assert!(ok, "{words}\n{}", ruleset.to_text());
    let (ok, words) = nft_apart(&["-c", "-j", "-f", "-"], &ruleset.to_json().to_string());
    assert!(ok, "{words}");
}
