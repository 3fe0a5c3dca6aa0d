//! Z126: privileged and remote access has hours.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::Purpose;

pub const CHECK: Check = Check::new("Z126", Severity::Warning, words!("z126"), run)
    .cites(&[Clause::shunan("第6章第2節(4)"), Clause::shunan("第6章第2節(2)②")])
    .example("[[allow]]\nid = \"AD-001\"\nfrom = \"management:admin-pc\"\nto = \"lgwan:renkei\"\nservices = \"ssh\"\npurpose = \"management\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        let privileged = matches!(allowed.entry.purpose, Purpose::Management | Purpose::Remote);
        if privileged && !input.has_window(allowed) {
            let place = allowed.written.purpose.as_ref().map_or(allowed.place(), |purpose| &purpose.place);
            findings.push(input.finding(&CHECK, Message::new("check-z126-found")).at(place).subject(&allowed.entry.id));
        }
    }
}
