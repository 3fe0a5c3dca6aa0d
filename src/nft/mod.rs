//! The ruleset: its types, its two renderings, and the delta between two.

mod cut;
mod delta;
mod json;
mod lower;
pub mod names;
mod ruleset;
mod text;

pub use cut::{Cut, CutKey, CutService};
pub use delta::{Delta, Place, Present, delta, refill};
pub use json::{document, of_arp, table};
pub use lower::{closed, lower, ruleset};
pub use ruleset::*;
