//! Z142: nothing is approved tomorrow.

use super::input::Input;
use super::{Check, words};
use crate::diag::{Findings, Message, Severity};

pub const CHECK: Check = Check::new("Z142", Severity::Error, words!("z142"), run)
    .never_waivable()
    .example("[approvals.\"R8-011\"]\nreason = \"連携\"\nrequested_by = \"総務課 佐藤\"\napproved_by = \"CISO 副市長\"\napproved_on = 2099-03-20\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for approved in input.approvals() {
        if let Some(day) = approved.approval.approved_on.filter(|day| *day > input.today) {
            let place = approved.written.approved_on.as_ref().map_or(approved.place, |on| &on.place);
            let message = Message::new("check-z142-found").with("day", day.to_string());
            findings.push(input.finding(&CHECK, message).at(place).subject(&approved.subject));
        }
    }
}
