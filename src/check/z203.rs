//! Z203: a group that nobody is in.

use super::input::Input;
use super::{Check, words};
use crate::diag::{Findings, Message, Severity};

pub const CHECK: Check = Check::new("Z203", Severity::Warning, words!("z203"), run)
    .example("[groups.tax]\nselect = { dept = [\"税務課\"] }\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for group in input.policy.groups.iter().filter(|group| group.hosts.is_empty() && group.networks.is_empty()) {
        let message = Message::new("check-z203-found").with("group", &group.name);
        findings.push(input.finding(&CHECK, message).at(&group.place).subject(&group.name));
    }
}
