//! The daemon: a pure step function, one loop, the control socket.
//!
//! [`state`] decides (no I/O), [`run`] performs with the help of [`jobs`],
//! [`control`] listens, [`status`] tells, [`log`] records, [`usage`] counts; commands call through
//! [`client`], in the words of [`protocol`]. [`entry`] is the program's way in.

mod answer;
pub mod client;
pub mod control;
pub mod entry;
pub mod jobs;
pub mod log;
pub mod protocol;
pub mod run;
pub mod state;
pub mod status;
pub mod usage;
