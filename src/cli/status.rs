//! `zonectl status`: how the daemon stands. Exit 0 only when it answers.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::context::local_time;
use super::{Context, Exit, Failure, Table, daemon, load};
use crate::daemon::protocol::Request;
use crate::diag::Message;

/// Asks, and prints the answer.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let body = daemon::call(context, &Request::Status { lang: Some(daemon::lang(context)) })?;
    if context.json() {
        return context.print_json(&Value::Object(body), Exit::Done);
    }
    let status = Status { context, body, timezone: load::timezone(context) };
    context.print(&status.text())?;
    Ok(Exit::Done)
}

/// The answer, read leniently: a newer or older daemon may have other keys.
struct Status<'a> {
    context: &'a Context,
    body: Map<String, Value>,
    timezone: TimeZone,
}

impl Status<'_> {
    fn text(&self) -> String {
        let mut out = String::new();
        for (key, path) in [
            ("cli-status-version", "/version"),
            ("cli-status-summary", "/summary"),
            ("cli-status-config", "/config"),
            ("cli-status-digest", "/digest"),
            ("cli-status-revision", "/revision"),
            ("cli-status-generation", "/generation"),
            ("cli-status-applied", "/applied_at"),
            ("cli-status-mode", "/mode"),
            ("cli-status-pending", "/pending"),
            ("cli-status-next", "/next_change/time"),
        ] {
            if let Some(value) = self.value(path) {
                out.push_str(&self.context.words(&Message::new(key).with("value", value)));
                out.push('\n');
            }
        }
        out.push_str(&self.errors());
        out.push_str(&self.upcoming());
        out.push_str(&self.zones());
        out.push_str(&self.denied());
        out.push_str(&self.log());
        out
    }

    /// A value as text; times in the organisation's zone.
    fn value(&self, path: &str) -> Option<String> {
        let (first, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        let mut value = self.body.get(first)?;
        for key in rest.split('/').filter(|key| !key.is_empty()) {
            value = value.get(key)?;
        }
        match value {
            Value::Null => None,
            Value::String(text) => Some(match text.parse::<Timestamp>() {
                Ok(time) => local_time(time, &self.timezone),
                Err(_) => text.clone(),
            }),
            other => Some(other.to_string()),
        }
    }

    fn list(&self, key: &str) -> &[Value] {
        self.body.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// What is wrong: the reason, and the findings with their places.
    fn errors(&self) -> String {
        let mut out = String::new();
        for error in self.list("errors") {
            let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
            out.push_str(&self.context.words(&Message::new("cli-status-error").with("message", message)));
            out.push('\n');
            let findings = error.get("findings").and_then(Value::as_array);
            for finding in findings.into_iter().flatten() {
                out.push_str(&format!("  {}\n", daemon::finding_line(finding)));
            }
        }
        out
    }

    fn zones(&self) -> String {
        let word = |key| self.context.word(key);
        let mut table = Table::new([word("cli-status-zone"), word("cli-status-label"), word("cli-status-interfaces")]);
        for zone in self.list("zones") {
            let text = |key: &str| zone.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let interfaces = zone.get("interfaces").and_then(Value::as_array).into_iter().flatten();
            let interfaces: Vec<String> = interfaces.map(|interface| self.interface(interface)).collect();
            table.row([text("name"), text("label"), interfaces.join(", ")]);
        }
        if table.is_empty() { String::new() } else { format!("\n{}", table.render()) }
    }

    /// What begins and ends next.
    fn upcoming(&self) -> String {
        let word = |key| self.context.word(key);
        let mut table = Table::new([word("cli-status-when"), word("cli-status-what"), word("cli-status-change")]);
        for change in self.list("upcoming") {
            let text = |key: &str| change.get(key).and_then(Value::as_str).unwrap_or_default();
            let kind = match text("kind") {
                "entry" => word("cli-status-kind-entry"),
                "approval" => word("cli-status-kind-approval"),
                "host" => word("cli-status-kind-host"),
                other => other.to_owned(),
            };
            let turn = match text("change") {
                "begins" => word("cli-status-begins"),
                "ends" => word("cli-status-ends"),
                "expires" => word("cli-status-expires"),
                other => other.to_owned(),
            };
            let time = text("time").parse().map_or_else(|_| text("time").into(), |t| local_time(t, &self.timezone));
            table.row([time, format!("{kind} {}", text("name")), turn]);
        }
        if table.is_empty() { String::new() } else { format!("\n{}", table.render()) }
    }

    fn interface(&self, interface: &Value) -> String {
        let name = interface.get("name").and_then(Value::as_str).unwrap_or_default();
        if interface.get("present").and_then(Value::as_bool) == Some(false) {
            self.context.words(&Message::new("cli-status-absent").with("name", name))
        } else {
            name.to_owned()
        }
    }

    fn denied(&self) -> String {
        if let Some(error) = self.value("counters_error") {
            return format!("\n{}\n", self.context.words(&Message::new("cli-status-no-counters").with("error", error)));
        }
        let denied = self.body.get("counters").and_then(|counters| counters.get("denied")).and_then(Value::as_object);
        let word = |key| self.context.word(key);
        let mut table = Table::new([word("cli-status-denied"), word("cli-status-packets"), word("cli-status-bytes")]);
        for (reason, counter) in denied.into_iter().flatten() {
            let number = |key: &str| counter.get(key).and_then(Value::as_u64).unwrap_or_default();
            if number("packets") > 0 {
                table.row([reason.clone(), number("packets").to_string(), number("bytes").to_string()]);
            }
        }
        if table.is_empty() {
            format!("\n{}\n", word("cli-status-none-denied"))
        } else {
            format!("\n{}", table.render())
        }
    }

    fn log(&self) -> String {
        let Some(log) = self.body.get("log").filter(|log| log.is_object()) else { return String::new() };
        let number = |key: &str| log.get(key).and_then(Value::as_u64).unwrap_or_default();
        let message = Message::new("cli-status-log")
            .with("records", number("records"))
            .with("packets", number("packets"))
            .with("lost", number("lost"));
        let mut out = format!("\n{}\n", self.context.words(&message));
        if let Some(error) = log.get("last_error").and_then(Value::as_str) {
            out.push_str(&self.context.words(&Message::new("cli-status-log-error").with("error", error)));
            out.push('\n');
        }
        out
    }
}
