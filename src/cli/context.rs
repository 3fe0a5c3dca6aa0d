//! What every command is given: the common options, resolved.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Color, Exit, Failure, Format, Global};
use crate::diag::{Lang, Message};

/// Where the configuration lies unless `--config` says otherwise.
const DEFAULT_CONFIG: &str = "/etc/zoned";
/// Where state lies unless `--state` says otherwise.
const DEFAULT_STATE: &str = "/var/lib/zoned";

/// A moment as the user gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// RFC 3339, with its offset.
    Exact(Timestamp),
    /// Local time of the organisation.
    Local(DateTime),
}

/// Reads RFC 3339, or a local date, `DATE TIME` or `DATEtTIME`; a bare date is its first instant.
pub(super) fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Ok(Moment::Exact(exact));
    }
    // The error's words are not shown: the kind of clap's error chooses ours.
    text.parse::<DateTime>().map(Moment::Local).map_err(|error| error.to_string())
}

/// The common options, resolved: all that a command needs besides its own.
#[derive(Debug, Clone)]
pub struct Context {
    /// The configuration: a file, or a folder with `zoned.toml`.
    pub config: PathBuf,
    /// True if `--config` was given.
    pub config_given: bool,
    /// The folder of the control socket.
    pub run: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// Every `--state` as given; for `trace` it can also be a connection's state.
    pub states: Vec<PathBuf>,
    /// Form of the output.
    pub format: Format,
    /// Language of the words.
    pub lang: Lang,
    /// When this process started.
    pub now: Timestamp,
    at: Option<Moment>,
    color: Color,
}

impl Context {
    pub(super) fn new(global: &Global, lang: Lang) -> Self {
        Self {
            config: global.config.clone().unwrap_or_else(|| DEFAULT_CONFIG.into()),
            config_given: global.config.is_some(),
            run: global.run.clone(),
            state: global.state.last().map_or_else(|| DEFAULT_STATE.into(), Clone::clone),
            states: global.state.clone(),
            format: global.format,
            lang,
            now: Timestamp::now(),
            at: global.at,
            color: global.color,
        }
    }

    /// True if output is JSON.
    pub fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// The moment asked about: `--at`, read in the organisation's time zone, or now.
    ///
    /// # Errors
    /// If the local time lies beyond what a timestamp can hold.
    pub fn at(&self, timezone: &TimeZone) -> Result<Timestamp, Failure> {
        match self.at {
            None => Ok(self.now),
            Some(Moment::Exact(at)) => Ok(at),
            Some(Moment::Local(local)) => timezone
                .to_timestamp(local)
                .map_err(|_| Failure::usage_with(Message::new("cli-bad-time").with("value", local.to_string()))),
        }
    }

    /// True if `--at` depends on the organisation's time zone.
    pub fn at_is_local(&self) -> bool {
        matches!(self.at, Some(Moment::Local(_)))
    }

    /// The words of a message.
    pub fn words(&self, message: &Message) -> String {
        message.text(self.lang)
    }

    /// The words of a message without arguments.
    pub fn word(&self, key: &'static str) -> String {
        Message::new(key).text(self.lang)
    }

    /// True if standard output takes colours.
    pub fn color_out(&self) -> bool {
        self.colored(io::stdout().is_terminal())
    }

    /// True if standard error takes colours.
    pub fn color_err(&self) -> bool {
        self.colored(io::stderr().is_terminal())
    }

    fn colored(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }

    /// Writes to standard output. True while someone reads; a reader that went
    /// away (`| head`) is no error, and a streaming command stops on it.
    ///
    /// # Errors
    /// If the output cannot be written (full disk).
    pub fn print(&self, text: &str) -> Result<bool, Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::failed(Message::new("cli-output-failed").with("error", error.to_string()))),
        }
    }

    /// A remark to standard error, whatever the output's form.
    pub fn note(&self, message: &Message) {
        // Nobody is left to be told if this fails; the result does not depend on it.
        let _ = writeln!(io::stderr().lock(), "{}", self.words(message));
    }

    /// Prints one JSON value and a newline; gives `exit` back.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn print_json(&self, value: &serde_json::Value, exit: Exit) -> Result<Exit, Failure> {
        self.print(&format!("{value}\n"))?;
        Ok(exit)
    }
}

/// RFC 3339 in this time zone, with the offset, to the second.
pub fn local_time(time: Timestamp, timezone: &TimeZone) -> String {
    time.to_zoned(timezone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The language of the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`, in that order).
pub(super) fn locale_lang() -> Lang {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    Lang::from_locale(&locale.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_exact_or_local() {
        let exact = Moment::Exact("2026-11-14T13:00:00Z".parse().unwrap());
        assert_eq!(parse_moment("2026-11-14T22:00:00+09:00"), Ok(exact));
        for text in ["2026-11-14T22:00", "2026-11-14 22:00", "2026-11-14T22:00:00"] {
            assert_eq!(
                parse_moment(text),
                Ok(Moment::Local(jiff::civil::date(2026, 11, 14).at(22, 0, 0, 0))),
                "{text}"
            );
        }
        assert_eq!(parse_moment("2026-11-14"), Ok(Moment::Local(jiff::civil::date(2026, 11, 14).at(0, 0, 0, 0))));
        assert!(parse_moment("tomorrow").is_err());
    }
}
