//! Exit codes, and the one printer of what goes wrong.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;

use crate::diag::{Lang, Message};

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
pub struct Failure {
    exit: Exit,
    kind: &'static str,
    message: Message,
    hint: Option<Message>,
}

impl Failure {
    /// A wrong command line: exit 2.
    pub fn usage(key: &'static str) -> Self {
        Self::usage_with(Message::new(key))
    }

    /// A wrong command line, in these words: exit 2.
    pub fn usage_with(message: Message) -> Self {
        Self { exit: Exit::Usage, kind: "usage", message, hint: None }
    }

    /// Known to SPEC, not to this build: exit 2.
    pub fn unsupported(message: Message) -> Self {
        Self { exit: Exit::Usage, kind: "unsupported", message, hint: None }
    }

    /// Something failed or was refused: exit 1.
    pub fn failed(message: Message) -> Self {
        Self { exit: Exit::Refused, kind: "failed", message, hint: None }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: Message) -> Self {
        self.hint = Some(hint);
        self
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints words to standard error and, where asked, JSON to standard output.
    pub(super) fn print(&self, lang: Lang, json: bool) -> Exit {
        let message = self.message.text(lang);
        let hint = self.hint.as_ref().map(|hint| hint.text(lang));
        let mut words = format!("{}: {message}\n", Message::new("cli-error").text(lang));
        if let Some(hint) = &hint {
            words.push_str(&format!("{}: {hint}\n", Message::new("cli-hint").text(lang)));
        }
        // Nobody is left to be told if these fail; the exit code still says it.
        let _ = std::io::stderr().lock().write_all(words.as_bytes());
        if json {
            let value = json!({ "error": { "kind": self.kind, "message": message, "hint": hint } });
            let _ = writeln!(std::io::stdout().lock(), "{value}");
        }
        self.exit
    }
}
