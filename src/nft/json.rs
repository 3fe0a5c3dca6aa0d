//! A ruleset as libnftables JSON (libnftables-json(5)): statements and
//! expressions through the types of the `nftables` crate; objects it cannot
//! express (verdict maps by name) as values.

use nftables::expr::{
    BinaryOperation, CT, Expression, Exthdr, Fib, FibFlag, FibResult, Map as MapExpr, Meta, MetaKey, NamedExpression,
    Payload, PayloadField, Prefix, Range, SetItem,
};
use nftables::stmt::{
    Accept, Counter, Drop, JumpTarget, Log, Mangle, Match, Operator, Reject, RejectType, Return, Statement as Stmt,
    VerdictMap,
};
use nftables::types::RejectCode;
use serde_json::{Value as Json, json};

use super::ruleset::{Data, Field, Limit, Map, Rule, Ruleset, Statement, TABLE, Value, Verdict};
use super::text::{classid, gives_name, hook_name, state_name};
use crate::net::{AddrRange, Family, IfPattern};

impl Ruleset {
    /// Everything as a libnftables document that replaces what was there.
    pub fn to_json(&self) -> Json {
        let again = || vec![add(json!({ "table": table() })), json!({ "delete": { "table": table() } })];
        let whole = |ruleset: &Self| [again(), vec![add(json!({ "table": table() }))], ruleset.fill()].concat();
        let arp = self.arp.as_ref().map_or_else(again, |arp| whole(arp));
        document([whole(self), of_arp(arp)].concat())
    }

    /// Commands that put everything of one table into it while it is empty, in an
    /// order in which every name is known before it is used.
    pub fn fill(&self) -> Vec<Json> {
        let mut commands: Vec<Json> = self.counters.iter().map(|c| add_counter(c)).collect();
        commands.extend(self.limits.iter().map(|(name, limit)| add_limit(name, *limit)));
        commands.extend(self.maps.iter().map(|(name, map)| add_map(name, map)));
        commands.extend(self.chains.iter().map(|(name, chain)| add_chain(name, chain.hook)));
        for (name, chain) in &self.chains {
            commands.extend(chain.rules.iter().map(|rule| add_rule(name, rule)));
        }
        for (name, map) in &self.maps {
            commands.extend(elements("add", name, map.elements.iter()));
        }
        commands
    }
}

/// A document of these commands.
pub fn document(commands: Vec<Json>) -> Json {
    json!({ "nftables": commands })
}

/// The same commands for the table `arp zoned`.
pub fn of_arp(mut commands: Vec<Json>) -> Vec<Json> {
    for command in &mut commands {
        let objects = command.as_object_mut().into_iter().flat_map(|verbs| verbs.values_mut());
        for object in objects.flat_map(|kinds| kinds.as_object_mut()).flat_map(|kinds| kinds.values_mut()) {
            object["family"] = json!("arp");
        }
    }
    commands
}

/// Our first table, `inet zoned`, for a command.
pub fn table() -> Json {
    json!({ "family": "inet", "name": TABLE })
}

fn add(object: Json) -> Json {
    json!({ "add": object })
}

/// Adds a named counter; one that exists keeps its counts.
pub fn add_counter(name: &str) -> Json {
    add(json!({ "counter": { "family": "inet", "table": TABLE, "name": name } }))
}

/// Adds a named limit, its bucket full; one that exists keeps its bucket, and its rate.
pub fn add_limit(name: &str, limit: Limit) -> Json {
    let Limit { count, unit, burst } = limit;
    let per = unit.to_string();
    add(json!({ "limit": {
        "family": "inet", "table": TABLE, "name": name, "rate": count, "per": per, "burst": burst,
    } }))
}

/// Adds an empty map.
pub fn add_map(name: &str, map: &Map) -> Json {
    let types: Vec<&str> = map.key.iter().map(|f| f.type_name()).collect();
    let types = if let [one] = types.as_slice() { json!(one) } else { json!(types) };
    let gives = gives_name(map.gives);
    let mut object = json!({ "family": "inet", "table": TABLE, "name": name, "type": types, "map": gives });
    if map.interval {
        object["flags"] = json!(["interval"]);
    }
    add(json!({ "map": object }))
}

/// Adds a chain.
pub fn add_chain(name: &str, hook: Option<super::ruleset::Hook>) -> Json {
    let mut object = json!({ "family": "inet", "table": TABLE, "name": name });
    if let Some(hook) = hook {
        let (kind, priority, _, policy) = hook.base();
        object["type"] = json!(kind);
        object["hook"] = json!(hook_name(hook));
        object["prio"] = json!(priority);
        object["policy"] = json!(policy);
    }
    add(json!({ "chain": object }))
}

/// Appends a rule to a chain.
pub fn add_rule(chain: &str, rule: &Rule) -> Json {
    let expr: Vec<Json> = rule.iter().map(statement).collect();
    add_rule_of(chain, &json!(expr))
}

/// Appends a rule whose statements are written out to a chain.
pub fn add_rule_of(chain: &str, expr: &Json) -> Json {
    add(json!({ "rule": { "family": "inet", "table": TABLE, "chain": chain, "expr": expr } }))
}

/// `flush` or `delete` of a named thing (`chain`, `map`, `counter`).
pub fn named(command: &str, kind: &str, name: &str) -> Json {
    json!({ command: { kind: { "family": "inet", "table": TABLE, "name": name } } })
}

/// Elements a command: more would only make one JSON value larger than its reader likes.
const CHUNK: usize = 5_000;

/// Adds or deletes elements of a map (`command` = `add` or `delete`).
pub fn elements<'a>(command: &str, map: &str, items: impl Iterator<Item = (&'a Vec<Value>, &'a Data)>) -> Vec<Json> {
    let list: Vec<Json> = items.map(|(key, data)| element(key, data)).collect();
    chunked(command, map, &list)
}

/// Adds or deletes elements that are written out.
pub fn chunked(command: &str, map: &str, list: &[Json]) -> Vec<Json> {
    list.chunks(CHUNK)
        .map(
            |chunk| json!({ command: { "element": { "family": "inet", "table": TABLE, "name": map, "elem": chunk } } }),
        )
        .collect()
}

fn element(key: &[Value], data: &Data) -> Json {
    let key = match key {
        [one] => json!(value(one)),
        many => json!({ "concat": many.iter().map(value).collect::<Vec<_>>() }),
    };
    let data = match data {
        Data::Mark(mark) => json!(mark),
        Data::Priority(n) => json!(classid(*n)),
        Data::Verdict(v) => json!(verdict(v)),
    };
    json!([key, data])
}

fn meta(key: MetaKey) -> Expression<'static> {
    Expression::Named(NamedExpression::Meta(Meta { key }))
}

fn payload(protocol: &'static str, name: &'static str) -> Expression<'static> {
    let field = PayloadField { protocol: protocol.into(), field: name.into() };
    Expression::Named(NamedExpression::Payload(Payload::PayloadField(field)))
}

fn connection(key: &'static str) -> Expression<'static> {
    Expression::Named(NamedExpression::CT(CT { key: key.into(), family: None, dir: None }))
}

fn field(field: Field) -> Expression<'static> {
    match field {
        Field::Iifname => meta(MetaKey::Iifname),
        Field::Oifname => meta(MetaKey::Oifname),
        Field::EtherSaddr => payload("ether", "saddr"),
        Field::ArpSaddr => payload("arp", "saddr ip"),
        Field::ArpEther => payload("arp", "saddr ether"),
        Field::Saddr(Family::V4) => payload("ip", "saddr"),
        Field::Saddr(Family::V6) => payload("ip6", "saddr"),
        Field::Daddr(Family::V4) => payload("ip", "daddr"),
        Field::Daddr(Family::V6) => payload("ip6", "daddr"),
        Field::Nfproto => meta(MetaKey::Nfproto),
        Field::L4proto => meta(MetaKey::L4proto),
        Field::Dport => payload("th", "dport"),
        Field::IcmpType => payload("icmp", "type"),
        Field::Icmpv6Type => payload("icmpv6", "type"),
        Field::HopLimit => payload("ip6", "hoplimit"),
        Field::Mark => meta(MetaKey::Mark),
        Field::Priority => meta(MetaKey::Priority),
        Field::CtState => connection("state"),
        Field::CtMark => connection("mark"),
    }
}

fn key(fields: &[Field]) -> Expression<'static> {
    match fields {
        [one] => field(*one),
        many => Expression::Named(NamedExpression::Concat(many.iter().map(|f| field(*f)).collect())),
    }
}

fn text<T: ToString>(what: T) -> Expression<'static> {
    Expression::String(what.to_string().into())
}

fn range(first: Expression<'static>, last: Expression<'static>) -> Expression<'static> {
    Expression::Range(Box::new(Range { range: [first, last] }))
}

fn value(value: &Value) -> Expression<'static> {
    match value {
        Value::Interface(IfPattern::Exact(name)) => text(name),
        Value::Interface(pattern @ IfPattern::Prefix(_)) => text(pattern),
        Value::Mac(mac) => text(mac),
        Value::Macs(first, last) => range(text(first), text(last)),
        Value::Addr(addresses) => addr(addresses),
        Value::Proto(proto) => Expression::Number(proto.0.into()),
        Value::Ports(ports) if ports.is_single() => Expression::Number(ports.first().into()),
        Value::Ports(ports) => range(Expression::Number(ports.first().into()), Expression::Number(ports.last().into())),
        Value::Byte(n) => Expression::Number((*n).into()),
        Value::Mark(n) => Expression::Number(*n),
        Value::Priority(n) => text(classid(*n)),
        Value::Family(Family::V4) => text("ipv4"),
        Value::Family(Family::V6) => text("ipv6"),
        Value::State(state) => text(state_name(*state)),
    }
}

fn addr(addresses: &AddrRange) -> Expression<'static> {
    match addresses.as_prefix() {
        _ if addresses.is_single() => text(addresses.first_addr()),
        Some(net) => {
            let prefix = Prefix { addr: Box::new(text(net.addr())), len: net.prefix_len().into() };
            Expression::Named(NamedExpression::Prefix(prefix))
        }
        None => range(text(addresses.first_addr()), text(addresses.last_addr())),
    }
}

fn verdict(verdict: &Verdict) -> Stmt<'static> {
    let target = |chain: &str| JumpTarget { target: chain.to_owned().into() };
    match verdict {
        Verdict::Accept => Stmt::Accept(Some(Accept {})),
        Verdict::Drop => Stmt::Drop(Some(Drop {})),
        Verdict::Goto(chain) => Stmt::Goto(target(chain)),
        Verdict::Jump(chain) => Stmt::Jump(target(chain)),
        Verdict::Return => Stmt::Return(Some(Return {})),
    }
}

fn equals(left: Expression<'static>, right: Expression<'static>) -> Stmt<'static> {
    Stmt::Match(Match { left, right, op: Operator::EQ })
}

fn set(key: Expression<'static>, value: Expression<'static>) -> Stmt<'static> {
    Stmt::Mangle(Mangle { key, value })
}

fn lookup(fields: &[Field], map: &str) -> Expression<'static> {
    let lookup = MapExpr { key: key(fields), data: reference(map) };
    Expression::Named(NamedExpression::Map(Box::new(lookup)))
}

fn reference(map: &str) -> Expression<'static> {
    Expression::String(format!("@{map}").into())
}

/// A statement; what the crate does not know is written out.
fn statement(statement: &Statement) -> Json {
    let known = match statement {
        Statement::Match(f, values) => {
            let right = match values.as_slice() {
                [one] => value(one),
                many => {
                    Expression::Named(NamedExpression::Set(many.iter().map(|v| SetItem::Element(value(v))).collect()))
                }
            };
            equals(field(*f), right)
        }
        Statement::RoutingHeader => {
            let header = Exthdr { name: "rt".into(), field: None, offset: None };
            equals(Expression::Named(NamedExpression::Exthdr(header)), Expression::Boolean(true))
        }
        Statement::TcpReset => {
            let flags = Expression::List(["fin", "syn", "rst"].map(text).to_vec());
            let masked = BinaryOperation::AND(payload("tcp", "flags"), flags);
            equals(Expression::BinaryOperation(Box::new(masked)), text("rst"))
        }
        Statement::Cases(f, cases) => {
            let items = cases.iter().map(|(v, to)| SetItem::MappingStatement(value(v), verdict(to))).collect();
            Stmt::VerdictMap(VerdictMap { key: field(*f), data: Expression::Named(NamedExpression::Set(items)) })
        }
        Statement::Vmap(fields, map) => Stmt::VerdictMap(VerdictMap { key: key(fields), data: reference(map) }),
        Statement::MarkFromMap(fields, map) => set(meta(MetaKey::Mark), lookup(fields, map)),
        Statement::Mark(n) => set(meta(MetaKey::Mark), Expression::Number(*n)),
        Statement::PriorityFromMap(fields, map) => set(meta(MetaKey::Priority), lookup(fields, map)),
        Statement::Priority(n) => set(meta(MetaKey::Priority), text(classid(*n))),
        Statement::ConnMark(n) => set(connection("mark"), Expression::Number(*n)),
        // Whole seconds since 1970: a date would be read in the time zone of the machine.
        Statement::Since(at) => {
            let clock = json!({ "meta": { "key": "time" } });
            return json!({ "match": { "op": ">=", "left": clock, "right": at.as_second() } });
        }
        Statement::Limit(name) => return json!({ "limit": name }),
        Statement::Counter(name) => Stmt::Counter(Counter::Named(name.clone().into())),
        Statement::Log { prefix, group, snaplen } => {
            let mut log = Log::new(Some((*group).into()));
            log.prefix = Some(prefix.clone().into());
            log.snaplen = Some(*snaplen);
            Stmt::Log(Some(log))
        }
        Statement::RejectReset => Stmt::Reject(Some(Reject::new(Some(RejectType::TCPReset), None))),
        Statement::RejectAdmin => {
            Stmt::Reject(Some(Reject::new(Some(RejectType::ICMPX), Some(RejectCode::AdminProhibited))))
        }
        Statement::SourceElsewhere => {
            let fib = Fib { result: FibResult::Type, flags: [FibFlag::Saddr].into() };
            let left = Expression::Named(NamedExpression::Fib(fib));
            Stmt::Match(Match { left, right: text("local"), op: Operator::NEQ })
        }
        Statement::Masquerade => Stmt::Masquerade(None),
        Statement::Verdict(v) => verdict(v),
    };
    json!(known)
}
