//! Overlapping labelled intervals to disjoint ones with the set of labels of each.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::{AddrRange, Family};

/// A disjoint interval, inclusive, and the labels whose intervals hold it.
pub type Piece<T> = (u128, u128, BTreeSet<T>);

/// Divides `first ..= last` intervals at every edge. Ascending; pieces without
/// a label are left out; neighbours with equal labels are not joined, so that
/// single values stay single.
pub fn partition<T: Ord + Copy>(items: &[(u128, u128, T)]) -> Vec<Piece<T>> {
    let mut cuts: Vec<u128> =
        items.iter().flat_map(|(first, last, _)| [Some(*first), last.checked_add(1)]).flatten().collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut opens: Vec<(u128, T)> = items.iter().map(|(first, _, label)| (*first, *label)).collect();
    let mut closes: Vec<(u128, T)> =
        items.iter().filter_map(|(_, last, label)| Some((last.checked_add(1)?, *label))).collect();
    opens.sort_unstable();
    closes.sort_unstable();
    let (mut opens, mut closes) = (opens.into_iter().peekable(), closes.into_iter().peekable());
    let mut active: BTreeMap<T, usize> = BTreeMap::new();
    let mut pieces = Vec::new();
    for (index, cut) in cuts.iter().enumerate() {
        while let Some((_, label)) = closes.next_if(|(at, _)| at <= cut) {
            if let Some(count) = active.get_mut(&label) {
                *count -= 1;
                if *count == 0 {
                    active.remove(&label);
                }
            }
        }
        while let Some((_, label)) = opens.next_if(|(at, _)| at <= cut) {
            *active.entry(label).or_default() += 1;
        }
        if !active.is_empty() {
            let last = cuts.get(index + 1).map_or(u128::MAX, |next| next - 1);
            pieces.push((*cut, last, active.keys().copied().collect()));
        }
    }
    pieces
}

/// The same over addresses of both families, IPv4 first.
pub fn partition_addresses<T: Ord + Copy>(items: &[(AddrRange, T)]) -> Vec<(AddrRange, BTreeSet<T>)> {
    let mut out = Vec::new();
    for family in Family::BOTH {
        let own: Vec<(u128, u128, T)> = items
            .iter()
            .filter(|(r, _)| r.family() == family)
            .map(|(r, label)| (r.first(), r.last(), *label))
            .collect();
        out.extend(
            partition(&own)
                .into_iter()
                .map(|(first, last, labels)| (AddrRange::new(family, first, last.min(family.max())), labels)),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(labels: &[u8]) -> BTreeSet<u8> {
        labels.iter().copied().collect()
    }

    #[test]
    fn overlaps_are_divided_at_every_edge() {
        let pieces = partition(&[(0, 9, 1u8), (5, 5, 2), (8, 20, 3)]);
        assert_eq!(
            pieces,
            vec![(0, 4, set(&[1])), (5, 5, set(&[1, 2])), (6, 7, set(&[1])), (8, 9, set(&[1, 3])), (10, 20, set(&[3]))]
        );
    }

    #[test]
    fn the_largest_value_is_kept() {
        assert_eq!(
            partition(&[(u128::MAX - 1, u128::MAX, 1u8), (u128::MAX, u128::MAX, 2)]).last(),
            Some(&(u128::MAX, u128::MAX, set(&[1, 2])))
        );
    }

    #[test]
    fn gaps_and_equal_intervals() {
        assert_eq!(partition(&[(1, 1, 1u8), (1, 1, 1), (3, 3, 2)]), vec![(1, 1, set(&[1])), (3, 3, set(&[2]))]);
    }
}
