//! What is kept on disk: flow records, revisions, and what entries were used for.

pub mod flows;
pub mod revisions;
pub mod usage;
