//! The house's order (DESIGN): a module imports only from those above it, the
//! prover never sees the compiler, `unsafe` lives under `src/sys`, and no file
//! outgrows a reader.
//!
//! Test modules (`#[cfg(test)]`) are free: they do not ship.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom of the house to the top.
const ORDER: [&str; 18] = [
    "net", "diag", "document", "policy", "check", "rules", "nft", "space", "judge", "verify", "flow", "pipeline",
    "sys", "store", "enforce", "daemon", "cli", "bin",
];

/// What a module must never name, although it stands above: a proof that
/// shares the compiler's code proves nothing.
const FORBIDDEN: [(&str, &[&str]); 3] = [
    ("space", &["rules::compile", "nft::lower"]),
    ("verify", &["rules::compile", "nft::lower"]),
    ("judge", &["rules", "nft"]),
];

/// Lines of the longest file allowed.
const LONGEST: usize = 500;

/// The code without comments, strings, characters and test modules.
fn bare(text: &str) -> String {
    without_tests(&without_words(text))
}

/// Comments, string and character literals become one space.
fn without_words(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let is = |at: usize, want: &str| want.chars().enumerate().all(|(i, c)| bytes.get(at + i) == Some(&c));
    while at < bytes.len() {
        if is(at, "//") {
            while at < bytes.len() && bytes[at] != '\n' {
                at += 1;
            }
        } else if is(at, "/*") {
            let mut depth = 0;
            while at < bytes.len() {
                if is(at, "/*") {
                    depth += 1;
                    at += 2;
                } else if is(at, "*/") {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    at += 1;
                }
            }
        } else if let Some(hashes) = raw_string(&bytes, at) {
            let end: String = std::iter::once('"').chain("#".repeat(hashes).chars()).collect();
            at += hashes + 2;
            while at < bytes.len() && !is(at, &end) {
                at += 1;
            }
            at += end.len();
            out.push(' ');
        } else if bytes[at] == '"' {
            at = after_quote(&bytes, at + 1, '"');
            out.push(' ');
        } else if bytes[at] == '\'' && (is(at + 1, "\\") || bytes.get(at + 2) == Some(&'\'')) {
            at = after_quote(&bytes, at + 1, '\'');
            out.push(' ');
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// The number of `#` of a raw string that starts here.
fn raw_string(text: &[char], at: usize) -> Option<usize> {
    let word_before = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    if text[at] != 'r' || (word_before && text[at - 1] != 'b') {
        return None;
    }
    let hashes = text[at + 1..].iter().take_while(|c| **c == '#').count();
    (text.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn after_quote(text: &[char], mut at: usize, quote: char) -> usize {
    while at < text.len() && text[at] != quote {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Items under `#[cfg(test)]` taken out.
fn without_tests(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..start]);
        let item = &rest[start..];
        let open = item.find('{').unwrap_or(usize::MAX);
        let semicolon = item.find(';').unwrap_or(usize::MAX);
        let mut end = semicolon.min(item.len() - 1) + 1;
        if open < semicolon {
            let mut depth = 0usize;
            for (index, c) in item.char_indices().skip_while(|(index, _)| *index < open) {
                depth = if c == '{' {
                    depth + 1
                } else if c == '}' {
                    depth - 1
                } else {
                    depth
                };
                if depth == 0 {
                    end = index + 1;
                    break;
                }
            }
        }
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Every path from the crate's root in bare code, as `module::name…`: written
/// `crate::`, `zoned::` (in the binaries) or by enough `super::`.
fn imports(code: &str, module: &[String]) -> BTreeSet<String> {
    let dense = dense(code);
    let mut found = BTreeSet::new();
    let supers = "super::".repeat(module.len());
    for root in ["crate::", "zoned::", supers.as_str()] {
        for (at, _) in dense.match_indices(root) {
            let before = dense[..at].chars().next_back();
            let inside = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
            if !root.is_empty() && !inside {
                expand("", &dense[at + root.len()..], &mut found);
            }
        }
    }
    found
}

/// The code without white space, but for one space between words.
fn dense(code: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut space = false;
    for c in code.chars() {
        if c.is_whitespace() {
            space = true;
            continue;
        }
        if space && is_word(c) && out.chars().next_back().is_some_and(is_word) {
            out.push(' ');
        }
        space = false;
        out.push(c);
    }
    out
}

/// Reads one path, or a `{…}` of paths; gives the length read.
fn expand(prefix: &str, text: &str, found: &mut BTreeSet<String>) -> usize {
    if text.starts_with('{') {
        let mut at = 1;
        while at < text.len() && !text[at..].starts_with('}') {
            let length = expand(prefix, &text[at..], found);
            at += length + text[at + length..].find([',', '}']).unwrap_or(text.len() - at - length);
            if text[at..].starts_with(',') {
                at += 1;
            }
        }
        return at + 1;
    }
    let name = if text.starts_with('*') { "*" } else { word(text) };
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
    if let Some(rest) = text[name.len()..].strip_prefix("::") {
        name.len() + 2 + expand(&path, rest, found)
    } else {
        found.insert(path);
        name.len()
    }
}

/// What is wrong with one file: `path` under `src`, and its text.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    let (top, code) = (module[0].clone(), bare(text));
    let lines = text.lines().count();
    if lines > LONGEST {
        wrong.push(format!("{}: {lines} lines, more than {LONGEST}", path.display()));
    }
    if top != "sys" && dense(&code).split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe") {
        wrong.push(format!("{}: unsafe outside src/sys", path.display()));
    }
    if top == "lib" || path.iter().any(|part| part == "tests" || part == "tests.rs") {
        return wrong;
    }
    let Some(own) = ORDER.iter().position(|name| *name == top) else {
        wrong.push(format!("{}: the module {top} has no place in DESIGN's order", path.display()));
        return wrong;
    };
    let forbidden = FORBIDDEN.iter().find(|(name, _)| *name == top).map_or(&[][..], |(_, paths)| paths);
    for import in imports(&code, &module) {
        let target = word(&import);
        if ORDER.iter().position(|name| *name == target).is_some_and(|index| index > own) {
            wrong.push(format!("{}: {top} imports {import} from below", path.display()));
        }
        let names = |path: &&&str| import == **path || import.starts_with(&format!("{path}::"));
        let all = |path: &&&str| path.split_once("::").is_some_and(|(parent, _)| import == format!("{parent}::*"));
        if forbidden.iter().any(|path| names(&path) || all(&path)) {
            wrong.push(format!("{}: {top} must not know {import}", path.display()));
        }
    }
    for path_of in forbidden.iter().filter(|path| path.contains("::")) {
        if dense(&code).contains(path_of) {
            wrong.push(format!("{}: {top} must not know {path_of}", path.display()));
        }
    }
    wrong
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_files(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("the file is UTF-8");
            (path.strip_prefix(&root).expect("it lies under the root").to_owned(), text)
        })
        .collect()
}

#[test]
fn the_house_stands_in_order() {
    let files = all_files("src");
    assert!(files.len() > 20, "only {} files found", files.len());
    let wrong: Vec<String> = files.iter().flat_map(|(path, text)| violations(path, text)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(modules, ORDER[..ORDER.len() - 1]);
}

#[test]
fn tests_stay_readable() {
    for (path, text) in all_files("tests") {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{}: {lines} lines, more than {LONGEST}", path.display());
    }
}

/// The checks above on samples: each must be found, and nothing else.
#[test]
fn a_violation_is_seen() {
    let seen = |path: &str, text: &str| violations(Path::new(path), text).len();
    assert_eq!(seen("net/mac.rs", "use crate::diag::Finding;"), 1);
    assert_eq!(seen("net/mac.rs", "fn f() { crate::policy::g() }"), 1);
    assert_eq!(seen("rules/mod.rs", "use crate::{net::{self, MacAddr}, sys::nft::Nft, policy::*};"), 1);
    assert_eq!(seen("rules/mod.rs", "use crate::{\n  verify,\n  sys as machine,\n};"), 2);
    assert_eq!(seen("rules/mod.rs", "use super::store;"), 1);
    assert_eq!(seen("rules/set.rs", "use super::super::store;"), 1);
    assert_eq!(seen("rules/set.rs", "use super::store;"), 0);
    assert_eq!(seen("verify/mod.rs", "use crate::rules::compile;"), 2);
    assert_eq!(seen("verify/mod.rs", "use crate::rules::*;"), 1);
    assert_eq!(seen("verify/mod.rs", "use crate::rules; fn f() { rules :: compile(1) }"), 1);
    assert_eq!(seen("verify/mod.rs", "use crate::nft::{Ruleset, lower::Lowering};"), 1);
    assert_eq!(seen("verify/mod.rs", "use crate::nft::Ruleset;"), 0);
    assert_eq!(seen("judge/mod.rs", "use crate::nft::names;"), 1);
    assert_eq!(seen("policy/mod.rs", "fn f() { unsafe { g() } }"), 1);
    assert_eq!(seen("sys/nft.rs", "fn f() { unsafe { g() } }"), 0);
    assert_eq!(seen("attic/mod.rs", ""), 1);
    assert_eq!(seen("net/mac.rs", &"\n".repeat(501)), 1);
}

#[test]
fn what_is_no_violation_is_let_be() {
    let seen = |path: &str, text: &str| violations(Path::new(path), text);
    let text = r##"
        //! See [`crate::cli`]. unsafe
        /* use crate::cli; /* unsafe */ use crate::cli; */
        #![allow(unsafe_code)]
        use crate::net::{self, MacAddr};
        const A: &str = "use crate::cli; unsafe \" crate::cli";
        const B: &str = r#"unsafe " crate::cli"#;
        const C: char = '"';
        fn f<'a>(x: &'a str) -> &'a str { x }
        #[cfg(test)]
        mod tests { use crate::cli; fn g() { let x = 1; } }
        fn h() {}
    "##;
    assert_eq!(seen("policy/mod.rs", text), Vec::<String>::new());
    assert_eq!(seen("cli/mod.rs", "use crate::{net, daemon, store};"), Vec::<String>::new());
    assert_eq!(seen("net/tests.rs", "use crate::cli;"), Vec::<String>::new());
    assert_eq!(seen("bin/zoned.rs", "fn main() { zoned::cli::main() }"), Vec::<String>::new());
}
