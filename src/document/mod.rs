//! The configuration as written: a mirror of SPEC §1 with places, before names
//! are looked up.
//!
//! Takes files through a [`FileTree`], gives spanned values and findings.

mod files;

pub use files::{FileTree, MemoryTree};
