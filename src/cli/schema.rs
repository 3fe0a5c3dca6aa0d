//! `zonectl schema`: the JSON Schema of the configuration.

use super::{Context, Exit, Failure};
use crate::document;

/// Prints the schema, laid out for reading unless JSON is asked for.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let schema = document::schema(context.lang);
    if context.json() {
        return context.print_json(&schema, Exit::Done);
    }
    context.print(&format!("{schema:#}\n"))?;
    Ok(Exit::Done)
}
