//! Wrong passwords: each source is told of once a minute, and one that goes on guessing is not listened to for a while.
//!
//! Pure. A network of IPv6 counts as one source (/64: what one customer of a provider has), and the table is bounded:
//! whoever comes from more addresses than it holds is still counted and refused, but may be told of more than once.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;
use std::time::Instant;

/// Sources that are remembered at a time.
const MOST_SOURCES: usize = 4096;
/// How long a source is counted, and how long it is blocked.
const WINDOW: Duration = Duration::from_secs(60);

/// Something for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// The first wrong password of this minute.
    Failed { source: IpAddr },
    /// Too many: requests from there are refused unread from now on, for a minute.
    Blocked { source: IpAddr, failures: u32 },
    /// The minute is over, and there was more than was told.
    Total { source: IpAddr, failures: u32, refused: u32 },
}

#[derive(Debug)]
pub(super) struct Doorman {
    /// Zero: nobody is ever blocked.
    most_failures: u32,
    sources: HashMap<IpAddr, Record>,
    /// The ends of all windows, in order: they are equally long. An end that was put off stands twice.
    ends: VecDeque<(Instant, IpAddr)>,
    blocked: usize,
    refused: u64,
}

#[derive(Debug)]
struct Record {
    failures: u32,
    refused: u32,
    ends_at: Instant,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Open,
    Blocked,
}

impl Doorman {
    pub(super) fn new(most_failures: u32) -> Self {
        Self { most_failures, sources: HashMap::new(), ends: VecDeque::new(), blocked: 0, refused: 0 }
    }

    /// A wrong password came from there.
    pub(super) fn on_failure(&mut self, source: IpAddr, now: Instant) -> Option<Report> {
        let source = network(source);
        let Some(record) = self.sources.get_mut(&source) else {
            self.begin(source, now);
            return Some(Report::Failed { source });
        };
        record.failures = record.failures.saturating_add(1);
        let is_too_many = self.most_failures > 0 && record.failures > self.most_failures;
        if !is_too_many || record.access == Access::Blocked {
            return None;
        }
        record.access = Access::Blocked;
        record.ends_at = now + WINDOW;
        let failures = record.failures;
        self.blocked += 1;
        self.ends.push_back((now + WINDOW, source));
        Some(Report::Blocked { source, failures })
    }

    /// Whether requests from there are to be refused unread.
    pub(super) fn blocks(&self, source: IpAddr) -> bool {
        let record = || self.sources.get(&network(source));
        self.blocked > 0 && record().is_some_and(|record| record.access == Access::Blocked)
    }

    /// A request from a blocked source was refused.
    pub(super) fn on_refused(&mut self, source: IpAddr) {
        self.refused += 1;
        if let Some(record) = self.sources.get_mut(&network(source)) {
            record.refused = record.refused.saturating_add(1);
        }
    }

    /// Sources that are blocked now.
    pub(super) fn blocked(&self) -> usize {
        self.blocked
    }

    /// Requests that were refused unread since the start.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.ends.front().map(|(at, _)| *at)
    }

    /// Ends the windows that are over; what was not told of them comes out.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<Report> {
        let mut reports = Vec::new();
        while let Some((at, source)) = self.ends.front().copied().filter(|(at, _)| *at <= now) {
            self.ends.pop_front();
            if self.sources.get(&source).is_some_and(|record| record.ends_at == at) {
                reports.extend(self.end(source));
            }
        }
        reports
    }

    fn begin(&mut self, source: IpAddr, now: Instant) {
        while self.sources.len() >= MOST_SOURCES
            && let Some((_, oldest)) = self.ends.pop_front()
        {
            self.end(oldest);
        }
        let ends_at = now + WINDOW;
        self.sources.insert(source, Record { failures: 1, refused: 0, ends_at, access: Access::Open });
        self.ends.push_back((ends_at, source));
    }

    fn end(&mut self, source: IpAddr) -> Option<Report> {
        let Record { failures, refused, access, .. } = self.sources.remove(&source)?;
        if access == Access::Blocked {
            self.blocked -= 1;
        }
        (failures > 1).then_some(Report::Total { source, failures, refused })
    }
}

fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn thief() -> IpAddr {
        "198.51.100.66".parse().unwrap()
    }

    #[test]
    fn one_line_at_once_and_one_with_the_count_after_a_minute() {
        let (mut doorman, now) = (Doorman::new(30), start());
        assert_eq!(doorman.on_failure(thief(), now), Some(Report::Failed { source: thief() }));
        for _ in 0..9 {
            assert_eq!(doorman.on_failure(thief(), now + secs(10)), None);
        }
        assert_eq!(doorman.poll_timeout(), Some(now + secs(60)));
        assert_eq!(doorman.handle_timeout(now + secs(59)), []);
        let total = Report::Total { source: thief(), failures: 10, refused: 0 };
        assert_eq!(doorman.handle_timeout(now + secs(60)), [total]);
        assert!(doorman.sources.is_empty() && doorman.poll_timeout().is_none());
    }

    #[test]
    fn a_single_slip_is_told_once() {
        let (mut doorman, now) = (Doorman::new(30), start());
        doorman.on_failure(thief(), now);
        assert_eq!(doorman.handle_timeout(now + secs(60)), []);
        assert_eq!(doorman.on_failure(thief(), now + secs(61)), Some(Report::Failed { source: thief() }));
    }

    #[test]
    fn who_goes_on_guessing_is_not_listened_to_for_a_minute() {
        let (mut doorman, now) = (Doorman::new(3), start());
        let told: Vec<_> = (0..4).filter_map(|second| doorman.on_failure(thief(), now + secs(second))).collect();
        assert_eq!(told, [Report::Failed { source: thief() }, Report::Blocked { source: thief(), failures: 4 }]);
        assert!(doorman.blocks(thief()) && !doorman.blocks("198.51.100.67".parse().unwrap()));
        assert_eq!(doorman.handle_timeout(now + secs(60)), [], "the block outlasts the window it began in");
        assert!(doorman.blocks(thief()));
        doorman.on_refused(thief());
        let total = Report::Total { source: thief(), failures: 4, refused: 1 };
        assert_eq!(doorman.handle_timeout(now + secs(63)), [total]);
        assert!(!doorman.blocks(thief()));
        assert_eq!((doorman.blocked(), doorman.refused()), (0, 1));
    }

    #[test]
    fn zero_blocks_nobody() {
        let (mut doorman, now) = (Doorman::new(0), start());
        for _ in 0..1000 {
            doorman.on_failure(thief(), now);
        }
        assert!(!doorman.blocks(thief()));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let (mut doorman, now) = (Doorman::new(1), start());
        for host in 1..=2 {
            doorman.on_failure(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, host).into(), now);
        }
        assert!(doorman.blocks("2001:db8:0:7::99".parse().unwrap()));
        assert!(!doorman.blocks("2001:db8:0:8::1".parse().unwrap()));
    }

    #[test]
    fn more_sources_than_it_holds_cost_no_more_memory() {
        let (mut doorman, now) = (Doorman::new(1), start());
        for source in 0..u32::try_from(MOST_SOURCES).unwrap() * 3 {
            let source = IpAddr::from(std::net::Ipv4Addr::from_bits(source));
            doorman.on_failure(source, now);
            doorman.on_failure(source, now);
        }
        assert!(doorman.sources.len() <= MOST_SOURCES && doorman.blocked() <= MOST_SOURCES);
        assert!(doorman.ends.len() <= MOST_SOURCES * 2 + 2, "{}", doorman.ends.len());
        doorman.handle_timeout(now + secs(60));
        assert!(doorman.sources.is_empty() && doorman.ends.is_empty() && doorman.blocked() == 0);
    }
}
