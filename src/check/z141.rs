//! Z141: nobody approves what they asked for.

use super::input::{Input, same_name};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};

pub const CHECK: Check = Check::new("Z141", Severity::Error, words!("z141"), run)
    .never_waivable()
    .cites(&[Clause::shunan("第1章(8)①")])
    .example("[approvals.\"R8-011\"]\nreason = \"連携\"\nrequested_by = \"総務課 佐藤\"\napproved_by = \"総務課 佐藤\"\napproved_on = 2026-03-20\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for approved in input.approvals() {
        let approval = approved.approval;
        let excused = approval.same_person_reason.as_deref().is_some_and(|reason| !reason.trim().is_empty());
        let Some(requester) = approval.requested_by.as_deref().filter(|by| !by.trim().is_empty() && !excused) else {
            continue;
        };
        if let Some(index) = approval.approved_by.iter().position(|by| same_name(by, requester)) {
            let place = approved.written.approved_by.get(index).map_or(approved.place, |by| &by.place);
            let message = Message::new("check-z141-found").with("person", requester);
            let finding = input.finding(&CHECK, message).at(place).subject(&approved.subject);
            findings.push(match &approved.written.requested_by {
                Some(by) => finding.related(Message::new("check-z141-requested"), &by.place),
                None => finding,
            });
        }
    }
}
