//! Address families, address ranges, and the folding of full-width text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(addr: IpAddr) -> Self {
        if addr.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The largest address of the family as a number.
    pub fn max(self) -> u128 {
        match self {
            Self::V4 => u128::from(u32::MAX),
            Self::V6 => u128::MAX,
        }
    }

    /// Bits of an address: 32 or 128.
    pub fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// The address as a number within its family.
pub fn addr_to_u128(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    }
}

/// The address of `family` with number `n`; for IPv4 the low 32 bits count.
pub fn u128_to_addr(family: Family, n: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(n as u32)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(n)),
    }
}

/// An inclusive range of addresses of one family; `first <= last` always.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddrRange {
    family: Family,
    first: u128,
    last: u128,
}

impl AddrRange {
    /// The range `first ..= last` as numbers of `family`.
    ///
    /// # Panics
    /// If `first > last` or `last` exceeds the family: a caller's mistake.
    pub fn new(family: Family, first: u128, last: u128) -> Self {
        assert!(first <= last && last <= family.max(), "address range {first}..={last}");
        Self { family, first, last }
    }

    /// Just this address.
    pub fn single(addr: IpAddr) -> Self {
        let n = addr_to_u128(addr);
        Self { family: Family::of(addr), first: n, last: n }
    }

    /// Every address of the family.
    pub fn all(family: Family) -> Self {
        Self { family, first: 0, last: family.max() }
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The lowest address as a number.
    pub fn first(&self) -> u128 {
        self.first
    }

    /// The highest address as a number.
    pub fn last(&self) -> u128 {
        self.last
    }

    /// The lowest address.
    pub fn first_addr(&self) -> IpAddr {
        u128_to_addr(self.family, self.first)
    }

    /// The highest address.
    pub fn last_addr(&self) -> IpAddr {
        u128_to_addr(self.family, self.last)
    }

    /// True if it holds one address.
    pub fn is_single(&self) -> bool {
        self.first == self.last
    }

    /// True if `addr` lies in it.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let n = addr_to_u128(addr);
        Family::of(addr) == self.family && self.first <= n && n <= self.last
    }

    /// True if all of `other` lies in it.
    pub fn contains_range(&self, other: &Self) -> bool {
        self.family == other.family && self.first <= other.first && other.last <= self.last
    }

    /// What both share, if anything.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (self.family == other.family && first <= last).then_some(Self { family: self.family, first, last })
    }

    /// The prefix that is exactly this range, if one is.
    pub fn as_prefix(&self) -> Option<IpNet> {
        let bits = u32::from(self.family.bits());
        let size_minus_1 = self.last - self.first;
        let host_bits = 128 - size_minus_1.leading_zeros();
        let aligned = size_minus_1 & (size_minus_1.wrapping_add(1)) == 0 && self.first & size_minus_1 == 0;
        // A prefix length of at most 128 always fits and is always valid for the family.
        aligned.then(|| IpNet::new(self.first_addr(), (bits - host_bits) as u8).ok()).flatten()
    }
}

impl From<IpNet> for AddrRange {
    fn from(net: IpNet) -> Self {
        Self { family: Family::of(net.addr()), first: addr_to_u128(net.network()), last: addr_to_u128(net.broadcast()) }
    }
}

impl fmt::Display for AddrRange {
    /// `ADDR`, `ADDR/LEN` or `ADDR-ADDR`, the shortest that is exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_prefix() {
            _ if self.is_single() => write!(f, "{}", self.first_addr()),
            Some(prefix) => write!(f, "{prefix}"),
            None => write!(f, "{}-{}", self.first_addr(), self.last_addr()),
        }
    }
}

impl fmt::Debug for AddrRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Reads an address or a CIDR prefix, in full-width characters too; an address
/// is the prefix of all its bits. None if it is neither. Host bits stay as
/// written: compare with [`IpNet::trunc`] where they matter.
pub fn parse_prefix(text: &str) -> Option<IpNet> {
    let text = fold_width(text.trim());
    match text.parse::<IpAddr>() {
        Ok(addr) => Some(IpNet::from(addr)),
        Err(_) => text.parse().ok(),
    }
}

/// Full-width ASCII (U+FF01–U+FF5E), the ideographic space and the dashes that
/// Japanese input methods put in place of a hyphen, folded to ASCII.
pub fn fold_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff70}' => '-',
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_print_in_the_shortest_exact_form() {
        let net: IpNet = "10.0.0.0/24".parse().unwrap();
        assert_eq!(AddrRange::from(net).to_string(), "10.0.0.0/24");
        assert_eq!(AddrRange::new(Family::V4, 1, 2).to_string(), "0.0.0.1-0.0.0.2");
        assert_eq!(AddrRange::new(Family::V4, 7, 7).to_string(), "0.0.0.7");
        assert_eq!(AddrRange::all(Family::V6).to_string(), "::/0");
        assert_eq!(AddrRange::all(Family::V4).to_string(), "0.0.0.0/0");
    }

    #[test]
    fn full_width_is_folded() {
        assert_eq!(fold_width("１０．１０．０．２０　Ａー−"), "10.10.0.20 A--");
    }
}
