//! Wakes a pump thread at an instant, to the microsecond: epoll's own time-out knows only milliseconds.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use rustix::time::Itimerspec;
use rustix::time::TimerfdClockId;
use rustix::time::TimerfdFlags;
use rustix::time::TimerfdTimerFlags;
use rustix::time::Timespec;
use rustix::time::timerfd_create;
use rustix::time::timerfd_settime;

/// A timerfd that is set anew only when the next deadline differs: it must never ring early, since nobody would set it again.
#[derive(Debug)]
pub(super) struct Timer {
    timerfd: OwnedFd,
    armed: Option<Instant>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Timer> {
        let timerfd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        Ok(Timer { timerfd, armed: None })
    }

    /// What epoll must watch, edge-triggered: it is never read.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.timerfd.as_fd()
    }

    /// Rings at `deadline`, at once if that has passed, never for `None`. What is left is counted by the kernel from when it is
    /// told, which is later than when we read the clock, however long this thread was kept from going on in between.
    pub(super) fn arm(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()).max(AT_ONCE));
        let setting =
            Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(left.unwrap_or(Duration::ZERO)) };
        timerfd_settime(&self.timerfd, TimerfdTimerFlags::empty(), &setting)?;
        self.armed = deadline;
        Ok(())
    }
}

/// No time at all would turn it off.
const AT_ONCE: Duration = Duration::from_nanos(1);

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs().cast_signed(), tv_nsec: i64::from(duration.subsec_nanos()) }
}

#[cfg(test)]
mod tests {
    use rustix::event::PollFd;
    use rustix::event::PollFlags;
    use rustix::event::poll;

    use super::*;

    fn rings(timer: &Timer, within: Duration) -> bool {
        let mut watched = [PollFd::new(&timer.timerfd, PollFlags::IN)];
        poll(&mut watched, Some(&timespec(within))).unwrap() == 1
    }

    #[test]
    fn it_never_rings_early_and_always_rings() {
        let mut timer = Timer::new().unwrap();
        for micros in [0, 1, 50, 999, 3_000, 20_000] {
            let deadline = Instant::now() + Duration::from_micros(micros);
            timer.arm(Some(deadline)).unwrap();
            assert!(rings(&timer, Duration::from_secs(20)), "after {micros} us");
            assert!(Instant::now() >= deadline, "after {micros} us");
        }
    }

    #[test]
    fn without_a_deadline_it_is_still() {
        let mut timer = Timer::new().unwrap();
        timer.arm(Some(Instant::now() + Duration::from_millis(5))).unwrap();
        timer.arm(None).unwrap();
        assert!(!rings(&timer, Duration::from_millis(20)));
    }
}
