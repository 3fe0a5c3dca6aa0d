//! What a waiting caller is told, as it goes over the socket.

use serde_json::{Map, Value, json};

use super::protocol::{Refusal, accepted};
use super::state::{Answer, InForce, State};
use crate::diag::{self, Lang, Message};

/// The answer's line, without its end. `state`: after the request was dealt with.
pub(super) fn render(state: &State, answer: &Answer, lang: Lang) -> Value {
    match answer {
        Answer::Applied { unchanged: true } => result(state, "unchanged"),
        Answer::Applied { unchanged: false } => result(state, "applied"),
        Answer::Pending => result(state, "pending"),
        Answer::Refused(report) => {
            let mut refusal = Refusal::new("refused", report.message());
            if let Value::Array(findings) = diag::json::findings(&report.findings.0, &report.sources, lang) {
                refusal.findings = findings;
            }
            refusal.to_answer(lang)
        }
        Answer::DigestDiffers { asked, found } => {
            let message = Message::new("daemon-digest-differs").with("asked", asked).with("found", found);
            Refusal::new("digest-differs", message).to_answer(lang)
        }
        Answer::Failed { code, message } => Refusal::new(code, message.clone()).to_answer(lang),
        Answer::Stopping => Refusal::new("stopping", Message::new("daemon-stopping")).to_answer(lang),
    }
}

/// What is in force now.
fn result(state: &State, result: &str) -> Value {
    let (digest, revision) = match &state.in_force {
        InForce::Policy { summary, revision } => (Some(&summary.digest), Some(revision)),
        _ => (None, None),
    };
    accepted(Map::from_iter([
        ("result".to_owned(), json!(result)),
        ("digest".to_owned(), json!(digest)),
        ("revision".to_owned(), json!(revision)),
        ("generation".to_owned(), json!(state.generation)),
        ("pending".to_owned(), json!(state.pending)),
    ]))
}
