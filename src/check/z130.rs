//! Z130: no wireless in a My Number zone.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::net::IfPattern;
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z130", Severity::Error, words!("z130"), run)
    .cites(&[Clause::shunan("第6章第1節(13)"), Clause::kameoka("第5章1(8)")])
    .example("[zones.mynumber]\nclass = \"mynumber\"\ninterfaces = [\"wlan0\"]\nnetworks = [\"10.10.0.0/24\"]\n");

/// How wireless interfaces are called: systemd's predictable names (`wl…`, `ww…`),
/// the kernel's own (`wlan0`, `wwan0`) and old drivers' (`ath0`).
const WIRELESS: [&str; 3] = ["wl", "ww", "ath"];

/// The local rule that forbids it whatever the edition says.
const RULE: &str = "no-wireless";

fn run(input: &Input<'_>, findings: &mut Findings) {
    let forbidden = !input.edition_2025() || input.policy.compliance.local_rules.iter().any(|rule| rule == RULE);
    for (id, zone) in input.zones().filter(|(_, zone)| zone.class == ZoneClass::Mynumber) {
        let attested = zone.attest.as_deref().is_some_and(|attest| !attest.trim().is_empty());
        if attested && !forbidden {
            continue;
        }
        for (index, pattern) in zone.interfaces.iter().enumerate() {
            let (IfPattern::Exact(name) | IfPattern::Prefix(name)) = pattern;
            if !WIRELESS.iter().any(|start| name.as_str().starts_with(start)) {
                continue;
            }
            let key = if forbidden { "check-z130-forbidden" } else { "check-z130-unattested" };
            let message = Message::new(key).with("zone", &zone.name).with("interface", pattern.to_string());
            let place = input.document.zones[id.0].interfaces.get(index).map_or(&zone.place, |text| &text.place);
            findings.push(input.finding(&CHECK, message).at(place).subject(&zone.name));
        }
    }
}
