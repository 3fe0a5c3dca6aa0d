//! The filters of the command line as a query of the store.

use clap::Args;
use ipnet::IpNet;

use super::{Place, time};
use crate::cli::Failure;
use crate::diag::Message;
use crate::net::{Proto, fold_width};
use crate::policy::{AllowReason, DenyReason};
use crate::store::flows::{Query, Term};

/// Repeated ones are alternatives, different ones must all hold.
#[derive(Debug, Args)]
pub(super) struct Filters {
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    #[arg(long, value_name = "ZONE")]
    from: Vec<String>,
    #[arg(long, value_name = "ZONE")]
    to: Vec<String>,
    #[arg(long, value_name = "CIDR")]
    src: Vec<String>,
    #[arg(long, value_name = "CIDR")]
    dst: Vec<String>,
    #[arg(long, value_name = "MAC")]
    mac: Vec<String>,
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    #[arg(long, value_name = "NAME")]
    dept: Vec<String>,
    #[arg(long, value_name = "PORT")]
    port: Vec<String>,
    #[arg(long, value_name = "PROTO")]
    proto: Vec<String>,
    #[arg(long, value_name = "REASON")]
    reason: Vec<String>,
    #[arg(long, value_name = "ID")]
    entry: Vec<String>,
    #[arg(long, value_name = "VERDICT")]
    verdict: Vec<String>,
    #[arg(long, value_name = "KEY=VALUE")]
    not: Vec<String>,
    /// In a later build.
    #[arg(long = "where", hide = true)]
    expression: Option<String>,
}

/// A usage error: no such value for this option.
pub(super) fn bad(option: &str, value: &str) -> Failure {
    let kind = match option {
        "since" | "until" => "log-bad-time",
        "src" | "dst" => "log-bad-network",
        "mac" => "log-bad-mac",
        "port" => "log-bad-port",
        "proto" => "log-bad-proto",
        "reason" => "log-bad-reason",
        "verdict" => "log-bad-verdict",
        _ => "log-bad-not",
    };
    Failure::usage_with(Message::new(kind).with("option", option).with("value", value))
}

impl Filters {
    /// The query.
    ///
    /// # Errors
    /// Usage errors, for values that say nothing.
    pub(super) fn query(&self, place: &Place) -> Result<Query, Failure> {
        if self.expression.is_some() {
            return Err(Failure::unsupported(Message::new("log-later-where")));
        }
        let mut query = Query::default();
        if let Some(since) = &self.since {
            let at = time::since(since, place.now, &place.timezone).ok_or_else(|| bad("since", since))?;
            query.since = Some(at);
        }
        let all: [(&str, &[String]); 12] = [
            ("from", &self.from),
            ("to", &self.to),
            ("src", &self.src),
            ("dst", &self.dst),
            ("mac", &self.mac),
            ("host", &self.host),
            ("dept", &self.dept),
            ("port", &self.port),
            ("proto", &self.proto),
            ("reason", &self.reason),
            ("entry", &self.entry),
            ("verdict", &self.verdict),
        ];
        for (key, values) in all {
            for value in values {
                query.terms.push(term(key, value).ok_or_else(|| bad(key, value))?);
            }
        }
        for text in &self.not {
            let (key, value) = text.split_once('=').ok_or_else(|| bad("not", text))?;
            let known = all.iter().any(|(name, _)| *name == key.trim());
            let term =
                term(key.trim(), value.trim()).ok_or_else(|| bad(if known { key.trim() } else { "not" }, text))?;
            query.not.push(term);
        }
        Ok(query)
    }
}

/// The condition that an option's value says; none if it says nothing.
fn term(key: &str, value: &str) -> Option<Term> {
    let folded = fold_width(value.trim());
    Some(match key {
        "from" => Term::From(value.into()),
        "to" => Term::To(value.into()),
        "src" => Term::Src(network(&folded)?),
        "dst" => Term::Dst(network(&folded)?),
        "mac" => Term::Mac(folded.parse().ok()?),
        "host" => Term::Host(value.into()),
        "dept" => Term::Dept(value.into()),
        "port" => Term::Port(folded.parse().ok()?),
        "proto" => Term::Proto(Proto::parse(&folded)?),
        "reason" => Term::Reason(reason(value)?.into()),
        "entry" => Term::Entry(value.into()),
        "verdict" => match value {
            "allow" => Term::Allowed(true),
            "deny" => Term::Allowed(false),
            _ => return None,
        },
        _ => return None,
    })
}

/// An address or a prefix; host bits do not matter.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().map(|n| n.trunc()).or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}

fn reason(text: &str) -> Option<&'static str> {
    let allowed = [AllowReason::Allowed, AllowReason::IntraZone, AllowReason::Management, AllowReason::Established];
    let denied = DenyReason::parse(text).map(DenyReason::as_str);
    denied.or_else(|| allowed.into_iter().map(AllowReason::as_str).find(|name| *name == text))
}
