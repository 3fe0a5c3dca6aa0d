//! A record as a row, and back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use crate::flow::{Record, nanoseconds};
use crate::net::{IfName, MacAddr, Proto};
use crate::policy::{AllowReason, DenyReason, Verdict};

/// The columns, in the order in which rows are written and read.
pub(super) const COLUMNS: &str = "seq, first_ns, last_ns, offset_s, packets, bytes, reason, entry, from_zone, to_zone, \
     in_if, out_if, src_mac, src, dst, proto, sport, dport, tcp_flags, icmp_type, icmp_code, length, ttl, \
     src_host, dst_host, src_dept, dst_dept, nearest, digest, revision, gateway, boot, clock_synced, header";
/// How many they are.
const COLUMN_COUNT: usize = 34;

/// Numbers of texts, for the writer.
#[derive(Debug, Default)]
pub(super) struct Interned(HashMap<Arc<str>, i64>);

impl Interned {
    /// Texts remembered; a ledger has fewer names.
    const MOST: usize = 200_000;

    fn number(&mut self, connection: &Connection, text: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(number) = self.0.get(text) {
            return Ok(*number);
        }
        let found = connection
            .prepare_cached("SELECT id FROM texts WHERE text = ?1")?
            .query_row([text.as_ref()], |row| row.get(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None => {
                connection.prepare_cached("INSERT INTO texts (text) VALUES (?1)")?.execute([text.as_ref()])?;
                connection.last_insert_rowid()
            }
        };
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        self.0.insert(text.clone(), number);
        Ok(number)
    }

    fn maybe(&mut self, connection: &Connection, text: &Option<Arc<str>>) -> rusqlite::Result<Option<i64>> {
        text.as_ref().map(|t| self.number(connection, t)).transpose()
    }
}

/// The statement that [`write`] executes.
pub(super) fn insert(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    let marks: Vec<String> = (1..=COLUMN_COUNT).map(|n| format!("?{n}")).collect();
    connection.prepare_cached(&format!("INSERT INTO flows ({COLUMNS}) VALUES ({})", marks.join(", ")))
}

/// Writes one record by the statement of [`insert`].
pub(super) fn write(
    connection: &Connection,
    insert: &mut CachedStatement<'_>,
    texts: &mut Interned,
    record: &Record,
) -> rusqlite::Result<()> {
    let name = |name: &Option<IfName>| name.as_ref().map(|n| Arc::from(n.as_str()));
    let reason = texts.number(connection, &reason_text(record.verdict).into())?;
    insert.execute(params![
        signed(record.seq),
        nanoseconds(record.first_seen),
        nanoseconds(record.last_seen),
        record.offset.seconds(),
        signed(record.packets),
        signed(record.bytes),
        reason,
        texts.maybe(connection, &record.entry)?,
        texts.maybe(connection, &record.from_zone)?,
        texts.maybe(connection, &record.to_zone)?,
        texts.maybe(connection, &name(&record.in_if))?,
        texts.maybe(connection, &name(&record.out_if))?,
        record.src_mac.map(|m| signed(m.to_u64())),
        record.src.map(octets),
        record.dst.map(octets),
        record.proto.map(|p| p.0),
        record.sport,
        record.dport,
        record.tcp_flags,
        record.icmp_type,
        record.icmp_code,
        record.length,
        record.ttl,
        texts.maybe(connection, &record.src_host)?,
        texts.maybe(connection, &record.dst_host)?,
        texts.maybe(connection, &record.src_dept)?,
        texts.maybe(connection, &record.dst_dept)?,
        texts.maybe(connection, &record.nearest_entry)?,
        texts.number(connection, &record.policy_digest)?,
        record.revision.map(signed),
        texts.number(connection, &record.gateway)?,
        texts.number(connection, &record.boot_id)?,
        record.clock_synced,
        record.header,
    ])?;
    Ok(())
}

/// Texts by number, for a reader.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<i64, Arc<str>>);

impl Texts {
    fn text(&mut self, connection: &Connection, number: i64) -> rusqlite::Result<Arc<str>> {
        if let Some(text) = self.0.get(&number) {
            return Ok(text.clone());
        }
        let mut statement = connection.prepare_cached("SELECT text FROM texts WHERE id = ?1")?;
        let text: String = statement
            .query_row([number], |row| row.get(0))
            .optional()?
            .ok_or_else(|| unfit(0, Type::Integer, "a text that is not there"))?;
        let text: Arc<str> = text.into();
        self.0.insert(number, text.clone());
        Ok(text)
    }
}

/// Reads one record from a row of [`COLUMNS`].
pub(super) fn read(connection: &Connection, texts: &mut Texts, row: &Row<'_>) -> rusqlite::Result<Record> {
    let mut text = |column: usize| -> rusqlite::Result<Option<Arc<str>>> {
        row.get::<_, Option<i64>>(column)?.map(|n| texts.text(connection, n)).transpose()
    };
    let need = |column, found: Option<Arc<str>>| found.ok_or_else(|| unfit(column, Type::Null, "a text is missing"));
    let interface = |column, name: Option<Arc<str>>| {
        name.map(|n| n.parse::<IfName>().map_err(|_| unfit(column, Type::Text, "not an interface name"))).transpose()
    };
    let addr = |column| row.get::<_, Option<Vec<u8>>>(column)?.map(|o| address(column, &o)).transpose();
    let reason = need(6, text(6)?)?;
    Ok(Record {
        seq: unsigned(0, row.get(0)?)?,
        first_seen: moment(1, row.get(1)?)?,
        last_seen: moment(2, row.get(2)?)?,
        offset: Offset::from_seconds(row.get(3)?).map_err(|_| unfit(3, Type::Integer, "not an offset"))?,
        packets: unsigned(4, row.get(4)?)?,
        bytes: unsigned(5, row.get(5)?)?,
        verdict: verdict(&reason).ok_or_else(|| unfit(6, Type::Text, "not a reason"))?,
        entry: text(7)?,
        from_zone: text(8)?,
        to_zone: text(9)?,
        in_if: interface(10, text(10)?)?,
        out_if: interface(11, text(11)?)?,
        src_mac: row.get::<_, Option<i64>>(12)?.map(|n| unsigned(12, n)).transpose()?.map(MacAddr::from_u64),
        src: addr(13)?,
        dst: addr(14)?,
        proto: row.get::<_, Option<u8>>(15)?.map(Proto),
        sport: row.get(16)?,
        dport: row.get(17)?,
        tcp_flags: row.get(18)?,
        icmp_type: row.get(19)?,
        icmp_code: row.get(20)?,
        length: row.get(21)?,
        ttl: row.get(22)?,
        src_host: text(23)?,
        dst_host: text(24)?,
        src_dept: text(25)?,
        dst_dept: text(26)?,
        nearest_entry: text(27)?,
        policy_digest: need(28, text(28)?)?,
        revision: row.get::<_, Option<i64>>(29)?.map(|n| unsigned(29, n)).transpose()?,
        gateway: need(30, text(30)?)?,
        boot_id: need(31, text(31)?)?,
        clock_synced: row.get(32)?,
        header: row.get(33)?,
    })
}

/// How a verdict is stored: the reasons of both kinds have names of their own.
pub(super) fn reason_text(verdict: Verdict) -> &'static str {
    verdict.reason()
}

fn verdict(reason: &str) -> Option<Verdict> {
    let allowed = [AllowReason::Allowed, AllowReason::IntraZone, AllowReason::Management, AllowReason::Established];
    let denied = DenyReason::parse(reason).map(Verdict::Deny);
    denied.or_else(|| allowed.into_iter().find(|r| r.as_str() == reason).map(Verdict::Allow))
}

/// An address as 4 or 16 bytes.
pub(super) fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

fn address(column: usize, octets: &[u8]) -> rusqlite::Result<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .map_err(|_| unfit(column, Type::Blob, "not an address"))
}

/// A count as SQLite holds it; what is beyond its range stays at its end.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(column: usize, n: i64) -> rusqlite::Result<u64> {
    u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, n))
}

pub(super) fn moment(column: usize, ns: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_nanosecond(i128::from(ns)).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, ns))
}

fn unfit(column: usize, kind: Type, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, what.into())
}
