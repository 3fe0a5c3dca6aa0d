//! One thing found, with code, severity, words and place.

use std::fmt;

use super::{Message, Place};

/// How grave a finding is. An error refuses the whole set unless waived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Refuses the set.
    Error,
    /// Shown, does not refuse.
    Warning,
    /// For the record.
    Info,
}

impl Severity {
    /// `error`, `warning` or `info`, as in JSON (SPEC §4).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A finding (SPEC §3). Build with [`Finding::error`] and friends, then add to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The stable code, `Z001` … .
    pub code: &'static str,
    /// How grave.
    pub severity: Severity,
    /// What is wrong.
    pub message: Message,
    /// Where; none for what has no place in a file.
    pub place: Option<Place>,
    /// Other places that matter, each with its words (“first declared here”).
    pub related: Vec<(Message, Place)>,
    /// What it is about: entry id, host, zone, file; waivers match it exactly.
    pub subject: Option<String>,
    /// The clause it rests on, as cited in reports.
    pub clause: Option<String>,
    /// How to mend it.
    pub hint: Option<Message>,
    /// Accepted by a waiver.
    pub waived: bool,
}

impl Finding {
    fn new(code: &'static str, severity: Severity, message: Message) -> Self {
        Self {
            code,
            severity,
            message,
            place: None,
            related: Vec::new(),
            subject: None,
            clause: None,
            hint: None,
            waived: false,
        }
    }

    /// An error.
    pub fn error(code: &'static str, message: Message) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning.
    pub fn warning(code: &'static str, message: Message) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A note for the record.
    pub fn info(code: &'static str, message: Message) -> Self {
        Self::new(code, Severity::Info, message)
    }

    /// Sets the place.
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// Adds another place with its words.
    pub fn related(mut self, message: Message, place: &Place) -> Self {
        self.related.push((message, place.clone()));
        self
    }

    /// Sets the subject.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the clause, as cited in reports.
    pub fn clause(mut self, clause: impl Into<String>) -> Self {
        self.clause = Some(clause.into());
        self
    }

    /// Sets the hint.
    pub fn hint(mut self, hint: Message) -> Self {
        self.hint = Some(hint);
        self
    }

    /// True if it refuses the set.
    pub fn refuses(&self) -> bool {
        self.severity == Severity::Error && !self.waived
    }
}

/// Everything found so far, in order of discovery.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings(pub Vec<Finding>);

/// Errors kept of one configuration: beyond these nobody reads, and memory ends.
const MAX_ERRORS: usize = 100_000;

impl Findings {
    /// Adds one. Beyond 100,000 findings a last one, `Z000`, stands for every
    /// further error; what does not refuse the set is always kept.
    pub fn push(&mut self, finding: Finding) {
        if self.0.len() < MAX_ERRORS || !finding.refuses() {
            self.0.push(finding);
        } else if self.0.last().is_none_or(|last| last.code != "Z000") {
            let message = Message::new("diag-too-many-findings").with("limit", MAX_ERRORS);
            self.0.push(Finding::error("Z000", message));
        }
    }

    /// True if any refuses the set.
    pub fn refuse(&self) -> bool {
        self.0.iter().any(Finding::refuses)
    }
}
