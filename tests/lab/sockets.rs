//! Ordinary sockets inside a namespace: what a person's programs would do.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, sockopt};

use super::namespace::Namespace;

/// How often a server looks whether it shall end.
const TICK: Duration = Duration::from_millis(20);

/// A server that sends back what it gets, until dropped.
pub struct Echo {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// A TCP server on this address and port.
    pub fn tcp(namespace: &Namespace, address: SocketAddr) -> Self {
        let listener = namespace.enter(|| TcpListener::bind(address)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self::run(move |stop| {
            let mut open: Vec<TcpStream> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                open.extend(listener.accept().ok().map(|(stream, _)| stream));
                open.retain_mut(|stream| echo_once(stream).is_ok());
                std::thread::sleep(TICK / 20);
            }
        })
    }

    /// A UDP server on this address and port.
    pub fn udp(namespace: &Namespace, address: SocketAddr) -> Self {
        let socket = namespace.enter(|| UdpSocket::bind(address)).unwrap();
        socket.set_read_timeout(Some(TICK)).unwrap();
        Self::run(move |stop| {
            let mut buffer = [0; 2048];
            while !stop.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    // An answer that the network refuses is the client's finding, not ours.
                    drop(socket.send_to(&buffer[..length], from));
                }
            }
        })
    }

    fn run(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        Self { stop, thread: Some(std::thread::spawn(move || work(&flag))) }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("an echo server panicked");
        }
    }
}

/// Sends back what waits; an error ends the connection.
fn echo_once(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let mut buffer = [0; 2048];
    match stream.read(&mut buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(length) => stream.write_all(&buffer[..length]),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
    }
}

/// Opens a TCP connection from an address (any port) within `patience`.
pub fn tcp_connect(namespace: &Namespace, from: IpAddr, to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = namespace.enter(|| rustix::net::socket_with(family(to.ip()), SocketType::STREAM, flags, None))?;
    rustix::net::bind(&socket, &SocketAddr::new(from, 0))?;
    match rustix::net::connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    wait(&socket, PollFlags::OUT, patience)?;
    sockopt::socket_error(&socket)??;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// True if a TCP connection opens and carries data both ways within `patience`.
pub fn tcp_works(namespace: &Namespace, from: IpAddr, to: SocketAddr, patience: Duration) -> bool {
    tcp_connect(namespace, from, to, patience).and_then(|mut stream| tcp_carries(&mut stream, patience)).is_ok()
}

/// Sends a line over an open connection and awaits its echo within `patience`.
pub fn tcp_carries(stream: &mut TcpStream, patience: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"zonedlab")?;
    stream.read_exact(&mut [0; 8])
}

/// True if a UDP datagram is answered within `patience`.
pub fn udp_works(namespace: &Namespace, from: IpAddr, to: SocketAddr, patience: Duration) -> bool {
    let ask = || {
        let socket = namespace.enter(|| UdpSocket::bind(SocketAddr::new(from, 0)))?;
        socket.set_read_timeout(Some(patience))?;
        socket.send_to(b"zonedlab", to)?;
        socket.recv_from(&mut [0; 16]).map(|(_, who)| who == to)
    };
    ask().unwrap_or(false)
}

/// True if an ICMP or ICMPv6 echo request is answered within `patience`.
pub fn ping(namespace: &Namespace, from: IpAddr, to: IpAddr, patience: Duration) -> bool {
    let (protocol, request, reply) = match to {
        IpAddr::V4(_) => (ipproto::ICMP, 8, 0),
        IpAddr::V6(_) => (ipproto::ICMPV6, 128, 129),
    };
    let ask = || -> io::Result<bool> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let open = || rustix::net::socket_with(family(to), SocketType::RAW, flags, Some(protocol));
        let socket = namespace.enter(open)?;
        rustix::net::bind(&socket, &SocketAddr::new(from, 0))?;
        // The kernel writes ICMPv6 checksums; ICMP's is ours: the sum of type, id and sequence.
        let id = (std::process::id() as u16).to_be_bytes();
        let mut message = [request, 0, 0, 0, id[0], id[1], 0, 1];
        if to.is_ipv4() {
            let sum = (u32::from(request) << 8) + u32::from(u16::from_be_bytes(id)) + 1;
            let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        rustix::net::sendto(&socket, &message, SendFlags::empty(), &SocketAddr::new(to, 0))?;
        let deadline = Instant::now() + patience;
        loop {
            wait(&socket, PollFlags::IN, deadline.saturating_duration_since(Instant::now()))?;
            let mut buffer = [0; 256];
            let (_, length) = rustix::net::recv(&socket, &mut buffer, RecvFlags::empty())?;
            let icmp = if to.is_ipv4() { &buffer[20.min(length)..length] } else { &buffer[..length] };
            if icmp.first() == Some(&reply) && icmp.get(4..6) == Some(&id) {
                return Ok(true);
            }
        }
    };
    ask().unwrap_or(false)
}

/// Sends an IP packet from the namespace's own stack, header as given; routed by
/// its destination and `tos`. The error is the kernel's: EPERM where the output
/// hook drops it.
pub fn send_own(namespace: &Namespace, dst: IpAddr, tos: u8, packet: &[u8]) -> io::Result<()> {
    let open = || rustix::net::socket(family(dst), SocketType::RAW, Some(ipproto::RAW));
    let socket: OwnedFd = namespace.enter(open)?;
    match dst {
        IpAddr::V4(_) => sockopt::set_ip_tos(&socket, tos)?,
        IpAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, u32::from(tos))?,
    }
    rustix::net::sendto(&socket, packet, SendFlags::empty(), &SocketAddr::new(dst, 0))?;
    Ok(())
}

fn family(addr: IpAddr) -> AddressFamily {
    if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

fn wait(socket: &OwnedFd, flags: PollFlags, patience: Duration) -> io::Result<()> {
    let time = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
    match poll(&mut [PollFd::new(socket, flags)], Some(&time))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}
