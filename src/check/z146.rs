//! Z146: an entry or a waiver that ends soon.

use super::input::{Input, after_days};
use super::z143::{end_day, end_place};
use super::{Check, words, z148};
use crate::diag::{Findings, Message, Severity};

pub const CHECK: Check = Check::new("Z146", Severity::Info, words!("z146"), run)
    .example("[[allow]]\nid = \"LG-001\"\nfrom = \"lgwan:renkei\"\nto = \"lgwan-net:lgwan-shinsei\"\nservices = \"https\"\nexpires = 2026-12-10\n");

/// How soon is soon.
const DAYS: i64 = 30;

fn run(input: &Input<'_>, findings: &mut Findings) {
    let soon = |end| input.at < end && end <= after_days(input.at, DAYS);
    for allowed in input.living().filter(|allowed| allowed.entry.schedule.expires.is_some_and(soon)) {
        let message = Message::new("check-z146-found").with("end", end_day(input, allowed));
        findings.push(input.finding(&CHECK, message).at(end_place(input, allowed)).subject(&allowed.entry.id));
    }
    for (waiver, written) in input.policy.waivers.iter().zip(&input.document.waive) {
        if waiver.expires.is_some_and(soon) {
            let message =
                Message::new("check-z146-waiver").with("check", &waiver.check).with("subject", &waiver.subject);
            let place = written.expires.as_ref().map_or(&waiver.place, |expires| &expires.place);
            findings.push(input.finding(&CHECK, message).at(place).subject(z148::subject(waiver)));
        }
    }
}
