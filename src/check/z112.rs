//! Z112: what ports cannot show of a screen transfer is attested or unverified.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::Sanitise;

pub const CHECK: Check = Check::new("Z112", Severity::Warning, words!("z112"), run)
    .cites(&[Clause::shunan("第3章(2)①(イ)")])
    .example("[[allow]]\nid = \"LI-001\"\nfrom = \"lgwan\"\nto = \"internet:vdi\"\nservices = [\"tcp/22443\"]\nsanitise = \"screen-transfer\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        let attested = allowed.entry.attest.as_deref().is_some_and(|attest| !attest.trim().is_empty());
        if allowed.entry.sanitise == Some(Sanitise::ScreenTransfer) && !attested {
            let place = allowed.written.sanitise.as_ref().map_or(allowed.place(), |way| &way.place);
            let message = Message::new("check-z112-found");
            findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
        }
    }
}
