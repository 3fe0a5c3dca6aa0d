//! Why a packet passes or not, in one answer: the judge's verdict and, for a
//! denial, what comes nearest.

use serde_json::{Value, json};

use super::nearest::{Differs, Nearest, Neighbours};
use crate::judge::{End, Question, judge};
use crate::policy::{DenyReason, Policy, Verdict};

/// The answer of `zonectl trace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Allowed or denied, and why.
    pub verdict: Verdict,
    /// Id of the deciding entry.
    pub entry: Option<String>,
    /// Source zone, or `gateway`; none = no zone.
    pub from_zone: Option<String>,
    /// Destination zone, or `gateway`; none = no zone.
    pub to_zone: Option<String>,
    /// For a denial: the nearest entry, if there is any entry.
    pub nearest: Option<Nearest>,
}

/// Traces one packet. `differs` of the nearest entry may be empty only in a
/// denial that no entry could lift, such as a forged source.
pub fn trace(policy: &Policy, question: &Question) -> Trace {
    let answer = judge(policy, question);
    let name = |end: End| match end {
        End::Gateway => Some("gateway".to_owned()),
        End::Zone(zone) => Some(policy.zone(zone).name.clone()),
        End::Unknown => None,
    };
    let nearest = match answer.verdict {
        Verdict::Allow(_) => None,
        Verdict::Deny(reason) => {
            let mut nearest = Neighbours::new(policy).nearest(&question.packet, question.at);
            if let (DenyReason::Invalid, Some(nearest)) = (reason, &mut nearest) {
                nearest.differs.push(Differs::State);
            }
            nearest
        }
    };
    Trace {
        verdict: answer.verdict,
        entry: answer.entry.map(|index| policy.entries[index].id.clone()),
        from_zone: name(answer.from_zone),
        to_zone: name(answer.to_zone),
        nearest,
    }
}

impl Nearest {
    /// `{"entry","differs":[…]}`.
    pub fn to_json(&self) -> Value {
        json!({ "entry": self.entry, "differs": self.differs.iter().map(|d| d.as_str()).collect::<Vec<_>>() })
    }
}

impl Trace {
    /// SPEC §4's JSON; `nearest` is null when allowed or where there is no entry.
    pub fn to_json(&self) -> Value {
        json!({
            "verdict": self.verdict.as_str(),
            "reason": self.verdict.reason(),
            "entry": self.entry,
            "from_zone": self.from_zone,
            "to_zone": self.to_zone,
            "nearest": self.nearest.as_ref().map(Nearest::to_json),
        })
    }
}
