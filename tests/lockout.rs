//! Lock-out protection (Z306): `zonectl verify --host` and `zonectl apply` over a
//! connection that the change would cut, with real sockets and the real daemon.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

mod lab;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lab::{Lab, sockets};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(5);

const CONFIG: &str = r#"
version = 1
[organisation]
name = "海辺町"
[compliance]
model = "general"
[zones.m]
class = "management"
interfaces = ["eth1"]
networks = ["10.1.0.0/24"]
[hosts.admin]
zone = "m"
ip = ["10.1.0.9"]
mac = ["02:00:00:00:01:09"]
[reload]
mode = "manual"
[log]
retention_days = 30
"#;

/// A gateway with zoned and an administrator's open connection to its port 22.
struct Office {
    lab: Lab,
    folder: tempfile::TempDir,
    daemon: Child,
    near: TcpStream,
    far: TcpStream,
}

impl Office {
    fn new() -> Self {
        let lab = Lab::new(&["eth1"]);
        lab.gateway.ip("address add 10.1.0.254/24 dev eth1\n");
        lab.ports[0].namespace.ip("link set eth1 address 02:00:00:00:01:09\naddress add 10.1.0.9/24 dev eth1\n");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        fs::write(folder.path().join("etc/zoned.toml"), with_management(&["m:admin:ssh"])).unwrap();
        let daemon = Command::new("ip")
            .args(["netns", "exec", lab.gateway.name(), env!("CARGO_BIN_EXE_zoned")])
            .args(folders(&folder))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let to: SocketAddr = "10.1.0.254:22".parse().unwrap();
        let listener = lab.gateway.enter(|| TcpListener::bind(to)).unwrap();
        let near = sockets::tcp_connect(&lab.ports[0].namespace, [10, 1, 0, 9].into(), to, PATIENCE).unwrap();
        let far = listener.accept().unwrap().0;
        let office = Self { lab, folder, daemon, near, far };
        let began = Instant::now();
        while office.json(&office.ctl(&["status"], &[]))["in_force"] != "policy" {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", office.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        office
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn write(&self, lines: &[&str]) {
        fs::write(self.folder.path().join("etc/zoned.toml"), with_management(lines)).unwrap();
    }

    /// `SSH_CONNECTION` of the administrator's session.
    fn variable(&self) -> String {
        let (near, far) = (self.near.local_addr().unwrap(), self.far.local_addr().unwrap());
        format!("SSH_CONNECTION={} {} {} {}", near.ip(), near.port(), far.ip(), far.port())
    }

    /// `zonectl` as JSON inside the gateway, with these variables alone.
    fn ctl(&self, arguments: &[&str], variables: &[&str]) -> Output {
        Command::new("ip")
            .args(["netns", "exec", self.lab.gateway.name(), "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            .args(variables)
            .arg(env!("CARGO_BIN_EXE_zonectl"))
            .args(folders(&self.folder))
            .args(["--format", "json", "--lang", "en"])
            .args(arguments)
            .output()
            .unwrap()
    }

    /// The same below a program of this name that holds our end of the
    /// connection as its standard input, everything else cleared.
    fn below(&self, name: &str, arguments: &[&str]) -> Output {
        let program = self.folder.path().join(name);
        fs::copy("/bin/sh", &program).unwrap();
        let line = [&[env!("CARGO_BIN_EXE_zonectl").to_owned()], &folders(&self.folder)[..]].concat().join(" ");
        // A second command keeps the shell where it is.
        let line = format!("{line} --format json --lang en {} < /dev/null; exit $?", arguments.join(" "));
        let socket = OwnedFd::from(self.far.try_clone().unwrap());
        Command::new("ip")
            .args(["netns", "exec", self.lab.gateway.name(), "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
            .arg(program)
            .args(["-c", &line])
            .stdin(Stdio::from(socket))
            .output()
            .unwrap()
    }

    fn json(&self, output: &Output) -> Value {
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Subjects of Z306 in an answer.
    fn locked_out(&self, output: &Output) -> Vec<String> {
        let answer = self.json(output);
        let found = answer.get("findings").or_else(|| answer.get("error")?.get("findings"));
        let all = found.and_then(Value::as_array).unwrap_or_else(|| panic!("{output:?}\n{}", self.log()));
        let ours = all.iter().filter(|finding| finding["code"] == "Z306");
        ours.map(|finding| finding["subject"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn with_management(lines: &[&str]) -> String {
    format!("{CONFIG}[gateway]\nmanagement = {lines:?}\n")
}

fn folders(folder: &tempfile::TempDir) -> [String; 6] {
    let path = |name: &str| folder.path().join(name).display().to_string();
    ["--config".into(), path("etc"), "--state".into(), path("state"), "--run".into(), path("run")]
}

#[test]
fn nobody_is_locked_out_unasked() {
    if !lab::possible() {
        return;
    }
    let office = Office::new();
    let variable = office.variable();
    let own = format!("{} {}", office.near.local_addr().unwrap(), office.far.local_addr().unwrap());
    let none: [String; 0] = [];
    let verify = ["verify", "--host"];
    assert_eq!(office.locked_out(&office.ctl(&verify, &[&variable])), none);

    // The line stays, for another service: both the caller's connection and the line are lost.
    office.write(&["m:admin:https"]);
    let line = "m:admin:tcp/22";
    let output = office.ctl(&verify, &[&variable]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(office.locked_out(&output), [own.as_str(), line]);
    let answer = office.json(&output);
    let first = answer["findings"].as_array().unwrap().iter().find(|f| f["code"] == "Z306").unwrap().clone();
    assert!(first["file"].as_str().unwrap().ends_with("zoned.toml") && first["line"].as_u64() == Some(7), "{first:#}");
    assert_eq!(answer["host"]["checked"], serde_json::json!(["Z306"]));
    // Without --host nothing of this machine is looked at; on the console the line alone.
    assert_eq!(office.locked_out(&office.ctl(&["verify"], &[&variable])), none);
    assert_eq!(office.locked_out(&office.ctl(&verify, &[])), [line]);
    // A session that is gone: any on its port may be the caller's.
    let gone = "SSH_CONNECTION=10.1.0.9 1 10.1.0.254 22";
    assert_eq!(office.locked_out(&office.ctl(&verify, &[gone])), [own.as_str(), line]);
    // Its variable cleared, the session is known by the socket of the server above it.
    for (name, found) in [("sshd", &[own.as_str(), line][..]), ("sshd-session", &[&own, line]), ("other", &[line])] {
        assert_eq!(office.locked_out(&office.below(name, &verify)), found, "{name}");
    }

    // The daemon refuses alike, whoever asks, and goes on as before.
    for output in [office.ctl(&["apply"], &[&variable]), office.below("sshd", &["apply"])] {
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(office.locked_out(&output), [own.as_str(), line]);
    }
    assert_eq!(office.locked_out(&office.ctl(&["apply"], &[])), [line]);
    assert_eq!(office.json(&office.ctl(&["status"], &[]))["last_error"], Value::Null);
    assert!(sockets_carry(&office));
    // Asked for by name it is done.
    let output = office.ctl(&["apply", "--allow-lockout"], &[&variable]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!sockets_carry(&office));
    // What is not in force any more cannot be lost again.
    office.write(&["m:admin:tcp/443"]);
    assert_eq!(office.locked_out(&office.ctl(&verify, &[])), none);
}

fn sockets_carry(office: &Office) -> bool {
    use std::io::{Read as _, Write as _};
    let (mut near, mut far) = (&office.near, &office.far);
    far.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    near.write_all(b"zonedlab").is_ok() && matches!(far.read(&mut [0; 8]), Ok(1..))
}
