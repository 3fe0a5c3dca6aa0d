//! Windows, emergencies, and what a policy is at an instant.

use jiff::Timestamp;

use super::{at, digest, entry_with, policy, read, shown, whole};
use crate::document::MemoryTree;
use crate::policy::{Calendar, Status, Subject, Turn};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_written_window_is_local_and_runs_on_past_midnight() {
    let vendor = entry_with("window = { at = \"2026-11-14T22:00\", until = \"2026-11-15T02:00\" }");
    let (from, until) = (time("2026-11-14T22:00:00+09:00"), time("2026-11-15T02:00:00+09:00"));
    assert_eq!(vendor.spans_within(time("2026-01-01T00:00:00Z"), time("2028-01-01T00:00:00Z")), [(from, until)]);
    let nights = entry_with("window = [{ days = \"fri-sat\", from = \"22:00\", to = \"02:00\" }]");
    for (at, status) in [
        ("2026-11-13T21:59:59+09:00", Status::OutsideWindow),
        ("2026-11-13T22:00:00+09:00", Status::Active),
        ("2026-11-15T01:59:59+09:00", Status::Active),
        ("2026-11-15T02:00:00+09:00", Status::OutsideWindow),
        ("2026-11-15T22:00:00+09:00", Status::OutsideWindow),
    ] {
        assert_eq!(nights.status(time(at)), status, "{at}");
    }
}

#[test]
fn the_digest_sees_what_windows_mean_and_not_how_they_are_written() {
    let with = |window: &str| {
        digest(&whole().replace(
            "from = \"lgwan\"\nto = \"gateway\"",
            &format!("from = \"lgwan\"\nto = \"gateway\"\nwindow = {window}"),
        ))
    };
    let days =
        with("[{ days = [\"mon-fri\"], from = \"08:30\", to = \"17:15\" }, { from = \"20:00\", to = \"21:00\" }]");
    let same = "[{ from = 20:00:00, to = \"２１：００\" }, { days = [\"wed-fri\", \"MON\", \"tue\"], from = \"8:30\", to = \"17:15\" }]";
    assert_eq!(days, with(same));
    assert_ne!(
        days,
        with("[{ days = [\"mon-fri\"], from = \"08:30\", to = \"17:16\" }, { from = \"20:00\", to = \"21:00\" }]")
    );
    assert_eq!(with("{ from = \"00:00\", to = \"24:00\" }"), digest(&whole()), "always");
    let once = with("{ at = \"2026-11-14T22:00\", until = \"2026-11-15T02:00\" }");
    assert_eq!(once, with("{ at = 2026-11-14T13:00:00Z, until = \"2026-11-15T02:00:00+09:00\" }"));
}

#[test]
fn an_emergency_lasts_a_week_until_somebody_approves() {
    let lines = "starts = \"2026-11-14T22:00\"\napproval = { reason = \"x\", emergency = true, approved_by = BY }";
    let alone = entry_with(&lines.replace("BY", "[]"));
    assert_eq!(alone.expires, at("2026-11-21T22:00:00+09:00"));
    assert_eq!(alone.status(time("2026-11-21T22:00:00+09:00")), Status::Expired);
    assert_eq!(entry_with(&lines.replace("BY", "\" \"")).expires, alone.expires);
    assert_eq!(entry_with(&lines.replace("BY", "\"部長\"")).expires, None);
    assert_eq!(
        entry_with(&format!("expires = 2026-11-15\n{}", lines.replace("BY", "[]"))).expires,
        at("2026-11-16T00:00:00+09:00")
    );
    let text = whole().replace("services = \"ping\"", "services = \"ping\"\napproval = { emergency = true }");
    let candidate = read([("zoned.toml", text)]);
    assert!(candidate.policy.is_none() && shown(&candidate).contains("needs starts"), "{}", shown(&candidate));
}

#[test]
fn what_comes_next_is_told_in_order() {
    let text = whole().replace(
        "from = \"lgwan\"\nto = \"gateway\"",
        "from = \"lgwan\"\nto = \"gateway\"\nexpires = 2026-12-01\nwindow = { days = \"sat\", from = \"22:00\", to = \"02:00\" }",
    );
    let mut policy = policy(&text);
    policy.hosts[0].valid.until = at("2026-11-20T00:00:00+09:00");
    let next = |after: &str, most: usize| -> Vec<String> {
        let all = policy.upcoming(time(after));
        all.iter().take(most).map(|c| format!("{} {} {}", c.at, c.name, c.turn.as_str())).collect()
    };
    let host = policy.hosts[0].name.as_str();
    assert_eq!(
        next("2026-11-14T12:00:00+09:00", 4),
        [
            "2026-11-14T13:00:00Z GW-001 begins".to_owned(),
            format!("2026-11-19T15:00:00Z {host} expires"),
            "2026-12-01T15:00:00Z GW-001 expires".to_owned(),
            "2026-12-31T15:00:00Z MN-001 expires".to_owned(),
        ]
    );
    assert_eq!(next("2026-11-14T23:00:00+09:00", 1), ["2026-11-14T17:00:00Z GW-001 ends"]);
    let last = policy.upcoming(time("2027-01-15T00:00:00Z"));
    assert!(matches!(last.as_slice(), [only] if only.subject == Subject::Approval && only.turn == Turn::Expires));
}

#[test]
fn outside_its_dates_a_host_is_not_declared() {
    let mut policy = policy(&whole());
    let index = policy.hosts.iter().position(|h| h.name == "shinsei").unwrap();
    policy.hosts[index].valid.until = at("2026-11-20T00:00:00+09:00");
    let (before, after) = (time("2026-11-19T23:59:59+09:00"), time("2026-11-20T00:00:00+09:00"));
    assert_eq!(policy.next_change(before), Some(after));
    let there = policy.as_of(before);
    assert!(matches!(there, std::borrow::Cow::Borrowed(_)) && !there.hosts[index].ips.is_empty());
    let gone = policy.as_of(after);
    assert!(gone.hosts[index].ips.is_empty() && gone.hosts[index].macs.is_empty());
    assert!(gone.hosts.iter().enumerate().all(|(i, h)| i == index || h.ips == policy.hosts[i].ips));
    // What manages the gateway stays.
    let manager = policy.gateway.management[0].host.0;
    policy.hosts[manager].valid.until = at("2026-11-20T00:00:00+09:00");
    assert_eq!(policy.as_of(after).hosts[manager].macs, policy.hosts[manager].macs);
    // Who is behind what is gone is gone.
    policy.gateway.management.clear();
    policy.hosts[index].valid.until = None;
    policy.hosts[index].via = Some(crate::policy::HostId(manager));
    assert!(policy.as_of(after).hosts[index].ips.is_empty());
}

#[test]
fn a_ledgers_dates_are_whole_days_of_the_organisation() {
    let hosts = |timezone: &str| {
        let text = format!(
            "version = 1\n[organisation]\ntimezone = \"{timezone}\"\n[zones.z]\nclass = \"general\"\n\
             interfaces = [\"e\"]\nnetworks = [\"10.0.0.0/8\"]\n[[inventory]]\nfile = \"l.csv\"\n\
             columns = {{ name = \"n\", zone = \"z\", ip = \"i\", valid_from = \"f\", valid_until = \"u\" }}\n"
        );
        let ledger = "n,z,i,f,u\nold,z,10.0.0.1,,2026/3/31\nnew,z,10.0.0.1,2026-04-01,\n\
                      hour,z,10.0.0.2,2026-04-01T08:30,2026-04-01T10:00:00Z\n";
        let candidate = read([("zoned.toml", text), ("l.csv", ledger.to_owned())]);
        let policy = candidate.policy.clone().unwrap_or_else(|| panic!("{}", shown(&candidate)));
        policy.hosts.iter().map(|host| (host.valid.from, host.valid.until)).collect::<Vec<_>>()
    };
    let april = at("2026-04-01T00:00:00+09:00");
    let hour = (at("2026-04-01T08:30:00+09:00"), at("2026-04-01T10:00:00Z"));
    assert_eq!(hosts("Asia/Tokyo"), [(None, april), (april, None), hour]);
    let april = at("2026-04-01T00:00:00Z");
    assert_eq!(hosts("UTC"), [(None, april), (april, None), (at("2026-04-01T08:30:00Z"), hour.1)]);
}

#[test]
fn a_calendar_shows_every_combination_there_is() {
    let zones = |zone: &str, window: &str| {
        let text = format!(
            "version = 1\n[organisation]\ntimezone = \"{zone}\"\n{}\n[[allow]]\nid = \"a\"\nfrom = \"z\"\nto = \"gateway\"\nservices = \"ping\"\n{window}\n\
             [[allow]]\nid = \"b\"\nfrom = \"z\"\nto = \"gateway\"\nservices = \"ping\"\nexpires = 2027-06-30\nwindow = {{ from = \"03:00\", to = \"12:00\" }}\n",
            "[zones.z]\nclass = \"general\"\ninterfaces = [\"e\"]\nnetworks = [\"10.0.0.0/8\"]"
        );
        let tree = MemoryTree::new([("/zoned.toml", text)]);
        let candidate =
            crate::pipeline::Candidate::read(&tree, std::path::Path::new("/zoned.toml"), time("2026-01-01T00:00:00Z"));
        candidate.policy.clone().unwrap_or_else(|| panic!("{}", shown(&candidate)))
    };
    let since = time("2026-11-01T00:00:00Z");
    let until = time("2028-11-01T00:00:00Z");
    for pair in [
        [
            zones("Europe/Berlin", "window = { days = \"sun\", from = \"01:30\", to = \"04:00\" }"),
            zones("Europe/Berlin", ""),
        ],
        [
            zones("Europe/Berlin", "window = { days = \"sun\", from = \"01:30\", to = \"04:00\" }"),
            zones("America/New_York", "window = { days = \"sat\", from = \"18:00\", to = \"23:00\" }"),
        ],
    ] {
        let calendar = Calendar::new(&pair, since, []);
        let schedules: Vec<_> = pair.iter().flat_map(|p| &p.entries).map(|e| &e.schedule).collect();
        let spans: Vec<_> = schedules.iter().map(|s| s.spans(since, &calendar)).collect();
        let by_calendar = |at: Timestamp| -> Vec<bool> {
            spans.iter().map(|spans| spans.iter().any(|(from, until)| *from <= at && at < *until)).collect()
        };
        let (mut shown, mut real) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        let mut now = since;
        while now < until {
            let truth: Vec<bool> = schedules.iter().map(|s| s.status(now) == Status::Active).collect();
            if calendar.moment(now) == now {
                assert_eq!(by_calendar(now), truth, "{now}");
            }
            shown.insert(by_calendar(now));
            real.insert(truth);
            now += jiff::SignedDuration::from_mins(30);
        }
        assert_eq!(shown, real);
        assert!(spans.iter().all(|spans| spans.len() < 1000));
    }
}
