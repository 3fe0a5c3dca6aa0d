//! Z120: the Internet is reached by one way, the security cloud.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z120", Severity::Error, words!("z120"), run)
    .cites(&[Clause::shunan("第3章(3)②"), Clause::shunan("第4章第3節②"), Clause::akune("I 6(3)ウ")])
    .example("[zones.adsl]\nclass = \"uplink\"\ninterfaces = [\"eth8\"]\nnetworks = [\"203.0.113.0/29\"]\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let mut first = None;
    for (id, zone) in input.zones() {
        let uplink = zone.class == ZoneClass::Uplink;
        if !uplink && input.is_any(id) {
            let place = &input.document.zones[id.0].networks.first().map_or(&zone.place, |text| &text.place);
            let message = Message::new("check-z120-any").with("zone", &zone.name);
            findings.push(input.finding(&CHECK, message).at(place).subject(&zone.name));
        }
        if uplink && !zone.breakout && !zone.redundant {
            match first {
                None => first = Some(zone),
                Some(first) => {
                    let message = Message::new("check-z120-second").with("zone", &zone.name).with("first", &first.name);
                    let finding = input.finding(&CHECK, message).at(&zone.place).subject(&zone.name);
                    findings.push(finding.related(Message::new("check-zone-here"), &first.place));
                }
            }
        }
    }
}
