//! What a policy lets open, and what follows from it: proved on spaces, not sampled.
//!
//! Takes resolved policies; gives the flows that a change opens and closes
//! ([`diff`]), whether the policy's own expectations hold ([`expectations`]),
//! why a packet passes or not and what comes nearest ([`trace`], [`nearest`]),
//! and the zone × zone table ([`matrix`]). Zone geometry comes from
//! `policy::Regions`; nothing of the compiler is used. Pure.

mod allowed;
mod devices;
mod diff;
mod expect;
mod flow;
mod geometry;
mod matrix;
mod nearest;
mod packet;
mod remainder;
mod services;
mod settings;
mod sources;
mod trace;

pub use allowed::{Allowance, Allowed, Cause};
pub use diff::{Diff, diff};
pub use expect::{ExpectationResult, expectations};
pub use flow::Flow;
pub use geometry::{Geometry, Source, Target};
pub use matrix::{Cell, CellEntry, Matrix, matrix};
pub use nearest::{Differs, Nearest, Neighbours, nearest};
pub use packet::{packet_json, packet_text};
pub use trace::{Mismatch, Trace, trace};

#[cfg(test)]
mod tests;
