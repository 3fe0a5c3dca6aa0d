//! Expectations, proved and violated.

use super::*;
use crate::verify::{ExpectationResult, expectations};

fn expect(policy_text: &str, from: &str, to: &str, rest: &str) -> ExpectationResult {
    let text = format!("{policy_text}\n[[expect]]\nname = \"e\"\nfrom = [\"{from}\"]\nto = [\"{to}\"]\n{rest}\n");
    expectations(&town(&text), now()).remove(0)
}

#[test]
fn a_denial_holds_only_if_nothing_passes_at_any_moment() {
    let later = entry("L", "m:a", "l:s", "https", "starts = 2027-01-01\nexpires = 2027-02-01");
    let found = expect(&later, "m", "l", "verdict = \"deny\"");
    assert!(!found.holds && !found.empty);
    assert_eq!(found.entry.as_deref(), Some("L"));
    let witness = found.witness.unwrap();
    assert_eq!(witness.at, time("2026-12-31T15:00:00Z"));
    assert_eq!(witness.packet.src_mac.unwrap().to_string(), "00:00:5e:00:53:20");
    let finding = found.finding.unwrap();
    assert_eq!((finding.code, finding.subject.as_deref()), ("Z401", Some("e")));
    for (lang, words) in [(Lang::En, "by entry “L”"), (Lang::Ja, "許可「L」により")] {
        let text = finding.message.text(lang);
        assert!(text.contains(words) && text.contains("10.10.0.20"), "{text}");
    }
    assert!(expect(&later, "m", "l", "verdict = \"deny\"\nat = 2026-12-01T00:00:00").holds);
    assert!(expect(&later, "m", "out", "verdict = \"deny\"").holds);
    assert!(expect(&later, "m", "l", "verdict = \"deny\"\nservices = [\"http\"]").holds);
}

#[test]
fn a_denial_means_any_mac_and_a_permission_the_declared_one() {
    // The address as an endpoint binds no MAC: `a`'s address passes with any.
    let loose = entry("N", "m:10.10.0.20", "l:s", "https", "");
    let found = expect(&loose, "m:a", "l:s", "verdict = \"deny\"");
    assert!(!found.holds);
    let bound = entry("N", "m:a", "l:s", "https", "");
    assert!(expect(&bound, "m:a", "l:s", "verdict = \"allow\"\nservices = [\"https\"]").holds);
    // Binding denies the address to every other MAC: what it lets pass is `a`.
    assert!(expect(&bound, "m:10.10.0.20", "l:s", "verdict = \"allow\"\nservices = [\"https\"]").holds);
    assert!(!expect(&bound, "m:10.10.0.16/28", "l:s", "verdict = \"allow\"\nservices = [\"https\"]").holds);
}

#[test]
fn without_binding_an_address_is_anyones() {
    let text = entry("N", "m:a", "l:s", "https", "")
        + "[[expect]]\nname = \"e\"\nfrom = [\"m:10.10.0.20\"]\nto = [\"l:s\"]\nservices = [\"https\"]\nverdict = \"allow\"\n";
    let mut policy = town(&text);
    policy.binding.enforce = false;
    let found = expectations(&policy, now()).remove(0);
    assert!(!found.holds && found.witness.is_some());
}

#[test]
fn a_whole_strict_zone_means_its_declared_hosts() {
    let each = entry("A", "m:a", "l:s", "https", "") + &entry("B", "m:b", "l:s", "https", "");
    let text = each.clone()
        + &entry("C", "m:dhcp", "l:s", "https", "")
        + "[[expect]]\nname = \"e\"\nfrom = [\"m\"]\nto = [\"l:s\"]\nservices = [\"https\"]\nverdict = \"allow\"\n";
    let mut policy = town(&text);
    assert!(!expectations(&policy, now())[0].holds);
    policy.binding.strict.insert(policy.zone_named("m").unwrap());
    assert!(expectations(&policy, now())[0].holds);
    policy.entries.pop();
    let found = expectations(&policy, now()).remove(0);
    assert_eq!(found.witness.unwrap().packet.src_mac.unwrap().to_string(), "00:00:5e:00:53:77");
}

#[test]
fn a_permission_holds_if_all_pass_together() {
    let halves = entry("A", "m:10.10.0.0/25", "l", "any", "") + &entry("B", "m:10.10.0.128/25", "l", "any", "");
    let v6 = entry("C", "m:2001:db8:1::/64", "l", "any", "");
    // `l` has no IPv6: nothing of that family is in the space.
    assert!(expect(&halves, "m", "l", "verdict = \"allow\"").holds);
    assert!(expect(&(halves.clone() + &v6), "m", "l", "verdict = \"allow\"").holds);
    let first = entry("A", "m:10.10.0.0/25", "l", "any", "");
    let found = expect(&first, "m", "l", "verdict = \"allow\"");
    assert_eq!(found.witness.unwrap().packet.src.to_string(), "10.10.0.129");
    assert!(found.finding.unwrap().message.text(Lang::Ja).contains("拒否されます"));
    let ended = entry("A", "m", "l", "any", "expires = 2026-11-01");
    assert!(!expect(&ended, "m", "l", "verdict = \"allow\"").holds);
    assert!(expect(&ended, "m", "l", "verdict = \"allow\"\nat = 2026-10-01T00:00:00").holds);
}

#[test]
fn an_empty_space_fails() {
    // IPv6 to a zone that has none.
    let found = expect("", "m:2001:db8:1::/64", "l", "verdict = \"deny\"");
    assert!(!found.holds && found.empty && found.witness.is_none());
    assert!(found.finding.is_some());
}

#[test]
fn inside_a_zone_and_the_gateway_count() {
    let intra = "intra_zone = \"allow\"";
    let text = TOWN.replace("[zones.l]", &format!("{intra}\n[zones.l]"));
    let expect =
        |to: &str| format!("{text}\n[[expect]]\nname = \"e\"\nfrom = [\"m\"]\nto = [\"{to}\"]\nverdict = \"deny\"\n");
    let found = expectations(&policy(&expect("m")), now()).remove(0);
    assert!(!found.holds && found.entry.is_none());
    assert!(expectations(&policy(&expect("gateway")), now())[0].holds);
}
