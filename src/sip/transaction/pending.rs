//! Counts the INVITEs that a peer keeps us busy with: not answered yet, or refused and not acknowledged.
//!
//! An accepted one is a call, and counted as that.

use std::collections::HashMap;
use std::net::IpAddr;

#[derive(Debug, Default)]
pub(super) struct PendingInvites {
    by_source: HashMap<IpAddr, usize>,
    total: usize,
}

impl PendingInvites {
    pub(super) fn begin(&mut self, source: IpAddr) {
        *self.by_source.entry(source).or_default() += 1;
        self.total += 1;
    }

    pub(super) fn end(&mut self, source: IpAddr) {
        let Some(count) = self.by_source.get_mut(&source) else {
            return;
        };
        *count -= 1;
        self.total -= 1;
        if *count == 0 {
            self.by_source.remove(&source);
        }
    }

    pub(super) fn of(&self, source: IpAddr) -> usize {
        self.by_source.get(&source).copied().unwrap_or_default()
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }
}
