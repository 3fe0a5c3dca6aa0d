//! One packet as the policy sees it: headers only, never payload.

use std::net::IpAddr;

use super::{Family, IfName, MacAddr, Proto};

/// A packet at the forward, input or output hook: after destination
/// translation, before source translation (SPEC §1, Zones).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Where it came in; none = sent by the gateway itself.
    pub in_if: Option<IfName>,
    /// Where it goes out; none = for the gateway itself.
    pub out_if: Option<IfName>,
    /// Ethernet source; none = not known or not Ethernet.
    pub src_mac: Option<MacAddr>,
    /// Source address, of the same family as `dst`.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Transport protocol, behind any extension headers.
    pub proto: Proto,
    /// Source port where the protocol has ports.
    pub sport: Option<u16>,
    /// Destination port where the protocol has ports.
    pub dport: Option<u16>,
    /// ICMP or ICMPv6 type.
    pub icmp_type: Option<u8>,
    /// ICMP or ICMPv6 code.
    pub icmp_code: Option<u8>,
}

impl Packet {
    /// The address family.
    pub fn family(&self) -> Family {
        Family::of(self.src)
    }
}

/// The connection-tracking state that a packet is judged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnState {
    /// Opens a flow; a helper's expected flow too.
    #[default]
    New,
    /// Of an open flow, or an ICMP error about one.
    Established,
    /// Invalid or untracked.
    Invalid,
}
