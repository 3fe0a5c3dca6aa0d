//! For tests: a small town, and packets in it.

use std::path::Path;
use std::sync::Arc;

use etherparse::PacketBuilder;
use jiff::Timestamp;

use super::{Context, ETHERTYPE_IPV4, LoggedPacket, Station};
use crate::diag::{Findings, Lang, Sources};
use crate::document::{self, MemoryTree};
use crate::nft::names::LogTag;
use crate::policy::{self, DenyReason};

/// What no packet's record may ever hold.
pub(crate) const SECRET: &[u8] = b"SECRET PAYLOAD OF A RESIDENT";

const TOWN: &str = r#"
version = 1
[organisation]
timezone = "Asia/Tokyo"
[compliance]
model = "alpha"
[zones.m]
class = "general"
interfaces = ["eth1", "lo"]
networks = ["10.10.0.0/24", "fd00:1::/64"]
[zones.l]
class = "general"
interfaces = ["eth2"]
networks = ["10.20.0.0/22"]
[hosts.zei-1]
zone = "m"
ip = ["10.10.0.20"]
mac = ["00:00:5e:00:53:20"]
labels = { dept = "税務課" }
[hosts.roaming]
zone = "m"
mac = ["00:00:5e:00:53:77"]
labels = { dept = "住民課" }
[hosts.racks]
zone = "l"
ip = ["10.20.2.0/24"]
labels = { dept = "情報政策課" }
[hosts.renkei]
zone = "l"
ip = ["10.20.1.5"]
[[allow]]
id = "MN-番"
from = ["m:zei-1"]
to = ["l:renkei"]
services = ["https"]
log = true
approval = { reason = "r", requested_by = "a", approved_by = "b", approved_on = 2026-03-20 }
"#;

/// The town's names, with this much of evidence kept.
pub(crate) fn context(snaplen: u16) -> Context {
    let text = format!("{TOWN}[gateway]\nname = \"gw1\"\n[log]\nsnaplen = {snaplen}\nretention_days = 30\n");
    let tree = MemoryTree::new([("zoned.toml", text)]);
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let reading = document::read(&tree, Path::new("zoned.toml"), &mut sources, &mut findings);
    let policy = reading.document.and_then(|d| policy::resolve(&d, &mut findings));
    let why = || findings.0.iter().map(|f| format!("{} {}\n", f.code, f.message.text(Lang::En))).collect::<String>();
    let policy = policy.unwrap_or_else(|| panic!("{}", why()));
    Context::new(Arc::new(policy), "sha256:aa", Some(3))
}

pub(crate) fn station() -> Station {
    Station { hostname: "box".into(), boot_id: "b00t".into(), clock_synced: Some(true) }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// 2026-11-22T09:00:00+09:00 and so many milliseconds.
pub(crate) fn at(millis: i64) -> Timestamp {
    time("2026-11-22T00:00:00Z") + jiff::SignedDuration::from_millis(millis)
}

/// A denied TCP SYN from zei-1, with data that must not be kept.
pub(crate) fn syn(dst: [u8; 4], dport: u16, at: Timestamp) -> LoggedPacket {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([10, 10, 0, 20], dst, 63).tcp(40000, dport, 7, 64).syn().write(&mut bytes, SECRET).unwrap();
    LoggedPacket {
        prefix: LogTag::Denied(DenyReason::NoAllowEntry).prefix(),
        hw_protocol: ETHERTYPE_IPV4,
        in_if: Some("eth1".parse().unwrap()),
        out_if: Some("eth2".parse().unwrap()),
        src_mac: Some("00:00:5e:00:53:20".parse().unwrap()),
        link_header: vec![2, 0, 0, 0, 0, 1, 0, 0, 0x5e, 0, 0x53, 0x20, 8, 0],
        time: at,
        bytes,
    }
}
