//! The terminal ledger: CSV rows to hosts (SPEC §1 `[[inventory]]`).
//!
//! Takes an `[[inventory]]` table and its file's text; gives a host a row, or
//! findings with row and column.

use std::collections::HashMap;

use super::moment::Moment;
use super::node::At;
use super::suggest::Suggester;
use super::written::{Host, Inventory};
use crate::diag::{Finding, Findings, Message, Place, SourceId, Sources};
use crate::net::{MacAddr, fold_width, parse_prefix};

/// The columns that mean something of their own; every other is a label.
const HOST_COLUMNS: [&str; 8] = ["name", "ip", "mac", "zone", "via", "kind", "valid_from", "valid_until"];
/// The kinds a cell may name, as in `[hosts.*]`.
const KINDS: [&str; 7] = ["terminal", "server", "mfp", "iot", "router", "relay", "mta"];

/// What stands between several addresses in one cell.
fn separates(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | ',' | '、')
}

struct Cell<'a> {
    text: &'a str,
    place: Place,
}

struct Ledger<'a> {
    inventory: &'a Inventory,
    source: SourceId,
    /// Key of `columns` → its place in a row.
    columns: Vec<(&'a str, usize)>,
    headers: Vec<String>,
    zones: Option<HashMap<&'a str, &'a At<String>>>,
    findings: &'a mut Findings,
}

/// One ledger as it was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// A host a row, in order.
    pub hosts: Vec<Host>,
    /// True if every row that is not to be left out became a host.
    pub whole: bool,
}

/// The hosts of one ledger.
pub fn read(inventory: &Inventory, source: SourceId, sources: &Sources, findings: &mut Findings) -> Reading {
    let Some(text) = sources.get(source).map(|s| s.text.clone()) else { return Reading::default() };
    let zones = inventory.zones.as_ref().map(|z| z.iter().map(|(k, v)| (k.trim(), v)).collect());
    let before = findings.0.len();
    let mut ledger = Ledger { inventory, source, columns: Vec::new(), headers: Vec::new(), zones, findings };
    let hosts = if ledger.columns_given() { ledger.rows(&text) } else { Vec::new() };
    let found = findings.0.get(before..).unwrap_or_default();
    Reading { hosts, whole: !found.iter().any(|f| f.code == "Z007" || f.code == "Z008") }
}

/// Why a text is no address of a host.
fn ip_fault(text: &str) -> Option<&'static str> {
    match parse_prefix(text) {
        None => Some("document-ledger-ip"),
        Some(net) if net != net.trunc() => Some("document-ledger-host-bits"),
        Some(_) => None,
    }
}

/// Why a text is no MAC of a host.
fn mac_fault(text: &str) -> Option<&'static str> {
    match text.parse::<MacAddr>() {
        Err(_) => Some("document-ledger-mac"),
        Ok(mac) if mac.is_multicast() || mac.is_zero() => Some("document-ledger-no-host-mac"),
        Ok(_) => None,
    }
}

/// `2026/4/1` as `2026-04-01`.
fn dashed(text: &str) -> Option<String> {
    let folded = fold_width(text);
    let (year, rest) = folded.split_once('/')?;
    let (month, day) = rest.split_once('/')?;
    Some(format!("{year}-{month:0>2}-{day:0>2}"))
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// The blank lines before the record at `start`, where its cells stand (quotes
/// left out), and whether its quotes are closed.
fn cell_spans(text: &str, start: usize, count: usize) -> (usize, Vec<std::ops::Range<usize>>, bool) {
    let bytes = text.as_bytes();
    // The reader's position lies before the blank lines that it skips.
    let ends = bytes[start.min(bytes.len())..].iter().take_while(|b| **b == b'\r' || **b == b'\n');
    let (mut at, mut blank, mut closed) = (start, 0, true);
    for end in ends {
        at += 1;
        blank += usize::from(*end == b'\n');
    }
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let first = at;
        let quoted = bytes.get(at) == Some(&b'"');
        let mut inside = quoted;
        at += usize::from(quoted);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' if quoted => inside = !inside,
                b',' | b'\n' | b'\r' if !inside => break,
                _ => {}
            }
            at += 1;
        }
        closed &= !inside;
        let skip = usize::from(quoted);
        let from = (first + skip).min(at);
        spans.push(from..at.saturating_sub(skip).max(from));
        at += 1;
    }
    (blank, spans, closed)
}

impl<'a> Ledger<'a> {
    /// True if `columns` says enough to read rows, and `skip` names columns of it.
    fn columns_given(&mut self) -> bool {
        let given = |key: &str| self.inventory.columns.iter().any(|(k, _)| k.value == key);
        let lacking: Vec<&str> = ["name", "zone"].into_iter().filter(|key| !given(key)).collect();
        let strangers: Vec<&At<String>> =
            self.inventory.skip.iter().map(|(key, _)| key).filter(|key| !given(&key.value)).collect();
        for key in &lacking {
            let message = Message::new("document-ledger-needs-column").with("key", *key);
            let finding = Finding::error("Z008", message).at(&self.inventory.columns_place).subject(*key);
            self.findings.push(finding);
        }
        for key in strangers {
            let message = Message::new("document-ledger-skip").with("key", &key.value);
            let finding = Finding::error("Z004", message).at(&key.place).subject(&key.value);
            self.findings.push(finding);
        }
        lacking.is_empty()
    }

    /// A host a row.
    fn rows(&mut self, text: &str) -> Vec<Host> {
        let source = self.source;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let (mut record, mut hosts) = (csv::StringRecord::new(), Vec::new());
        let mut row = 0;
        // Text in memory, with rows of any width, gives no error.
        while let Ok(true) = reader.read_record(&mut record) {
            // Blank lines are rows too, as a spreadsheet counts them.
            let start = record.position().map_or(0, |p| p.byte() as usize);
            let (blank, spans, closed) = cell_spans(text, start, record.len());
            row += 1 + blank;
            let cells: Vec<Cell<'_>> = record
                .iter()
                .zip(spans)
                .map(|(text, span)| Cell { text: trim(text), place: Place { source, span } })
                .collect();
            if !closed {
                // The quote has swallowed every row behind it.
                let place = cells.last().map_or(Place { source, span: start..start }, |c| c.place.clone());
                let message = Message::new("document-ledger-quote").with("row", row);
                self.findings.push(Finding::error("Z007", message).at(&place));
            } else if self.headers.is_empty() {
                if !self.header(&cells) {
                    return hosts;
                }
            } else if cells.iter().any(|c| !c.text.is_empty()) {
                hosts.extend(self.host(row, &cells));
            }
        }
        if row == 0 {
            let place = Place { source: self.source, span: 0..0 };
            self.findings.push(Finding::error("Z007", Message::new("document-ledger-empty")).at(&place));
        }
        hosts
    }

    /// Finds the mapped columns; false if rows cannot be read.
    fn header(&mut self, cells: &[Cell<'_>]) -> bool {
        let mut sound = true;
        let fold = |text: &str| fold_width(trim(text)).to_lowercase();
        let folded: Vec<String> = cells.iter().map(|c| fold(c.text)).collect();
        self.headers = cells.iter().map(|c| c.text.to_owned()).collect();
        let place = Place { source: self.source, span: cells.first().map_or(0..0, |c| c.place.span.clone()) };
        let mut suggester = Suggester::default();
        for (key, column) in &self.inventory.columns {
            let wanted = fold(&column.value);
            let mut found = (0..folded.len()).filter(|i| folded[*i] == wanted);
            match (found.next(), found.next()) {
                (Some(index), None) => self.columns.push((&key.value, index)),
                (Some(first), Some(second)) => {
                    sound = false;
                    let message = Message::new("document-ledger-column-twice").with("column", &column.value);
                    let finding = Finding::error("Z007", message)
                        .at(&cells[second].place)
                        .related(Message::new("document-first-here"), &cells[first].place);
                    self.findings.push(finding);
                }
                (None, _) => {
                    sound = false;
                    let message = Message::new("document-ledger-no-column").with("column", &column.value);
                    let mut finding = Finding::error("Z007", message)
                        .at(&place)
                        .related(Message::new("document-ledger-asked-here"), &column.place);
                    if let Some(near) = suggester.nearest(&wanted, folded.iter().map(String::as_str)) {
                        let shown = folded.iter().position(|f| f == near).map_or(near, |i| cells[i].text);
                        finding = finding.hint(Message::new("document-did-you-mean").with("name", shown));
                    }
                    self.findings.push(finding);
                }
            }
        }
        sound
    }

    fn cell<'c, 't>(&self, cells: &'c [Cell<'t>], key: &str) -> Option<&'c Cell<'t>> {
        let (_, index) = self.columns.iter().find(|(k, _)| *k == key)?;
        cells.get(*index).filter(|c| !c.text.is_empty())
    }

    fn fault(&mut self, row: usize, key: &str, place: &Place, what: Message) {
        let index = self.columns.iter().find(|(k, _)| *k == key).map(|(_, i)| *i);
        let column = index.and_then(|i| self.headers.get(i)).cloned().unwrap_or_else(|| key.to_owned());
        let message = Message::new("document-ledger-row").with("row", row).with("column", column).with("what", what);
        self.findings.push(Finding::error("Z007", message).at(place));
    }

    fn host(&mut self, row: usize, cells: &[Cell<'_>]) -> Option<Host> {
        let start = cells.first().map_or(0..0, |c| c.place.span.clone());
        let start = Place { source: self.source, span: start };
        if cells.len() != self.headers.len() {
            let message = Message::new("document-ledger-width")
                .with("row", row)
                .with("found", cells.len())
                .with("want", self.headers.len());
            self.findings.push(Finding::error("Z007", message).at(&start));
            return None;
        }
        for (key, values) in &self.inventory.skip {
            if self.cell(cells, &key.value).is_some_and(|c| values.iter().any(|v| trim(v) == c.text)) {
                return None;
            }
        }
        let Some(name) = self.cell(cells, "name") else {
            self.fault(row, "name", &start, Message::new("document-ledger-blank"));
            return None;
        };
        let (mut sound, name) = (true, At::new(name.text.to_owned(), &name.place));
        let zone = self.zone(row, cells, &start);
        sound &= zone.is_some();
        let ip = self.several(row, cells, "ip", &mut sound, ip_fault);
        let mac = self.several(row, cells, "mac", &mut sound, mac_fault);
        let kind = self.cell(cells, "kind").map(|c| At::new(c.text.to_owned(), &c.place));
        if let Some(kind) = kind.as_ref().filter(|k| !KINDS.contains(&k.value.as_str())) {
            sound = false;
            let what =
                Message::new("document-ledger-kind").with("value", &kind.value).with("choices", KINDS.join(" | "));
            self.fault(row, "kind", &kind.place, what);
        }
        let valid_from = self.date(row, cells, "valid_from", &mut sound);
        let valid_until = self.date(row, cells, "valid_until", &mut sound);
        let via = self.cell(cells, "via").map(|c| At::new(c.text.to_owned(), &c.place));
        let labels = self
            .columns
            .iter()
            .filter(|(key, _)| !HOST_COLUMNS.contains(key))
            .filter_map(|(key, _)| Some(((*key).to_owned(), self.cell(cells, key)?.text.to_owned())))
            .collect();
        Some(Host { name, zone, ip, mac, via, kind, labels, valid_from, valid_until, sound })
    }

    /// A date; a spreadsheet's `2026/4/1` too.
    fn date(&mut self, row: usize, cells: &[Cell<'_>], key: &'static str, sound: &mut bool) -> Option<At<Moment>> {
        let cell = self.cell(cells, key)?;
        let (text, place) = (cell.text.to_owned(), cell.place.clone());
        let moment = Moment::parse(&text).or_else(|| Moment::parse(&dashed(&text)?));
        if moment.is_none() {
            *sound = false;
            self.fault(row, key, &place, Message::new("document-ledger-date").with("value", text));
        }
        moment.map(|moment| At::new(moment, &place))
    }

    fn zone(&mut self, row: usize, cells: &[Cell<'_>], start: &Place) -> Option<At<String>> {
        let Some(cell) = self.cell(cells, "zone") else {
            self.fault(row, "zone", start, Message::new("document-ledger-blank"));
            return None;
        };
        let Some(zones) = &self.zones else { return Some(At::new(cell.text.to_owned(), &cell.place)) };
        if let Some(zone) = zones.get(cell.text) {
            // The place is the row's: that the zone exists is asked once, where the ledger maps it.
            return Some(At::new(zone.value.clone(), &cell.place));
        }
        let what = Message::new("document-ledger-zone").with("value", cell.text);
        self.fault(row, "zone", &cell.place, what);
        None
    }

    /// The addresses in one cell, folded to half width.
    fn several(
        &mut self,
        row: usize,
        cells: &[Cell<'_>],
        key: &'static str,
        sound: &mut bool,
        fault: impl Fn(&str) -> Option<&'static str>,
    ) -> Vec<At<String>> {
        let Some(cell) = self.cell(cells, key) else { return Vec::new() };
        let folded = fold_width(cell.text);
        let mut values = Vec::new();
        for part in folded.split(separates).filter(|p| !p.is_empty()) {
            match fault(part) {
                None => values.push(At::new(part.to_owned(), &cell.place)),
                Some(message) => {
                    *sound = false;
                    self.fault(row, key, &cell.place, Message::new(message).with("value", part));
                }
            }
        }
        values
    }
}
