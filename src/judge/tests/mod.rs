//! Each step of SPEC §2 on policies built by hand.

mod binding;
mod entries;
mod gateway;
mod isolation;
mod link;
mod policies;
mod steps;
mod zones;
