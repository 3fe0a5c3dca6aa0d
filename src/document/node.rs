//! The TOML tree with places, in reading order.
//!
//! Takes the parser's tree (sorted by key, borrowed), gives an owned one in the
//! order of the file, so that everything after it can show where a value stands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::moment::{Moment, parse_clock};
use crate::diag::{Place, SourceId};

/// A value and where it stands. Equality is of the value alone.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The value as written.
    pub value: T,
    /// Its place.
    pub place: Place,
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> At<T> {
    /// A value at a place.
    pub fn new(value: T, place: &Place) -> Self {
        Self { value, place: place.clone() }
    }
}

/// One TOML value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer of 64 bits; none where it is larger.
    Integer(Option<i64>),
    /// A float, which no key takes.
    Float,
    /// A truth value.
    Bool(bool),
    /// A date, time or both.
    Time(Datetime),
    /// An array, or an array of tables.
    List(Vec<Node>),
    /// A table, with header or inline.
    Table(Table),
}

/// A value and its place: for a table with a header the header, for one without
/// the key.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place.
    pub place: Place,
}

/// Keys and values in reading order; no key stands twice.
#[derive(Debug, Clone, Default)]
pub struct Table(pub Vec<(At<String>, Node)>);

impl Table {
    /// The tree of one parsed file.
    pub fn from_toml(source: SourceId, table: &DeTable<'_>) -> Self {
        let place = |span: std::ops::Range<usize>| Place { source, span };
        let mut entries: Vec<(At<String>, Node)> = table
            .iter()
            .map(|(key, value)| {
                let key_place = place(key.span());
                let node = Node::from_toml(source, value, &key_place);
                (At { value: key.get_ref().to_string(), place: key_place }, node)
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.place.span.start);
        Self(entries)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|(k, _)| k.value == key).map(|(_, node)| node)
    }

    /// A string, if the key holds one.
    pub fn text(&self, key: &str) -> Option<At<String>> {
        self.get(key)?.text()
    }

    /// A string or a list of strings; what is neither is left out.
    pub fn texts(&self, key: &str) -> Option<Vec<At<String>>> {
        Some(self.get(key)?.texts())
    }

    /// A truth value.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)?.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// An integer.
    pub fn integer(&self, key: &str) -> Option<At<i64>> {
        let node = self.get(key)?;
        match node.value {
            Value::Integer(value) => Some(At::new(value?, &node.place)),
            _ => None,
        }
    }

    /// A date or date with time, written as such or as a string.
    pub fn moment(&self, key: &str) -> Option<At<Moment>> {
        let node = self.get(key)?;
        Some(At::new(node.moment()?, &node.place))
    }

    /// A time of day, written as such or as a string: seconds since midnight.
    pub fn clock(&self, key: &str) -> Option<At<u32>> {
        let node = self.get(key)?;
        Some(At::new(node.clock()?, &node.place))
    }

    /// A table.
    pub fn table(&self, key: &str) -> Option<&Table> {
        self.get(key)?.table()
    }

    /// The one table, or as [`Self::rows`].
    pub fn table_or_rows(&self, key: &str) -> impl Iterator<Item = (&Place, &Table)> {
        let one = self.get(key).and_then(|n| Some((&n.place, n.table()?)));
        one.into_iter().chain(self.rows(key))
    }

    /// The tables of an array of tables, each with its place.
    pub fn rows(&self, key: &str) -> impl Iterator<Item = (&Place, &Table)> {
        let nodes = match self.get(key).map(|n| &n.value) {
            Some(Value::List(nodes)) => nodes.as_slice(),
            _ => &[],
        };
        nodes.iter().filter_map(|n| Some((&n.place, n.table()?)))
    }

    /// The named tables of a table of tables.
    pub fn named(&self, key: &str) -> impl Iterator<Item = (&At<String>, &Table)> {
        let entries = self.table(key).map_or(&[] as &[_], |t| t.0.as_slice());
        entries.iter().filter_map(|(name, node)| Some((name, node.table()?)))
    }
}

impl Node {
    fn from_toml(source: SourceId, value: &Spanned<DeValue<'_>>, key: &Place) -> Self {
        let span = value.span();
        // Tables made only by dotted keys or sub-headers have no span of their own.
        let place = if span.is_empty() { key.clone() } else { Place { source, span } };
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(n) => Value::Integer(i64::from_str_radix(n.as_str(), n.radix()).ok()),
            DeValue::Float(_) => Value::Float,
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(time) => Value::Time(*time),
            DeValue::Array(items) => Value::List(items.iter().map(|i| Self::from_toml(source, i, &place)).collect()),
            DeValue::Table(table) => Value::Table(Table::from_toml(source, table)),
        };
        Self { value, place }
    }

    /// The string, if it is one.
    pub fn text(&self) -> Option<At<String>> {
        match &self.value {
            Value::Text(text) => Some(At::new(text.clone(), &self.place)),
            _ => None,
        }
    }

    /// The string, or the strings of the list.
    pub fn texts(&self) -> Vec<At<String>> {
        match &self.value {
            Value::List(nodes) => nodes.iter().filter_map(Self::text).collect(),
            _ => self.text().into_iter().collect(),
        }
    }

    /// The moment, if it is one.
    pub fn moment(&self) -> Option<Moment> {
        match &self.value {
            Value::Time(time) => Moment::from_toml(time),
            Value::Text(text) => Moment::parse(text),
            _ => None,
        }
    }

    /// The time of day, if it is one: seconds since midnight.
    pub fn clock(&self) -> Option<u32> {
        match &self.value {
            Value::Time(time) if time.date.is_none() && time.offset.is_none() => parse_clock(&time.time?.to_string()),
            Value::Text(text) => parse_clock(text),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}
