//! Configurations as folders, and what is found in each (golden files).

use std::path::{Path, PathBuf};

use zoned::diag::{Lang, Severity};
use zoned::document::MemoryTree;
use zoned::pipeline::Candidate;

fn read(folder: &Path) -> Candidate {
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inner = Path::new("/etc/zoned").join(path.strip_prefix(folder).unwrap());
                files.push((inner, std::fs::read(&path).unwrap()));
            }
        }
    }
    let at = "2026-11-22T00:00:00Z".parse().unwrap();
    Candidate::read(&MemoryTree::new(files), Path::new("/etc/zoned"), at)
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut all: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn sound_configurations_resolve() {
    let sound: Vec<PathBuf> =
        cases().into_iter().filter(|c| c.file_name().unwrap().to_string_lossy().starts_with("ok-")).collect();
    assert!(!sound.is_empty());
    for case in sound {
        let candidate = read(&case);
        let errors: Vec<String> = candidate
            .findings
            .0
            .iter()
            .filter(|f| f.severity == Severity::Error)
            .map(|f| format!("{} {} {:?}", f.code, f.message.text(Lang::Ja), f.place))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", case.display());
        assert!(candidate.policy.is_some() && candidate.digest.is_some());
    }
}
