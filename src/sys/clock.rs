//! The wall clock: an alarm at an instant of it, and whether it can be trusted.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;

/// An alarm on the wall clock. Unlike a timeout it rings at the instant itself,
/// through suspends; and it rings too when somebody sets the clock.
#[derive(Debug)]
pub struct WallAlarm {
    timer: AsyncFd<OwnedFd>,
    /// The clock was set, and nobody has been told.
    untold: AtomicBool,
    /// What both clocks showed when it last rang.
    clocks: Mutex<(Timestamp, Instant)>,
}

/// Why an alarm rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Its instant is there.
    Due,
    /// The clock jumped by so much, forward or back: somebody set it, or the
    /// machine slept.
    ClockSet(SignedDuration),
}

impl WallAlarm {
    /// An alarm not set yet. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// As `timerfd_create` says.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = rustix::time::timerfd_create(TimerfdClockId::Realtime, flags)?;
        let clocks = Mutex::new((Timestamp::now(), Instant::now()));
        Ok(Self { timer: super::readable::readable(fd)?, untold: AtomicBool::new(false), clocks })
    }

    /// Rings at `at` (at once if that is past), or, with none, only when the clock is set.
    ///
    /// # Errors
    /// As `timerfd_settime` says.
    pub fn set(&self, at: Option<Timestamp>) -> io::Result<()> {
        // 0 would disarm; a thousand years from 1970 is never.
        let at = at.unwrap_or(Timestamp::MAX);
        let tv_sec = at.as_second().clamp(1, 1000 * 366 * 86_400);
        let it_value = Timespec { tv_sec, tv_nsec: i64::from(at.subsec_nanosecond().max(0)) };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        match rustix::time::timerfd_settime(self.timer.get_ref(), flags, &Itimerspec { it_interval, it_value }) {
            Ok(_) => Ok(()),
            // Set all the same; but the clock jumped since it was last asked (timerfd_create(2), NOTES).
            Err(rustix::io::Errno::CANCELED) => {
                self.untold.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the alarm, or for the clock being set. Cancel safe.
    ///
    /// # Errors
    /// As reading the descriptor says.
    pub async fn rings(&self) -> io::Result<Ring> {
        if self.untold.swap(false, Ordering::Relaxed) {
            return Ok(Ring::ClockSet(self.jump()));
        }
        loop {
            let mut guard = self.timer.readable().await?;
            match rustix::io::read(self.timer.get_ref(), &mut [0_u8; 8]) {
                Ok(_) => {
                    self.jump();
                    return Ok(Ring::Due);
                }
                // timerfd_create(2).
                Err(rustix::io::Errno::CANCELED) => return Ok(Ring::ClockSet(self.jump())),
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl WallAlarm {
    /// How far the wall clock is from where it would have gone by itself since
    /// this was last asked. Both clocks are slewed alike: only jumps set them apart.
    fn jump(&self) -> SignedDuration {
        let now = (Timestamp::now(), Instant::now());
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, steady) = std::mem::replace(&mut *clocks, now);
        wall.duration_until(now.0) - SignedDuration::try_from(now.1 - steady).unwrap_or_default()
    }
}

/// True if the kernel holds the clock to be synchronised (`STA_UNSYNC` of
/// adjtimex(2) not set); none if it does not say.
pub fn synchronised() -> Option<bool> {
    // SAFETY: timex is plain integers, for which zero is valid; modes = 0 only reads.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a whole timex that lives through the call.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    (state >= 0).then_some(timex.status & libc::STA_UNSYNC == 0)
}

/// Tells one run of the machine from another; empty if the kernel does not say.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(flavor = "current_thread")]
    async fn rings_at_the_instant_and_not_before() {
        let alarm = WallAlarm::new().unwrap();
        alarm.set(None).unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), alarm.rings()).await.is_err());
        let at = Timestamp::now() + Duration::from_millis(80);
        alarm.set(Some(at)).unwrap();
        assert_eq!(alarm.rings().await.unwrap(), Ring::Due);
        assert!(Timestamp::now() >= at);
        alarm.set(Some(Timestamp::UNIX_EPOCH)).unwrap();
        tokio::time::timeout(Duration::from_secs(1), alarm.rings()).await.unwrap().unwrap();
    }

    #[test]
    fn the_kernel_says_whether_the_clock_is_right() {
        assert!(synchronised().is_some());
    }
}
