//! What to look for, and how that is said to the database.

use ipnet::IpNet;
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::row::{octets, signed, unsigned};
use crate::flow::{RECORD_SPAN, nanoseconds};
use crate::net::{MacAddr, PortRange, Proto};
use crate::policy::DenyReason;

/// One condition on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Source zone, or `gateway`.
    From(String),
    /// Destination zone, or `gateway`.
    To(String),
    /// Source address within.
    Src(IpNet),
    /// Destination address within.
    Dst(IpNet),
    /// Source MAC.
    Mac(MacAddr),
    /// Name of either end.
    Host(String),
    /// Department of either end.
    Dept(String),
    /// Destination port within.
    Port(PortRange),
    /// Transport protocol.
    Proto(Proto),
    /// Reason.
    Reason(String),
    /// Deciding entry.
    Entry(String),
    /// True = allowed.
    Allowed(bool),
}

/// Which records: those that overlap `since .. until` and meet, of every kind
/// of term that is given, at least one, and none of `not`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The first moment of interest.
    pub since: Option<Timestamp>,
    /// The first moment that is not.
    pub until: Option<Timestamp>,
    /// Terms of one kind are alternatives; kinds must all hold.
    pub terms: Vec<Term>,
    /// What no record may be.
    pub not: Vec<Term>,
    /// At most so many records.
    pub limit: Option<u64>,
}

/// A condition in SQL and the values that it binds, in order.
#[derive(Debug, Default)]
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Condition {
    /// Adds what must hold too.
    pub(super) fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push_str(sql);
        self.values.extend(values);
    }
}

impl Query {
    /// The condition; never empty.
    pub(super) fn condition(&self) -> Condition {
        let mut all = Condition::default();
        all.and("1", []);
        if let Some(since) = self.since {
            let since = nanoseconds(since);
            // No record is longer than its span, so older ones need not be read.
            let reach = since.saturating_sub(i64::try_from(RECORD_SPAN.as_nanos()).unwrap_or(i64::MAX));
            all.and("first_ns >= ? AND last_ns >= ?", [reach.into(), since.into()]);
        }
        if let Some(until) = self.until {
            all.and("first_ns < ?", [nanoseconds(until).into()]);
        }
        let mut done = Vec::new();
        for term in &self.terms {
            let kind = std::mem::discriminant(term);
            if done.contains(&kind) {
                continue;
            }
            done.push(kind);
            let parts: Vec<Condition> =
                self.terms.iter().filter(|t| std::mem::discriminant(*t) == kind).map(Term::condition).collect();
            let sql: Vec<&str> = parts.iter().map(|p| p.sql.as_str()).collect();
            let sql = format!("({})", sql.join(" OR "));
            all.and(&sql, parts.into_iter().flat_map(|p| p.values));
        }
        for term in &self.not {
            let part = term.condition();
            // What is not known is not it.
            all.and(&format!("NOT coalesce({}, 0)", part.sql), part.values);
        }
        all
    }
}

/// A text's number; none for one that no record holds.
const NUMBER: &str = "(SELECT id FROM texts WHERE text = ?)";

impl Term {
    fn condition(&self) -> Condition {
        let text = |columns: &[&str], text: &str| {
            let parts: Vec<String> = columns.iter().map(|c| format!("coalesce({c} = {NUMBER}, 0)")).collect();
            let values = columns.iter().map(|_| Value::from(text.to_owned())).collect();
            Condition { sql: format!("({})", parts.join(" OR ")), values }
        };
        let equal = |column: &str, value: Value| Condition { sql: format!("({column} = ?)"), values: vec![value] };
        let within = |column: &str, net: &IpNet| {
            let (first, last) = (octets(net.network()), octets(net.broadcast()));
            let length = signed(first.len() as u64);
            let sql = format!("({column} BETWEEN ? AND ? AND length({column}) = ?)");
            Condition { sql, values: vec![first.into(), last.into(), length.into()] }
        };
        match self {
            Self::From(zone) => text(&["from_zone"], zone),
            Self::To(zone) => text(&["to_zone"], zone),
            Self::Src(net) => within("src", net),
            Self::Dst(net) => within("dst", net),
            Self::Mac(mac) => equal("src_mac", signed(mac.to_u64()).into()),
            Self::Host(name) => text(&["src_host", "dst_host"], name),
            Self::Dept(name) => text(&["src_dept", "dst_dept"], name),
            Self::Port(range) => Condition {
                sql: "(dport BETWEEN ? AND ?)".into(),
                values: vec![i64::from(range.first()).into(), i64::from(range.last()).into()],
            },
            Self::Proto(proto) => equal("proto", i64::from(proto.0).into()),
            Self::Reason(reason) => text(&["reason"], reason),
            Self::Entry(id) => text(&["entry"], id),
            Self::Allowed(allowed) => {
                let marks = DenyReason::ALL.map(|_| "?").join(", ");
                let not = if *allowed { "NOT " } else { "" };
                let sql = format!("(reason {not}IN (SELECT id FROM texts WHERE text IN ({marks})))");
                Condition { sql, values: DenyReason::ALL.map(|r| Value::from(r.as_str().to_owned())).to_vec() }
            }
        }
    }
}

/// The highest number that a row of the table ever had; 0 = none yet.
pub(super) fn highest(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
    unsigned(0, connection.query_row(sql, [table], |row| row.get(0))?)
}
