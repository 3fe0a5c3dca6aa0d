//! Calls the daemon: what `zonectl` uses. Blocking, bounded in time and size.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::protocol::{self, MAX_ANSWER, Request};
use crate::diag::Message;
use crate::sys::socket;

/// How long an answer to `status` may take.
const STATUS_TIME: Duration = Duration::from_secs(15);
/// How long an answer to what changes something may take: reading, compiling,
/// and nft's own limit of 30 s, twice.
const CHANGE_TIME: Duration = Duration::from_secs(120);

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens.
    #[error("{}", self.message())]
    NotRunning {
        /// Where.
        path: PathBuf,
    },
    /// The socket cannot be used (no permission, no answer in time).
    #[error("{}", self.message())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What came is no answer.
    #[error("{}", self.message())]
    Garbled {
        /// Where.
        path: PathBuf,
    },
    /// The daemon said no.
    #[error("{message}")]
    Refused {
        /// For programs ([`protocol::Refusal::code`]).
        code: String,
        /// For people, in the language asked for.
        message: String,
        /// Findings as in `verify --format json`.
        findings: Vec<Value>,
    },
}

impl CallError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::NotRunning { path } => {
                Message::new("daemon-call-not-running").with("path", path.display().to_string())
            }
            Self::Io { path, source } => Message::new("daemon-call-io")
                .with("path", path.display().to_string())
                .with("error", source.to_string()),
            Self::Garbled { path } => Message::new("daemon-call-garbled").with("path", path.display().to_string()),
            Self::Refused { message, .. } => Message::new("daemon-call-refused").with("message", message.as_str()),
        }
    }
}

/// Asks the daemon of this run folder and waits. Gives the answer's keys but `ok`.
///
/// # Errors
/// [`CallError`].
pub fn call(run: &Path, request: &Request) -> Result<Map<String, Value>, CallError> {
    let path = protocol::socket(run);
    let answer = exchange(run, request).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CallError::NotRunning { path: path.clone() },
        _ => CallError::Io { path: path.clone(), source },
    })?;
    read_answer(&answer).ok_or(CallError::Garbled { path })?
}

fn exchange(run: &Path, request: &Request) -> io::Result<Vec<u8>> {
    let time =
        if matches!(request, Request::Status { .. } | Request::Usage { .. }) { STATUS_TIME } else { CHANGE_TIME };
    let mut stream: UnixStream = socket::connect(run, protocol::SOCKET)?;
    stream.set_write_timeout(Some(time))?;
    stream.set_read_timeout(Some(time))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(MAX_ANSWER)).read_until(b'\n', &mut answer)?;
    Ok(answer)
}

/// None if it is no answer at all.
fn read_answer(line: &[u8]) -> Option<Result<Map<String, Value>, CallError>> {
    // Cut short, it has no line end.
    let value: Value = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
    let Value::Object(mut body) = value else { return None };
    match body.remove("ok")? {
        Value::Bool(true) => Some(Ok(body)),
        Value::Bool(false) => {
            let error = body.get("error")?;
            let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
            let findings = error.get("findings").and_then(Value::as_array).cloned().unwrap_or_default();
            Some(Err(CallError::Refused { code: text("code")?, message: text("message")?, findings }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_listening_is_its_own_error() {
        let run = tempfile::tempdir().unwrap();
        let status = Request::Status { lang: None };
        assert!(matches!(call(run.path(), &status), Err(CallError::NotRunning { .. })));
        // A socket left behind by a killed daemon.
        drop(socket::listen(run.path(), protocol::SOCKET).unwrap());
        assert!(protocol::socket(run.path()).exists());
        assert!(matches!(call(run.path(), &status), Err(CallError::NotRunning { .. })));
    }

    #[test]
    fn answers_are_read_to_the_letter() {
        assert_eq!(read_answer(b"{\"ok\":true,\"pid\":1}\n").unwrap().unwrap()["pid"], 1);
        let refused = read_answer(b"{\"ok\":false,\"error\":{\"code\":\"c\",\"message\":\"m\"}}\n").unwrap();
        assert!(matches!(refused, Err(CallError::Refused { code, .. }) if code == "c"));
        assert!(read_answer(b"{\"ok\":true}").is_none(), "cut short");
        assert!(read_answer(b"{\"ok\":1}\n").is_none());
        assert!(read_answer(b"\n").is_none());
    }
}
