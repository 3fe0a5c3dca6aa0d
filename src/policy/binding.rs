//! Who may speak: the binding of addresses to devices.

use std::collections::BTreeSet;

use super::ZoneId;

/// `[binding]` (SPEC §2-5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Binding {
    /// Address, MAC and interface of declared hosts must agree.
    pub enforce: bool,
    /// Zones in which an undeclared device is denied and every packet is checked.
    pub strict: BTreeSet<ZoneId>,
    /// Permanent neighbour entries for declared hosts.
    pub pin_neighbours: bool,
}
