//! Keeps the kernel equal to the policy.
//!
//! Takes rulesets, gives transactions: what differs from the committed ruleset
//! held in memory, or, where that is not known, everything anew in place.

mod apply;

pub use apply::{Applied, EnforceError, Enforcer, Way};
