use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::flow::samples::{at, context, station, syn};
use crate::flow::{Aggregator, Changes, FlowSink as _, GapCause, Limits, LoggedPacket, Record, Total};
use crate::nft::names::LogTag;
use crate::policy::DenyReason;

/// The changes that these packets make.
fn changes(first_seq: u64, packets: &[LoggedPacket]) -> Changes {
    let context = context(128);
    let mut flows = Aggregator::new(station(), Limits::default(), first_seq);
    for packet in packets {
        flows.packet(Duration::ZERO, packet, &context);
    }
    flows.flush().clone()
}

/// Six records: ports 1 … 6, one a second, by several zones, hosts, reasons.
fn six() -> Changes {
    let mut packets: Vec<LoggedPacket> =
        (1..=6u8).map(|n| syn([10, 20, 1, n], n.into(), at(i64::from(n) * 1000))).collect();
    packets[0].prefix = LogTag::Accepted("MN".into()).prefix();
    packets[1].prefix = LogTag::Denied(DenyReason::Invalid).prefix();
    packets[2].src_mac = Some("00:00:5e:00:53:77".parse().unwrap());
    packets[3].out_if = None;
    packets[5].in_if = Some("eth9".parse().unwrap());
    changes(1, &packets)
}

fn all(folder: &Path, query: &Query) -> Vec<Record> {
    let mut found = Vec::new();
    FlowReader::open(folder)
        .unwrap()
        .query(query, |record| {
            found.push(record);
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn seqs(folder: &Path, query: &Query) -> Vec<u64> {
    all(folder, query).iter().map(|r| r.seq).collect()
}

#[test]
fn records_come_back_as_they_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    let changes = six();
    store.write(&changes).unwrap();
    let mut back = all(folder.path(), &Query::default());
    back.reverse();
    assert_eq!(back, changes.opened);
    assert_eq!(store.next_seq().unwrap(), 7);
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(FILE), mode("flows.sqlite-wal")), (0o640, 0o640));
}

#[test]
fn totals_replace_what_was_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    store.write(&six()).unwrap();
    let total = Total { seq: 3, packets: 9, bytes: 900, last_seen: at(9000), added: 8 };
    store.write(&Changes { totals: vec![total], ..Changes::default() }).unwrap();
    let record = all(folder.path(), &Query { since: Some(at(8000)), ..Query::default() }).remove(0);
    assert_eq!((record.seq, record.packets, record.bytes, record.last_seen), (3, 9, 900, at(9000)));
    // Totals of a record that is not there are a gap, not nothing.
    let total = Total { seq: 99, packets: 9, bytes: 900, last_seen: at(9000), added: 8 };
    store.write(&Changes { totals: vec![total], ..Changes::default() }).unwrap();
    let gap = FlowReader::open(folder.path()).unwrap().gaps(None, None).unwrap().remove(0);
    assert_eq!((gap.cause, gap.packets), (GapCause::Store, 8));
}

#[test]
fn filters_are_or_within_and_between() {
    let folder = tempfile::tempdir().unwrap();
    FlowStore::open(folder.path()).unwrap().write(&six()).unwrap();
    let find = |terms: Vec<Term>, not: Vec<Term>| seqs(folder.path(), &Query { terms, not, ..Query::default() });
    let text = str::to_owned;
    assert_eq!(find(vec![], vec![]), [6, 5, 4, 3, 2, 1]);
    assert_eq!(find(vec![Term::Reason(text("invalid"))], vec![]), [2]);
    assert_eq!(find(vec![Term::Allowed(true)], vec![]), [1]);
    assert_eq!(find(vec![Term::Allowed(false)], vec![]), [6, 5, 4, 3, 2]);
    assert_eq!(find(vec![Term::Allowed(false), Term::Allowed(true)], vec![]), [6, 5, 4, 3, 2, 1]);
    assert_eq!(find(vec![Term::To(text("gateway"))], vec![]), [4]);
    assert_eq!(find(vec![Term::From(text("m")), Term::To(text("l"))], vec![]), [5, 3, 2, 1]);
    assert_eq!(find(vec![], vec![Term::From(text("m"))]), [6], "a record without zone is not of the zone");
    let net = |t: &str| Term::Dst(t.parse().unwrap());
    assert_eq!(find(vec![net("10.20.1.2/31"), net("10.20.1.5/32")], vec![]), [5, 3, 2]);
    assert_eq!(find(vec![net("::/0")], vec![]), Vec::<u64>::new());
    assert_eq!(find(vec![net("0.0.0.0/0")], vec![net("10.20.1.0/30")]), [6, 5, 4]);
    assert_eq!(find(vec![Term::Port("2-3".parse().unwrap()), Term::Port("6".parse().unwrap())], vec![]), [6, 3, 2]);
    assert_eq!(find(vec![Term::Host(text("renkei"))], vec![]), [5], "either side");
    assert_eq!(find(vec![Term::Host(text("roaming"))], vec![]), [3]);
    assert_eq!(find(vec![Term::Dept(text("税務課"))], vec![]), [6, 5, 4, 2, 1]);
    assert_eq!(find(vec![Term::Mac("00:00:5e:00:53:77".parse().unwrap())], vec![]), [3]);
    assert_eq!(find(vec![Term::Entry(text("MN"))], vec![]), [1]);
    assert_eq!(find(vec![Term::Proto(crate::net::Proto::UDP)], vec![]), Vec::<u64>::new());
    assert_eq!(find(vec![Term::Reason(text("' OR 1 --"))], vec![]), Vec::<u64>::new());
}

#[test]
fn what_overlaps_a_time_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    let mut changes = six();
    changes.opened[0].last_seen = at(50_000);
    store.write(&changes).unwrap();
    let find = |since, until, limit| seqs(folder.path(), &Query { since, until, limit, ..Query::default() });
    assert_eq!(find(Some(at(5000)), None, None), [6, 5, 1]);
    assert_eq!(find(Some(at(2500)), Some(at(4000)), None), [3, 1], "the end is not in the range");
    assert_eq!(find(None, Some(at(2001)), None), [2, 1]);
    assert_eq!(find(None, None, Some(2)), [6, 5]);
    assert_eq!(find(Some(at(50_001)), None, None), Vec::<u64>::new());
}

#[test]
fn old_records_go_and_that_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    store.write(&six()).unwrap();
    assert_eq!(store.retain(at(3500), 2).unwrap(), 2);
    assert_eq!(store.retain(at(3500), 2).unwrap(), 1);
    assert_eq!(store.retain(at(3500), 2).unwrap(), 0);
    assert_eq!(seqs(folder.path(), &Query::default()), [6, 5, 4]);
    let gaps = FlowReader::open(folder.path()).unwrap().gaps(None, None).unwrap();
    let seen: Vec<_> = gaps.iter().map(|g| (g.cause, g.first, g.last, g.packets)).collect();
    assert_eq!(seen, [(GapCause::Retention, at(1000), at(3000), 3)]);
    // A later record never takes the number of a deleted one.
    store.retain(at(9000), 10).unwrap();
    assert_eq!(store.next_seq().unwrap(), 7);
}

#[test]
fn gaps_are_kept_beside_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    let mut changes = Changes::default();
    changes.gap(GapCause::Sequence, (at(1000), at(1000)), 5);
    changes.gap(GapCause::Sequence, (at(2000), at(2500)), 2);
    changes.gap(GapCause::Stopped, (at(9000), at(9500)), 0);
    store.write(&changes).unwrap();
    let reader = FlowReader::open(folder.path()).unwrap();
    assert_eq!(reader.gaps(None, None).unwrap(), changes.gaps);
    assert_eq!(reader.gaps(Some(at(2500)), Some(at(9000))).unwrap(), changes.gaps[..1]);
    assert_eq!(reader.gaps_after(1).unwrap(), [(2, changes.gaps[1])]);
    assert_eq!(reader.latest().unwrap(), (0, 2));
}

#[test]
fn a_failed_write_keeps_nothing_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    store.write(&changes(3, &[syn([10, 20, 1, 1], 1, at(0))])).unwrap();
    let clash = changes(2, &[syn([10, 20, 1, 8], 1, at(0)), syn([10, 20, 1, 9], 2, at(0))]);
    assert!(store.write(&clash).is_err());
    assert_eq!(seqs(folder.path(), &Query::default()), [3]);
    store.write(&changes(4, &[syn([10, 20, 1, 8], 1, at(0)), syn([10, 20, 1, 9], 2, at(0))])).unwrap();
    let hosts: BTreeSet<_> = all(folder.path(), &Query::default()).into_iter().map(|r| r.src_host).collect();
    assert_eq!(hosts, BTreeSet::from([Some("zei-1".into())]));
}

#[test]
fn what_is_no_store_is_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    assert!(matches!(FlowReader::open(folder.path()), Err(StoreError::Missing(_))));
    fs::write(&path, "no database at all, but long enough to have a header of some bytes".repeat(20)).unwrap();
    assert!(matches!(FlowReader::open(folder.path()), Err(StoreError::Damaged { .. })));
    assert!(matches!(FlowStore::open(folder.path()), Err(StoreError::Damaged { .. })));
    fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(FlowStore::open(folder.path()), Err(StoreError::Damaged { .. })));
    drop(other);
    fs::remove_file(&path).unwrap();
    drop(FlowStore::open(folder.path()).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(FlowStore::open(folder.path()), Err(StoreError::Newer { found: 99, .. })));
    assert!(matches!(FlowReader::open(folder.path()), Err(StoreError::Newer { found: 99, .. })));
}

#[test]
fn a_damaged_store_makes_room_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), [0x42; 9000]).unwrap();
    let aside = set_aside(folder.path(), at(0)).unwrap();
    assert_eq!(fs::read(&aside).unwrap(), [0x42; 9000]);
    assert!(aside.file_name().unwrap().to_str().unwrap().starts_with("flows.sqlite.damaged-20261122T"));
    FlowStore::open(folder.path()).unwrap().write(&six()).unwrap();
    assert_eq!(seqs(folder.path(), &Query::default()).len(), 6);
}

#[test]
fn one_writes_while_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    assert!(matches!(FlowStore::open(folder.path()), Err(StoreError::Locked(_))));
    let mut reader = FlowReader::open(folder.path()).unwrap();
    store.write(&six()).unwrap();
    let seen: Vec<u64> = reader.after(4, &Query::default()).unwrap().iter().map(|r| r.seq).collect();
    assert_eq!(seen, [5, 6]);
    assert!(reader.query(&Query::default(), |_| ControlFlow::Break(())).is_ok());
}

#[test]
fn a_copy_is_read_where_nothing_may_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = FlowStore::open(folder.path()).unwrap();
    store.write(&six()).unwrap();
    drop(store);
    let copy = tempfile::tempdir().unwrap();
    fs::copy(folder.path().join(FILE), copy.path().join("evidence # 1?.sqlite")).unwrap();
    let file = copy.path().join("evidence # 1?.sqlite");
    assert_eq!(seqs(&file, &Query::default()).len(), 6);
}

#[test]
fn portions_join_without_seam() {
    let folder = tempfile::tempdir().unwrap();
    // Many begin at the same moment: numbers tell them apart.
    let packets: Vec<_> = (0..4_500u16).map(|n| syn([10, 20, 1, 1], n, at(i64::from(n / 3000)))).collect();
    FlowStore::open(folder.path()).unwrap().write(&changes(1, &packets)).unwrap();
    let newest_first: Vec<u64> = (1..=4_500).rev().collect();
    assert_eq!(seqs(folder.path(), &Query::default()), newest_first);
    let some = Query { limit: Some(2_001), ..Query::default() };
    assert_eq!(seqs(folder.path(), &some), newest_first[..2_001]);
    let mut reader = FlowReader::open(folder.path()).unwrap();
    assert_eq!(reader.after(4_000, &Query::default()).unwrap().len(), 500);
    assert_eq!(reader.after(0, &Query::default()).unwrap().len(), 2_000);
}
