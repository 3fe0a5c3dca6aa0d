//! Z110: what crosses between LGWAN and the Internet's side is made harmless,
//! and by a way that its ends and ports fit.

use super::input::{Allowed, Crossing, Input};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Place, Severity};
use crate::net::{Proto, Service};
use crate::policy::{Entry, HostKind, Model, Purpose, Sanitise, ZoneClass};

pub const CHECK: Check = Check::new("Z110", Severity::Error, words!("z110"), run)
    .cites(&[Clause::shunan("第3章(2)①"), Clause::shunan("第6章第4節(3)⑤"), Clause::akune("I 6(3)イ")])
    .example("[[allow]]\nid = \"LI-001\"\nfrom = \"lgwan\"\nto = \"internet:vdi\"\nservices = \"https\"\n");

/// Ports of the usual screen transfers: 443 by TCP, the others by TCP and UDP.
const SCREEN: [u16; 6] = [22443, 8443, 4172, 3389, 1494, 2598];

/// True if an entry takes in nothing that would have to be made harmless.
pub fn exempt(entry: &Entry) -> bool {
    let plain = |service: &Service| match service {
        Service::Ports(proto, range) if range.is_single() => {
            matches!((*proto, range.first()), (Proto::TCP | Proto::UDP, 53) | (Proto::UDP, 123))
        }
        _ => false,
    };
    entry.purpose == Purpose::Update || (!entry.services.is_empty() && entry.services.iter().all(plain))
}

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living().filter(|allowed| !exempt(allowed.entry)) {
        for pair in input.crossings(allowed.entry) {
            let classes = (input.class(pair.from), input.class(pair.to));
            if matches!(classes, (ZoneClass::Lgwan, ZoneClass::Internet) | (ZoneClass::Internet, ZoneClass::Lgwan)) {
                for (message, place) in faults(input, allowed, pair) {
                    let message = message.with("from", input.zone_name(pair.from)).with("to", input.zone_name(pair.to));
                    findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
                }
            }
        }
    }
}

fn faults<'a>(input: &Input<'a>, allowed: Allowed<'a>, pair: Crossing) -> Vec<(Message, &'a Place)> {
    let way = allowed.written.sanitise.as_ref().map_or(allowed.place(), |way| &way.place);
    match allowed.entry.sanitise {
        None => vec![(Message::new("check-z110-missing"), allowed.place())],
        Some(Sanitise::MailText) => {
            let mail = |s: &Service| matches!(s, Service::Ports(Proto::TCP, r) if r.is_single() && r.first() == 25);
            let mut faults = kinds(input, allowed, pair, HostKind::Mta, "check-z110-mta");
            faults.extend(port(input, allowed, |s| !mail(s), "check-z110-mail-port"));
            faults
        }
        Some(Sanitise::ScreenTransfer) => {
            let mut faults = Vec::new();
            if input.class(pair.from) != opener(input.policy.compliance.model).unwrap_or(input.class(pair.from)) {
                faults.push((Message::new("check-z110-direction"), way));
            }
            faults.extend(port(input, allowed, |s| !screen(s), "check-z110-screen-port"));
            faults
        }
        Some(Sanitise::FileCdr) => kinds(input, allowed, pair, HostKind::Relay, "check-z110-relay"),
        Some(Sanitise::Other) => {
            let attested = allowed.entry.attest.as_deref().is_some_and(|attest| !attest.trim().is_empty());
            if attested { Vec::new() } else { vec![(Message::new("check-z110-attest"), way)] }
        }
    }
}

/// The class from whose side a screen transfer is opened; none where the model has no such rule.
fn opener(model: Model) -> Option<ZoneClass> {
    match model {
        Model::Alpha | Model::AlphaPrime => Some(ZoneClass::Lgwan),
        Model::Beta | Model::BetaPrime => Some(ZoneClass::Internet),
        Model::TwoZone | Model::General => None,
    }
}

fn screen(service: &Service) -> bool {
    match service {
        Service::Ports(proto, range) if range.is_single() => {
            let port = range.first();
            (*proto == Proto::TCP && port == 443)
                || (matches!(*proto, Proto::TCP | Proto::UDP) && SCREEN.contains(&port))
        }
        _ => false,
    }
}

/// A fault for every end of the pair that is not of this kind alone.
fn kinds<'a>(
    input: &Input<'a>,
    allowed: Allowed<'a>,
    pair: Crossing,
    kind: HostKind,
    key: &'static str,
) -> Vec<(Message, &'a Place)> {
    let mut faults = Vec::new();
    for (ends, texts, zone) in
        [(&allowed.entry.from, &allowed.written.from, pair.from), (&allowed.entry.to, &allowed.written.to, pair.to)]
    {
        for end in input.ends_in(ends, zone).filter(|end| !input.all_of_kind(*end, kind)) {
            let message = Message::new(key).with("end", input.end_text(end));
            faults.push((message, input.end_place(texts, end, allowed.place())));
        }
    }
    faults
}

fn port<'a>(
    input: &Input<'a>,
    allowed: Allowed<'a>,
    wrong: impl Fn(&Service) -> bool,
    key: &'static str,
) -> Option<(Message, &'a Place)> {
    let text = input.service_at(allowed, wrong)?;
    Some((Message::new(key).with("service", &text.value), &text.place))
}
