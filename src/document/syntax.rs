//! One text to its tree: syntax errors, all of them, and keys given twice.
//!
//! Takes a source's text; gives the tree, or findings in the user's language.

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

use super::node::Table;
use crate::diag::{Finding, Findings, Message, Place, SourceId};

/// Syntax errors shown of one file.
const MAX_ERRORS: usize = 100;

/// The parser's words that have words of our own; the rest is shown as it is.
const KNOWN: &[(&str, &str)] = &[
    ("unclosed table", "document-syntax-unclosed-table"),
    ("unclosed array table", "document-syntax-unclosed-table"),
    ("unclosed array", "document-syntax-unclosed-array"),
    ("unclosed inline table", "document-syntax-unclosed-inline"),
    ("invalid basic string", "document-syntax-string"),
    ("invalid literal string", "document-syntax-string"),
    ("invalid multi-line basic string", "document-syntax-string"),
    ("invalid multi-line literal string", "document-syntax-string"),
    ("string values must be quoted", "document-syntax-unquoted"),
    ("invalid unquoted key", "document-syntax-bare-key"),
    ("invalid key", "document-syntax-key"),
    ("key with no value", "document-syntax-no-value"),
    ("missing value for key", "document-syntax-no-value"),
    ("missing value", "document-syntax-no-value"),
    ("missing assignment between key-value pairs", "document-syntax-no-value"),
    ("extra comma in array", "document-syntax-extra-comma"),
    ("extra comma in inline table", "document-syntax-extra-comma"),
    ("missing comma between array elements", "document-syntax-no-comma"),
    ("missing comma between key-value pairs", "document-syntax-no-comma"),
    ("unexpected content", "document-syntax-content"),
    ("unexpected key or value", "document-syntax-content"),
    ("invalid date-time", "document-syntax-time"),
    ("invalid integer number", "document-syntax-number"),
    ("unexpected leading zero", "document-syntax-leading-zero"),
    ("cannot recurse further; max recursion depth met", "document-syntax-depth"),
];

/// The tree of a text, whatever could be made of it, and whether all of it could.
pub fn parse(source: SourceId, text: &str, findings: &mut Findings) -> (Table, bool) {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let mut sound = true;
    for error in errors.iter().take(MAX_ERRORS) {
        let place = Place { source, span: error.span().unwrap_or(0..0) };
        if error.message() == "duplicate key" {
            findings.push(duplicate(text, tree.get_ref(), &place));
        } else {
            sound = false;
            findings.push(fault(error, &place));
        }
    }
    if let Some(more) = errors.get(MAX_ERRORS..).filter(|more| !more.is_empty()) {
        sound = false;
        let span = more[0].span().unwrap_or(0..0);
        let message = Message::new("document-syntax-more").with("count", more.len());
        findings.push(Finding::error("Z001", message).at(&Place { source, span }));
    }
    (Table::from_toml(source, tree.get_ref()), sound)
}

fn fault(error: &Error, place: &Place) -> Finding {
    let words = error.message();
    let head = words.split(", expected").next().unwrap_or(words);
    let message = match KNOWN.iter().find(|(known, _)| *known == head) {
        Some((_, key)) => Message::new(key),
        None => Message::new("document-syntax").with("detail", words),
    };
    let finding = Finding::error("Z001", message).at(place);
    match head {
        "invalid unquoted key" => finding.hint(Message::new("document-syntax-bare-key-hint")),
        "string values must be quoted" => finding.hint(Message::new("document-syntax-unquoted-hint")),
        _ => finding,
    }
}

fn duplicate(text: &str, tree: &DeTable<'_>, place: &Place) -> Finding {
    let written = text.get(place.span.clone()).unwrap_or_default();
    let name = written.trim_matches(['"', '\'']);
    let message = Message::new("document-duplicate").with("name", name);
    let finding = Finding::error("Z003", message).at(place).subject(name);
    let first = header(text, &place.span).or_else(|| earlier(text, tree, name, place.span.start));
    match first {
        Some(span) => finding.related(Message::new("document-first-here"), &Place { source: place.source, span }),
        None => finding,
    }
}

/// The first header line like the one that `span` lies on, if it lies on one:
/// of two headers the parser keeps the later.
fn header(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |i| i + 1);
    let bare = |line: &str| -> Option<String> {
        let line = line.trim();
        let end = line.rfind(']')?;
        line.starts_with('[').then(|| line[..=end].chars().filter(|c| !c.is_whitespace()).collect())
    };
    let wanted = bare(text.get(start..)?.lines().next()?)?;
    let mut at = 0;
    for line in text.get(..start)?.split_inclusive('\n') {
        if bare(line).as_ref() == Some(&wanted) {
            return Some(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    None
}

/// The last key of this name before `at`, in any table that still goes on there.
fn earlier(text: &str, table: &DeTable<'_>, name: &str, at: usize) -> Option<Range<usize>> {
    let mut best: Option<Range<usize>> = None;
    let mut consider = |span: Range<usize>| {
        if span.start < at && best.as_ref().is_none_or(|b| b.start < span.start) {
            best = Some(span);
        }
    };
    for (key, value) in table {
        if key.get_ref().as_ref() == name {
            consider(key.span());
        }
        let inner = match value.get_ref() {
            DeValue::Table(inner) if goes_on(text, value.span(), at) => earlier(text, inner, name, at),
            DeValue::Array(items) => items
                .iter()
                .filter(|item| goes_on(text, item.span(), at))
                .filter_map(|item| earlier(text, item.get_ref().as_table()?, name, at))
                .max_by_key(|span| span.start),
            _ => None,
        };
        if let Some(span) = inner {
            consider(span);
        }
    }
    best
}

/// False for an inline table that does not reach to `at`.
fn goes_on(text: &str, span: Range<usize>, at: usize) -> bool {
    text.as_bytes().get(span.start) != Some(&b'{') || span.contains(&at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;

    /// The texts of the second and the first place of the only duplicate.
    fn places(text: &str) -> ((usize, usize), (usize, usize)) {
        let (mut sources, mut findings) = (Sources::default(), Findings::default());
        let source = sources.add("f", text);
        let (_, sound) = parse(source, text, &mut findings);
        assert!(sound && findings.0.len() == 1, "{:?}", findings.0);
        let finding = &findings.0[0];
        let at = |p: &Place| sources.position(p).map(|(_, line, column)| (line, column)).unwrap();
        (at(finding.place.as_ref().unwrap()), at(&finding.related[0].1))
    }

    #[test]
    fn a_key_given_twice_shows_both_places() {
        assert_eq!(places("a = 1\na = 2\n"), ((2, 1), (1, 1)));
        assert_eq!(places("[x]\na = 1\n[y]\na = 1\nz = { a = 1 }\na = 2\n"), ((6, 1), (4, 1)));
        assert_eq!(places("[x]\na = 1\n[ x ] # again\nb = 1\n"), ((3, 3), (1, 1)));
        assert_eq!(places("x = { a = 1, a = 2 }\n"), ((1, 14), (1, 7)));
        assert_eq!(places("[[x]]\na = 1\n[[x]]\na = 1\na = 2\n"), ((5, 1), (4, 1)));
    }
}
