//! Licences, sources and bans of every dependency, by deny.toml, for machines
//! without cargo-deny.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The lists of deny.toml.
struct Rules {
    licenses: Vec<String>,
    registries: Vec<String>,
    banned: Vec<String>,
}

fn rules() -> Rules {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let list = |section: &str, key: &str| -> Vec<String> {
        let values = table[section][key].as_array().unwrap();
        values.iter().map(|v| v.get("crate").unwrap_or(v).as_str().unwrap().to_owned()).collect()
    };
    Rules {
        licenses: list("licenses", "allow"),
        registries: list("sources", "allow-registry"),
        banned: list("bans", "deny"),
    }
}

/// True if an SPDX expression can be met with these licences. `AND` binds
/// tighter than `OR`; the old `/` means `OR`.
fn met(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&tokens, &mut at, allowed);
    met && at == tokens.len()
}

fn either(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = both(tokens, at, allowed);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(tokens, at, allowed);
    }
    met
}

fn both(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = one(tokens, at, allowed);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(tokens, at, allowed);
    }
    met
}

fn one(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(token) = tokens.get(*at) else { return false };
    *at += 1;
    if *token == "(" {
        let met = either(tokens, at, allowed);
        *at += 1;
        return met;
    }
    let mut license = (*token).to_owned();
    if tokens.get(*at) == Some(&"WITH") {
        license = format!("{license} WITH {}", tokens.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allowed.contains(&license)
}

#[test]
fn expressions_are_read() {
    let allowed: Vec<String> = ["MIT", "Apache-2.0", "Zlib"].map(String::from).into();
    for good in ["MIT", "MIT/GPL-2.0-only", "(GPL-2.0-only OR MIT) AND Zlib", "GPL-3.0-only AND BSL-1.0 OR MIT"] {
        assert!(met(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception", "(MIT) x"] {
        assert!(!met(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_dependency_may_stay() {
    let rules = rules();
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", &target])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let license = package["license"].as_str().unwrap_or_default();
        if !met(license, &rules.licenses) {
            wrong.push(format!("{name}: licence {license:?}"));
        }
        let source = package["source"].as_str();
        let known = |source: &str| rules.registries.iter().any(|r| source == format!("registry+{r}"));
        if !source.is_none_or(known) || (source.is_none() && name != "zoned") {
            wrong.push(format!("{name}: source {source:?}"));
        }
        if rules.banned.iter().any(|banned| banned == name) {
            wrong.push(format!("{name}: banned"));
        }
    }
    let own = packages.iter().find(|p| p["name"] == "zoned").expect("the crate itself is listed");
    for dependency in own["dependencies"].as_array().unwrap() {
        if dependency["req"] == "*" {
            wrong.push(format!("{}: any version", dependency["name"]));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
