//! Z121: every outside connection was permitted, by the CISO and by the officer
//! in charge of the network.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z121", Severity::Error, words!("z121"), run)
    .cites(&[Clause::shunan("第6章第1節(10)①"), Clause::kameoka("第5章1(6)")])
    .example("[zones.uplink]\nclass = \"uplink\"\ninterfaces = [\"eth6\"]\nnetworks = [\"any\"]\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let outside = |class| matches!(class, ZoneClass::Official | ZoneClass::Partner | ZoneClass::Uplink);
    for (id, zone) in input.zones().filter(|(_, zone)| outside(zone.class)) {
        let named = zone.approval.as_deref();
        let approval = named.and_then(|name| input.policy.approvals.get(name));
        let written = &input.document.zones[id.0].approval;
        let place = written.as_ref().map_or(&zone.place, |name| &name.place);
        let (key, grave) = match approval {
            None => ("check-z121-missing", Severity::Error),
            Some(approval) if approval.approved_by.is_empty() => ("check-z121-nobody", Severity::Error),
            Some(approval) if approval.expires.is_some_and(|end| input.at >= end) => {
                ("check-z121-lapsed", Severity::Warning)
            }
            Some(approval) if approval.approved_by.len() == 1 => ("check-z121-alone", Severity::Warning),
            Some(_) => continue,
        };
        let message = Message::new(key).with("zone", &zone.name).with("approval", named.unwrap_or_default());
        let mut finding = input.finding(&CHECK, message).at(place).subject(&zone.name);
        finding.severity = grave;
        findings.push(finding);
    }
}
