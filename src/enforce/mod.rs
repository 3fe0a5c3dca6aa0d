//! Keeps the kernel equal to the policy.
//!
//! Takes rulesets, gives transactions: what differs from the committed ruleset
//! held in memory, or, where that is not known, everything anew in place; and
//! the end of the open flows that a change no longer allows.

mod apply;
mod lockout;
mod narrow;
mod revoke;
mod sweep;

pub use lockout::lockout;
pub use revoke::{Change, RevokeError, Revoked};

pub use apply::{Applied, EnforceError, Enforcer, Way};
