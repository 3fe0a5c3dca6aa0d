//! Z204: a range or a service so wide that nobody can say what it permits.

use ipnet::IpNet;

use super::input::Input;
use super::{Check, words};
use crate::diag::{Findings, Message, Severity};
use crate::net::Service;
use crate::policy::Endpoint;

pub const CHECK: Check = Check::new("Z204", Severity::Warning, words!("z204"), run)
    .example("[[allow]]\nid = \"LG-001\"\nfrom = \"lgwan:10.0.0.0/8\"\nto = \"lgwan-net\"\nservices = \"any\"\n");

/// The shortest prefix that is not too wide: 65,536 IPv4 addresses; of IPv6 one
/// site, which is what 65,536 subnets are.
fn wide(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() < 16,
        IpNet::V6(net) => net.prefix_len() < 48,
    }
}

fn run(input: &Input<'_>, findings: &mut Findings) {
    for allowed in input.living() {
        for (ends, texts) in [(&allowed.entry.from, &allowed.written.from), (&allowed.entry.to, &allowed.written.to)] {
            for end in ends {
                let net = match end {
                    Endpoint::Network(_, net) => Some(net).filter(|net| wide(net)),
                    Endpoint::Group(_, group) => input.policy.group(*group).networks.iter().find(|net| wide(net)),
                    _ => None,
                };
                if let Some(net) = net {
                    let message = Message::new("check-z204-range").with("range", net.to_string());
                    let place = input.end_place(texts, *end, allowed.place());
                    findings.push(input.finding(&CHECK, message).at(place).subject(&allowed.entry.id));
                }
            }
        }
        if let Some(text) = input.service_at(allowed, |service| *service == Service::Any) {
            let message = Message::new("check-z204-any");
            findings.push(input.finding(&CHECK, message).at(&text.place).subject(&allowed.entry.id));
        }
    }
}
