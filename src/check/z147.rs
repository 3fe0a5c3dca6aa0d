//! Z147: the CISO approves what leaves a My Number zone, and every waiver.

use super::input::Input;
use super::{Check, Clause, words, z148};
use crate::diag::{Findings, Message, Place, Severity};
use crate::document::AllowApproval;
use crate::policy::EntryApproval;

pub const CHECK: Check = Check::new("Z147", Severity::Error, words!("z147"), run)
    .cites(&[Clause::shunan("第7章第4節(1)"), Clause::kameoka("第7章1(3)")])
    .example("[organisation]\nciso = [\"CISO 副市長\"]\n[[allow]]\nid = \"MN-001\"\nfrom = \"mynumber:shinsei\"\nto = \"lgwan:renkei\"\nservices = \"https\"\npurpose = \"designated\"\napproval = { reason = \"連携\", requested_by = \"住民課 山田\", approved_by = \"住民課長\", approved_on = 2026-03-20 }\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let Some(ciso) = &input.policy.organisation.ciso else { return };
    let allowed_by = |approval: &EntryApproval| {
        let Some(approval) = input.policy.approval(approval) else { return true };
        // Nobody yet: Z140 and Z144 tell of that.
        approval.approved_by.is_empty()
            || approval.approved_by.iter().any(|by| ciso.iter().any(|name| by.starts_with(name.as_str())))
    };
    for allowed in input.living().filter(|allowed| !input.mynumber_crossings(allowed.entry).is_empty()) {
        if allowed.entry.approval.as_ref().is_some_and(|approval| !allowed_by(approval)) {
            let place = approver_place(allowed.written.approval.as_ref(), allowed.place());
            let message = Message::new("check-z147-entry");
            findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
        }
    }
    for (waiver, written) in input.policy.waivers.iter().zip(&input.document.waive) {
        if waiver.approval.as_ref().is_some_and(|approval| !allowed_by(approval)) {
            let place = approver_place(written.approval.as_ref(), &waiver.place);
            let message = Message::new("check-z147-waiver");
            findings.push(input.finding(&CHECK, message).at(place).subject(z148::subject(waiver)));
        }
    }
}

/// Where the approver is named, or the approval.
fn approver_place<'a>(written: Option<&'a AllowApproval>, other: &'a Place) -> &'a Place {
    match written {
        Some(AllowApproval::Named(name)) => &name.place,
        Some(AllowApproval::Inline(inline)) => inline.approved_by.first().map_or(other, |by| &by.place),
        None => other,
    }
}
