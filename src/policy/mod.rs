//! The resolved policy: every name looked up, every value valid.
//!
//! Takes a document and gives a [`Policy`] or findings; `resolve` is the only
//! door. Equality of resolved values ignores where they stand in files.

mod approval;
mod binding;
mod calendar;
mod digest;
mod isolation;
mod model;
mod rate;
mod reason;
mod regions;
mod resolve;
mod schedule;
mod upcoming;
mod validity;
mod window;

pub use approval::{Approval, EntryApproval, Waiver};
pub use binding::Binding;
pub use calendar::Calendar;
pub use digest::digest;
pub use isolation::Isolated;
pub use model::*;
pub use rate::{MAX_RATE, NoRate, Rate, RateUnit};
pub use reason::{AllowReason, DenyReason, Verdict};
pub use regions::{Atom, Regions, forwardable, subtract};
pub use resolve::{resolve, service_meaning};
pub use schedule::{Schedule, Spans, Status};
pub use upcoming::{Subject, Turn, Upcoming};
pub use validity::Validity;
pub use window::{Recurring, Windows};
