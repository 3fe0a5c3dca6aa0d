//! Z107: a chain of entries leads from a My Number zone through a relay outward.

use super::input::Input;
use super::paths::{Paths, Search};
use super::{Check, Clause, words};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z107", Severity::Warning, words!("z107"), run)
    .cites(&[Clause::shunan("第3章(1)①")])
    .example("[[allow]]\nid = \"MN-001\"\nfrom = \"mynumber:shinsei\"\nto = \"lgwan:renkei\"\nservices = \"https\"\npurpose = \"designated\"\n[[allow]]\nid = \"LI-001\"\nfrom = \"lgwan:renkei\"\nto = \"internet:cdr-i\"\nservices = \"https\"\nsanitise = \"file-cdr\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let outside = |class| matches!(class, ZoneClass::Internet | ZoneClass::Uplink);
    let search = Search {
        starts: |class| class == ZoneClass::Mynumber,
        ends: outside,
        passes: |class| {
            !matches!(
                class,
                ZoneClass::Internet | ZoneClass::Uplink | ZoneClass::Public | ZoneClass::Mynumber | ZoneClass::Official
            )
        },
    };
    let Paths { found, more } = Paths::find(input, &search);
    let attested = |entry: &usize| input.policy.entries[*entry].attest.as_deref().is_some_and(|a| !a.trim().is_empty());
    for path in found.iter().filter(|path| !path.hops.iter().any(|hop| attested(&hop.entry))) {
        let message = Message::new("check-z107-found").with("path", path.text(input));
        let first = &input.policy.entries[path.hops[0].entry];
        findings.push(input.finding(&CHECK, message).at(&first.place).subject(&first.id));
    }
    if more {
        findings.push(input.finding(&CHECK, Message::new("check-path-more").with("count", found.len())));
    }
}
