//! `zonectl diff A [B]`: what differs between two configurations, as flows.
//!
//! A and B are revisions by number, `active`, or paths. Without B it is A
//! against the configuration of `--config`.

use clap::Args;
use serde_json::json;

use super::load::Side;
use super::{Context, Exit, Failure, flows, load};
use crate::diag::Message;
use crate::verify;

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(value_name = "A")]
    old: String,
    #[arg(value_name = "B")]
    new: Option<String>,
}

/// Compares A (before) with B (after).
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    let config = || context.config.display().to_string();
    let (old_name, new_name) = (options.old.clone(), options.new.clone().unwrap_or_else(config));
    let new_side = options.new.as_deref().map_or_else(|| Side::Path(context.config.clone()), Side::parse);
    let old = Side::parse(&old_name).read(context)?;
    let new = new_side.read(context)?;
    let (at, old_digest, new_digest) = (new.at, old.digest.clone(), new.digest.clone());
    let old = load::accepted(context, old, &old_name)?;
    let new = load::accepted(context, new, &new_name)?;
    let diff = verify::diff(Some(&old), &new, at).map_err(|error| Failure::failed(error.message()))?;
    let exit = if diff.changes() { Exit::Changed } else { Exit::Done };
    if context.json() {
        let value = json!({
            "result": if diff.changes() { "changed" } else { "unchanged" },
            "a": { "name": old_name, "digest": old_digest },
            "b": { "name": new_name, "digest": new_digest },
            "opened": diff.opened_json(),
            "closed": diff.closed_json(),
            "settings": diff.settings_text(context.lang),
        });
        return context.print_json(&value, exit);
    }
    let title = context.words(&Message::new("cli-diff-title").with("a", old_name).with("b", new_name));
    let end = context.word(if diff.changes() { "cli-verify-changed" } else { "cli-verify-unchanged" });
    context.print(&format!("{title}\n\n{}{end}\n", flows::text(context, &diff)))?;
    Ok(exit)
}
