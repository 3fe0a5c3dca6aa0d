//! The algebra against brute force on tiny universes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::net::{Family, IfName, IfPattern, MacAddr, Proto, Service};

/// Numbers 0 ..= 5, and the ends of the line.
fn line() -> Vec<u128> {
    vec![0, 1, 2, 3, 4, 5, u128::MAX - 1, u128::MAX]
}

fn set() -> impl Strategy<Value = IntervalSet> {
    let end = proptest::sample::select(line());
    vec((end.clone(), end), 0..3)
        .prop_map(|r| IntervalSet::from_ranges(r.into_iter().map(|(a, b)| (a.min(b), a.max(b)))))
}

/// Cubes over {0..3} in four dimensions; the others hold 0 alone.
fn cube() -> impl Strategy<Value = Cube> {
    vec((0u128..4, 0u128..4, any::<bool>()), 4).prop_map(|dims| {
        let mut sets: [IntervalSet; 7] = std::array::from_fn(|_| IntervalSet::single(0));
        for (slot, (a, b, whole)) in [0, 3, 4, 6].into_iter().zip(dims) {
            sets[slot] = if whole { IntervalSet::range(0, 3) } else { IntervalSet::from_ranges([(a, a), (b, b)]) };
        }
        Cube { family: Family::V4, sets }
    })
}

fn points() -> impl Iterator<Item = [u128; 7]> {
    (0..256u128).map(|n| [n & 3, 0, 0, n >> 2 & 3, n >> 4 & 3, 0, n >> 6 & 3])
}

fn holders(cubes: &[Cube], point: &[u128; 7]) -> usize {
    cubes.iter().filter(|c| c.contains(Family::V4, point)).count()
}

proptest! {
    #[test]
    fn sets_agree_with_membership(a in set(), b in set()) {
        for n in line() {
            prop_assert_eq!(a.union(&b).contains(n), a.contains(n) || b.contains(n));
            prop_assert_eq!(a.intersect(&b).contains(n), a.contains(n) && b.contains(n));
            prop_assert_eq!(a.subtract(&b).contains(n), a.contains(n) && !b.contains(n));
            prop_assert_eq!(a.complement(u128::MAX).contains(n), !a.contains(n));
        }
        prop_assert_eq!(a.overlaps(&b), !a.intersect(&b).is_empty());
        prop_assert_eq!(a.covers(&b), b.subtract(&a).is_empty());
        prop_assert_eq!(a.subtract(&b).union(&a.intersect(&b)), a.clone());
        prop_assert_eq!(a.first(), a.ranges().first().map(|r| r.0));
    }

    #[test]
    fn subtraction_is_exact_and_disjoint(a in cube(), b in cube()) {
        let left = a.subtract(&b);
        prop_assert!(left.len() <= 7);
        let met = a.intersect(&b);
        for p in points() {
            let (in_a, in_b) = (a.contains(Family::V4, &p), b.contains(Family::V4, &p));
            prop_assert_eq!(holders(&left, &p), usize::from(in_a && !in_b));
            prop_assert_eq!(met.as_ref().is_some_and(|c| c.contains(Family::V4, &p)), in_a && in_b);
        }
        prop_assert_eq!(a.covers(&b), b.subtract(&a).is_empty());
    }

    #[test]
    fn difference_is_exact_and_disjoint(a in cube(), others in vec(cube(), 0..7)) {
        let refs: Vec<&Cube> = others.iter().collect();
        let left = difference(&a, &refs, &mut Budget::default()).unwrap();
        let merged = merge(left.clone());
        for p in points() {
            let want = usize::from(a.contains(Family::V4, &p) && holders(&others, &p) == 0);
            prop_assert_eq!(holders(&left, &p), want);
            prop_assert_eq!(holders(&merged, &p), want);
        }
        prop_assert!(merged.len() <= left.len());
    }

    #[test]
    fn a_partition_names_exactly_the_holders(domain in cube(), items in vec(cube(), 0..7)) {
        let refs: Vec<&Cube> = items.iter().collect();
        let parts = partition(&domain, &refs, &mut Budget::default()).unwrap();
        for p in points() {
            let want: Vec<u32> =
                (0..items.len()).filter(|i| items[*i].contains(Family::V4, &p)).map(|i| i as u32).collect();
            let found: Vec<&Vec<u32>> =
                parts.iter().filter(|(c, _)| c.contains(Family::V4, &p)).map(|(_, l)| l).collect();
            if want.is_empty() || !domain.contains(Family::V4, &p) {
                prop_assert!(found.is_empty());
            } else {
                prop_assert_eq!(found, vec![&want]);
            }
        }
    }

    #[test]
    fn the_index_misses_nothing(cubes in vec(cube(), 0..40), wanted in cube()) {
        let found = BoxIndex::new(&cubes).find(&wanted);
        for (i, cube) in cubes.iter().enumerate() {
            if cube.overlaps(&wanted) {
                prop_assert!(found.contains(&(i as u32)));
            }
        }
    }
}

#[test]
fn too_much_work_is_refused() {
    let whole = || std::array::from_fn(|_| IntervalSet::range(0, 3));
    let a = Cube { family: Family::V4, sets: whole() };
    let b = a.with(Dim::Src, IntervalSet::single(1)).with(Dim::Dst, IntervalSet::single(1));
    assert_eq!(difference(&a, &[&b], &mut Budget::new(3)), Err(SpaceError::TooLarge));
    assert!(difference(&a, &[&b], &mut Budget::new(1000)).is_ok());
}

#[test]
fn families_never_meet() {
    let v4 = Cube { family: Family::V4, sets: std::array::from_fn(|_| IntervalSet::single(0)) };
    let v6 = Cube { family: Family::V6, ..v4.clone() };
    assert!(!v4.overlaps(&v6) && v4.intersect(&v6).is_none());
    assert_eq!(v4.subtract(&v6), vec![v4.clone()]);
    assert_eq!(BoxIndex::new(&[v4.clone(), v6.clone()]).find(&v6), vec![1]);
    assert_eq!(difference(&v4, &[&v6], &mut Budget::default()), Ok(vec![v4]));
}

fn name(text: &str) -> IfName {
    text.parse().unwrap()
}

#[test]
fn interfaces_fall_to_the_narrowest_pattern() {
    let patterns = ["tap*", "eth1", "tap1*", "tap12"].map(|t| t.parse::<IfPattern>().unwrap());
    let all = Interfaces::new(patterns);
    let text = |t: &str| all.text(all.number(&name(t))).unwrap();
    assert_eq!(
        ["eth1", "tap12", "tap13", "tap1", "tap0", "lo"].map(text),
        ["eth1", "tap12", "tap1*", "tap1*", "tap*", "*"]
    );
    for (number, example) in all.examples() {
        assert_eq!(all.number(example), number, "{example}");
    }
    assert_eq!(all.name(GATEWAY_INTERFACE), None);
    // All of a full-length wildcard's names are listed: it means nothing more.
    let full = ["abcdefghijklmno*", "abcdefghijklmno"].map(|t| t.parse::<IfPattern>().unwrap());
    assert_eq!(Interfaces::new(full).examples().count(), 2);
}

#[test]
fn a_witness_is_of_its_cube() {
    let interfaces = Interfaces::new([IfPattern::Exact(name("eth1"))]);
    let time = time_set(&[("2026-11-15T00:00:00Z".parse().unwrap(), "2026-11-16T00:00:00Z".parse().unwrap())]);
    let services: [Service; 3] = ["icmpv6/3", "proto/47", "udp/53-60"].map(|t| t.parse().unwrap());
    for service in services.into_iter().chain([Service::Any]) {
        for mac in [macs(&[]), macs(&[MacAddr([1, 0, 0, 0, 0, 0])]), IntervalSet::single(UNKNOWN_MAC)] {
            let cube = Cube {
                family: Family::V6,
                sets: [
                    IntervalSet::single(1),
                    IntervalSet::single(GATEWAY_INTERFACE),
                    mac,
                    IntervalSet::range(0, u128::MAX),
                    IntervalSet::single(7),
                    service_set(Family::V6, &[service]),
                    time.clone(),
                ],
            };
            let point = cube.witness(&interfaces).unwrap();
            assert!(cube.holds(&interfaces, &point.packet, point.at), "{service}: {point:?}");
            assert!(service.matches(&point.packet));
            assert_eq!(point.packet.out_if, None);
            let late = "2026-11-16T00:00:00Z".parse().unwrap();
            assert!(!cube.holds(&interfaces, &point.packet, late));
        }
    }
}

#[test]
fn services_are_ports_of_their_own_protocol() {
    let set = service_set(Family::V6, &[Service::Ports(Proto::TCP, "443".parse().unwrap())]);
    assert_eq!(set.ranges(), [(6 * 65536 + 443, 6 * 65536 + 443)]);
    assert!(all_services(Family::V6).covers(&set));
    assert!(service_set(Family::V4, &[Service::Icmpv6(None)]).is_empty());
    assert_eq!(service_set(Family::V4, &[Service::Proto(Proto::ICMPV6)]).ranges(), [(58 * 65536, 58 * 65536)]);
    assert_eq!(service_set(Family::V6, &[Service::Proto(Proto::UDP)]).ranges(), [(17 * 65536, 18 * 65536 - 1)]);
}
