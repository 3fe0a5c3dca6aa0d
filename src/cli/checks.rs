//! `zonectl checks [CODE]`: what the checks look for, why, and how to mend it.

use clap::Args;
use serde_json::Value;

use super::{Context, Exit, Failure, Table};
use crate::check::{self, docs};
use crate::diag::Message;

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

/// Prints the list, or one check in full.
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    let Some(code) = &options.code else { return list(context) };
    let check =
        check::find(code).ok_or_else(|| Failure::usage_with(Message::new("cli-no-check").with("code", code)))?;
    if context.json() {
        return context.print_json(&docs::json(check, context.lang), Exit::Done);
    }
    context.print(&docs::section(check, context.lang))?;
    Ok(Exit::Done)
}

fn list(context: &Context) -> Result<Exit, Failure> {
    if context.json() {
        let all: Vec<Value> = check::ALL.iter().map(|check| docs::json(check, context.lang)).collect();
        return context.print_json(&Value::Array(all), Exit::Done);
    }
    let headings = ["check-page-code", "check-page-severity", "check-page-what"];
    let mut table = Table::new(headings.map(|key| context.word(key)));
    for check in check::ALL {
        table.row([check.code.to_owned(), docs::severity(check, context.lang), docs::what(check, context.lang)]);
    }
    context.print(&table.render())?;
    Ok(Exit::Done)
}
