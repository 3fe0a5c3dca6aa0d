//! What is kept on disk: flow records, revisions, which neighbour entries are ours,
//! and what entries were used for.

pub mod flows;
pub mod pins;
pub mod revisions;
pub mod usage;
