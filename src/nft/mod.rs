//! The ruleset: its types, its two renderings, and the delta between two.

pub mod names;
