//! Calling the daemon, and its answers as failures.

use std::io;

use serde_json::{Map, Value};

use super::{Context, Failure};
use crate::daemon::client::{self, CallError};
use crate::daemon::protocol::Request;
use crate::diag::{Lang, Message};

/// Asks the daemon of `--run`.
///
/// # Errors
/// If it does not answer, or refuses.
pub fn call(context: &Context, request: &Request) -> Result<Map<String, Value>, Failure> {
    client::call(&context.run, request).map_err(|error| {
        let message = error.message();
        match error {
            CallError::NotRunning { .. } => Failure::failed(message).hint(Message::new("cli-daemon-start")),
            CallError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Failure::failed(message).hint(Message::new("cli-daemon-permission"))
            }
            CallError::Io { .. } | CallError::Garbled { .. } => Failure::failed(message),
            CallError::Refused { code, findings, .. } => Failure::refused(code, message, findings),
        }
    })
}

/// The language to answer in.
pub fn lang(context: &Context) -> String {
    match context.lang {
        Lang::Ja => "ja",
        Lang::En => "en",
    }
    .to_owned()
}

/// A finding that the daemon sent, in one line: code, place, message.
pub fn finding_line(finding: &Value) -> String {
    let text = |key: &str| finding.get(key).and_then(Value::as_str);
    let number = |key: &str| finding.get(key).and_then(Value::as_u64);
    let mut out = text("code").unwrap_or_default().to_owned();
    if let Some(file) = text("file") {
        out.push_str(&format!(" {file}"));
        for place in ["line", "column"] {
            out.push_str(&number(place).map(|n| format!(":{n}")).unwrap_or_default());
        }
    }
    out.push_str(&format!(": {}", text("message").unwrap_or_default()));
    if let Some(hint) = text("hint") {
        out.push_str(&format!(" ({hint})"));
    }
    out
}
