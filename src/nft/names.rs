//! Names that zoned gives to things in the kernel, and reads back from there.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::policy::{DenyReason, Rate};

/// NFLOG group (1 ..= 65535) of denied packets.
pub const DENIED_GROUP: u16 = 5;
/// NFLOG group of the first packets of accepted flows that an entry records.
pub const ACCEPTED_GROUP: u16 = 6;

/// An entry's id as an identifier of nft: ASCII letters, digits, `-` and `_` stay,
/// every other byte becomes `.xx`; an id too long for a log prefix ends in a hash.
pub fn entry_tag(id: &str) -> String {
    let mut tag = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => tag.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => write!(tag, ".{byte:02x}").unwrap_or_default(),
        }
    }
    if tag.len() > 80 {
        tag.truncate(60);
        tag.push_str("..");
        tag.push_str(&short_hash(id));
    }
    tag
}

/// 16 hexadecimal digits that tell texts apart.
pub fn short_hash(text: &str) -> String {
    let mut hash = String::with_capacity(16);
    for byte in &Sha256::digest(text.as_bytes())[..8] {
        // Writing to a String cannot fail.
        write!(hash, "{byte:02x}").unwrap_or_default();
    }
    hash
}

/// The named counter of an entry.
pub fn entry_counter(id: &str) -> String {
    format!("entry_{}", entry_tag(id))
}

/// The named limit of an entry. It names its rate: see `Ruleset::limits`.
pub fn entry_limit(id: &str, rate: Rate) -> String {
    format!("rate_{}_{}_{}", rate.count, rate.unit, entry_tag(id))
}

/// The named counter of a denial reason.
pub fn deny_counter(reason: DenyReason) -> String {
    format!("deny_{}", reason.as_str().replace('-', "_"))
}

/// What a logged packet's prefix says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTag {
    /// Denied for this reason.
    Denied(DenyReason),
    /// Accepted; the tag ([`entry_tag`]) of the deciding entry.
    Accepted(String),
}

impl LogTag {
    /// The NFLOG prefix, at most 127 bytes (`NF_LOG_PREFIXLEN` less the NUL).
    pub fn prefix(&self) -> String {
        match self {
            Self::Denied(reason) => format!("zoned:deny:{reason}"),
            Self::Accepted(tag) => format!("zoned:allow:{tag}"),
        }
    }

    /// Reads a prefix; none if it is not one of ours.
    pub fn parse(prefix: &str) -> Option<Self> {
        let rest = prefix.strip_prefix("zoned:")?;
        match rest.split_once(':')? {
            ("deny", reason) => DenyReason::parse(reason).map(Self::Denied),
            ("allow", tag) => Some(Self::Accepted(tag.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_identifiers_and_differ() {
        assert_eq!(entry_tag("MN-001"), "MN-001");
        assert_eq!(entry_tag("番"), ".e7.95.aa");
        let long = "あ".repeat(60);
        assert!(LogTag::Accepted(entry_tag(&long)).prefix().len() <= 127);
        assert_ne!(entry_tag(&long), entry_tag(&(long.clone() + "x")));
    }

    #[test]
    fn prefixes_read_back() {
        for reason in DenyReason::ALL {
            let tag = LogTag::Denied(reason);
            assert_eq!(LogTag::parse(&tag.prefix()), Some(tag));
        }
        assert_eq!(LogTag::parse("other: "), None);
    }
}
