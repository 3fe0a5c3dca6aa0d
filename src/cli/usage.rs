//! `zonectl usage`: what each entry was used for, and which was not.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::context::local_time;
use super::{Context, Exit, Failure, Table, daemon, load};
use crate::daemon::protocol::Request;
use crate::diag::Message;

/// Asks, and prints the answer.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let body = daemon::call(context, &Request::Usage { lang: Some(daemon::lang(context)) })?;
    if context.json() {
        return context.print_json(&Value::Object(body), Exit::Done);
    }
    context.print(&to_text(&body, &load::timezone(context), context))?;
    Ok(Exit::Done)
}

fn to_text(body: &Map<String, Value>, timezone: &TimeZone, context: &Context) -> String {
    let time = |value: &Value| {
        let instant = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        instant.map(|instant| local_time(instant, timezone))
    };
    let list = |key: &str| body.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let number = |value: &Value, key: &str| value[key].as_u64().unwrap_or_default();
    let headings = [
        "cli-usage-entry",
        "cli-usage-flows",
        "cli-usage-open",
        "cli-usage-packets",
        "cli-usage-bytes",
        "cli-usage-last",
        "cli-usage-title",
    ];
    let mut table = Table::new(headings.map(|key| context.word(key)));
    for row in list("entries") {
        let count = |key| number(row, key).to_string();
        let last = time(&row["last_used"]).unwrap_or_else(|| context.word("cli-usage-unused"));
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        table.row([text("id"), count("flows"), count("open"), count("packets"), count("bytes"), last, text("title")]);
    }
    let mut out = if table.is_empty() { format!("{}\n", context.word("cli-usage-no-entry")) } else { table.render() };
    let mut say = |message: Message| out.push_str(&format!("{}\n", context.words(&message)));
    if let Some(since) = body.get("since").and_then(time) {
        say(Message::new("cli-usage-since").with("time", since));
    }
    if body.get("measured").is_some_and(|measured| measured == "opening") {
        say(Message::new("cli-usage-opening"));
    }
    let unmeasured: u64 = list("entries").iter().map(|row| number(row, "unmeasured")).sum();
    if unmeasured > 0 {
        say(Message::new("cli-usage-unmeasured").with("flows", unmeasured));
    }
    for gap in list("gaps") {
        if let (Some(from), Some(to)) = (time(&gap["from"]), time(&gap["to"])) {
            say(Message::new("cli-usage-gap").with("from", from).with("to", to));
        }
    }
    if let Some(times) = body.get("overruns").and_then(Value::as_u64).filter(|times| *times > 0) {
        say(Message::new("cli-usage-overruns").with("times", times));
    }
    for error in list("errors").iter().filter_map(Value::as_str) {
        say(Message::new("cli-usage-error").with("error", error));
    }
    out
}
