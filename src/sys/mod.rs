//! The only place that touches the system: files, processes, sockets. `unsafe` lives here or nowhere.

pub mod caller;
pub mod clock;
pub mod conntrack;
pub mod endings;
pub mod files;
#[cfg(test)]
pub(crate) mod namespace;
mod netlink;
pub mod nflog;
pub mod nft;
mod readable;
pub mod routes;
pub mod socket;
pub mod sockets;
pub mod systemd;
pub mod watch;
