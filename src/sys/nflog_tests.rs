use std::net::UdpSocket;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::sys::namespace::{in_namespace, log_udp_9};

use super::*;

const GROUP: u16 = 4005;
const PREFIX: &str = "zoned:deny:no-allow-entry";

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
        log_udp_9(GROUP, PREFIX);
        let mut log = Nflog::open(GROUP).unwrap();
        let start = Instant::now();
        send(1);
        let batch = runtime.block_on(log.recv()).unwrap();
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        let [packet] = batch.packets.as_slice() else { panic!("{batch:?}") };
        assert_eq!(packet.prefix, PREFIX);
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
        log_udp_9(GROUP, PREFIX);
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
        log_udp_9(GROUP, PREFIX);
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
