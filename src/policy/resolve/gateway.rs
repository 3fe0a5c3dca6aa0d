//! The gateway's own traffic, and the settings of reload and log.

use super::{Named, Resolver};
use crate::diag::{Finding, Message};
use crate::document::At;
use crate::policy::{Established, Management, ReloadMode};

impl<'a> Resolver<'a> {
    pub(super) fn gateway(&mut self) {
        let written = &self.document.gateway;
        if let Some(name) = written.name.as_ref().filter(|n| n.value.trim().is_empty()) {
            self.bad(Message::new("policy-name-form"), name, "gateway");
        }
        self.policy.gateway.name = written.name.as_ref().map(|n| n.value.clone());
        self.policy.gateway.output_allow = written.output.as_ref().is_none_or(|o| o.value == "allow");
        for text in &written.management {
            if let Some(management) = self.management(text) {
                self.policy.gateway.management.push(management);
            }
        }
    }

    /// `ZONE:HOST:SERVICE`. A service's text holds no colon.
    fn management(&mut self, text: &At<String>) -> Option<Management> {
        let subject = text.value.as_str();
        let parts = text.value.split_once(':').and_then(|(zone, rest)| Some((zone, rest.rsplit_once(':')?)));
        let Some((zone, (host, service))) = parts else {
            self.bad(Message::new("policy-management-form"), text, subject);
            return None;
        };
        let zone = self.zone_of(zone, &text.place, subject);
        let services = self.meant(&[At::new(service.to_owned(), &text.place)], subject);
        let named = self.named(host, &text.place, subject)?;
        let (zone, Named::Host(id)) = (zone?, named) else {
            if zone.is_some() {
                self.bad(Message::new("policy-management-host"), text, subject);
            }
            return None;
        };
        if !self.host_sound[id.0] {
            return None;
        }
        let declared = self.policy.host(id);
        if declared.zone != zone {
            let message = Message::new("policy-host-elsewhere")
                .with("host", &declared.name)
                .with("zone", &self.policy.zone(zone).name)
                .with("own", &self.policy.zone(declared.zone).name);
            let finding = Finding::error("Z009", message).at(&text.place).subject(subject);
            self.findings.push(finding.related(Message::new("policy-host-here"), &declared.place));
            return None;
        }
        if declared.ips.is_empty() {
            self.bad(Message::new("policy-management-without-ip"), text, subject);
            return None;
        }
        (!services.is_empty()).then_some(Management { host: id, services })
    }

    pub(super) fn settings(&mut self) {
        let (reload, log) = (&self.document.reload, &self.document.log);
        if reload.established.as_ref().is_some_and(|e| e.value == "keep") {
            self.policy.reload.established = Established::Keep;
        }
        if reload.mode.as_ref().is_some_and(|m| m.value == "manual") {
            self.policy.reload.mode = ReloadMode::Manual;
        }
        // Out of its range a number was found by the reader.
        let number = |at: &Option<At<i64>>| at.as_ref().map(|n| n.value);
        if let Some(ms) = number(&reload.debounce_ms).and_then(|n| n.try_into().ok()) {
            self.policy.reload.debounce_ms = ms;
        }
        self.policy.log.retention_days = number(&log.retention_days).and_then(|n| n.try_into().ok());
        if let Some(snaplen) = number(&log.snaplen).and_then(|n| n.try_into().ok()) {
            self.policy.log.snaplen = snaplen;
        }
        self.policy.log.on_failure = log.on_failure.is_some();
        if let Some(store) = &log.store {
            let parts: Vec<&str> = store.value.split('/').collect();
            if store.value.trim().is_empty() || parts.contains(&"..") || store.value.contains(char::is_control) {
                self.bad(Message::new("policy-bad-store"), store, "log.store");
            }
            self.policy.log.store.clone_from(&store.value);
        }
    }
}
