//! Z103: the far side of a My Number entry is not itself on the Internet.

use super::input::Input;
use super::{Check, Clause, words, z102};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z103", Severity::Error, words!("z103"), run)
    .cites(&[Clause::shunan("第3章(1)①")])
    .example("[zones.asp]\nclass = \"partner\"\ninternet_connected = true\n[[allow]]\nid = \"MN-009\"\nfrom = \"mynumber:zei\"\nto = \"asp:asp-1\"\nservices = \"https\"\npurpose = \"designated\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        for pair in input.mynumber_crossings(allowed.entry) {
            let far = input.policy.zone(input.far(pair));
            let exempt = far.class == ZoneClass::Official || z102::forbidden(far.class);
            if exempt || far.internet_connected != Some(true) {
                continue;
            }
            let (ends, texts) = if input.far(pair) == pair.to {
                (&allowed.entry.to, &allowed.written.to)
            } else {
                (&allowed.entry.from, &allowed.written.from)
            };
            let end = input.ends_in(ends, input.far(pair)).next();
            let place = end.map_or(allowed.place(), |end| input.end_place(texts, end, allowed.place()));
            let message = Message::new("check-z103-found").with("zone", &far.name);
            let finding = input.finding(&CHECK, message).at(place).subject(&allowed.entry.id);
            findings.push(finding.related(Message::new("check-zone-here"), &far.place));
        }
    }
}
