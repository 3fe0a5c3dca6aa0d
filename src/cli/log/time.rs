//! Times as an investigator writes them: `2026-11-01`, `09:00`, `2h`, `昨日`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::net::fold_width;

/// Seconds of each unit of a time before now, and how it is written.
const UNITS: [(&str, i64); 10] = [
    ("s", 1),
    ("m", 60),
    ("h", 3600),
    ("d", 86_400),
    ("w", 7 * 86_400),
    ("秒", 1),
    ("分", 60),
    ("時間", 3600),
    ("日", 86_400),
    ("週間", 7 * 86_400),
];

/// What a text says: an instant, or a whole day.
enum Said {
    At(Timestamp),
    Day(Date),
}

/// The beginning of what `text` says: of a day its first instant. None if it
/// is no time.
pub(super) fn since(text: &str, now: Timestamp, timezone: &TimeZone) -> Option<Timestamp> {
    match read(text, now, timezone)? {
        Said::At(at) => Some(at),
        Said::Day(day) => start(day, timezone),
    }
}

/// The end of what `text` says: of a day the first instant of the next.
pub(super) fn until(text: &str, now: Timestamp, timezone: &TimeZone) -> Option<Timestamp> {
    match read(text, now, timezone)? {
        Said::At(at) => Some(at),
        Said::Day(day) => start(day.checked_add(1.day()).ok()?, timezone),
    }
}

fn start(day: Date, timezone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(timezone.clone()).ok().map(|z| z.timestamp())
}

fn read(text: &str, now: Timestamp, timezone: &TimeZone) -> Option<Said> {
    let text = fold_width(text.trim());
    let today = now.to_zoned(timezone.clone()).date();
    match text.as_str() {
        "now" | "今" | "現在" => return Some(Said::At(now)),
        "today" | "今日" | "本日" => return Some(Said::Day(today)),
        "yesterday" | "昨日" => return today.checked_sub(1.day()).ok().map(Said::Day),
        _ => {}
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Said::At(at));
    }
    if let Some(before) = before(&text) {
        return now.checked_sub(before).ok().map(Said::At);
    }
    let local = if text.contains(':') && !text.contains('-') {
        today.to_datetime(text.parse::<Time>().ok()?)
    } else if text.contains(':') {
        text.parse::<DateTime>().ok()?
    } else {
        return text.parse::<Date>().ok().map(Said::Day);
    };
    timezone.to_timestamp(local).ok().map(Said::At)
}

/// `2h`, `30m ago`, `7日前`: how long before now.
fn before(text: &str) -> Option<SignedDuration> {
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let text = text.strip_suffix('前').unwrap_or(text);
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let count: i64 = text[..digits].parse().ok()?;
    let (_, seconds) = UNITS.iter().find(|(unit, _)| *unit == text[digits..].trim_start())?;
    Some(SignedDuration::from_secs(count.checked_mul(*seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_mean_them() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let now: Timestamp = "2026-11-22T15:30:00+09:00".parse().unwrap();
        for (text, from, to) in [
            ("2026-11-01", "2026-11-01T00:00:00+09:00", "2026-11-02T00:00:00+09:00"),
            ("2026-11-01T09:00", "2026-11-01T09:00:00+09:00", "2026-11-01T09:00:00+09:00"),
            ("2026-11-01 09:00:30", "2026-11-01T09:00:30+09:00", "2026-11-01T09:00:30+09:00"),
            ("2026-11-01T09:00:00Z", "2026-11-01T18:00:00+09:00", "2026-11-01T18:00:00+09:00"),
            ("09:00", "2026-11-22T09:00:00+09:00", "2026-11-22T09:00:00+09:00"),
            ("０９：００", "2026-11-22T09:00:00+09:00", "2026-11-22T09:00:00+09:00"),
            ("2h", "2026-11-22T13:30:00+09:00", "2026-11-22T13:30:00+09:00"),
            ("30m", "2026-11-22T15:00:00+09:00", "2026-11-22T15:00:00+09:00"),
            ("7d", "2026-11-15T15:30:00+09:00", "2026-11-15T15:30:00+09:00"),
            ("２時間前", "2026-11-22T13:30:00+09:00", "2026-11-22T13:30:00+09:00"),
            ("today", "2026-11-22T00:00:00+09:00", "2026-11-23T00:00:00+09:00"),
            ("昨日", "2026-11-21T00:00:00+09:00", "2026-11-22T00:00:00+09:00"),
            ("yesterday", "2026-11-21T00:00:00+09:00", "2026-11-22T00:00:00+09:00"),
            ("今日", "2026-11-22T00:00:00+09:00", "2026-11-23T00:00:00+09:00"),
        ] {
            assert_eq!(since(text, now, &tokyo), Some(from.parse().unwrap()), "{text}");
            assert_eq!(until(text, now, &tokyo), Some(to.parse().unwrap()), "{text}");
        }
        for text in ["", "soon", "2x", "25:00", "2026-13-01", "h", "99999999999999999999h", "9999999999999d", "-1h"] {
            assert_eq!(since(text, now, &tokyo), None, "{text}");
        }
    }
}
