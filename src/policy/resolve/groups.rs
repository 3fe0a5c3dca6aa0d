//! Groups: members, members of members, and selection by label.

use std::collections::{BTreeSet, HashMap};

use super::{Named, Resolver};
use crate::diag::{Finding, Message};
use crate::document::Group as Written;
use crate::net::parse_prefix;
use crate::policy::{Group, GroupId, HostId};

impl<'a> Resolver<'a> {
    pub(super) fn groups(&mut self) {
        let document = self.document;
        for (index, written) in document.groups.iter().enumerate() {
            let sound = self.declare(&written.name, Named::Group(GroupId(index)));
            self.group_sound.push(sound);
        }
        let labelled = self.labelled();
        let mut parents: Vec<Vec<GroupId>> = vec![Vec::new(); document.groups.len()];
        let mut waiting: Vec<usize> = vec![0; document.groups.len()];
        for (index, written) in document.groups.iter().enumerate() {
            let (group, inner) = self.own_members(GroupId(index), written, &labelled);
            self.policy.groups.push(group);
            for child in &inner {
                parents[child.0].push(GroupId(index));
            }
            waiting[index] = inner.len();
        }
        self.nest(&parents, waiting);
    }

    /// Hosts by label, for selection.
    fn labelled(&self) -> HashMap<(String, String), BTreeSet<HostId>> {
        let mut hosts: HashMap<(String, String), BTreeSet<HostId>> = HashMap::new();
        for (index, host) in self.policy.hosts.iter().enumerate() {
            for (key, value) in &host.labels {
                hosts.entry((key.clone(), value.clone())).or_default().insert(HostId(index));
            }
        }
        hosts
    }

    /// What a group names itself, and the groups among its members.
    fn own_members(
        &mut self,
        id: GroupId,
        written: &'a Written,
        labelled: &HashMap<(String, String), BTreeSet<HostId>>,
    ) -> (Group, BTreeSet<GroupId>) {
        let subject = written.name.value.as_str();
        let (mut hosts, mut networks, mut inner) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for member in &written.members {
            if parse_prefix(&member.value).is_some() {
                match self.prefix(member, subject) {
                    Some(net) => drop(networks.insert(net)),
                    None => self.group_sound[id.0] = false,
                }
                continue;
            }
            match self.named(&member.value, &member.place, subject) {
                Some(Named::Host(host)) => drop(hosts.insert(host)),
                Some(Named::Group(group)) => drop(inner.insert(group)),
                None => self.group_sound[id.0] = false,
            }
        }
        let mut selected: Option<BTreeSet<HostId>> = None;
        for (key, values) in &written.select {
            let with = values.iter().filter_map(|v| labelled.get(&(key.value.clone(), v.clone())));
            let some: BTreeSet<HostId> = with.flatten().copied().collect();
            selected = Some(match selected {
                None => some,
                Some(before) => before.intersection(&some).copied().collect(),
            });
        }
        hosts.extend(selected.unwrap_or_default());
        let group = Group { name: written.name.value.clone(), hosts, networks, place: written.name.place.clone() };
        (group, inner)
    }

    /// Adds members of members, innermost first; what never becomes free is a cycle.
    fn nest(&mut self, parents: &[Vec<GroupId>], mut waiting: Vec<usize>) {
        let mut ready: Vec<GroupId> = (0..waiting.len()).filter(|i| waiting[*i] == 0).map(GroupId).collect();
        while let Some(child) = ready.pop() {
            for parent in &parents[child.0] {
                let (hosts, networks) =
                    (self.policy.group(child).hosts.clone(), self.policy.group(child).networks.clone());
                self.policy.groups[parent.0].hosts.extend(hosts);
                self.policy.groups[parent.0].networks.extend(networks);
                self.group_sound[parent.0] &= self.group_sound[child.0];
                waiting[parent.0] -= 1;
                if waiting[parent.0] == 0 {
                    ready.push(*parent);
                }
            }
        }
        for (index, left) in waiting.into_iter().enumerate() {
            if left > 0 {
                self.group_sound[index] = false;
                let name = &self.document.groups[index].name;
                let message = Message::new("policy-group-cycle").with("group", &name.value);
                self.findings.push(Finding::error("Z005", message).at(&name.place).subject(&name.value));
            }
        }
    }
}
