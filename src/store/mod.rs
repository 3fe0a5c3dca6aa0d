//! What is kept on disk: flow records and revisions.

pub mod flows;
pub mod revisions;
