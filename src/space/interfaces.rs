//! Interfaces as numbers: every name or wildcard that some policy lists, what
//! none lists, and the gateway itself.

use super::IntervalSet;
use super::point::GATEWAY_INTERFACE;
use crate::net::{IfName, IfPattern};

/// The interfaces that several policies tell apart, numbered from 1: names in
/// order, then wildcards, the longest first, each less what stands before it;
/// at last every other interface. 0 is the gateway.
#[derive(Debug, Clone)]
pub struct Interfaces {
    atoms: Vec<Atom>,
}

#[derive(Debug, Clone)]
struct Atom {
    /// None for every interface that no pattern means.
    pattern: Option<IfPattern>,
    /// A name that is of this atom.
    example: IfName,
}

impl Interfaces {
    /// The numbering for these patterns, in any order, doubles allowed.
    pub fn new(patterns: impl IntoIterator<Item = IfPattern>) -> Self {
        let mut patterns: Vec<IfPattern> = patterns.into_iter().collect();
        patterns.sort_by_key(|p| match p {
            IfPattern::Exact(name) => (0, name.clone()),
            IfPattern::Prefix(prefix) => (usize::MAX - prefix.as_str().len(), prefix.clone()),
        });
        patterns.dedup();
        let mut atoms: Vec<Atom> = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let prefix = match pattern {
                IfPattern::Exact(name) | IfPattern::Prefix(name) => name.as_str(),
            };
            // A wildcard all of whose names are listed apart means nothing more.
            if let Some(example) = example(prefix, |name| first_match(&patterns, name) == Some(index)) {
                atoms.push(Atom { pattern: Some(pattern.clone()), example });
            }
        }
        if let Some(example) = example("other", |name| first_match(&patterns, name).is_none())
            .or_else(|| example("x", |name| first_match(&patterns, name).is_none()))
            .or_else(|| example("9", |name| first_match(&patterns, name).is_none()))
        {
            atoms.push(Atom { pattern: None, example });
        }
        Self { atoms }
    }

    /// The number of an interface.
    pub fn number(&self, name: &IfName) -> u128 {
        let own = |a: &Atom| a.pattern.as_ref().is_none_or(|p| p.matches(name));
        // The last atom means all others.
        self.atoms.iter().position(own).unwrap_or(self.atoms.len() - 1) as u128 + 1
    }

    /// The numbers of the atoms whose interfaces lie in `pattern`, in order, with
    /// one name of each.
    pub fn examples(&self) -> impl Iterator<Item = (u128, &IfName)> {
        self.atoms.iter().enumerate().map(|(i, a)| (i as u128 + 1, &a.example))
    }

    /// Every interface, the gateway not.
    pub fn all(&self) -> IntervalSet {
        IntervalSet::range(1, self.atoms.len() as u128)
    }

    /// A name of the interface with this number; none for the gateway.
    pub fn name(&self, number: u128) -> Option<&IfName> {
        if number == GATEWAY_INTERFACE {
            return None;
        }
        self.atoms.get(usize::try_from(number).ok()? - 1).map(|a| &a.example)
    }

    /// The text of a number: the name, `tap*`, or `*` for every interface that
    /// no policy lists; none for the gateway.
    pub fn text(&self, number: u128) -> Option<String> {
        if number == GATEWAY_INTERFACE {
            return None;
        }
        let atom = self.atoms.get(usize::try_from(number).ok()? - 1)?;
        Some(atom.pattern.as_ref().map_or_else(|| "*".into(), ToString::to_string))
    }
}

fn first_match(patterns: &[IfPattern], name: &IfName) -> Option<usize> {
    patterns.iter().position(|p| p.matches(name))
}

/// A name that begins with `prefix` and satisfies `wanted`, the plainest first.
fn example(prefix: &str, wanted: impl Fn(&IfName) -> bool) -> Option<IfName> {
    let plain = std::iter::once(String::new());
    let numbers = (0..10_000).map(|n| n.to_string());
    let signs = (0x21..0x7f).map(|b: u8| char::from(b).to_string());
    plain
        .chain(numbers)
        .chain(signs)
        .filter_map(|suffix| format!("{prefix}{suffix}").parse::<IfName>().ok())
        .find(|name| wanted(name))
}
