//! Fewer, larger cubes with the same packets, for people to read.

use std::collections::HashMap;

use super::Cube;

/// Joins cubes that differ in one dimension only, until none do. The packets
/// stay the same; the order is that of the first cube joined.
pub fn merge(mut cubes: Vec<Cube>) -> Vec<Cube> {
    cubes.retain(|c| !c.is_empty());
    loop {
        let before = cubes.len();
        // Services, destinations and sources first: what people think of as one.
        for d in [5, 4, 3, 2, 1, 0, 6] {
            cubes = merge_dim(cubes, d);
        }
        if cubes.len() == before {
            return cubes;
        }
    }
}

fn merge_dim(cubes: Vec<Cube>, d: usize) -> Vec<Cube> {
    let mut groups: HashMap<Cube, usize> = HashMap::with_capacity(cubes.len());
    let mut out: Vec<Cube> = Vec::new();
    let mut ranges: Vec<Vec<(u128, u128)>> = Vec::new();
    let empty = super::IntervalSet::empty();
    for cube in cubes {
        let mut key = cube.clone();
        key.sets[d] = empty.clone();
        let index = *groups.entry(key).or_insert_with(|| {
            out.push(cube.clone());
            ranges.push(Vec::new());
            out.len() - 1
        });
        ranges[index].extend(cube.sets[d].ranges());
    }
    for (cube, ranges) in out.iter_mut().zip(ranges) {
        cube.sets[d] = super::IntervalSet::from_ranges(ranges);
    }
    out
}
