//! `zonectl apply`: has the daemon read the configuration and put it in force.

use clap::Args;
use serde_json::Value;

use super::{Context, Exit, Failure, daemon};
use crate::daemon::protocol::Request;
use crate::diag::Message;
use crate::sys::caller::Caller;

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[arg(long)]
    allow_lockout: bool,
}

/// Applies; a `--config` that is not the daemon's own is refused by it.
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    let config = match context.config_given {
        // Made whole: the daemon may stand in another folder.
        true => Some(std::path::absolute(&context.config).unwrap_or_else(|_| context.config.clone())),
        false => None,
    };
    let caller = match options.allow_lockout {
        true => Caller::default(),
        false => Caller::find().map_err(|error| {
            let message = Message::new("enforce-lockout-unknown").with("cause", error.to_string());
            Failure::failed(message).hint(Message::new("enforce-lockout-hint"))
        })?,
    };
    let request = Request::Apply {
        config,
        digest: options.digest.clone(),
        comment: options.comment.clone(),
        caller,
        allow_lockout: options.allow_lockout,
        lang: Some(daemon::lang(context)),
    };
    let body = daemon::call(context, &request)?;
    if context.json() {
        return context.print_json(&Value::Object(body), Exit::Done);
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let revision = body.get("revision").map_or_else(|| "-".to_owned(), Value::to_string);
    let key = match body.get("result").and_then(Value::as_str) {
        Some("unchanged") => "cli-apply-unchanged",
        Some("pending") => "cli-apply-pending",
        _ => "cli-apply-done",
    };
    let message = Message::new(key).with("revision", revision).with("digest", text("digest"));
    context.print(&format!("{}\n", context.words(&message)))?;
    Ok(Exit::Done)
}
