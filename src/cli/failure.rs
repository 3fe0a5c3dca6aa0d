//! Exit codes, and the one printer of what goes wrong.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{Context, daemon, findings};
use crate::diag::{self, Lang, Message};
use crate::pipeline::Candidate;

/// How a command ends (SPEC §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done = 0,
    /// 1: refused or failed.
    Refused = 1,
    /// 2: the command line was wrong.
    Usage = 2,
    /// 3: `verify` and `diff`: valid, and something changes.
    Changed = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that could not do its work.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure(Box<What>);

#[derive(Debug, Clone, PartialEq)]
struct What {
    exit: Exit,
    kind: &'static str,
    message: Message,
    hint: Option<Message>,
    /// The daemon's code of a refusal.
    code: Option<String>,
    /// The findings that refuse a set: for people, and for programs.
    findings: Option<(String, Value)>,
}

impl Failure {
    /// A wrong command line: exit 2.
    pub fn usage(key: &'static str) -> Self {
        Self::usage_with(Message::new(key))
    }

    /// A wrong command line, in these words: exit 2.
    pub fn usage_with(message: Message) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Known to SPEC, not to this build: exit 2.
    pub fn unsupported(message: Message) -> Self {
        Self::new(Exit::Usage, "unsupported", message)
    }

    /// Something failed or was refused: exit 1.
    pub fn failed(message: Message) -> Self {
        Self::new(Exit::Refused, "failed", message)
    }

    /// A configuration that its findings refuse: exit 1.
    pub fn invalid(context: &Context, candidate: &Candidate) -> Self {
        Self::invalid_named(context, candidate, &context.config.display().to_string())
    }

    /// The same for another configuration than that of `--config`.
    pub fn invalid_named(context: &Context, candidate: &Candidate, name: &str) -> Self {
        let words = findings::text(context, candidate, context.color_err());
        let list = diag::json::findings(&candidate.findings.0, &candidate.sources, context.lang);
        let message = Message::new("cli-invalid").with("path", name).with("counts", findings::counts(candidate));
        let failure = Self::new(Exit::Refused, "invalid", message);
        failure.findings(words, list)
    }

    /// What the daemon refused, by its code, with its findings as it sent them: exit 1.
    pub fn refused(code: String, message: Message, findings: Vec<Value>) -> Self {
        let words = findings.iter().map(|finding| daemon::finding_line(finding) + "\n").collect();
        let mut failure = Self::new(Exit::Refused, "refused", message).findings(words, Value::Array(findings));
        failure.0.code = Some(code);
        failure
    }

    fn new(exit: Exit, kind: &'static str, message: Message) -> Self {
        Self(Box::new(What { exit, kind, message, hint: None, code: None, findings: None }))
    }

    fn findings(mut self, words: String, list: Value) -> Self {
        self.0.findings = Some((words, list));
        self
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: Message) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Prints words to standard error and, where asked, JSON to standard output.
    pub(super) fn print(&self, lang: Lang, json: bool) -> Exit {
        let message = self.0.message.text(lang);
        let hint = self.0.hint.as_ref().map(|hint| hint.text(lang));
        let findings = self.0.findings.as_ref().map(|(words, _)| words.as_str()).filter(|words| !words.is_empty());
        let mut words = findings.map(|findings| format!("{findings}\n")).unwrap_or_default();
        words.push_str(&format!("{}: {message}\n", Message::new("cli-error").text(lang)));
        if let Some(hint) = &hint {
            words.push_str(&format!("{}: {hint}\n", Message::new("cli-hint").text(lang)));
        }
        // Nobody is left to be told if these fail; the exit code still says it.
        let _ = std::io::stderr().lock().write_all(words.as_bytes());
        if json {
            let mut value = json!({ "error": { "kind": self.0.kind, "message": message, "hint": hint } });
            if let Some(code) = &self.0.code {
                value["error"]["code"] = Value::from(code.as_str());
            }
            if let Some((_, findings)) = &self.0.findings {
                value["error"]["findings"] = findings.clone();
            }
            let _ = writeln!(std::io::stdout().lock(), "{value}");
        }
        self.0.exit
    }
}
