//! The real `zoned` in network namespaces of its own: start, reload, refusal,
//! signals, crashes, time. Needs root; says so where it is not, and fails in CI.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ends;
mod reload;
mod service;
mod start;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use zoned::daemon::client::{CallError, call};
use zoned::daemon::protocol::Request;
use zoned::sys::caller::Caller;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// True if the tests can run. Skips aloud, and never in CI.
fn able() -> bool {
    let able = rustix::process::geteuid().is_root() && Command::new("nft").arg("-v").output().is_ok();
    assert!(able || std::env::var("CI").as_deref() != Ok("true"), "root and nft are needed, and CI must not skip");
    if !able {
        eprintln!("SKIPPED: root and nft are needed");
    }
    able
}

/// A network namespace, and folders for one daemon in it; all gone when dropped.
struct Gateway {
    name: String,
    dir: tempfile::TempDir,
    daemon: Option<Child>,
    options: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Gateway {
    /// With this configuration, not started yet.
    fn new(config: &str) -> Self {
        let name = format!("zd{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        assert!(Command::new("ip").args(["netns", "add", &name]).status().unwrap().success());
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("conf/policy.d")).unwrap();
        fs::write(dir.path().join("conf/zoned.toml"), config).unwrap();
        let gateway = Self { name, dir, daemon: None, options: Vec::new(), environment: Vec::new() };
        assert!(gateway.inside(&["ip", "link", "set", "lo", "up"]).0);
        gateway
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("conf").join(name), text).unwrap();
    }

    /// Whether a command in the namespace succeeds, and what it prints.
    fn inside(&self, command: &[&str]) -> (bool, String) {
        let out = Command::new("ip").args(["netns", "exec", &self.name]).args(command).output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// The ruleset without counts, its parts sorted: filled anew, nft lists the
    /// same chains in another order.
    fn ruleset(&self) -> String {
        let text = self.inside(&["nft", "-s", "list", "ruleset"]).1;
        let body = text.strip_prefix("table inet zoned {\n").and_then(|t| t.strip_suffix("\n}\n"));
        let Some(body) = body else { return text };
        let mut parts: Vec<&str> = body.split("\n\n").collect();
        parts.sort_unstable();
        parts.join("\n\n")
    }

    fn command(&self, run: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_zoned"), "--lang", "en", "--config"]);
        command.arg(self.path("conf")).arg("--state").arg(self.path("state")).arg("--run").arg(run);
        command.args(&self.options).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts the daemon, and waits until it answers and enforces.
    fn start(&mut self) {
        self.spawn();
        self.until("the daemon enforces", |status| status["in_force"] != "nothing");
    }

    fn spawn(&mut self) {
        let log = fs::File::create(self.path("log")).unwrap();
        self.daemon = Some(self.command(&self.path("run")).stderr(log).spawn().unwrap());
    }

    /// Runs `zoned` to its end, with more options.
    fn once(&self, options: &[&str]) -> (Option<i32>, String) {
        let out = self.command(&self.path("run")).args(options).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(self.daemon.as_ref().unwrap());
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Sends a signal and waits for the end.
    fn end(&mut self, signal: rustix::process::Signal) -> ExitStatus {
        self.signal(signal);
        self.daemon.take().unwrap().wait().unwrap()
    }

    fn call(&self, request: &Request) -> Result<Map<String, Value>, CallError> {
        call(&self.path("run"), request)
    }

    fn status(&self) -> Value {
        self.call(&Request::Status { lang: None }).map_or(Value::Null, Value::Object)
    }

    /// Waits, 10 s at most, until the status is so; gives the status and the time it took.
    fn until(&self, what: &str, so: impl Fn(&Value) -> bool) -> (Value, Duration) {
        let began = Instant::now();
        loop {
            let status = self.status();
            if !status.is_null() && so(&status) {
                return (status, began.elapsed());
            }
            if began.elapsed() > Duration::from_secs(10) {
                let log = fs::read_to_string(self.path("log")).unwrap_or_default();
                panic!("{what}: not within 10 s\nstatus: {status:#}\nlog:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn digest(&self) -> String {
        self.status()["digest"].as_str().unwrap_or_default().to_owned()
    }

    fn apply(&self, digest: Option<&str>) -> Result<Map<String, Value>, CallError> {
        let digest = digest.map(str::to_owned);
        self.call(&Request::Apply {
            config: None,
            digest,
            comment: Some("test".into()),
            caller: Caller::default(),
            allow_lockout: false,
            lang: None,
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// Two zones; entries come from `policy.d`.
const CONFIG: &str = r#"
version = 1
include = ["policy.d/*.toml"]
[organisation]
name = "試験町"
[compliance]
model = "general"
[zones.a]
class = "general"
interfaces = ["ea"]
networks = ["10.1.0.0/24"]
[zones.b]
class = "general"
interfaces = ["eb"]
networks = ["10.2.0.0/24"]
[log]
retention_days = 30
on_failure = "alert"
"#;

/// An entry that opens a port from a to b.
fn entry(id: &str, port: u16) -> String {
    timed(id, port, "")
}

/// The same with more keys.
fn timed(id: &str, port: u16, more: &str) -> String {
    format!(
        r#"
[[allow]]
id = "{id}"
from = ["a"]
to = ["b:10.2.0.5"]
services = ["tcp/{port}"]
approval = {{ reason = "r", requested_by = "x", approved_by = "y", approved_on = 2026-01-01 }}
{more}
"#
    )
}

/// The service manager's end of `NOTIFY_SOCKET`.
fn manager(gateway: &mut Gateway) -> UnixDatagram {
    let path = gateway.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    gateway.environment.push(("NOTIFY_SOCKET".into(), path.display().to_string()));
    socket
}

/// The next message that begins so, others skipped.
fn told(manager: &UnixDatagram, start: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("waiting for {start}: {error}"));
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with(start) {
            return text;
        }
    }
}
