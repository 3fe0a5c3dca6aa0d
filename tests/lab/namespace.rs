//! Network namespaces: made, entered, and removed without fail.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Names start so; the rest is the process and a number.
const PREFIX: &str = "zlab-";
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A network namespace under a name of its own; removed on drop.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one, with its loopback up.
    pub fn new(part: &str) -> Self {
        let name = format!("{PREFIX}{}-{}-{part}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let made = Command::new("ip").args(["netns", "add", &name]).output().unwrap();
        assert!(made.status.success(), "ip netns add: {}", String::from_utf8_lossy(&made.stderr));
        let namespace = Self { name };
        namespace.ip("link set lo up\n");
        namespace
    }

    /// Whether namespaces can be made here.
    pub fn probe() -> Result<(), String> {
        let probe = Command::new("unshare").args(["-n", "nft", "list", "ruleset"]).output();
        match probe {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(format!("unshare: {error}")),
        }
    }

    /// Its name, as `ip netns` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` on a thread inside the namespace. Sockets opened and programs
    /// started there stay there.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.join();
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread into the namespace for good.
    pub fn join(&self) {
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// Runs lines of `ip` for IPv4 and links.
    pub fn ip(&self, lines: &str) {
        self.feed("ip", &["-batch", "-"], lines);
    }

    /// Runs lines of `ip` for IPv6.
    pub fn ip6(&self, lines: &str) {
        self.feed("ip", &["-6", "-batch", "-"], lines);
    }

    /// Loads a ruleset written as text.
    pub fn nft(&self, ruleset: &str) {
        self.feed("nft", &["-f", "-"], ruleset);
    }

    /// Loads a ruleset written as JSON.
    pub fn nft_json(&self, ruleset: &str) {
        self.feed("nft", &["-j", "-f", "-"], ruleset);
    }

    /// Runs a program inside; gives what it printed. Its failure is the test's.
    pub fn command(&self, program: &str, arguments: &[&str]) -> String {
        self.feed(program, arguments, "")
    }

    fn feed(&self, program: &str, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.enter(|| command.spawn()).unwrap_or_else(|e| panic!("{program}: {e}"));
        let mut pipe = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // A program that refuses early closes the pipe; its own words then tell why.
            scope.spawn(move || drop(pipe.write_all(input.as_bytes())));
            child.wait_with_output().unwrap()
        });
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?} in {}: {said}\n{input}", self.name);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Sets `PATH=VALUE` lines under /proc/sys/net.
    pub fn sysctl<S: AsRef<str> + Sync>(&self, settings: &[S]) {
        self.enter(|| {
            for setting in settings {
                let (path, value) = setting.as_ref().split_once('=').unwrap();
                fs::write(format!("/proc/sys/net/{path}"), value).unwrap_or_else(|e| panic!("{path}: {e}"));
            }
        });
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

fn remove(name: &str) {
    match Command::new("ip").args(["netns", "delete", name]).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => eprintln!("ip netns delete {name}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("ip netns delete {name}: {error}"),
    }
}

/// Removes what runs that were killed left behind.
pub fn remove_leftovers() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(process) = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()) else { continue };
        if !fs::exists(format!("/proc/{process}")).unwrap_or(true) {
            remove(&name);
        }
    }
}
