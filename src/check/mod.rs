//! Checks of the resolved policy (SPEC §3): one file a code.
//!
//! Takes a [`Policy`], the [`Document`] that it was resolved from (for places)
//! and an instant; gives findings, with what is waived marked as such. Each
//! check is a [`Check`]: its code, severity, clauses and words stand with the
//! function that runs it, and `docs/checks.*.md` and `zonectl checks` are made
//! from nothing else. What needs the proof of a ruleset or a live gateway (Z201,
//! Z3, Z401) is found further down; its description stands here as well.

mod clause;
pub mod docs;
mod input;
mod paths;
mod waive;

mod elsewhere;
mod z101;
mod z102;
mod z103;
mod z104;
mod z105;
mod z106;
mod z107;
mod z110;
mod z111;
mod z112;
mod z120;
mod z121;
mod z122;
mod z123;
mod z124;
mod z125;
mod z130;
mod z131;
mod z132;
mod z140;
mod z141;
mod z142;
mod z143;
mod z144;
mod z145;
mod z146;
mod z147;
mod z148;
mod z150;
mod z160;
mod z202;
mod z203;
mod z204;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::diag::{Findings, Severity};
use crate::document::Document;
use crate::policy::Policy;

pub use clause::{Clause, Text};
use input::Input;

/// Description of one code, and what finds it.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The stable code.
    pub code: &'static str,
    /// How grave its findings usually are; some are milder where their words say so.
    pub severity: Severity,
    /// True if a waiver can accept it.
    pub waivable: bool,
    /// Where the regulations ask for it; empty = the product's default.
    pub clauses: &'static [Clause],
    /// A configuration that it finds something in.
    pub example: &'static str,
    words: Words,
    /// None where the code is found elsewhere.
    run: Option<Run>,
}

/// A check's function: adds what it finds.
type Run = fn(&Input<'_>, &mut Findings);

/// The catalogue keys of a check.
#[derive(Debug, Clone, Copy)]
struct Words {
    what: &'static str,
    why: &'static str,
    mend: &'static str,
}

/// The keys `check-CODE-what`, `-why` and `-mend`.
macro_rules! words {
    ($code:literal) => {
        $crate::check::Words {
            what: concat!("check-", $code, "-what"),
            why: concat!("check-", $code, "-why"),
            mend: concat!("check-", $code, "-mend"),
        }
    };
}
use words;

impl Check {
    const fn new(code: &'static str, severity: Severity, words: Words, run: Run) -> Self {
        Self { code, severity, waivable: true, clauses: &[], example: "", words, run: Some(run) }
    }

    /// One that is found by another part of the program.
    const fn elsewhere(code: &'static str, severity: Severity, words: Words) -> Self {
        Self { code, severity, waivable: true, clauses: &[], example: "", words, run: None }
    }

    const fn never_waivable(self) -> Self {
        Self { waivable: false, ..self }
    }

    const fn cites(self, clauses: &'static [Clause]) -> Self {
        Self { clauses, ..self }
    }

    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

/// Every code of SPEC §3 that this build finds, in order.
pub static ALL: &[Check] = &[
    elsewhere::Z001,
    elsewhere::Z002,
    elsewhere::Z003,
    elsewhere::Z004,
    elsewhere::Z005,
    elsewhere::Z006,
    elsewhere::Z007,
    elsewhere::Z008,
    elsewhere::Z009,
    elsewhere::Z010,
    elsewhere::Z011,
    elsewhere::Z012,
    z101::CHECK,
    z102::CHECK,
    z103::CHECK,
    z104::CHECK,
    z105::CHECK,
    z106::CHECK,
    z107::CHECK,
    z110::CHECK,
    z111::CHECK,
    z112::CHECK,
    z120::CHECK,
    z121::CHECK,
    z122::CHECK,
    z123::CHECK,
    z124::CHECK,
    z125::CHECK,
    z130::CHECK,
    z131::CHECK,
    z132::CHECK,
    z140::CHECK,
    z141::CHECK,
    z142::CHECK,
    z143::CHECK,
    z144::CHECK,
    z145::CHECK,
    z146::CHECK,
    z147::CHECK,
    z148::CHECK,
    z150::CHECK,
    z160::CHECK,
    z202::CHECK,
    z203::CHECK,
    z204::CHECK,
    elsewhere::Z307,
    elsewhere::Z401,
];

/// The check of this code, in any case.
pub fn find(code: &str) -> Option<&'static Check> {
    ALL.iter().find(|check| check.code.eq_ignore_ascii_case(code))
}

/// Runs every check on a policy as of `at`. `document` is the one that `policy`
/// was resolved from. Adds to `findings`; what a waiver in force accepts is marked.
pub fn check(policy: &Policy, document: &Document, at: Timestamp, findings: &mut Findings) {
    let input = Input::new(policy, document, at);
    for run in ALL.iter().filter_map(|check| check.run) {
        run(&input, findings);
    }
    waive::apply(&input, findings);
}
