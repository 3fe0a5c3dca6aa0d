//! Denied-flow records: decoding of logged packets, names, reasons, aggregation.

mod packet;

pub use packet::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, LoggedPacket};
