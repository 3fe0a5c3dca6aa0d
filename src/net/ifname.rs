//! Interface names and patterns. Always names, never indexes: an interface may
//! be absent at start and appear later.

use std::fmt;
use std::str::FromStr;

/// A Linux interface name: 1 ..= 15 bytes, no `/`, no white space, no control
/// character, not `.` or `..` (kernel `dev_valid_name`); and no `*` or `"`,
/// which configuration and ruleset text could not carry, nor an `@` in front,
/// which nft's JSON takes for the name of a set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfName(Box<str>);

/// Why a text is not an interface name or pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IfNameError {
    /// Empty, or longer than 15 bytes (IFNAMSIZ - 1).
    #[error("must have 1 to 15 bytes")]
    Length,
    /// A character that no interface name has.
    #[error("holds a character that no interface name may have")]
    Character,
}

fn valid(text: &str) -> Result<(), IfNameError> {
    if text.is_empty() || text.len() > 15 {
        return Err(IfNameError::Length);
    }
    let bad = |c: char| {
        c == '/'
            || c == ':'
            || c == '*'
            || c == '"'
            || c == '\\'
            || c.is_whitespace()
            || c.is_control()
            || !c.is_ascii()
    };
    if text == "." || text == ".." || text.starts_with('@') || text.contains(bad) {
        return Err(IfNameError::Character);
    }
    Ok(())
}

impl IfName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IfName {
    type Err = IfNameError;
    fn from_str(text: &str) -> Result<Self, IfNameError> {
        valid(text).map(|()| Self(text.into()))
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name, or every name that starts with a prefix (`tap*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IfPattern {
    /// This interface.
    Exact(IfName),
    /// Every interface whose name starts so; 1 ..= 15 bytes.
    Prefix(IfName),
}

impl IfPattern {
    /// True if the interface `name` is meant.
    pub fn matches(&self, name: &IfName) -> bool {
        match self {
            Self::Exact(own) => own == name,
            Self::Prefix(prefix) => name.as_str().starts_with(prefix.as_str()),
        }
    }
}

impl IfPattern {
    /// True if every interface that `other` means is meant by this too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(name)) => self.matches(name),
            (Self::Prefix(outer), Self::Prefix(inner)) => inner.as_str().starts_with(outer.as_str()),
            (Self::Exact(_), Self::Prefix(_)) => false,
        }
    }
}

impl FromStr for IfPattern {
    type Err = IfNameError;
    fn from_str(text: &str) -> Result<Self, IfNameError> {
        match text.strip_suffix('*') {
            Some(prefix) => prefix.parse().map(Self::Prefix),
            None => text.parse().map(Self::Exact),
        }
    }
}

impl fmt::Display for IfPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(f, "{name}"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_that_the_kernel_takes_are_taken() {
        for name in ["eth0.100", "br-lan", "1", "-", "a;b", "{", "#c", "$x", "tcp", "x@y", "aaaaaaaaaaaaaaa*", "e*"] {
            assert_eq!(name.parse::<IfPattern>().map(|p| p.to_string()).as_deref(), Ok(name));
        }
        for name in ["", ".", "..", "a b", "a/b", "a*b", "@x", "@x*", "\"", "aaaaaaaaaaaaaaaa"] {
            assert!(name.parse::<IfPattern>().is_err(), "{name}");
        }
    }
}
