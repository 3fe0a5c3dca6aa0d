//! Start without a usable configuration: what is put in force instead.

use super::{Action, Cause, Change, InForce, State, What};
use crate::diag::Message;

impl State {
    /// A reading ended without being applied: at start something else must stand.
    pub(super) fn not_applied(&mut self, cause: Cause, out: &mut Vec<Action>) {
        if cause == Cause::Start && self.in_force == InForce::Nothing {
            self.fall_back(out);
        } else {
            self.finish(Some(&cause), out);
        }
    }

    /// First the active revision.
    pub(super) fn fall_back(&mut self, out: &mut Vec<Action>) {
        if self.stopping {
            return self.finish(None, out);
        }
        match &self.active {
            Some(active) => {
                let revision = Some(active.number);
                out.push(Action::LogWarning(
                    Message::new("daemon-fallback-revision").with("number", active.number.to_string()),
                ));
                let what = What::Revision;
                self.apply(Change { what, cause: Some(Cause::Start), summary: None, revision, fresh: false }, out);
            }
            None => self.fall_back_further(out),
        }
    }

    /// Then what is in the kernel already; last, a closed ruleset.
    pub(super) fn fall_back_further(&mut self, out: &mut Vec<Action>) {
        if self.stopping {
            return self.finish(None, out);
        }
        let what = What::Last;
        self.apply(Change { what, cause: Some(Cause::Start), summary: None, revision: None, fresh: false }, out);
    }
}
