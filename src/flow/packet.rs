//! A logged packet as the kernel hands it over, before anything is read into it.

use jiff::Timestamp;

use crate::net::{IfName, MacAddr};

/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;

/// One packet of an NFLOG group: what the kernel says about it and its first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedPacket {
    /// The rule's log prefix; which of our tags it is, [`crate::nft::names::LogTag`] tells.
    pub prefix: String,
    /// EtherType of what follows the link header (host byte order).
    pub hw_protocol: u16,
    /// Where it came in; none = sent by the gateway itself.
    pub in_if: Option<IfName>,
    /// Where it goes out; none = for the gateway itself.
    pub out_if: Option<IfName>,
    /// Source MAC; none = no link layer, or not Ethernet's.
    pub src_mac: Option<MacAddr>,
    /// The link header as received; empty = none seen.
    pub link_header: Vec<u8>,
    /// When the kernel saw it; when it was read, where the kernel does not say.
    pub time: Timestamp,
    /// From the network header on, cut at the copied length.
    pub bytes: Vec<u8>,
}
