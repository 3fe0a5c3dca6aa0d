//! The third witness: random policies, compiled and loaded into a real gateway,
//! against random packets, really sent; what became of each is held against
//! `judge`, which knows nothing of the compiler.
//!
//! For each packet: did it come out (or, for the gateway itself, did it pass
//! every table: the lab's own hook behind all others tells by NFLOG), under
//! which reason was it denied, which entry decided, was it logged, was it
//! answered. Every third policy goes in as JSON, every third as text, every
//! third by the daemon's enforcer as a difference to the one before.
//!
//! `ZONED_SEED` repeats a run, `ZONED_PACKETS` sets its size (default 50,000).
//! Each policy has its own seed, which a failure prints: with it as `ZONED_SEED`
//! that policy is the first.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

mod draft;
mod gate;
#[path = "../lab/mod.rs"]
mod lab;
mod packets;
mod policies;
mod random;
mod shot;

use std::time::Instant;

use draft::Draft;
use gate::{Disagreement, Gate, Way};
use jiff::Timestamp;
use random::Random;
use shot::Shot;
use zoned::policy::Policy;

/// Packets for each policy, and for each settling.
const PER_POLICY: usize = 300;
const BATCH: usize = 50;
/// Failures shown before the run ends.
const ENOUGH: usize = 4;

/// What a full run must have tried.
const REASONS: [&str; 15] = [
    "allowed",
    "intra-zone",
    "management",
    "established",
    "invalid",
    "unknown-zone",
    "spoofed-source",
    "isolated",
    "mac-mismatch",
    "ip-mismatch",
    "foreign-device",
    "rate-exceeded",
    "outside-window",
    "expired",
    "no-allow-entry",
];

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// A run: two gateways, one loaded anew and one by differences.
struct Run {
    anew: Gate,
    delta: Gate,
    at: Timestamp,
    serial: u32,
    before: Option<Draft>,
    invalid: usize,
}

#[test]
fn the_kernel_does_what_the_judge_says() {
    if !lab::possible() {
        return;
    }
    lab::Lab::pin_thread();
    let seed = setting("ZONED_SEED")
        .unwrap_or_else(|| u64::from(std::process::id()) << 32 ^ Timestamp::now().as_second() as u64);
    let wanted = setting("ZONED_PACKETS").unwrap_or(50_000) as usize;
    eprintln!("ZONED_SEED={seed} ZONED_PACKETS={wanted}");
    let (start, mut failures) = (Instant::now(), Vec::new());
    let mut run =
        Run { anew: Gate::new(), delta: Gate::new(), at: Timestamp::now(), serial: 0, before: None, invalid: 0 };
    let (mut sent, mut policies) = (0, 0);
    while sent < wanted && failures.len() < ENOUGH {
        let (own_seed, way) = (seed.wrapping_add(policies), [Way::Json, Way::Text, Way::Delta][policies as usize % 3]);
        let (count, failure) = run.policy(own_seed, way);
        failures.extend(failure.map(|words| format!("── ZONED_SEED={own_seed} ({way:?})\n{words}")));
        (sent, policies) = (sent + count, policies + 1);
    }
    let (invalid, mut tried) = (run.invalid, run.anew.tried);
    run.delta.tried.into_iter().for_each(|(reason, count)| *tried.entry(reason).or_default() += count);
    eprintln!("{sent} packets, {policies} policies ({invalid} not valid) in {:.1?}: {tried:?}", start.elapsed());
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    let now = |reason: &&&str| match **reason {
        "isolated" => draft::ISOLATION,
        "mac-mismatch" | "ip-mismatch" | "foreign-device" => draft::BINDING,
        _ => true,
    };
    let missed: Vec<_> = REASONS.iter().filter(now).filter(|r| !tried.contains_key(*r)).collect();
    assert!(wanted < 20_000 || missed.is_empty(), "never tried: {missed:?}");
    assert!(invalid * 3 < policies as usize, "the generator makes too many policies that are refused");
}

impl Run {
    /// One policy and its packets: how many, and what went wrong first.
    fn policy(&mut self, seed: u64, way: Way) -> (usize, Option<String>) {
        let mut random = Random::new(seed);
        let mut draft = policies::policy(&mut random, self.at);
        let mut policy = match gate::read(&draft, self.at) {
            Ok(policy) if !policy.zones.is_empty() => policy,
            Ok(_) => return (0, None),
            Err(words) => {
                self.invalid += 1;
                if std::env::var_os("ZONED_VERBOSE").is_some() {
                    eprintln!("{words}");
                }
                return (0, None);
            }
        };
        let gate = if way == Way::Delta { &mut self.delta } else { &mut self.anew };
        if let Err(words) = gate.load(&policy, self.at, way) {
            return (0, Some(format!("{words}\n{}", draft.to_text())));
        }
        let before = if way == Way::Delta { self.before.replace(draft.clone()) } else { None };
        let mut opened = Vec::new();
        for batch in 0..PER_POLICY / BATCH {
            if way == Way::Delta && batch == PER_POLICY / BATCH / 2 {
                policies::amend(&mut random, &mut draft);
                let amended = gate::read(&draft, self.at).and_then(|new| gate.amend(&new, self.at).map(|()| new));
                match amended {
                    Ok(new) => policy = new,
                    Err(words) => return (PER_POLICY, Some(format!("{words}\n{}", draft.to_text()))),
                }
            }
            let mut maker = packets::Maker { random: &mut random, policy: &policy, serial: &mut self.serial, opened };
            let shots: Vec<Shot> = (0..BATCH).map(|_| maker.shot()).collect();
            opened = maker.opened;
            let (wrong, new) = gate.fire(&policy, self.at, shots);
            opened.extend(new);
            if let Some(first) = wrong.into_iter().next() {
                return (PER_POLICY, Some(self.explain(&draft, &first, before.as_ref())));
            }
        }
        let counted = gate.check_counters(&policy).map(|words| format!("{words}\n{}", draft.to_text()));
        (PER_POLICY, counted)
    }

    /// The smallest policy under which the same packet still goes wrong.
    fn explain(&mut self, draft: &Draft, wrong: &Disagreement, before: Option<&Draft>) -> String {
        let Some(mut words) = self.again(draft, &wrong.shot) else {
            let before = before.map_or_else(String::new, |d| format!("\n── the policy before:\n{}", d.to_text()));
            let (packet, toml) = (describe(&wrong.shot), draft.to_text());
            return format!("only there, not loaded anew:\n{}\n{packet}\n{toml}{before}", wrong.words);
        };
        let mut smallest = draft.clone();
        while let Some((less, said)) =
            smallest.smaller().into_iter().find_map(|d| self.again(&d, &wrong.shot).map(|said| (d, said)))
        {
            (smallest, words) = (less, said);
        }
        format!("{words}\n{}\n{}", describe(&wrong.shot), smallest.to_text())
    }

    /// Loads a policy anew and sends one packet (after its opener): what is wrong, if it still is.
    fn again(&mut self, draft: &Draft, shot: &Shot) -> Option<String> {
        let policy: Policy = gate::read(draft, self.at).ok().filter(|policy| !policy.zones.is_empty())?;
        self.anew.load(&policy, self.at, Way::Text).ok()?;
        let shots = shot.after.iter().map(|opener| (**opener).clone()).chain([shot.clone()]);
        let (wrong, _) = self.anew.fire(&policy, self.at, shots);
        wrong.into_iter().next().map(|d| d.words)
    }
}

fn describe(shot: &Shot) -> String {
    let name = |side: shot::Side| side.port().map_or("gateway", |p| policies::PORTS[p]);
    let after = shot.after.as_ref().map_or_else(String::new, |o| format!("\nafter {}", describe(o)));
    format!("packet: {} → {}: {:?}{after}", name(shot.from), name(shot.to), shot.frame)
}
