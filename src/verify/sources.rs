//! Who may send as an endpoint: its addresses and MACs, as far as binding lets
//! them pass (SPEC §2-5).

use std::collections::BTreeMap;

use super::devices::Device;
use super::geometry::{Geometry, MacRule, Path, Source, always, everywhere, net_set};
use crate::net::Family;
use crate::policy::{Endpoint, HostId, ZoneId};
use crate::space::{IntervalSet, UNKNOWN_MAC};

/// Addresses, by MACs (none = any) and times; none = every address of the zone.
type Rows = BTreeMap<(Option<IntervalSet>, IntervalSet), Option<Vec<(u128, u128)>>>;

/// What endpoints of one zone claim to be, before binding.
#[derive(Default)]
struct Claims {
    /// Hosts with MACs and addresses: binding is kept by what they are.
    held: Rows,
    /// Hosts with MACs alone.
    roaming: Rows,
    /// Hosts without MACs.
    open: Rows,
    /// Networks, and the whole zone: of no host.
    plain: Rows,
}

/// A product of MACs, addresses (none = every one) and times.
struct Row {
    macs: IntervalSet,
    addresses: Option<IntervalSet>,
    times: IntervalSet,
}

fn add(rows: &mut Rows, macs: Option<&IntervalSet>, times: &IntervalSet, set: Option<&IntervalSet>) {
    if times.is_empty() || set.is_some_and(IntervalSet::is_empty) {
        return;
    }
    let slot = rows.entry((macs.cloned(), times.clone())).or_insert_with(|| Some(Vec::new()));
    match (slot.as_mut(), set) {
        (Some(ranges), Some(set)) => ranges.extend(set.ranges()),
        _ => *slot = None,
    }
}

fn rows(rows: Rows) -> impl Iterator<Item = Row> {
    rows.into_iter().map(|((macs, times), ranges)| Row {
        macs: macs.unwrap_or_else(|| IntervalSet::range(0, UNKNOWN_MAC)),
        addresses: ranges.map(IntervalSet::from_ranges),
        times,
    })
}

/// What both hold, where none is everything.
fn common(a: Option<&IntervalSet>, b: Option<&IntervalSet>) -> Option<IntervalSet> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.intersect(b)),
        (one, other) => one.or(other).cloned(),
    }
}

impl Geometry<'_> {
    /// The sources that these endpoints of one zone mean.
    pub fn sources(&self, zone: ZoneId, ends: &[Endpoint], family: Family, rule: MacRule, path: Path) -> Vec<Source> {
        let claims = self.claims(zone, ends, family, rule);
        let mut out = Vec::new();
        if path == Path::Input {
            self.of_every_zone(zone, family, rule, &claims, &mut out);
        }
        let every = everywhere(family);
        for row in self.admitted(zone, family, rule, claims) {
            for stretch in self.stretches(zone, family) {
                let addresses = row
                    .addresses
                    .as_ref()
                    .map_or_else(|| stretch.addresses.clone(), |a| a.intersect(&stretch.addresses));
                let addresses = if path == Path::Input { addresses.subtract(&every) } else { addresses };
                push(&mut out, &stretch.interfaces, &row, addresses);
            }
        }
        out
    }

    fn claims(&self, zone: ZoneId, ends: &[Endpoint], family: Family, rule: MacRule) -> Claims {
        let mut claims = Claims::default();
        let always = always();
        for end in ends {
            match end {
                Endpoint::Zone(_) => add(&mut claims.plain, None, &always, None),
                Endpoint::Host(id) => self.claim(&mut claims, zone, *id, family, rule),
                Endpoint::Network(_, net) => add(&mut claims.plain, None, &always, Some(&net_set(family, [net]))),
                Endpoint::Group(_, id) => {
                    let group = self.policy().group(*id);
                    group.hosts.iter().for_each(|id| self.claim(&mut claims, zone, *id, family, rule));
                    add(&mut claims.plain, None, &always, Some(&net_set(family, &group.networks)));
                }
                Endpoint::Gateway => {}
            }
        }
        claims
    }

    fn claim(&self, claims: &mut Claims, zone: ZoneId, id: HostId, family: Family, rule: MacRule) {
        if self.policy().host(id).zone == zone {
            let device = self.devices.device(id);
            claims.add(device, family, None, rule);
        }
    }

    /// What of the claims binding lets pass.
    fn admitted(&self, zone: ZoneId, family: Family, rule: MacRule, mut claims: Claims) -> Vec<Row> {
        let binding = &self.policy().binding;
        if rule == MacRule::Bound && binding.strict.contains(&zone) {
            // Undeclared devices are denied: what is left are the zone's hosts.
            for ((_, _), ranges) in std::mem::take(&mut claims.plain) {
                let within = ranges.map(IntervalSet::from_ranges);
                self.devices.of_zone(zone).for_each(|device| claims.add(device, family, within.as_ref(), rule));
            }
        }
        if rule != MacRule::Bound || !binding.enforce {
            let Claims { held, roaming, open, plain } = claims;
            return [held, roaming, open, plain].into_iter().flat_map(rows).collect();
        }
        let mut out = Vec::new();
        let mut held = claims.held;
        for row in rows(claims.open).chain(rows(claims.plain)) {
            for rest in self.devices.rest(zone, family) {
                let addresses = common(row.addresses.as_ref(), Some(&rest.addresses));
                out.push(Row { macs: rest.macs.clone(), addresses, times: row.times.intersect(&rest.times) });
            }
            for device in self.devices.held(zone, family, row.addresses.as_ref()) {
                hold(&mut held, device, device.macs.clone(), family, &row);
            }
        }
        for row in rows(claims.roaming) {
            for rest in self.devices.rest(zone, family) {
                let addresses = common(row.addresses.as_ref(), Some(&rest.addresses));
                out.push(Row { macs: row.macs.clone(), addresses, times: row.times.intersect(&rest.times) });
            }
            for device in self.devices.seen_under(zone, &row.macs) {
                let macs = common(device.macs.as_ref(), Some(&row.macs));
                hold(&mut held, device, macs, family, &row);
            }
        }
        rows(held).chain(out).collect()
    }

    /// To the gateway, sources that belong to every zone of their interface. Their
    /// addresses are nobody's; but where all zones of the interface are strict the
    /// MAC must be known there.
    fn of_every_zone(&self, zone: ZoneId, family: Family, rule: MacRule, claims: &Claims, out: &mut Vec<Source>) {
        let policy = self.policy();
        let every = everywhere(family);
        let mut places: BTreeMap<Vec<ZoneId>, Vec<(u128, u128)>> = BTreeMap::new();
        for (number, example) in self.interfaces().examples() {
            let on = |z: &ZoneId| policy.zone(*z).interfaces.iter().any(|p| p.matches(example));
            let zones: Vec<ZoneId> = (0..policy.zones.len()).map(ZoneId).filter(on).collect();
            if zones.contains(&zone) {
                let strict = rule == MacRule::Bound && zones.iter().all(|z| policy.binding.strict.contains(z));
                places.entry(if strict { zones } else { Vec::new() }).or_default().push((number, number));
            }
        }
        let claimed = [&claims.held, &claims.roaming, &claims.open, &claims.plain];
        let claimed: Vec<Row> = claimed.into_iter().flat_map(|own| rows(own.clone())).collect();
        for (zones, numbers) in places {
            let interfaces = IntervalSet::from_ranges(numbers);
            let known = if zones.is_empty() { None } else { Some(self.devices.known_macs(&zones)) };
            for row in &claimed {
                let addresses = row.addresses.as_ref().map_or_else(|| every.clone(), |a| a.intersect(&every));
                let Some(known) = &known else {
                    push(out, &interfaces, row, addresses);
                    continue;
                };
                for (macs, times) in known {
                    let (macs, times) = (row.macs.intersect(macs), row.times.intersect(times));
                    push(out, &interfaces, &Row { macs, addresses: None, times }, addresses.clone());
                }
            }
        }
    }
}

impl Claims {
    /// A host's own addresses within a set (none = any).
    fn add(&mut self, device: &Device, family: Family, within: Option<&IntervalSet>, rule: MacRule) {
        let own = device.addresses.as_ref().map(|a| &a[family as usize]);
        let addresses = common(own, within);
        match (own, &device.macs) {
            // Known by its MAC alone, and that is not known: no packet is its own.
            (None, None) => {}
            (None, macs) => add(&mut self.roaming, macs.as_ref(), &device.times, addresses.as_ref()),
            (Some(_), Some(macs)) if rule != MacRule::Any => {
                add(&mut self.held, Some(macs), &device.times, addresses.as_ref());
            }
            (Some(_), _) => add(&mut self.open, None, &device.times, addresses.as_ref()),
        }
    }
}

/// Adds what of a row a host with addresses holds under these MACs.
fn hold(held: &mut Rows, device: &Device, macs: Option<IntervalSet>, family: Family, row: &Row) {
    let own = device.addresses.as_ref().map(|a| &a[family as usize]);
    let addresses = common(own, row.addresses.as_ref());
    add(held, macs.as_ref(), &device.times.intersect(&row.times), addresses.as_ref());
}

fn push(out: &mut Vec<Source>, interfaces: &IntervalSet, row: &Row, addresses: IntervalSet) {
    if !row.macs.is_empty() && !row.times.is_empty() && !addresses.is_empty() {
        let (macs, times) = (row.macs.clone(), row.times.clone());
        out.push(Source { interfaces: interfaces.clone(), macs, addresses, times });
    }
}
