//! Z144: an emergency that nobody approved in its days is no longer in force.

use super::input::{EMERGENCY_DAYS, Input};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};

pub const CHECK: Check = Check::new("Z144", Severity::Warning, words!("z144"), run)
    .cites(&[Clause::shunan("第7章第4節(2)"), Clause::kameoka("第7章1(3)")])
    .example("[[allow]]\nid = \"EM-001\"\nfrom = \"lgwan:renkei\"\nto = \"lgwan-net:lgwan-shinsei\"\nservices = \"https\"\nstarts = 2026-11-01\napproval = { reason = \"障害対応\", requested_by = \"総務課 佐藤\", emergency = true }\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.entries().filter(|allowed| input.lapsed_emergency(allowed.entry)) {
        let message = Message::new("check-z144-found").with("days", EMERGENCY_DAYS);
        findings.push(input.finding(&CHECK, message).at(allowed.approval_place()).subject(&allowed.entry.id));
    }
}
