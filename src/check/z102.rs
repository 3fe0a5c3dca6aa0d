//! Z102: nothing joins a My Number zone and the Internet, directly.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z102", Severity::Error, words!("z102"), run)
    .never_waivable()
    .cites(&[Clause::shunan("第3章(1)①"), Clause::akune("I 6(3)ア"), Clause::okayama("6(3)①")])
    .example("[[allow]]\nid = \"NG\"\nfrom = \"mynumber:juki\"\nto = \"internet:vdi\"\nservices = \"https\"\n");

/// The classes that a My Number zone never meets.
pub fn forbidden(class: ZoneClass) -> bool {
    matches!(class, ZoneClass::Internet | ZoneClass::Uplink | ZoneClass::Public)
}

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        for pair in input.mynumber_crossings(allowed.entry) {
            let far = input.far(pair);
            if !forbidden(input.class(far)) {
                continue;
            }
            let (ends, texts) = if far == pair.to {
                (&allowed.entry.to, &allowed.written.to)
            } else {
                (&allowed.entry.from, &allowed.written.from)
            };
            let place = input.ends_in(ends, far).next().map(|end| input.end_place(texts, end, allowed.place()));
            let message = Message::new("check-z102-found")
                .with("from", input.zone_name(pair.from))
                .with("to", input.zone_name(pair.to));
            let finding = input.finding(&CHECK, message).at(place.unwrap_or(allowed.place()));
            findings.push(finding.subject(&allowed.entry.id));
        }
    }
}
