//! Findings as JSON (SPEC §4).

use serde_json::{Value, json};

use super::{Finding, Lang, Message, Severity, Sources};

/// Findings written out; beyond them one more says how many are left out.
const MAX_WRITTEN: usize = 10_000;

/// An array of `{code, severity, message, file, line, column, subject, clause,
/// hint, waived}`, every key in each; what does not apply is null. Lines and
/// columns count from 1, columns in characters. Beyond 10,000 findings the last
/// one, `Z000`, says how many more there are.
pub fn findings(findings: &[Finding], sources: &Sources, lang: Lang) -> Value {
    let mut all: Vec<Value> = findings.iter().take(MAX_WRITTEN).map(|f| one(f, sources, lang)).collect();
    let rest = findings.get(MAX_WRITTEN..).unwrap_or_default();
    if let Some(gravest) = rest.iter().map(|f| f.severity).min() {
        let message = Message::new("diag-more-findings").with("count", rest.len());
        let mut more = Finding::info("Z000", message);
        more.severity = gravest;
        all.push(one(&more, sources, lang));
    }
    Value::Array(all)
}

fn one(finding: &Finding, sources: &Sources, lang: Lang) -> Value {
    let position = finding.place.as_ref().and_then(|p| sources.position(p));
    json!({
        "code": finding.code,
        "severity": finding.severity.as_str(),
        "message": finding.message.text(lang),
        "file": position.map(|(path, ..)| path.display().to_string()),
        "line": position.map(|(_, line, _)| line),
        "column": position.map(|(.., column)| column),
        "subject": finding.subject,
        "clause": finding.clause,
        "hint": finding.hint.as_ref().map(|h| h.text(lang)),
        "waived": finding.waived,
    })
}

/// How many findings of each severity: errors, warnings, notes.
pub fn counts(findings: &[Finding]) -> [usize; 3] {
    [Severity::Error, Severity::Warning, Severity::Info]
        .map(|severity| findings.iter().filter(|f| f.severity == severity).count())
}
