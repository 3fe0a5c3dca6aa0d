//! Each step of SPEC §2 on policies built by hand.

mod entries;
mod gateway;
mod policies;
mod steps;
mod zones;
