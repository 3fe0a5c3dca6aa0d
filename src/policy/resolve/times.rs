//! Written times to instants, in the organisation's time zone.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Resolver;
use crate::diag::Message;
use crate::document::{At, Moment};

/// Which end of a span a bare date names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Its first instant.
    Start,
    /// The first instant after it.
    End,
}

impl Resolver<'_> {
    /// The instant that is meant, or a finding where the calendar has none.
    pub(super) fn instant(&mut self, at: &At<Moment>, side: Side, subject: &str) -> Option<Timestamp> {
        let zone = self.policy.organisation.timezone.clone();
        let midnight = |date: Date| date.to_zoned(zone.clone()).ok().map(|z| z.timestamp());
        let instant = match (at.value, side) {
            (Moment::Instant(instant), _) => Some(instant),
            (Moment::Local(time), _) => time.to_zoned(zone).ok().map(|z| z.timestamp()),
            (Moment::Date(date), Side::Start) => midnight(date),
            (Moment::Date(date), Side::End) => date.tomorrow().ok().and_then(midnight),
        };
        if instant.is_none() {
            let text = At::new(String::new(), &at.place);
            self.bad(Message::new("policy-time-out-of-range"), &text, subject);
        }
        instant
    }

    /// The local day that is meant.
    pub(super) fn day(&self, at: &At<Moment>) -> Date {
        match at.value {
            Moment::Date(date) => date,
            Moment::Local(time) => time.date(),
            Moment::Instant(instant) => instant.to_zoned(self.policy.organisation.timezone.clone()).date(),
        }
    }
}
