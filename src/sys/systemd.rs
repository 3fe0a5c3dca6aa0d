//! What the service manager is told (sd_notify(3)). Without one, nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Start or reload is finished; with a line for `systemctl status`.
    Ready(String),
    /// A reload begins. Carries the monotonic time, as `Type=notify-reload` demands.
    Reloading,
    /// A line for `systemctl status`.
    Status(String),
    /// We are alive.
    Watchdog,
    /// We are about to end.
    Stopping,
}

/// Tells the service manager. A failure is traced only: enforcement does not
/// depend on who listens.
pub fn notify(notice: &Notice) {
    let told = match notice {
        Notice::Ready(line) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&one_line(line))]),
        Notice::Reloading => NotifyState::monotonic_usec_now()
            .and_then(|monotonic| sd_notify::notify(&[NotifyState::Reloading, monotonic])),
        Notice::Status(line) => sd_notify::notify(&[NotifyState::Status(&one_line(line))]),
        Notice::Watchdog => sd_notify::notify(&[NotifyState::Watchdog]),
        Notice::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(error) = told {
        tracing::debug!(%error, ?notice, "sd_notify");
    }
}

/// How often to tell [`Notice::Watchdog`]: half of what the manager asks for,
/// none if it does not.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|half| !half.is_zero())
}

/// The protocol is one assignment a line; a line break would begin another.
fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}

/// The watchdog's next turn; never where there is none.
pub async fn tick(watchdog: &mut Option<tokio::time::Interval>) {
    match watchdog {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_cannot_smuggle_an_assignment() {
        assert_eq!(one_line("nft: x\nSTOPPING=1\r\n"), "nft: x STOPPING=1");
    }
}
