//! Packets become flows: one record a flow and minute (SPEC §6).
//!
//! Takes packets, a monotonic clock and the names in force; gives [`Changes`].
//! Pure: no clock, no store. Every packet ends in a record or in a gap.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::changes::{Changes, GapCause, Total};
use super::context::{Context, End};
use super::decode::Decoded;
use super::packet::LoggedPacket;
use super::record::Record;
use crate::net::{MacAddr, Proto};
use crate::nft::names::LogTag;
use crate::policy::{AllowReason, DenyReason, Verdict};

/// A record closes so long after its first packet.
pub const RECORD_SPAN: Duration = Duration::from_secs(60);
/// Totals of open records are refreshed so often.
const TOTALS_EVERY: Duration = Duration::from_secs(1);
/// Totals refreshed at once, so that writing never starves reading.
const TOTALS_AT_ONCE: usize = 5_000;
/// Entries looked at in a second in search of the nearest, over all records:
/// about a tenth of the second. A flood's further records go without.
const NEAREST_ENTRIES: usize = 200_000;
/// Packets of one flow may be stamped so far out of order.
const DISORDER: SignedDuration = SignedDuration::from_secs(1);

/// How much is held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open flows; of more, packets are counted as [`GapCause::Overflow`].
    pub open: usize,
    /// Records that wait to be written; as above.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open: 65_536, waiting: 50_000 }
    }
}

/// The machine that records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// The name of the gateway, where the policy gives none.
    pub hostname: Arc<str>,
    /// The kernel's id of this boot.
    pub boot_id: Arc<str>,
    /// Whether the clock is synchronised now.
    pub clock_synced: Option<bool>,
}

/// What makes packets one flow.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    verdict: Verdict,
    entry: Option<Arc<str>>,
    digest: Arc<str>,
    from_zone: Option<Arc<str>>,
    to_zone: Option<Arc<str>>,
    src_mac: Option<MacAddr>,
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
    proto: Option<Proto>,
    dport: Option<u16>,
    icmp: Option<(u8, Option<u8>)>,
}

#[derive(Debug)]
struct Flow {
    seq: u64,
    opened: Duration,
    first: Timestamp,
    last: Timestamp,
    packets: u64,
    bytes: u64,
    /// Packets of them that are written, or wait to be.
    told: u64,
    /// Waits in `dirty`.
    dirty: bool,
}

impl Flow {
    fn add(&mut self, at: Timestamp, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
        self.last = self.last.max(at);
    }

    /// The totals, from now on told.
    fn total(&mut self) -> Total {
        self.dirty = false;
        let added = self.packets - std::mem::replace(&mut self.told, self.packets);
        Total { seq: self.seq, packets: self.packets, bytes: self.bytes, last_seen: self.last, added }
    }

    /// True if a packet stamped `at` and read at `now` belongs to this record
    /// still: within its span by either clock, so that no record is longer,
    /// even where the wall clock was set.
    fn takes(&self, now: Duration, at: Timestamp) -> bool {
        let after = at.duration_since(self.first);
        let span = SignedDuration::from_secs(RECORD_SPAN.as_secs() as i64);
        now < self.opened + RECORD_SPAN && -DISORDER <= after && after < span
    }
}

/// Open flows and what waits to be written.
#[derive(Debug)]
pub struct Aggregator {
    station: Station,
    limits: Limits,
    next_seq: u64,
    flows: HashMap<Arc<Key>, Flow>,
    /// Flows by age, with their record's number: it rises by one from each to the next.
    ages: VecDeque<(u64, Arc<Key>)>,
    /// Numbers of written records whose totals have grown since.
    dirty: VecDeque<u64>,
    totals_due: Duration,
    /// The second in which nearest entries are sought, and entries left for it.
    search: (u64, usize),
    waiting: Changes,
}

/// A packet with all that was read of it.
struct Sight<'a> {
    packet: &'a LoggedPacket,
    headers: Decoded,
    bytes: u64,
    from: End,
    to: End,
}

impl Aggregator {
    /// Starts with record number `next_seq`.
    pub fn new(station: Station, limits: Limits, next_seq: u64) -> Self {
        Self {
            station,
            limits,
            next_seq,
            flows: HashMap::new(),
            ages: VecDeque::new(),
            dirty: VecDeque::new(),
            totals_due: Duration::ZERO,
            search: (0, NEAREST_ENTRIES),
            waiting: Changes::default(),
        }
    }

    /// The clock's state for records from now on.
    pub fn set_clock_synced(&mut self, synced: Option<bool>) {
        self.station.clock_synced = synced;
    }

    /// The number of the next record.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The lowest number among records that wait to be written.
    pub fn first_waiting(&self) -> Option<u64> {
        self.waiting.opened.first().map(|r| r.seq)
    }

    /// Counts one packet, read at `now` (monotonic), under the names in force.
    /// True if it went into a record; else it is in a gap.
    pub fn packet(&mut self, now: Duration, packet: &LoggedPacket, context: &Context) -> bool {
        let Some(tag) = LogTag::parse(&packet.prefix) else {
            self.gap(GapCause::Foreign, (packet.time, packet.time), 1);
            return false;
        };
        let headers = Decoded::of(packet.hw_protocol, &packet.bytes);
        let bytes = headers.length.map_or(packet.bytes.len() as u64, u64::from);
        let (from, to) = context.ends(packet, &headers);
        let (verdict, entry) = decision(tag, context);
        let key = Key {
            verdict,
            entry,
            digest: context.digest().clone(),
            from_zone: from.zone.clone(),
            to_zone: to.zone.clone(),
            src_mac: packet.src_mac,
            src: headers.src,
            dst: headers.dst,
            proto: headers.proto,
            dport: headers.dport,
            icmp: headers.icmp_type.map(|t| (t, headers.icmp_code)),
        };
        if let Some(flow) = self.flows.get_mut(&key) {
            if flow.takes(now, packet.time) {
                flow.add(packet.time, bytes);
                match waiting_record(&mut self.waiting, flow.seq) {
                    Some(record) => set_totals(record, flow),
                    None if !flow.dirty => {
                        flow.dirty = true;
                        self.dirty.push_back(flow.seq);
                    }
                    None => {}
                }
                return true;
            }
            self.close(&key);
        }
        self.open(now, Sight { packet, headers, bytes, from, to }, key, context)
    }

    fn open(&mut self, now: Duration, sight: Sight<'_>, key: Key, context: &Context) -> bool {
        let at = sight.packet.time;
        if self.ages.len() >= self.limits.open || self.waiting.opened.len() >= self.limits.waiting {
            self.gap(GapCause::Overflow, (at, at), 1);
            return false;
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        let (key, bytes) = (Arc::new(key), sight.bytes);
        let nearest = match key.verdict {
            Verdict::Allow(_) => None,
            Verdict::Deny(reason) => self.nearest(now, &sight, reason, context),
        };
        let record = Record { nearest_entry: nearest, ..self.record(seq, &key, sight, context) };
        self.waiting.opened.push(record);
        self.ages.push_back((seq, key.clone()));
        let flow = Flow { seq, opened: now, first: at, last: at, packets: 1, bytes, told: 1, dirty: false };
        self.flows.insert(key, flow);
        true
    }

    /// The nearest entry, while this second's searches last.
    fn nearest(&mut self, now: Duration, sight: &Sight<'_>, reason: DenyReason, context: &Context) -> Option<Arc<str>> {
        if self.search.0 != now.as_secs() {
            self.search = (now.as_secs(), NEAREST_ENTRIES);
        }
        // A search costs something even where there are few entries.
        let cost = context.policy().entries.len() + 100;
        self.search.1 = self.search.1.checked_sub(cost)?;
        context.nearest(sight.packet, &sight.headers, reason)
    }

    fn record(&self, seq: u64, key: &Key, sight: Sight<'_>, context: &Context) -> Record {
        let Sight { packet, headers, bytes, from, to } = sight;
        let gateway = context.policy().gateway.name.as_deref().map_or(self.station.hostname.clone(), Into::into);
        Record {
            first_seen: packet.time,
            last_seen: packet.time,
            offset: context.timezone().to_offset(packet.time),
            packets: 1,
            bytes,
            verdict: key.verdict,
            entry: key.entry.clone(),
            from_zone: from.zone,
            to_zone: to.zone,
            in_if: packet.in_if.clone(),
            out_if: packet.out_if.clone(),
            src_mac: packet.src_mac,
            src: headers.src,
            dst: headers.dst,
            proto: headers.proto,
            sport: headers.sport,
            dport: headers.dport,
            tcp_flags: headers.tcp_flags,
            icmp_type: headers.icmp_type,
            icmp_code: headers.icmp_code,
            length: headers.length,
            ttl: headers.ttl,
            src_host: from.host,
            dst_host: to.host,
            src_dept: from.dept,
            dst_dept: to.dept,
            nearest_entry: None,
            policy_digest: key.digest.clone(),
            revision: context.revision(),
            gateway,
            boot_id: self.station.boot_id.clone(),
            seq,
            clock_synced: self.station.clock_synced,
            header: evidence(packet, &headers, usize::from(context.settings().snaplen)),
        }
    }

    /// Counts what is missing for another cause.
    pub fn gap(&mut self, cause: GapCause, span: (Timestamp, Timestamp), packets: u64) {
        self.waiting.gap(cause, span, packets);
    }

    /// Gives the records, none of which may be written yet, the numbers from
    /// `next_seq` on: those that their store has free.
    pub fn number_from(&mut self, next_seq: u64) {
        let Some(first) = self.waiting.opened.first().map(|r| r.seq) else {
            self.next_seq = next_seq;
            return;
        };
        let moved = |seq: u64| seq - first + next_seq;
        self.waiting.opened.iter_mut().for_each(|r| r.seq = moved(r.seq));
        self.flows.values_mut().for_each(|f| f.seq = moved(f.seq));
        self.ages.iter_mut().for_each(|(seq, _)| *seq = moved(*seq));
        self.next_seq = moved(self.next_seq);
    }

    /// Ends the record of an open flow with its exact totals.
    fn close(&mut self, key: &Key) {
        if let Some(mut flow) = self.flows.remove(key)
            && flow.dirty
        {
            self.waiting.totals.push(flow.total());
        }
    }

    /// What is to be written at `now`: records as soon as they open, totals
    /// every second and when a flow closes. It stays until [`Self::written`],
    /// so a failed write is tried again with all that came since.
    pub fn changes(&mut self, now: Duration) -> &Changes {
        while let Some((seq, key)) = self.ages.front() {
            let of_this = self.flows.get(key).filter(|f| f.seq == *seq);
            if of_this.is_some_and(|f| now < f.opened + RECORD_SPAN) {
                break;
            }
            let key = of_this.is_some().then(|| key.clone());
            self.ages.pop_front();
            key.into_iter().for_each(|k| self.close(&k));
        }
        // While writing fails, refreshed totals would only pile up.
        if now >= self.totals_due && self.waiting.totals.len() < TOTALS_AT_ONCE {
            self.totals_due = now + TOTALS_EVERY;
            self.refresh(TOTALS_AT_ONCE);
        }
        &self.waiting
    }

    /// Moves totals of written records that have grown to what is to be written.
    fn refresh(&mut self, most: usize) {
        let oldest = self.ages.front().map_or(self.next_seq, |(seq, _)| *seq);
        for _ in 0..most {
            let Some(seq) = self.dirty.pop_front() else { break };
            // Numbers stand without holes, so the place follows from the number;
            // one that is gone was closed with its totals.
            let place = seq.checked_sub(oldest).and_then(|i| usize::try_from(i).ok());
            let Some((_, key)) = place.and_then(|i| self.ages.get(i)) else { continue };
            if let Some(flow) = self.flows.get_mut(key).filter(|f| f.seq == seq && f.dirty) {
                self.waiting.totals.push(flow.total());
            }
        }
    }

    /// Ends every open record; gives all that is to be written.
    pub fn flush(&mut self) -> &Changes {
        self.refresh(usize::MAX);
        self.flows.clear();
        self.ages.clear();
        &self.waiting
    }

    /// Says that the last [`Self::changes`] were kept.
    pub fn written(&mut self) {
        self.waiting = Changes::default();
    }

    /// Gives up what waits, because its store is gone: all of it becomes a gap
    /// of this cause, and open flows begin new records from `next_seq` on. Gives
    /// how many packets were lost.
    pub fn abandon(&mut self, cause: GapCause, at: Timestamp, next_seq: u64) -> u64 {
        let lost = std::mem::take(&mut self.waiting);
        self.waiting.gaps = lost.gaps;
        let opened: u64 = lost.opened.iter().map(|r| r.packets).sum();
        let added: u64 = lost.totals.iter().map(|t| t.added).sum();
        let untold: u64 = self.flows.values().map(|f| f.packets - f.told).sum();
        let packets = opened + added + untold;
        if packets > 0 {
            self.gap(cause, (at, at), packets);
        }
        self.flows.clear();
        self.ages.clear();
        self.dirty.clear();
        self.next_seq = next_seq;
        packets
    }
}

/// The record with this number, if it waits still.
fn waiting_record(waiting: &mut Changes, seq: u64) -> Option<&mut Record> {
    let place = seq.checked_sub(waiting.opened.first()?.seq)?;
    waiting.opened.get_mut(usize::try_from(place).ok()?)
}

fn set_totals(record: &mut Record, flow: &mut Flow) {
    flow.told = flow.packets;
    record.packets = flow.packets;
    record.bytes = flow.bytes;
    record.last_seen = flow.last;
}

/// What a log prefix says; an entry that the policy does not hold any more
/// keeps its tag.
fn decision(tag: LogTag, context: &Context) -> (Verdict, Option<Arc<str>>) {
    match tag {
        LogTag::Denied(reason) => (Verdict::Deny(reason), None),
        LogTag::Accepted(tag) => {
            let entry = context.entry(&tag).unwrap_or_else(|| tag.into());
            (Verdict::Allow(AllowReason::Allowed), Some(entry))
        }
    }
}

/// The headers kept as evidence, at most `snaplen` bytes; none if that is 0.
fn evidence(packet: &LoggedPacket, headers: &Decoded, snaplen: usize) -> Option<Vec<u8>> {
    let bytes = packet.link_header.iter().chain(&packet.bytes[..headers.header_length]);
    (snaplen > 0).then(|| bytes.take(snaplen).copied().collect())
}
