//! Z124: mail is sent by mail servers alone.

use super::input::{Crossing, Input};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::net::{Proto, Service};
use crate::policy::{HostKind, Model, ZoneClass};

pub const CHECK: Check = Check::new("Z124", Severity::Error, words!("z124"), run)
    .cites(&[Clause::shunan("第6章第1節(14)①")])
    .example("[[allow]]\nid = \"LG-009\"\nfrom = \"lgwan\"\nto = \"lgwan-net:lgwan-mta\"\nservices = \"smtp\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    // A body without zones holds no clause on mail.
    if input.policy.compliance.model == Model::General {
        return;
    }
    let mail = |service: &Service| matches!(service, Service::Ports(Proto::TCP, range) if range.contains(25));
    for allowed in input.living().filter(|allowed| allowed.entry.services.iter().any(mail)) {
        let mut told = std::collections::HashSet::new();
        for Crossing { from, to } in input.crossings(allowed.entry) {
            // Senders outside cannot be declared: there the mail server is the one that takes it in.
            let outside = matches!(input.class(from), ZoneClass::Uplink | ZoneClass::Official | ZoneClass::Partner);
            let (ends, texts, zone) = if outside {
                (&allowed.entry.to, &allowed.written.to, to)
            } else {
                (&allowed.entry.from, &allowed.written.from, from)
            };
            for end in input.ends_in(ends, zone) {
                if !input.all_of_kind(end, HostKind::Mta) && told.insert(end) {
                    let key = if outside { "check-z124-inbound" } else { "check-z124-found" };
                    let message = Message::new(key).with("end", input.end_text(end));
                    let place = input.end_place(texts, end, allowed.place());
                    findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
                }
            }
        }
    }
}
