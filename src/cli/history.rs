//! `zonectl history [N]`: who applied what, when and why, newest first.

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::context::local_time;
use super::{Context, Exit, Failure, Table, load};
use crate::diag::Message;
use crate::store::revisions::{Outcome, Record, RevisionError, Revisions, Who};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(value_name = "N")]
    count: Option<usize>,
}

/// Lists the newest `N` revisions, or all. A damaged one is shown as such and
/// the command fails.
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    let revisions = Revisions::at(&context.state);
    let numbers = revisions.numbers().map_err(|error| load::revision_failure(&error))?;
    let active = revisions.active().map_err(|error| load::revision_failure(&error))?.map(|r| r.record.number);
    let wanted = numbers.iter().rev().take(options.count.unwrap_or(usize::MAX));
    let rows: Vec<(u64, Result<Record, RevisionError>)> =
        wanted.map(|number| (*number, revisions.get(*number).map(|revision| revision.record))).collect();
    let whole = rows.iter().all(|(_, row)| row.is_ok());
    let exit = if whole { Exit::Done } else { Exit::Refused };
    let timezone = load::timezone(context);
    if context.json() {
        let list: Vec<Value> =
            rows.iter().map(|(number, row)| to_json(*number, row, active, &timezone, context)).collect();
        return context.print_json(&json!({ "active": active, "revisions": list }), exit);
    }
    context.print(&to_text(&rows, active, &timezone, context))?;
    Ok(exit)
}

fn to_json(
    number: u64,
    row: &Result<Record, RevisionError>,
    active: Option<u64>,
    timezone: &TimeZone,
    context: &Context,
) -> Value {
    match row {
        Ok(record) => {
            // A record is a plain structure of strings and numbers: it always becomes a value.
            let mut value = serde_json::to_value(record).unwrap_or_default();
            value["time"] = Value::from(local_time(record.time, timezone));
            if let Outcome::Applied { applied_at, .. } = &record.outcome {
                value["applied_at"] = Value::from(local_time(*applied_at, timezone));
            }
            value["active"] = Value::from(active == Some(number));
            value
        }
        Err(error) => json!({ "number": number, "result": "damaged", "message": context.words(&error.message()) }),
    }
}

fn to_text(
    rows: &[(u64, Result<Record, RevisionError>)],
    active: Option<u64>,
    timezone: &TimeZone,
    context: &Context,
) -> String {
    if rows.is_empty() {
        return format!("{}\n", context.word("cli-history-empty"));
    }
    let headings = ["number", "time", "who", "result", "changes", "digest", "comment"]
        .map(|name| context.lang.words(&format!("cli-history-{name}")).unwrap_or_else(|| name.to_owned()));
    let mut table = Table::new(headings);
    for (number, row) in rows {
        let mark = if active == Some(*number) { "*" } else { "" };
        let number = format!("{number}{mark}");
        match row {
            Err(error) => table.row([number, context.words(&error.message())]),
            Ok(record) => table.row([
                number,
                local_time(record.time, timezone),
                who(&record.who, context),
                result(&record.outcome, context),
                changes(record, context),
                short(&record.digest),
                record.comment.clone().unwrap_or_default(),
            ]),
        }
    }
    table.render()
}

fn who(who: &Who, context: &Context) -> String {
    match who {
        Who::FileChange => context.word("cli-who-file"),
        Who::Start => context.word("cli-who-start"),
        Who::Signal => context.word("cli-who-signal"),
        Who::Peer { uid, user, .. } => match user {
            Some(user) => format!("{user} (uid {uid})"),
            None => format!("uid {uid}"),
        },
    }
}

fn result(outcome: &Outcome, context: &Context) -> String {
    match outcome {
        Outcome::Prepared => context.word("cli-result-prepared"),
        Outcome::Applied { .. } => context.word("cli-result-applied"),
    }
}

fn changes(record: &Record, context: &Context) -> String {
    match record.changes {
        None => String::new(),
        Some(changes) => {
            context.words(&Message::new("cli-changes").with("opened", changes.opened).with("closed", changes.closed))
        }
    }
}

/// Enough of a digest to tell two apart by eye.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}
