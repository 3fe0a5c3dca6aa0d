//! Sources to policy, findings and digest: the one way that `zoned`,
//! `zonectl verify` and the tests go.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::check;
use crate::diag::{Findings, Sources};
use crate::document::{self, Document, FileTree};
use crate::policy::{self, Policy};
use crate::verify::{self, ExpectationResult};

/// A configuration as it was read at one moment, good or bad.
#[derive(Debug)]
pub struct Candidate {
    /// The moment as of which it was read.
    pub at: Timestamp,
    /// Every text, for showing places.
    pub sources: Sources,
    /// What was written, for [`Self::check`].
    document: Option<Document>,
    /// All that was found, by file and place.
    pub findings: Findings,
    /// The policy; none if any error refuses the set.
    pub policy: Option<Policy>,
    /// `sha256:HEX` of the policy.
    pub digest: Option<String>,
    /// Every raw file that was read: the snapshot.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Files and folders whose change matters.
    pub watch: Vec<PathBuf>,
}

impl Candidate {
    /// Reads and resolves the configuration at `config`: a file, or a folder
    /// with a `zoned.toml`. Never fails: what is wrong is in `findings`.
    pub fn read(tree: &dyn FileTree, config: &Path, at: Timestamp) -> Self {
        let (mut sources, mut findings) = (Sources::default(), Findings::default());
        let reading = document::read(tree, config, &mut sources, &mut findings);
        let document = reading.document;
        let policy = document.as_ref().and_then(|document| policy::resolve(document, &mut findings));
        sort(&mut findings);
        let digest = policy.as_ref().map(policy::digest);
        Self { at, sources, document, findings, policy, digest, files: reading.files, watch: reading.watch }
    }

    /// Runs every check of the regulations as of [`Self::at`], once; what breaks
    /// them refuses the set unless it is waived. For a change that somebody makes:
    /// boot and rollback do not ask it, since dates alone can end what was approved.
    pub fn check(&mut self) {
        if let (Some(policy), Some(document)) = (&self.policy, self.document.take()) {
            check::check(policy, &document, self.at, &mut self.findings);
            sort(&mut self.findings);
        }
    }

    /// Proves every `[[expect]]` as of [`Self::at`]; what does not hold joins
    /// the findings (Z401) and refuses the set. For a change that somebody
    /// makes: boot and rollback do not ask it, since dates alone can end what
    /// an expectation allows. Empty where there is no policy.
    pub fn prove(&mut self) -> Vec<ExpectationResult> {
        let results = self.policy.as_ref().map(|policy| verify::expectations(policy, self.at)).unwrap_or_default();
        self.findings.0.extend(results.iter().filter_map(|result| result.finding.clone()));
        sort(&mut self.findings);
        results
    }
}

/// Places first, then discovery: the same text always gives the same list.
fn sort(findings: &mut Findings) {
    findings.0.sort_by_key(|f| f.place.as_ref().map(|p| (p.source, p.span.start)));
}

#[cfg(test)]
mod tests;
