//! Puts the files' tables together: names add up, arrays of tables follow one
//! another, anything else may be given once.

use std::collections::HashMap;

use super::node::{At, Node, Table, Value};
use super::shape::{Key, Shape};
use crate::diag::{Finding, Findings, Message, Place};

/// The finding for something given a second time.
pub fn duplicate(name: &At<String>, first: &Place) -> Finding {
    let message = Message::new("document-duplicate").with("name", &name.value);
    Finding::error("Z003", message)
        .at(&name.place)
        .related(Message::new("document-first-here"), first)
        .subject(&name.value)
}

/// One table of all files' top levels; `include` is left out. What a later file
/// gives again is a finding, and the first stays.
pub fn merge(files: Vec<Table>, keys: &'static [Key], findings: &mut Findings) -> Table {
    let mut merged = Table::default();
    // Names already given, by key: a linear search would take long in large ledgers of hosts.
    let mut names: HashMap<(String, String), Place> = HashMap::new();
    for (key, node) in files.into_iter().flat_map(|t| t.0).filter(|(k, _)| k.value != "include") {
        let shape = keys.iter().find(|k| k.name == key.value).map(|k| k.shape);
        let at = merged.0.iter().position(|(k, _)| k.value == key.value);
        match (shape, node.value) {
            (Some(Shape::Names(_)), Value::Table(table)) => {
                let at = at.unwrap_or_else(|| {
                    let empty = Node { value: Value::Table(Table::default()), place: node.place.clone() };
                    merged.0.push((key.clone(), empty));
                    merged.0.len() - 1
                });
                let Value::Table(all) = &mut merged.0[at].1.value else { continue };
                for (name, inner) in table.0 {
                    let id = (key.value.clone(), name.value.clone());
                    match names.get(&id) {
                        Some(first) => findings.push(duplicate(&name, first)),
                        None => {
                            names.insert(id, name.place.clone());
                            all.0.push((name, inner));
                        }
                    }
                }
            }
            (Some(Shape::Rows(_)), Value::List(rows)) => match at {
                Some(at) => {
                    if let Value::List(all) = &mut merged.0[at].1.value {
                        all.extend(rows);
                    }
                }
                None => merged.0.push((key, Node { value: Value::List(rows), place: node.place })),
            },
            (_, value) => match at {
                Some(at) => findings.push(duplicate(&key, &merged.0[at].0.place)),
                None => merged.0.push((key, Node { value, place: node.place })),
            },
        }
    }
    merged
}
