//! `zonectl completions SHELL`: the shell's completion script.

use clap::Args;
use clap_complete::Shell;

use super::{Context, Exit, Failure, help};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Options {
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut help::plain(context.lang), "zonectl", &mut script);
    context.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
