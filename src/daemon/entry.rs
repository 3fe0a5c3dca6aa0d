//! The program `zoned`: its options, and what each of its ways does.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use jiff::Timestamp;
use tracing_subscriber::EnvFilter;

use super::run::{Settings, run};
use crate::diag::{Lang, Message, text};
use crate::enforce::{Enforcer, remove_pins};
use crate::nft;
use crate::pipeline::Candidate;
use crate::sys::files::DiskTree;
use crate::sys::nft::Nft;

/// The command line. What each option does is said in the catalogue.
#[derive(Debug, Parser)]
#[command(name = "zoned", version)]
struct Options {
    #[arg(long, value_name = "PATH", default_value = "/etc/zoned")]
    config: PathBuf,
    #[arg(long, value_name = "DIR", default_value = "/var/lib/zoned")]
    state: PathBuf,
    #[arg(long, value_name = "DIR", default_value = "/run/zoned")]
    run: PathBuf,
    #[arg(long, conflicts_with = "teardown")]
    check: bool,
    #[arg(long)]
    teardown: bool,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[arg(long, value_name = "LANG")]
    lang: Option<Language>,
    #[arg(long, value_name = "PATH")]
    nft: Option<PathBuf>,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// `--lang`, of both programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Ja => Self::Ja,
            Language::En => Self::En,
        }
    }
}

/// Runs with the arguments of this process. 0: ended by SIGTERM, or what was
/// asked is done; 1: refused or failed; 2: usage.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let options = match parse(&arguments) {
        Ok(options) => options,
        Err(error) => {
            // Nobody left to tell if even this cannot be written.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let lang = options.lang.map_or_else(locale, Lang::from);
    start_logging(options.log_format);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(go(options, lang));
            // A reading that hangs (a dead network file system) must not keep the process.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Message::new("daemon-system").with("error", error.to_string())),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            tracing::error!("{}", message.text(lang));
            ExitCode::FAILURE
        }
    }
}

/// The options, with help in the user's language.
fn parse(arguments: &[OsString]) -> Result<Options, clap::Error> {
    let lang = arguments
        .windows(2)
        .find(|pair| pair[0] == "--lang")
        .and_then(|pair| Language::from_str(pair[1].to_str()?, false).ok())
        .map_or_else(locale, Lang::from);
    let word = |key| Message::new(key).text(lang);
    let command = Options::command()
        .about(word("daemon-about"))
        .mut_arg("config", |arg| arg.help(word("daemon-option-config")))
        .mut_arg("state", |arg| arg.help(word("daemon-option-state")))
        .mut_arg("run", |arg| arg.help(word("daemon-option-run")))
        .mut_arg("check", |arg| arg.help(word("daemon-option-check")))
        .mut_arg("teardown", |arg| arg.help(word("daemon-option-teardown")))
        .mut_arg("log_format", |arg| arg.help(word("daemon-option-log-format")))
        .mut_arg("lang", |arg| arg.help(word("daemon-option-lang")))
        .mut_arg("nft", |arg| arg.help(word("daemon-option-nft")));
    Options::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn locale() -> Lang {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Lang::from_locale(&["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).unwrap_or_default())
}

/// To standard error; `RUST_LOG` chooses the level, `info` without it.
fn start_logging(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

async fn go(options: Options, lang: Lang) -> Result<ExitCode, Message> {
    let nft = options.nft.as_ref().map_or_else(Nft::default, Nft::new);
    let config = absolute(&options.config)?;
    if options.check {
        return check(&config, &nft, lang).await;
    }
    if options.teardown {
        Enforcer::new(nft).teardown().await.map_err(|error| error.message())?;
        let removed = remove_pins(&absolute(&options.state)?);
        let failed = removed.map_or_else(
            |error| vec![Message::new("enforce-pins-failed").with("cause", error.to_string())],
            |kept| kept.failed,
        );
        if let Some(message) = failed.into_iter().next() {
            return Err(message);
        }
        tracing::info!("{}", Message::new("daemon-torn-down").text(lang));
        return Ok(ExitCode::SUCCESS);
    }
    let (state, run_folder) = (absolute(&options.state)?, absolute(&options.run)?);
    run(Settings { config, state, run: run_folder, lang, nft }).await.map(|()| ExitCode::SUCCESS)
}

/// Reads, checks, compiles, and has nft check; findings go to standard error.
async fn check(config: &Path, nft: &Nft, lang: Lang) -> Result<ExitCode, Message> {
    let mut candidate = Candidate::read(&DiskTree, config, Timestamp::now());
    candidate.check();
    candidate.prove();
    let color = io::stderr().is_terminal();
    let words = text::render(&candidate.findings.0, &candidate.sources, lang, color);
    // The exit code tells too.
    let _ = io::stderr().write_all(words.as_bytes());
    let Some(policy) = candidate.policy.filter(|_| !candidate.findings.refuse()) else {
        return Ok(ExitCode::FAILURE);
    };
    let ruleset = nft::ruleset(&policy, candidate.at);
    nft.check_apart(&ruleset.to_json()).await.map_err(|error| error.message())?;
    Ok(ExitCode::SUCCESS)
}

fn absolute(path: &Path) -> Result<PathBuf, Message> {
    std::path::absolute(path).map_err(|error| {
        Message::new("daemon-io").with("path", path.display().to_string()).with("error", error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_words_in_both_languages() {
        for lang in ["ja", "en"] {
            let error = parse(&["zoned", "--lang", lang, "--help"].map(OsString::from)).unwrap_err();
            assert!(!error.use_stderr() && !error.to_string().contains("daemon-"), "{error}");
        }
        assert!(parse(&["zoned", "--check", "--teardown"].map(OsString::from)).unwrap_err().use_stderr());
    }
}
