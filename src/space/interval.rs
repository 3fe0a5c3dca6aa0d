//! Sets of numbers as sorted ranges.

use std::fmt;
use std::sync::Arc;

/// A set of `u128`: inclusive ranges, ascending, neither overlapping nor
/// adjoining, so that equal sets are equal values. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntervalSet(Arc<[(u128, u128)]>);

impl IntervalSet {
    /// The empty set.
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// `first ..= last`; empty if it runs backwards.
    pub fn range(first: u128, last: u128) -> Self {
        if first <= last { Self(Arc::from([(first, last)])) } else { Self::empty() }
    }

    /// One number.
    pub fn single(n: u128) -> Self {
        Self::range(n, n)
    }

    /// The union of inclusive ranges in any order; those that run backwards are empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u128, u128)>) -> Self {
        let mut all: Vec<(u128, u128)> = ranges.into_iter().filter(|(a, b)| a <= b).collect();
        all.sort_unstable();
        let mut out: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match out.last_mut() {
                Some(top) if top.1.checked_add(1).is_none_or(|next| first <= next) => top.1 = top.1.max(last),
                _ => out.push((first, last)),
            }
        }
        Self(out.into())
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u128, u128)] {
        &self.0
    }

    /// True if nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The least member.
    pub fn first(&self) -> Option<u128> {
        self.0.first().map(|r| r.0)
    }

    /// The greatest member.
    pub fn last(&self) -> Option<u128> {
        self.0.last().map(|r| r.1)
    }

    /// True if `n` is a member.
    pub fn contains(&self, n: u128) -> bool {
        let index = self.0.partition_point(|r| r.1 < n);
        self.0.get(index).is_some_and(|r| r.0 <= n)
    }

    /// Members of both.
    pub fn intersect(&self, other: &Self) -> Self {
        if Arc::ptr_eq(&self.0, &other.0) {
            return self.clone();
        }
        let mut out = Vec::new();
        self.meet(other, |first, last| {
            out.push((first, last));
            true
        });
        if *out == *self.0 {
            return self.clone();
        }
        Self(out.into())
    }

    /// True if they share a member.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut found = false;
        self.meet(other, |_, _| {
            found = true;
            false
        });
        found
    }

    /// Calls `each` with every common range, ascending, while it says true. The
    /// shorter set leads and the longer is searched, so that one address
    /// against a long list costs a binary search.
    fn meet(&self, other: &Self, mut each: impl FnMut(u128, u128) -> bool) {
        let (short, long) = if self.0.len() <= other.0.len() { (&self.0, &other.0) } else { (&other.0, &self.0) };
        let mut from = 0;
        for (first, last) in short.iter() {
            from += long[from..].partition_point(|r| r.1 < *first);
            for range in long[from..].iter().take_while(|r| r.0 <= *last) {
                if !each(range.0.max(*first), range.1.min(*last)) {
                    return;
                }
            }
        }
    }

    /// Members of either.
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() || Arc::ptr_eq(&self.0, &other.0) {
            return other.clone();
        }
        if other.is_empty() {
            return self.clone();
        }
        Self::from_ranges(self.0.iter().chain(other.0.iter()).copied())
    }

    /// Members of this one that are not of `other`.
    pub fn subtract(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        let mut holes = other.0.iter().peekable();
        for (first, last) in self.0.iter().copied() {
            let mut next = Some(first);
            while let Some(hole) = holes.peek() {
                let Some(from) = next else { break };
                if hole.0 > last {
                    break;
                }
                if hole.1 >= from {
                    if hole.0 > from {
                        out.push((from, hole.0 - 1));
                    }
                    next = hole.1.checked_add(1).filter(|n| *n <= last);
                }
                if hole.1 > last {
                    break;
                }
                holes.next();
            }
            if let Some(from) = next {
                out.push((from, last));
            }
        }
        Self(out.into())
    }

    /// Numbers `0 ..= max` that are not members.
    pub fn complement(&self, max: u128) -> Self {
        Self::range(0, max).subtract(self)
    }

    /// True if every member of `other` is a member.
    pub fn covers(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || other.0.iter().all(|(first, last)| {
                let index = self.0.partition_point(|r| r.1 < *first);
                self.0.get(index).is_some_and(|r| r.0 <= *first && *last <= r.1)
            })
    }
}

impl fmt::Debug for IntervalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(a, b)| format!("{a}..={b}"))).finish()
    }
}
