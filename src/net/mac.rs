//! IEEE 802 MAC addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::address::fold_width;

/// A 48-bit MAC address (IEEE 802-2014, EUI-48). Prints lower-case with colons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MacAddr(pub [u8; 6]);

/// Why a text is not a MAC address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// Not twelve hexadecimal digits, once separators are taken out.
    #[error("not twelve hexadecimal digits")]
    Digits,
    /// Separators of several kinds, or in odd places.
    #[error("mixed or misplaced separators")]
    Separators,
}

impl MacAddr {
    /// The address as a number, 0 ..= 2^48 - 1.
    pub fn to_u64(self) -> u64 {
        self.0.iter().fold(0, |n, b| (n << 8) | u64::from(*b))
    }

    /// The address of the low 48 bits of `n`.
    pub fn from_u64(n: u64) -> Self {
        let b = n.to_be_bytes();
        Self([b[2], b[3], b[4], b[5], b[6], b[7]])
    }

    /// True for group addresses (the I/G bit), broadcast among them: no host's own.
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// True for 00:00:00:00:00:00.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }
}

impl FromStr for MacAddr {
    type Err = MacError;

    /// Reads `00:00:5e:00:53:01`, `00-00-5E-00-53-01`, `0000.5e00.5301`,
    /// `00005e005301` and the same in full-width characters.
    fn from_str(text: &str) -> Result<Self, MacError> {
        let text = fold_width(text.trim());
        let group = match text.chars().find(|c| !c.is_ascii_hexdigit()) {
            None => 12,
            Some(':' | '-') => 2,
            Some('.') => 4,
            Some(_) => return Err(MacError::Digits),
        };
        let mut digits = String::with_capacity(12);
        if group == 12 {
            digits.push_str(&text);
        } else {
            let separator = if group == 4 {
                '.'
            } else if text.contains(':') {
                ':'
            } else {
                '-'
            };
            for part in text.split(separator) {
                if !part.chars().all(|c| c.is_ascii_hexdigit()) {
                    return Err(MacError::Separators);
                }
                if part.len() != group {
                    return Err(MacError::Digits);
                }
                digits.push_str(part);
            }
        }
        if digits.len() != 12 {
            return Err(MacError::Digits);
        }
        u64::from_str_radix(&digits, 16).map(Self::from_u64).map_err(|_| MacError::Digits)
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

impl TryFrom<String> for MacAddr {
    type Error = MacError;
    fn try_from(text: String) -> Result<Self, MacError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_reads_the_same() {
        let want = MacAddr([0, 0, 0x5e, 0, 0x53, 0xab]);
        for text in [
            "00:00:5e:00:53:ab",
            "00-00-5E-00-53-AB",
            "0000.5e00.53ab",
            "00005E0053AB",
            "００：００：５ｅ：００：５３：ＡＢ",
            " 00:00:5e:00:53:ab ",
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
        assert_eq!(want.to_string(), "00:00:5e:00:53:ab");
        assert_eq!(MacAddr::from_u64(want.to_u64()), want);
    }

    #[test]
    fn what_is_no_mac_is_refused() {
        for text in [
            "",
            "00:00:5e:00:53",
            "00:00:5e:00:53:a",
            "00:00-5e:00:53:ab",
            "5e0053ab",
            "zz:00:5e:00:53:ab",
            "00:00:5e:00:53:ab:01",
        ] {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
    }
}
