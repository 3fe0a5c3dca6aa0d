//! What is cut off by hand, whatever the policy says.

use super::{HostId, ZoneId};
use crate::net::MacAddr;

/// What an isolation cuts, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolated {
    /// Everything.
    All,
    /// What comes from a zone or goes there, inside it too.
    Zone(ZoneId),
    /// What goes from one of these zones to the other.
    Pair(ZoneId, ZoneId),
    /// What comes from a host's addresses or MACs, or goes to its addresses.
    Host(HostId),
    /// What comes from a MAC, or goes to the addresses of the hosts that have it.
    Mac(MacAddr),
}
