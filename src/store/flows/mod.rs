//! The embedded store of flow records: SQLite under the state folder.
//!
//! One writer, the daemon ([`FlowStore`]); any number of readers, while it
//! writes or on a copy ([`FlowReader`]). Addresses and names are stored
//! compactly; every text stands once. What is missing from the log is kept
//! beside the records, as gaps.

mod error;
mod query;
mod read;
mod row;
mod schema;
mod write;

pub use error::StoreError;
pub use query::{Query, Term};
pub use read::FlowReader;
pub use write::{FlowStore, set_aside};

/// The store's file within its folder.
pub const FILE: &str = "flows.sqlite";

#[cfg(test)]
mod tests;
