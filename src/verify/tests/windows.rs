//! Recurring windows and single ones: what changes, when it opens, what is proved.

use jiff::tz::TimeZone;

use super::*;
use crate::judge::Question;
use crate::net::{Packet, Proto};
use crate::verify::{diff, expectations, matrix, trace};

/// `a` may ask `s` for pages at these times.
fn timed(window: &str) -> Policy {
    town(&(entry("W", "m:a", "l:s", "https", &format!("window = {window}")) + "[gateway]\noutput = \"deny\"\n"))
}

const OFFICE: &str = "[{ days = [\"mon-fri\"], from = \"08:30\", to = \"17:15\" }]";

#[test]
fn a_longer_window_opens_only_the_added_hour_of_each_day() {
    let longer = OFFICE.replace("17:15", "18:15");
    let found = diff(Some(&timed(OFFICE)), &timed(&longer), now()).unwrap();
    assert!(found.closed.is_empty());
    let [flow] = &found.opened[..] else { panic!("{:#?}", found.opened) };
    // `now` is a Sunday.
    let json = flow.to_json(&found.interfaces, &found.timezone);
    assert_eq!((json["from"].as_str(), json["recurs"].as_bool()), (Some("2026-11-16T17:15:00+09:00"), Some(true)));
    assert_eq!(json["until"], "2026-11-16T18:15:00+09:00");
    assert_eq!(flow.witness.at, time("2026-11-16T08:15:00Z"));
}

#[test]
fn windows_written_otherwise_are_the_same() {
    let parts = "[{ days = [\"fri\", \"mon-wed\"], from = \"08:30\", to = \"12:00\" }, \
                 { days = [\"mon-fri\"], from = \"12:00\", to = \"17:15\" }, \
                 { days = [\"thu\"], from = \"08:30\", to = \"13:00\" }]";
    assert!(!diff(Some(&timed(OFFICE)), &timed(parts), now()).unwrap().changes());
    // One that is over changes nothing; one to come does.
    let once = |at: &str, until: &str| format!("[{{ at = \"{at}\", until = \"{until}\" }}]");
    let past = once("2026-11-14T22:00", "2026-11-15T02:00");
    let none = town("[gateway]\noutput = \"deny\"\n");
    assert!(!diff(Some(&none), &timed(&past), now()).unwrap().changes());
    assert!(diff(Some(&none), &timed(&past), time("2026-11-14T16:59:59Z")).unwrap().changes());
    assert!(!diff(Some(&none), &timed(&past), time("2026-11-14T17:00:00Z")).unwrap().changes());
}

#[test]
fn a_trace_outside_a_window_says_when_it_opens() {
    let packet = Packet {
        in_if: Some("eth1".parse().unwrap()),
        out_if: Some("eth2".parse().unwrap()),
        src_mac: Some("00:00:5e:00:53:20".parse().unwrap()),
        src: "10.10.0.20".parse().unwrap(),
        dst: "10.20.0.50".parse().unwrap(),
        proto: Proto::TCP,
        sport: Some(50000),
        dport: Some(443),
        icmp_type: None,
        icmp_code: None,
    };
    let policy = timed(OFFICE);
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    let ask = |at: &str| trace(&policy, &Question::new(packet.clone(), time(at))).to_json(&tokyo);
    let sunday = ask("2026-11-15T00:00:00Z");
    assert_eq!((&sunday["reason"], &sunday["opens"]), (&"outside-window".into(), &"2026-11-16T08:30:00+09:00".into()));
    assert_eq!(sunday["nearest"], serde_json::json!({ "entry": "W", "differs": ["time"] }));
    assert_eq!(ask("2026-11-16T08:14:59Z")["verdict"], "allow");
    assert_eq!(ask("2026-11-16T08:15:00Z")["opens"], "2026-11-17T08:30:00+09:00");
}

#[test]
fn the_matrix_shows_what_a_window_lets_pass_now_and_what_changes_next() {
    let policy = timed(OFFICE);
    let cell = |at: &str| matrix(&policy, time(at)).to_json()["cells"][0].clone();
    let open = cell("2026-11-16T00:00:00Z");
    assert_eq!(
        (&open["open"], &open["entries"][0]["next_change"]),
        (&true.into(), &"2026-11-16T17:15:00+09:00".into())
    );
    let shut = cell("2026-11-15T00:00:00Z");
    assert_eq!((&shut["open"], &shut["entries"][0]["status"]), (&false.into(), &"outside-window".into()));
    assert_eq!(shut["entries"][0]["next_change"], "2026-11-16T08:30:00+09:00");
}

#[test]
fn expectations_speak_of_a_moment_or_of_every_one() {
    let holds = |verdict: &str, at: &str| {
        let expect = format!(
            "[[expect]]\nname = \"e\"\nfrom = [\"m:a\"]\nto = [\"l:s\"]\nservices = [\"https\"]\n{at}\nverdict = \"{verdict}\"\n"
        );
        let window = "window = [{ at = \"2026-11-20T22:00\", until = \"2026-11-21T02:00\" }]";
        let policy = town(&(entry("V", "m:a", "l:s", "https", window) + &expect));
        expectations(&policy, now()).remove(0)
    };
    assert!(holds("deny", "at = \"2026-11-21T02:00\"").holds);
    assert!(holds("allow", "at = \"2026-11-21T01:59\"").holds);
    assert!(!holds("allow", "").holds, "not now");
    let found = holds("deny", "");
    assert_eq!(found.witness.unwrap().at, time("2026-11-20T13:00:00Z"));
}
