//! Configurations as folders, and what is found in each.
//!
//! `tests/cases/ok-*` must resolve without a finding. Every other folder holds,
//! beside its configuration, what must be found: `expected.json`,
//! `expected.ja.txt` and `expected.en.txt`. `UPDATE_GOLDEN=1` rewrites them. A
//! folder without a `zoned.toml` adds its files to those of `ok-alpha-town`;
//! what is called `ok-…` in it breaks nothing of the folder's code.

#![allow(clippy::unwrap_used, reason = "a case that cannot be read is a failed test")]

use std::path::{Path, PathBuf};

use zoned::diag::{Lang, json, text};
use zoned::document::MemoryTree;
use zoned::pipeline::Candidate;

const AT: &str = "2026-11-22T00:00:00Z";

fn read(folder: &Path) -> Candidate {
    let mut files = files(folder);
    if checks(folder) && !folder.join("zoned.toml").exists() {
        files.extend(self::files(&folder.with_file_name("ok-alpha-town")));
    }
    let mut candidate = Candidate::read(&MemoryTree::new(files), Path::new("/etc/zoned"), AT.parse().unwrap());
    if checks(folder) {
        candidate.check();
    }
    candidate
}

/// True for a folder about what is checked once the policy is resolved.
fn checks(folder: &Path) -> bool {
    let name = folder.file_name().unwrap().to_string_lossy();
    name.starts_with("Z1") || name.starts_with("Z2") || name == "ok-alpha-town"
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with("expected.") {
                let inner = Path::new("/etc/zoned").join(path.strip_prefix(folder).unwrap());
                files.push((inner, std::fs::read(&path).unwrap()));
            }
        }
    }
    files
}

fn cases(sound: bool) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut all: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|c| c.file_name().unwrap().to_string_lossy().starts_with("ok-") == sound);
    all.sort();
    assert!(!all.is_empty());
    all
}

#[test]
fn sound_configurations_resolve() {
    for case in cases(true) {
        let candidate = read(&case);
        let found = text::render(&candidate.findings.0, &candidate.sources, Lang::En, false);
        assert_eq!(found, "", "{}", case.display());
        assert!(candidate.policy.is_some() && candidate.digest.is_some(), "{}", case.display());
    }
}

#[test]
fn what_is_wrong_is_found_and_shown() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for case in cases(false) {
        let candidate = read(&case);
        let (findings, sources) = (&candidate.findings.0, &candidate.sources);
        let code = case.file_name().unwrap().to_string_lossy()[..4].to_owned();
        let refused = candidate.findings.refuse() && candidate.policy.is_none();
        assert!(refused || checks(&case), "{} is let pass", case.display());
        let own: Vec<_> = findings.iter().filter(|f| f.code == code).collect();
        let shown = || text::render(findings, sources, Lang::En, false);
        assert!(!own.is_empty(), "{} has no {code}:\n{}", case.display(), shown());
        let sound = own.iter().find(|f| f.subject.as_ref().is_some_and(|subject| subject.starts_with("ok-")));
        assert_eq!(sound, None, "{}", case.display());
        let written = serde_json::to_string_pretty(&json::findings(findings, sources, Lang::En)).unwrap() + "\n";
        for (name, found) in [
            ("expected.json", written),
            ("expected.ja.txt", text::render(findings, sources, Lang::Ja, false)),
            ("expected.en.txt", text::render(findings, sources, Lang::En, false)),
        ] {
            let path = case.join(name);
            if update {
                std::fs::write(&path, &found).unwrap();
            } else if std::fs::read_to_string(&path).unwrap_or_default() != found {
                wrong.push(format!("{}\n{found}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 rewrites these; read the change first:\n{}", wrong.join("\n"));
}

/// Every code has a failing case here, so that none is lost. Z3 needs a kernel,
/// Z401 has its tests where expectations are proved.
#[test]
fn every_code_has_a_case() {
    let names: Vec<String> =
        cases(false).iter().map(|c| c.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for check in zoned::check::ALL.iter().filter(|check| !check.code.starts_with("Z3") && check.code != "Z401") {
        assert!(names.iter().any(|n| n.starts_with(check.code)), "{} has no case", check.code);
    }
}
