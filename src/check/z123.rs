//! Z123: remote access is identified by more than one factor and encrypted.

use super::input::Input;
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::{Purpose, Remote, ZoneClass};

pub const CHECK: Check = Check::new("Z123", Severity::Error, words!("z123"), run)
    .cites(&[Clause::shunan("第6章第2節(2)③④⑦")])
    .example("[[allow]]\nid = \"RM-001\"\nfrom = \"uplink\"\nto = \"internet:vpn\"\nservices = \"https\"\npurpose = \"remote\"\nremote = { mfa = false, encrypted = true }\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living().filter(|allowed| allowed.entry.purpose == Purpose::Remote) {
        let Remote { mfa, encrypted } = allowed.entry.remote.unwrap_or(Remote { mfa: false, encrypted: false });
        let from = |class| input.crossings(allowed.entry).iter().any(|pair| input.class(pair.from) == class);
        let key = if from(ZoneClass::Uplink) && !(mfa && encrypted) {
            "check-z123-uplink"
        } else if from(ZoneClass::Partner) && !encrypted {
            "check-z123-partner"
        } else {
            continue;
        };
        let place = allowed.written.purpose.as_ref().map_or(allowed.place(), |purpose| &purpose.place);
        findings.push(input.finding(&CHECK, Message::new(key)).at(place).subject(&allowed.entry.id));
    }
}
