//! The only place that touches the system: files, processes, sockets. `unsafe` lives here or nowhere.

pub mod clock;
pub mod files;
#[cfg(test)]
pub(crate) mod namespace;
pub mod nflog;
pub mod nft;
mod readable;
pub mod socket;
pub mod systemd;
pub mod watch;
