//! Difference and partition of lists of cubes, by splitting one dimension at a time.
//!
//! A cube less ten thousand others, one after the other, breaks into a heap of
//! pieces each of which meets every later subtrahend. Here a dimension is cut
//! at once where any item begins or ends; stretches that the same items cover
//! stay together; and each stretch goes on with its own items alone. The
//! dimension that parts the items best comes first.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::{Cube, IntervalSet};
use crate::diag::Message;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// The spaces are cut so finely that the work would exceed its bound.
    #[error("the spaces to compare are cut too finely")]
    TooLarge,
}

impl SpaceError {
    /// In the user's words.
    pub fn message(&self) -> Message {
        match self {
            Self::TooLarge => Message::new("verify-too-large"),
        }
    }
}

/// How much work may still be done, in elementary steps.
#[derive(Debug, Clone)]
pub struct Budget(u64);

impl Default for Budget {
    /// Enough for any policy seen in practice; some seconds at most.
    fn default() -> Self {
        Self(200_000_000)
    }
}

impl Budget {
    /// A budget of `steps`.
    pub fn new(steps: u64) -> Self {
        Self(steps)
    }

    fn spend(&mut self, steps: usize) -> Result<(), SpaceError> {
        self.0 = self.0.checked_sub(steps as u64).ok_or(SpaceError::TooLarge)?;
        Ok(())
    }
}

/// The packets of `cube` that are in none of `others`, as disjoint cubes.
///
/// # Errors
/// [`SpaceError::TooLarge`] when the budget is used up.
pub fn difference(cube: &Cube, others: &[&Cube], budget: &mut Budget) -> Result<Vec<Cube>, SpaceError> {
    if cube.is_empty() {
        return Ok(Vec::new());
    }
    let mut left = Vec::new();
    let mut splitter = Splitter { items: others, covered: false, budget };
    let all = splitter.overlapping(cube, 0..others.len() as u32);
    splitter.split(cube.clone(), all, [false; 7], &mut |piece, covering| {
        if covering.is_empty() {
            left.push(piece);
        }
    })?;
    Ok(left)
}

/// The packets of `domain` parted by which of `items` hold them: disjoint cubes,
/// each with the positions (ascending) of the items that cover it; what no item
/// covers is left out.
///
/// # Errors
/// [`SpaceError::TooLarge`] when the budget is used up.
pub fn partition(domain: &Cube, items: &[&Cube], budget: &mut Budget) -> Result<Vec<(Cube, Vec<u32>)>, SpaceError> {
    let mut parts = Vec::new();
    let mut splitter = Splitter { items, covered: true, budget };
    let all = splitter.overlapping(domain, 0..items.len() as u32);
    splitter.split(domain.clone(), all, [false; 7], &mut |piece, covering| {
        if !covering.is_empty() {
            parts.push((piece, covering.to_vec()));
        }
    })?;
    Ok(parts)
}

struct Splitter<'a> {
    items: &'a [&'a Cube],
    /// Whether covered pieces are wanted too.
    covered: bool,
    budget: &'a mut Budget,
}

type Emit<'e> = dyn FnMut(Cube, &[u32]) + 'e;

impl Splitter<'_> {
    fn overlapping(&self, domain: &Cube, candidates: impl Iterator<Item = u32>) -> Vec<u32> {
        candidates.filter(|i| self.items[*i as usize].overlaps(domain)).collect()
    }

    /// Splits `domain`, in which each of `active` has a packet; in the dimensions
    /// `done` every active item covers it. At most seven calls deep.
    fn split(
        &mut self,
        domain: Cube,
        active: Vec<u32>,
        done: [bool; 7],
        emit: &mut Emit<'_>,
    ) -> Result<(), SpaceError> {
        self.budget.spend(1 + active.len() * 7)?;
        // `open[d]`: the active items that cover only a part of dimension d.
        let mut open: [Vec<u32>; 7] = Default::default();
        for item in &active {
            let sets = &self.items[*item as usize].sets;
            let before = open.iter().map(Vec::len).sum::<usize>();
            for d in (0..7).filter(|d| !done[*d]) {
                if !sets[d].covers(&domain.sets[d]) {
                    open[d].push(*item);
                }
            }
            if !self.covered && open.iter().map(Vec::len).sum::<usize>() == before {
                return Ok(());
            }
        }
        let best = (0..7).filter(|d| !open[*d].is_empty()).min_by_key(|d| self.cost(*d, &open[*d], active.len()));
        let Some(d) = best else {
            emit(domain, &active);
            return Ok(());
        };
        let partial = &open[d];
        let whole: Vec<u32> = active.iter().copied().filter(|i| partial.binary_search(i).is_err()).collect();
        let mut done = done;
        done[d] = true;
        for (stretch, covering) in self.stretches(d, &domain.sets[d], partial)? {
            let mut next = domain.clone();
            next.sets[d] = stretch;
            let mut items: Vec<u32> = whole.iter().chain(&covering).copied().collect();
            items.sort_unstable();
            self.split(next, items, done, emit)?;
        }
        Ok(())
    }

    /// What splitting at dimension `d` hands on: item by stretch.
    fn cost(&self, d: usize, partial: &[u32], active: usize) -> usize {
        let ranges = || partial.iter().flat_map(|i| self.items[*i as usize].sets[d].ranges());
        let mut starts: Vec<u128> =
            ranges().flat_map(|(first, last)| [Some(*first), last.checked_add(1)]).flatten().collect();
        starts.sort_unstable();
        starts.dedup();
        let spread: usize = ranges()
            .map(|(first, last)| starts.partition_point(|s| s <= last) - starts.partition_point(|s| s < first))
            .sum();
        spread + starts.len() * (active - partial.len() + 1)
    }

    /// The stretches of `whole` in dimension `d`, each with the items of
    /// `partial` that cover it; stretches with the same items are one.
    fn stretches(
        &mut self,
        d: usize,
        whole: &IntervalSet,
        partial: &[u32],
    ) -> Result<Vec<(IntervalSet, Vec<u32>)>, SpaceError> {
        // (where, begins, item): what ends comes before what begins at a place.
        let mut events: Vec<(u128, bool, u32)> = Vec::new();
        for item in partial {
            for (first, last) in self.items[*item as usize].sets[d].ranges() {
                events.push((*first, true, *item));
                events.extend(last.checked_add(1).map(|end| (end, false, *item)));
            }
        }
        events.sort_unstable();
        let mut found: HashMap<Vec<u32>, Vec<(u128, u128)>> = HashMap::new();
        let mut order: Vec<Vec<u32>> = Vec::new();
        let mut current: Vec<u32> = Vec::new();
        let mut inside = RangeCursor { ranges: whole.ranges() };
        let mut start = 0;
        let mut index = 0;
        loop {
            let end = events.get(index).map(|e| e.0);
            if end != Some(start) {
                let last = end.map_or(u128::MAX, |e| e - 1);
                let parts = inside.take(start, last);
                if !parts.is_empty() {
                    self.budget.spend(1 + current.len())?;
                    if !found.contains_key(&current) {
                        order.push(current.clone());
                    }
                    found.entry(current.clone()).or_default().extend(parts);
                }
            }
            let Some(place) = end else { break };
            while let Some((_, begins, item)) = events.get(index).filter(|e| e.0 == place) {
                match (current.binary_search(item), begins) {
                    (Err(at), true) => current.insert(at, *item),
                    (Ok(at), false) => drop(current.remove(at)),
                    _ => {}
                }
                index += 1;
            }
            start = place;
        }
        Ok(order
            .into_iter()
            .filter_map(|key| found.remove(&key).map(|ranges| (IntervalSet::from_ranges(ranges), key)))
            .collect())
    }
}

/// Hands out the parts of ascending ranges, from left to right.
struct RangeCursor<'a> {
    ranges: &'a [(u128, u128)],
}

impl RangeCursor<'_> {
    /// The parts within `first ..= last`; calls ascend.
    fn take(&mut self, first: u128, last: u128) -> Vec<(u128, u128)> {
        let mut parts = Vec::new();
        // Stops at the first range that reaches beyond `last`: it is met again.
        let _stopped = self.ranges.iter().try_for_each(|range| {
            if range.0 > last {
                return ControlFlow::Break(());
            }
            if range.1 >= first {
                parts.push((range.0.max(first), range.1.min(last)));
            }
            if range.1 > last {
                return ControlFlow::Break(());
            }
            self.ranges = &self.ranges[1..];
            ControlFlow::Continue(())
        });
        parts
    }
}
