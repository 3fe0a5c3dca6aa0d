//! Who permitted what: approvals, and waivers of findings.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::diag::Place;

/// The approval of an entry or of a waiver.
#[derive(Debug, Clone)]
pub enum EntryApproval {
    /// A name in [`super::Policy::approvals`].
    Named(String),
    /// Written in the entry.
    Inline(Box<Approval>),
}

/// `[approvals.*]` or an inline approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Why.
    pub reason: Option<String>,
    /// Who asked.
    pub requested_by: Option<String>,
    /// Who approved.
    pub approved_by: Vec<String>,
    /// When.
    pub approved_on: Option<Date>,
    /// File reference.
    pub reference: Option<String>,
    /// First instant at which it no longer holds.
    pub expires: Option<Timestamp>,
    /// To be reviewed by.
    pub review_by: Option<Date>,
    /// Approved afterwards.
    pub emergency: bool,
    /// 兼務.
    pub same_person_reason: Option<String>,
}

/// `[[waive]]`: a finding that is accepted until an instant.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The check's code.
    pub check: String,
    /// The finding's subject.
    pub subject: String,
    /// First instant at which it no longer counts.
    pub expires: Option<Timestamp>,
    /// Its approval, named or inline.
    pub approval: Option<EntryApproval>,
    /// Where it stands.
    pub place: Place,
}
