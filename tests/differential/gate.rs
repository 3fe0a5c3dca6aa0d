//! A lab with a compiled policy in its gateway: fires packets and holds what
//! happened against the judge.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use zoned::document::MemoryTree;
use zoned::enforce::Enforcer;
use zoned::judge::{self, Answer, Question};
use zoned::net::{ConnState, MacAddr, Proto};
use zoned::nft::names::{ACCEPTED_GROUP, DENIED_GROUP, LogTag, entry_counter, entry_tag};
use zoned::pipeline::Candidate;
use zoned::policy::{DenyReason, DenyWith, Entry, Policy, Rate, Verdict};
use zoned::sys::nft::Nft;

use crate::draft::Draft;
use crate::lab::frame::{Body, Cut};
use crate::lab::raw::{Mark, arp, mark, quoted};
use crate::lab::{ARRIVED_GROUP, Happened, Lab, sockets};
use crate::policies::PORTS;
use crate::shot::{Flows, Reach, SYN, Shot, Side};

/// How a policy reaches the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The table made anew from the JSON form.
    Json,
    /// The table made anew from the text form.
    Text,
    /// By the daemon's own enforcer, as the difference to the policy before.
    Delta,
}

/// A packet on which the kernel and the judge disagree.
pub struct Disagreement {
    /// The packet.
    pub shot: Shot,
    /// Both sides' words.
    pub words: String,
}

/// A lab and what was loaded into it.
pub struct Gate {
    lab: Lab,
    enforcer: Enforcer,
    runtime: tokio::runtime::Runtime,
    flows: Flows,
    entry_hits: HashMap<usize, u64>,
    before: HashMap<String, u64>,
    /// New flows that entries with a rate have let in, by id and rate.
    used: HashMap<(String, Rate), u32>,
    /// How often each verdict was tried, by its reason.
    pub tried: BTreeMap<&'static str, usize>,
}

/// What one batch showed, by mark.
struct Seen {
    came_out: HashMap<Mark, Vec<usize>>,
    denied: HashMap<Mark, Vec<DenyReason>>,
    accepted: HashMap<Mark, Vec<String>>,
    arrived: HashMap<Mark, usize>,
    /// ARP answers: port, who asked (address and MAC), and for which address.
    told: HashSet<(usize, IpAddr, MacAddr, IpAddr)>,
    quoted: Vec<Mark>,
    resets: Vec<(Mark, u16, u16)>,
}

/// Reads a configuration; the findings in words if it is not valid.
pub fn read(draft: &Draft, at: Timestamp) -> Result<Policy, String> {
    let tree = MemoryTree::new([("/etc/zoned/zoned.toml", draft.to_toml())]);
    let candidate = Candidate::read(&tree, Path::new("/etc/zoned"), at);
    let words: Vec<String> = candidate.findings.0.iter().map(|f| format!("{} {}", f.code, f.message)).collect();
    let mut policy = candidate.policy.ok_or_else(|| words.join("\n"))?;
    draft.complete(&mut policy, at);
    Ok(policy)
}

impl Gate {
    /// A fresh lab.
    pub fn new() -> Self {
        let mut lab = Lab::new(&PORTS);
        lab.listen(DENIED_GROUP);
        lab.listen(ACCEPTED_GROUP);
        Self {
            lab,
            enforcer: Enforcer::new(Nft::default()),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            flows: Flows::default(),
            entry_hits: HashMap::new(),
            before: HashMap::new(),
            used: HashMap::new(),
            tried: BTreeMap::new(),
        }
    }

    /// Puts a policy in force, forgetting every flow.
    pub fn load(&mut self, policy: &Policy, at: Timestamp, way: Way) -> Result<(), String> {
        let ruleset = zoned::nft::lower(&zoned::rules::compile(policy, at));
        match way {
            Way::Delta => self.amend(policy, at)?,
            Way::Json | Way::Text => {
                self.lab.gateway.nft("flush ruleset\n");
                self.lab.watch();
                match way {
                    Way::Json => self.lab.gateway.nft_json(&ruleset.to_json().to_string()),
                    _ => self.lab.gateway.nft(&ruleset.to_text()),
                }
                self.used.clear();
            }
        }
        self.lab.forget_connections();
        self.lab.settle();
        self.flows = Flows::default();
        self.entry_hits.clear();
        self.before = self.counters();
        Ok(())
    }

    /// Puts a policy in force by the daemon's enforcer; flows stay open, and entries that stay have used what they have
    /// of their rates.
    pub fn amend(&mut self, policy: &Policy, at: Timestamp) -> Result<(), String> {
        let ruleset = zoned::nft::lower(&zoned::rules::compile(policy, at));
        let Self { lab, enforcer, runtime, .. } = self;
        lab.gateway.enter(|| runtime.block_on(enforcer.apply(&ruleset))).map_err(|e| e.to_string())?;
        let limits: HashSet<_> = policy.entries.iter().filter_map(limit).collect();
        self.used.retain(|limit, _| limits.contains(limit));
        Ok(())
    }

    /// What the judge says, and the connection's state.
    fn judged(&mut self, policy: &Policy, at: Timestamp, shot: &Shot) -> (ConnState, Answer) {
        let state = self.flows.state(shot);
        if let Some(question) = shot.arp(at) {
            return (state, judge::arp(policy, &question));
        }
        let question = |over_rate| Question { over_rate, ..shot.question(state, at) };
        let rated = policy.entries.iter().enumerate().filter_map(|(i, entry)| Some((i, limit(entry)?)));
        // Until it is answered all packets of a flow are new; a rate counts the flow once, and it stays its entry's.
        let own = self.flows.entry(shot).filter(|_| state == ConnState::New);
        if let Some(own) = own {
            let others = rated.clone().map(|(index, _)| index).filter(|index| *index != own).collect();
            let answer = judge::judge(policy, &question(others));
            if answer.entry == Some(own) {
                return (state, answer);
            }
        }
        let used = |limit: &(String, Rate)| self.used.get(limit).copied().unwrap_or(0);
        let over = rated.filter(|(_, limit)| used(limit) >= limit.1.count).map(|(index, _)| index).collect();
        (state, judge::judge(policy, &question(over)))
    }

    /// Sends packets and gives those that went otherwise than the judge says,
    /// and adds those that opened flows to `opened`.
    pub fn fire(
        &mut self,
        policy: &Policy,
        at: Timestamp,
        shots: impl IntoIterator<Item = Shot>,
    ) -> (Vec<Disagreement>, Vec<Shot>) {
        let (mut judged, mut marks) = (Vec::new(), HashSet::new());
        for shot in shots {
            // ARP has no number by which a second one alike could be known.
            if !marks.insert(shot.frame.mark()) {
                continue;
            }
            let (state, answer) = self.judged(policy, at, &shot);
            let limit = answer.entry.and_then(|index| limit(&policy.entries[index]));
            // Whether it counts must be certain.
            if limit.is_some() && shot.reach() == Reach::Perhaps {
                continue;
            }
            let mut fresh = false;
            if state == ConnState::New && answer.verdict.is_allow() && shot.reach() != Reach::Never {
                fresh = self.flows.opened(&shot, answer.entry);
            }
            if let (Some(limit), true) = (limit, fresh) {
                *self.used.entry(limit).or_default() += 1;
            }
            if shot.reach() == Reach::Surely {
                *self.tried.entry(answer.verdict.reason()).or_default() += 1;
            }
            self.send(&shot);
            judged.push((shot, state, answer, fresh));
        }
        let seen = Seen::read(self.lab.settle());
        let (mut wrong, mut opened) = (Vec::new(), Vec::new());
        for (shot, state, answer, fresh) in judged {
            match seen.against(policy, &shot, state, answer, fresh) {
                Some(words) => wrong.push(Disagreement { shot, words }),
                None => {
                    if let (Some(entry), true) = (answer.entry.filter(|_| fresh), seen.passed(&shot)) {
                        *self.entry_hits.entry(entry).or_default() += 1;
                    }
                    if opens(&shot, state, answer) {
                        opened.push(shot);
                    }
                }
            }
        }
        (wrong, opened)
    }

    fn send(&mut self, shot: &Shot) {
        let mut frame = shot.frame.clone();
        frame.tos = shot.to.port().map_or(0, |port| self.lab.tos_of(port));
        match shot.from {
            Side::Port(port) => self.lab.send(port, &frame),
            Side::Gateway => {
                for packet in frame.packets() {
                    // The kernel tells a program that its packet was dropped; what matters is what came out.
                    drop(sockets::send_own(&self.lab.gateway, frame.dst, frame.tos, &packet));
                }
            }
        }
    }

    /// Holds the entries' counters against the packets that opened flows since the load.
    pub fn check_counters(&self, policy: &Policy) -> Option<String> {
        let now = self.counters();
        for (index, entry) in policy.entries.iter().enumerate() {
            let name = entry_counter(&entry.id);
            let counted = now.get(&name).map(|n| n - self.before.get(&name).unwrap_or(&0));
            let want = self.entry_hits.get(&index).copied().unwrap_or(0);
            if counted.unwrap_or(0) != want {
                return Some(format!("entry {}: counter {name} says {counted:?}, the judge {want}", entry.id));
            }
        }
        None
    }

    fn counters(&self) -> HashMap<String, u64> {
        let text = self.lab.gateway.command("nft", &["-j", "list", "counters", "table", "inet", "zoned"]);
        let listing: serde_json::Value = serde_json::from_str(&text).unwrap();
        let objects = listing["nftables"].as_array().unwrap().iter().filter_map(|o| o.get("counter"));
        objects.map(|c| (c["name"].as_str().unwrap().to_owned(), c["packets"].as_u64().unwrap())).collect()
    }
}

/// What limits an entry's new flows; the runs are over long before a day's share is given anew.
fn limit(entry: &Entry) -> Option<(String, Rate)> {
    entry.rate.map(|rate| (entry.id.clone(), rate))
}

/// True for packets whose flow can be answered.
fn opens(shot: &Shot, state: ConnState, answer: Answer) -> bool {
    let plain = shot.frame.cut == Cut::Whole && shot.frame.extensions.is_empty() && shot.reach() == Reach::Surely;
    let answerable = shot.to != Side::Gateway && (shot.from != Side::Gateway || crate::shot::is_own(shot.frame.src));
    plain && answerable && state == ConnState::New && answer.verdict.is_allow()
}

impl Seen {
    fn read(happened: Happened) -> Self {
        let mut seen = Self {
            came_out: HashMap::new(),
            denied: HashMap::new(),
            accepted: HashMap::new(),
            arrived: HashMap::new(),
            told: HashSet::new(),
            quoted: Vec::new(),
            resets: Vec::new(),
        };
        for arrival in &happened.arrivals {
            if let Some((2, _, sender, target_mac, target)) = arp(&arrival.packet) {
                seen.told.insert((arrival.port, target, target_mac, sender));
                continue;
            }
            let Some(mark) = mark(&arrival.packet) else { continue };
            seen.came_out.entry(mark).or_default().push(arrival.port);
            seen.quoted.extend(quoted(&arrival.packet));
            seen.resets.extend(reset(&arrival.packet, mark));
        }
        for logged in happened.logged {
            let Some(mark) = mark(&logged.packet) else { continue };
            match (logged.group, LogTag::parse(&logged.prefix)) {
                (ARRIVED_GROUP, _) => *seen.arrived.entry(mark).or_default() += 1,
                (DENIED_GROUP, Some(LogTag::Denied(reason))) => seen.denied.entry(mark).or_default().push(reason),
                (ACCEPTED_GROUP, Some(LogTag::Accepted(tag))) => seen.accepted.entry(mark).or_default().push(tag),
                (group, _) => panic!("group {group} logged with prefix {:?}", logged.prefix),
            }
        }
        seen
    }

    fn passed(&self, shot: &Shot) -> bool {
        let mark = shot.frame.mark();
        if let (Body::Arp { sender_mac, .. }, Side::Port(port)) = (&shot.frame.body, shot.from) {
            return self.told.contains(&(port, shot.frame.src, *sender_mac, shot.frame.dst));
        }
        match shot.to {
            Side::Gateway => self.arrived.contains_key(&mark),
            Side::Port(port) => self.came_out.get(&mark).is_some_and(|ports| ports.contains(&port)),
        }
    }

    /// What is wrong, if anything. `fresh`: the packet makes a flow its entry's.
    fn against(&self, policy: &Policy, shot: &Shot, state: ConnState, answer: Answer, fresh: bool) -> Option<String> {
        let mark = shot.frame.mark();
        let none = Vec::new();
        let denied = self.denied.get(&mark).unwrap_or(&none);
        let no_tags = Vec::new();
        let accepted = self.accepted.get(&mark).unwrap_or(&no_tags);
        let passed = self.passed(shot);
        let elsewhere = self.came_out.get(&mark).is_some_and(|ports| ports.iter().any(|p| Some(*p) != shot.to.port()));
        let wanted_tag = answer.entry.filter(|_| answer.logged && fresh).map(|e| entry_tag(&policy.entries[e].id));
        let right = match (answer.verdict, shot.reach()) {
            // Announcements are answered by nobody.
            (Verdict::Allow(_), _) if matches!(shot.frame.body, Body::Arp { operation: 2, .. }) => denied.is_empty(),
            (_, Reach::Never) => !passed && denied.is_empty() && accepted.is_empty(),
            (Verdict::Allow(_), Reach::Surely) => {
                passed && denied.is_empty() && accepted.iter().eq(wanted_tag.as_ref())
            }
            (Verdict::Allow(_), Reach::Perhaps) => denied.is_empty(),
            (Verdict::Deny(reason), Reach::Surely) => !passed && *denied == [reason] && accepted.is_empty(),
            (Verdict::Deny(reason), Reach::Perhaps) => !passed && denied.iter().all(|r| *r == reason),
        };
        let answered = self.answered(shot);
        let wrongly_answered = wants_answer(policy, shot, state, answer).is_some_and(|want| want != answered);
        (!right || elsewhere || wrongly_answered).then(|| {
            format!(
                "judge: {} {} entry {:?} logged {} from {:?} to {:?} (state {state:?}, reach {:?})\n\
                 kernel: passed {passed}, elsewhere {elsewhere}, denied {denied:?}, accepted {accepted:?}, \
                 answered {answered} (asked: {:?}), fresh {fresh}",
                answer.verdict.as_str(),
                answer.verdict.reason(),
                answer.entry.map(|e| &policy.entries[e].id),
                answer.logged,
                answer.from_zone,
                answer.to_zone,
                shot.reach(),
                wants_answer(policy, shot, state, answer),
            )
        })
    }

    /// True if the gateway answered with a reset or an ICMP error about it.
    fn answered(&self, shot: &Shot) -> bool {
        let frame = &shot.frame;
        let reset = match frame.body {
            Body::Tcp { sport, dport, .. } => self
                .resets
                .iter()
                .any(|(mark, from, to)| (mark.src, mark.dst, *from, *to) == (frame.dst, frame.src, dport, sport)),
            _ => false,
        };
        reset || self.quoted.contains(&frame.mark())
    }
}

/// Whether a denied packet must be answered; none where the kernel has reasons of its own.
fn wants_answer(policy: &Policy, shot: &Shot, state: ConnState, answer: Answer) -> Option<bool> {
    let Verdict::Deny(reason) = answer.verdict else { return None };
    if shot.reach() != Reach::Surely || shot.from == Side::Gateway {
        return None;
    }
    let rejects = answer.from_zone.zone().is_some_and(|z| policy.zone(z).deny_with == DenyWith::Reject);
    if !rejects || !reason.may_reject() {
        return Some(false);
    }
    let simple = match shot.frame.body {
        Body::Tcp { flags, .. } => flags == SYN,
        Body::Udp { .. } => true,
        Body::Arp { .. } => return None,
        _ => false,
    };
    let whole = shot.frame.cut == Cut::Whole && shot.frame.extensions.is_empty();
    // An answer is the gateway's own packet, which isolation may cut.
    let free = policy.isolated.is_empty();
    (free && simple && whole && state == ConnState::New && shot.to != Side::Gateway).then_some(true)
}

/// The ports of a TCP reset.
fn reset(packet: &[u8], mark: Mark) -> Option<(Mark, u16, u16)> {
    let (start, proto) = if packet[0] >> 4 == 4 { (20, packet.get(9)?) } else { (40, packet.get(6)?) };
    let tcp = packet.get(start..start + 20)?;
    let ports = [u16::from_be_bytes([tcp[0], tcp[1]]), u16::from_be_bytes([tcp[2], tcp[3]])];
    (*proto == Proto::TCP.0 && tcp[13] & 0x04 != 0).then_some((mark, ports[0], ports[1]))
}
