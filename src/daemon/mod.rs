//! The daemon: a pure step function, one loop, the control socket.
//!
//! [`state`] decides (no I/O), [`run`] performs, [`control`] listens; commands
//! call through [`client`], in the words of [`protocol`].

pub mod client;
pub mod protocol;
pub mod state;
