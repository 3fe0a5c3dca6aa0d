//! Z150: how long records are kept, and what happens when they cannot be, is stated.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};

pub const CHECK: Check = Check::new("Z150", Severity::Warning, words!("z150"), run)
    .cites(&[Clause::shunan("第6章第1節(6)②"), Clause::kameoka("第5章1(2)")])
    .example("[log]\nstore = \"flows\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let log = &input.policy.log;
    for (stated, key) in [(log.retention_days.is_some(), "retention_days"), (log.on_failure, "on_failure")] {
        if !stated {
            let message = Message::new("check-z150-found").with("key", key);
            let finding = input.finding(&CHECK, message).subject(format!("log.{key}"));
            findings.push(match &input.document.log.place {
                Some(place) => finding.at(place),
                None => finding,
            });
        }
    }
}
