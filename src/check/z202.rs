//! Z202: two entries that say the same.

use std::collections::HashMap;

use super::input::Input;
use super::{Check, words};
use crate::diag::{Findings, Message, Severity};
use crate::net::Service;
use crate::policy::Endpoint;

pub const CHECK: Check = Check::new("Z202", Severity::Warning, words!("z202"), run)
    .example("[[allow]]\nid = \"A\"\nfrom = \"lgwan\"\nto = \"internet:vdi\"\nservices = \"https\"\n[[allow]]\nid = \"B\"\nfrom = \"lgwan\"\nto = \"internet:vdi\"\nservices = \"tcp/443\"\n");

/// From, to and services of an entry, however they are written.
type Meaning<'a> = (Vec<Endpoint>, Vec<Endpoint>, &'a [Service]);

fn run(input: &Input<'_>, findings: &mut Findings) {
    let mut seen: HashMap<Meaning<'_>, Vec<usize>> = HashMap::new();
    for (index, allowed) in input.entries().enumerate().filter(|(_, allowed)| !input.over(allowed.entry)) {
        let sorted = |ends: &[Endpoint]| {
            let mut ends = ends.to_vec();
            ends.sort_unstable();
            ends
        };
        let entry = allowed.entry;
        let key = (sorted(&entry.from), sorted(&entry.to), entry.services.as_slice());
        let alike = seen.entry(key).or_default();
        // Another time or another rate is another permission.
        let same = |other: &&usize| {
            let other = &input.policy.entries[**other];
            (other.schedule == entry.schedule) && (other.rate == entry.rate)
        };
        match alike.iter().find(same) {
            Some(first) => {
                let first = &input.policy.entries[*first];
                let message = Message::new("check-z202-found").with("first", &first.id);
                let finding = input.finding(&CHECK, message).at(allowed.place()).subject(&entry.id);
                findings.push(finding.related(Message::new("document-first-here"), &first.place));
            }
            None => alike.push(index),
        }
    }
}
