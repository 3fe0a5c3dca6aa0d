//! Packets into records: names, totals, spans; and that nothing is lost.

use std::time::Duration;

use proptest::prelude::*;

use super::samples::{SECRET, at, context, station, syn};
use super::*;
use crate::nft::names::{LogTag, entry_tag};
use crate::policy::DenyReason;

const SERVER: [u8; 4] = [10, 20, 1, 5];

fn aggregator() -> Aggregator {
    Aggregator::new(station(), Limits::default(), 1)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The record of one packet.
fn record_of(packet: &LoggedPacket, context: &Context) -> Record {
    let mut flows = aggregator();
    assert!(flows.packet(ms(0), packet, context));
    flows.changes(ms(0)).opened[0].clone()
}

#[test]
fn a_record_has_every_key_in_order() {
    let record = record_of(&syn(SERVER, 445, at(1)), &context(128));
    let json = record.to_json();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, Record::KEYS);
    let text = serde_json::to_string(&json).unwrap();
    let want = concat!(
        r#""time":"2026-11-22T09:00:00.001000000+09:00","time_ns":1795305600001000000,"#,
        r#""first_seen":"2026-11-22T09:00:00.001000000+09:00","first_seen_ns":1795305600001000000,"#,
        r#""last_seen":"2026-11-22T09:00:00.001000000+09:00","last_seen_ns":1795305600001000000,"#,
        r#""packets":1,"bytes":68,"verdict":"deny","reason":"no-allow-entry","entry":null,"#,
        r#""from_zone":"m","to_zone":"l","in":"eth1","out":"eth2","src_mac":"00:00:5e:00:53:20","#,
        r#""src":"10.10.0.20","dst":"10.20.1.5","proto":"tcp","sport":40000,"dport":445,"tcp_flags":"SYN","#,
        r#""icmp_type":null,"icmp_code":null,"length":68,"ttl":63,"src_host":"zei-1","dst_host":"renkei","#,
        r#""dept":"税務課","nearest_entry":"MN-番","policy_digest":"sha256:aa","revision":3,"gateway":"gw1","#,
        r#""boot_id":"b00t","seq":1,"clock_synced":true,"header":"02000000000100005e0053200800"#,
    );
    assert!(text.contains(want), "{text}");
}

#[test]
fn payload_is_never_kept() {
    for snaplen in [0, 10, 54, 128, 65535] {
        let record = record_of(&syn(SERVER, 445, at(1)), &context(snaplen));
        let want = (snaplen > 0).then(|| usize::from(snaplen).min(14 + 20 + 20));
        assert_eq!(record.header.as_ref().map(Vec::len), want);
        assert!(!record.header.unwrap_or_default().windows(6).any(|w| w == &SECRET[..6]));
    }
}

#[test]
fn names_are_those_of_the_device_that_speaks() {
    let context = context(128);
    let mut packet = syn([10, 20, 2, 9], 445, at(0));
    assert_eq!(record_of(&packet, &context).dst_host.as_deref(), Some("racks"));
    // A declared MAC under another's address is that device.
    packet.src_mac = Some("00:00:5e:00:53:77".parse().unwrap());
    let record = record_of(&packet, &context);
    assert_eq!((record.src_host.as_deref(), record.src_dept.as_deref()), (Some("roaming"), Some("住民課")));
    // An unknown device is shown as what it claims to be; the reason says more.
    packet.src_mac = Some("02:00:00:00:00:99".parse().unwrap());
    assert_eq!(record_of(&packet, &context).src_host.as_deref(), Some("zei-1"));
    // On an interface where the address is of no zone, nobody is named.
    packet.in_if = Some("eth9".parse().unwrap());
    let record = record_of(&packet, &context);
    assert_eq!((record.from_zone, record.src_host), (None, None));
}

#[test]
fn the_gateway_is_a_zone_of_its_own() {
    let context = context(128);
    let mut packet = syn([10, 10, 0, 1], 22, at(0));
    packet.out_if = None;
    let record = record_of(&packet, &context);
    assert_eq!((record.from_zone.as_deref(), record.to_zone.as_deref()), (Some("m"), Some("gateway")));
    packet.out_if = packet.in_if.take();
    let record = record_of(&packet, &context);
    assert_eq!((record.from_zone.as_deref(), record.to_zone.as_deref()), (Some("gateway"), Some("m")));
}

#[test]
fn accepted_flows_bear_their_entry() {
    let mut packet = syn(SERVER, 443, at(0));
    packet.prefix = LogTag::Accepted(entry_tag("MN-番")).prefix();
    let record = record_of(&packet, &context(128));
    assert_eq!((record.verdict.as_str(), record.verdict.reason()), ("allow", "allowed"));
    assert_eq!(record.entry.as_deref(), Some("MN-番"));
}

#[test]
fn a_denied_record_names_the_nearest_entry() {
    let record = record_of(&syn(SERVER, 445, at(0)), &context(128));
    assert_eq!(record.nearest_entry.as_deref(), Some("MN-番"));
}

#[test]
fn a_flood_does_not_spend_its_time_on_searches() {
    let context = context(128);
    let mut flows = aggregator();
    for port in 0..20_000 {
        flows.packet(ms(u64::from(port) / 100), &syn(SERVER, port, at(0)), &context);
    }
    let found = flows.changes(ms(999)).opened.iter().filter(|r| r.nearest_entry.is_some()).count();
    assert!((1_000..3_000).contains(&found), "{found}");
}

#[test]
fn one_record_a_flow_and_minute() {
    let context = context(128);
    let mut flows = aggregator();
    flows.packet(ms(0), &syn(SERVER, 445, at(0)), &context);
    // Another source port is the same flow, another destination port is not.
    let mut retry = syn(SERVER, 445, at(100));
    retry.bytes[20..22].copy_from_slice(&[0x99, 0x99]);
    flows.packet(ms(100), &retry, &context);
    flows.packet(ms(100), &syn(SERVER, 139, at(100)), &context);
    let changes = flows.changes(ms(250));
    let seen: Vec<_> = changes.opened.iter().map(|r| (r.seq, r.dport, r.sport, r.packets, r.bytes)).collect();
    assert_eq!(seen, [(1, Some(445), Some(40000), 2, 136), (2, Some(139), Some(40000), 1, 68)]);
    flows.written();
    // Totals follow within about a second.
    flows.packet(ms(300), &syn(SERVER, 445, at(300)), &context);
    let changes = flows.changes(ms(1500));
    assert!(changes.opened.is_empty());
    assert_eq!(changes.totals, [Total { seq: 1, packets: 3, bytes: 204, last_seen: at(300), added: 1 }]);
    flows.written();
    // What comes in the last moment is in the totals at the close.
    flows.packet(ms(59_900), &syn(SERVER, 445, at(59_900)), &context);
    flows.packet(ms(60_000), &syn(SERVER, 445, at(60_000)), &context);
    let changes = flows.changes(ms(60_000));
    assert_eq!(changes.totals[0], Total { seq: 1, packets: 4, bytes: 272, last_seen: at(59_900), added: 1 });
    assert_eq!(changes.opened.iter().map(|r| (r.seq, r.packets)).collect::<Vec<_>>(), [(3, 1)]);
}

#[test]
fn a_clock_that_jumps_begins_a_new_record() {
    let context = context(128);
    let mut flows = aggregator();
    for (n, stamp) in [0, 3_600_000, 3_600_500, 1_000].into_iter().enumerate() {
        flows.packet(ms(n as u64), &syn(SERVER, 445, at(stamp)), &context);
    }
    let opened = &flows.changes(ms(9)).opened;
    let seen: Vec<_> = opened.iter().map(|r| (r.first_seen, r.last_seen, r.packets)).collect();
    assert_eq!(
        seen,
        [(at(0), at(0), 1), (at(3_600_000), at(3_600_500), 2), (at(1_000), at(1_000), 1)],
        "no record may be longer than its span"
    );
}

#[test]
fn numbers_follow_those_of_the_store() {
    let context = context(128);
    let mut flows = aggregator();
    flows.packet(ms(0), &syn(SERVER, 1, at(0)), &context);
    flows.packet(ms(0), &syn(SERVER, 2, at(0)), &context);
    flows.number_from(41);
    flows.packet(ms(0), &syn(SERVER, 1, at(0)), &context);
    flows.packet(ms(0), &syn(SERVER, 3, at(0)), &context);
    let seen: Vec<_> = flows.changes(ms(0)).opened.iter().map(|r| (r.seq, r.packets)).collect();
    assert_eq!(seen, [(41, 2), (42, 1), (43, 1)]);
}

#[test]
fn another_programs_packets_are_told_apart() {
    let mut flows = aggregator();
    let mut packet = syn(SERVER, 1, at(0));
    packet.prefix = "theirs: ".into();
    assert!(!flows.packet(ms(0), &packet, &context(128)));
    let changes = flows.changes(ms(0));
    assert!(changes.opened.is_empty());
    assert_eq!(changes.gaps, [Gap { first: at(0), last: at(0), cause: GapCause::Foreign, packets: 1 }]);
}

/// What one step of a history does.
#[derive(Debug, Clone)]
enum Step {
    Packet { port: u16, foreign: bool, jump: i64 },
    Wait(u64),
    Write { fails: bool },
    Abandon,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0u16..12, prop::bool::weighted(0.05), prop_oneof![9 => Just(0i64), 1 => -200_000i64..200_000])
            .prop_map(|(port, foreign, jump)| Step::Packet { port, foreign, jump }),
        3 => (0u64..70_000).prop_map(Step::Wait),
        4 => any::<bool>().prop_map(|fails| Step::Write { fails }),
        1 => Just(Step::Abandon),
    ];
    prop::collection::vec(step, 1..200)
}

/// What a store would hold, in memory.
#[derive(Default)]
struct Ledger {
    records: std::collections::BTreeMap<u64, Record>,
    gap_packets: u64,
}

impl Ledger {
    fn write(&mut self, changes: &Changes) {
        for record in &changes.opened {
            assert!(self.records.insert(record.seq, record.clone()).is_none(), "number {} twice", record.seq);
        }
        for total in &changes.totals {
            let record = self.records.get_mut(&total.seq).expect("totals of a record that is there");
            assert_eq!(record.packets + total.added, total.packets);
            (record.packets, record.bytes, record.last_seen) = (total.packets, total.bytes, total.last_seen);
        }
        self.gap_packets += changes.gaps.iter().map(|g| g.packets).sum::<u64>();
    }
}

proptest! {
    /// Whatever happens, every packet is in exactly one record or gap.
    #[test]
    fn every_packet_ends_in_a_record_or_a_gap(steps in steps()) {
        let context = context(64);
        let mut flows = Aggregator::new(station(), Limits { open: 6, waiting: 9 }, 1);
        let (mut ledger, mut sent, mut now, mut shift) = (Ledger::default(), 0u64, 0u64, 0i64);
        for step in steps {
            match step {
                Step::Packet { port, foreign, jump } => {
                    shift += jump;
                    let mut packet = syn(SERVER, port, at(now as i64 + shift));
                    if foreign {
                        packet.prefix = "theirs".into();
                    }
                    flows.packet(ms(now), &packet, &context);
                    sent += 1;
                }
                Step::Wait(millis) => now += millis,
                Step::Write { fails } => {
                    let changes = flows.changes(ms(now));
                    if !fails {
                        ledger.write(changes);
                        flows.written();
                    }
                }
                Step::Abandon => {
                    let next = flows.next_seq();
                    flows.abandon(GapCause::Store, at(now as i64), next);
                }
            }
        }
        ledger.write(flows.flush());
        let recorded: u64 = ledger.records.values().map(|r| r.packets).sum();
        prop_assert_eq!(recorded + ledger.gap_packets, sent);
        for record in ledger.records.values() {
            let span = record.last_seen.duration_since(record.first_seen);
            prop_assert!(span >= jiff::SignedDuration::ZERO && span < jiff::SignedDuration::from_secs(60));
            prop_assert_eq!(record.bytes, record.packets * 68);
        }
    }

    /// No bytes break the way from packet to record.
    #[test]
    fn any_bytes_become_a_record(hw in any::<u16>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut packet = syn(SERVER, 1, at(0));
        packet.hw_protocol = if hw % 3 == 0 { hw } else { ETHERTYPE_IPV4 };
        packet.bytes = bytes;
        packet.prefix = LogTag::Denied(DenyReason::Invalid).prefix();
        let record = record_of(&packet, &context(128));
        prop_assert_eq!(record.to_json().as_object().unwrap().len(), Record::KEYS.len());
    }
}
