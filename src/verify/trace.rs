//! Why a packet passes or not, in one answer: the judge's verdict and, for a
//! denial, what comes nearest.

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::flow::{object, time_text};
use super::nearest::{Differs, Nearest, Neighbours};
use crate::judge::{End, Question, judge};
use crate::policy::{DenyReason, HostId, Policy, Verdict, ZoneId};

/// The answer of `zonectl trace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Allowed or denied, and why.
    pub verdict: Verdict,
    /// Id of the deciding entry.
    pub entry: Option<String>,
    /// Source zone, or `gateway`; none = no zone.
    pub from_zone: Option<String>,
    /// Destination zone, or `gateway`; none = no zone.
    pub to_zone: Option<String>,
    /// For a denial: the nearest entry, if there is any entry.
    pub nearest: Option<Nearest>,
    /// For a denial by binding: what is declared, and what was seen instead.
    pub mismatch: Option<Mismatch>,
    /// For a denial outside a window: when it next passes, if ever.
    pub opens: Option<Timestamp>,
}

/// An address and a MAC that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The MACs declared for the address, or the addresses declared for the MAC;
    /// none for a device that is not declared.
    pub declared: Vec<String>,
    /// What was seen in their place: a MAC, or an address; both for a device that
    /// is not declared. An unknown MAC is left out.
    pub seen: Vec<String>,
}

fn mismatch(policy: &Policy, question: &Question, verdict: Verdict, zone: Option<ZoneId>) -> Option<Mismatch> {
    let (src, mac) = (question.packet.src, question.packet.src_mac);
    let seen_mac = mac.map(|mac| mac.to_string());
    let hosts = || (0..policy.hosts.len()).map(HostId).map(|id| (id, policy.host(id)));
    match verdict {
        Verdict::Deny(DenyReason::MacMismatch) => {
            let owners = hosts().filter(|(_, h)| Some(h.zone) == zone && h.ips.iter().any(|net| net.contains(&src)));
            let declared = owners.flat_map(|(id, _)| policy.seen_macs(id)).map(ToString::to_string).collect();
            Some(Mismatch { declared, seen: seen_mac.into_iter().collect() })
        }
        Verdict::Deny(DenyReason::IpMismatch) => {
            let owners = hosts().filter(|(_, h)| mac.is_some_and(|mac| h.macs.contains(&mac)));
            let declared = owners.flat_map(|(_, h)| &h.ips).map(prefix_text).collect();
            Some(Mismatch { declared, seen: vec![src.to_string()] })
        }
        Verdict::Deny(DenyReason::ForeignDevice) => {
            Some(Mismatch { declared: Vec::new(), seen: seen_mac.into_iter().chain([src.to_string()]).collect() })
        }
        _ => None,
    }
}

/// A prefix; a single address without its length.
fn prefix_text(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// Traces one packet. `differs` of the nearest entry may be empty only in a
/// denial that no entry could lift, such as a forged source.
pub fn trace(policy: &Policy, question: &Question) -> Trace {
    let policy = &*policy.as_of(question.at);
    let answer = judge(policy, question);
    let name = |end: End| match end {
        End::Gateway => Some("gateway".to_owned()),
        End::Zone(zone) => Some(policy.zone(zone).name.clone()),
        End::Unknown => None,
    };
    let neighbours = Neighbours::new(policy);
    let outside = answer.verdict == Verdict::Deny(DenyReason::OutsideWindow);
    let nearest = match answer.verdict {
        Verdict::Allow(_) => None,
        Verdict::Deny(reason) => {
            let mut nearest = neighbours.nearest(&question.packet, question.at, Some(reason));
            if let (DenyReason::Invalid, Some(nearest)) = (reason, &mut nearest) {
                nearest.differs.push(Differs::State);
            }
            nearest
        }
    };
    Trace {
        verdict: answer.verdict,
        entry: answer.entry.map(|index| policy.entries[index].id.clone()),
        from_zone: name(answer.from_zone),
        to_zone: name(answer.to_zone),
        nearest,
        mismatch: mismatch(policy, question, answer.verdict, answer.from_zone.zone()),
        opens: outside.then(|| neighbours.opens(&question.packet, question.at)).flatten(),
    }
}

impl Nearest {
    /// `{"entry","differs":[…]}`.
    pub fn to_json(&self) -> Value {
        json!({ "entry": self.entry, "differs": self.differs.iter().map(|d| d.as_str()).collect::<Vec<_>>() })
    }
}

impl Trace {
    /// SPEC §4's JSON; `nearest` is null when allowed or where there is no entry.
    /// Beside it `declared` and `seen` for a denial by binding, and `opens` (null if
    /// never) for one outside a window; no other answer has these keys.
    pub fn to_json(&self, timezone: &TimeZone) -> Value {
        let mut answer = vec![
            ("verdict", json!(self.verdict.as_str())),
            ("reason", json!(self.verdict.reason())),
            ("entry", json!(self.entry)),
            ("from_zone", json!(self.from_zone)),
            ("to_zone", json!(self.to_zone)),
            ("nearest", json!(self.nearest.as_ref().map(Nearest::to_json))),
        ];
        if let Some(mismatch) = &self.mismatch {
            answer.extend([("declared", json!(mismatch.declared)), ("seen", json!(mismatch.seen))]);
        }
        if self.verdict == Verdict::Deny(DenyReason::OutsideWindow) {
            answer.push(("opens", json!(self.opens.map(|at| time_text(at, timezone)))));
        }
        object(answer)
    }
}
