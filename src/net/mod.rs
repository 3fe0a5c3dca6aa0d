//! Network values, parsed once and never a `String` again.
//!
//! Takes text from configuration, ledgers or the kernel; gives small `Copy` or
//! cheap types that print in one canonical form. Pure: no I/O, no policy.

mod address;
mod ifname;
mod mac;
mod packet;
mod port;
mod proto;
mod service;

pub use address::{AddrRange, Family, addr_to_u128, fold_width, parse_prefix, u128_to_addr};
pub use ifname::{IfName, IfNameError, IfPattern};
pub use mac::{MacAddr, MacError};
pub use packet::{ConnState, Packet};
pub use port::{PortError, PortRange};
pub use proto::Proto;
pub use service::{Service, ServiceError};
