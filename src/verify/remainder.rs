//! What one policy lets open and another does not, each piece with its causes.
//!
//! Rows that stand on both sides alike cancel by identity, so that two policies
//! of ten thousand entries that differ in one cost little more than reading
//! them; only what is left is compared as spaces.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::allowed::{Allowance, Allowed, Cause};
use super::geometry::{Source, Target};
use crate::net::Family;
use crate::policy::ZoneId;
use crate::space::{BoxIndex, Budget, Cube, Dim, IntervalSet, SpaceError, difference, merge, partition};

/// Cubes that are left, before they are shared out among their causes; more
/// are refused.
const PIECES: usize = 400_000;

/// A part of the flows of a pair of zones that the same causes let open.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub from: Option<ZoneId>,
    pub to: Option<ZoneId>,
    /// In reading order, every one that lets it open.
    pub causes: Vec<Cause>,
    /// Disjoint unless there is one cause.
    pub cubes: Vec<Cube>,
}

/// What `of` lets open and `without` does not.
///
/// # Errors
/// [`SpaceError::TooLarge`] beyond the budget.
pub(super) fn remainder(
    of: &Allowed<'_>,
    without: Option<&Allowed<'_>>,
    budget: &mut Budget,
) -> Result<Vec<Share>, SpaceError> {
    let mut pieces: Vec<(usize, Cube)> = Vec::new();
    let left = match without {
        Some(without) => uncancelled(&of.allowances, &without.allowances),
        None => of.allowances.iter().enumerate().map(|(i, a)| (i, a.sources.iter().collect())).collect(),
    };
    let mut others = without.map(|without| Lookup::new(&without.allowances));
    for (index, sources) in left {
        let allowance = &of.allowances[index];
        let cubes = sources.iter().flat_map(|s| allowance.targets.iter().map(|t| allowance.cube(s, t)));
        for cube in cubes.filter(|cube| !cube.is_empty()) {
            match &mut others {
                None => pieces.push((index, cube)),
                Some(others) => {
                    let overlapping = others.overlapping(&cube);
                    let refs: Vec<&Cube> = overlapping.iter().collect();
                    pieces.extend(difference(&cube, &refs, budget)?.into_iter().map(|c| (index, c)));
                }
            }
            if pieces.len() > PIECES {
                return Err(SpaceError::TooLarge);
            }
        }
    }
    share(&of.allowances, pieces, budget)
}

/// Numbers for values, equal for equal ones.
struct Numbers<T>(HashMap<T, u32>);

impl<T: Hash + Eq> Numbers<T> {
    fn of(&mut self, value: T) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(value).or_insert(next)
    }
}

/// All of an allowance but its sources.
type Rest<'a> = (Family, &'a [Target], &'a IntervalSet, &'a IntervalSet);

fn rest(allowance: &Allowance) -> Rest<'_> {
    (allowance.family, &allowance.targets, &allowance.services, &allowance.times)
}

/// The allowances of `of`, by index, with those of their sources that stand in
/// no allowance of `without` with the same rest.
fn uncancelled<'a>(of: &'a [Allowance], without: &'a [Allowance]) -> Vec<(usize, Vec<&'a Source>)> {
    let mut rests = Numbers(HashMap::new());
    let mut sources = Numbers(HashMap::new());
    // Lists are shared between allowances: each is numbered once.
    let mut lists: HashMap<*const Vec<Source>, Arc<[u32]>> = HashMap::new();
    let mut number = |list: &'a Arc<Vec<Source>>| {
        let made = || list.iter().map(|s| sources.of(s)).collect();
        lists.entry(Arc::as_ptr(list)).or_insert_with(made).clone()
    };
    let mut whole: HashSet<(u32, Arc<[u32]>)> = HashSet::new();
    let mut by_rest: HashMap<u32, Vec<Arc<[u32]>>> = HashMap::new();
    for allowance in without {
        let (rest, list) = (rests.of(rest(allowance)), number(&allowance.sources));
        by_rest.entry(rest).or_default().push(list.clone());
        whole.insert((rest, list));
    }
    let mut rows: HashMap<u32, HashSet<u32>> = HashMap::new();
    let mut left = Vec::new();
    for (index, allowance) in of.iter().enumerate() {
        let (rest, list) = (rests.of(rest(allowance)), number(&allowance.sources));
        if whole.contains(&(rest, list.clone())) {
            continue;
        }
        let standing = rows.entry(rest).or_insert_with(|| {
            by_rest.get(&rest).into_iter().flatten().flat_map(|list| list.iter().copied()).collect()
        });
        let own: Vec<&Source> =
            allowance.sources.iter().zip(list.iter()).filter(|(_, n)| !standing.contains(n)).map(|(s, _)| s).collect();
        if !own.is_empty() {
            left.push((index, own));
        }
    }
    left
}

/// Finds the cubes of many allowances that a cube meets.
pub(super) struct Lookup<'a> {
    allowances: &'a [Allowance],
    hulls: BoxIndex,
    /// By list of sources, where it is long.
    sources: HashMap<*const Vec<Source>, BoxIndex>,
}

/// Sources that are looked through one by one.
const FEW: usize = 16;

impl<'a> Lookup<'a> {
    pub(super) fn new(allowances: &'a [Allowance]) -> Self {
        let hulls: Vec<Cube> = allowances.iter().map(hull).collect();
        Self { allowances, hulls: BoxIndex::new(&hulls), sources: HashMap::new() }
    }

    /// The cubes that share a packet with `cube`.
    pub(super) fn overlapping(&mut self, cube: &Cube) -> Vec<Cube> {
        self.with_causes(cube).into_iter().map(|(_, c)| c).collect()
    }

    /// The same, each with the position of its allowance; in their order.
    pub(super) fn with_causes(&mut self, cube: &Cube) -> Vec<(usize, Cube)> {
        let mut found = Vec::new();
        for index in self.hulls.find(cube) {
            let index = index as usize;
            let allowance = &self.allowances[index];
            if !allowance.services.overlaps(cube.get(Dim::Service)) || !allowance.times.overlaps(cube.get(Dim::Time)) {
                continue;
            }
            let sources = &allowance.sources;
            let mut near: Vec<&Source> = if sources.len() <= FEW {
                sources.iter().collect()
            } else {
                let key = Arc::as_ptr(sources);
                let index = self.sources.entry(key).or_insert_with(|| source_index(allowance.family, sources));
                index.find(cube).into_iter().map(|i| &sources[i as usize]).collect()
            };
            // Where a rest of many holes is asked about, its box meets every host's.
            near.retain(|s| s.macs.overlaps(cube.get(Dim::Mac)) && s.addresses.overlaps(cube.get(Dim::Src)));
            let cubes = near.into_iter().flat_map(|s| allowance.targets.iter().map(|t| allowance.cube(s, t)));
            found.extend(cubes.filter(|c| c.overlaps(cube)).map(|c| (index, c)));
        }
        found
    }
}

fn source_index(family: Family, sources: &[Source]) -> BoxIndex {
    let any = IntervalSet::range(0, u128::MAX);
    let cubes: Vec<Cube> = sources
        .iter()
        .map(|s| {
            let (interfaces, macs, addresses) = (s.interfaces.clone(), s.macs.clone(), s.addresses.clone());
            let any = || any.clone();
            Cube { family, sets: [interfaces, any(), macs, addresses, any(), any(), s.times.clone()] }
        })
        .collect();
    BoxIndex::new(&cubes)
}

/// The least range around sets.
fn around<'s>(sets: impl IntoIterator<Item = &'s IntervalSet>) -> IntervalSet {
    let ends = sets.into_iter().filter_map(|s| Some((s.first()?, s.last()?)));
    let ends = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    ends.map_or_else(IntervalSet::empty, |(first, last)| IntervalSet::range(first, last))
}

/// A box around all cubes of an allowance.
fn hull(allowance: &Allowance) -> Cube {
    let (sources, targets) = (&allowance.sources, &allowance.targets);
    Cube {
        family: allowance.family,
        sets: [
            around(sources.iter().map(|s| &s.interfaces)),
            around(targets.iter().map(|t| &t.interfaces)),
            around(sources.iter().map(|s| &s.macs)),
            around(sources.iter().map(|s| &s.addresses)),
            around(targets.iter().map(|t| &t.addresses)),
            around([&allowance.services]),
            around([&allowance.times]),
        ],
    }
}

/// Pairs of zones, then causes, with their cubes.
type Shares = BTreeMap<(Option<ZoneId>, Option<ZoneId>), BTreeMap<Vec<Cause>, Vec<Cube>>>;

/// Parts the pieces by every cause that lets them open, and makes them readable.
fn share(allowances: &[Allowance], pieces: Vec<(usize, Cube)>, budget: &mut Budget) -> Result<Vec<Share>, SpaceError> {
    let mut shares = Shares::new();
    let ends = |index: usize| (allowances[index].from, allowances[index].to);
    for bunch in bunches(allowances, &pieces) {
        let causes: Vec<Cause> = bunch.iter().map(|i| allowances[pieces[*i].0].cause).collect();
        let slot = shares.entry(ends(pieces[bunch[0]].0)).or_default();
        if causes.iter().all(|c| *c == causes[0]) {
            slot.entry(vec![causes[0]]).or_default().extend(bunch.iter().map(|i| pieces[*i].1.clone()));
            continue;
        }
        let cubes: Vec<&Cube> = bunch.iter().map(|i| &pieces[*i].1).collect();
        let domain =
            Cube { family: cubes[0].family, sets: std::array::from_fn(|d| around(cubes.iter().map(|c| &c.sets[d]))) };
        for (cube, covering) in partition(&domain, &cubes, budget)? {
            let mut own: Vec<Cause> = covering.iter().map(|i| causes[*i as usize]).collect();
            own.sort_unstable();
            own.dedup();
            slot.entry(own).or_default().push(cube);
        }
    }
    let flat = shares.into_iter().flat_map(|((from, to), by_causes)| {
        by_causes.into_iter().map(move |(causes, cubes)| Share { from, to, causes, cubes: merge(cubes) })
    });
    Ok(flat.collect())
}

/// Positions of pieces that hang together by overlapping within a pair of zones.
fn bunches(allowances: &[Allowance], pieces: &[(usize, Cube)]) -> Vec<Vec<usize>> {
    let ends = |piece: usize| (allowances[pieces[piece].0].from, allowances[pieces[piece].0].to);
    let index = BoxIndex::new(pieces.iter().map(|(_, cube)| cube));
    let mut seen = vec![false; pieces.len()];
    let mut out = Vec::new();
    for start in 0..pieces.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut bunch = vec![start];
        let mut next = 0;
        while let Some(current) = bunch.get(next).copied() {
            next += 1;
            let cube = &pieces[current].1;
            for other in index.find(cube).into_iter().map(|i| i as usize) {
                if !seen[other] && ends(other) == ends(current) && pieces[other].1.overlaps(cube) {
                    seen[other] = true;
                    bunch.push(other);
                }
            }
        }
        bunch.sort_unstable();
        out.push(bunch);
    }
    out
}
