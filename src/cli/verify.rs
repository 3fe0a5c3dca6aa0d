//! `zonectl verify`: the dry run before a change window. Needs no root and no daemon.
//!
//! Reads, checks, compiles, has nft check the ruleset in a throw-away
//! namespace, proves the expectations, and says what opens and closes.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::context::local_time;
use super::load::Side;
use super::{Context, Exit, Failure, findings, flows, load};
use crate::diag::{self, Finding, Message};
use crate::enforce::lockout;
use crate::pipeline::Candidate;
use crate::policy::Policy;
use crate::store::revisions::Revisions;
use crate::sys::caller::Caller;
use crate::sys::nft::{Nft, NftError};
use crate::verify::{self, Diff, ExpectationResult, packet_json};
use crate::{nft, rules};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(long, value_name = "WHAT")]
    against: Option<String>,
    #[arg(long)]
    host: bool,
}

/// Codes about this machine that this build does not look at.
const UNVERIFIED: [&str; 6] = ["Z301", "Z302", "Z303", "Z304", "Z305", "Z307"];

/// What the candidate is compared with.
struct Against {
    /// `active`, `none`, or the path as given.
    name: String,
    policy: Option<Policy>,
}

/// Everything that a dry run found out.
struct Report<'a> {
    candidate: &'a Candidate,
    expectations: Vec<ExpectationResult>,
    against: &'a str,
    /// None if the candidate is invalid.
    diff: Option<Diff>,
    /// This machine was looked at.
    host: bool,
}

/// Runs the dry run.
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    let against = against(options, context)?;
    let mut candidate = load::config(context)?;
    let expectations = candidate.prove();
    if let Some(policy) = candidate.policy.as_ref().filter(|_| !candidate.findings.refuse()) {
        let ruleset = nft::lower(&rules::compile(policy, candidate.at));
        if let Err(error) = load::wait(Nft::default().check_apart(&ruleset.to_json()))? {
            candidate.findings.push(checked(&error));
        }
    }
    if options.host {
        look_here(&mut candidate, &against, context)?;
    }
    let diff = match &candidate.policy {
        Some(policy) if !candidate.findings.refuse() => Some(
            verify::diff(against.policy.as_ref(), policy, candidate.at)
                .map_err(|error| Failure::failed(error.message()))?,
        ),
        _ => None,
    };
    let report = Report { candidate: &candidate, expectations, against: &against.name, diff, host: options.host };
    if context.json() { report.print_json(context) } else { report.print_text(context) }
}

/// Z306: would the candidate lock out whoever runs this, or drop management of
/// the policy in force?
fn look_here(candidate: &mut Candidate, against: &Against, context: &Context) -> Result<(), Failure> {
    let Some(policy) = candidate.policy.clone().filter(|_| !candidate.findings.refuse()) else { return Ok(()) };
    let here = Caller::find()
        .map_err(|error| Failure::failed(Message::new("enforce-lockout-unknown").with("cause", error.to_string())))?;
    let active = match (against.name.as_str(), Revisions::at(&context.state).active()) {
        ("active", _) | (_, Ok(None)) => None,
        (_, Ok(Some(_))) => Some(load::accepted(context, Side::Active.read(context)?, "active")?),
        (_, Err(error)) if load::forbidden(&error) => {
            context.note(&Message::new("cli-verify-management-forbidden"));
            None
        }
        (_, Err(error)) => return Err(load::revision_failure(&error)),
    };
    let running = active.as_ref().or(against.policy.as_ref().filter(|_| against.name == "active"));
    for finding in lockout(&Arc::new(policy), running, &here, candidate.at) {
        candidate.findings.push(finding);
    }
    Ok(())
}

/// What nft had to say. That no namespace could be made to ask it in says
/// nothing against the policy.
fn checked(error: &NftError) -> Finding {
    let message = Message::new("cli-nft-check").with("cause", error.message());
    match error {
        NftError::NoNamespace(_) => Finding::warning("Z307", message),
        _ => Finding::error("Z307", message),
    }
}

/// What to compare with: what was asked for; else what is active, where the
/// state folder tells, else nothing.
fn against(options: &Options, context: &Context) -> Result<Against, Failure> {
    let given = options.against.as_deref();
    let name = match given {
        Some(name) => name,
        None => match Revisions::at(&context.state).active() {
            Ok(Some(_)) => "active",
            Ok(None) => "none",
            Err(error) if load::forbidden(&error) => {
                context.note(&Message::new("cli-against-forbidden"));
                "none"
            }
            Err(error) => {
                return Err(load::revision_failure(&error).hint(Message::new("cli-against-hint")));
            }
        },
    };
    if name == "none" {
        return Ok(Against { name: name.to_owned(), policy: None });
    }
    let candidate = Side::parse(name).read(context)?;
    let policy = load::accepted(context, candidate, name)?;
    Ok(Against { name: name.to_owned(), policy: Some(policy) })
}

impl Report<'_> {
    fn exit(&self) -> Exit {
        match &self.diff {
            None => Exit::Refused,
            Some(diff) if diff.changes() => Exit::Changed,
            Some(_) => Exit::Done,
        }
    }

    fn result(&self) -> &'static str {
        match self.exit() {
            Exit::Changed => "changed",
            Exit::Done => "unchanged",
            _ => "invalid",
        }
    }

    fn print_json(&self, context: &Context) -> Result<Exit, Failure> {
        let expectation = |result: &ExpectationResult| {
            let witness = result.witness.as_ref().map(|point| packet_json(&point.packet));
            json!({ "name": result.name, "holds": result.holds, "witness": witness })
        };
        let expectations: Vec<Value> = self.expectations.iter().map(expectation).collect();
        let candidate = self.candidate;
        let diff = self.diff.as_ref();
        let empty = || Value::Array(Vec::new());
        let mut value = json!({
            "result": self.result(),
            "against": self.against,
            "digest": candidate.digest,
            "findings": diag::json::findings(&candidate.findings.0, &candidate.sources, context.lang),
            "opened": diff.map_or_else(empty, Diff::opened_json),
            "closed": diff.map_or_else(empty, Diff::closed_json),
            "settings": diff.map(|diff| diff.settings_text(context.lang)).unwrap_or_default(),
            "expectations": expectations,
            // Live connections and recent denials are asked for by options of a later build.
            "cut": [],
            "would_pass": [],
        });
        if self.host {
            value["host"] = json!({ "checked": ["Z306"], "unverified": UNVERIFIED });
        }
        context.print_json(&value, self.exit())
    }

    fn print_text(&self, context: &Context) -> Result<Exit, Failure> {
        let Some(diff) = &self.diff else {
            return Err(Failure::invalid(context, self.candidate));
        };
        let mut out = findings::text(context, self.candidate, context.color_out());
        if !out.is_empty() {
            out.push('\n');
        }
        let line = |key, value: &str| context.words(&Message::new(key).with("value", value)) + "\n";
        out.push_str(&line("cli-verify-config", &context.config.display().to_string()));
        out.push_str(&line("cli-verify-digest", self.candidate.digest.as_deref().unwrap_or_default()));
        out.push_str(&line("cli-verify-against", &self.against_words(context)));
        out.push_str(&line("cli-verify-at", &local_time(self.candidate.at, &diff.timezone)));
        let proved = match self.expectations.len() {
            0 => Message::new("cli-verify-no-expectations"),
            count => Message::new("cli-verify-expectations").with("count", count),
        };
        out.push_str(&format!("{}\n", context.words(&proved)));
        if self.host {
            let rest = UNVERIFIED.join(" ");
            out.push_str(&format!("{}\n", context.words(&Message::new("cli-verify-host").with("rest", rest))));
        }
        out.push('\n');
        out.push_str(&flows::text(context, diff));
        out.push_str(&format!(
            "{}\n",
            context.word(if diff.changes() { "cli-verify-changed" } else { "cli-verify-unchanged" })
        ));
        context.print(&out)?;
        Ok(self.exit())
    }

    fn against_words(&self, context: &Context) -> String {
        match self.against {
            "active" => context.word("cli-against-active"),
            "none" => context.word("cli-against-none"),
            path => path.to_owned(),
        }
    }
}
