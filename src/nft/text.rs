//! A ruleset as nft's own text: loads with `nft -f` as it is.

use std::fmt::{self, Write as _};

use super::ruleset::{CtState, Data, Field, Gives, Hook, Limit, Map, Ruleset, Statement, TABLE, Value, Verdict};
use crate::net::Family;

impl Ruleset {
    /// Everything as text. Adding each table and deleting it first makes the text
    /// replace whatever was there, in one transaction.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        self.write(&mut out, "inet").unwrap_or_default();
        match &self.arp {
            Some(arp) => arp.write(&mut out, "arp"),
            None => write!(out, "table arp {TABLE}\ndelete table arp {TABLE}\n"),
        }
        .unwrap_or_default();
        out
    }

    fn write(&self, out: &mut String, family: &str) -> fmt::Result {
        writeln!(out, "table {family} {TABLE}\ndelete table {family} {TABLE}\ntable {family} {TABLE} {{")?;
        for counter in &self.counters {
            writeln!(out, "\tcounter {counter} {{\n\t}}\n")?;
        }
        for (name, limit) in &self.limits {
            let Limit { count, unit, burst } = limit;
            writeln!(out, "\tlimit {name} {{\n\t\trate {count}/{unit} burst {burst} packets\n\t}}\n")?;
        }
        for (name, map) in &self.maps {
            write_map(out, name, map)?;
        }
        for (name, chain) in &self.chains {
            writeln!(out, "\tchain {name} {{")?;
            if let Some(hook) = chain.hook {
                let (kind, _, priority, policy) = hook.base();
                writeln!(out, "\t\ttype {kind} hook {} priority {priority}; policy {policy};", hook_name(hook))?;
            }
            for rule in &chain.rules {
                let words: Vec<String> = rule.iter().map(statement).collect();
                writeln!(out, "\t\t{}", words.join(" "))?;
            }
            writeln!(out, "\t}}\n")?;
        }
        writeln!(out, "}}")
    }
}

/// The data type that a map gives.
pub fn gives_name(gives: Gives) -> &'static str {
    match gives {
        Gives::Mark => "mark",
        Gives::Priority => "classid",
        Gives::Verdict => "verdict",
    }
}

/// A priority as nft writes it: a traffic-control class, `MAJOR:MINOR` in hexadecimal.
pub fn classid(n: u32) -> String {
    match n {
        0 => "none".into(),
        _ => format!("{:x}:{:x}", n >> 16, n & 0xffff),
    }
}

/// The hook's name.
pub fn hook_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Forward => "forward",
        Hook::Input => "input",
        Hook::Output => "output",
        Hook::Postrouting => "postrouting",
    }
}

fn write_map(out: &mut String, name: &str, map: &Map) -> fmt::Result {
    let types: Vec<&str> = map.key.iter().map(|f| f.type_name()).collect();
    let gives = gives_name(map.gives);
    writeln!(out, "\tmap {name} {{\n\t\ttype {} : {gives}", types.join(" . "))?;
    if map.interval {
        writeln!(out, "\t\tflags interval")?;
    }
    if !map.elements.is_empty() {
        writeln!(out, "\t\telements = {{")?;
        for (key, data) in &map.elements {
            let key: Vec<String> = key.iter().map(value).collect();
            let data = match data {
                Data::Mark(mark) => format!("{mark:#010x}"),
                Data::Priority(n) => classid(*n),
                Data::Verdict(v) => verdict(v),
            };
            writeln!(out, "\t\t\t{} : {data},", key.join(" . "))?;
        }
        writeln!(out, "\t\t}}")?;
    }
    writeln!(out, "\t}}\n")
}

fn field(field: Field) -> &'static str {
    match field {
        Field::Iifname => "iifname",
        Field::Oifname => "oifname",
        Field::EtherSaddr => "ether saddr",
        Field::ArpSaddr => "arp saddr ip",
        Field::ArpEther => "arp saddr ether",
        Field::Saddr(Family::V4) => "ip saddr",
        Field::Saddr(Family::V6) => "ip6 saddr",
        Field::Daddr(Family::V4) => "ip daddr",
        Field::Daddr(Family::V6) => "ip6 daddr",
        Field::Nfproto => "meta nfproto",
        Field::L4proto => "meta l4proto",
        Field::Dport => "th dport",
        Field::IcmpType => "icmp type",
        Field::Icmpv6Type => "icmpv6 type",
        Field::HopLimit => "ip6 hoplimit",
        Field::Mark => "meta mark",
        Field::Priority => "meta priority",
        Field::CtState => "ct state",
        Field::CtMark => "ct mark",
    }
}

fn key(fields: &[Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|f| field(*f)).collect();
    names.join(" . ")
}

fn value(value: &Value) -> String {
    match value {
        Value::Interface(pattern) => format!("\"{pattern}\""),
        Value::Mac(mac) => mac.to_string(),
        Value::Macs(first, last) => format!("{first}-{last}"),
        Value::Addr(range) => range.to_string(),
        Value::Proto(proto) => proto.0.to_string(),
        Value::Ports(range) => range.to_string(),
        Value::Byte(n) => n.to_string(),
        Value::Mark(n) => format!("{n:#010x}"),
        Value::Priority(n) => classid(*n),
        Value::Family(Family::V4) => "ipv4".into(),
        Value::Family(Family::V6) => "ipv6".into(),
        Value::State(state) => state_name(*state).into(),
    }
}

/// The state's name.
pub fn state_name(state: CtState) -> &'static str {
    match state {
        CtState::New => "new",
        CtState::Invalid => "invalid",
        CtState::Established => "established",
        CtState::Related => "related",
        CtState::Untracked => "untracked",
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".into(),
        Verdict::Drop => "drop".into(),
        Verdict::Goto(chain) => format!("goto {chain}"),
        Verdict::Jump(chain) => format!("jump {chain}"),
        Verdict::Return => "return".into(),
    }
}

fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Match(f, values) => match values.as_slice() {
            [one] => format!("{} {}", field(*f), value(one)),
            many => {
                let list: Vec<String> = many.iter().map(value).collect();
                format!("{} {{ {} }}", field(*f), list.join(", "))
            }
        },
        Statement::RoutingHeader => "exthdr rt exists".into(),
        Statement::TcpReset => "tcp flags & (fin | syn | rst) == rst".into(),
        Statement::Cases(f, cases) => {
            let list: Vec<String> = cases.iter().map(|(v, to)| format!("{} : {}", value(v), verdict(to))).collect();
            format!("{} vmap {{ {} }}", field(*f), list.join(", "))
        }
        Statement::Vmap(fields, map) => format!("{} vmap @{map}", key(fields)),
        Statement::MarkFromMap(fields, map) => format!("meta mark set {} map @{map}", key(fields)),
        Statement::Mark(n) => format!("meta mark set {n:#010x}"),
        Statement::PriorityFromMap(fields, map) => format!("meta priority set {} map @{map}", key(fields)),
        Statement::Priority(n) => format!("meta priority set {}", classid(*n)),
        Statement::ConnMark(n) => format!("ct mark set {n:#010x}"),
        Statement::Since(at) => format!("meta time >= {}", at.as_second()),
        Statement::Limit(name) => format!("limit name \"{name}\""),
        Statement::Counter(name) => format!("counter name \"{name}\""),
        Statement::Log { prefix, group, snaplen } => format!("log prefix \"{prefix}\" group {group} snaplen {snaplen}"),
        Statement::RejectReset => "reject with tcp reset".into(),
        Statement::RejectAdmin => "reject with icmpx admin-prohibited".into(),
        Statement::SourceElsewhere => "fib saddr type != local".into(),
        Statement::Masquerade => "masquerade".into(),
        Statement::Verdict(v) => verdict(v),
    }
}
