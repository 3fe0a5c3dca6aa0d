//! The writer: the daemon's only.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use rustix::fs::FlockOperation;

use super::error::StoreError;
use super::row::{self, Interned, moment, signed, unsigned};
use super::schema::{self, Found};
use super::{FILE, query};
use crate::flow::{Changes, FlowSink, Gap, GapCause, nanoseconds};

/// How long a reader may hold up a write.
const PATIENCE: Duration = Duration::from_secs(5);
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;
/// Held locked while a writer has the store open.
const LOCK: &str = "flows.lock";

/// The store, open for writing.
#[derive(Debug)]
pub struct FlowStore {
    path: PathBuf,
    connection: Connection,
    texts: Interned,
    /// Keeps other writers out for as long as it is open.
    _lock: File,
}

impl FlowStore {
    /// Opens the store in `folder`, making both where there is none.
    ///
    /// # Errors
    /// See [`StoreError`]; never [`StoreError::Missing`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let failed = |error: io::Error| StoreError::Failed { path: path.clone(), detail: error.to_string() };
        if !folder.is_dir() {
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(failed)?;
            fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE)).map_err(failed)?;
        }
        let lock = create(&folder.join(LOCK)).map_err(failed)?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(StoreError::Locked(path));
        }
        create(&path).map_err(failed)?;
        let connection = prepare(&path).map_err(|error| StoreError::new(&path, error))?;
        match schema::examine(&connection).map_err(|error| StoreError::new(&path, error))? {
            Found::Known => {}
            Found::Empty => schema::create(&connection).map_err(|error| StoreError::new(&path, error))?,
            Found::Newer(found) => return Err(StoreError::Newer { path, found, known: schema::VERSION }),
            Found::Foreign => return Err(StoreError::Damaged { path, detail: "not a flow store".into() }),
        }
        Ok(Self { path, connection, texts: Interned::default(), _lock: lock })
    }

    /// The store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the daemon was last known to record.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_alive(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self
            .connection
            .query_row("SELECT at_ns FROM alive", [], |row| row.get(0))
            .optional()
            .map_err(|error| StoreError::new(&self.path, error))?;
        at.map(|ns| moment(0, ns)).transpose().map_err(|error| StoreError::new(&self.path, error))
    }

    /// Notes that the daemon records at `at`.
    ///
    /// # Errors
    /// As the database says.
    pub fn set_alive(&mut self, at: Timestamp) -> Result<(), StoreError> {
        alive(&self.connection, at).map_err(|error| StoreError::new(&self.path, error))
    }

    /// Deletes records that ended before `before`, at most `most` of them, and
    /// records how much; gives how many records went.
    ///
    /// # Errors
    /// As the database says; then nothing is deleted.
    pub fn retain(&mut self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let path = self.path.clone();
        self.retain_in_one(before, most).map_err(|error| StoreError::new(&path, error))
    }

    fn retain_in_one(&mut self, before: Timestamp, most: usize) -> rusqlite::Result<usize> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = nanoseconds(before);
        // A record is short, so the index on its beginning finds all that ended before.
        let old = "SELECT seq FROM flows WHERE first_ns < ?1 AND last_ns < ?1 ORDER BY first_ns LIMIT ?2";
        let most = signed(most as u64);
        let sums =
            format!("SELECT count(*), sum(packets), min(first_ns), max(last_ns) FROM flows WHERE seq IN ({old})");
        let (count, packets, first, last) = transaction.query_row(&sums, params![before, most], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, Option<i64>>(1)?, row.get(2)?, row.get(3)?))
        })?;
        if let (Some(packets), Some(first), Some(last)) = (packets, first, last) {
            transaction.execute(&format!("DELETE FROM flows WHERE seq IN ({old})"), params![before, most])?;
            // One gap grows: what lies before it is gone.
            let gap = Gap {
                first: moment(2, first)?,
                last: moment(3, last)?,
                cause: GapCause::Retention,
                packets: unsigned(1, packets)?,
            };
            let grown = transaction.execute(
                "UPDATE gaps SET first_ns = min(first_ns, ?1), last_ns = max(last_ns, ?2), packets = packets + ?3 \
                 WHERE cause = ?4",
                params![first, last, packets, GapCause::Retention.as_str()],
            )?;
            if grown == 0 {
                insert_gap(&transaction, &gap)?;
            }
        }
        transaction.execute(
            "DELETE FROM gaps WHERE last_ns < ?1 AND cause <> ?2",
            params![before, GapCause::Retention.as_str()],
        )?;
        transaction.commit()?;
        Ok(count as usize)
    }

    fn write_in_one(&mut self, changes: &Changes) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = row::insert(&transaction)?;
            for record in &changes.opened {
                row::write(&transaction, &mut insert, &mut self.texts, record)?;
            }
            let mut update =
                transaction.prepare_cached("UPDATE flows SET packets = ?2, bytes = ?3, last_ns = ?4 WHERE seq = ?1")?;
            for total in &changes.totals {
                let last = nanoseconds(total.last_seen);
                let found =
                    update.execute(params![signed(total.seq), signed(total.packets), signed(total.bytes), last])?;
                if found == 0 {
                    // The record is gone (the file was exchanged): what it grew by would vanish.
                    let (at, packets) = (total.last_seen, total.added);
                    insert_gap(&transaction, &Gap { first: at, last: at, cause: GapCause::Store, packets })?;
                }
            }
            for gap in &changes.gaps {
                insert_gap(&transaction, gap)?;
            }
            alive(&transaction, Timestamp::now())?;
        }
        transaction.commit()
    }
}

impl FlowSink for FlowStore {
    type Error = StoreError;

    fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let written = self.write_in_one(changes);
        written.map_err(|error| {
            // Numbers given in the transaction are undone with it.
            self.texts = Interned::default();
            StoreError::new(&self.path, error)
        })
    }

    fn next_seq(&mut self) -> Result<u64, StoreError> {
        query::highest(&self.connection, "flows")
            .map(|highest| highest + 1)
            .map_err(|error| StoreError::new(&self.path, error))
    }
}

fn insert_gap(connection: &Connection, gap: &Gap) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO gaps (first_ns, last_ns, cause, packets) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![nanoseconds(gap.first), nanoseconds(gap.last), gap.cause.as_str(), signed(gap.packets)])?;
    Ok(())
}

fn alive(connection: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO alive (id, at_ns) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET at_ns = ?1")?
        .execute([nanoseconds(at)])?;
    Ok(())
}

/// Opens a file, making it with our mode where there is none.
fn create(path: &Path) -> io::Result<File> {
    match OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(FILE_MODE))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path)
        }
        Err(error) => Err(error),
    }
}

/// A connection whose commits survive a power cut, readable while it writes.
fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    Ok(connection)
}

/// Renames a damaged store's files out of the way; gives the new name. What
/// can be saved of it is left to a person.
///
/// # Errors
/// As the file system says.
pub fn set_aside(folder: &Path, at: Timestamp) -> io::Result<PathBuf> {
    let stamp = at.strftime("%Y%m%dT%H%M%S%6fZ");
    let aside = folder.join(format!("{FILE}.damaged-{stamp}"));
    fs::rename(folder.join(FILE), &aside)?;
    for tail in ["-wal", "-shm"] {
        let old = folder.join(format!("{FILE}{tail}"));
        if old.exists() {
            fs::rename(old, folder.join(format!("{FILE}.damaged-{stamp}{tail}")))?;
        }
    }
    Ok(aside)
}
