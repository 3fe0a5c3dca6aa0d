use jiff::SignedDuration;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::{Recurring, Windows};
use super::*;

const WEEKDAYS: [bool; 7] = [true, true, true, true, true, false, false];
const EVERY_DAY: [bool; 7] = [true; 7];

/// Days, from, to; in hours and minutes.
type Written = ([bool; 7], (u32, u32), (u32, u32));

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn minutes(from: (u32, u32), to: (u32, u32)) -> (u32, u32) {
    (from.0 * 3600 + from.1 * 60, to.0 * 3600 + to.1 * 60)
}

fn weekly(zone: &str, days: [bool; 7], from: (u32, u32), to: (u32, u32)) -> Schedule {
    let (from, to) = minutes(from, to);
    let zone = TimeZone::get(zone).unwrap();
    Schedule { windows: Windows::new(&zone, &[Recurring { days, from, to }], Vec::new()), ..Schedule::default() }
}

fn spans(schedule: &Schedule, from: &str, until: &str) -> Vec<String> {
    let spans = schedule.spans_within(at(from), at(until));
    spans.iter().map(|(from, until)| format!("{from} {until}")).collect()
}

#[test]
fn office_hours_are_local_and_half_open() {
    let schedule = weekly("Asia/Tokyo", WEEKDAYS, (8, 30), (17, 15));
    // 2026-11-13 is a Friday.
    for (time, status) in [
        ("2026-11-13T08:29:59.999999999+09:00", Status::OutsideWindow),
        ("2026-11-13T08:30:00+09:00", Status::Active),
        ("2026-11-13T17:14:59.999999999+09:00", Status::Active),
        ("2026-11-13T17:15:00+09:00", Status::OutsideWindow),
        ("2026-11-14T12:00:00+09:00", Status::OutsideWindow),
        ("2026-11-16T08:30:00+09:00", Status::Active),
    ] {
        assert_eq!(schedule.status(at(time)), status, "{time}");
    }
    let friday = at("2026-11-13T10:00:00.5+09:00");
    assert_eq!(schedule.span_at(friday), Some((friday, at("2026-11-13T17:15:00+09:00"))));
    assert_eq!(schedule.next_change(at("2026-11-13T17:15:00+09:00")), Some(at("2026-11-16T08:30:00+09:00")));
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    let sunday = [false, false, false, false, false, false, true];
    let schedule = weekly("Asia/Tokyo", sunday, (22, 0), (2, 0));
    let around = spans(&schedule, "2026-11-14T00:00:00+09:00", "2026-11-22T00:00:00+09:00");
    // Over the week's end.
    assert_eq!(around, ["2026-11-15T13:00:00Z 2026-11-15T17:00:00Z"]);
    let same = weekly("Asia/Tokyo", sunday, (9, 0), (9, 0));
    let around = spans(&same, "2026-11-14T00:00:00+09:00", "2026-11-22T00:00:00+09:00");
    assert_eq!(around, ["2026-11-15T00:00:00Z 2026-11-16T00:00:00Z"], "to not after from: a whole day");
}

#[test]
fn summer_time_hides_an_hour_and_shows_another_twice() {
    let night = |zone| weekly(zone, EVERY_DAY, (1, 15), (2, 30));
    for (zone, from, until, expected) in [
        // 02:00 → 03:00: the clock never shows 02:15.
        (
            "Europe/Berlin",
            "2026-03-28T22:00:00Z",
            "2026-03-29T22:00:00Z",
            vec!["2026-03-29T00:15:00Z 2026-03-29T01:00:00Z"],
        ),
        // 03:00 → 02:00: it shows 02:15 twice.
        (
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T22:00:00Z",
            vec!["2026-10-24T23:15:00Z 2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z 2026-10-25T01:30:00Z"],
        ),
        (
            "America/New_York",
            "2026-03-08T04:00:00Z",
            "2026-03-09T04:00:00Z",
            vec!["2026-03-08T06:15:00Z 2026-03-08T07:00:00Z"],
        ),
        (
            "America/New_York",
            "2026-11-01T04:00:00Z",
            "2026-11-02T04:00:00Z",
            vec!["2026-11-01T05:15:00Z 2026-11-01T06:00:00Z", "2026-11-01T06:15:00Z 2026-11-01T07:30:00Z"],
        ),
        // Half an hour: 02:00 → 01:30 on 5 April, 02:00 → 02:30 on 4 October.
        (
            "Australia/Lord_Howe",
            "2026-04-04T13:00:00Z",
            "2026-04-05T13:00:00Z",
            vec!["2026-04-04T14:15:00Z 2026-04-04T16:00:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-03T13:30:00Z",
            "2026-10-04T13:00:00Z",
            vec!["2026-10-03T14:45:00Z 2026-10-03T15:30:00Z"],
        ),
        (
            "Asia/Tokyo",
            "2026-03-28T15:00:00Z",
            "2026-03-29T15:00:00Z",
            vec!["2026-03-28T16:15:00Z 2026-03-28T17:30:00Z"],
        ),
    ] {
        assert_eq!(spans(&night(zone), from, until), expected, "{zone} {from}");
    }
    // A window that the clock skips as a whole comes the next day.
    let skipped = weekly("Europe/Berlin", EVERY_DAY, (2, 10), (2, 50));
    assert_eq!(skipped.next_change(at("2026-03-29T00:00:00Z")), Some(at("2026-03-30T00:10:00Z")));
}

#[test]
fn a_date_of_its_own_stands_beside_the_week_and_inside_the_entry_s_life() {
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    let once = vec![(at("2026-11-14T22:00:00+09:00"), at("2026-11-15T02:00:00+09:00"))];
    let vendor = Schedule { windows: Windows::new(&zone, &[], once.clone()), ..Schedule::default() };
    assert_eq!(vendor.next_change(at("2026-01-01T00:00:00Z")), Some(once[0].0));
    assert_eq!(vendor.span_at(once[0].0), Some(once[0]));
    assert_eq!(vendor.status(once[0].1), Status::OutsideWindow);
    assert_eq!(vendor.next_change(once[0].1), None);

    let (from, to) = minutes((23, 0), (3, 0));
    let every = [Recurring { days: EVERY_DAY, from, to }];
    let mut both = Schedule { windows: Windows::new(&zone, &every, once.clone()), ..Schedule::default() };
    let until = at("2026-11-15T03:00:00+09:00");
    assert_eq!(both.span_at(once[0].0), Some((once[0].0, until)), "one takes over from the other");
    both.expires = Some(at("2026-11-15T01:00:00+09:00"));
    assert_eq!(both.span_at(once[0].0), Some((once[0].0, at("2026-11-15T01:00:00+09:00"))));
    assert_eq!(both.status(at("2026-11-15T12:00:00+09:00")), Status::Expired, "before outside-window");
    both.starts = Some(at("2026-11-15T00:30:00+09:00"));
    assert_eq!(both.status(once[0].0), Status::OutsideWindow);
    assert_eq!(both.next_change(at("2026-11-15T12:00:00+09:00")), None, "windows go on, the entry does not");
    assert_eq!(both.next_change(at("2026-11-01T00:00:00+09:00")), both.starts);
}

#[test]
fn windows_are_equal_if_they_mean_the_same() {
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    let of = |list: &[Written]| {
        let list: Vec<Recurring> = list
            .iter()
            .map(|(days, from, to)| {
                let (from, to) = minutes(*from, *to);
                Recurring { days: *days, from, to }
            })
            .collect();
        Windows::new(&zone, &list, Vec::new())
    };
    let whole = of(&[(EVERY_DAY, (22, 0), (6, 0))]);
    assert_eq!(whole, of(&[(EVERY_DAY, (0, 0), (6, 0)), (EVERY_DAY, (22, 0), (24, 0))]));
    assert_ne!(whole, of(&[(EVERY_DAY, (22, 0), (6, 1))]));
    assert_eq!(of(&[(EVERY_DAY, (0, 0), (24, 0))]), None, "always");
    assert_eq!(of(&[(EVERY_DAY, (12, 0), (12, 0))]), None);
    let other = TimeZone::get("Europe/Berlin").unwrap();
    let once = || vec![(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"))];
    assert_eq!(Windows::new(&zone, &[], once()), Windows::new(&other, &[], once()), "instants have no zone");
}

const ZONES: [&str; 5] = ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"];
/// Weeks around which clocks shift, and one of none.
const BEGINS: [&str; 7] = [
    "2026-03-26T00:00:00Z",
    "2026-10-22T00:00:00Z",
    "2026-03-05T00:00:00Z",
    "2026-10-29T00:00:00Z",
    "2026-04-02T00:00:00Z",
    "2026-10-01T00:00:00Z",
    "1969-12-28T00:00:00Z",
];
/// All that a schedule of these tests names is a whole number of them.
const STEP: SignedDuration = SignedDuration::from_mins(15);
/// Ten days.
const STEPS: i32 = 960;

prop_compose! {
    fn recurring()(days in prop::array::uniform7(any::<bool>()), from in 0_u32..96, to in 0_u32..=96) -> Recurring {
        Recurring { days, from: from * 900, to: to * 900 }
    }
}

/// What the written windows say of a minute, asked of the clock on the wall.
fn written(zone: &TimeZone, windows: &[Recurring], once: &[(Timestamp, Timestamp)], at: Timestamp) -> bool {
    let local = at.to_zoned(zone.clone());
    let today = local.weekday().to_monday_zero_offset() as usize;
    let minute = u32::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap();
    let weekly = windows.iter().any(|window| {
        let (from, to) = (window.from / 60, window.to / 60);
        if to > from {
            window.days[today] && (from..to).contains(&minute)
        } else {
            window.days[today] && minute >= from || window.days[(today + 6) % 7] && minute < to
        }
    });
    weekly || once.iter().any(|(from, until)| *from <= at && at < *until)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_schedule_is_what_the_clock_on_the_wall_says(
        zone in 0..ZONES.len(),
        begin in 0..BEGINS.len(),
        windows in prop::collection::vec(recurring(), 0..3),
        once in prop::collection::vec((0..800, 1..300), 0..3),
        starts in prop::option::of(0..800),
        expires in prop::option::of(0..950),
    ) {
        let (zone, begin) = (TimeZone::get(ZONES[zone]).unwrap(), at(BEGINS[begin]));
        let after = |steps: i32| begin + STEP * steps;
        let once: Spans = once.into_iter().map(|(from, length)| (after(from), after(from + length))).collect();
        let schedule = Schedule {
            starts: starts.map(after),
            expires: expires.map(after),
            windows: Windows::new(&zone, &windows, once.clone()),
        };
        let (mut spans, mut change) = (schedule.spans_within(begin, after(STEPS)).into_iter().peekable(), None);
        let mut last = None;
        for step in 0..STEPS {
            let now = after(step);
            let expected = if expires.is_some_and(|end| step >= end) {
                Status::Expired
            } else if starts.is_some_and(|start| step < start) || !written(&zone, &windows, &once, now) {
                Status::OutsideWindow
            } else {
                Status::Active
            };
            prop_assert_eq!(schedule.status(now), expected, "{}", now);
            prop_assert_eq!(schedule.status(now + STEP - SignedDuration::from_nanos(1)), expected, "{}", now);
            if last != Some(expected) {
                prop_assert!(last.is_none() || change == Some(now), "{:?} is not {}", change, now);
                change = schedule.next_change(now);
                last = Some(expected);
            }
            while spans.next_if(|(_, end)| *end <= now).is_some() {}
            prop_assert_eq!(spans.peek().is_some_and(|(from, _)| *from <= now), expected == Status::Active);
        }
        prop_assert!(change.is_none_or(|change| change >= after(STEPS)), "{:?}", change);
    }
}
