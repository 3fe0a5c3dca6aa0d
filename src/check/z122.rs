//! Z122: from outside only what is public is reached.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::{Purpose, ZoneClass};

pub const CHECK: Check = Check::new("Z122", Severity::Error, words!("z122"), run)
    .cites(&[Clause::shunan("第6章第1節(9)"), Clause::shunan("第6章第1節(10)④"), Clause::shunan("第6章第2節(2)⑦")])
    .example("[[allow]]\nid = \"UI-001\"\nfrom = \"uplink\"\nto = \"internet:web\"\nservices = \"https\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        let attested = allowed.entry.attest.as_deref().is_some_and(|attest| !attest.trim().is_empty());
        if allowed.entry.purpose == Purpose::Remote && attested {
            continue;
        }
        for pair in input.crossings(allowed.entry) {
            if input.class(pair.from) != ZoneClass::Uplink || input.class(pair.to) == ZoneClass::Public {
                continue;
            }
            let end = input.ends_in(&allowed.entry.to, pair.to).next();
            let place = end.map_or(allowed.place(), |end| input.end_place(&allowed.written.to, end, allowed.place()));
            let message = Message::new("check-z122-found")
                .with("from", input.zone_name(pair.from))
                .with("to", input.zone_name(pair.to));
            findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
        }
    }
}
