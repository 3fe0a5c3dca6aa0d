//! What is opened and closed, and what is not.

use super::*;
use crate::verify::{Diff, diff};

fn change(old: &str, new: &str) -> Diff {
    diff(Some(&town(old)), &town(new), now()).unwrap()
}

fn ids(flows: &[crate::verify::Flow]) -> Vec<Vec<&str>> {
    flows.iter().map(|f| f.entries.iter().map(String::as_str).collect()).collect()
}

#[test]
fn one_more_entry_opens_exactly_its_product() {
    let new = entry("MN-1", "m:a", "l:s", "https tcp/8443", "");
    let diff = change("", &new);
    assert_eq!(diff.closed_json(), serde_json::json!([]));
    assert_eq!(
        diff.opened_json(),
        serde_json::json!([{
            "from_zone": "m", "to_zone": "l", "entries": ["MN-1"],
            "space": {
                "in": ["eth1"], "out": ["eth2", "tap*"], "mac": ["00:00:5e:00:53:20"],
                "src": ["10.10.0.20"], "dst": ["10.20.0.50"], "proto": ["tcp"],
                "sport": [[0, 65535]], "dport": [443, 8443], "icmp_type": null,
            },
            "witness": {
                "in": "eth1", "out": "eth2", "mac": "00:00:5e:00:53:20", "src": "10.10.0.20", "dst": "10.20.0.50",
                "proto": "tcp", "sport": 49152, "dport": 443, "icmp_type": null,
            },
            "reasons": [], "from": null, "until": null, "recurs": false,
        }])
    );
    assert_eq!(diff.settings_text(Lang::En), Vec::<String>::new());
    let titled = change(&new, &entry("MN-1", "m:a", "l:s", "https", "title = \"t\""));
    assert_eq!(titled.settings_text(Lang::En), ["[allow] MN-1 changed: title"]);
    assert!(!change(&new, &new).changes());
    assert_eq!(change(&new, "").closed.len(), 1);
}

#[test]
fn rewording_moving_splitting_and_merging_change_nothing() {
    let together = entry("A", "m:a m:b", "l:s", "https dns", "");
    let split = [
        entry("A-2", "m:b", "l:s", "domain-tcp", "title = \"x\""),
        entry("A-3", "m:10.10.0.30 m:2001:db8:1::30", "l:10.20.0.50/32", "udp/53 tcp/443", ""),
        entry("A-1", "m:a", "l:s", "dns", ""),
        entry("A-0", "m:a", "l:s", "tcp/440-450", "expires = 2026-01-01"),
        entry("A-4", "m:a", "l:s", "https", "starts = 2026-01-01"),
    ]
    .concat();
    let diff = change(&together, &split);
    assert!(!diff.changes(), "{:#?} {:#?}", diff.opened, diff.closed);
    assert!(
        diff.settings_text(Lang::En).iter().any(|t| t == "[allow] removed: A"),
        "{:?}",
        diff.settings_text(Lang::En)
    );
    assert!(!change(&split, &together).changes());
}

#[test]
fn a_narrower_entry_closes_the_rest_and_covering_entries_keep_theirs() {
    let old = entry("W", "m", "l", "any", "");
    let new = entry("N", "m:10.10.0.0/25", "l", "any", "") + &entry("P", "m", "l:s", "https", "");
    let diff = change(&old, &new);
    assert!(diff.opened.is_empty());
    let sources: Vec<String> = diff.closed.iter().map(|f| f.sources_text()).collect();
    // `a` and `s` are bound: nobody else speaks with their MACs, `a` under no other address.
    let rest = "10.10.0.128/25 [≠ 00:00:5e:00:53:20,00:00:5e:00:53:50]";
    assert!(sources.iter().all(|s| s == rest), "{sources:?}");
    assert!(ids(&diff.closed).iter().all(|e| e == &["W"]));
    let https = |f: &&crate::verify::Flow| {
        f.services_text().contains("tcp/443") && f.destinations_text().contains("10.20.0.50")
    };
    assert_eq!(diff.closed.iter().filter(https).count(), 0);
}

#[test]
fn a_longer_term_opens_only_the_added_time() {
    let until = |day: &str| entry("T", "m:a", "l:s", "https", &format!("expires = {day}"));
    let diff = change(&until("2027-03-31"), &until("2028-03-31"));
    assert!(diff.closed.is_empty());
    let [flow] = &diff.opened[..] else { panic!("{:?}", diff.opened) };
    let json = flow.to_json(&diff.interfaces, &diff.timezone);
    // A bare end date means the end of that day.
    assert_eq!(json["from"], "2027-04-01T00:00:00+09:00");
    assert_eq!(json["until"], "2028-04-01T00:00:00+09:00");
    assert_eq!(flow.witness.at, time("2027-03-31T15:00:00Z"));
    let past = |day: &str| entry("T", "m:a", "l:s", "https", &format!("starts = {day}"));
    assert!(!change(&past("2024-01-01"), &past("2025-01-01")).changes());
}

#[test]
fn every_entry_that_opens_a_flow_is_named() {
    let new = entry("A", "m:a", "l", "https", "") + &entry("B", "m", "l:s", "tcp/443-444", "");
    let diff = change("", &new);
    let both: Vec<_> = diff.opened.iter().filter(|f| f.entries == ["A", "B"]).collect();
    let [both] = &both[..] else { panic!("{:?}", ids(&diff.opened)) };
    assert_eq!(both.sources_text(), "10.10.0.20 [00:00:5e:00:53:20]");
    assert_eq!((both.destinations_text(), both.services_text()), ("10.20.0.50".into(), "tcp/443".into()));
}

#[test]
fn a_groups_product_is_not_multiplied_out() {
    let diff = change("", &entry("G", "m:ab", "l", "https ping", ""));
    // Unbound addresses together, and one a bound host; TCP and ICMP apart.
    assert_eq!(diff.opened.iter().filter(|f| f.services_text() == "tcp/443").count(), 3);
    let json = diff.opened_json();
    let dhcp = json
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["space"]["mac"] == serde_json::json!(["00:00:5e:00:53:77"]))
        .unwrap();
    // Any address but that of another's MAC.
    assert_eq!(dhcp["space"]["src"], serde_json::json!([["10.10.0.0", "10.10.0.19"], ["10.10.0.21", "10.10.0.255"]]));
    let unbound = json.as_array().unwrap().iter().find(|f| f["space"]["src"][0] == "10.10.0.30").unwrap();
    assert_eq!(unbound["space"]["src"], serde_json::json!(["10.10.0.30", ["10.10.0.64", "10.10.0.79"]]));
    // Any MAC but those that are other hosts' own.
    assert_eq!(
        unbound["space"]["mac"],
        serde_json::json!([
            ["00:00:00:00:00:00", "00:00:5e:00:53:1f"],
            ["00:00:5e:00:53:21", "00:00:5e:00:53:4f"],
            ["00:00:5e:00:53:51", "ff:ff:ff:ff:ff:ff"],
        ])
    );
}

#[test]
fn the_gateway_is_a_side_like_others() {
    let management = "[gateway]\nmanagement = [\"m:a:ssh\"]\n";
    let diff = change("[gateway]\noutput = \"deny\"\n", &format!("{management}output = \"deny\"\n"));
    let [flow] = &diff.opened[..] else { panic!("{:?}", diff.opened) };
    assert_eq!((flow.to_zone.as_deref(), flow.reasons.clone()), (Some("gateway"), vec!["management"]));
    assert_eq!(flow.witness.packet.out_if, None);
    let diff = change("[gateway]\noutput = \"deny\"\n", "[gateway]\noutput = \"allow\"\n");
    assert!(diff.opened.iter().all(|f| f.from_zone == "gateway" && f.reasons == ["output"]));
    assert!(diff.opened.iter().any(|f| f.to_zone.as_deref() == Some("l")));
    assert!(diff.opened.iter().any(|f| f.to_zone.is_none()));
    let ntp = entry("NTP", "gateway", "out:192.0.2.1", "ntp", "") + &entry("DNS", "l", "gateway", "dns", "");
    let diff = change("[gateway]\noutput = \"deny\"\n", &format!("[gateway]\noutput = \"deny\"\n{ntp}"));
    let sides: Vec<_> = diff.opened.iter().map(|f| (f.from_zone.as_str(), f.to_zone.as_deref())).collect();
    assert!(sides.contains(&("gateway", Some("out"))) && sides.contains(&("l", Some("gateway"))), "{sides:?}");
}

#[test]
fn renaming_a_zone_moves_no_flow() {
    let old = policy(&format!("{TOWN}{}", entry("A", "m:a", "l:s", "https", "")));
    let text = format!("{TOWN}{}", entry("A", "kojin:a", "l:s", "https", ""))
        .replace("[zones.m]", "[zones.kojin]")
        .replace("zone = \"m\"", "zone = \"kojin\"");
    let diff = diff(Some(&old), &policy(&text), now()).unwrap();
    assert!(!diff.changes());
    let settings = diff.settings_text(Lang::Ja);
    assert!(settings.contains(&"[zones] の追加: kojin".to_owned()), "{settings:?}");
}

#[test]
fn against_nothing_all_is_opened() {
    let new = town(&format!("[gateway]\noutput = \"deny\"\n{}", entry("A", "m:a", "l:s", "https", "")));
    let diff = diff(None, &new, now()).unwrap();
    assert_eq!(ids(&diff.opened), [["A"]]);
    assert!(diff.settings.is_empty());
}
