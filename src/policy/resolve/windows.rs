//! An entry's times: its dates, its windows, and the approval that it needs.

use jiff::{Timestamp, ToSpan as _};

use super::Resolver;
use super::times::Side;
use crate::diag::{Finding, Message, Place};
use crate::document::{Allow, At, Moment, Window};
use crate::net::fold_width;
use crate::policy::{Approval, Recurring, Schedule, Spans, Windows};

/// Days as they are written, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// How long an entry is in force of which nobody has approved yet (SPEC §1 `emergency`).
const EMERGENCY_DAYS: i32 = 7;

impl Resolver<'_> {
    /// When an entry is in force, under this approval.
    pub(super) fn schedule(&mut self, written: &Allow, approval: Option<&Approval>, id: &str) -> Schedule {
        let starts = written.starts.as_ref().and_then(|s| self.instant(s, Side::Start, id));
        let own = written.expires.as_ref().and_then(|e| self.instant(e, Side::End, id));
        if let (Some(from), Some(until)) = (&written.starts, &written.expires) {
            self.ordered((from, starts), (until, own), "Z005", id);
        }
        let lapse = approval.and_then(|approval| approval.expires);
        let emergency = approval.filter(|a| a.emergency && a.approved_by.iter().all(|name| name.trim().is_empty()));
        let emergency = emergency.and_then(|_| self.emergency_end(written, starts, id));
        let expires = [own, lapse, emergency].into_iter().flatten().min();
        Schedule { starts, expires, windows: self.windows(&written.windows, id) }
    }

    /// The end of an entry that was to be approved afterwards and is not.
    fn emergency_end(&mut self, written: &Allow, starts: Option<Timestamp>, id: &str) -> Option<Timestamp> {
        if written.starts.is_none() {
            let place = written.id.as_ref().map_or(&written.place, |id| &id.place);
            let message = Message::new("policy-emergency-needs-starts");
            self.findings.push(Finding::error("Z008", message).at(place).subject(id));
        }
        let begun = starts?.to_zoned(self.policy.organisation.timezone.clone());
        begun.checked_add(EMERGENCY_DAYS.days()).ok().map(|end| end.timestamp())
    }

    /// A finding if the end is not after the start.
    pub(super) fn ordered(
        &mut self,
        (from, start): (&At<Moment>, Option<Timestamp>),
        (until, end): (&At<Moment>, Option<Timestamp>),
        code: &'static str,
        subject: &str,
    ) -> bool {
        let ordered = !matches!((start, end), (Some(start), Some(end)) if start >= end);
        if !ordered {
            let finding = Finding::error(code, Message::new("policy-ends-before-start")).at(&until.place);
            self.findings.push(finding.subject(subject).related(Message::new("policy-starts-here"), &from.place));
        }
        ordered
    }

    fn windows(&mut self, written: &[Window], id: &str) -> Option<Windows> {
        if written.is_empty() {
            return None;
        }
        let (mut recurring, mut once) = (Vec::new(), Spans::new());
        for window in written.iter().filter(|window| window.sound) {
            match window {
                Window { at: Some(at), until: Some(until), days: None, from: None, to: None, .. } => {
                    let start = self.instant(at, Side::Start, id);
                    let end = self.instant(until, Side::End, id);
                    if self.ordered((at, start), (until, end), "Z005", id) {
                        once.extend(start.zip(end));
                    }
                }
                Window { from: Some(from), to: Some(to), at: None, until: None, .. } => {
                    recurring.extend(self.recurring(window, from, to, id));
                }
                _ => self.incomplete(window, id),
            }
        }
        Windows::new(&self.policy.organisation.timezone, &recurring, once)
    }

    /// Neither one form nor the other.
    fn incomplete(&mut self, window: &Window, id: &str) {
        let (week, date) = (
            window.days.is_some() || window.from.is_some() || window.to.is_some(),
            window.at.is_some() || window.until.is_some(),
        );
        let (code, message) = if week && date {
            ("Z005", Message::new("policy-window-mixed"))
        } else {
            let missing = match (date, window.from.is_some(), window.at.is_some()) {
                (true, _, true) => "until",
                (true, ..) => "at",
                (false, true, _) => "to",
                (false, ..) => "from",
            };
            ("Z008", Message::new("document-missing-key").with("key", missing))
        };
        let finding = Finding::error(code, message).at(&window.place).subject(id);
        self.findings.push(finding.hint(Message::new("policy-window-hint")));
    }

    fn recurring(&mut self, window: &Window, from: &At<u32>, to: &At<u32>, id: &str) -> Option<Recurring> {
        let days = match &window.days {
            None => Some([true; 7]),
            Some(written) => self.days(written, id),
        };
        if from.value == 86_400 {
            self.wrong_at(Message::new("policy-window-from-24"), &from.place, id);
            return None;
        }
        Some(Recurring { days: days?, from: from.value, to: to.value })
    }

    fn wrong_at(&mut self, message: Message, place: &Place, subject: &str) {
        self.findings.push(Finding::error("Z005", message).at(place).subject(subject));
    }

    /// The days that these texts name, Monday first; none if one of them names none.
    fn days(&mut self, written: &[At<String>], id: &str) -> Option<[bool; 7]> {
        let (mut days, mut sound) = ([false; 7], true);
        for text in written {
            let folded = fold_width(&text.value).to_lowercase();
            let ends: Option<Vec<usize>> = folded.split('-').map(|part| day(part.trim())).collect();
            match ends.as_deref() {
                Some([only]) => days[*only] = true,
                Some([first, last]) => {
                    // Sat-mon goes over the week's end.
                    let length = (last + 7 - first) % 7;
                    (0..=length).for_each(|n| days[(first + n) % 7] = true);
                }
                _ => {
                    sound = false;
                    self.bad_day(text, &folded, id);
                }
            }
        }
        sound.then_some(days)
    }

    fn bad_day(&mut self, text: &At<String>, folded: &str, id: &str) {
        let message = Message::new("policy-window-day").with("value", &text.value);
        let mut finding = Finding::error("Z005", message).at(&text.place).subject(id);
        let stranger = folded.split('-').map(str::trim).find(|part| day(part).is_none());
        if let Some(near) = stranger.and_then(|part| self.suggester.nearest(part, DAYS.into_iter())) {
            finding = finding.hint(Message::new("document-did-you-mean").with("name", near));
        }
        self.findings.push(finding);
    }
}

/// Monday is 0.
fn day(text: &str) -> Option<usize> {
    DAYS.iter().position(|day| *day == text)
}
