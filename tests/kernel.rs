//! The compiler against the real nft: what is loaded is what was meant, and a
//! difference leads to the same place as the whole.

#![allow(clippy::expect_used, reason = "a test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use zoned::document::MemoryTree;
use zoned::nft::{self, Present, Ruleset, delta, document, refill};
use zoned::pipeline::Candidate;

/// Feeds documents to nft in one throw-away namespace, one after the other,
/// and gives the table as it then stands. No shell but this fixed one.
fn load_apart(documents: &[&Json]) -> Result<Json, String> {
    let flag = if rustix::process::geteuid().is_root() { "-n" } else { "-rn" };
    let folder = tempfile::tempdir().expect("a folder");
    for (index, document) in documents.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index:03}.json")), document.to_string()).expect("written");
    }
    let script = r#"for f in "$1"/*.json; do nft -j -f "$f" || exit 1; done; nft -j list table inet zoned"#;
    let out = Command::new("unshare")
        .args([flag, "--", "sh", "-c", script, "sh"])
        .arg(folder.path())
        .output()
        .expect("unshare runs");
    match out.status.success() {
        true => serde_json::from_slice(&out.stdout).map_err(|e| e.to_string()),
        false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
    }
}

/// A listing without handles and order of creation: what it means.
#[derive(Debug, PartialEq)]
struct Meaning {
    chains: BTreeMap<String, Vec<String>>,
    maps: BTreeMap<String, BTreeSet<String>>,
    counters: BTreeSet<String>,
    limits: BTreeSet<String>,
}

fn meaning(listing: &Json) -> Meaning {
    let (mut chains, mut maps) = (BTreeMap::new(), BTreeMap::new());
    let (mut counters, mut limits) = (BTreeSet::new(), BTreeSet::new());
    for object in listing["nftables"].as_array().expect("a listing") {
        if let Some(chain) = object.get("chain") {
            let base = format!("{} {} {}", chain["hook"], chain["prio"], chain["policy"]);
            chains.insert(chain["name"].to_string(), vec![base]);
        } else if let Some(rule) = object.get("rule") {
            chains.get_mut(&rule["chain"].to_string()).expect("listed before").push(rule["expr"].to_string());
        } else if let Some(counter) = object.get("counter") {
            counters.insert(counter["name"].to_string());
        } else if let Some(limit) = object.get("limit") {
            limits.insert(format!("{} {} {} {}", limit["name"], limit["rate"], limit["per"], limit["burst"]));
        } else {
            let map = object.get("map").filter(|m| m.is_object()).unwrap_or(object);
            let elements = map["elem"].as_array().into_iter().flatten().map(Json::to_string).collect();
            if map.get("name").is_some() {
                maps.insert(format!("{} {} {}", map["name"], map["type"], map["flags"]), elements);
            }
        }
    }
    Meaning { chains, maps, counters, limits }
}

fn policy_of(text: &str) -> zoned::policy::Policy {
    let tree = MemoryTree::new([("/zoned.toml", text)]);
    let candidate = Candidate::read(&tree, Path::new("/zoned.toml"), now());
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    candidate.policy.unwrap_or_else(|| panic!("{found:#?}"))
}

fn now() -> jiff::Timestamp {
    "2026-11-22T12:00:00+09:00".parse().expect("a time")
}

/// The example of scenario A, as it is shipped.
fn alpha_town() -> zoned::policy::Policy {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/alpha-town");
    let at = "2026-11-22T12:00:00+09:00".parse().expect("a time");
    let candidate = zoned::pipeline::Candidate::read(&zoned::sys::files::DiskTree, &folder, at);
    let found: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    candidate.policy.unwrap_or_else(|| panic!("{found:#?}"))
}

/// Loads with `nft -c -f -`, the text form.
fn check_text(ruleset: &Ruleset) {
    let flag = if rustix::process::geteuid().is_root() { "-n" } else { "-rn" };
    let mut child = Command::new("unshare")
        .args([flag, "--", "nft", "-c", "-f", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare runs");
    child.stdin.take().expect("piped").write_all(ruleset.to_text().as_bytes()).expect("nft reads");
    let out = child.wait_with_output().expect("nft ends");
    assert!(out.status.success(), "{}\n{}", String::from_utf8_lossy(&out.stderr), ruleset.to_text());
}

#[test]
fn the_closed_ruleset_loads_in_both_forms() {
    check_text(&nft::closed());
    load_apart(&[&nft::closed().to_json()]).expect("loads");
}

#[test]
fn scenario_a_loads_in_both_forms() {
    let ruleset = nft::ruleset(&alpha_town(), now());
    check_text(&ruleset);
    load_apart(&[&ruleset.to_json()]).expect("loads");
}

const BASE: &str = r#"
version = 1
[zones.a]
class = "general"
interfaces = ["eth1", "tap*"]
networks = ["10.1.0.0/16", "2001:db8:1::/48"]
[zones.b]
class = "general"
interfaces = ["eth2"]
networks = ["any"]
deny_with = "reject"
[hosts.one]
zone = "a"
ip = ["10.1.0.1", "2001:db8:1::1"]
mac = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
[hosts.dhcp]
zone = "a"
mac = ["02:00:00:00:00:03"]
[hosts.open]
zone = "a"
ip = ["10.1.1.0/28"]
[groups.some]
members = ["one", "10.1.2.0/29", "10.1.3.9"]
"#;

/// Steps of a policy's life; each is compared with the one before it.
const LIFE: [&str; 11] = [
    "",
    "[[allow]]\nid = \"1\"\nfrom = [\"a:one\"]\nto = [\"b:192.0.2.1\"]\nservices = [\"https\", \"ping\"]\n",
    "[[allow]]\nid = \"1\"\nfrom = [\"a:one\", \"a:dhcp\"]\nto = [\"b:192.0.2.1\", \"b:2001:db8:9::/64\"]\nservices = [\"dns\", \"udp/5000-5010\"]\nlog = true\n",
    "[[allow]]\nid = \"番号\"\nfrom = [\"a:some\"]\nto = [\"b\", \"gateway\"]\nservices = [\"any\"]\n[gateway]\noutput = \"deny\"\n",
    "[[allow]]\nid = \"番号\"\nfrom = [\"a:some\"]\nto = [\"b\", \"gateway\"]\nservices = [\"any\"]\n[[allow]]\nid = \"2\"\nfrom = [\"a:open\", \"gateway\"]\nto = [\"b:192.0.2.0/24\"]\nservices = [\"gre\", \"tcp/1-1024\"]\nexpires = 2026-01-01\n[gateway]\noutput = \"deny\"\nmanagement = [\"a:one:ssh\"]\n",
    "[[allow]]\nid = \"2\"\nfrom = [\"a:open\"]\nto = [\"b:192.0.2.0/24\"]\nservices = [\"gre\", \"tcp/1-1024\"]\nexpires = 2027-01-01\n[zones.c]\nclass = \"general\"\ninterfaces = [\"eth3\"]\nnetworks = [\"198.51.100.0/25\"]\nintra_zone = \"allow\"\n",
    RATED,
    "[[allow]]\nid = \"1\"\nfrom = [\"a:one\"]\nto = [\"b:192.0.2.1\"]\nservices = [\"https\"]\nrate = \"9/minute\"\nexpires = 2027-01-02\n",
    "[zones.up]\nclass = \"uplink\"\ninterfaces = [\"eth9\", \"ppp*\"]\nnetworks = [\"192.0.2.0/24\", \"2001:db8:f::/48\"]\nmasquerade = true\n",
    MASQUERADE,
    "",
];

/// Entries over one another with rates and ends.
const RATED: &str = r#"
[[allow]]
id = "1"
from = ["a:one"]
to = ["b:192.0.2.1"]
services = ["https"]
rate = "5/minute"
expires = 2027-01-01
[[allow]]
id = "2"
from = ["a:some"]
to = ["b"]
services = ["https", "tcp/8443"]
rate = "999983/second"
log = true
[[allow]]
id = "3"
from = ["a"]
to = ["b"]
services = ["https"]
[[allow]]
id = "4"
from = ["a:one"]
to = ["b:192.0.2.1"]
services = ["ping"]
expires = 2027-04-01
[[allow]]
id = "5"
from = ["gateway"]
to = ["b:192.0.2.1"]
services = ["https"]
[gateway]
output = "deny"
management = ["a:one:ssh"]
"#;

/// Uplinks whose interfaces other zones share, by address and by wildcard.
const MASQUERADE: &str = r#"
[zones.up]
class = "uplink"
interfaces = ["eth9", "ppp*"]
networks = ["192.0.2.0/24", "198.51.100.7/32", "2001:db8:f::/48"]
masquerade = true
[zones.near]
class = "general"
interfaces = ["eth9", "ppp7"]
networks = ["203.0.113.0/24"]
[zones.six]
class = "uplink"
interfaces = ["eth8"]
networks = ["2001:db8:e::/48"]
masquerade = true
"#;

#[test]
fn a_difference_leads_to_the_same_place_as_the_whole() {
    let rulesets: Vec<Ruleset> =
        LIFE.iter().map(|step| nft::ruleset(&policy_of(&format!("{BASE}{step}")), now())).collect();
    let mut sent = vec![rulesets[0].to_json()];
    for (index, pair) in rulesets.windows(2).enumerate() {
        let change = delta(&pair[0], &pair[1]);
        assert!(!change.commands.is_empty(), "step {index} differs");
        sent.push(document(change.commands));
        let stepwise = load_apart(&sent.iter().collect::<Vec<_>>()).unwrap_or_else(|e| panic!("step {index}: {e}"));
        let whole = load_apart(&[&pair[1].to_json()]).expect("loads");
        assert_eq!(meaning(&stepwise), meaning(&whole), "step {index}");
    }
    assert_eq!(delta(&rulesets[3], &rulesets[3]).commands, Vec::<Json>::new());
}

#[test]
fn a_refill_leads_to_the_same_place_from_anywhere() {
    let of = |step: &str| nft::ruleset(&policy_of(&format!("{BASE}{step}")), now());
    for (index, (old, new)) in LIFE.iter().zip(LIFE.iter().rev()).enumerate() {
        let (old, new) = (of(old), of(new));
        let listing = load_apart(&[&old.to_json()]).expect("loads");
        let change = refill(&Present::from_listing(&listing), &new);
        let stepwise =
            load_apart(&[&old.to_json(), &document(change.commands)]).unwrap_or_else(|e| panic!("{index}: {e}"));
        let whole = load_apart(&[&new.to_json()]).expect("loads");
        assert_eq!(meaning(&stepwise), meaning(&whole), "from step {index}");
    }
}

#[test]
fn a_refill_keeps_base_chains_and_mends_strange_ones() {
    let ruleset = nft::ruleset(&policy_of(&format!("{BASE}{}", LIFE[0])), now());
    let whole = load_apart(&[&ruleset.to_json()]).expect("loads");
    let again = refill(&Present::from_listing(&whole), &ruleset);
    let deleted = |change: &nft::Delta| {
        change
            .commands
            .iter()
            .filter_map(|c| c["delete"]["chain"]["name"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(deleted(&again), Vec::<String>::new(), "a base chain made anew drops packets of allowed flows");
    // Somebody else's doing: another policy; another place; a chain that is no base chain.
    let chain = |name: &str, more: Json| {
        let mut chain = serde_json::json!({ "family": "inet", "table": "zoned", "name": name });
        chain.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::json!({ "add": { "chain": chain } })
    };
    let place =
        |hook: &str, prio: i32| serde_json::json!({ "type": "filter", "hook": hook, "prio": prio, "policy": "accept" });
    let odd = document(vec![
        serde_json::json!({ "add": { "table": { "family": "inet", "name": "zoned" } } }),
        chain("forward", place("forward", 0)),
        chain("input", place("input", -5)),
        chain("to4", place("prerouting", 0)),
        chain("mine", place("forward", -10)),
    ]);
    let change = refill(&Present::from_listing(&load_apart(&[&odd]).expect("loads")), &ruleset);
    assert_eq!(deleted(&change), ["input", "mine", "to4"]);
    let mended = load_apart(&[&odd, &document(change.commands)]).expect("loads");
    assert_eq!(meaning(&mended), meaning(&whole));
}

#[test]
fn an_entry_more_among_thousands_is_a_handful_of_commands() {
    let many = |count: usize| {
        let mut text = BASE.to_owned();
        for n in 0..count {
            let (high, low) = (n / 250, n % 250 + 1);
            text.push_str(&format!(
                "[[allow]]\nid = \"E{n}\"\nfrom = [\"a:10.1.{high}.{low}\"]\nto = [\"b:192.0.2.{low}\"]\nservices = [\"tcp/{}\"]\n",
                1000 + n
            ));
        }
        nft::ruleset(&policy_of(&text), now())
    };
    let change = delta(&many(2000), &many(2001));
    assert!(change.commands.len() <= 8, "{:#?}", change.commands);
    assert!(change.added + change.deleted <= 5, "{change:?}");
}

#[test]
fn an_end_that_moves_is_two_commands() {
    let until = |end: &str| {
        let text = RATED.replace("expires = 2027-04-01", &format!("expires = {end}"));
        nft::ruleset(&policy_of(&format!("{BASE}{text}")), now())
    };
    let change = delta(&until("2027-04-01"), &until("2027-04-02"));
    assert_eq!((change.commands.len(), change.chains, change.added + change.deleted), (2, 1, 0), "{change:#?}");
    // A rate that changes is another limit; those of others stay as they are.
    let rate = nft::ruleset(&policy_of(&format!("{BASE}{}", RATED.replace("5/minute", "6/minute"))), now());
    let change = delta(&until("2027-04-01"), &rate);
    let limits: Vec<_> = change.commands.iter().filter(|c| c.to_string().contains("\"limit\":{")).collect();
    assert_eq!(limits.len(), 2, "{change:#?}");
}

#[test]
fn a_refill_keeps_the_limits_and_mends_a_strange_one() {
    let ruleset = nft::ruleset(&policy_of(&format!("{BASE}{RATED}")), now());
    let whole = load_apart(&[&ruleset.to_json()]).expect("loads");
    let touched = |present: &Present| {
        let commands = refill(present, &ruleset).commands;
        commands.iter().filter_map(|c| c["delete"]["limit"]["name"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let present = Present::from_listing(&whole);
    assert_eq!((present.limits.len(), touched(&present)), (2, vec![]));
    let mut strange = present;
    strange.limits.insert("rate_5_minute_1".into(), (500, "minute".into(), 5));
    assert_eq!(touched(&strange), ["rate_5_minute_1"]);
}

#[test]
fn entries_with_odd_names_keep_to_themselves() {
    let entry = |id: &str, to: &str, port: u16, more: &str| {
        format!(
            "[[allow]]\nid = \"{id}\"\nfrom = [\"x\"]\nto = [\"{to}\"]\nservices = [\"tcp/{port}\"]\n{more}\n{APPROVAL}"
        )
    };
    // As the words that zoned itself uses.
    let zone = |name: &str, net: u8, intra: &str| {
        format!(
            "[zones.{name}]\nclass = \"general\"\ninterfaces = [\"eth{net}\"]\nnetworks = [\"10.{net}.0.0/24\"]\nintra_zone = \"{intra}\"\n"
        )
    };
    let head = "version = 1\n[organisation]\nname = \"o\"\n[compliance]\nmodel = \"general\"\n";
    let text = [
        head.to_owned(),
        zone("x", 1, "allow"),
        zone("y", 2, "deny"),
        entry("intra", "y", 80, ""),
        entry("A", "y", 81, "log = true"),
        entry("log_A", "y:10.2.0.1", 82, ""),
    ];
    let ruleset = nft::ruleset(&policy_of(&text.concat()), now());
    check_text(&ruleset);
    let own = |name: &str| name.starts_with("allow") || name.starts_with("record");
    let ends: Vec<_> = ruleset.chains.iter().filter(|(name, _)| own(name)).collect();
    assert_eq!(ends.iter().map(|(_, chain)| chain.rules.len()).collect::<Vec<_>>(), [2, 2, 2], "{ends:#?}");
    // One node is the zone's own routing, another the entry of that name.
    let alone = [head.to_owned(), zone("x", 1, "deny"), zone("y", 2, "allow"), entry("intra", "y", 80, "")];
    check_text(&nft::ruleset(&policy_of(&alone.concat()), now()));
}

const APPROVAL: &str =
    "approval = { reason = \"r\", requested_by = \"x\", approved_by = \"y\", approved_on = 2026-01-01 }\n";

/// Holds a ruleset's text against its file; `UPDATE_GOLDEN=1` writes it anew.
fn golden(name: &str, ruleset: &Ruleset) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = ruleset.to_text();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).expect("written");
    }
    let want = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    assert!(want == text, "{name} is not what is compiled now; look at the difference, then UPDATE_GOLDEN=1");
}

#[test]
fn rulesets_are_as_they_were_when_last_looked_at() {
    golden("alpha-town.nft", &nft::ruleset(&alpha_town(), now()));
    golden("closed.nft", &nft::closed());
    golden("every-shape.nft", &nft::ruleset(&policy_of(&format!("{BASE}{}", LIFE[4])), now()));
    golden("rates-and-ends.nft", &nft::ruleset(&policy_of(&format!("{BASE}{RATED}")), now()));
    golden("masquerade.nft", &nft::ruleset(&policy_of(&format!("{BASE}{MASQUERADE}")), now()));
}
