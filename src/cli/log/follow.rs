//! `zonectl log follow`: records and gaps as they are written.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::{Place, failed, show};
use crate::cli::{Context, Exit, Failure};
use crate::diag::Message;
use crate::flow::Record;
use crate::store::flows::{FILE, FlowReader, Query, StoreError};

/// How often the store is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Where reading stands in one file.
struct Position {
    reader: FlowReader,
    file: Option<(u64, u64)>,
    seq: u64,
    gap: u64,
}

/// Streams until nobody reads any more.
pub(super) fn run(query: &Query, place: &Place, context: &Context) -> Result<Exit, Failure> {
    let path = place.folder.join(FILE);
    let mut position = None;
    let mut first = true;
    loop {
        // A store that was set aside makes room for another file.
        if position.as_ref().is_some_and(|p: &Position| p.file != identity(&path)) {
            position = None;
        }
        if position.is_none() {
            position = open(query, place, context, &path, first)?;
            first = false;
        }
        if let Some(position) = &mut position
            && !position.print(query, place, context)?
        {
            return Ok(Exit::Done);
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|m| (m.dev(), m.ino()))
}

/// Opens the store; none while there is none yet, which is said once.
fn open(
    query: &Query,
    place: &Place,
    context: &Context,
    path: &Path,
    first: bool,
) -> Result<Option<Position>, Failure> {
    let file = identity(path);
    match FlowReader::open(&place.folder) {
        Ok(reader) => {
            // At first what is there is old, unless older records were asked for;
            // a file that came later is new from its beginning.
            let (seq, gap) = match query.since {
                None if first => reader.latest().map_err(|error| failed(&error))?,
                _ => (0, 0),
            };
            Ok(Some(Position { reader, file, seq, gap }))
        }
        Err(StoreError::Missing(path)) => {
            if first {
                context.note(&Message::new("log-follow-waits").with("path", path.display().to_string()));
            }
            Ok(None)
        }
        Err(error) => Err(failed(&error)),
    }
}

impl Position {
    /// Prints what is new; false once nobody reads any more.
    fn print(&mut self, query: &Query, place: &Place, context: &Context) -> Result<bool, Failure> {
        // Records that do not match are passed over once, not again and again.
        let (latest, _) = self.reader.latest().map_err(|error| failed(&error))?;
        loop {
            let records = self.reader.after(self.seq, query).map_err(|error| failed(&error))?;
            let Some(last) = records.last() else { break };
            self.seq = last.seq;
            let line = |record: &Record| match context.json() {
                true => format!("{}\n", record.to_json()),
                false => show::line(record),
            };
            if !context.print(&records.iter().map(line).collect::<String>())? {
                return Ok(false);
            }
        }
        self.seq = self.seq.max(latest);
        let mut text = String::new();
        for (id, gap) in self.reader.gaps_after(self.gap).map_err(|error| failed(&error))? {
            self.gap = id;
            if query.since.is_some_and(|since| gap.last < since) {
                continue;
            }
            let line = if context.json() {
                show::gap_json(&gap, &place.timezone).to_string()
            } else {
                context.words(&show::gap_words(&gap, &place.timezone))
            };
            text.push_str(&line);
            text.push('\n');
        }
        if text.is_empty() { Ok(true) } else { context.print(&text) }
    }
}
