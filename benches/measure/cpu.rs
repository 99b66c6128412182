//! CPU time of threads, as the scheduler has counted it.

use std::fs;
use std::time::Duration;

/// Threads of one process from a moment on.
pub(crate) struct Cpu {
    process: String,
    /// Only threads whose name begins so.
    name: &'static str,
    before: Duration,
}

impl Cpu {
    /// Of a process by its number, or of `self`, the threads whose name begins so: all of them where it is empty.
    pub(crate) fn of(process: &str, name: &'static str) -> Cpu {
        let mut cpu = Cpu { process: process.to_owned(), name, before: Duration::ZERO };
        cpu.before = cpu.total();
        cpu
    }

    pub(crate) fn spent(&self) -> Duration {
        self.total().saturating_sub(self.before)
    }

    fn total(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process)).into_iter().flatten();
        let folders = tasks.filter_map(Result::ok).map(|task| task.path());
        let counted = folders.filter(|folder| {
            let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            name.starts_with(self.name)
        });
        // The first number in schedstat is the time on a CPU in nanoseconds.
        let spent = counted.filter_map(|folder| {
            let stat = fs::read_to_string(folder.join("schedstat")).ok()?;
            stat.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(spent.sum())
    }
}
