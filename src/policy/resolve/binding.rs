//! `[binding]` and what it is where nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolver;
use crate::diag::Place;
use crate::document::duplicate;
use crate::policy::{Binding, ZoneClass, ZoneId};

impl<'a> Resolver<'a> {
    pub(super) fn binding(&mut self) {
        let written = &self.document.binding;
        let enforce = written.enforce.unwrap_or(true);
        let strict = match &written.strict_zones {
            Some(_) => self.strict_zones(),
            // Who asks for no binding is not held to its strictest form unasked.
            None if !enforce => BTreeSet::new(),
            None => self.of_class(ZoneClass::Mynumber),
        };
        let pin_neighbours = written.pin_neighbours.unwrap_or(true);
        self.policy.binding = Binding { enforce, strict, pin_neighbours };
    }

    fn strict_zones(&mut self) -> BTreeSet<ZoneId> {
        let mut found: BTreeMap<ZoneId, &'a Place> = BTreeMap::new();
        for name in self.document.binding.strict_zones.iter().flatten() {
            let Some(zone) = self.zone_of(&name.value, &name.place, "binding.strict_zones") else { continue };
            match found.get(&zone) {
                Some(first) => self.findings.push(duplicate(name, first)),
                None => {
                    found.insert(zone, &name.place);
                }
            }
        }
        found.into_keys().collect()
    }

    fn of_class(&self, class: ZoneClass) -> BTreeSet<ZoneId> {
        let zones = (0..self.policy.zones.len()).map(ZoneId);
        zones.filter(|zone| self.policy.zone(*zone).class == class).collect()
    }
}
