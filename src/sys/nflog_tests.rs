use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::runtime::Runtime;

use super::*;

const GROUP: u16 = 4005;

/// Runs `test` in a network namespace of its own, with a loopback and a rule
/// that logs and drops what goes to UDP port 9. Loud if that is not allowed.
fn in_namespace(test: impl FnOnce(&Runtime) + Send + 'static) {
    let thread = std::thread::spawn(move || {
        // SAFETY: only the network namespace of this thread changes, and the
        // thread ends with the test.
        if unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.is_err() {
            eprintln!("SKIPPED: a network namespace needs root");
            return;
        }
        run("ip", &["link", "set", "lo", "up"], "");
        let rules = format!(
            "table inet t {{\n chain input {{\n type filter hook input priority 0;\n \
             udp dport 9 log prefix \"zoned:deny:no-allow-entry\" group {GROUP} drop\n }}\n}}\n"
        );
        run("nft", &["-f", "-"], &rules);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _guard = runtime.enter();
        test(&runtime);
    });
    thread.join().unwrap();
}

fn run(program: &str, args: &[&str], input: &str) {
    use std::io::Write as _;
    let mut child = Command::new(program).args(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program} {args:?}");
}

fn send(count: usize) {
    let socket = UdpSocket::bind("127.0.0.1:5555").unwrap();
    for _ in 0..count {
        socket.send_to(b"secret", "127.0.0.1:9").unwrap();
    }
}

/// Reads until nothing comes for a while; gives packets, lost, overruns.
fn drain(runtime: &Runtime, log: &mut Nflog) -> (Vec<LoggedPacket>, u64, u64) {
    let (mut packets, mut lost, mut overruns) = (Vec::new(), 0, 0);
    runtime.block_on(async {
        while let Ok(batch) = tokio::time::timeout(Duration::from_millis(400), log.recv()).await {
            let batch = batch.unwrap();
            assert_eq!(batch.unreadable, 0);
            lost += batch.lost;
            overruns += u64::from(batch.overrun);
            packets.extend(batch.packets);
        }
    });
    (packets, lost, overruns)
}

#[test]
fn a_logged_packet_arrives_whole_and_at_once() {
    in_namespace(|runtime| {
        let mut log = Nflog::open(GROUP).unwrap();
        let start = Instant::now();
        send(1);
        let batch = runtime.block_on(log.recv()).unwrap();
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        let [packet] = batch.packets.as_slice() else { panic!("{batch:?}") };
        assert_eq!(packet.prefix, "zoned:deny:no-allow-entry");
        assert_eq!(packet.in_if, Some("lo".parse().unwrap()));
        assert_eq!(packet.out_if, None);
        assert_eq!(packet.src_mac, None);
        assert_eq!(packet.hw_protocol, crate::flow::ETHERTYPE_IPV4);
        assert_eq!(packet.bytes.len(), 20 + 8 + 6);
        assert_eq!(packet.bytes[9], 17);
        assert!(packet.time.duration_until(Timestamp::now()).as_secs() < 5);
    });
}

#[test]
fn what_the_buffer_cannot_hold_is_counted_to_the_last_packet() {
    in_namespace(|runtime| {
        let mut log = Nflog::with_buffer(GROUP, 256 * 1024).unwrap();
        send(20_000);
        std::thread::sleep(Duration::from_millis(50));
        let (early, lost_early, overruns) = drain(runtime, &mut log);
        // The first packet after the loss bears the number that tells it.
        send(1);
        let (late, lost_late, _) = drain(runtime, &mut log);
        assert!(overruns > 0 && lost_early + lost_late > 0, "the buffer never ran over");
        assert_eq!(early.len() as u64 + late.len() as u64 + lost_early + lost_late, 20_001);
    });
}

#[test]
fn a_group_that_another_holds_is_said_so() {
    in_namespace(|_| {
        let _held = Nflog::open(GROUP).unwrap();
        match Nflog::open(GROUP) {
            Err(NflogError::Busy { group: GROUP, port }) => assert_ne!(port, 0),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn numbers_that_are_skipped_are_counted_over_the_wrap() {
    let mut reader = Reader { next: Some(0), names: HashMap::new() };
    assert_eq!(reader.gap(Some(0)), 0);
    assert_eq!(reader.gap(Some(3)), 2);
    assert_eq!(reader.gap(None), 0);
    reader.next = Some(u32::MAX);
    assert_eq!(reader.gap(Some(1)), 2);
}

proptest::proptest! {
    /// No bytes of a message make the reader panic, and malformed ones are counted.
    #[test]
    fn any_bytes_are_read_or_counted(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let mut message = (bytes.len() as u32 + 16).to_ne_bytes().to_vec();
        message.extend(ULOG_PACKET.to_ne_bytes());
        message.extend([0; 10]);
        message.extend(&bytes);
        let fd: OwnedFd = std::fs::File::open("/dev/null").unwrap().into();
        let mut batch = Batch::default();
        let mut reader = Reader { next: None, names: HashMap::new() };
        reader.read(&message, &fd, &mut batch);
        proptest::prop_assert_eq!(batch.packets.len() as u64 + batch.unreadable, 1);
        let mut torn = Batch::default();
        reader.read(&bytes, &fd, &mut torn);
    }
}
