//! Normal form to ruleset.
//!
//! The way of a packet that opens a flow: connection state → `src*` (class into
//! the mark) → `dst*` (target into the priority) → `pair` (node into the mark) →
//! `service*` → the entry's chain. Each arrow is one hash lookup; a range is
//! looked up after the hash, a zone as a whole after both, and every miss ends
//! in the chain of its reason.
//!
//! Mark and priority of the packet that opens a flow are zoned's own in the
//! forward, input and output hooks; both are 0 again when it is accepted. The
//! packets of open flows keep theirs. The mark of a connection is zoned's own
//! too: it says which entry let it open, 0 = none.

use jiff::Timestamp;

use super::names::{DENIED_GROUP, LogTag, deny_counter};
use super::ruleset::{CtState, Field, Hook, Ruleset, Statement, Value, Verdict};
use crate::net::{Family, Proto};
use crate::policy::DenyReason;
use crate::rules::{Rules, TargetId};

mod arp;
mod binding;
mod ends;
mod gateway;
mod maps;
mod nat;
mod open;
mod strict;
mod zones;

/// The ruleset of a policy's normal form.
pub fn lower(rules: &Rules) -> Ruleset {
    let mut out = Ruleset::default();
    maps::fill(rules, &mut out);
    let open = open::fill(rules, &mut out);
    forward(&open, &mut out);
    zones::sources(rules, &mut out);
    zones::destinations(rules, &mut out);
    services(&mut out);
    for family in Family::BOTH {
        binding::moved(rules, Sender::ip(family), &mut out);
    }
    gateway::input(rules, &open, &mut out);
    gateway::output(rules, &open, &mut out);
    nat::postrouting(rules, &mut out);
    ends::entries(rules, &mut out);
    ends::denials(rules, &mut out);
    out.arp = arp::table(rules).map(Box::new);
    out
}

/// A closed gateway: nothing is forwarded; loopback, open flows of the gateway
/// itself and neighbour discovery live. Loaded where no valid policy is at hand.
pub fn closed() -> Ruleset {
    let rules = Rules {
        atoms: Vec::new(),
        zones: Vec::new(),
        sources: Vec::new(),
        devices: Vec::new(),
        bound: Vec::new(),
        fixed: Vec::new(),
        link_sources: Vec::new(),
        link_places: Vec::new(),
        targets: Vec::new(),
        pairs: Vec::new(),
        gateway_source: None,
        gateway_target: TargetId(1),
        nodes: Vec::new(),
        entries: Vec::new(),
        management: Vec::new(),
        snaplen: 320,
    };
    let mut out = lower(&rules);
    // Without zones no source is known; neighbours must still be found.
    let discovery = vec![
        bytes(Field::Icmpv6Type, &gateway::NEIGHBOUR),
        bytes(Field::HopLimit, &[255]),
        Statement::Verdict(Verdict::Accept),
    ];
    out.chain("input").rules.insert(1, discovery);
    out
}

/// Short forms for rules.
pub(super) mod short {
    use super::*;

    pub fn goto(chain: impl Into<String>) -> Statement {
        Statement::Verdict(Verdict::Goto(chain.into()))
    }

    pub fn accept() -> Statement {
        Statement::Verdict(Verdict::Accept)
    }

    pub fn deny(reason: DenyReason) -> Statement {
        goto(deny_chain(reason))
    }

    /// The chain that ends in this denial.
    pub fn deny_chain(reason: DenyReason) -> String {
        deny_counter(reason)
    }

    pub fn l4proto(protos: &[Proto]) -> Statement {
        Statement::Match(Field::L4proto, protos.iter().map(|p| Value::Proto(*p)).collect())
    }

    pub fn bytes(field: Field, values: &[u8]) -> Statement {
        Statement::Match(field, values.iter().map(|n| Value::Byte(*n)).collect())
    }

    /// `4` or `6`, the end of the names of what there is once a family.
    pub fn digit(family: Family) -> &'static str {
        match family {
            Family::V4 => "4",
            Family::V6 => "6",
        }
    }

    /// A verdict map over the family.
    pub fn by_family(v4: &str, v6: &str) -> Statement {
        let case = |family, chain: &str| (Value::Family(family), Verdict::Goto(chain.to_owned()));
        Statement::Cases(Field::Nfproto, vec![case(Family::V4, v4), case(Family::V6, v6)])
    }
}

use binding::Sender;
use short::{by_family, bytes, deny, deny_chain, goto};

/// Steps 2 and 3 of SPEC §2; `open` says where packets of open flows go,
/// `untracked` where untracked ones.
fn states(open: &Verdict, untracked: Verdict) -> Vec<Vec<Statement>> {
    let case = |state, verdict| (Value::State(state), verdict);
    vec![
        vec![Statement::RoutingHeader, deny(DenyReason::Invalid)],
        vec![Statement::Cases(
            Field::CtState,
            vec![
                case(CtState::Established, open.clone()),
                case(CtState::Related, Verdict::Jump("related".into())),
                case(CtState::Invalid, Verdict::Goto(deny_chain(DenyReason::Invalid))),
                case(CtState::Untracked, untracked),
            ],
        )],
    ]
}

/// The lookups of a source by (interface, MAC, address); `next` = where each
/// family goes on.
fn by_mac(out: &Ruleset, next: [&str; 2]) -> Vec<Vec<Statement>> {
    let families = Family::BOTH.into_iter().zip(next);
    families.flat_map(|(family, next)| binding::known(out, Sender::ip(family), "", next)).collect()
}

fn forward(open: &Verdict, out: &mut Ruleset) {
    let mut rules = states(open, Verdict::Goto(deny_chain(DenyReason::Invalid)));
    rules.extend(by_mac(out, ["to4", "to6"]));
    rules.push(vec![by_family("from4", "from6")]);
    rules.push(vec![deny(DenyReason::UnknownZone)]);
    let chain = out.chain("forward");
    chain.hook = Some(Hook::Forward);
    chain.rules = rules;
    // ICMP errors about an open flow; a helper's expected flow is a new one.
    let pass = || Statement::Verdict(open.clone());
    out.chain("related")
        .rule([bytes(Field::IcmpType, &[3, 4, 11, 12]), pass()])
        .rule([bytes(Field::Icmpv6Type, &[1, 2, 3, 4]), pass()]);
}

/// The second question's end and the third: mark = class, then node.
fn services(out: &mut Ruleset) {
    let known = out.maps.contains_key("pair");
    let chain = out.chain("pair");
    if known {
        chain.rule([Statement::MarkFromMap(vec![Field::Mark, Field::Priority], "pair".into()), goto("svc")]);
    }
    chain.rule([deny(DenyReason::NoAllowEntry)]);
    let case = |proto, chain: &str| (Value::Proto(proto), Verdict::Goto(chain.to_owned()));
    let cases = vec![
        case(Proto::TCP, "svc_port"),
        case(Proto::UDP, "svc_port"),
        case(Proto::SCTP, "svc_port"),
        case(Proto::ICMP, "svc_icmp"),
        case(Proto::ICMPV6, "svc_icmp6"),
    ];
    out.chain("svc").rule([Statement::Cases(Field::L4proto, cases)]).rule([goto("svc_proto")]);
    use Field::{Dport, IcmpType, Icmpv6Type, L4proto, Mark};
    let next = || goto("svc_proto");
    lookups(
        out,
        "svc_port",
        &[("service", &[Mark, L4proto, Dport]), ("service_range", &[Mark, L4proto, Dport])],
        next(),
    );
    lookups(out, "svc_icmp", &[("service_icmp", &[Mark, IcmpType]), ("service_icmp_all", &[Mark])], next());
    lookups(out, "svc_icmp6", &[("service_icmp6", &[Mark, Icmpv6Type]), ("service_icmp6_all", &[Mark])], next());
    let last = deny(DenyReason::NoAllowEntry);
    lookups(out, "svc_proto", &[("service_proto", &[Mark, L4proto]), ("service_any", &[Mark])], last);
}

/// A chain of lookups in those of the maps that exist, and its end.
fn lookups(out: &mut Ruleset, chain: &str, maps: &[(&str, &[Field])], end: Statement) {
    let mut rules = Vec::new();
    for (map, key) in maps.iter().filter(|(map, _)| out.maps.contains_key(*map)) {
        // Every type of ICMP is meant in its own family only.
        let family = match *map {
            "service_icmp_all" => Some(Family::V4),
            "service_icmp6_all" => Some(Family::V6),
            _ => None,
        };
        let own = family.map(|f| Statement::Match(Field::Nfproto, vec![Value::Family(f)]));
        rules.push(own.into_iter().chain([Statement::Vmap(key.to_vec(), (*map).to_owned())]).collect());
    }
    rules.push(vec![end]);
    out.chain(chain).rules = rules;
}

/// Compiles and lowers in one step.
pub fn ruleset(policy: &crate::policy::Policy, at: Timestamp) -> Ruleset {
    lower(&crate::rules::compile(policy, at))
}

/// The statement that sends a denied packet to the log.
fn log_denied(reason: DenyReason, snaplen: u32) -> Statement {
    Statement::Log { prefix: LogTag::Denied(reason).prefix(), group: DENIED_GROUP, snaplen }
}
