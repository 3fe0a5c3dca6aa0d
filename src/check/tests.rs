//! The registry's own order, its words, the generated pages, and size.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{ALL, docs, find};
use crate::diag::{Findings, Lang, Sources};
use crate::document::{self, MemoryTree};
use crate::policy;

const CATALOGUE: &str = include_str!("../diag/messages/ja/check.ftl");

#[test]
fn codes_ascend_and_each_is_found_by_its_name() {
    let codes: Vec<&str> = ALL.iter().map(|check| check.code).collect();
    let sorted: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(codes, sorted.into_iter().collect::<Vec<_>>());
    assert!(find("z101").is_some_and(|check| check.code == "Z101") && find("Z999").is_none());
}

#[test]
fn what_the_specification_never_waives_cannot_be_waived() {
    let fixed: Vec<&str> =
        ALL.iter().filter(|check| !check.waivable && check.code > "Z1" && check.code < "Z3").map(|c| c.code).collect();
    assert_eq!(fixed, ["Z101", "Z102", "Z104", "Z140", "Z141", "Z142"]);
    assert!(ALL.iter().filter(|check| check.code < "Z1" || check.code == "Z401").all(|check| !check.waivable));
}

/// Every key of the catalogue is used by the source, and every key that the
/// source makes is in the catalogue (both languages hold the same keys).
#[test]
fn no_word_is_missing_or_unused() {
    let written: BTreeSet<String> = CATALOGUE
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key.to_owned())
        .filter(|key| key.starts_with("check-"))
        .collect();
    let mut used: BTreeSet<String> =
        ALL.iter().flat_map(|c| [c.words.what, c.words.why, c.words.mend]).map(str::to_owned).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let keys = text.split('"').filter(|part| part.starts_with("check-") && !part.contains(['{', ' ', '.']));
        // The macro that makes the words of a check holds this much of their keys.
        used.extend(keys.filter(|key| *key != "check-").map(str::to_owned));
    }
    assert_eq!(written, used);
}

/// `docs/checks.*.md` are what the checks say; UPDATE_GOLDEN=1 writes them.
#[test]
fn the_pages_are_those_of_the_checks() {
    for (lang, name) in [(Lang::Ja, "checks.ja.md"), (Lang::En, "checks.en.md")] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        let page = docs::page(lang);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &page).unwrap();
        }
        assert!(std::fs::read_to_string(&file).unwrap_or_default() == page, "{name} is old: UPDATE_GOLDEN=1");
    }
}

/// Three zones, `count` entries given by `entry`; how many of `code` are found, and how fast.
fn searched(count: usize, code: &str, entry: impl Fn(usize) -> (String, String)) -> (usize, Duration) {
    let mut text = String::from("version = 1\n");
    for (name, class, net) in [("m", "mynumber", 1), ("l", "lgwan", 2), ("i", "internet", 3)] {
        text.push_str(&format!(
            "[zones.{name}]\nclass = \"{class}\"\ninterfaces = [\"eth{net}\"]\nnetworks = [\"10.{net}.0.0/16\"]\n"
        ));
    }
    for n in 0..count {
        let (from, to) = entry(n);
        text.push_str(&format!("[[allow]]\nid = \"E{n}\"\nfrom = \"{from}\"\nto = \"{to}\"\nservices = \"https\"\n"));
    }
    let tree = MemoryTree::new([("zoned.toml", text)]);
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let document = document::read(&tree, Path::new("zoned.toml"), &mut sources, &mut findings).document.unwrap();
    let policy = policy::resolve(&document, &mut findings).unwrap_or_else(|| panic!("{:?}", findings.0[0]));
    let began = Instant::now();
    super::check(&policy, &document, "2026-11-22T00:00:00Z".parse().unwrap(), &mut findings);
    (findings.0.iter().filter(|finding| finding.code == code).count(), began.elapsed())
}

/// `10.NET.x.y`, the n-th.
fn address(net: usize, n: usize) -> String {
    format!("10.{net}.{}.{}", n / 250, n % 250 + 1)
}

/// The bound is wide, for slow machines and unoptimised builds; what it catches
/// is work that grows with the square.
#[test]
fn ten_thousand_entries_are_searched_for_paths_at_once() {
    let wide = Duration::from_secs(8);
    // One long chain: from the Internet's side through every host of LGWAN.
    let last = 9_999;
    let (found, took) = searched(10_000, "Z104", |n| match n {
        0 => (format!("i:{}", address(3, 1)), format!("l:{}", address(2, 0))),
        n if n == last => (format!("l:{}", address(2, n - 1)), format!("m:{}", address(1, 1))),
        n => (format!("l:{}", address(2, n - 1)), format!("l:{}", address(2, n))),
    });
    assert!(found == 1 && took < wide, "{found} in {took:?}");
    // Half of them in, half of them on, each through a host of its own.
    let (found, took) = searched(1_000, "Z104", |n| match n % 2 {
        0 => (format!("i:{}", address(3, n)), format!("l:{}", address(2, n))),
        _ => (format!("l:{}", address(2, n - 1)), format!("m:{}", address(1, n))),
    });
    assert!(found == 500 && took < wide, "{found} in {took:?}");
    // All through one host: more paths than anybody reads; it says so.
    let (found, took) = searched(10_000, "Z104", |n| match n % 2 {
        0 => (format!("i:{}", address(3, n)), "l".to_owned()),
        _ => ("l:10.2.0.0/24".to_owned(), format!("m:{}", address(1, n))),
    });
    assert!(found == 1_001 && took < wide, "{found} in {took:?}");
    // None: what is reached and what goes on are different hosts.
    let (found, took) = searched(10_000, "Z104", |n| match n % 2 {
        0 => (format!("i:{}", address(3, n)), format!("l:{}", address(2, n))),
        _ => (format!("l:{}", address(2, n)), format!("m:{}", address(1, n))),
    });
    assert!(found == 0 && took < wide, "{found} in {took:?}");
}
