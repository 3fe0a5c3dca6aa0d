//! Z145: an approval is looked at again by its day.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};

pub const CHECK: Check = Check::new("Z145", Severity::Warning, words!("z145"), run)
    .cites(&[Clause::shunan("第7章第4節(3)"), Clause::kameoka("第7章1(3)")])
    .example("[approvals.\"R8-011\"]\nreason = \"連携\"\nrequested_by = \"総務課 佐藤\"\napproved_by = \"CISO 副市長\"\napproved_on = 2026-03-20\nreview_by = 2026-09-30\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for approved in input.approvals() {
        let over = approved.approval.expires.is_some_and(|end| input.at >= end);
        if let Some(day) = approved.approval.review_by.filter(|day| *day < input.today && !over) {
            let place = approved.written.review_by.as_ref().map_or(approved.place, |by| &by.place);
            let message = Message::new("check-z145-found").with("day", day.to_string());
            findings.push(input.finding(&CHECK, message).at(place).subject(&approved.subject));
        }
    }
}
