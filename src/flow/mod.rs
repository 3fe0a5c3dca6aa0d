//! Denied-flow records: decoding of logged packets, names, reasons, aggregation.
//!
//! Takes logged packets and the policy in force; gives [`Changes`] for a
//! [`FlowSink`]. Pure. A packet's way: [`LoggedPacket`] → [`Decoded`] →
//! [`Context`] (zones, hosts, entries) → [`Aggregator`] → [`Record`]. Whatever
//! does not become a record is a [`Gap`].

mod aggregate;
mod changes;
mod context;
mod decode;
mod packet;
mod record;

pub use aggregate::{Aggregator, Limits, RECORD_SPAN, Station};
pub use changes::{Changes, FlowSink, Gap, GapCause, Total};
pub use context::{Context, End};
pub use decode::Decoded;
pub use packet::{ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, LoggedPacket};
pub use record::{Record, hex, nanoseconds, rfc3339, tcp_flag_names};

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
