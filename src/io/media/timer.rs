//! Wakes a pump thread at an instant, to the microsecond: epoll's own time-out knows only milliseconds.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use rustix::time::ClockId;
use rustix::time::Itimerspec;
use rustix::time::TimerfdClockId;
use rustix::time::TimerfdFlags;
use rustix::time::TimerfdTimerFlags;
use rustix::time::Timespec;
use rustix::time::clock_gettime;
use rustix::time::timerfd_create;
use rustix::time::timerfd_settime;

/// A timerfd that is set anew only when the next deadline differs.
#[derive(Debug)]
pub(super) struct Timer {
    timerfd: OwnedFd,
    /// One moment on both faces of the monotonic clock.
    origin: (Instant, Duration),
    armed: Option<Instant>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Timer> {
        let timerfd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let raw = clock_gettime(ClockId::Monotonic);
        let raw = Duration::new(u64::try_from(raw.tv_sec).unwrap_or(0), u32::try_from(raw.tv_nsec).unwrap_or(0));
        Ok(Timer { timerfd, origin: (Instant::now(), raw), armed: None })
    }

    /// What epoll must watch, edge-triggered: it is never read.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.timerfd.as_fd()
    }

    /// Rings at `deadline`, at once if that has passed, never for `None`.
    pub(super) fn arm(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        let value = deadline.map_or(Duration::ZERO, |at| self.origin.1 + at.saturating_duration_since(self.origin.0));
        let setting = Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(value) };
        timerfd_settime(&self.timerfd, TimerfdTimerFlags::ABSTIME, &setting)?;
        self.armed = deadline;
        Ok(())
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs().cast_signed(), tv_nsec: i64::from(duration.subsec_nanos()) }
}
