//! Z143: an entry that is over still stands in the list.

use super::input::{Allowed, Input};
use super::{Check, words};
use crate::diag::{Findings, Message, Place, Severity};
use crate::policy::Status;

pub const CHECK: Check = Check::new("Z143", Severity::Warning, words!("z143"), run)
    .example("[[allow]]\nid = \"LG-001\"\nfrom = \"lgwan:renkei\"\nto = \"lgwan-net:lgwan-shinsei\"\nservices = \"https\"\nexpires = 2026-03-31\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.entries() {
        let over = allowed.entry.schedule.status(input.at) == Status::Expired;
        if over && !input.lapsed_emergency(allowed.entry) {
            let message = Message::new("check-z143-found").with("end", end_day(input, allowed));
            findings.push(input.finding(&CHECK, message).at(end_place(input, allowed)).subject(&allowed.entry.id));
        }
    }
}

/// The last local instant of an entry, as a day and a time.
pub fn end_day(input: &Input<'_>, allowed: Allowed<'_>) -> String {
    let end = allowed.entry.schedule.expires.map(|end| end.to_zoned(input.policy.organisation.timezone.clone()));
    end.map(|end| end.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// Where an entry's end is written: its own, or that of its approval.
pub fn end_place<'a>(input: &Input<'a>, allowed: Allowed<'a>) -> &'a Place {
    let capped = input.approval(allowed.entry).and_then(|approval| approval.expires);
    match &allowed.written.expires {
        Some(own) if capped.is_none_or(|cap| Some(cap) != allowed.entry.schedule.expires) => &own.place,
        _ if capped.is_some() => allowed.approval_place(),
        _ => allowed.place(),
    }
}
