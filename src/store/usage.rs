//! What each entry was used for, over restarts of the daemon and the machine.
//!
//! Takes the kernel's counters and flows that ended, gives totals. Flows are as
//! exact as the kernel's counters, which live on without the daemon. Traffic is
//! that of flows whose end was heard; when nobody listened is kept beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The file's name in the state folder.
const FILE: &str = "usage.json";
/// Times without a listener that are kept one by one; earlier ones run together.
const GAPS_KEPT: usize = 100;

/// Packets and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Count {
    /// The sum of both.
    pub fn plus(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

/// One entry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// What earlier counters of the kernel's said last.
    before: Count,
    /// What its counter says now.
    counter: Count,
    /// Traffic of the flows whose end was heard.
    pub ended: Count,
    /// Flows that ended without the kernel having counted their traffic.
    pub unmeasured: u64,
    /// When it was last known to be in use.
    pub last_used: Option<Timestamp>,
}

impl Totals {
    /// Packets that opened flows, so flows; and their bytes.
    pub fn opened(&self) -> Count {
        self.before.plus(self.counter)
    }
}

/// From when to when nobody heard of flows that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last moment that is certain.
    pub from: Timestamp,
    /// The first that is again.
    pub to: Timestamp,
}

/// Everything that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// When counting began.
    pub since: Timestamp,
    /// When it was written last.
    written: Timestamp,
    /// Which run of the machine the counters are of.
    boot: String,
    /// Times without a listener.
    pub gaps: Vec<Gap>,
    /// Times that the kernel could not keep what it had to tell.
    pub overruns: u64,
    /// By the entries' ids; those that the policy no longer has stay.
    entries: BTreeMap<String, Totals>,
}

impl Ledger {
    /// Begins at `now`, in this run of the machine.
    pub fn new(now: Timestamp, boot: &str) -> Self {
        let entries = BTreeMap::new();
        Self { since: now, written: now, boot: boot.to_owned(), gaps: Vec::new(), overruns: 0, entries }
    }

    /// Reads what was kept; what is not there or no ledger begins anew, and the
    /// latter is put aside.
    ///
    /// # Errors
    /// A file that cannot be read or put aside.
    pub fn load(folder: &Path, now: Timestamp, boot: &str) -> io::Result<Self> {
        let path = folder.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::new(now, boot)),
            Err(error) => return Err(error),
        };
        let Ok(mut ledger) = serde_json::from_slice::<Self>(&bytes) else {
            fs::rename(&path, folder.join(format!("{FILE}.damaged-{}", now.as_second())))?;
            return Ok(Self::new(now, boot));
        };
        ledger.goes_on(now, boot);
        Ok(ledger)
    }

    /// The daemon listens again.
    fn goes_on(&mut self, now: Timestamp, boot: &str) {
        self.gap(self.written, now);
        if self.boot != boot {
            // The kernel's counters began at 0.
            self.entries.values_mut().for_each(|totals| totals.counted_anew());
            boot.clone_into(&mut self.boot);
        }
    }

    /// Notes that nobody listened.
    pub fn gap(&mut self, from: Timestamp, to: Timestamp) {
        self.gaps.push(Gap { from, to });
        if self.gaps.len() > GAPS_KEPT {
            let second = self.gaps.remove(1);
            self.gaps[0].to = second.to;
        }
    }

    /// Takes what the kernel's counter of an entry says; none = it has none now.
    pub fn counter(&mut self, id: &str, counter: Option<Count>, now: Timestamp) {
        let totals = self.entries.entry(id.to_owned()).or_default();
        let counter = counter.unwrap_or_default();
        if counter.packets < totals.counter.packets {
            totals.counted_anew();
        }
        if counter.packets > totals.counter.packets {
            totals.last_used = Some(now);
        }
        totals.counter = counter;
    }

    /// Takes a flow that ended.
    pub fn ended(&mut self, id: &str, traffic: Option<Count>, now: Timestamp) {
        let totals = self.entries.entry(id.to_owned()).or_default();
        totals.last_used = Some(now);
        match traffic {
            Some(traffic) => totals.ended = totals.ended.plus(traffic),
            None => totals.unmeasured += 1,
        }
    }

    /// An entry's totals.
    pub fn of(&self, id: &str) -> Totals {
        self.entries.get(id).copied().unwrap_or_default()
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// As the file system says; what was written before is still there.
    pub fn save(&mut self, folder: &Path, now: Timestamp) -> io::Result<()> {
        let before = std::mem::replace(&mut self.written, now);
        let write = || {
            let mut file = tempfile::Builder::new().prefix(".usage").tempfile_in(folder)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.as_file().sync_all()?;
            file.persist(folder.join(FILE)).map(drop).map_err(|error| error.error)
        };
        let written = write();
        if written.is_err() {
            self.written = before;
        }
        written
    }
}

impl Totals {
    fn counted_anew(&mut self) {
        self.before = self.opened();
        self.counter = Count::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn count(packets: u64) -> Option<Count> {
        Some(Count { packets, bytes: packets * 100 })
    }

    #[test]
    fn totals_outlive_counters_that_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::load(folder.path(), at(1), "one").unwrap();
        ledger.counter("a", count(5), at(2));
        ledger.ended("a", count(50), at(3));
        ledger.ended("a", None, at(4));
        ledger.save(folder.path(), at(5)).unwrap();
        // The daemon was away, the machine was not.
        let mut ledger = Ledger::load(folder.path(), at(9), "one").unwrap();
        ledger.counter("a", count(7), at(10));
        assert_eq!(ledger.of("a").opened(), count(7).unwrap());
        // The entry was away.
        ledger.counter("a", None, at(11));
        ledger.counter("a", count(2), at(12));
        assert_eq!(ledger.of("a").opened(), count(9).unwrap());
        ledger.save(folder.path(), at(13)).unwrap();
        // The machine began anew, and counted further than before.
        let mut ledger = Ledger::load(folder.path(), at(20), "two").unwrap();
        ledger.counter("a", count(3), at(21));
        let totals = ledger.of("a");
        assert_eq!((totals.opened(), totals.ended), (count(12).unwrap(), count(50).unwrap()));
        assert_eq!((totals.unmeasured, totals.last_used), (1, Some(at(21))));
        assert_eq!(ledger.gaps, [Gap { from: at(5), to: at(9) }, Gap { from: at(13), to: at(20) }]);
        assert_eq!((ledger.since, ledger.of("b")), (at(1), Totals::default()));
    }

    #[test]
    fn what_is_no_ledger_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(Ledger::load(folder.path(), at(7), "one").unwrap(), Ledger::new(at(7), "one"));
        assert!(folder.path().join("usage.json.damaged-7").exists());
    }

    #[test]
    fn old_gaps_run_together() {
        let mut ledger = Ledger::new(at(0), "one");
        for n in 0..300 {
            ledger.gap(at(n * 10), at(n * 10 + 1));
        }
        assert_eq!((ledger.gaps.len(), ledger.gaps[0].from, ledger.gaps[1].from), (100, at(0), at(2010)));
    }
}
