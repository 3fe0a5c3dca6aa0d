//! `zonectl compile`: the ruleset that would go into the kernel.

use super::{Context, Exit, Failure, findings, load};
use crate::{nft, rules};

/// Prints the ruleset as text (`nft -f`), or as libnftables JSON.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let mut candidate = load::config(context)?;
    candidate.prove();
    let policy = load::policy(context, &candidate)?;
    findings::warn(context, &candidate);
    let ruleset = nft::lower(&rules::compile(policy, candidate.at));
    if context.json() {
        return context.print_json(&ruleset.to_json(), Exit::Done);
    }
    context.print(&ruleset.to_text())?;
    Ok(Exit::Done)
}
