//! The whole way: real packets in a namespace, through the thread, to a reader.

use std::net::UdpSocket;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::worker::RETRY_AFTER;
use super::*;
use crate::flow::samples::context;
use crate::flow::{Gap, GapCause, Record};
use crate::nft::names::DENIED_GROUP;
use crate::store::flows::{FILE, FlowReader, Query};
use crate::sys::namespace::{in_namespace, log_udp_9, run};
use crate::sys::nflog::Nflog;

/// A namespace where zei-1's address is on the loopback, and its packets to
/// port 9 are denied.
fn town(test: impl FnOnce(&Runtime, &Path) + Send + 'static) {
    in_namespace(move |runtime| {
        run("ip", &["address", "add", "10.10.0.20/32", "dev", "lo"], "");
        log_udp_9(DENIED_GROUP, "zoned:deny:no-allow-entry");
        test(runtime, tempfile::tempdir().unwrap().path());
    });
}

fn send(count: usize, from_port: u16) {
    let socket = UdpSocket::bind(("10.10.0.20", from_port)).unwrap();
    for _ in 0..count {
        socket.send_to(b"SECRET", "10.10.0.20:9").unwrap();
    }
}

fn read(state: &Path) -> (Vec<Record>, Vec<Gap>) {
    let mut records = Vec::new();
    let Ok(mut reader) = FlowReader::open(&state.join("flows")) else { return (records, Vec::new()) };
    reader
        .query(&Query::default(), |record| {
            records.push(record);
            ControlFlow::Continue(())
        })
        .unwrap();
    (records, reader.gaps(None, None).unwrap())
}

/// Waits until `what` holds, at most `limit`.
fn until(limit: Duration, what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < limit, "not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_denied_packet_is_a_record_within_two_seconds() {
    town(|runtime, state| {
        let task = LogTask::start(state, Arc::new(context(128))).unwrap();
        until(SOON, || task.health().reading && task.health().storing);
        send(1, 5001);
        until(SOON, || !read(state).0.is_empty());
        let record = read(state).0.remove(0);
        let names = [&record.src_host, &record.from_zone, &record.to_zone, &record.src_dept];
        assert_eq!(names.map(|n| n.as_deref().unwrap()), ["zei-1", "m", "gateway", "税務課"]);
        assert_eq!((record.dport, record.sport, record.packets), (Some(9), Some(5001), 1));
        assert!(!record.header.unwrap().ends_with(b"SECRET"));
        // Totals follow, and are exact at the end.
        send(400, 5002);
        until(SOON, || read(state).0[0].packets == 401);
        send(50, 5003);
        runtime.block_on(task.shutdown());
        let (records, gaps) = read(state);
        assert_eq!((records.len(), records[0].packets, records[0].bytes), (1, 451, 451 * 34));
        assert_eq!(gaps, []);
    });
}

#[test]
fn a_new_policy_begins_a_new_record() {
    town(|runtime, state| {
        let task = LogTask::start(state, Arc::new(context(128))).unwrap();
        until(SOON, || task.health().reading);
        send(2, 5001);
        until(SOON, || task.health().packets == 2);
        let policy = context(128).policy().clone();
        task.set_context(Arc::new(Context::new(policy, "sha256:bb", Some(4))));
        std::thread::sleep(Duration::from_millis(50));
        send(3, 5001);
        until(SOON, || task.health().packets == 5);
        runtime.block_on(task.shutdown());
        let seen: Vec<_> = read(state).0.into_iter().map(|r| (r.policy_digest, r.revision, r.packets)).collect();
        assert_eq!(seen, [("sha256:bb".into(), Some(4), 3), ("sha256:aa".into(), Some(3), 2)]);
    });
}

#[test]
fn without_a_store_packets_wait_for_one() {
    town(|runtime, state| {
        std::fs::write(state.join("flows"), "in the way").unwrap();
        let task = LogTask::start(state, Arc::new(context(128))).unwrap();
        until(SOON, || task.health().reading);
        send(7, 5001);
        until(SOON, || task.health().packets == 7);
        let health = task.health();
        assert!(!health.storing && health.last_error.is_some(), "{health:?}");
        std::fs::remove_file(state.join("flows")).unwrap();
        until(RETRY_AFTER + SOON, || task.health().storing);
        runtime.block_on(task.shutdown());
        assert_eq!(read(state).0.iter().map(|r| r.packets).sum::<u64>(), 7);
    });
}

#[test]
fn a_damaged_store_is_set_aside_and_recording_goes_on() {
    town(|runtime, state| {
        std::fs::create_dir(state.join("flows")).unwrap();
        std::fs::write(state.join("flows").join(FILE), [0x55; 5000]).unwrap();
        let task = LogTask::start(state, Arc::new(context(128))).unwrap();
        until(SOON, || task.health().storing && task.health().reading);
        send(3, 5001);
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            task.shutdown().await;
        });
        let (records, gaps) = read(state);
        assert_eq!(records.iter().map(|r| r.packets).sum::<u64>(), 3);
        assert_eq!(gaps.iter().map(|g| g.cause).collect::<Vec<_>>(), [GapCause::Damaged]);
        let names = std::fs::read_dir(state.join("flows")).unwrap();
        let aside = names.filter(|n| n.as_ref().unwrap().file_name().to_string_lossy().contains(".damaged-"));
        assert_eq!(aside.count(), 1);
    });
}

#[test]
fn a_store_exchanged_while_running_loses_no_count() {
    town(|runtime, state| {
        let task = LogTask::start(state, Arc::new(context(128))).unwrap();
        until(SOON, || task.health().storing && task.health().reading);
        send(3, 5001);
        until(SOON, || read(state).0.first().is_some_and(|r| r.packets == 3));
        // The writer notices on its next write: the file under its feet is broken.
        let path = state.join("flows").join(FILE);
        for tail in ["", "-wal", "-shm"] {
            let file = std::fs::OpenOptions::new().write(true).open(format!("{}{tail}", path.display())).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[0x55; 4096], 0).unwrap();
        }
        send(4, 5002);
        until(SOON, || task.health().packets == 7);
        std::thread::sleep(Duration::from_millis(1500));
        send(5, 5003);
        until(SOON, || task.health().packets == 12);
        runtime.block_on(task.shutdown());
        let (records, gaps) = read(state);
        let kept: u64 = records.iter().map(|r| r.packets).sum();
        let lost: u64 = gaps.iter().map(|g| g.packets).sum();
        assert!(gaps.iter().any(|g| g.cause == GapCause::Damaged), "{gaps:?}");
        // The first three lie in the file that was set aside.
        assert_eq!(kept + lost, 9);
    });
}

#[test]
fn the_time_between_two_runs_is_a_gap_and_numbers_go_on() {
    town(|runtime, state| {
        for _ in 0..2 {
            let task = LogTask::start(state, Arc::new(context(128))).unwrap();
            until(SOON, || task.health().reading && task.health().storing);
            send(1, 5001);
            until(SOON, || task.health().packets == 1);
            runtime.block_on(task.shutdown());
        }
        let (records, gaps) = read(state);
        assert_eq!(records.iter().map(|r| r.seq).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(gaps.iter().map(|g| g.cause).collect::<Vec<_>>(), [GapCause::Stopped]);
    });
}

#[test]
fn a_busy_group_is_said_and_bound_when_free() {
    town(|runtime, state| {
        let other = Nflog::open(DENIED_GROUP).unwrap();
        let task = LogTask::start(state, Arc::new(context(128))).unwrap();
        until(SOON, || task.health().last_error.is_some());
        assert_eq!(task.health().last_error.unwrap().key(), "log-nflog-busy");
        drop(other);
        until(RETRY_AFTER + SOON, || task.health().reading);
        assert_eq!(task.health().last_error, None);
        send(1, 5001);
        until(SOON, || task.health().packets == 1);
        runtime.block_on(task.shutdown());
        assert_eq!(read(state).1.iter().map(|g| g.cause).collect::<Vec<_>>(), [GapCause::Unread]);
    });
}

/// `cargo test --release --lib -- --ignored --nocapture packets_a_second`
#[test]
#[ignore = "measures; says nothing in a debug build"]
fn packets_a_second_through_decoding_aggregation_and_store() {
    use crate::flow::samples::{at, station, syn};
    use crate::flow::{Aggregator, FlowSink as _, Limits};
    use crate::store::flows::FlowStore;
    for (name, packets, flows) in [("repeating", 1_000_000u64, 1_000u64), ("new", 50_000, 50_000)] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = FlowStore::open(folder.path()).unwrap();
        let mut aggregator = Aggregator::new(station(), Limits::default(), 1);
        let context = context(128);
        let sample: Vec<_> =
            (0..flows).map(|n| syn([10, 20, (n >> 14) as u8, (n >> 8) as u8 & 63], n as u16, at(0))).collect();
        let (start, mut written) = (Instant::now(), Duration::ZERO);
        for n in 0..packets {
            // 50,000 packets a second by the flows' own clock.
            let now = Duration::from_micros(n * 20);
            aggregator.packet(now, &sample[(n % flows) as usize], &context);
            if n % 12_500 == 12_499 {
                let begin = Instant::now();
                store.write(aggregator.changes(now)).unwrap();
                aggregator.written();
                written += begin.elapsed();
            }
        }
        let took = start.elapsed();
        let rate = packets as f64 / took.as_secs_f64();
        println!("{name}: {packets} packets of {flows} flows in {took:.2?} ({written:.2?} of it writing), {rate:.0}/s");
    }
}

/// As above, with real packets of one sender on the other core.
#[test]
#[ignore = "measures; says nothing in a debug build"]
fn packets_a_second_from_the_kernel() {
    town(|runtime, state| {
        let task = LogTask::start(state, Arc::new(context(128))).unwrap();
        until(SOON, || task.health().reading && task.health().storing);
        let socket = UdpSocket::bind("10.10.0.20:5001").unwrap();
        let (start, mut sent) = (Instant::now(), 0u64);
        while start.elapsed() < Duration::from_secs(5) {
            for _ in 0..100 {
                socket.send_to(b"SECRET", "10.10.0.20:9").unwrap();
                sent += 1;
            }
        }
        let took = start.elapsed();
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            task.shutdown().await;
        });
        let (records, gaps) = read(state);
        let kept: u64 = records.iter().map(|r| r.packets).sum();
        let lost: u64 = gaps.iter().map(|g| g.packets).sum();
        println!(
            "{sent} sent in {took:.2?} ({:.0}/s): {kept} recorded, {lost} in gaps",
            sent as f64 / took.as_secs_f64()
        );
        assert_eq!(kept + lost, sent);
    });
}
