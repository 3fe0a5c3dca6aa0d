//! The tables, and which version of them a file holds.

use rusqlite::Connection;

/// Version of the schema, in the file's `user_version`.
pub(super) const VERSION: i64 = 1;
/// Marks the file as ours (`application_id`): "zflw".
const APPLICATION: i64 = 0x7a66_6c77;

/// Texts stand once and are named by number. Times are UTC nanoseconds,
/// addresses 4 or 16 bytes, MACs 48-bit numbers. No record is longer than
/// `RECORD_SPAN`, so that one index finds all that overlap a time. Numbers of
/// deleted rows are never given again.
const TABLES: &str = "
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE flows (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    offset_s INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    entry INTEGER,
    from_zone INTEGER,
    to_zone INTEGER,
    in_if INTEGER,
    out_if INTEGER,
    src_mac INTEGER,
    src BLOB,
    dst BLOB,
    proto INTEGER,
    sport INTEGER,
    dport INTEGER,
    tcp_flags INTEGER,
    icmp_type INTEGER,
    icmp_code INTEGER,
    length INTEGER,
    ttl INTEGER,
    src_host INTEGER,
    dst_host INTEGER,
    src_dept INTEGER,
    dst_dept INTEGER,
    nearest INTEGER,
    digest INTEGER NOT NULL,
    revision INTEGER,
    gateway INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    clock_synced INTEGER,
    header BLOB
) STRICT;
CREATE INDEX flows_first ON flows (first_ns);
CREATE INDEX flows_src ON flows (src, first_ns);
CREATE INDEX flows_dst ON flows (dst, first_ns);
CREATE TABLE gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    cause TEXT NOT NULL,
    packets INTEGER NOT NULL
) STRICT;
CREATE INDEX gaps_last ON gaps (last_ns);
-- The last moment at which the daemon was known to record.
CREATE TABLE alive (id INTEGER PRIMARY KEY CHECK (id = 1), at_ns INTEGER NOT NULL) STRICT;
";

/// What a file is.
pub(super) enum Found {
    /// A store that this version reads.
    Known,
    /// An empty database.
    Empty,
    /// A later version's.
    Newer(i64),
    /// Some other database.
    Foreign,
}

/// What the file behind a connection is.
pub(super) fn examine(connection: &Connection) -> rusqlite::Result<Found> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let (version, application) = (pragma("user_version")?, pragma("application_id")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, version) {
        (APPLICATION, VERSION) => Found::Known,
        (APPLICATION, newer) if newer > VERSION => Found::Newer(newer),
        (0, 0) if tables == 0 => Found::Empty,
        _ => Found::Foreign,
    })
}

/// Makes the tables in an empty database.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let mark = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};");
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} {mark} COMMIT;"))
}
