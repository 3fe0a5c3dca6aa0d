//! Over which connection does whoever runs this program reach this machine?
//!
//! An SSH session is known by `SSH_CONNECTION`, in our own environment or, where
//! sudo or the like has cleared it, in that of the processes above us, and by
//! the socket that an sshd above us holds. A variable counts only if the
//! kernel knows that connection. Where all of them name connections that are
//! gone (a terminal multiplexer outlives the session it was started from), any
//! session on the same port may be the caller's. On a console there is none.
//!
//! Reads /proc and asks sock_diag, in the caller's network namespace. Needs no
//! privilege; what belongs to other users is seen by root only.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::sockets::{Established, Sockets};

/// What sshd tells its session: client address and port, server address and port.
const VARIABLE: &[u8] = b"SSH_CONNECTION=";
/// Programs that hold the connection of the session below them (`sshd-session` since OpenSSH 9.8).
const SERVERS: [&str; 3] = ["sshd", "sshd-session", "dropbear"];
/// Processes above us looked at, at most.
const ANCESTORS: usize = 64;

/// A TCP connection that somebody opened to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Connection {
    /// Their end.
    pub remote: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

/// The connections that must survive if the caller is not to be locked out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Caller {
    /// Each of these.
    pub own: BTreeSet<Connection>,
    /// At least one of these, if there are any.
    pub any_of: BTreeSet<Connection>,
}

impl Caller {
    /// Of this process.
    ///
    /// # Errors
    /// The kernel's, if its sockets cannot be listed.
    pub fn find() -> io::Result<Self> {
        let open = Sockets::open()?.established()?;
        let mut told = BTreeSet::new();
        let mut held = BTreeSet::new();
        for process in line_of_descent() {
            told.extend(environment(process.id).as_deref().and_then(variable));
            if SERVERS.contains(&process.name.as_str()) {
                let inodes = socket_inodes(process.id);
                held.extend(open.iter().filter(|socket| inodes.contains(&socket.inode)).map(connection));
            }
        }
        Ok(Self::of(&told, held, &open))
    }

    /// `told`: what variables say; `held`: what servers above us hold.
    fn of(told: &BTreeSet<Connection>, held: BTreeSet<Connection>, open: &[Established]) -> Self {
        let real: BTreeSet<Connection> = open.iter().map(connection).collect();
        let mut own = held;
        own.extend(told.intersection(&real));
        let ports: BTreeSet<u16> = told.iter().map(|gone| gone.local.port()).collect();
        let any_of = match own.is_empty() {
            true => real.into_iter().filter(|connection| ports.contains(&connection.local.port())).collect(),
            false => BTreeSet::new(),
        };
        Self { own, any_of }
    }
}

fn connection(socket: &Established) -> Connection {
    Connection { remote: socket.remote, local: socket.local }
}

/// One process.
struct Process {
    id: u32,
    name: String,
}

/// We and the processes above us, nearest first.
fn line_of_descent() -> Vec<Process> {
    let mut line = Vec::new();
    let mut next = Some(std::process::id());
    while let Some(id) = next.filter(|id| *id != 0 && line.len() < ANCESTORS) {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let Some((name, parent)) = stat(&text) else { break };
        line.push(Process { id, name });
        next = Some(parent);
    }
    line
}

/// Name and parent of /proc/PID/stat (proc_pid_stat(5)); the name may hold anything.
fn stat(text: &str) -> Option<(String, u32)> {
    let (head, tail) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1;
    // Behind the name: the state, then the parent.
    Some((name.to_owned(), tail.split_whitespace().nth(1)?.parse().ok()?))
}

/// None where it is another user's.
fn environment(process: u32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{process}/environ")).ok()
}

/// The connection that an environment names.
fn variable(environment: &[u8]) -> Option<Connection> {
    let value = environment.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(VARIABLE))?;
    let words: Vec<&str> = std::str::from_utf8(value).ok()?.split(' ').collect();
    let [client, client_port, server, server_port] = words.as_slice() else { return None };
    let end = |addr: &str, port: &str| {
        // A link-local address may carry its interface.
        let addr: IpAddr = addr.split('%').next()?.parse().ok()?;
        Some(SocketAddr::new(addr.to_canonical(), port.parse().ok()?))
    };
    Some(Connection { remote: end(client, client_port)?, local: end(server, server_port)? })
}

/// The inodes of a process's sockets; empty where it is another user's.
fn socket_inodes(process: u32) -> BTreeSet<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return BTreeSet::new() };
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<Connection> {
        variable(text.as_bytes())
    }

    fn open(remote: &str, local: &str) -> Established {
        Established { remote: remote.parse().unwrap(), local: local.parse().unwrap(), inode: 1 }
    }

    #[test]
    fn a_variable_is_read_among_others() {
        let found = told("A=1\0SSH_CONNECTION=192.0.2.7 50000 10.0.0.1 22\0B=\0").unwrap();
        assert_eq!(found, connection(&open("192.0.2.7:50000", "10.0.0.1:22")));
        let found = told("SSH_CONNECTION=::ffff:192.0.2.7 1 fe80::1%eth1 22").unwrap();
        assert_eq!(found, connection(&open("192.0.2.7:1", "[fe80::1]:22")));
        for wrong in ["", "SSH_CONNECTION=", "SSH_CONNECTION=a 1 b 2", "SSH_CONNECTION=192.0.2.7 70000 10.0.0.1 22"] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_name_may_hold_brackets() {
        assert_eq!(stat("7 (a) (b)) S 42 7 7"), Some(("a) (b)".into(), 42)));
        assert_eq!(stat("7 (a"), None);
        assert!(line_of_descent().len() > 1, "this test has a parent");
    }

    #[test]
    fn what_is_gone_stands_for_any_session_of_its_port() {
        let open = [open("192.0.2.7:50000", "10.0.0.1:22"), open("192.0.2.8:1", "10.0.0.1:22"), {
            open("192.0.2.9:1", "10.0.0.1:443")
        }];
        let all: Vec<Connection> = open.iter().map(connection).collect();
        let gone = Connection { remote: "192.0.2.7:40000".parse().unwrap(), ..all[0] };
        let caller = Caller::of(&BTreeSet::from([all[0], gone]), BTreeSet::new(), &open);
        assert_eq!((caller.own, caller.any_of), ([all[0]].into(), BTreeSet::new()));
        let caller = Caller::of(&BTreeSet::from([gone]), BTreeSet::new(), &open);
        assert_eq!((caller.own, caller.any_of), (BTreeSet::new(), [all[0], all[1]].into()));
        let caller = Caller::of(&BTreeSet::from([gone]), [all[2]].into(), &open);
        assert_eq!((caller.own, caller.any_of), ([all[2]].into(), BTreeSet::new()));
        assert_eq!(Caller::of(&BTreeSet::new(), BTreeSet::new(), &open), Caller::default());
    }
}
