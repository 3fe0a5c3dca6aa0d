//! Finds, among many boxes, those that a box meets.

use super::Cube;
use crate::net::Family;

/// The least box around a cube: family and the ends of every dimension.
type Bounds = (Family, [(u128, u128); 7]);

/// A tree of nested boxes over cubes (a bounding volume hierarchy). It answers
/// with a superset of the cubes that overlap: the caller looks exactly.
#[derive(Debug, Clone, Default)]
pub struct BoxIndex {
    /// Leaves and inner nodes; the root is the last.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
struct Node {
    bounds: [(u128, u128); 7],
    family: Family,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Leaf(Vec<u32>),
    Inner(usize, usize),
}

/// Items a leaf holds at most, unless their boxes are all alike.
const LEAF: usize = 8;

impl BoxIndex {
    /// The index of these cubes, by position; empty ones are left out.
    pub fn new<'a>(cubes: impl IntoIterator<Item = &'a Cube>) -> Self {
        let mut items: Vec<(u32, Bounds)> = cubes
            .into_iter()
            .enumerate()
            .filter_map(|(index, cube)| Some((index as u32, (cube.family, bounds(cube)?))))
            .collect();
        items.sort_by_key(|(_, (family, _))| *family);
        let split = items.partition_point(|(_, (family, _))| *family == Family::V4);
        let mut index = Self::default();
        let (v4, v6) = items.split_at_mut(split);
        let roots: Vec<usize> =
            [v4, v6].into_iter().filter(|part| !part.is_empty()).map(|part| index.build(part)).collect();
        if let [a, b] = roots[..] {
            // The family of a root over both is not asked: see `find`.
            let bounds = index.nodes[a].bounds;
            index.nodes.push(Node { bounds, family: Family::V4, kind: Kind::Inner(a, b) });
        }
        index
    }

    fn build(&mut self, items: &mut [(u32, Bounds)]) -> usize {
        let family = items[0].1.0;
        let mut around = items[0].1.1;
        for (_, (_, b)) in items.iter() {
            for d in 0..7 {
                around[d] = (around[d].0.min(b[d].0), around[d].1.max(b[d].1));
            }
        }
        let kind = match widest(items).filter(|_| items.len() > LEAF) {
            None => Kind::Leaf(items.iter().map(|(i, _)| *i).collect()),
            Some(d) => {
                items.sort_by_key(|(i, (_, b))| (b[d].0, b[d].1, *i));
                let (left, right) = items.split_at_mut(items.len() / 2);
                Kind::Inner(self.build(left), self.build(right))
            }
        };
        self.nodes.push(Node { bounds: around, family, kind });
        self.nodes.len() - 1
    }

    /// Positions of the cubes whose boxes meet the box of `cube`, ascending.
    pub fn find(&self, cube: &Cube) -> Vec<u32> {
        let mut found = Vec::new();
        let Some(want) = bounds(cube) else { return found };
        let mut open: Vec<usize> = match self.nodes.last() {
            None => return found,
            Some(Node { kind: Kind::Inner(a, b), .. }) => vec![*a, *b],
            Some(_) => vec![self.nodes.len() - 1],
        };
        while let Some(index) = open.pop() {
            let node = &self.nodes[index];
            let meets = node.bounds.iter().zip(&want).all(|(a, b)| a.0 <= b.1 && b.0 <= a.1);
            if node.family != cube.family || !meets {
                continue;
            }
            match &node.kind {
                Kind::Leaf(items) => found.extend(items),
                Kind::Inner(a, b) => open.extend([*a, *b]),
            }
        }
        found.sort_unstable();
        found
    }
}

fn bounds(cube: &Cube) -> Option<[(u128, u128); 7]> {
    let mut out = [(0, 0); 7];
    for (slot, set) in out.iter_mut().zip(&cube.sets) {
        *slot = (set.first()?, set.last()?);
    }
    Some(out)
}

/// The dimension with the most different lower ends; none if all boxes begin alike.
fn widest(items: &[(u32, Bounds)]) -> Option<usize> {
    // A sample is enough to choose well, and choosing badly costs only time.
    let step = items.len().div_ceil(64);
    let distinct = |d: usize| {
        let mut lows: Vec<u128> = items.iter().step_by(step).map(|(_, (_, b))| b[d].0).collect();
        lows.sort_unstable();
        lows.dedup();
        lows.len()
    };
    (0..7).map(|d| (distinct(d), d)).filter(|(n, _)| *n > 1).max_by_key(|(n, d)| (*n, 7 - d)).map(|(_, d)| d)
}
