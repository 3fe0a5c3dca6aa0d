//! Runs `nft`: loads documents, checks them in a throw-away namespace, lists.
//!
//! Documents go through standard input as libnftables JSON; the same document
//! is checked and loaded. Every run is bounded in time and in what it may print.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::diag::Message;
use crate::nft::TABLE;

/// What one run may take, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of standard output kept: a listing of some million elements.
const OUTPUT_LIMIT: u64 = 512 << 20;
/// Bytes of standard error kept.
const ERROR_LIMIT: u64 = 64 << 10;

/// Why a run of nft did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NftError {
    /// The program is not there.
    #[error("{0} not found")]
    Missing(String),
    /// It refused; its words.
    #[error("nft refused: {0}")]
    Refused(String),
    /// It did not end in time and was killed; whether it took effect is not known.
    #[error("nft did not end within {0} s")]
    TimedOut(u64),
    /// It ended by a signal, or could not be run; whether it took effect is not known.
    #[error("nft failed: {0}")]
    Failed(String),
    /// No throw-away namespace could be made to check in.
    #[error("no throw-away namespace: {0}")]
    NoNamespace(String),
}

impl NftError {
    /// The words for people.
    pub fn message(&self) -> Message {
        match self {
            Self::Missing(program) => Message::new("enforce-nft-missing").with("program", program),
            Self::Refused(words) => Message::new("enforce-nft-refused").with("words", words),
            Self::TimedOut(seconds) => Message::new("enforce-nft-timeout").with("seconds", *seconds),
            Self::Failed(cause) => Message::new("enforce-nft-failed").with("cause", cause),
            Self::NoNamespace(cause) => Message::new("enforce-nft-namespace").with("cause", cause),
        }
    }

    /// True if nothing can have changed in the kernel: nft's transactions are whole.
    pub fn left_all_as_it_was(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Refused(_) | Self::NoNamespace(_))
    }
}

/// How to run nft.
#[derive(Debug, Clone)]
pub struct Nft {
    program: PathBuf,
    timeout: Duration,
}

impl Default for Nft {
    fn default() -> Self {
        Self::new(find("nft"))
    }
}

/// The program in `PATH`, or where Debian keeps what administrators use.
fn find(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| PathBuf::from(name))
}

impl Nft {
    /// Runs this program, with the usual limit of 30 s a run.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), timeout: TIMEOUT }
    }

    /// Another limit a run.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Loads a document in one transaction.
    ///
    /// # Errors
    /// [`NftError`]; `left_all_as_it_was` tells whether the kernel may have changed.
    pub async fn load(&self, document: &Json) -> Result<(), NftError> {
        self.run(Command::new(&self.program).args(["-j", "-f", "-"]), &document.to_string()).await.map(drop)
    }

    /// Has nft check a document against an empty kernel, in a network namespace
    /// made for this and gone with it. Needs no root where user namespaces are
    /// allowed; nothing on this machine changes.
    ///
    /// # Errors
    /// [`NftError::NoNamespace`] where none can be made; else as [`Nft::load`].
    pub async fn check_apart(&self, document: &Json) -> Result<(), NftError> {
        let flags = if rustix::process::geteuid().is_root() { "-n" } else { "-rn" };
        let mut command = Command::new(find("unshare"));
        command.args([flags, "--"]).arg(&self.program).args(["-c", "-j", "-f", "-"]);
        match self.run(&mut command, &document.to_string()).await {
            Err(NftError::Refused(words)) if words.starts_with("unshare: ") => {
                let inner = if words.contains("failed to execute") {
                    NftError::Missing(self.program.display().to_string())
                } else {
                    NftError::NoNamespace(words)
                };
                Err(inner)
            }
            other => other.map(drop),
        }
    }

    /// Our tables without the elements of their maps, one behind the other; none
    /// if there is none.
    ///
    /// # Errors
    /// As [`Nft::load`].
    pub async fn list_terse(&self) -> Result<Option<Json>, NftError> {
        self.list_both(&["-j", "-t", "list", "table"]).await
    }

    /// Our named counters, those of both tables; none if there is none.
    ///
    /// # Errors
    /// As [`Nft::load`].
    pub async fn list_counters(&self) -> Result<Option<Json>, NftError> {
        self.list_both(&["-j", "list", "counters", "table"]).await
    }

    async fn list_both(&self, args: &[&str]) -> Result<Option<Json>, NftError> {
        let mut listing: Option<Json> = None;
        for family in ["inet", "arp"] {
            let Some(mut found) = self.list(&[args, &[family, TABLE]].concat()).await? else { continue };
            match listing.as_mut().and_then(|listing| listing["nftables"].as_array_mut()) {
                Some(all) => all.extend(found["nftables"].as_array_mut().into_iter().flat_map(std::mem::take)),
                None => listing = Some(found),
            }
        }
        Ok(listing)
    }

    async fn list(&self, args: &[&str]) -> Result<Option<Json>, NftError> {
        match self.run(Command::new(&self.program).args(args), "").await {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| NftError::Failed(e.to_string())),
            Err(NftError::Refused(words)) if words.contains("No such file or directory") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn run(&self, command: &mut Command, input: &str) -> Result<Vec<u8>, NftError> {
        command.env("LC_ALL", "C").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = Path::new(command.as_std().get_program()).display().to_string();
        let failed = |error: io::Error| NftError::Failed(error.to_string());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NftError::Missing(program),
            _ => failed(error),
        })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let work = async {
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // A child that ends early closes the pipe: its status tells why.
                    let _ = stdin.write_all(input.as_bytes()).await;
                }
            };
            let ((), out, err) = tokio::join!(feed, gather(stdout, OUTPUT_LIMIT), gather(stderr, ERROR_LIMIT));
            let status = child.wait().await.map_err(failed)?;
            conclude(status, out.map_err(failed)?, &err.map_err(failed)?)
        };
        tokio::time::timeout(self.timeout, work).await.unwrap_or(Err(NftError::TimedOut(self.timeout.as_secs())))
    }
}

fn conclude(status: ExitStatus, out: Vec<u8>, err: &[u8]) -> Result<Vec<u8>, NftError> {
    match status.code() {
        Some(0) => Ok(out),
        Some(_) => Err(NftError::Refused(String::from_utf8_lossy(err).trim().to_owned())),
        None => Err(NftError::Failed(status.to_string())),
    }
}

/// Reads at most `limit` bytes; what is beyond is read and thrown away, so that
/// the child does not hang.
async fn gather(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(limit).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}
