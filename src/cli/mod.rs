//! The command `zonectl`: one file a command.
//!
//! Takes the command line, gives words or JSON and an exit code (SPEC §4).
//! Here stand the options common to all commands and the way to each; what a
//! command does stands in its own file. Commands that a later build will have
//! are known by name ([`later`]). Words come from the catalogue (`cli-…`).

mod apply;
mod checks;
mod compile;
mod completions;
mod context;
mod daemon;
mod diff;
mod failure;
mod findings;
mod flows;
mod help;
mod history;
mod later;
mod load;
mod log;
mod matrix;
mod schema;
mod status;
mod table;
mod trace;
mod usage;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, FromArgMatches as _, Parser, Subcommand, ValueEnum};

pub use context::{Context, Moment};
pub use failure::{Exit, Failure};
pub use table::Table;

use crate::daemon::entry::Language;
use crate::diag::Lang;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "zonectl", version, disable_help_flag = true, disable_version_flag = true)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command, before or after its name.
#[derive(Debug, Clone, Args)]
pub struct Global {
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[arg(long, global = true, value_name = "DIR", default_value = "/run/zoned")]
    run: PathBuf,
    // `trace --state new` means the connection's state: see trace.rs.
    #[arg(long, global = true, value_name = "DIR", action = clap::ArgAction::Append)]
    state: Vec<PathBuf>,
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[arg(long, global = true, value_name = "LANG")]
    lang: Option<Language>,
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    #[arg(long, global = true, value_name = "TIME", value_parser = context::parse_moment)]
    at: Option<Moment>,
}

/// Form of the output. All commands know text and JSON; the rest are for
/// `log query`, whose JSON is one object a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// RFC 4180, UTF-8.
    Csv,
    /// As a Japanese Excel opens it.
    CsvExcel,
    /// ArcSight's common event format.
    Cef,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Options),
    Compile,
    Apply(apply::Options),
    Status,
    Usage,
    Matrix,
    Trace(Box<trace::Options>),
    History(history::Options),
    Diff(diff::Options),
    Log(Box<log::Options>),
    Checks(checks::Options),
    Schema,
    Completions(completions::Options),
}

impl Command {
    /// True if it knows more forms of output than text and JSON.
    fn knows_tables(&self) -> bool {
        matches!(self, Self::Log(_))
    }

    fn run(&self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Verify(options) => verify::run(options, context),
            Self::Diff(options) => diff::run(options, context),
            Self::Apply(options) => apply::run(options, context),
            Self::Status => status::run(context),
            Self::Usage => usage::run(context),
            Self::Compile => compile::run(context),
            Self::History(options) => history::run(options, context),
            Self::Log(options) => log::run(options, context),
            Self::Matrix => matrix::run(context),
            Self::Trace(options) => trace::run(options, context),
            Self::Checks(options) => checks::run(options, context),
            Self::Schema => schema::run(context),
            Self::Completions(options) => completions::run(options, context),
        }
    }
}

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    run(&std::env::args_os().collect::<Vec<_>>()).into()
}

/// Runs `arguments`, the first of which is the program's own name.
pub fn run(arguments: &[OsString]) -> Exit {
    // Help and usage errors come before the options are read, and already
    // speak the language and the format asked for.
    let lang = help::peek(arguments, "--lang")
        .and_then(|text| Language::from_str(&text, false).ok())
        .map_or_else(context::locale_lang, Lang::from);
    let json = help::peek(arguments, "--format").is_some_and(|text| text == "json");
    match dispatch(arguments, lang) {
        Ok(exit) => exit,
        Err(failure) => failure.print(lang, json),
    }
}

fn dispatch(arguments: &[OsString], lang: Lang) -> Result<Exit, Failure> {
    let matches = match help::command(lang).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return help::outcome(&error, lang),
    };
    later::refuse(&matches)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| help::failure(&error))?;
    let context = Context::new(&cli.global, lang);
    if !matches!(cli.global.format, Format::Text | Format::Json) && !cli.command.knows_tables() {
        return Err(Failure::usage("cli-format-only-log"));
    }
    cli.command.run(&context)
}
