//! One denied (or recorded) flow, with every key of SPEC §6.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value};

use crate::net::{IfName, MacAddr, Proto};
use crate::policy::Verdict;

/// A flow over at most 60 seconds. What is none is `null` in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When the first packet was seen.
    pub first_seen: Timestamp,
    /// When the last was.
    pub last_seen: Timestamp,
    /// The organisation's offset from UTC at the first packet.
    pub offset: Offset,
    /// How many packets.
    pub packets: u64,
    /// Their bytes from the network header on, as their headers say.
    pub bytes: u64,
    /// Allowed or denied, and why.
    pub verdict: Verdict,
    /// The deciding entry's id, of an allowed flow.
    pub entry: Option<Arc<str>>,
    /// Zone of the source; `gateway` = the gateway itself.
    pub from_zone: Option<Arc<str>>,
    /// Zone of the destination; `gateway` = the gateway itself.
    pub to_zone: Option<Arc<str>>,
    /// Input interface of the first packet.
    pub in_if: Option<IfName>,
    /// Output interface of the first packet.
    pub out_if: Option<IfName>,
    /// Source MAC.
    pub src_mac: Option<MacAddr>,
    /// Source address.
    pub src: Option<IpAddr>,
    /// Destination address.
    pub dst: Option<IpAddr>,
    /// Transport protocol.
    pub proto: Option<Proto>,
    /// Source port of the first packet.
    pub sport: Option<u16>,
    /// Destination port.
    pub dport: Option<u16>,
    /// TCP flags of the first packet.
    pub tcp_flags: Option<u8>,
    /// ICMP type.
    pub icmp_type: Option<u8>,
    /// ICMP code.
    pub icmp_code: Option<u8>,
    /// Bytes of the first packet from the network header on.
    pub length: Option<u32>,
    /// Time to live or hop limit of the first packet.
    pub ttl: Option<u8>,
    /// The source's name in the ledger of that moment.
    pub src_host: Option<Arc<str>>,
    /// The destination's.
    pub dst_host: Option<Arc<str>>,
    /// Label `dept` of the source.
    pub src_dept: Option<Arc<str>>,
    /// Label `dept` of the destination.
    pub dst_dept: Option<Arc<str>>,
    /// The entry that comes nearest to allowing a denied flow.
    pub nearest_entry: Option<Arc<str>>,
    /// Digest of the policy that decided.
    pub policy_digest: Arc<str>,
    /// Its revision.
    pub revision: Option<u64>,
    /// The gateway's name.
    pub gateway: Arc<str>,
    /// The kernel's id of this boot.
    pub boot_id: Arc<str>,
    /// Number of the record in its store, rising by one.
    pub seq: u64,
    /// Whether the clock was synchronised; none = the kernel does not say.
    pub clock_synced: Option<bool>,
    /// Link, network and transport headers of the first packet, up to
    /// `log.snaplen` bytes; never payload.
    pub header: Option<Vec<u8>>,
}

/// TCP's flags from the low bit up.
const TCP_FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/// Flags by name, such as `SYN,ACK`; empty if none is set.
pub fn tcp_flag_names(flags: u8) -> String {
    let set: Vec<&str> =
        TCP_FLAGS.iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, n)| *n).collect();
    set.join(",")
}

/// A moment as RFC 3339 with this offset and nanoseconds.
pub fn rfc3339(at: Timestamp, offset: Offset) -> String {
    at.to_zoned(TimeZone::fixed(offset)).strftime("%Y-%m-%dT%H:%M:%S.%9f%:z").to_string()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// UTC nanoseconds since 1970. A kernel's or a store's times lie well within
/// the range (1677 to 2262); others take its nearest end.
pub fn nanoseconds(at: Timestamp) -> i64 {
    at.as_nanosecond().clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

impl Record {
    /// The keys in SPEC §6's order, each time followed by its integer.
    pub const KEYS: [&'static str; 38] = [
        "id",
        "time",
        "time_ns",
        "first_seen",
        "first_seen_ns",
        "last_seen",
        "last_seen_ns",
        "packets",
        "bytes",
        "verdict",
        "reason",
        "entry",
        "from_zone",
        "to_zone",
        "in",
        "out",
        "src_mac",
        "src",
        "dst",
        "proto",
        "sport",
        "dport",
        "tcp_flags",
        "icmp_type",
        "icmp_code",
        "length",
        "ttl",
        "src_host",
        "dst_host",
        "dept",
        "nearest_entry",
        "policy_digest",
        "revision",
        "gateway",
        "boot_id",
        "seq",
        "clock_synced",
        "header",
    ];

    /// The name of this record anywhere: the moment in nanoseconds and its
    /// number, both hexadecimal; sorts by time.
    pub fn id(&self) -> String {
        format!("{:016x}-{:x}", nanoseconds(self.first_seen), self.seq)
    }

    /// The department: of the source, else of the destination.
    pub fn dept(&self) -> Option<&Arc<str>> {
        self.src_dept.as_ref().or(self.dst_dept.as_ref())
    }

    /// The values in the order of [`Self::KEYS`].
    pub fn values(&self) -> [Value; 38] {
        fn text(value: Option<impl ToString>) -> Value {
            value.map_or(Value::Null, |v| Value::String(v.to_string()))
        }
        fn number(value: Option<impl Into<u64>>) -> Value {
            value.map_or(Value::Null, |v| Value::from(v.into()))
        }
        let (first, last) = (rfc3339(self.first_seen, self.offset), rfc3339(self.last_seen, self.offset));
        let (first_ns, last_ns) = (nanoseconds(self.first_seen), nanoseconds(self.last_seen));
        [
            Value::from(self.id()),
            Value::from(first.clone()),
            Value::from(first_ns),
            Value::from(first),
            Value::from(first_ns),
            Value::from(last),
            Value::from(last_ns),
            Value::from(self.packets),
            Value::from(self.bytes),
            Value::from(self.verdict.as_str()),
            Value::from(self.verdict.reason()),
            text(self.entry.as_ref()),
            text(self.from_zone.as_ref()),
            text(self.to_zone.as_ref()),
            text(self.in_if.as_ref()),
            text(self.out_if.as_ref()),
            text(self.src_mac),
            text(self.src),
            text(self.dst),
            text(self.proto),
            number(self.sport),
            number(self.dport),
            text(self.tcp_flags.map(tcp_flag_names)),
            number(self.icmp_type),
            number(self.icmp_code),
            number(self.length),
            number(self.ttl),
            text(self.src_host.as_ref()),
            text(self.dst_host.as_ref()),
            text(self.dept()),
            text(self.nearest_entry.as_ref()),
            Value::from(self.policy_digest.as_ref()),
            number(self.revision),
            Value::from(self.gateway.as_ref()),
            Value::from(self.boot_id.as_ref()),
            Value::from(self.seq),
            self.clock_synced.map_or(Value::Null, Value::from),
            text(self.header.as_deref().map(hex)),
        ]
    }

    /// The record as one JSON object, every key present.
    pub fn to_json(&self) -> Value {
        let pairs = Self::KEYS.into_iter().map(str::to_owned).zip(self.values());
        Value::Object(pairs.collect::<Map<String, Value>>())
    }
}
