//! zoned: zones and allow-lists compiled to nftables, proved, kept and recorded.
//!
//! The data's way (each module imports only from those above it; `tests/layers.rs`):
//! text → [`document`] → [`policy`] → [`check`] → [`rules`] → [`nft`] → kernel
//! ([`enforce`]); beside it [`judge`] decides one packet from the
//! specification alone and [`verify`] proves the rest; denied packets come
//! back through [`flow`] into [`store`].

pub mod net;
pub mod diag;
pub mod document;
pub mod policy;
pub mod check;
pub mod rules;
pub mod nft;
pub mod space;
pub mod judge;
pub mod verify;
pub mod flow;
pub mod pipeline;
pub mod sys;
pub mod store;
pub mod enforce;
pub mod daemon;
pub mod cli;
