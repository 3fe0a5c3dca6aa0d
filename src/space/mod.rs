//! Exact algebra of packet spaces: union, intersection, difference, witness.
//!
//! Takes products of dimensions ([`Cube`]) built by `verify` from a policy;
//! gives differences, partitions and readable covers, exact to the single
//! packet and nanosecond. Work is bounded by a [`Budget`]: beyond it the answer
//! is [`SpaceError::TooLarge`], never a wrong one. Pure.

mod bounds;
mod cube;
mod difference;
mod interfaces;
mod interval;
mod merge;
mod point;

pub use bounds::BoxIndex;
pub use cube::{Cube, Dim, Split};
pub use difference::{Budget, SpaceError, difference, partition};
pub use interfaces::Interfaces;
pub use interval::IntervalSet;
pub use merge::merge;
pub use point::{
    GATEWAY_INTERFACE, Point, UNKNOWN_MAC, all_services, instant_of, mac_value, macs, own_icmp, service_set,
    service_value, time_set, time_value,
};

#[cfg(test)]
mod tests;
