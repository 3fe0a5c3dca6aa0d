//! Z105: an official zone names the public body that runs it.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z105", Severity::Error, words!("z105"), run)
    .cites(&[Clause::shunan("第3章(1)①")])
    .example("[zones.lgwan-net]\nclass = \"official\"\ninterfaces = [\"eth4\"]\nnetworks = [\"192.0.2.0/29\"]\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for (_, zone) in input.zones().filter(|(_, zone)| zone.class == ZoneClass::Official) {
        if zone.operator.as_deref().is_none_or(|operator| operator.trim().is_empty()) {
            let message = Message::new("check-z105-found").with("zone", &zone.name);
            findings.push(input.finding(&CHECK, message).at(&zone.place).subject(&zone.name));
        }
    }
}
