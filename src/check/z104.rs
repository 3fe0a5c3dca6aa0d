//! Z104: no chain of entries leads from the Internet's side to a My Number zone.

use super::input::Input;
use super::paths::{Paths, Search};
use super::{Check, Clause, words, z102};
use crate::diag::{Findings, Message, Severity};
use crate::policy::ZoneClass;

pub const CHECK: Check = Check::new("Z104", Severity::Error, words!("z104"), run)
    .never_waivable()
    .cites(&[Clause::shunan("第3章(1)①")])
    .example("[[allow]]\nid = \"IL-001\"\nfrom = \"internet:mta-i\"\nto = \"lgwan:renkei\"\nservices = \"smtp\"\n[[allow]]\nid = \"LM-001\"\nfrom = \"lgwan:renkei\"\nto = \"mynumber:juki\"\nservices = \"https\"\npurpose = \"designated\"\n");

fn run(input: &Input<'_>, findings: &mut Findings) {
    let mynumber = |class| class == ZoneClass::Mynumber;
    let search = Search {
        starts: z102::forbidden,
        ends: mynumber,
        // A path that comes back to where it may start is told from there; a
        // national system's hosts end it.
        passes: |class| !z102::forbidden(class) && class != ZoneClass::Mynumber && class != ZoneClass::Official,
    };
    let Paths { found, more } = Paths::find(input, &search);
    for path in &found {
        let message = Message::new("check-z104-found").with("path", path.text(input)).with("hops", path.hops.len());
        let mut finding = input.finding(&CHECK, message).at(path.place(input)).subject(path.last(input));
        for entry in path.others() {
            let message = Message::new("check-path-hop").with("entry", &input.policy.entries[entry].id);
            finding = finding.related(message, &input.policy.entries[entry].place);
        }
        findings.push(finding);
    }
    if more {
        findings.push(input.finding(&CHECK, Message::new("check-path-more").with("count", found.len())));
    }
}
