//! Z132: a My Number zone has its wires to itself.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z132", Severity::Error, words!("z132"), run)
    .cites(&[Clause::shunan("第3章(1)①")])
    .example("[zones.mynumber]\nclass = \"mynumber\"\ninterfaces = [\"eth1\"]\nnetworks = [\"10.10.0.0/24\"]\n[zones.lgwan]\nclass = \"lgwan\"\ninterfaces = [\"eth1\"]\nnetworks = [\"10.20.0.0/22\"]\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for (id, zone) in input.zones().filter(|(_, zone)| zone.class == ZoneClass::Mynumber) {
        for (_, other) in input.zones().filter(|(_, other)| other.class != ZoneClass::Mynumber) {
            let shared = zone
                .interfaces
                .iter()
                .position(|own| other.interfaces.iter().any(|pattern| own.covers(pattern) || pattern.covers(own)));
            let Some(index) = shared else { continue };
            let message = Message::new("check-z132-found")
                .with("zone", &zone.name)
                .with("other", &other.name)
                .with("interface", zone.interfaces[index].to_string());
            let place = input.document.zones[id.0].interfaces.get(index).map_or(&zone.place, |text| &text.place);
            let finding = input.finding(&CHECK, message).at(place).subject(&zone.name);
            findings.push(finding.related(Message::new("check-zone-here"), &other.place));
        }
    }
}
