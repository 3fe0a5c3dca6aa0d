use std::process::Command;

use crate::sys::namespace::in_namespace;

use super::*;

fn ip(lines: &[&str]) {
    for line in lines {
        let output = Command::new("ip").args(line.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn ways_lead_by_route_and_next_hop() {
    in_namespace(|_| {
        ip(&[
            "link add e1 type veth peer name e2",
            "link set e1 up",
            "link set e2 up",
            "address add 10.1.0.1/24 dev e1",
            "-6 address add fd00::1/64 dev e1 nodad",
            "neighbour add 10.1.0.9 lladdr 02:00:00:00:00:09 dev e1",
            "-6 neighbour add fd00::9 lladdr 02:00:00:00:00:19 dev e1",
            "neighbour add 10.1.0.8 lladdr 02:00:00:00:00:08 dev e2",
            "route add 10.2.0.0/16 via 10.1.0.9",
            "route add 10.4.0.0/16 via inet6 fd00::9 dev e1",
            "-6 route add fd02::/64 via fd00::9",
            "route add blackhole 10.3.0.0/16",
            "route add prohibit 10.5.0.0/16",
        ]);
        let mut routes = Routes::open().unwrap();
        let mut way = |to: &str| routes.way(to.parse().unwrap()).unwrap();
        let through = |mac: Option<u8>| Way::Through {
            interface: "e1".parse().unwrap(),
            mac: mac.map(|last| MacAddr([2, 0, 0, 0, 0, last])),
        };
        for to in ["10.1.0.9", "10.2.3.4"] {
            assert_eq!(way(to), through(Some(9)), "{to}");
        }
        for to in ["fd00::9", "fd02::7", "10.4.0.1"] {
            assert_eq!(way(to), through(Some(0x19)), "{to}");
        }
        // Known on another interface only, or not at all.
        assert_eq!((way("10.1.0.8"), way("fd00::8")), (through(None), through(None)));
        for to in ["10.1.0.1", "fd00::1", "127.0.0.1", "::1"] {
            assert_eq!(way(to), Way::Here, "{to}");
        }
        for to in ["10.1.0.255", "255.255.255.255", "224.0.0.1", "ff02::1"] {
            assert_eq!(way(to), Way::Group, "{to}");
        }
        for to in ["10.3.0.1", "10.5.0.1", "172.16.0.1", "fd09::1"] {
            assert_eq!(way(to), Way::None, "{to}");
        }
    });
}
