//! What SPEC names and this build does not have: refused by name, never ignored.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Failure;
use crate::diag::Message;

/// Commands, as paths.
const COMMANDS: &[&[&str]] = &[
    &["isolate"],
    &["release"],
    &["audit"],
    &["init"],
    &["ledger"],
    &["confirm"],
    &["rollback"],
    &["log", "top"],
    &["log", "summary"],
    &["log", "timeline"],
    &["log", "explain"],
    &["log", "reviewed"],
    &["log", "verify"],
    &["log", "export"],
    &["log", "report"],
];

/// Options: of which command, their name, and whether a value follows.
const OPTIONS: &[(&str, &str, bool)] = &[
    ("verify", "report", true),
    ("verify", "flows", false),
    ("verify", "live", false),
    ("apply", "confirm", true),
    ("history", "verify", false),
];

const REST: &str = "rest";

/// Adds what is not in this build, hidden, so that it is known by name.
pub(super) fn declare(mut command: Command) -> Command {
    for path in COMMANDS {
        let (parents, name) = path.split_at(path.len() - 1);
        let stub = Command::new(name[0])
            .hide(true)
            .arg(Arg::new(REST).num_args(0..).trailing_var_arg(true).allow_hyphen_values(true).hide(true));
        command = match parents {
            [parent] if command.find_subcommand(parent).is_some() => {
                command.mut_subcommand(parent, |parent| parent.subcommand(stub))
            }
            [] => command.subcommand(stub),
            _ => command,
        };
    }
    for (owner, name, value) in OPTIONS {
        if command.find_subcommand(owner).is_some() {
            let action = if *value { ArgAction::Set } else { ArgAction::SetTrue };
            let option = Arg::new(later_id(name)).long(*name).action(action).hide(true);
            command = command.mut_subcommand(owner, |owner| owner.arg(option));
        }
    }
    command
}

fn later_id(name: &str) -> String {
    format!("later-{name}")
}

/// Refuses a command or an option that is not in this build.
pub(super) fn refuse(matches: &ArgMatches) -> Result<(), Failure> {
    let mut path = Vec::new();
    let mut here = matches;
    while let Some((name, inner)) = here.subcommand() {
        path.push(name);
        here = inner;
    }
    if COMMANDS.contains(&path.as_slice()) {
        return Err(Failure::unsupported(Message::new("cli-later-command").with("command", path.join(" "))));
    }
    for (owner, name, _) in OPTIONS.iter().filter(|(owner, ..)| path == [*owner]) {
        let source = here.value_source(&later_id(name));
        if source == Some(clap::parser::ValueSource::CommandLine) {
            let message = Message::new("cli-later-option").with("command", *owner).with("option", format!("--{name}"));
            return Err(Failure::unsupported(message));
        }
    }
    Ok(())
}
