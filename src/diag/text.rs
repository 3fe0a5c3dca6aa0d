//! Findings as text: the line with a caret under the place, in ja or en.
//!
//! Takes findings and their sources; gives text for a terminal. Only the line
//! that matters is handed to the renderer, and of a long line only a window, so
//! that the time does not grow with the file.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};

use super::{Finding, Lang, Message, Place, Severity, Sources};

/// Findings shown in full; the rest is counted.
const MAX_SHOWN: usize = 200;
/// Other places shown of one finding.
const MAX_RELATED: usize = 5;
/// Bytes of a line shown before and after the place.
const WINDOW: usize = 240;

/// The findings in their order, at most 200 of them, then how many more there are.
/// Ends with a line end unless there are none.
pub fn render(findings: &[Finding], sources: &Sources, lang: Lang, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in findings.iter().take(MAX_SHOWN) {
        out.push_str(&one(finding, sources, lang, &renderer));
        out.push_str("\n\n");
    }
    if let Some(more) = findings.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        out.push_str(&Message::new("diag-more-findings").with("count", more).text(lang));
        out.push('\n');
    } else {
        // One blank line between findings, none after the last.
        out.pop();
    }
    out
}

fn one(finding: &Finding, sources: &Sources, lang: Lang, renderer: &Renderer) -> String {
    let words = |key| Message::new(key).text(lang);
    let level = match finding.severity {
        Severity::Error => Level::ERROR.with_name(words("diag-error")),
        Severity::Warning => Level::WARNING.with_name(words("diag-warning")),
        Severity::Info => Level::INFO.with_name(words("diag-info")),
    };
    let mut title = finding.message.text(lang);
    if finding.waived {
        title = Message::new("diag-waived").with("message", title).text(lang);
    }
    let shown = finding.place.as_ref().and_then(|p| Shown::of(p, sources));
    let title: Title<'_> = level.primary_title(title).id(finding.code);
    let mut main = match shown {
        Some(shown) => shown.add(title, AnnotationKind::Primary),
        None => Group::with_title(title),
    };
    if let Some(clause) = &finding.clause {
        let text = Message::new("diag-clause").with("clause", clause).text(lang);
        main = main.element(Level::NOTE.with_name(words("diag-note")).message(text));
    }
    if let Some(hint) = &finding.hint {
        main = main.element(Level::HELP.with_name(words("diag-hint")).message(hint.text(lang)));
    }
    let mut groups = vec![main];
    for (message, place) in finding.related.iter().take(MAX_RELATED) {
        let title = Level::NOTE.with_name(words("diag-note")).secondary_title(message.text(lang));
        groups.push(match Shown::of(place, sources) {
            Some(shown) => shown.add(title, AnnotationKind::Context),
            None => Group::with_title(title),
        });
    }
    renderer.render(&groups)
}

/// One line of a source, and where on it the place stands.
struct Shown {
    path: String,
    line: usize,
    column: usize,
    /// True if the text is but a part of the line.
    cut: bool,
    text: String,
    span: Range<usize>,
}

impl Shown {
    fn of(place: &Place, sources: &Sources) -> Option<Self> {
        let source = sources.get(place.source)?;
        let (path, line, column) = sources.position(place)?;
        let whole = sources.line(place)?;
        let end = whole.end.min(place.span.end.max(place.span.start));
        let start = floor(&source.text, place.span.start.clamp(whole.start, whole.end));
        let end = ceil(&source.text, end.max(start)).min(whole.end);
        let first = floor(&source.text, start.saturating_sub(WINDOW).max(whole.start));
        let last = ceil(&source.text, (start + WINDOW).min(whole.end));
        let (cut_left, cut_right) = (first > whole.start, last < whole.end);
        let mut text = String::new();
        text.push_str(if cut_left { "…" } else { "" });
        let shift = text.len();
        text.push_str(source.text.get(first..last)?);
        text.push_str(if cut_right { "…" } else { "" });
        let span = start - first + shift..end.min(last) - first + shift;
        let cut = cut_left || cut_right;
        Some(Self { path: path.display().to_string(), line, column, cut, text, span })
    }

    fn add<'a>(self, title: Title<'a>, kind: AnnotationKind) -> Group<'a> {
        let snippet = Snippet::source(self.text).line_start(self.line).fold(false).annotation(kind.span(self.span));
        if self.cut {
            // The renderer would count columns from where the line was cut.
            let origin = Origin::path(self.path).line(self.line).char_column(self.column);
            title.element(origin).element(snippet)
        } else {
            title.element(snippet.path(self.path))
        }
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        let mut sources = Sources::default();
        let source = sources.add("/etc/zoned/zoned.toml", text);
        let place = Place { source, span };
        let finding = Finding::error("Z002", Message::new("document-unknown-key").with("key", "x")).at(&place);
        render(&[finding], &sources, Lang::En, false)
    }

    /// The column, in cells of a terminal, at which the caret stands.
    fn caret(text: &str) -> (usize, usize) {
        let line = text.lines().find(|l| l.contains('^')).unwrap();
        let before = line.split('^').next().unwrap();
        (before.chars().count(), line.matches('^').count())
    }

    #[test]
    fn full_width_text_does_not_shift_the_caret() {
        let (narrow, width) = caret(&shown("aaaa = 1\n", 0..4));
        // 「番号」 takes four cells of a terminal, as "aaaa" does.
        let text = shown("\"番号\" = 1\n", 1..7);
        assert_eq!(caret(&text), (narrow + 1, width), "{text}");
    }

    #[test]
    fn any_place_in_any_text_renders() {
        let texts = ["", "\n", "a\r\nb", "番号\n", "\u{1b}[31mred", "\t\tx = 1"];
        for text in texts {
            for start in 0..text.len() + 3 {
                for end in start..text.len() + 5 {
                    let _ = shown(text, start..end);
                }
            }
        }
        assert!(!shown("\u{1b}[31mred", 0..3).contains('\u{1b}'), "a file must not colour the terminal");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}X{}", "番".repeat(5_000), "a".repeat(5_000));
        let out = shown(&text, 15_000..15_001);
        assert!(out.len() < 3_000 && out.contains('X') && out.contains(":1:5001"), "{out}");
    }

    #[test]
    fn a_flood_of_findings_is_counted_not_shown() {
        let mut sources = Sources::default();
        let source = sources.add("f", "x = 1\n".repeat(100_000));
        let finding = |i: usize| {
            Finding::error("Z002", Message::new("document-unknown-key").with("key", "x"))
                .at(&Place { source, span: i * 6..i * 6 + 1 })
        };
        let all: Vec<Finding> = (0..100_000).map(finding).collect();
        let out = render(&all, &sources, Lang::En, false);
        assert!(out.lines().count() < 200 * 10 && out.contains("99800"), "{}", out.lines().last().unwrap());
    }
}
