//! Approvals, entries and expectations.

use std::collections::HashMap;

use super::Resolver;
use super::times::Side;
use crate::diag::{Finding, Message, Place};
use crate::document::{Allow, AllowApproval, Approval as WrittenApproval, At, duplicate};
use crate::policy::{
    Approval, Endpoint, Entry, EntryApproval, Expectation, MAX_RATE, Purpose, Rate, Remote, Sanitise, Waiver,
};

/// Entries' ids stand in counters and log lines.
const MAX_ID: usize = 200;

impl<'a> Resolver<'a> {
    pub(super) fn declare_approvals(&mut self) {
        let document = self.document;
        for (name, written) in &document.approvals {
            if name.value.trim().is_empty() || name.value.contains(char::is_control) {
                self.bad(Message::new("policy-name-form"), name, &name.value);
            }
            let approval = self.approval(written, &name.value);
            self.policy.approvals.insert(name.value.clone(), approval);
        }
    }

    fn approval(&mut self, written: &WrittenApproval, subject: &str) -> Approval {
        Approval {
            reason: written.reason.clone(),
            requested_by: written.requested_by.as_ref().map(|by| by.value.clone()),
            approved_by: written.approved_by.iter().map(|by| by.value.clone()).collect(),
            approved_on: written.approved_on.as_ref().map(|d| self.day(d)),
            reference: written.reference.clone(),
            expires: written.expires.as_ref().and_then(|e| self.instant(e, Side::End, subject)),
            review_by: written.review_by.as_ref().map(|d| self.day(d)),
            emergency: written.emergency,
            same_person_reason: written.same_person_reason.clone(),
        }
    }

    /// True if the approval exists, else a finding.
    pub(super) fn approval_named(&mut self, name: &At<String>, subject: &str) -> bool {
        let found = self.policy.approvals.contains_key(&name.value);
        if !found {
            let document = self.document;
            let known = document.approvals.iter().map(|(name, _)| name.value.as_str());
            self.unknown("policy-what-approval", &name.value, &name.place, subject, known);
        }
        found
    }

    pub(super) fn entries(&mut self) {
        let document = self.document;
        let mut ids: HashMap<&'a str, &'a Place> = HashMap::new();
        for written in &document.allow {
            if let Some(id) = &written.id {
                self.entry_id(id);
                match ids.get(id.value.as_str()) {
                    Some(first) => self.findings.push(duplicate(id, first)),
                    None => drop(ids.insert(&id.value, &id.place)),
                }
            }
            let entry = self.entry(written);
            self.policy.entries.push(entry);
        }
    }

    fn entry_id(&mut self, id: &At<String>) {
        let text = &id.value;
        if text.trim().is_empty() || text.trim() != text || text.contains(char::is_control) || text.len() > MAX_ID {
            self.bad(Message::new("policy-bad-id").with("limit", MAX_ID), id, text);
        }
    }

    fn entry(&mut self, written: &'a Allow) -> Entry {
        let id = written.id.as_ref().map_or("", |id| id.value.as_str());
        let from = self.ends(&written.from, id, false);
        let to = self.ends(&written.to, id, true);
        if from.contains(&Endpoint::Gateway) && to.contains(&Endpoint::Gateway) {
            let message = Message::new("policy-gateway-to-itself");
            self.findings.push(Finding::error("Z005", message).at(&written.place).subject(id));
        }
        let approval = self.entry_approval(written.approval.as_ref(), id);
        let meant = approval.as_ref().and_then(|approval| self.policy.approval(approval)).cloned();
        Entry {
            id: id.to_owned(),
            title: written.title.clone(),
            from,
            to,
            service_names: written.services.iter().map(|s| s.value.clone()).collect(),
            services: self.meant(&written.services, id),
            purpose: written.purpose.as_ref().and_then(|p| purpose(&p.value)).unwrap_or_default(),
            sanitise: written.sanitise.as_ref().and_then(|s| sanitise(&s.value)),
            remote: written.remote.map(|(mfa, encrypted)| Remote { mfa, encrypted }),
            schedule: self.schedule(written, meant.as_ref(), id),
            rate: written.rate.as_ref().and_then(|rate| self.rate(rate, id)),
            log: written.log,
            attest: written.attest.clone(),
            approval,
            place: written.id.as_ref().map_or(&written.place, |id| &id.place).clone(),
        }
    }

    fn entry_approval(&mut self, written: Option<&AllowApproval>, subject: &str) -> Option<EntryApproval> {
        Some(match written? {
            AllowApproval::Named(name) => {
                self.approval_named(name, subject);
                EntryApproval::Named(name.value.clone())
            }
            AllowApproval::Inline(inline) => EntryApproval::Inline(Box::new(self.approval(inline, subject))),
        })
    }

    pub(super) fn waivers(&mut self) {
        let document = self.document;
        for written in &document.waive {
            let (Some(check), Some(subject)) = (&written.check, &written.subject) else { continue };
            let waiver = Waiver {
                check: check.value.clone(),
                subject: subject.value.clone(),
                expires: written.expires.as_ref().and_then(|e| self.instant(e, Side::End, &subject.value)),
                approval: self.entry_approval(written.approval.as_ref(), &subject.value),
                place: check.place.clone(),
            };
            self.policy.waivers.push(waiver);
        }
    }

    fn rate(&mut self, text: &At<String>, id: &str) -> Option<Rate> {
        let rate = text.value.parse().ok();
        if rate.is_none() {
            self.bad(
                Message::new("policy-bad-rate").with("value", &text.value).with("most", u64::from(MAX_RATE)),
                text,
                id,
            );
        }
        rate
    }

    /// The endpoints in order, without doubles.
    fn ends(&mut self, texts: &[At<String>], subject: &str, destination: bool) -> Vec<Endpoint> {
        let mut ends = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for text in texts {
            if let Some(end) = self.endpoint(text, subject, destination)
                && seen.insert(end)
            {
                ends.push(end);
            }
        }
        ends
    }

    pub(super) fn expectations(&mut self) {
        let document = self.document;
        let mut names: HashMap<&'a str, &'a Place> = HashMap::new();
        for written in &document.expect {
            let name = written.name.as_ref().map_or("", |n| n.value.as_str());
            if let Some(at) = &written.name {
                match names.get(name) {
                    Some(first) => self.findings.push(duplicate(at, first)),
                    None => drop(names.insert(name, &at.place)),
                }
            }
            let expectation = Expectation {
                name: name.to_owned(),
                from: self.ends(&written.from, name, false),
                to: self.ends(&written.to, name, true),
                services: match &written.services {
                    None => vec![crate::net::Service::Any],
                    Some(services) => self.meant(services, name),
                },
                at: written.at.as_ref().and_then(|at| self.instant(at, Side::Start, name)),
                allow: written.verdict.as_ref().is_some_and(|v| v.value == "allow"),
                place: written.name.as_ref().map_or(&written.place, |n| &n.place).clone(),
            };
            self.policy.expectations.push(expectation);
        }
    }
}

fn purpose(text: &str) -> Option<Purpose> {
    Some(match text {
        "business" => Purpose::Business,
        "designated" => Purpose::Designated,
        "sanitised" => Purpose::Sanitised,
        "management" => Purpose::Management,
        "remote" => Purpose::Remote,
        "update" => Purpose::Update,
        _ => return None,
    })
}

fn sanitise(text: &str) -> Option<Sanitise> {
    Some(match text {
        "mail-text" => Sanitise::MailText,
        "screen-transfer" => Sanitise::ScreenTransfer,
        "file-cdr" => Sanitise::FileCdr,
        "other" => Sanitise::Other,
        _ => return None,
    })
}
