//! The whole reading: times, the digest, limits, and input that nobody meant.

mod times;

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::Candidate;
use crate::diag::{Lang, json, text};
use crate::document::MemoryTree;
use crate::policy::{Endpoint, Policy};

const ZONES: &str = r#"
[zones.mynumber]
class = "mynumber"
interfaces = ["eth1"]
networks = ["10.10.0.0/24", "2001:db8:10::/64"]

[zones.lgwan]
class = "lgwan"
label = "LGWAN接続系"
interfaces = ["eth2", "tap*"]
networks = ["10.20.0.0/22"]
intra_zone = "deny"
deny_with = "drop"
l2 = "direct"
"#;

const REST: &str = r#"
[organisation]
name = "海辺町"
timezone = "Asia/Tokyo"
ciso = ["CISO 副市長"]

[compliance]
model = "alpha"
edition = "2025-03"
standard = "基準"
local_rules = ["no-wireless"]

[hosts.shinsei]
zone = "mynumber"
ip = ["10.10.0.20", "10.10.0.21"]
mac = ["00:00:5e:00:53:20"]
kind = "server"
labels = { dept = "税務課" }

[hosts.renkei]
zone = "lgwan"
ip = ["10.20.0.50"]
via = "core"

[hosts.core]
zone = "lgwan"
ip = ["10.20.0.1"]
mac = ["00:00:5e:00:53:fe"]

[groups.tax]
members = ["shinsei", "10.10.0.64/28"]
select = { dept = ["税務課"] }

[services.horizon]
ports = ["tcp/443", "udp/22443"]

[approvals."R8-001"]
reason = "連携"
requested_by = "山田"
approved_by = ["CISO 副市長", "部長"]
approved_on = 2026-03-20
reference = "例外-1"
expires = 2027-03-31
review_by = 2026-09-30
emergency = false
same_person_reason = "兼務"

[[allow]]
id = "MN-001"
title = "申請"
from = ["mynumber:shinsei", "mynumber:tax"]
to = ["lgwan:renkei"]
services = ["https", "horizon"]
purpose = "designated"
sanitise = "other"
remote = { mfa = true, encrypted = true }
starts = 2026-04-01
expires = 2026-12-31
log = true
attest = "設定書"
approval = "R8-001"

[[allow]]
id = "GW-001"
from = "lgwan"
to = "gateway"
services = "ping"

[[expect]]
name = "戻れない"
from = "lgwan"
to = "mynumber"
services = ["any"]
at = "2026-11-15T02:01"
verdict = "deny"

[[waive]]
check = "Z103"
subject = "MN-009"
expires = 2027-01-31
approval = "R8-001"

[gateway]
name = "gw1"
output = "allow"
management = ["lgwan:core:ssh"]

[reload]
mode = "auto"
debounce_ms = 200

[log]
store = "flows"
retention_days = 400
snaplen = 128
on_failure = "alert"
"#;

fn whole() -> String {
    format!("version = 1\n{ZONES}{REST}")
}

fn read<B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (&'static str, B)>) -> Candidate {
    let tree = MemoryTree::new(files.into_iter().map(|(path, bytes)| (Path::new("/etc/zoned").join(path), bytes)));
    Candidate::read(&tree, Path::new("/etc/zoned"), "2026-11-22T00:00:00Z".parse().unwrap())
}

fn shown(candidate: &Candidate) -> String {
    text::render(&candidate.findings.0, &candidate.sources, Lang::En, false)
}

fn digest(text: &str) -> String {
    let candidate = read([("zoned.toml", text)]);
    candidate.digest.clone().unwrap_or_else(|| panic!("{}", shown(&candidate)))
}

fn policy(text: &str) -> Policy {
    let candidate = read([("zoned.toml", text)]);
    assert!(candidate.policy.is_some(), "{}", shown(&candidate));
    candidate.policy.unwrap()
}

/// One entry with these lines, under the approval `R8-001` that ends with 2027-03-31.
fn entry_with(lines: &str) -> crate::policy::Schedule {
    let text = format!(
        "{}\n[[allow]]\nid = \"T\"\nfrom = \"lgwan\"\nto = \"gateway\"\nservices = \"ping\"\n{lines}\n",
        whole()
    );
    policy(&text).entries.last().unwrap().schedule.clone()
}

fn at(text: &str) -> Option<jiff::Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn written_times_are_local_and_a_bare_end_is_the_days_end() {
    let schedule = entry_with("starts = 2026-04-01\nexpires = 2026-12-31");
    assert_eq!(schedule.starts, at("2026-04-01T00:00:00+09:00"));
    assert_eq!(schedule.expires, at("2027-01-01T00:00:00+09:00"));
    let schedule = entry_with("starts = 2026-04-01T08:30:00\nexpires = \"2026-12-31T17:15\"");
    assert_eq!(schedule.starts, at("2026-04-01T08:30:00+09:00"));
    assert_eq!(schedule.expires, at("2026-12-31T17:15:00+09:00"));
    let schedule = entry_with("starts = 2026-04-01T00:00:00Z\nexpires = \"2026-12-31T00:00:00-05:00\"");
    assert_eq!(schedule.starts, at("2026-04-01T00:00:00Z"));
    assert_eq!(schedule.expires, at("2026-12-31T05:00:00Z"));
    assert_eq!(entry_with("").starts, None);
}

#[test]
fn an_approval_caps_its_entries() {
    assert_eq!(entry_with("approval = \"R8-001\"").expires, at("2027-04-01T00:00:00+09:00"));
    assert_eq!(entry_with("expires = 2026-12-31\napproval = \"R8-001\"").expires, at("2027-01-01T00:00:00+09:00"));
    assert_eq!(
        entry_with("expires = 2028-12-31\napproval = { reason = \"x\", expires = 2026-06-30 }").expires,
        at("2026-07-01T00:00:00+09:00")
    );
}

#[test]
fn groups_hold_members_of_members_and_what_their_labels_select() {
    let text = format!("{}\n[groups.outer]\nmembers = [\"tax\", \"10.10.0.9\"]\n", whole());
    let policy = policy(&text);
    let outer = policy.groups.iter().find(|g| g.name == "outer").unwrap();
    let names: Vec<&str> = outer.hosts.iter().map(|h| policy.host(*h).name.as_str()).collect();
    assert_eq!(names, ["shinsei"]);
    assert_eq!(outer.networks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.10.0.9/32", "10.10.0.64/28"]);
    assert!(matches!(policy.entries[0].from[..], [Endpoint::Host(_), Endpoint::Group(..)]));
}

#[test]
fn the_digest_ignores_how_it_is_written() {
    let plain = digest(&whole());
    assert!(plain.starts_with("sha256:") && plain.len() == 71);
    let swapped = format!("# 別の書き方\nversion = 1 # 版\n{REST}\n\n{ZONES}");
    let rewritten = swapped
        .replace("\"00:00:5e:00:53:20\"", "\"００００．５Ｅ００．５３２０\"")
        .replace("[\"10.10.0.20\", \"10.10.0.21\"]", "[\"10.10.0.21/32\", '10.10.0.20']")
        .replace("services = \"ping\"", "services = ['ping']")
        .replace("expires = 2026-12-31", "expires = \"2027-01-01T00:00:00+09:00\"")
        .replace('\n', "\r\n");
    assert_eq!(digest(&rewritten), plain);
    let split = read([
        ("zoned.toml", format!("\u{feff}version = 1\ninclude = [\"z/*.toml\"]\n{ZONES}")),
        ("z/10.toml", REST.to_owned()),
        ("z/20.toml", String::new()),
    ]);
    assert_eq!(split.digest.as_deref(), Some(plain.as_str()), "{}", shown(&split));
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_entries_or_where_a_host_is_declared() {
    let (before, after) = REST.split_once("[[allow]]\nid = \"GW-001\"").unwrap();
    let (gateway, after) = after.split_once("[[expect]]").unwrap();
    let (head, first) = before.split_once("[[allow]]").unwrap();
    let turned =
        format!("version = 1\n{ZONES}{head}[[allow]]\nid = \"GW-001\"{gateway}[[allow]]{first}[[expect]]{after}");
    assert_eq!(digest(&turned), digest(&whole()));
    let host = "[hosts.core]\nzone = \"lgwan\"\nip = [\"10.20.0.1\"]\nmac = [\"00:00:5e:00:53:fe\"]\n";
    assert!(whole().contains(host));
    let inventory =
        "[[inventory]]\nfile = \"l.csv\"\ncolumns = { name = \"n\", zone = \"z\", ip = \"i\", mac = \"m\" }\n";
    let ledger = read([
        ("zoned.toml", whole().replace(host, inventory)),
        ("l.csv", "z,n,m,i\nlgwan,core,00-00-5E-00-53-FE,10.20.0.1\n".to_owned()),
    ]);
    assert_eq!(ledger.digest, Some(digest(&whole())), "{}", shown(&ledger));
    assert_eq!(ledger.files.len(), 2);
    assert!(ledger.watch.iter().any(|p| p.ends_with("l.csv")));
}

/// Every value of [`whole`], once changed.
const CHANGES: &[(&str, &str)] = &[
    ("海辺町", "山城市"),
    ("Asia/Tokyo", "UTC"),
    ("ciso = [\"CISO 副市長\"]", "ciso = []"),
    ("model = \"alpha\"", "model = \"beta\""),
    ("2025-03\"", "2024-10\""),
    ("standard = \"基準\"", "standard = \"規程\""),
    ("no-wireless", "no-usb"),
    ("class = \"lgwan\"", "class = \"general\""),
    ("LGWAN接続系", "LGWAN"),
    ("\"tap*\"", "\"tap0\""),
    ("10.20.0.0/22", "10.20.0.0/21"),
    ("intra_zone = \"deny\"", "intra_zone = \"allow\""),
    ("deny_with = \"drop\"", "deny_with = \"reject\""),
    ("l2 = \"direct\"", "l2 = \"routed\""),
    ("\"10.10.0.21\"]", "\"10.10.0.22\"]"),
    ("53:20\"]", "53:21\"]"),
    ("kind = \"server\"", "kind = \"terminal\""),
    ("labels = { dept = \"税務課\" }", "labels = { dept = \"税務課\", floor = \"2\" }"),
    ("via = \"core\"", "mac = \"00:00:5e:00:53:50\""),
    ("10.10.0.64/28", "10.10.0.64/27"),
    ("udp/22443", "udp/22444"),
    ("reason = \"連携\"", "reason = \"試験\""),
    ("山田", "鈴木"),
    ("\"部長\"", "\"課長\""),
    ("approved_on = 2026-03-20", "approved_on = 2026-03-21"),
    ("例外-1", "例外-2"),
    ("expires = 2027-03-31", "expires = 2027-03-30"),
    ("review_by = 2026-09-30", "review_by = 2026-10-01"),
    ("emergency = false", "emergency = true"),
    ("same_person_reason = \"兼務\"", "same_person_reason = \"欠員\""),
    ("MN-001", "MN-002"),
    ("title = \"申請\"", "title = \"連携\""),
    ("from = [\"mynumber:shinsei\", ", "from = ["),
    ("to = [\"lgwan:renkei\"]", "to = [\"lgwan:10.20.0.50\"]"),
    ("[\"https\", \"horizon\"]", "[\"https\"]"),
    ("purpose = \"designated\"", "purpose = \"business\""),
    ("sanitise = \"other\"", "sanitise = \"file-cdr\""),
    ("mfa = true", "mfa = false"),
    ("starts = 2026-04-01", "starts = 2026-04-02"),
    ("expires = 2026-12-31", "expires = 2026-12-30"),
    ("log = true", "log = false"),
    ("attest = \"設定書\"", "attest = \"設定書 2\""),
    ("approval = \"R8-001\"", ""),
    ("戻れない", "戻せない"),
    ("at = \"2026-11-15T02:01\"", ""),
    ("verdict = \"deny\"", "verdict = \"allow\""),
    ("services = [\"any\"]", "services = [\"tcp/1\"]"),
    ("name = \"gw1\"", "name = \"gw2\""),
    ("output = \"allow\"", "output = \"deny\""),
    ("lgwan:core:ssh", "lgwan:core:https"),
    ("mode = \"auto\"", "mode = \"manual\""),
    ("debounce_ms = 200", "debounce_ms = 300"),
    ("store = \"flows\"", "store = \"/var/flows\""),
    ("retention_days = 400", "retention_days = 401"),
    ("snaplen = 128", "snaplen = 0"),
    ("on_failure = \"alert\"", ""),
    ("check = \"Z103\"", "check = \"Z124\""),
    ("subject = \"MN-009\"", "subject = \"MN-010\""),
    ("expires = 2027-01-31\napproval = \"R8-001\"", "expires = 2027-01-31"),
    ("expires = 2027-01-31", "expires = 2027-01-30"),
    ("l2 = \"direct\"", "l2 = \"direct\"\nattest = \"設定書\""),
];

#[test]
fn the_digest_changes_with_any_value() {
    let mut seen = std::collections::HashMap::from([(digest(&whole()), "nothing")]);
    for (from, to) in CHANGES {
        assert!(whole().contains(from), "{from}");
        let changed = digest(&whole().replacen(from, to, 1));
        if let Some(before) = seen.insert(changed, from) {
            panic!("{from} → {to} gives the digest of {before}");
        }
    }
}

#[test]
fn limits_are_findings() {
    let big = read([("zoned.toml", vec![b'\n'; (64 << 20) + 1])]);
    assert!(shown(&big).contains("larger than 64 MiB"), "{}", shown(&big));
    let chain: Vec<(std::path::PathBuf, String)> =
        (0..100).map(|i| (format!("/etc/zoned/{i}.toml").into(), format!("include = \"{}.toml\"\n", i + 1))).collect();
    let deep = Candidate::read(&MemoryTree::new(chain), Path::new("/etc/zoned/0.toml"), jiff::Timestamp::UNIX_EPOCH);
    assert!(shown(&deep).contains("deeper than"), "{}", shown(&deep));
    let nested = format!("version = 1\nx = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read([("zoned.toml", nested)]).policy.is_none());
}

/// A large prefecture's ledger with every terminal in an entry's group, and a
/// flood of mistakes: both stay quick. The bounds are wide, for slow machines
/// and unoptimised builds; what they catch is work that grows with the square.
#[test]
fn size_costs_no_more_than_its_share() {
    let rows = 20_000;
    let ledger: String = (0..rows)
        .map(|i| {
            format!(
                "pc-{i},10.20.{}.{},00:00:5e:01:{:02x}:{:02x},lgwan,課{}\n",
                i / 250,
                i % 250 + 1,
                i / 250,
                i % 250,
                i % 40
            )
        })
        .collect();
    let text = whole()
        .replace("10.20.0.0/22", "10.20.0.0/16")
        .replace("\"10.20.0.50\"", "\"10.20.255.50\"")
        .replace("\"10.20.0.1\"", "\"10.20.255.1\"");
    let groups: String = (0..40)
        .map(|i| format!("[groups.g{i}]\nselect = {{ dept = \"課{i}\" }}\n[[allow]]\nid = \"g{i}\"\nfrom = \"lgwan:g{i}\"\nto = \"gateway\"\nservices = \"ping\"\n"))
        .collect();
    let inventory = "[[inventory]]\nfile = \"l.csv\"\ncolumns = { name = \"n\", ip = \"i\", mac = \"m\", zone = \"z\", dept = \"d\" }\n";
    let start = Instant::now();
    let candidate =
        read([("zoned.toml", format!("{text}{groups}{inventory}")), ("l.csv", format!("n,i,m,z,d\n{ledger}"))]);
    assert_eq!(candidate.policy.as_ref().map(|p| p.hosts.len()), Some(rows + 3), "{}", shown(&candidate));
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());

    let faulty: String = (0..20_000)
        .map(|i| {
            format!(
                "[[allow]]\nid = \"x\"\nfrm = 1\nfrom = \"nowhere-{i}\"\nto = \"lgwan:nobody\"\nservices = \"htps\"\n"
            )
        })
        .collect();
    let start = Instant::now();
    let candidate = read([("zoned.toml", format!("{text}{faulty}"))]);
    assert_eq!(candidate.findings.0.iter().filter(|f| f.code == "Z002").count(), 20_000);
    assert_eq!(candidate.findings.0.len(), 20_000 * 5 - 1);
    assert!(shown(&candidate).lines().count() < 3_000);
    assert_eq!(
        json::findings(&candidate.findings.0, &candidate.sources, Lang::Ja).as_array().map(Vec::len),
        Some(10_001)
    );
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
}

/// Reads and renders; panics are what the tests below look for.
fn survive(files: Vec<(&'static str, Vec<u8>)>) -> Result<(), TestCaseError> {
    let candidate = read(files);
    let (findings, sources) = (&candidate.findings, &candidate.sources);
    prop_assert_eq!(candidate.policy.is_none(), findings.refuse());
    prop_assert_eq!(candidate.digest.is_some(), candidate.policy.is_some());
    for lang in [Lang::Ja, Lang::En] {
        prop_assert_eq!(text::render(&findings.0, sources, lang, true).is_empty(), findings.0.is_empty());
        let written = json::findings(&findings.0, sources, lang);
        prop_assert_eq!(written.as_array().map(Vec::len), Some(findings.0.len()));
    }
    Ok(())
}

const LEDGER: &str =
    "n,z,i,m,d\r\npc-1,lgwan,10.20.1.1,00:00:5e:00:53:71,\"税,務\"\r\n\"pc-2\",lgwan,10.20.1.2 10.20.1.3,,\n";
const INVENTORY: &str = "[[inventory]]\nfile = \"l.csv\"\ncolumns = { name = \"n\", zone = \"z\", ip = \"i\", mac = \"m\", dept = \"d\" }\nskip = { dept = [\"x\"] }\n";

/// Pieces that mean something to the reader.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "=",
    ",",
    ".",
    "\n",
    "\r\n",
    "#",
    "-",
    "1",
    "0x",
    "2026-02-30",
    "08:30:00",
    "any",
    "gateway",
    "*",
    "?",
    "::",
    ":",
    "/",
    "10.20.0.0/0",
    "::/0",
    "ff02::1",
    "\u{feff}",
    "\u{3000}",
    "番",
    "\u{0}",
    "\u{1b}",
    "include = [\"*.toml\"]\n",
    "[zones.lgwan]\n",
    "[hosts.core]\n",
    "[[allow]]\n",
    "via = \"core\"\n",
    "zone = \"lgwan\"\n",
    "window = []\n",
    "[groups.tax]\n",
    "networks = [\"any\"]\n",
    "expires = 9999-12-31\n",
    "starts = -0001-01-01\n",
];

/// A text with some pieces put in, cut out or written over, at character boundaries.
fn mutated(text: String) -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..40usize, prop::sample::select(PIECES), 0..3u8);
    prop::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut chars: Vec<char> = text.chars().collect();
        for (index, length, piece, kind) in changes {
            let at = index.index(chars.len() + 1);
            let end = if kind == 0 { at } else { (at + length).min(chars.len()) };
            chars.splice(at..end, (kind < 2).then_some(piece).into_iter().flat_map(|p| p.chars()));
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        survive(vec![("zoned.toml", bytes)])?;
    }

    #[test]
    fn a_damaged_configuration_is_survived(text in mutated(whole() + INVENTORY)) {
        survive(vec![("zoned.toml", text.into_bytes()), ("l.csv", LEDGER.into())])?;
    }

    #[test]
    fn a_damaged_ledger_is_survived(text in mutated(LEDGER.to_owned()), bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        let whole = whole() + INVENTORY;
        survive(vec![("zoned.toml", whole.clone().into_bytes()), ("l.csv", text.clone().into_bytes())])?;
        survive(vec![("zoned.toml", whole.into_bytes()), ("l.csv", [text.into_bytes(), bytes].concat())])?;
    }
}
