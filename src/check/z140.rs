//! Z140: what crosses zones, and every waiver, has a whole approval.

use super::input::Input;
use super::{Check, words, z148};
use crate::diag::{Finding, Findings, Message, Severity};
use crate::policy::{Approval, EntryApproval};

pub const CHECK: Check = Check::new("Z140", Severity::Error, words!("z140"), run).never_waivable().example(
    "[[allow]]\nid = \"LG-001\"\nfrom = \"lgwan:renkei\"\nto = \"lgwan-net:lgwan-shinsei\"\nservices = \"https\"\n",
);

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living().filter(|allowed| !input.crossings(allowed.entry).is_empty()) {
        if let Some(finding) = fault(input, allowed.entry.approval.as_ref(), true) {
            findings.push(finding.at(allowed.approval_place()).subject(&allowed.entry.id));
        }
    }
    for waiver in &input.policy.waivers {
        if let Some(finding) = fault(input, waiver.approval.as_ref(), false) {
            findings.push(finding.at(&waiver.place).subject(z148::subject(waiver)));
        }
    }
}

/// What the approval of an entry or of a waiver lacks, if anything.
fn fault(input: &Input<'_>, approval: Option<&EntryApproval>, of_entry: bool) -> Option<Finding> {
    let Some(approval) = approval.and_then(|approval| input.policy.approval(approval)) else {
        return Some(input.finding(&CHECK, Message::new("check-z140-missing")));
    };
    let missing = missing(approval, of_entry);
    if missing.is_empty() {
        return None;
    }
    let message = Message::new("check-z140-incomplete").with("keys", missing.join(", "));
    Some(input.finding(&CHECK, message))
}

/// The keys that an approval lacks. In an emergency an entry's approver may be
/// named later.
fn missing(approval: &Approval, of_entry: bool) -> Vec<&'static str> {
    let empty = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    let mut missing = Vec::new();
    if empty(&approval.reason) {
        missing.push("reason");
    }
    if empty(&approval.requested_by) {
        missing.push("requested_by");
    }
    let nobody = approval.approved_by.iter().all(|by| by.trim().is_empty());
    if !(nobody && approval.emergency && of_entry) {
        if nobody {
            missing.push("approved_by");
        }
        if approval.approved_on.is_none() {
            missing.push("approved_on");
        }
    }
    missing
}
