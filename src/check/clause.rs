//! Clauses: which of the public documents asks for what.
//!
//! A clause is cited only for a document that holds it (DOMAIN).

use std::fmt;

/// A document at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// 周南市.
    Shunan,
    /// 阿久根市.
    Akune,
    /// 亀岡市.
    Kameoka,
    /// 岡山市町村職員共済組合.
    Okayama,
    /// 鎌倉市議会.
    Kamakura,
}

impl Text {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Shunan, "周南市", "周南市情報セキュリティ対策基準"),
        (Self::Akune, "阿久根市", "阿久根市情報セキュリティポリシー"),
        (Self::Kameoka, "亀岡市", "亀岡市情報セキュリティ対策基準規程の概要"),
        (Self::Okayama, "岡山市町村職員共済組合", "岡山市町村職員共済組合情報セキュリティ基本方針"),
        (Self::Kamakura, "鎌倉市議会", "鎌倉市議会情報セキュリティ基本方針"),
    ];

    /// The document that a body's own `standard` names, if it is one at hand.
    pub fn of(standard: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, body, _)| standard.contains(body)).map(|(text, ..)| *text)
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        Self::ALL.iter().find(|(text, ..)| *text == self).map_or("", |(_, _, title)| title)
    }
}

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// The document.
    pub text: Text,
    /// The place, as the document numbers it.
    pub at: &'static str,
}

impl Clause {
    pub(super) const fn shunan(at: &'static str) -> Self {
        Self { text: Text::Shunan, at }
    }

    pub(super) const fn akune(at: &'static str) -> Self {
        Self { text: Text::Akune, at }
    }

    pub(super) const fn kameoka(at: &'static str) -> Self {
        Self { text: Text::Kameoka, at }
    }

    pub(super) const fn okayama(at: &'static str) -> Self {
        Self { text: Text::Okayama, at }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text.title(), self.at)
    }
}

/// What stands where no document asks for it.
const DEFAULT: &str = "製品の既定 (product default)";

/// What a finding cites under the body's own `standard`: that document's clauses
/// where it is one at hand, 周南市's as the model text where it is not. Where the
/// document holds no such clause it says that this is the product's default.
pub fn cited(clauses: &[Clause], standard: Option<&str>) -> String {
    let text = standard.and_then(Text::of).unwrap_or(Text::Shunan);
    let own: Vec<&str> = clauses.iter().filter(|clause| clause.text == text).map(|clause| clause.at).collect();
    if own.is_empty() { DEFAULT.to_owned() } else { format!("{} {}", text.title(), own.join("、")) }
}
