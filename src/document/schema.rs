//! The JSON Schema of the configuration, from the same shapes that validate it.

use serde_json::{Map, Value, json};

use super::keys;
use super::shape::{Key, Shape, Support};
use crate::diag::{Lang, Message};

/// A JSON Schema (2020-12) of `zoned.toml`, its descriptions in `lang`. Keys that
/// this build refuses are left out.
pub fn schema(lang: Lang) -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "zoned.toml",
    });
    if let (Value::Object(schema), Value::Object(root)) = (&mut schema, table(keys::ROOT, lang, true)) {
        schema.extend(root);
    }
    schema
}

/// The top level's required keys may stand in any one of the files: none is required of each.
fn table(keys: &'static [Key], lang: Lang, top: bool) -> Value {
    let mut properties = Map::new();
    for key in keys.iter().filter(|k| k.support != Support::Later) {
        let mut property = shape(&key.shape, lang);
        if let Value::Object(property) = &mut property {
            property.insert("description".into(), json!(Message::new(key.doc).text(lang)));
        }
        properties.insert(key.name.into(), property);
    }
    let mut table = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let required: Vec<&str> = keys.iter().filter(|k| k.required && !top).map(|k| k.name).collect();
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

fn shape(shape_: &'static Shape, lang: Lang) -> Value {
    match shape_ {
        Shape::Text => json!({ "type": "string" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Shape::Choice(choices) => {
            let built: Vec<&str> = choices.iter().filter(|c| c.built).map(|c| c.text).collect();
            json!({ "type": "string", "enum": built })
        }
        // A TOML date has no type of its own in JSON Schema: editors give it as a string.
        Shape::Moment => json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}" }),
        Shape::Clock => json!({ "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$" }),
        Shape::Texts(some) => {
            let least = usize::from(*some);
            let list = json!({ "type": "array", "items": { "type": "string" }, "minItems": least });
            json!({ "oneOf": [{ "type": "string" }, list] })
        }
        Shape::Table(keys) => table(keys, lang, false),
        Shape::Names(inner) => json!({ "type": "object", "additionalProperties": shape(inner, lang) }),
        Shape::Rows(keys) => json!({ "type": "array", "items": table(keys, lang, false) }),
        Shape::TextOrTable(keys) => json!({ "oneOf": [{ "type": "string" }, table(keys, lang, false)] }),
        Shape::TableOrRows(keys) => {
            let one = table(keys, lang, false);
            json!({ "oneOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
        }
        Shape::Unread => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key of a shape's tables, its description's message included.
    fn walk(keys: &'static [Key], see: &mut impl FnMut(&'static Key)) {
        for key in keys {
            see(key);
            match key.shape {
                Shape::Table(inner) | Shape::Rows(inner) | Shape::TextOrTable(inner) | Shape::TableOrRows(inner) => {
                    walk(inner, see)
                }
                Shape::Names(Shape::Table(inner)) => walk(inner, see),
                _ => {}
            }
        }
    }

    #[test]
    fn every_key_is_explained_in_both_languages() {
        let mut count = 0;
        walk(keys::ROOT, &mut |key| {
            count += 1;
            for lang in [Lang::Ja, Lang::En] {
                assert_ne!(Message::new(key.doc).text(lang), key.doc, "{}", key.name);
            }
        });
        assert!(count > 90, "{count}");
    }

    #[test]
    fn the_schema_holds_what_is_built_and_only_that() {
        let schema = schema(Lang::En);
        let host = &schema["properties"]["hosts"]["additionalProperties"];
        assert_eq!(host["required"], json!(["zone"]));
        assert_eq!(host["properties"]["kind"]["enum"][1], "server");
        assert_eq!(schema["properties"]["version"]["maximum"], 1);
        assert!(schema["properties"]["alerts"].is_null());
        assert_eq!(schema["properties"]["inventory"]["items"]["properties"]["encoding"]["enum"], json!(["utf-8"]));
    }
}
