//! Help and usage errors in the user's language.
//!
//! The texts of commands and options are looked up by name: `cli-about-verify`,
//! `cli-about-log-query`; `cli-option-config` for options of every command,
//! `cli-option-verify-against` for a command's own.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::{Cli, Exit, Failure, later};
use crate::diag::{Lang, Message};

/// Where the options of every command stand in the help.
const COMMON_ORDER: usize = 500;

/// The value of an option, wherever it stands, before the command line is parsed.
pub(super) fn peek(arguments: &[OsString], option: &str) -> Option<String> {
    let mut texts = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
    let mut found = None;
    while let Some(text) = texts.next() {
        if text == "--" {
            break;
        }
        if text == option {
            found = texts.next().map(|value| value.into_owned());
        } else if let Some(value) = text.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
            found = Some(value.to_owned());
        }
    }
    found
}

/// The whole command, in `lang`, with what is not in this build.
pub(super) fn command(lang: Lang) -> Command {
    later::declare(plain(lang))
}

/// The whole command, in `lang`: what this build has.
pub(super) fn plain(lang: Lang) -> Command {
    localise(Cli::command(), lang, "")
}

fn word(lang: Lang, key: &'static str) -> String {
    Message::new(key).text(lang)
}

fn localise(mut command: Command, lang: Lang, path: &str) -> Command {
    let top = path.is_empty();
    if let Some(about) = lang.words(&format!("cli-about{path}")) {
        command = command.about(about);
    }
    command = command.disable_help_flag(true).disable_help_subcommand(true).mut_args(|argument| {
        let id = argument.get_id().as_str().to_owned();
        // Values and defaults stand in the help's own words.
        let argument = match argument.get_action().takes_values() {
            true => argument.hide_possible_values(true).hide_default_value(true),
            false => argument,
        };
        // A command's own options come first.
        let argument = if argument.is_global_set() { argument.display_order(COMMON_ORDER) } else { argument };
        match lang.words(&format!("cli-option{path}-{id}")) {
            Some(help) => argument.help(help),
            None => argument,
        }
    });
    if top {
        command = command
            .arg(flag("help", 'h', ArgAction::Help, lang, "cli-option-help").global(true).display_order(COMMON_ORDER))
            .arg(flag("version", 'V', ArgAction::Version, lang, "cli-option-version"));
    }
    let template = template(&command, lang, top);
    command = command.help_template(template);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(&name, |sub| localise(sub, lang, &format!("{path}-{name}")));
    }
    command
}

fn flag(id: &'static str, short: char, action: ArgAction, lang: Lang, key: &'static str) -> Arg {
    Arg::new(id).short(short).long(id).action(action).help(word(lang, key))
}

/// clap's headings are English; these are the catalogue's.
fn template(command: &Command, lang: Lang, top: bool) -> StyledStr {
    let mut text = format!("{{about-with-newline}}\n{} {{usage}}\n", word(lang, "cli-help-usage"));
    if command.get_positionals().next().is_some() {
        text.push_str(&format!("\n{}\n{{positionals}}\n", word(lang, "cli-help-arguments")));
    }
    if command.has_subcommands() {
        text.push_str(&format!("\n{}\n{{subcommands}}\n", word(lang, "cli-help-commands")));
    }
    text.push_str(&format!("\n{}\n{{options}}\n", word(lang, "cli-help-options")));
    if top {
        text.push_str(&format!("\n{}\n", word(lang, "cli-help-exit")));
    }
    text.into()
}

/// What clap answers instead of arguments: help and version are printed, the
/// rest is a usage error.
pub(super) fn outcome(error: &clap::Error, lang: Lang) -> Result<Exit, Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that went away wants no help any more.
            let _ = error.print();
            Ok(Exit::Done)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Ok(Exit::Usage)
        }
        _ => Err(failure(error).hint(Message::new("cli-usage-hint").with("usage", usage(error, lang)))),
    }
}

/// The usage lines of the command that was meant, without clap's heading.
fn usage(error: &clap::Error, lang: Lang) -> String {
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(text)) => {
            let text = text.to_string();
            text.trim_start_matches("Usage:").trim().to_owned()
        }
        _ => command(lang).render_usage().to_string().trim_start_matches("Usage:").trim().to_owned(),
    }
}

/// A usage error in the catalogue's words.
pub(super) fn failure(error: &clap::Error) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(list)) => Some(list.join(", ")),
        _ => None,
    };
    let invalid = text(ContextKind::InvalidArg).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::UnknownArgument => match text(ContextKind::SuggestedArg) {
            Some(near) => Message::new("cli-unknown-argument-near").with("argument", invalid).with("near", near),
            None => Message::new("cli-unknown-argument").with("argument", invalid),
        },
        ErrorKind::InvalidSubcommand => {
            let name = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            match text(ContextKind::SuggestedSubcommand) {
                Some(near) => Message::new("cli-unknown-command-near").with("command", name).with("near", near),
                None => Message::new("cli-unknown-command").with("command", name),
            }
        }
        ErrorKind::MissingRequiredArgument => Message::new("cli-missing-argument").with("argument", invalid),
        ErrorKind::MissingSubcommand => Message::new("cli-missing-command"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => {
            let value = text(ContextKind::InvalidValue).unwrap_or_default();
            match text(ContextKind::ValidValue).filter(|valid| !valid.is_empty()) {
                _ if value.is_empty() => Message::new("cli-missing-value").with("argument", invalid),
                Some(valid) => {
                    Message::new("cli-bad-value-of").with("argument", invalid).with("value", value).with("valid", valid)
                }
                None => Message::new("cli-bad-value").with("argument", invalid).with("value", value),
            }
        }
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg).filter(|prior| *prior != invalid) {
            Some(prior) => Message::new("cli-conflict").with("argument", invalid).with("other", prior),
            None => Message::new("cli-twice").with("argument", invalid),
        },
        _ => Message::new("cli-wrong-usage").with("error", error.kind().to_string()),
    };
    Failure::usage_with(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn options_are_seen_wherever_they_stand() {
        assert_eq!(peek(&arguments("zonectl verify --lang en"), "--lang").as_deref(), Some("en"));
        assert_eq!(peek(&arguments("zonectl --lang=ja verify"), "--lang").as_deref(), Some("ja"));
        assert_eq!(peek(&arguments("zonectl verify -- --lang ja"), "--lang"), None);
        assert_eq!(peek(&arguments("zonectl --lang"), "--lang"), None);
    }

    #[test]
    fn the_command_line_is_consistent() {
        command(Lang::Ja).debug_assert();
    }

    /// Every command, option and argument that is shown has words in both languages.
    #[test]
    fn everything_shown_is_explained() {
        fn walk(command: &Command, path: &str, lang: Lang) {
            assert!(lang.words(&format!("cli-about{path}")).is_some(), "cli-about{path} in {lang:?}");
            let own = command.get_arguments().filter(|a| !a.is_hide_set() && !a.is_global_set());
            for argument in own {
                assert!(argument.get_help().is_some(), "cli-option{path}-{} in {lang:?}", argument.get_id());
            }
            for sub in command.get_subcommands() {
                walk(sub, &format!("{path}-{}", sub.get_name()), lang);
            }
        }
        for lang in [Lang::Ja, Lang::En] {
            walk(&plain(lang), "", lang);
        }
    }
}
