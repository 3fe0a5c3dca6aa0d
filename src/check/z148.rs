//! Z148: a waiver that accepts nothing, or is over. Found where waivers are applied.

use super::{Check, words};
use crate::diag::Severity;
use crate::policy::Waiver;

pub const CHECK: Check = Check::elsewhere("Z148", Severity::Warning, words!("z148"))
    .example("[[waive]]\ncheck = \"Z103\"\nsubject = \"MN-999\"\nexpires = 2027-03-31\napproval = \"R8-012\"\n");

/// What findings about a waiver are about: its check and its subject.
pub fn subject(waiver: &Waiver) -> String {
    format!("{} {}", waiver.check, waiver.subject)
}
