//! Findings, their places in files, and the words for both in ja and en.
//!
//! Every stage from reading to proof reports through [`Finding`]; what a user
//! reads is made from a [`Message`] (a catalogue key and its arguments), never
//! from text in the code. Rendering lives in `text` (with a caret) and `json`.

mod catalogue;
mod finding;
pub mod json;
mod source;
pub mod text;

pub use catalogue::{Arg, Lang, Message};
pub use finding::{Finding, Findings, Severity};
pub use source::{Place, Source, SourceId, Sources};
