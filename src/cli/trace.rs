//! `zonectl trace`: what becomes of one packet, and why. Offline.

use std::net::IpAddr;

use clap::{Args, ValueEnum};

use super::{Context, Exit, Failure, load};
use crate::diag::Message;
use crate::judge::Question;
use crate::net::{ConnState, Family, IfName, IfPattern, MacAddr, Packet, Proto};
use crate::policy::Policy;

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
    #[arg(long, value_name = "STATE", default_value = "new")]
    state: State,
}

/// `--state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    New,
    Established,
    Invalid,
}

fn parse_proto(text: &str) -> Result<Proto, String> {
    // The words are not shown: the kind of clap's error chooses ours.
    Proto::parse(text).ok_or_else(|| text.to_owned())
}
