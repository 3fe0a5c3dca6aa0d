//! Readers: `zonectl`, beside a daemon that writes or on a copy.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::FILE;
use super::error::StoreError;
use super::query::{Condition, Query, highest};
use super::row::{self, Texts, moment, signed, unsigned};
use super::schema::{self, Found};
use crate::flow::{Gap, GapCause, Record, nanoseconds};

/// How long a writer's checkpoint may hold up a reader.
const PATIENCE: Duration = Duration::from_secs(5);

/// Records read at once.
const PORTION: u64 = 2_000;

/// The store, open for reading.
#[derive(Debug)]
pub struct FlowReader {
    path: PathBuf,
    connection: Connection,
    texts: Texts,
}

impl FlowReader {
    /// Opens the store in `folder`, or the file that it names.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = if folder.is_file() { folder.to_owned() } else { folder.join(FILE) };
        match path.metadata() {
            Ok(found) if found.len() > 0 => {}
            Ok(_) => return Err(StoreError::Missing(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(StoreError::Missing(path)),
            Err(error) => return Err(StoreError::Failed { path, detail: error.to_string() }),
        }
        let (connection, found) = connect(&path).map_err(|error| StoreError::new(&path, error))?;
        match found {
            Found::Known => Ok(Self { path, connection, texts: Texts::default() }),
            // The daemon is just making it.
            Found::Empty => Err(StoreError::Missing(path)),
            Found::Newer(found) => Err(StoreError::Newer { path, found, known: schema::VERSION }),
            Found::Foreign => Err(StoreError::Damaged { path, detail: "not a flow store".into() }),
        }
    }

    /// The store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands every matching record to `each`, the newest first, until it breaks
    /// or the query's limit is reached. Read in portions, so that neither memory
    /// nor the writer's journal grows while somebody reads slowly.
    ///
    /// # Errors
    /// As the database says; what was handed out before stays true.
    pub fn query(&mut self, query: &Query, mut each: impl FnMut(Record) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut left = query.limit.unwrap_or(u64::MAX);
        let mut last: Option<(i64, i64)> = None;
        while left > 0 {
            let mut condition = query.condition();
            if let Some((first_ns, seq)) = last {
                condition.and("(first_ns, seq) < (?, ?)", [first_ns.into(), seq.into()]);
            }
            let most = left.min(PORTION);
            let records = self.portion(condition, "first_ns DESC, seq DESC", most)?;
            let Some(end) = records.last() else { break };
            last = Some((nanoseconds(end.first_seen), signed(end.seq)));
            let count = records.len() as u64;
            left -= count;
            if records.into_iter().any(|record| each(record).is_break()) || count < most {
                break;
            }
        }
        Ok(())
    }

    /// Matching records with a higher number than `seq`, in their order, and at
    /// most so many at once that the caller should ask again if there are any.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn after(&mut self, seq: u64, query: &Query) -> Result<Vec<Record>, StoreError> {
        let mut condition = query.condition();
        condition.and("seq > ?", [signed(seq).into()]);
        self.portion(condition, "seq", PORTION)
    }

    fn portion(&mut self, mut condition: Condition, order: &str, most: u64) -> Result<Vec<Record>, StoreError> {
        let failed = |error| StoreError::new(&self.path, error);
        let columns = row::COLUMNS;
        let sql = format!("SELECT {columns} FROM flows WHERE {} ORDER BY {order} LIMIT ?", condition.sql);
        condition.values.push(signed(most).into());
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(condition.values)).map_err(failed)?;
        let mut records = Vec::new();
        while let Some(found) = rows.next().map_err(failed)? {
            records.push(row::read(&self.connection, &mut self.texts, found).map_err(failed)?);
        }
        Ok(records)
    }

    /// Gaps that overlap `since .. until`, in the order of their beginning.
    ///
    /// # Errors
    /// As the database says.
    pub fn gaps(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Result<Vec<Gap>, StoreError> {
        let since = since.map_or(i64::MIN, nanoseconds);
        let until = until.map_or(i64::MAX, nanoseconds);
        let list = || self.list_gaps("last_ns >= ?1 AND first_ns < ?2 ORDER BY first_ns, id", [since, until]);
        list().map(|gaps| gaps.into_iter().map(|(_, gap)| gap).collect()).map_err(|e| StoreError::new(&self.path, e))
    }

    /// Gaps with a higher number than `id`, with their numbers.
    ///
    /// # Errors
    /// As the database says.
    pub fn gaps_after(&self, id: u64) -> Result<Vec<(u64, Gap)>, StoreError> {
        let list = self.list_gaps("id > ?1 AND ?2 = 0 ORDER BY id", [signed(id), 0]);
        list.map_err(|error| StoreError::new(&self.path, error))
    }

    fn list_gaps(&self, condition: &str, values: [i64; 2]) -> rusqlite::Result<Vec<(u64, Gap)>> {
        let sql = format!("SELECT id, first_ns, last_ns, cause, packets FROM gaps WHERE {condition}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(values, |row| {
            let cause: String = row.get(3)?;
            let cause = GapCause::parse(&cause).ok_or_else(|| {
                rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, "not a cause".into())
            })?;
            let (first, last) = (moment(1, row.get(1)?)?, moment(2, row.get(2)?)?);
            Ok((unsigned(0, row.get(0)?)?, Gap { first, last, cause, packets: unsigned(4, row.get(4)?)? }))
        })?;
        rows.collect()
    }

    /// The highest numbers of a record and of a gap so far; 0 = none.
    ///
    /// # Errors
    /// As the database says.
    pub fn latest(&self) -> Result<(u64, u64), StoreError> {
        let failed = |error| StoreError::new(&self.path, error);
        let seq = highest(&self.connection, "flows").map_err(failed)?;
        Ok((seq, highest(&self.connection, "gaps").map_err(failed)?))
    }
}

/// Connects for reading. Where the folder may not be written and no writer is
/// at work, the file is read as it stands.
fn connect(path: &Path) -> rusqlite::Result<(Connection, Found)> {
    match attempt(path, false) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen) && !has_journal(path) => {
            attempt(path, true)
        }
        other => other,
    }
}

fn attempt(path: &Path, as_it_stands: bool) -> rusqlite::Result<(Connection, Found)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if as_it_stands {
        Connection::open_with_flags(uri(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    connection.busy_timeout(PATIENCE)?;
    let found = schema::examine(&connection)?;
    Ok((connection, found))
}

/// True if records may stand in a write-ahead log beside the file.
fn has_journal(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    Path::new(&name).metadata().is_ok_and(|m| m.len() > 0)
}

fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
