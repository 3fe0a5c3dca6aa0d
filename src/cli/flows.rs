//! Opened and closed flows, and other differences, for a terminal.

use jiff::tz::TimeZone;

use super::context::local_time;
use super::{Context, Table};
use crate::diag::Message;
use crate::space::Dim;
use crate::verify::{Diff, Flow, packet_text};

/// Lines of flows shown in words; the rest is counted. JSON has them all.
const MOST: usize = 200;
/// Lines that are looked back for one that a flow may join.
const LOOK_BACK: usize = 64;
/// Sources of one line; the rest is counted.
const SOURCES: usize = 6;
/// Width of a column of addresses, in characters; longer lists go on below.
const WIDTH: usize = 40;

/// What opens, what closes, and what else differs. What `gateway.output` alone
/// changes for the gateway's own traffic is one line: everything, in pieces.
pub fn text(context: &Context, diff: &Diff) -> String {
    let mut out = String::new();
    for (key, flows) in [("cli-opened", &diff.opened), ("cli-closed", &diff.closed)] {
        out.push_str(&context.words(&Message::new(key).with("count", flows.len())));
        out.push('\n');
        let (own, others): (Vec<&Flow>, Vec<&Flow>) = flows.iter().partition(|flow| flow.reasons == ["output"]);
        if !others.is_empty() {
            out.push_str(&table(context, &others, &diff.timezone));
        }
        if !own.is_empty() {
            out.push_str(&context.words(&Message::new("cli-flows-output").with("count", own.len())));
            out.push('\n');
        }
        out.push('\n');
    }
    if !diff.settings.is_empty() {
        out.push_str(&context.word("cli-settings"));
        out.push('\n');
        for line in diff.settings_text(context.lang) {
            out.push_str(&format!("- {line}\n"));
        }
        out.push('\n');
    }
    out
}

/// A line of the table: flows that differ in their sources alone.
struct Line<'a> {
    first: &'a Flow,
    sources: Vec<String>,
}

/// What flows of one line have in common.
fn alike(a: &Flow, b: &Flow) -> bool {
    let of = |f: &Flow| (f.from, f.until, f.space.family);
    of(a) == of(b)
        && (&a.from_zone, &a.to_zone, &a.entries, &a.reasons) == (&b.from_zone, &b.to_zone, &b.entries, &b.reasons)
        && [Dim::Out, Dim::Dst, Dim::Service].into_iter().all(|dim| a.space.get(dim) == b.space.get(dim))
}

/// Every host with a MAC is a flow of its own: here those that follow one
/// another alike share a line.
fn lines<'a>(flows: &[&'a Flow]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for flow in flows {
        match lines.iter_mut().rev().take(LOOK_BACK).find(|line| alike(line.first, flow)) {
            Some(line) => line.sources.push(flow.sources_text()),
            None => lines.push(Line { first: flow, sources: vec![flow.sources_text()] }),
        }
    }
    lines
}

/// Sources of a line; of many the first are shown.
fn sources(list: &[String]) -> String {
    let mut text = list.iter().take(SOURCES).cloned().collect::<Vec<_>>().join(",");
    if list.len() > SOURCES {
        text.push_str(&format!(",… (+{})", list.len() - SOURCES));
    }
    text
}

fn table(context: &Context, flows: &[&Flow], timezone: &TimeZone) -> String {
    let headings = ["zones", "entries", "from", "to", "services", "witness"];
    let heading = |name: &str| context.lang.words(&format!("cli-flow-{name}")).unwrap_or_else(|| name.to_owned());
    let mut table = Table::new(headings.map(heading));
    let lines = lines(flows);
    for Line { first: flow, sources: list } in lines.iter().take(MOST) {
        let to = flow.to_zone.as_deref().unwrap_or("-");
        let mut causes = flow.entries.clone();
        causes.extend(flow.reasons.iter().map(|reason| format!("({reason})")));
        table.row([
            format!("{} -> {to}", flow.from_zone),
            fold(&causes.join(",")),
            fold(&sources(list)),
            fold(&flow.destinations_text()),
            fold(&flow.services_text()),
            format!("{}{}", packet_text(&flow.witness.packet), span(context, flow, timezone)),
        ]);
    }
    let mut out = table.render();
    let more: usize = lines.iter().skip(MOST).map(|line| line.sources.len()).sum();
    if more > 0 {
        out.push_str(&context.words(&Message::new("cli-flows-more").with("count", more)));
        out.push('\n');
    }
    out
}

/// The span of time of a flow that does not begin now or that ends, on lines of its own.
fn span(context: &Context, flow: &Flow, timezone: &TimeZone) -> String {
    let mut out = String::new();
    for (key, time) in [("cli-flow-since", flow.from), ("cli-flow-until", flow.until)] {
        if let Some(time) = time {
            out.push('\n');
            out.push_str(&context.words(&Message::new(key).with("time", local_time(time, timezone))));
        }
    }
    if flow.recurs {
        out.push('\n');
        out.push_str(&context.word("cli-flow-recurs"));
    }
    out
}

/// Breaks a list at its commas into lines of about [`WIDTH`] characters.
fn fold(list: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for item in list.split_inclusive(',') {
        let length = item.chars().count();
        if width > 0 && width + length > WIDTH {
            out.push('\n');
            width = 0;
        }
        out.push_str(item);
        width += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_folded_at_commas() {
        assert_eq!(fold("a,b"), "a,b");
        let list = ["10.10.0.20"; 9].join(",");
        let folded = fold(&list);
        assert!(folded.lines().count() == 3 && folded.replace('\n', "") == list, "{folded}");
        assert_eq!(fold(""), "");
    }
}
