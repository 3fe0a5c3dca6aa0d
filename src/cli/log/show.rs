//! Records as text, JSON or CSV.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::cli::context::local_time;
use crate::cli::{Context, Failure, Format, Table};
use crate::diag::Message;
use crate::flow::{Gap, Record, rfc3339};

/// Records in one table of the text form; beyond it the headings come again.
const PAGE: usize = 500;
/// Bytes gathered before they are printed.
const CHUNK: usize = 64 * 1024;
/// Columns of the text form; their headings are `log-column-…`.
const COLUMNS: [&str; 10] = [
    "log-column-time",
    "log-column-reason",
    "log-column-from",
    "log-column-to",
    "log-column-src",
    "log-column-dst",
    "log-column-service",
    "log-column-packets",
    "log-column-dept",
    "log-column-entry",
];

/// Prints records as they come, a page or a chunk at a time.
pub(super) struct Lines<'c> {
    context: &'c Context,
    table: Option<Table>,
    rows: usize,
    text: String,
    any: bool,
}

impl<'c> Lines<'c> {
    pub(super) fn new(context: &'c Context) -> Self {
        let text = if context.format == Format::Csv { csv_line(Record::KEYS.map(Into::into)) } else { String::new() };
        Self { context, table: None, rows: 0, text, any: false }
    }

    /// Takes the next record; false once nobody reads any more.
    pub(super) fn add(&mut self, record: &Record) -> Result<bool, Failure> {
        self.any = true;
        match self.context.format {
            Format::Json => self.text.push_str(&format!("{}\n", record.to_json())),
            Format::Csv => self.text.push_str(&csv_line(record.values().map(cell))),
            _ => {
                let context = self.context;
                let heads = || Table::new(COLUMNS.map(|key| context.word(key)));
                self.table.get_or_insert_with(heads).row(cells(record));
                self.rows += 1;
                if self.rows < PAGE {
                    return Ok(true);
                }
                self.turn();
            }
        }
        if self.text.len() < CHUNK { Ok(true) } else { self.print() }
    }

    fn turn(&mut self) {
        self.rows = 0;
        if let Some(mut table) = self.table.take() {
            self.text.push_str(&table.render());
        }
    }

    fn print(&mut self) -> Result<bool, Failure> {
        self.context.print(&std::mem::take(&mut self.text))
    }

    /// Prints what is left; says so if there was nothing.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if !self.any && self.context.format == Format::Text {
            self.text = format!("{}\n", self.context.word("log-none"));
        }
        self.turn();
        self.print().map(|_| ())
    }
}

fn text_of(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| v.to_string())
}

/// An address and who it is: by name, else by MAC.
fn who(addr: Option<impl ToString>, name: Option<impl ToString>) -> String {
    match name {
        Some(name) => format!("{} ({})", text_of(addr), name.to_string()),
        None => text_of(addr),
    }
}

/// `tcp/443`, `icmp/8`, `esp`.
fn service(record: &Record) -> String {
    let number = record.dport.or(record.icmp_type.map(u16::from));
    match (record.proto, number) {
        (Some(proto), Some(number)) => format!("{proto}/{number}"),
        (proto, _) => text_of(proto),
    }
}

/// The cells of a record under [`COLUMNS`].
pub(super) fn cells(record: &Record) -> [String; 10] {
    let time = local_time(record.first_seen, &TimeZone::fixed(record.offset));
    let source = record.src_host.as_ref().map(ToString::to_string);
    [
        time,
        record.verdict.reason().to_owned(),
        text_of(record.from_zone.as_ref()),
        text_of(record.to_zone.as_ref()),
        who(record.src, source.or_else(|| record.src_mac.map(|m| m.to_string()))),
        who(record.dst, record.dst_host.as_ref()),
        service(record),
        record.packets.to_string(),
        text_of(record.dept()),
        match (&record.entry, &record.nearest_entry) {
            (Some(entry), _) => entry.to_string(),
            (None, Some(near)) => format!("({near})"),
            (None, None) => "-".to_owned(),
        },
    ]
}

/// A value as a CSV cell; null is empty.
fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// One line of RFC 4180.
fn csv_line(cells: [String; Record::KEYS.len()]) -> String {
    let quoted = cells.map(|cell| {
        let special = cell.contains([',', '"', '\r', '\n']);
        if special { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    });
    quoted.join(",") + "\r\n"
}

/// A gap in words.
pub(super) fn gap_words(gap: &Gap, timezone: &TimeZone) -> Message {
    let cause = match gap.cause.as_str() {
        "sequence" => "log-gap-sequence",
        "overrun" => "log-gap-overrun",
        "unreadable" => "log-gap-unreadable",
        "foreign" => "log-gap-foreign",
        "overflow" => "log-gap-overflow",
        "store" => "log-gap-store",
        "unread" => "log-gap-unread",
        "stopped" => "log-gap-stopped",
        "damaged" => "log-gap-damaged",
        _ => "log-gap-retention",
    };
    let key = if gap.packets == 0 { "log-gap-unknown" } else { "log-gap" };
    Message::new(key)
        .with("first", local_time(gap.first, timezone))
        .with("last", local_time(gap.last, timezone))
        .with("packets", gap.packets.to_string())
        .with("cause", Message::new(cause))
}

/// A gap as one object a line.
pub(super) fn gap_json(gap: &Gap, timezone: &TimeZone) -> Value {
    let moment = |at| rfc3339(at, timezone.to_offset(at));
    let packets = (gap.packets > 0).then_some(gap.packets);
    json!({ "gap": { "cause": gap.cause.as_str(), "first": moment(gap.first), "last": moment(gap.last), "packets": packets } })
}

/// One record as one line of text.
pub(super) fn line(record: &Record) -> String {
    cells(record).join("  ") + "\n"
}
