//! Waivers: findings that the CISO accepts until a day.

use super::input::Input;
use super::{find, z148};
use crate::diag::{Finding, Findings, Message};

/// Marks what waivers in force accept. A waiver matches by check and subject,
/// exactly; one that matches nothing, or is over, is told (Z148).
pub fn apply(input: &Input<'_>, findings: &mut Findings) {
    for waiver in &input.policy.waivers {
        let check = find(&waiver.check);
        let Some(check) = check.filter(|check| check.code == waiver.check) else {
            let message = Message::new("check-waive-unknown").with("check", &waiver.check);
            findings.push(Finding::error("Z005", message).at(&waiver.place).subject(&waiver.check));
            continue;
        };
        if !check.waivable {
            let message = Message::new("check-waive-never").with("check", check.code);
            findings.push(Finding::error("Z005", message).at(&waiver.place).subject(check.code));
            continue;
        }
        let over = waiver.expires.is_some_and(|end| input.at >= end);
        let mut matched = false;
        for finding in
            findings.0.iter_mut().filter(|f| f.code == check.code && f.subject.as_ref() == Some(&waiver.subject))
        {
            matched = true;
            finding.waived |= !over;
        }
        if over || !matched {
            let key = if over { "check-z148-over" } else { "check-z148-nothing" };
            let message = Message::new(key).with("check", check.code).with("subject", &waiver.subject);
            findings.push(input.finding(&z148::CHECK, message).at(&waiver.place).subject(z148::subject(waiver)));
        }
    }
}
