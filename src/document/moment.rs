//! Dates and times as an administrator writes them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use toml::value::Datetime;

use crate::net::fold_width;

/// A written date or time. What instant it is depends on the organisation's
/// time zone, and for a bare date on whether it begins or ends something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `2026-04-01`.
    Date(Date),
    /// `2026-04-01T08:30`, local.
    Local(DateTime),
    /// `2026-04-01T08:30:00+09:00`.
    Instant(Timestamp),
}

impl Moment {
    /// From a TOML date, local date-time or offset date-time; none for a bare
    /// time of day, or a date that the calendar does not have.
    pub fn from_toml(time: &Datetime) -> Option<Self> {
        time.date?;
        Self::parse(&time.to_string())
    }

    /// From text: `2026-11-15`, `2026-11-15T02:01`, `2026-11-15 02:01:30`, with
    /// or without `Z` or an offset.
    pub fn parse(text: &str) -> Option<Self> {
        let text = fold_width(text.trim());
        if text.len() == 10 {
            return text.parse().ok().map(Self::Date);
        }
        // A date-time would be read even where it carries an offset or a zone.
        let tail = text.get(11..)?;
        if tail.contains('[') {
            return None;
        }
        if tail.contains(['Z', 'z', '+', '-']) {
            return text.parse().ok().map(Self::Instant);
        }
        text.parse().ok().map(Self::Local)
    }
}

/// A time of day, `8:30`, `08:30` or `08:30:15`, as seconds since midnight;
/// `24:00` is the end of the day.
pub(super) fn parse_clock(text: &str) -> Option<u32> {
    let text = fold_width(text.trim());
    let mut parts = text.split(':');
    let mut part = |widths: &[usize], most: u32| {
        let part = parts.next()?;
        let digits = widths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|number| digits && *number <= most)
    };
    let (hours, minutes) = (part(&[1, 2], 24)?, part(&[2], 59)?);
    let seconds = if text.matches(':').count() == 2 { part(&[2], 59)? } else { 0 };
    let all = hours * 3600 + minutes * 60 + seconds;
    (parts.next().is_none() && all <= 86_400).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_read() {
        for (text, seconds) in [
            ("00:00", 0),
            ("8:30", 30_600),
            ("08:30:15", 30_615),
            ("２２：００", 79_200),
            (" 17:15 ", 62_100),
            ("24:00", 86_400),
        ] {
            assert_eq!(parse_clock(text), Some(seconds), "{text}");
        }
        for text in ["", "8", "24:01", "24:00:01", "08:60", "8:3", "008:30", "+8:30", "08:30:15:00", "08:30:", "8:30pm"]
        {
            assert_eq!(parse_clock(text), None, "{text}");
        }
    }

    #[test]
    fn every_form_reads() {
        assert!(matches!(Moment::parse("2026-11-15"), Some(Moment::Date(_))));
        assert!(matches!(Moment::parse("２０２６−１１−１５"), Some(Moment::Date(_))));
        for text in ["2026-11-15T02:01", "2026-11-15 02:01", "2026-11-15T02:01:30"] {
            assert!(matches!(Moment::parse(text), Some(Moment::Local(_))), "{text}");
        }
        let instant: Timestamp = "2026-11-14T17:01:00Z".parse().unwrap();
        for text in ["2026-11-15T02:01:00+09:00", "2026-11-14T17:01:00Z", "2026-11-15T02:01+09:00"] {
            assert_eq!(Moment::parse(text), Some(Moment::Instant(instant)), "{text}");
        }
        for text in ["", "2026-02-30", "02:01", "2026-11-15T25:00", "20261115", "2026-11-15T02:01[Asia/Tokyo]", "来年"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
