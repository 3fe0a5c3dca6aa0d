//! What is kept on disk: flow records, revisions, and which neighbour entries are ours.

pub mod flows;
pub mod pins;
pub mod revisions;
