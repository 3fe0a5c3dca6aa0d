//! A product of dimensions.

use super::IntervalSet;
use crate::net::Family;

/// The dimensions of a packet at an instant. The values of each are numbers;
/// `point` says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dim {
    /// Input interface, as an index of [`super::Interfaces`].
    In,
    /// Output interface, likewise.
    Out,
    /// Source MAC.
    Mac,
    /// Source address.
    Src,
    /// Destination address.
    Dst,
    /// Protocol with destination port or ICMP type.
    Service,
    /// Nanoseconds since `Timestamp::MIN`.
    Time,
}

impl Dim {
    /// Every dimension, in the order of a cube's sets.
    pub const ALL: [Self; 7] = [Self::In, Self::Out, Self::Mac, Self::Src, Self::Dst, Self::Service, Self::Time];
}

/// All packets of one family whose every dimension lies in its set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cube {
    /// IPv4 or IPv6.
    pub family: Family,
    /// One set a dimension, in the order of [`Dim::ALL`].
    pub sets: [IntervalSet; 7],
}

/// What is left of a cube, as disjoint cubes: at most one a dimension.
pub type Split = Vec<Cube>;

impl Cube {
    /// The set of a dimension.
    pub fn get(&self, dim: Dim) -> &IntervalSet {
        &self.sets[dim as usize]
    }

    /// The same with another set in one dimension.
    pub fn with(&self, dim: Dim, set: IntervalSet) -> Self {
        let mut cube = self.clone();
        cube.sets[dim as usize] = set;
        cube
    }

    /// True if no packet is in it.
    pub fn is_empty(&self) -> bool {
        self.sets.iter().any(IntervalSet::is_empty)
    }

    /// True if they share a packet.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.family == other.family && self.sets.iter().zip(&other.sets).all(|(a, b)| a.overlaps(b))
    }

    /// What they share; none if nothing.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if !self.overlaps(other) {
            return None;
        }
        let sets = std::array::from_fn(|d| self.sets[d].intersect(&other.sets[d]));
        Some(Self { family: self.family, sets })
    }

    /// True if every packet of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        other.is_empty() || self.family == other.family && self.sets.iter().zip(&other.sets).all(|(a, b)| a.covers(b))
    }

    /// Its packets that are not in `other`, as disjoint cubes.
    pub fn subtract(&self, other: &Self) -> Split {
        if self.is_empty() {
            return Vec::new();
        }
        if !self.overlaps(other) {
            return vec![self.clone()];
        }
        let mut out = Vec::new();
        let mut inner = self.clone();
        for d in 0..self.sets.len() {
            let outside = inner.sets[d].subtract(&other.sets[d]);
            if !outside.is_empty() {
                let mut piece = inner.clone();
                piece.sets[d] = outside;
                out.push(piece);
            }
            inner.sets[d] = inner.sets[d].intersect(&other.sets[d]);
        }
        out
    }

    /// True if the numbers, one a dimension, lie in the sets.
    pub fn contains(&self, family: Family, values: &[u128; 7]) -> bool {
        self.family == family && self.sets.iter().zip(values).all(|(set, n)| set.contains(*n))
    }
}
