//! Compares one file's tree with its shape: keys, kinds of values, enumerations.

use super::node::{At, Node, Table, Value};
use super::shape::{Choice, Key, Shape, Support};
use super::suggest::Suggester;
use crate::diag::{Finding, Findings, Message, Place};

/// Adds a finding for everything in `table` that its keys do not allow. At the
/// top level required keys are left to the caller: another file may hold them.
pub fn validate(table: &Table, keys: &'static [Key], top: bool, findings: &mut Findings) {
    let mut pass = Pass { findings, suggester: Suggester::default() };
    pass.table(table, keys, if top { None } else { table.0.first().map(|(k, _)| &k.place) });
}

/// A finding for every required key that `table` lacks.
pub fn missing(table: &Table, keys: &'static [Key], place: &Place, findings: &mut Findings) {
    for key in keys.iter().filter(|k| k.required && table.get(k.name).is_none()) {
        let message = Message::new("document-missing-key").with("key", key.name);
        findings.push(Finding::error("Z008", message).at(place).subject(key.name).hint(Message::new(key.doc)));
    }
}

struct Pass<'a> {
    findings: &'a mut Findings,
    suggester: Suggester,
}

impl Pass<'_> {
    fn table(&mut self, table: &Table, keys: &'static [Key], place: Option<&Place>) {
        for (name, node) in &table.0 {
            match keys.iter().find(|k| k.name == name.value) {
                Some(key) => self.key(key, name, node),
                None => self.unknown(name, keys),
            }
        }
        if let Some(place) = place {
            missing(table, keys, place, self.findings);
        }
    }

    fn unknown(&mut self, name: &At<String>, keys: &'static [Key]) {
        let message = Message::new("document-unknown-key").with("key", &name.value);
        let mut finding = Finding::error("Z002", message).at(&name.place).subject(&name.value);
        if let Some(near) = self.suggester.nearest(&name.value, keys.iter().map(|k| k.name)) {
            finding = finding.hint(Message::new("document-did-you-mean").with("name", near));
        }
        self.findings.push(finding);
    }

    fn key(&mut self, key: &'static Key, name: &At<String>, node: &Node) {
        match key.support {
            Support::Built => self.node(node, &key.shape, &name.place, key.name),
            Support::Later => self.later(key.name, &name.place),
        }
    }

    fn later(&mut self, what: &str, place: &Place) {
        let message = Message::new("document-not-supported").with("what", what);
        self.findings.push(Finding::error("Z012", message).at(place).subject(what));
    }

    fn wrong(&mut self, node: &Node, want: &'static str, key: &str) {
        let found = Message::new(match node.value {
            Value::Text(_) => "document-found-text",
            Value::Integer(_) => "document-found-integer",
            Value::Float => "document-found-float",
            Value::Bool(_) => "document-found-bool",
            Value::Time(_) => "document-found-time",
            Value::List(_) => "document-found-list",
            Value::Table(_) => "document-found-table",
        });
        let message =
            Message::new("document-wrong-value").with("key", key).with("want", Message::new(want)).with("found", found);
        self.findings.push(Finding::error("Z005", message).at(&node.place).subject(key));
    }

    /// `header` is the place for what the node as a whole lacks.
    fn node(&mut self, node: &Node, shape: &'static Shape, header: &Place, key: &str) {
        match (shape, &node.value) {
            (Shape::Unread, _) | (Shape::Text, Value::Text(_)) | (Shape::Bool, Value::Bool(_)) => {}
            (Shape::Text, _) => self.wrong(node, "document-want-text", key),
            (Shape::Bool, _) => self.wrong(node, "document-want-bool", key),
            (Shape::Integer(low, high), Value::Integer(number)) => {
                if !number.is_some_and(|n| (*low..=*high).contains(&n)) {
                    let name = if low == high { "document-only-number" } else { "document-out-of-range" };
                    let message = Message::new(name).with("key", key).with("low", *low).with("high", *high);
                    self.findings.push(Finding::error("Z005", message).at(&node.place).subject(key));
                }
            }
            (Shape::Integer(..), _) => self.wrong(node, "document-want-integer", key),
            (Shape::Choice(choices), Value::Text(text)) => self.choice(node, choices, text, key),
            (Shape::Choice(_), _) => self.wrong(node, "document-want-text", key),
            (Shape::Moment, Value::Text(_) | Value::Time(_)) if node.moment().is_none() => {
                self.misread(node, key, "document-bad-moment", "document-moment-hint");
            }
            (Shape::Clock, Value::Text(_) | Value::Time(_)) if node.clock().is_none() => {
                self.misread(node, key, "document-bad-clock", "document-clock-hint");
            }
            (Shape::Moment | Shape::Clock, Value::Text(_) | Value::Time(_)) => {}
            (Shape::Moment, _) => self.wrong(node, "document-want-moment", key),
            (Shape::Clock, _) => self.wrong(node, "document-want-clock", key),
            (Shape::Texts(some), _) => self.texts(node, *some, key),
            (Shape::Table(keys), Value::Table(table)) => self.table(table, keys, Some(header_of(node, header))),
            (Shape::Names(inner), Value::Table(table)) => {
                for (name, node) in &table.0 {
                    self.node(node, inner, &name.place, &name.value);
                }
            }
            (Shape::Table(_) | Shape::Names(_), _) => self.wrong(node, "document-want-table", key),
            (Shape::Rows(keys), Value::List(rows)) => self.rows(rows, keys, key),
            (Shape::Rows(_), _) => self.wrong(node, "document-want-rows", key),
            (Shape::TableOrRows(keys), Value::Table(table)) => self.table(table, keys, Some(&node.place)),
            (Shape::TableOrRows(keys), Value::List(rows)) => {
                if rows.is_empty() {
                    self.empty(node, key);
                }
                self.rows(rows, keys, key);
            }
            (Shape::TableOrRows(_), _) => self.wrong(node, "document-want-table-or-rows", key),
            (Shape::TextOrTable(_), Value::Text(_)) => {}
            (Shape::TextOrTable(keys), Value::Table(table)) => self.table(table, keys, Some(&node.place)),
            (Shape::TextOrTable(_), _) => self.wrong(node, "document-want-text-or-table", key),
        }
    }

    fn misread(&mut self, node: &Node, key: &str, what: &'static str, hint: &'static str) {
        let finding = Finding::error("Z005", Message::new(what).with("key", key)).at(&node.place).subject(key);
        self.findings.push(finding.hint(Message::new(hint)));
    }

    fn choice(&mut self, node: &Node, choices: &'static [Choice], text: &str, key: &str) {
        match choices.iter().find(|c| c.text == text) {
            Some(choice) if choice.built => {}
            Some(choice) => self.later(&format!("{key} = \"{}\"", choice.text), &node.place),
            None => {
                let all: Vec<&str> = choices.iter().map(|c| c.text).collect();
                let message = Message::new("document-not-a-choice")
                    .with("key", key)
                    .with("value", text)
                    .with("choices", all.join(" | "));
                let mut finding = Finding::error("Z005", message).at(&node.place).subject(key);
                if let Some(near) = self.suggester.nearest(text, all.iter().copied()) {
                    finding = finding.hint(Message::new("document-did-you-mean").with("name", near));
                }
                self.findings.push(finding);
            }
        }
    }

    fn rows(&mut self, rows: &[Node], keys: &'static [Key], key: &str) {
        for row in rows {
            match row.table() {
                Some(table) => self.table(table, keys, Some(&row.place)),
                None => self.wrong(row, "document-want-table", key),
            }
        }
    }

    fn empty(&mut self, node: &Node, key: &str) {
        let message = Message::new("document-empty-list").with("key", key);
        self.findings.push(Finding::error("Z005", message).at(&node.place).subject(key));
    }

    fn texts(&mut self, node: &Node, some: bool, key: &str) {
        match &node.value {
            Value::Text(_) => {}
            Value::List(items) => {
                if some && items.is_empty() {
                    self.empty(node, key);
                }
                for item in items.iter().filter(|i| !matches!(i.value, Value::Text(_))) {
                    self.wrong(item, "document-want-text", key);
                }
            }
            _ => self.wrong(node, "document-want-texts", key),
        }
    }
}

/// A table's own header where it has one, else the key that makes it.
fn header_of<'a>(node: &'a Node, key: &'a Place) -> &'a Place {
    if node.place.source == key.source { &node.place } else { key }
}
