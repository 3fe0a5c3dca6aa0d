//! What is said on the control socket `RUN/zoned.sock`: one JSON object a line,
//! each way. A request names its `cmd`; an answer has `ok`, and either the
//! command's own keys or `error`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::diag::{Lang, Message};
use crate::sys::caller::Caller;

/// The socket's name in the run folder.
pub const SOCKET: &str = "zoned.sock";
/// Longest request, bytes with its line end.
pub const MAX_REQUEST: usize = 1 << 20;
/// Longest answer, bytes with its line end: `status` lists a counter an entry.
pub const MAX_ANSWER: u64 = 256 << 20;

/// What can be asked. `lang` (`ja` or `en`) chooses the words of the answer;
/// without it they are in the daemon's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How it stands.
    Status {
        /// Language of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lang: Option<String>,
    },
    /// Reads the configuration and applies it, also under `reload.mode = "manual"`.
    Apply {
        /// The configuration meant; refused if it is not the daemon's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<PathBuf>,
        /// Refused if the candidate has another digest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
        /// Why, for the revision.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
        /// The connections over which whoever asks reaches this machine.
        #[serde(default)]
        caller: Caller,
        /// Applied even if they, or the management, would be cut (Z306).
        #[serde(default)]
        allow_lockout: bool,
        /// Language of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lang: Option<String>,
    },
    /// What each entry was used for.
    Usage {
        /// Language of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lang: Option<String>,
    },
    /// Reads the configuration again, as SIGHUP does.
    Reload {
        /// Language of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lang: Option<String>,
    },
}

impl Request {
    /// Every `cmd`.
    pub const COMMANDS: [&str; 4] = ["status", "apply", "reload", "usage"];

    /// Reads one line.
    ///
    /// # Errors
    /// [`Refusal`] `bad-request` or `unknown-command`.
    pub fn parse(line: &[u8]) -> Result<Self, Refusal> {
        let bad = |error: serde_json::Error| {
            Refusal::new("bad-request", Message::new("daemon-bad-request").with("error", error.to_string()))
        };
        let value: Value = serde_json::from_slice(line).map_err(bad)?;
        match value.get("cmd").and_then(Value::as_str) {
            Some(cmd) if !Self::COMMANDS.contains(&cmd) => Err(Refusal::new(
                "unknown-command",
                Message::new("daemon-unknown-command")
                    .with("command", cmd.chars().take(64).collect::<String>())
                    .with("known", Self::COMMANDS.join(", ")),
            )),
            // Serde would read an array as a tagged request too.
            _ if !value.is_object() => Err(bad(serde::de::Error::custom("not an object"))),
            _ => serde_json::from_value(value).map_err(bad),
        }
    }

    /// The language asked for.
    pub fn lang(&self) -> Option<Lang> {
        let (Self::Status { lang } | Self::Usage { lang } | Self::Apply { lang, .. } | Self::Reload { lang }) = self;
        match lang.as_deref() {
            Some("ja") => Some(Lang::Ja),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    }
}

/// Why a request was refused or failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// For programs: `bad-request`, `unknown-command`, `other-config`,
    /// `digest-differs`, `refused` (findings), `revision` (not recorded, so not
    /// applied), `enforce` (the kernel refused), `no-usage`, `stopping`.
    pub code: &'static str,
    /// For people.
    pub message: Message,
    /// The findings of a refused set, as in `verify --format json`.
    pub findings: Vec<Value>,
}

impl Refusal {
    /// A refusal without findings.
    pub fn new(code: &'static str, message: Message) -> Self {
        Self { code, message, findings: Vec::new() }
    }

    /// The answer's line, without its end.
    pub fn to_answer(&self, lang: Lang) -> Value {
        json!({ "ok": false, "error": {
            "code": self.code, "message": self.message.text(lang), "findings": self.findings,
        } })
    }
}

/// An answer with `ok: true` and these keys.
pub fn accepted(body: Map<String, Value>) -> Value {
    let mut answer = Map::from_iter([("ok".to_owned(), Value::Bool(true))]);
    answer.extend(body);
    Value::Object(answer)
}

/// True if both name the same configuration: a folder stands for its `zoned.toml`.
pub fn same_config(asked: &Path, own: &Path) -> bool {
    let whole = |path: &Path| {
        let file = if path.is_dir() { path.join("zoned.toml") } else { path.to_owned() };
        std::fs::canonicalize(&file).unwrap_or(file)
    };
    asked == own || whole(asked) == whole(own)
}

/// The socket's path.
pub fn socket(run: &Path) -> PathBuf {
    run.join(SOCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_back() {
        let apply = Request::Apply {
            config: None,
            digest: Some("sha256:1".into()),
            comment: Some("年度更新".into()),
            caller: Caller::default(),
            allow_lockout: true,
            lang: Some("ja".into()),
        };
        for request in [Request::Status { lang: None }, Request::Reload { lang: Some("en".into()) }, apply] {
            let line = serde_json::to_vec(&request).unwrap();
            assert_eq!(Request::parse(&line), Ok(request));
        }
        assert_eq!(Request::parse(br#"{"cmd":"status"}"#), Ok(Request::Status { lang: None }));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let code = |line: &str| Request::parse(line.as_bytes()).unwrap_err().code;
        assert_eq!(code(r#"{"cmd":"isolate"}"#), "unknown-command");
        assert_eq!(code(r#"{"cmd":"status","force":true}"#), "bad-request");
        assert_eq!(code(r#"{"cmd":7}"#), "bad-request");
        assert_eq!(code(r#"["status"]"#), "bad-request");
        assert_eq!(code("status"), "bad-request");
        let deep = "[".repeat(100_000);
        assert_eq!(code(&deep), "bad-request");
    }
}
