//! `zonectl trace`: what becomes of one packet, and why. Offline.

use std::net::IpAddr;

use clap::Args;

use super::context::local_time;
use super::{Context, Exit, Failure, load};
use crate::diag::Message;
use crate::judge::Question;
use crate::net::{ConnState, Family, IfName, IfPattern, MacAddr, Packet, Proto};
use crate::policy::Policy;
use crate::verify::{self, Differs, Trace};

/// The packet. Without `--in` it is sent by the gateway itself, without
/// `--out` it is for the gateway itself.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(long = "in", value_name = "IF", conflicts_with = "from_zone")]
    input: Option<IfName>,
    #[arg(long = "out", value_name = "IF", conflicts_with = "to_zone")]
    output: Option<IfName>,
    #[arg(long = "from-zone", value_name = "ZONE")]
    from_zone: Option<String>,
    #[arg(long = "to-zone", value_name = "ZONE")]
    to_zone: Option<String>,
    #[arg(long, value_name = "MAC")]
    mac: Option<MacAddr>,
    #[arg(long, value_name = "ADDRESS")]
    src: IpAddr,
    #[arg(long, value_name = "ADDRESS")]
    dst: IpAddr,
    #[arg(long, value_name = "PROTO", default_value = "tcp", value_parser = parse_proto)]
    proto: Proto,
    #[arg(long, value_name = "PORT")]
    sport: Option<u16>,
    #[arg(long, value_name = "PORT")]
    dport: Option<u16>,
    #[arg(long = "icmp-type", value_name = "N")]
    icmp_type: Option<u8>,
    #[arg(long = "icmp-code", value_name = "N")]
    icmp_code: Option<u8>,
}

/// The connection's state: `--state new|established|invalid`. A path given as
/// `--state` is the state folder, as with every command; nothing is read there.
fn state(context: &Context) -> Result<ConnState, Failure> {
    let mut state = ConnState::New;
    for given in &context.states {
        match given.to_str() {
            Some("new") => state = ConnState::New,
            Some("established") => state = ConnState::Established,
            Some("invalid") => state = ConnState::Invalid,
            Some(folder) if folder.contains('/') => {}
            _ => {
                let message = Message::new("cli-bad-value-of").with("argument", "--state");
                let value = given.display().to_string();
                return Err(Failure::usage_with(
                    message.with("value", value).with("valid", "new, established, invalid"),
                ));
            }
        }
    }
    Ok(state)
}

fn parse_proto(text: &str) -> Result<Proto, String> {
    // The words are not shown: the kind of clap's error chooses ours.
    Proto::parse(text).ok_or_else(|| text.to_owned())
}

/// Prints the verdict; exit 0 for either.
pub(super) fn run(options: &Options, context: &Context) -> Result<Exit, Failure> {
    let candidate = load::config(context)?;
    let policy = load::policy(context, &candidate)?;
    let question = Question { state: state(context)?, ..Question::new(packet(options, policy)?, candidate.at) };
    let trace = verify::trace(policy, &question);
    if context.json() {
        return context.print_json(&trace.to_json(&policy.organisation.timezone), Exit::Done);
    }
    context.print(&words(context, &policy.as_of(question.at), &question.packet, &trace))?;
    Ok(Exit::Done)
}

/// The packet that was asked about.
fn packet(options: &Options, policy: &Policy) -> Result<Packet, Failure> {
    if Family::of(options.src) != Family::of(options.dst) {
        return Err(Failure::usage("cli-trace-families"));
    }
    let in_if = interface(options.input.as_ref(), options.from_zone.as_deref(), policy)?;
    let out_if = interface(options.output.as_ref(), options.to_zone.as_deref(), policy)?;
    if in_if.is_none() && out_if.is_none() {
        return Err(Failure::usage("cli-trace-no-interface"));
    }
    Ok(Packet {
        in_if,
        out_if,
        src_mac: options.mac,
        src: options.src,
        dst: options.dst,
        proto: options.proto,
        sport: options.sport,
        dport: options.dport,
        icmp_type: options.icmp_type,
        icmp_code: options.icmp_code,
    })
}

/// The interface meant: named, or a zone's first; none for the gateway itself.
fn interface(name: Option<&IfName>, zone: Option<&str>, policy: &Policy) -> Result<Option<IfName>, Failure> {
    let Some(zone) = zone.filter(|zone| *zone != "gateway") else { return Ok(name.cloned()) };
    let found = policy.zone_named(zone).and_then(|id| policy.zone(id).interfaces.first());
    match found {
        // A wildcard's prefix is itself a name that it matches.
        Some(IfPattern::Exact(name) | IfPattern::Prefix(name)) => Ok(Some(name.clone())),
        None => Err(Failure::usage_with(Message::new("cli-trace-no-zone").with("zone", zone))),
    }
}

/// The verdict in words: what, why, from where to where, and what comes nearest.
fn words(context: &Context, policy: &Policy, packet: &Packet, trace: &Trace) -> String {
    let reason = trace.verdict.reason();
    let passes = trace.verdict.is_allow();
    // Allowed without an entry is what the gateway itself may do.
    let own = reason == "allowed" && trace.entry.is_none();
    let key = if own { "cli-reason-output".to_owned() } else { format!("cli-reason-{reason}") };
    let why = context.lang.words(&key).unwrap_or_else(|| reason.to_owned());
    let key = if passes { "cli-trace-passes" } else { "cli-trace-denied" };
    let mut lines = vec![context.words(&Message::new(key).with("why", why).with("reason", reason))];
    if let Some(id) = &trace.entry {
        lines.push(context.words(&Message::new("cli-trace-entry").with("entry", entry(policy, id))));
    }
    let from = end(policy, trace.from_zone.as_deref(), packet.src, context);
    let to = end(policy, trace.to_zone.as_deref(), packet.dst, context);
    lines.push(context.words(&Message::new("cli-trace-from").with("end", from)));
    lines.push(context.words(&Message::new("cli-trace-to").with("end", to)));
    if let Some(nearest) = &trace.nearest {
        let name = |differs: &Differs| {
            let key = format!("cli-differs-{}", differs.as_str().replace('_', "-"));
            context.lang.words(&key).unwrap_or_else(|| differs.as_str().to_owned())
        };
        let message = Message::new("cli-trace-nearest").with("entry", entry(policy, &nearest.entry));
        lines.push(context.words(&message));
        let differs: Vec<String> = nearest.differs.iter().map(name).collect();
        if !differs.is_empty() {
            let list = differs.join(&context.word("cli-list-comma"));
            lines.push(context.words(&Message::new("cli-trace-differs").with("list", list)));
        }
    }
    if let Some(mismatch) = &trace.mismatch {
        let list = |items: &[String]| {
            if items.is_empty() {
                context.word("cli-trace-nothing")
            } else {
                items.join(&context.word("cli-list-comma"))
            }
        };
        let message = Message::new("cli-trace-declared").with("declared", list(&mismatch.declared));
        lines.push(context.words(&message.with("seen", list(&mismatch.seen))));
    }
    if let Some(at) = trace.opens {
        let time = local_time(at, &policy.organisation.timezone);
        lines.push(context.words(&Message::new("cli-trace-opens").with("time", time)));
    }
    if !passes && packet.in_if.is_some() && packet.src_mac.is_none() {
        lines.push(context.word("cli-trace-no-mac"));
    }
    if !passes && packet.proto.has_ports() && packet.dport.is_none() {
        lines.push(context.word("cli-trace-no-port"));
    }
    lines.join("\n") + "\n"
}

/// `MN-001 「申請データの受渡し」`
fn entry(policy: &Policy, id: &str) -> String {
    let title = policy.entries.iter().find(|e| e.id == id).and_then(|e| e.title.as_deref());
    title.map_or_else(|| id.to_owned(), |title| format!("{id}「{title}」"))
}

/// An address with its zone and its host, as far as they are known.
fn end(policy: &Policy, zone: Option<&str>, address: IpAddr, context: &Context) -> String {
    let Some(name) = zone else {
        return format!("{address} ({})", context.word("cli-trace-unknown-zone"));
    };
    let id = policy.zone_named(name);
    let label = id.and_then(|id| policy.zone(id).label.as_deref());
    let host = policy.hosts.iter().find(|h| Some(h.zone) == id && h.ips.iter().any(|net| net.contains(&address)));
    let mut out = address.to_string();
    if let Some(host) = host {
        out.push_str(&format!(" {}", host.name));
    }
    match label {
        Some(label) => out.push_str(&format!(" ({name}: {label})")),
        None => out.push_str(&format!(" ({name})")),
    }
    out
}
