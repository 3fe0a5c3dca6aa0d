//! The gateway itself: what reaches it, and what it sends (SPEC §2).

use crate::net::{PortRange, Proto, Service};
use crate::policy::DenyReason;
use crate::rules::{ManagementRule, Rules};

use super::super::ruleset::{CtState, Field, Hook, Ruleset, Statement, Value, Verdict};
use super::short::{accept, by_family, bytes, deny, goto, l4proto};
use super::{by_mac, states};

/// Neighbour solicitation and advertisement, router solicitation (RFC 4861).
pub const NEIGHBOUR: [u8; 3] = [133, 135, 136];

/// The input hook: management first of all.
pub fn input(rules: &Rules, open: &Verdict, out: &mut Ruleset) {
    let mut body = Vec::new();
    for connection in &rules.management {
        body.extend(management(rules, connection));
    }
    if !body.is_empty() {
        out.counters.insert("management".into());
    }
    body.push(vec![loopback(Field::Iifname), accept()]);
    // Connection tracking leaves neighbour discovery untracked.
    body.extend(states(open, Verdict::Jump("untracked".into())));
    body.extend(by_mac(out, ["gateway", "gateway"]));
    body.push(vec![by_family("gin4", "gin6")]);
    body.push(vec![deny(DenyReason::UnknownZone)]);
    let chain = out.chain("input");
    chain.hook = Some(Hook::Input);
    chain.rules = body;
    out.chain("untracked")
        .rule([
            bytes(Field::Icmpv6Type, &NEIGHBOUR),
            bytes(Field::HopLimit, &[255]),
            Statement::Verdict(Verdict::Return),
        ])
        .rule([deny(DenyReason::Invalid)]);
    out.chain("gateway")
        .rule([bytes(Field::IcmpType, &[3, 4, 11, 12]), Statement::Mark(0), accept()])
        .rule([bytes(Field::Icmpv6Type, &[1, 2, 3, 4]), Statement::Mark(0), accept()])
        .rule([bytes(Field::Icmpv6Type, &NEIGHBOUR), bytes(Field::HopLimit, &[255]), Statement::Mark(0), accept()])
        .rule([Statement::Priority(rules.gateway_target.0), goto("pair")]);
}

fn loopback(field: Field) -> Statement {
    // `lo` is a valid interface name.
    Statement::Match(field, "lo".parse().map(|p| vec![Value::Interface(p)]).unwrap_or_default())
}

fn management(rules: &Rules, connection: &ManagementRule) -> Vec<Vec<Statement>> {
    let mut out = Vec::new();
    for range in &connection.ranges {
        let pattern = rules.atoms[connection.atom].pattern.clone();
        let mut head = vec![Statement::Match(Field::Iifname, vec![Value::Interface(pattern)])];
        if !connection.macs.is_empty() {
            head.push(Statement::Match(Field::EtherSaddr, connection.macs.iter().map(|m| Value::Mac(*m)).collect()));
        }
        head.push(Statement::Match(Field::Saddr(range.family()), vec![Value::Addr(*range)]));
        for service in &connection.services {
            let tail = vec![Statement::Counter("management".into()), accept()];
            out.push([head.clone(), of_service(*service), tail].concat());
        }
    }
    out
}

/// A match of one service.
fn of_service(service: Service) -> Vec<Statement> {
    let ports = |range: PortRange| Statement::Match(Field::Dport, vec![Value::Ports(range)]);
    match service {
        Service::Ports(proto, range) => vec![l4proto(&[proto]), ports(range)],
        Service::Icmp(None) => vec![l4proto(&[Proto::ICMP])],
        Service::Icmp(Some(kind)) => vec![bytes(Field::IcmpType, &[kind])],
        Service::Icmpv6(None) => vec![l4proto(&[Proto::ICMPV6])],
        Service::Icmpv6(Some(kind)) => vec![bytes(Field::Icmpv6Type, &[kind])],
        Service::Proto(proto) => vec![l4proto(&[proto])],
        Service::Any => Vec::new(),
    }
}

/// The output hook, only where the gateway's own traffic is denied by default.
pub fn output(rules: &Rules, open: &Verdict, out: &mut Ruleset) {
    let Some(class) = rules.gateway_source else { return };
    let mut body = vec![vec![loopback(Field::Oifname), accept()]];
    let case = |state, verdict| (Value::State(state), verdict);
    // Besides errors the resets with which `deny_with = "reject"` answers.
    let own = out.chain("related_out");
    own.rule([Statement::TcpReset, accept()]).rule([goto("related")]);
    let related = Verdict::Jump("related_out".into());
    body.push(vec![Statement::Cases(
        Field::CtState,
        vec![case(CtState::Established, open.clone()), case(CtState::Related, related)],
    )]);
    // What a host needs to live on its links: errors, neighbour discovery, and
    // membership reports for the groups that discovery uses (RFC 3810).
    body.push(vec![bytes(Field::IcmpType, &[3, 4, 11, 12]), accept()]);
    body.push(vec![bytes(Field::Icmpv6Type, &[1, 2, 3, 4]), accept()]);
    body.push(vec![bytes(Field::Icmpv6Type, &[133, 135, 136, 143]), accept()]);
    body.push(vec![Statement::RoutingHeader, deny(DenyReason::Invalid)]);
    let states = vec![Value::State(CtState::Invalid), Value::State(CtState::Untracked)];
    body.push(vec![Statement::Match(Field::CtState, states), deny(DenyReason::Invalid)]);
    body.push(vec![Statement::Mark(class.0), by_family("to4", "to6")]);
    body.push(vec![deny(DenyReason::UnknownZone)]);
    let chain = out.chain("output");
    chain.hook = Some(Hook::Output);
    chain.rules = body;
}
