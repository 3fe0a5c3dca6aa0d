//! The resolved policy: every name looked up, every value valid.
//!
//! Takes a document and gives a [`Policy`] or findings; `resolve` is the only
//! door. Equality of resolved values ignores where they stand in files.

mod digest;
mod model;
mod reason;
mod regions;
mod resolve;
mod schedule;

pub use digest::digest;
pub use model::*;
pub use reason::{AllowReason, DenyReason, Verdict};
pub use regions::{Atom, Regions, forwardable};
pub use resolve::resolve;
pub use schedule::{Schedule, Status};
