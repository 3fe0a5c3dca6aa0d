//! The checks as a page of documentation, in ja and en: `docs/checks.*.md` and
//! `zonectl checks`.

use serde_json::{Value, json};

use super::{ALL, Check};
use crate::diag::{Lang, Message, Severity};

/// The page of every check, as Markdown.
pub fn page(lang: Lang) -> String {
    let words = |key: &'static str| Message::new(key).text(lang);
    let mut out = format!("# {}\n\n{}\n\n", words("check-page-title"), words("check-page-intro"));
    let head = ["check-page-code", "check-page-severity", "check-page-waivable", "check-page-what"].map(words);
    out.push_str(&format!("| {} |\n|---|---|---|---|\n", head.join(" | ")));
    for check in ALL {
        let cells = [link(check), severity(check, lang), waivable(check, lang), words(check.words.what)];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    for check in ALL {
        out.push_str(&format!("\n{}", section(check, lang)));
    }
    out
}

/// One check, as Markdown.
pub fn section(check: &Check, lang: Lang) -> String {
    let words = |key: &'static str| Message::new(key).text(lang);
    let mut out = format!("## {}\n\n{}\n\n", check.code, words(check.words.what));
    let mut line = |key: &'static str, text: &str| out.push_str(&format!("- {}: {text}\n", words(key)));
    line("check-page-severity", &severity(check, lang));
    line("check-page-waivable", &waivable(check, lang));
    line("check-page-clauses", &clauses(check, lang));
    line("check-page-why", &words(check.words.why));
    line("check-page-mend", &words(check.words.mend));
    if !check.example.is_empty() {
        let kind = if check.example.starts_with('[') || check.example.contains(" = ") { "toml" } else { "csv" };
        out.push_str(&format!("\n{}:\n\n```{kind}\n{}```\n", words("check-page-example"), check.example));
    }
    out
}

fn link(check: &Check) -> String {
    format!("[{}](#{})", check.code, check.code.to_lowercase())
}

/// The severity in words.
pub fn severity(check: &Check, lang: Lang) -> String {
    let key = match check.severity {
        Severity::Error => "diag-error",
        Severity::Warning => "diag-warning",
        Severity::Info => "diag-info",
    };
    Message::new(key).text(lang)
}

fn waivable(check: &Check, lang: Lang) -> String {
    Message::new(if check.waivable { "check-page-yes" } else { "check-page-no" }).text(lang)
}

/// The clauses, or that it is the product's default.
fn clauses(check: &Check, lang: Lang) -> String {
    if check.clauses.is_empty() {
        return Message::new("check-page-default").text(lang);
    }
    check.clauses.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// One check for programs.
pub fn json(check: &Check, lang: Lang) -> Value {
    let words = |key: &'static str| Message::new(key).text(lang);
    json!({
        "code": check.code,
        "severity": check.severity.as_str(),
        "waivable": check.waivable,
        "clauses": check.clauses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "what": words(check.words.what),
        "why": words(check.words.why),
        "mend": words(check.words.mend),
        "example": check.example,
    })
}

/// What a check finds, in words.
pub fn what(check: &Check, lang: Lang) -> String {
    Message::new(check.words.what).text(lang)
}
