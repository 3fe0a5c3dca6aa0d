//! Findings as a command shows them.

use std::io::Write as _;

use super::Context;
use crate::diag::{self, Message};
use crate::pipeline::Candidate;

/// All findings with their places, for a terminal.
pub fn text(context: &Context, candidate: &Candidate, color: bool) -> String {
    diag::text::render(&candidate.findings.0, &candidate.sources, context.lang, color)
}

/// How many of each severity.
pub fn counts(candidate: &Candidate) -> Message {
    let [errors, warnings, notes] = diag::json::counts(&candidate.findings.0);
    Message::new("cli-counts").with("errors", errors).with("warnings", warnings).with("notes", notes)
}

/// Warnings of a valid set, to standard error: for commands whose output is
/// something else.
pub fn warn(context: &Context, candidate: &Candidate) {
    let words = text(context, candidate, context.color_err());
    // Nobody is left to be told if this fails; the set is valid all the same.
    let _ = std::io::stderr().lock().write_all(words.as_bytes());
}
