//! Message catalogues (Fluent): every word a user sees, in ja and en.
//!
//! One file a module and language under `messages/`; a key is looked up in the
//! language asked for, then in English. Keys are prefixed by their module.

use std::fmt;
use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// Language of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
}

impl Lang {
    /// From a locale such as `ja_JP.UTF-8`; anything but Japanese reads English.
    pub fn from_locale(locale: &str) -> Self {
        if locale.starts_with("ja") { Self::Ja } else { Self::En }
    }

    /// The words of a key that is made at run time, without arguments; none if
    /// this language's catalogue has no such key.
    pub fn words(self, key: &str) -> Option<String> {
        let bundle = bundle(self);
        let pattern = bundle.get_message(key)?.value()?;
        Some(bundle.format_pattern(pattern, None, &mut Vec::new()).into_owned())
    }
}

/// One argument of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// Text, inserted as it is.
    Text(String),
    /// A number, which can choose a plural.
    Number(i64),
    /// Another message, rendered in the same language.
    Message(Box<Message>),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}
impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}
impl From<usize> for Arg {
    fn from(n: usize) -> Self {
        Self::Number(n as i64)
    }
}
impl From<u64> for Arg {
    fn from(n: u64) -> Self {
        Self::Number(n as i64)
    }
}
impl From<i64> for Arg {
    fn from(n: i64) -> Self {
        Self::Number(n)
    }
}
impl From<Message> for Arg {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}

/// A catalogue key and its arguments; words only once a language is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    key: &'static str,
    args: Vec<(&'static str, Arg)>,
}

impl Message {
    /// A message without arguments yet.
    pub fn new(key: &'static str) -> Self {
        Self { key, args: Vec::new() }
    }

    /// Adds an argument.
    pub fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    /// The catalogue key.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The words in `lang`. A missing key shows as itself, so that nothing is silent.
    pub fn text(&self, lang: Lang) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &self.args {
            let value = match value {
                Arg::Text(text) => FluentValue::from(text.clone()),
                // As text, so that no digits are grouped or rounded.
                Arg::Number(n) => FluentValue::from(*n),
                Arg::Message(inner) => FluentValue::from(inner.text(lang)),
            };
            args.set(*name, value);
        }
        for bundle in [bundle(lang), bundle(Lang::En)] {
            if let Some(pattern) = bundle.get_message(self.key).and_then(|m| m.value()) {
                let mut errors = Vec::new();
                return bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
            }
        }
        self.key.into()
    }
}

impl fmt::Display for Message {
    /// English, for logs and errors that carry a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

type Bundle = FluentBundle<FluentResource>;

macro_rules! catalogue {
    ($lang:literal: $($file:literal),+ $(,)?) => {
        &[$(include_str!(concat!("messages/", $lang, "/", $file, ".ftl"))),+]
    };
}

/// The texts of one language, in the order of `messages/`.
fn texts(lang: Lang) -> &'static [&'static str] {
    match lang {
        Lang::Ja => {
            catalogue!("ja": "document", "policy", "check", "verify", "flow", "log", "daemon", "cli", "diag", "enforce")
        }
        Lang::En => {
            catalogue!("en": "document", "policy", "check", "verify", "flow", "log", "daemon", "cli", "diag", "enforce")
        }
    }
}

fn bundle(lang: Lang) -> &'static Bundle {
    static JA: OnceLock<Bundle> = OnceLock::new();
    static EN: OnceLock<Bundle> = OnceLock::new();
    let cell = match lang {
        Lang::Ja => &JA,
        Lang::En => &EN,
    };
    cell.get_or_init(|| {
        let id = match lang {
            Lang::Ja => "ja",
            Lang::En => "en",
        };
        // Both parse; the default language would only choose plural rules.
        let id = id.parse::<unic_langid::LanguageIdentifier>().unwrap_or_default();
        let mut bundle = Bundle::new_concurrent(vec![id]);
        // Terminals show the isolation marks as noise.
        bundle.set_use_isolating(false);
        for text in texts(lang) {
            // A faulty line loses its own message only; the catalogue test names it.
            let resource = FluentResource::try_new((*text).to_owned()).unwrap_or_else(|(resource, _)| resource);
            bundle.add_resource_overriding(resource);
        }
        bundle
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Keys by line form: a message starts at column 1 as `key =`.
    fn keys(lang: Lang) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for text in texts(lang) {
            assert!(FluentResource::try_new((*text).to_owned()).is_ok(), "a {lang:?} catalogue does not parse");
            for line in text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_alphabetic())) {
                let key = line.split('=').next().unwrap_or_default().trim().to_owned();
                assert!(keys.insert(key.clone()), "{key} stands twice in {lang:?}");
            }
        }
        keys
    }

    #[test]
    fn both_languages_hold_the_same_keys() {
        assert_eq!(keys(Lang::Ja), keys(Lang::En));
    }
}
