//! Services: the built-in table, the administrator's own, and what an entry names.

use super::Resolver;
use crate::diag::Message;
use crate::document::{At, Document};
use crate::net::Service;

/// Names and ports as IANA registers them (Service Name and Transport Protocol
/// Port Number Registry), or as the product listens by default where it has
/// no registration.
const BUILT_IN: &[(&str, &[&str])] = &[
    ("dns", &["udp/53", "tcp/53"]),
    ("domain-tcp", &["tcp/53"]),
    ("ntp", &["udp/123"]),
    ("ssh", &["tcp/22"]),
    ("telnet", &["tcp/23"]),
    ("ftp", &["tcp/21"]),
    ("http", &["tcp/80"]),
    ("https", &["tcp/443"]),
    ("http-proxy", &["tcp/8080"]),
    ("smtp", &["tcp/25"]),
    ("submission", &["tcp/587"]),
    ("smtps", &["tcp/465"]),
    ("pop3", &["tcp/110"]),
    ("pop3s", &["tcp/995"]),
    ("imap", &["tcp/143"]),
    ("imaps", &["tcp/993"]),
    ("rdp", &["tcp/3389", "udp/3389"]),
    ("vnc", &["tcp/5900"]),
    ("smb", &["tcp/445"]),
    ("netbios", &["udp/137-138", "tcp/139"]),
    ("ldap", &["tcp/389", "udp/389"]),
    ("ldaps", &["tcp/636"]),
    ("kerberos", &["tcp/88", "udp/88", "tcp/464", "udp/464"]),
    // What a member of an Active Directory domain asks of its controllers.
    (
        "ad",
        &[
            "tcp/53",
            "udp/53",
            "tcp/88",
            "udp/88",
            "udp/123",
            "tcp/135",
            "udp/389",
            "tcp/389",
            "tcp/445",
            "tcp/464",
            "udp/464",
            "tcp/636",
            "tcp/3268-3269",
            "tcp/9389",
            "tcp/49152-65535",
        ],
    ),
    ("wsus", &["tcp/8530-8531"]),
    ("syslog", &["udp/514", "tcp/514"]),
    ("syslog-tls", &["tcp/6514"]),
    ("snmp", &["udp/161"]),
    ("snmptrap", &["udp/162"]),
    ("dhcp", &["udp/67-68"]),
    ("tftp", &["udp/69"]),
    ("nfs", &["tcp/2049", "udp/2049"]),
    ("rpc", &["tcp/111", "udp/111"]),
    ("mysql", &["tcp/3306"]),
    ("postgresql", &["tcp/5432"]),
    ("mssql", &["tcp/1433"]),
    ("oracle", &["tcp/1521"]),
    ("ipp", &["tcp/631"]),
    ("print", &["tcp/9100"]),
    ("lpd", &["tcp/515"]),
    ("radius", &["udp/1812-1813"]),
    ("tacacs", &["tcp/49"]),
    ("ike", &["udp/500"]),
    ("ipsec-nat", &["udp/4500"]),
    ("esp", &["proto/50"]),
    ("gre", &["proto/47"]),
    ("ping", &["icmp/8", "icmpv6/128"]),
    ("traceroute", &["udp/33434-33534"]),
    ("vrrp", &["proto/112"]),
    ("zabbix", &["tcp/10050-10051"]),
];

/// What one name or written port of an entry's `services` means; empty if it
/// means nothing.
pub fn service_meaning(document: &Document, text: &str) -> Vec<Service> {
    let atoms = |ports: &mut dyn Iterator<Item = &str>| ports.filter_map(|p| p.parse().ok()).collect();
    if text == "any" {
        vec![Service::Any]
    } else if let Some((_, ports)) = document.services.iter().find(|(name, _)| name.value == text) {
        atoms(&mut ports.iter().map(|p| p.value.as_str()))
    } else if let Some((_, ports)) = BUILT_IN.iter().find(|(name, _)| *name == text) {
        atoms(&mut ports.iter().copied())
    } else {
        text.parse().into_iter().collect()
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn declare_services(&mut self) {
        for (name, ports) in BUILT_IN {
            let services = ports.iter().filter_map(|p| p.parse().ok()).collect();
            self.services.insert(name, services);
        }
        let document = self.document;
        for (name, ports) in &document.services {
            let named = self.good_name(name);
            if named && (name.value.parse::<Service>().is_ok() || name.value.contains('/')) {
                self.bad(Message::new("policy-name-service"), name, &name.value);
            }
            let atoms = ports.iter().filter_map(|p| self.atom(p, &name.value)).collect();
            self.services.insert(&name.value, atoms);
        }
    }

    fn atom(&mut self, text: &At<String>, subject: &str) -> Option<Service> {
        match text.value.parse() {
            Ok(service) => Some(service),
            Err(_) => {
                self.bad(Message::new("policy-bad-service"), text, subject);
                None
            }
        }
    }

    /// What the service names of an entry mean: sorted, without doubles.
    pub(super) fn meant(&mut self, texts: &[At<String>], subject: &str) -> Vec<Service> {
        let mut all = Vec::new();
        for text in texts {
            if text.value == "any" {
                all.push(Service::Any);
            } else if let Some(services) = self.services.get(text.value.as_str()) {
                all.extend(services.iter().copied());
            } else if text.value.contains('/') || text.value.parse::<Service>().is_ok() {
                all.extend(self.atom(text, subject));
            } else {
                let known: Vec<&'a str> = self.services.keys().copied().collect();
                let mut known = known;
                known.sort_unstable();
                self.unknown("policy-what-service", &text.value, &text.place, subject, known.into_iter());
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_port_reads() {
        for (name, ports) in BUILT_IN {
            for port in *ports {
                assert!(port.parse::<Service>().is_ok(), "{name} {port}");
            }
        }
    }
}
