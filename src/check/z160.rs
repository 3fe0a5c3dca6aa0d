//! Z160: what has nothing here to apply to is 該当なし, never 適合.

use super::input::Input;
use super::{Check, words};
use crate::diag::{Finding, Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check =
    Check::new("Z160", Severity::Info, words!("z160"), run).example("[compliance]\nmodel = \"two-zone\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let has = |class| input.zones().any(|(_, zone)| zone.class == class);
    let outside = has(ZoneClass::Official) || has(ZoneClass::Partner) || has(ZoneClass::Uplink);
    for (applies, area, codes) in [
        (has(ZoneClass::Mynumber), "check-z160-mynumber", "Z101–Z104, Z106, Z107, Z130, Z132"),
        (has(ZoneClass::Lgwan), "check-z160-lgwan", "Z110"),
        (outside, "check-z160-outside", "Z121–Z123"),
    ] {
        if !applies {
            let message = Message::new("check-z160-found").with("area", Message::new(area)).with("codes", codes);
            // It has no clause of its own: it is about those of others.
            findings.push(Finding { clause: None, ..input.finding(&CHECK, message).subject(codes) });
        }
    }
}
