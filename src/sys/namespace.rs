//! For tests: a network namespace of one's own, with nothing in it but a loopback.
#![allow(unsafe_code)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use tokio::runtime::Runtime;

/// Runs `test` on a thread of its own in a fresh namespace whose loopback is
/// up. False, and loud, where that is not allowed.
pub(crate) fn in_namespace(test: impl FnOnce(&Runtime) + Send + 'static) -> bool {
    let thread = std::thread::spawn(move || {
        // SAFETY: only the network namespace of this thread changes, and the
        // thread ends with the test.
        if unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.is_err() {
            eprintln!("SKIPPED: a network namespace needs root");
            return false;
        }
        run("ip", &["link", "set", "lo", "up"], "");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _guard = runtime.enter();
        test(&runtime);
        true
    });
    thread.join().unwrap()
}

/// Loads rules that log what goes to `udp dport 9` on the loopback into an
/// NFLOG group, and drop it.
pub(crate) fn log_udp_9(group: u16, prefix: &str) {
    let rules = format!(
        "table inet t {{\n chain input {{\n type filter hook input priority 0;\n \
         udp dport 9 log prefix \"{prefix}\" group {group} drop\n }}\n}}\n"
    );
    run("nft", &["-f", "-"], &rules);
}

/// Runs a program to its good end.
pub(crate) fn run(program: &str, args: &[&str], input: &str) {
    let mut child = Command::new(program).args(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program} {args:?}");
}
