use std::collections::BTreeMap;
use std::process::Command;

use crate::sys::namespace::in_namespace;

use super::*;

/// Runs `conntrack` on lines of its own options.
fn conntrack(options: &str) {
    let output = Command::new("conntrack").args(options.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
}

fn all() -> BTreeMap<String, (Tuple, Handle)> {
    let mut flows = BTreeMap::new();
    let pass = Conntrack::open().unwrap().each(|flow| {
        let name = format!("{} {}>{} {}", flow.original.proto, flow.original.src, flow.reply.src, flow.zone);
        flows.insert(name, (flow.original, flow.handle()));
        Ok(())
    });
    let pass = pass.unwrap();
    assert_eq!((pass.flows, pass.unreadable), (flows.len() as u64, 0));
    flows
}

fn fill() {
    let tcp = "-p tcp --state ESTABLISHED --timeout 600 -u SEEN_REPLY,ASSURED";
    conntrack(&format!("-I -s 10.0.0.1 -d 10.0.0.2 {tcp} --sport 40000 --dport 443 -m 7"));
    conntrack(&format!("-I -s fd00::1 -d fd00::2 {tcp} --sport 40000 --dport 443"));
    conntrack("-I -s 10.0.0.1 -d 10.0.0.2 -p udp --sport 5 --dport 53 --timeout 60 -w 9");
    conntrack("-I -s 10.0.0.1 -d 10.0.0.2 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 77 --timeout 60");
    conntrack(
        "-I -s 10.0.0.1 -d 10.0.0.3 -p sctp --state ESTABLISHED --orig-port-src 6 --orig-port-dst 7 --reply-port-src 7 --reply-port-dst 6 --timeout 60 --orig-vtag 1 --reply-vtag 1",
    );
    conntrack(&format!("-I -s 10.0.0.1 -d 10.0.0.9 {tcp} --sport 40000 --dport 80 --dst-nat 10.0.0.4:8080"));
}

#[test]
fn every_kind_of_flow_is_read() {
    in_namespace(|_| {
        fill();
        let flows = all();
        let names: Vec<&str> = flows.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "icmp 10.0.0.1>10.0.0.2 0",
                "sctp 10.0.0.1>10.0.0.3 0",
                "tcp 10.0.0.1>10.0.0.2 0",
                "tcp 10.0.0.1>10.0.0.4 0",
                "tcp fd00::1>fd00::2 0",
                "udp 10.0.0.1>10.0.0.2 9",
            ]
        );
        let (icmp, _) = flows["icmp 10.0.0.1>10.0.0.2 0"];
        assert_eq!((icmp.icmp_type, icmp.icmp_code, icmp.icmp_id, icmp.dport), (Some(8), Some(0), Some(77), None));
        let (tcp, _) = flows["tcp fd00::1>fd00::2 0"];
        assert_eq!((tcp.sport, tcp.dport, tcp.icmp_type), (Some(40000), Some(443), None));
        Conntrack::open()
            .unwrap()
            .each(|flow| {
                assert_eq!(flow.mark == 7, flow.original.dport == Some(443) && flow.family() == Family::V4);
                if flow.reply.src == IpAddr::from([10, 0, 0, 4]) {
                    assert_eq!((flow.original.dst, flow.reply.sport), (IpAddr::from([10, 0, 0, 9]), Some(8080)));
                }
                assert_eq!(flow.assured(), flow.original.proto == Proto::TCP);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn exactly_the_flow_is_deleted() {
    in_namespace(|_| {
        fill();
        let before = all();
        for (name, (_, handle)) in &before {
            let mut table = Conntrack::open().unwrap();
            assert_eq!(table.delete(std::slice::from_ref(handle)).unwrap(), 1, "{name}");
            assert!(!all().contains_key(name), "{name}");
            assert_eq!(table.delete(std::slice::from_ref(handle)).unwrap(), 0, "{name}: gone already");
        }
        assert!(all().is_empty());
        fill();
        // The same tuples again, but other flows. The kernel makes the id of the
        // tuple and of where the flow lies in memory: a flow that came to lie
        // where its like was is taken for it, and for nothing else.
        let again = all();
        let handles: Vec<Handle> = before.iter().map(|(_, (_, handle))| handle.clone()).collect();
        let same = again.iter().filter(|(name, (_, handle))| before[*name].1 == *handle).count();
        assert_eq!(Conntrack::open().unwrap().delete(&handles).unwrap(), same as u64);
        assert_eq!(all().len(), 6 - same);
    });
}

#[test]
fn many_flows_go_in_batches() {
    in_namespace(|_| {
        let lines: String = (0..2000u32)
            .map(|n| {
                format!("-I -s 10.1.{}.{} -d 10.0.0.2 -p udp --sport 5 --dport 53 --timeout 60\n", n >> 8, n & 255)
            })
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines).unwrap();
        conntrack(&format!("-R {}", file.path().display()));
        let handles: Vec<Handle> = all().into_values().map(|(_, handle)| handle).collect();
        assert_eq!(handles.len(), 2000);
        // Half of them twice: those gone already do not count.
        let twice = [&handles[..1000], &handles].concat();
        assert_eq!(Conntrack::open().unwrap().delete(&twice).unwrap(), 2000);
        assert!(all().is_empty());
    });
}
