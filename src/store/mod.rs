//! What is kept on disk: flow records and revisions.

pub mod revisions;
