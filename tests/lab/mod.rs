//! The lab: a gateway and one network behind each of its interfaces, in network
//! namespaces, with real packets.
//!
//! A [`Lab`] is made of a gateway namespace and one namespace per port, joined
//! by veth pairs. Raw frames of any kind go in at a port ([`Lab::send`]) and what
//! comes out at every port, and what the gateway logs, comes back at once
//! ([`Lab::settle`]: closed by barrier frames, never by sleeping). Ordinary
//! sockets work too ([`sockets`]). Nothing of the host's own network is touched,
//! and nothing is left behind: what a killed run left is removed at the next start.
//!
//! Where a forwarded packet leaves is its sender's choice: every port has a type
//! of service ([`Lab::tos_of`]) that routes to it whatever the destination; type
//! of service 0 goes by ordinary routes ([`Lab::route`]), at first all to port 0.

#![allow(dead_code, reason = "each test crate uses a part of the lab")]
#![allow(clippy::unwrap_used, reason = "a lab that cannot be built is the test's failure")]

pub mod frame;
pub mod namespace;
pub mod nflog;
pub mod raw;
pub mod sockets;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Once;
use std::time::{Duration, Instant};

use zoned::net::{Family, MacAddr};

use frame::{Body, Frame};
use namespace::Namespace;
use nflog::{Logged, Nflog};
use raw::{Arrival, Mark, RawPort};

/// NFLOG group on which the lab's own table tells what reached the gateway's
/// local side, after every other table has judged it.
pub const ARRIVED_GROUP: u16 = 4077;
/// Ports that a type of service can name.
pub const MAX_PORTS: usize = 7;

/// One interface of the gateway and the network behind it.
pub struct Port {
    /// The interface's name, the same on both sides.
    pub name: String,
    /// The namespace behind it.
    pub namespace: Namespace,
    raw: RawPort,
    gateway_raw: RawPort,
}

/// A gateway with its ports.
pub struct Lab {
    /// The gateway's namespace.
    pub gateway: Namespace,
    /// Its ports, in the order asked for.
    pub ports: Vec<Port>,
    logs: Vec<Nflog>,
    barrier: u64,
}

/// Everything that happened since the last [`Lab::settle`].
#[derive(Debug, Default)]
pub struct Happened {
    /// IP and ARP packets that the gateway sent out, in order per port.
    pub arrivals: Vec<Arrival>,
    /// Packets that the gateway logged on the groups listened to.
    pub logged: Vec<Logged>,
}

impl Happened {
    /// The ports at which a packet, or its fragments, came out.
    pub fn came_out(&self, mark: Mark) -> Vec<usize> {
        self.arrivals.iter().filter(|a| raw::mark(&a.packet) == Some(mark)).map(|a| a.port).collect()
    }
}

/// True if the lab can be built here. Without root it says so loudly and the
/// test is skipped; in CI (`CI=true`) that is a failure.
pub fn possible() -> bool {
    let why = if !rustix::process::geteuid().is_root() {
        "it needs root"
    } else if let Err(error) = Namespace::probe() {
        return refuse(&error);
    } else {
        return true;
    };
    refuse(why)
}

fn refuse(why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "the lab must run in CI: {why}");
    eprintln!("\n*** SKIPPED: the lab cannot run here: {why} ***\n");
    false
}

impl Lab {
    /// Builds a gateway with interfaces of these names (at most [`MAX_PORTS`]).
    pub fn new(names: &[&str]) -> Self {
        assert!(names.len() <= MAX_PORTS, "at most {MAX_PORTS} ports");
        static SWEEP: Once = Once::new();
        SWEEP.call_once(namespace::remove_leftovers);
        let gateway = Namespace::new("gw");
        gateway.sysctl(GATEWAY_SYSCTLS);
        let ports: Vec<Port> = names.iter().enumerate().map(|(i, name)| Self::port(&gateway, i, name)).collect();
        gateway.ip(&format!("route replace default via 169.254.0.1 dev {} onlink\n", names[0]));
        gateway.ip6(&format!("route replace default via fe80::fffe dev {} onlink\n", names[0]));
        let logs = vec![Nflog::open(&gateway, ARRIVED_GROUP)];
        let namespaces = std::iter::once(&gateway).chain(ports.iter().map(|port| &port.namespace));
        namespaces.for_each(until_up);
        let lab = Self { gateway, ports, logs, barrier: 0 };
        lab.watch();
        lab
    }

    /// Adds the lab's own table: it tells what passed all others.
    pub fn watch(&self) {
        self.gateway.nft(&format!(
            "table inet lab {{\n chain arrived {{\n  type filter hook input priority 300; policy accept;\n  \
             log group {ARRIVED_GROUP} snaplen 128 queue-threshold 1\n }}\n}}\n"
        ));
    }

    /// Two networks of real hosts: behind `ethN` of the gateway (10.N.0.254,
    /// fd0N::fe) those of 10.N.0.1 to .3 and fd0N::1 to ::3, N = 1 and 2.
    pub fn of_hosts() -> Self {
        let lab = Self::new(&["eth1", "eth2"]);
        for (port, net) in [(0, 1), (1, 2)] {
            let name = &lab.ports[port].name;
            let host = &lab.ports[port].namespace;
            lab.gateway.ip(&format!("address add 10.{net}.0.254/24 dev {name}\n"));
            lab.gateway.ip6(&format!("address add fd0{net}::fe/64 dev {name} nodad\n"));
            host.ip(&format!("link set {name} address {}\n", Self::host_mac(net)));
            for n in [1, 2, 3] {
                host.ip(&format!("address add 10.{net}.0.{n}/24 dev {name}\n"));
                host.ip6(&format!("address add fd0{net}::{n}/64 dev {name} nodad\n"));
            }
            host.ip(&format!("route add default via 10.{net}.0.254\n"));
            host.ip6(&format!("route add default via fd0{net}::fe\n"));
        }
        lab
    }

    /// The MAC of the hosts of network N of [`Lab::of_hosts`].
    pub fn host_mac(net: u8) -> String {
        format!("02:00:00:00:0{net}:01")
    }

    fn port(gateway: &Namespace, index: usize, name: &str) -> Port {
        let namespace = Namespace::new(&format!("p{index}"));
        namespace.sysctl(HOST_SYSCTLS);
        let (near, far) = (Self::gateway_mac_at(index), Self::far_mac_at(index));
        gateway.ip(&format!(
            "link add {name} address {near} type veth peer name {name} netns {}\nlink set {name} up\n",
            namespace.name()
        ));
        namespace.ip(&format!("link set {name} up\n"));
        gateway.sysctl(&[&format!("ipv4/conf/{name}/rp_filter=0"), &format!("ipv4/conf/{name}/send_redirects=0")]);
        let (tos, table) = (Self::tos_at(index), 101 + index);
        gateway.ip(&format!(
            "address add {}/32 dev {name}\nneighbour add 169.254.0.1 lladdr {far} dev {name} nud permanent\n\
             route add default via 169.254.0.1 dev {name} onlink table {table}\n\
             rule add tos {tos:#04x} lookup {table}\n",
            Self::gateway_address_at(index, Family::V4)
        ));
        gateway.ip6(&format!(
            "address add {}/128 dev {name} nodad\nneighbour add fe80::fffe lladdr {far} dev {name} nud permanent\n\
             route add default via fe80::fffe dev {name} onlink table {table}\n\
             rule add tos {tos:#04x} lookup {table}\n",
            Self::gateway_address_at(index, Family::V6)
        ));
        let raw = RawPort::open(&namespace, name, None);
        let gateway_raw = RawPort::open(gateway, name, Some(raw::BARRIER_TYPE));
        Port { name: name.to_owned(), namespace, raw, gateway_raw }
    }

    /// The gateway's MAC on a port: where frames for it must go.
    pub fn gateway_mac_at(port: usize) -> MacAddr {
        MacAddr([0x02, 0x9a, 0, 0, 0, port as u8])
    }

    /// The MAC that packets leaving by the lab's own routes are sent to.
    pub fn far_mac_at(port: usize) -> MacAddr {
        MacAddr([0x02, 0x9b, 0, 0, 0, port as u8])
    }

    fn tos_at(port: usize) -> u8 {
        // The bits that IPv4 routing looks at: 0x04 ..= 0x1c.
        (port as u8 + 1) << 2
    }

    /// The type of service (IPv6: traffic class) that makes a packet leave by this port.
    pub fn tos_of(&self, port: usize) -> u8 {
        Self::tos_at(port)
    }

    /// The gateway's own address on a port (198.18.255.0/24, 2001:2::/48: benchmarking).
    pub fn gateway_address_at(port: usize, family: Family) -> IpAddr {
        match family {
            Family::V4 => Ipv4Addr::new(198, 18, 255, port as u8 + 1).into(),
            Family::V6 => Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, port as u16 + 1).into(),
        }
    }

    /// The port with this interface.
    pub fn port_named(&self, name: &str) -> Option<usize> {
        self.ports.iter().position(|p| p.name == name)
    }

    /// Also listens to this NFLOG group of the gateway's.
    pub fn listen(&mut self, group: u16) {
        self.logs.push(Nflog::open(&self.gateway, group));
    }

    /// Routes a prefix to a port for packets with type of service 0.
    pub fn route(&self, prefix: ipnet::IpNet, port: usize) {
        let name = &self.ports[port].name;
        match prefix {
            ipnet::IpNet::V4(p) => {
                self.gateway.ip(&format!("route replace {p} via 169.254.0.1 dev {name} onlink\n"));
            }
            ipnet::IpNet::V6(p) => {
                self.gateway.ip6(&format!("route replace {p} via fe80::fffe dev {name} onlink\n"));
            }
        }
    }

    /// Sends every fragment of a frame into a port.
    pub fn send(&mut self, port: usize, frame: &Frame) {
        for packet in frame.packets() {
            let kind = match frame.body {
                Body::Arp { .. } => 0x0806,
                _ if frame.src.is_ipv4() => 0x0800,
                _ => 0x86dd,
            };
            let ethernet = raw::ethernet(frame.dst_mac.unwrap_or(Self::gateway_mac_at(port)), frame.src_mac, kind);
            self.ports[port].raw.send(&[&ethernet[..], &packet].concat());
        }
    }

    /// Waits until everything sent has been dealt with and gives what happened.
    ///
    /// A barrier frame goes from every port to the gateway behind what was sent
    /// there; the lab sends one back behind what the gateway forwarded. The thread
    /// stays on one processor, so the kernel's queues keep the order.
    pub fn settle(&mut self) -> Happened {
        self.barrier += 1;
        let mut happened = Happened::default();
        for (index, port) in self.ports.iter_mut().enumerate() {
            let (near, far) = (Self::gateway_mac_at(index), Self::far_mac_at(index));
            port.raw.send_barrier(far, near, self.barrier);
            port.gateway_raw.until_barrier(near, self.barrier, |_| ());
        }
        for (index, port) in self.ports.iter_mut().enumerate() {
            let (near, far) = (Self::gateway_mac_at(index), Self::far_mac_at(index));
            port.gateway_raw.send_barrier(near, far, self.barrier);
            port.raw.until_barrier(far, self.barrier, |frame| {
                happened.arrivals.extend(Arrival::read(index, near, frame));
            });
        }
        for log in &mut self.logs {
            log.drain(&mut happened.logged);
        }
        happened
    }

    /// Puts the calling thread on one processor: barriers hold only so.
    pub fn pin_thread() {
        let mut set = rustix::thread::sched_getaffinity(None).unwrap();
        let first = (0..rustix::thread::CpuSet::MAX_CPU).find(|c| set.is_set(*c)).unwrap();
        set.clear();
        set.set(first);
        rustix::thread::sched_setaffinity(None, &set).unwrap();
    }

    /// Forgets every connection that the gateway tracks.
    pub fn forget_connections(&self) {
        self.gateway.command("conntrack", &["-F"]);
    }
}

/// Waits for every link of a namespace: the kernel puts one that has come up to
/// work only later (linkwatch), and until then throws away what is sent on it.
fn until_up(namespace: &Namespace) {
    let start = Instant::now();
    loop {
        let links = namespace.command("ip", &["-br", "link", "show", "type", "veth"]);
        if links.lines().all(|line| line.split_whitespace().nth(1) == Some("UP")) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "links are down in {}: {links}", namespace.name());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The gateway forwards everything it is asked to, believes no router and
/// answers as often as it is asked.
const GATEWAY_SYSCTLS: &[&str] = &[
    "ipv4/ip_forward=1",
    "ipv6/conf/all/forwarding=1",
    "ipv6/conf/default/forwarding=1",
    "ipv4/conf/all/rp_filter=0",
    "ipv4/conf/default/rp_filter=0",
    "ipv4/conf/all/send_redirects=0",
    "ipv4/icmp_ratelimit=0",
    "ipv4/icmp_msgs_per_sec=1000000",
    "ipv4/icmp_msgs_burst=1000000",
    "ipv6/icmp/ratelimit=0",
    "ipv6/conf/default/accept_ra=0",
    "ipv6/conf/default/accept_dad=0",
    "ipv6/conf/all/accept_dad=0",
];

/// Hosts take no part in anything that nobody asked them for.
const HOST_SYSCTLS: &[&str] = &[
    "ipv6/conf/default/accept_ra=0",
    "ipv6/conf/default/accept_dad=0",
    "ipv6/conf/default/router_solicitations=0",
    "ipv4/conf/default/accept_local=1",
];
