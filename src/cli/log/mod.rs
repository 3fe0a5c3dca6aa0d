//! `zonectl log`: reads the flow log, beside a daemon that writes or on a copy.

mod filter;
mod follow;
mod show;
mod time;

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::load::{self, Side};
use super::{Context, Exit, Failure, Format};
use crate::diag::Message;
use crate::flow::Record;
use crate::policy::Policy;
use crate::store::flows::{FlowReader, Query, StoreError};
use filter::Filters;
use show::Lines;

/// Where the store lies under the state folder, unless the policy says otherwise.
const DEFAULT_STORE: &str = "flows";

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Query(QueryOptions),
    Follow(FollowOptions),
}

#[derive(Debug, Args)]
struct QueryOptions {
    #[command(flatten)]
    filters: Filters,
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Debug, Args)]
struct FollowOptions {
    #[command(flatten)]
    filters: Filters,
}

/// Runs `log query` or `log follow`.
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    if let Format::CsvExcel | Format::Cef = context.format {
        let name = if context.format == Format::Cef { "cef" } else { "csv-excel" };
        return Err(Failure::unsupported(Message::new("log-later-format").with("format", name)));
    }
    let place = Place::find(context)?;
    match &options.action {
        Action::Query(options) => query(options, &place, context),
        Action::Follow(options) => {
            if context.format == Format::Csv {
                return Err(Failure::usage("log-follow-format"));
            }
            let query = options.filters.query(&place)?;
            follow::run(&query, &place, context)
        }
    }
}

/// Where the store lies, and what “now” and local times are.
struct Place {
    folder: PathBuf,
    timezone: TimeZone,
    now: Timestamp,
}

impl Place {
    /// By the policy in force, else by the configuration, else by default: a
    /// log must be readable whatever state the configuration is in.
    fn find(context: &Context) -> Result<Self, Failure> {
        let policy = |side: Side| side.read(context).ok().and_then(|candidate| candidate.policy);
        let known: Option<Policy> = policy(Side::Active).or_else(|| policy(Side::Path(context.config.clone())));
        let store = known.as_ref().map_or(DEFAULT_STORE, |p| &p.log.store);
        let folder = context.state.join(store);
        let timezone = known.map_or_else(|| load::timezone(context), |p| p.organisation.timezone);
        Ok(Self { folder, now: context.at(&timezone)?, timezone })
    }
}

fn failed(error: &StoreError) -> Failure {
    Failure::failed(error.message())
}

fn query(options: &QueryOptions, place: &Place, context: &Context) -> Result<Exit, Failure> {
    let mut query = options.filters.query(place)?;
    query.limit = options.limit;
    if let Some(until) = &options.until {
        query.until = Some(time::until(until, place.now, &place.timezone).ok_or_else(|| filter::bad("until", until))?);
    }
    let mut reader = FlowReader::open(&place.folder).map_err(|error| failed(&error))?;
    let mut lines = Lines::new(context);
    let mut stopped = None;
    let read = reader.query(&query, |record: Record| match lines.add(&record) {
        Ok(true) => ControlFlow::Continue(()),
        other => {
            stopped = Some(other);
            ControlFlow::Break(())
        }
    });
    match stopped {
        Some(Err(failure)) => return Err(failure),
        // Nobody reads any more.
        Some(Ok(_)) => return Ok(Exit::Done),
        None => {}
    }
    lines.finish()?;
    read.map_err(|error| failed(&error))?;
    tell_gaps(&reader, &query, place, context)?;
    Ok(Exit::Done)
}

/// Says on standard error what is missing in the range that was asked about.
fn tell_gaps(reader: &FlowReader, query: &Query, place: &Place, context: &Context) -> Result<(), Failure> {
    const MOST: usize = 20;
    let gaps = reader.gaps(query.since, query.until).map_err(|error| failed(&error))?;
    if gaps.is_empty() {
        return Ok(());
    }
    context.note(&Message::new("log-gaps").with("count", gaps.len()));
    for gap in gaps.iter().rev().take(MOST) {
        context.note(&show::gap_words(gap, &place.timezone));
    }
    if gaps.len() > MOST {
        context.note(&Message::new("log-gaps-more").with("count", gaps.len() - MOST));
    }
    Ok(())
}
