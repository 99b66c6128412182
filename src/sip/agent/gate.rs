//! Drops what one source sends too much of, before it is read. RFC 3261 §26.3.2.4.
//!
//! Each source has one number: the moment at which all that it sent so far would have been due at the rate it may have.
//! Who runs too far ahead of the clock waits. A table of bounded size holds the sources that are ahead; when it is full,
//! those that are not in it share one place.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use std::time::Instant;

use crate::sip::hop::Hop;
use crate::sip::limits::Limits;
use crate::sip::network::Network;

/// Sources that are remembered: a megabyte.
const MOST_SOURCES: usize = 16_384;
/// How often those that need not be remembered are looked for, when there are too many.
const SWEPT_EVERY: Duration = Duration::from_secs(1);

/// See the top of this file.
#[derive(Debug)]
pub(super) struct Gate {
    pace: Option<Pace>,
    exempt: Vec<Network>,
    /// When the next request of a source would be due.
    due_by_source: HashMap<IpAddr, Instant>,
    /// The place of all who found none.
    crowd: Option<Instant>,
    swept_at: Option<Instant>,
    dropped: u64,
}

/// How fast one source may be.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Between two requests.
    gap: Duration,
    /// How far ahead of the clock the requests of a source may be.
    ahead: Duration,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Gate {
        let pace = (limits.requests_per_second > 0).then(|| {
            let gap = Duration::from_secs(1) / limits.requests_per_second;
            Pace { gap, ahead: gap * limits.burst.max(1) }
        });
        let (exempt, due_by_source) = (Vec::new(), HashMap::new());
        Gate { pace, exempt, due_by_source, crowd: None, swept_at: None, dropped: 0 }
    }

    /// Sources in these networks are never held up.
    pub(super) fn exempt(&mut self, networks: Vec<Network>) {
        self.exempt = networks;
    }

    /// Whether a source has nothing to fear from any limit that is set for single sources.
    pub(super) fn is_exempt(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.exempt.iter().any(|network| network.contains(address))
    }

    /// Whether this message is to be read. A request uses up some of what its source may send; a response only has to
    /// come from one that has some left: we asked for it.
    pub(super) fn admits(&mut self, bytes: &[u8], hop: Hop, now: Instant) -> bool {
        let Some(pace) = self.pace.filter(|_| !self.is_exempt(hop.remote.ip())) else {
            return true;
        };
        let is_response = bytes.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
        let gap = if is_response { Duration::ZERO } else { pace.gap };
        let is_admitted = self.advance(hop.source(), gap, pace.ahead, now);
        self.dropped += u64::from(!is_admitted);
        is_admitted
    }

    /// What was admitted turned out to be good for nothing: a response that nobody asked for.
    pub(super) fn charge(&mut self, hop: Hop, now: Instant) {
        if let Some(pace) = self.pace.filter(|_| !self.is_exempt(hop.remote.ip())) {
            self.advance(hop.source(), pace.gap, pace.ahead, now);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn advance(&mut self, source: IpAddr, by: Duration, ahead: Duration, now: Instant) -> bool {
        self.make_room_for(source, now);
        let due = match self.due_by_source.get_mut(&source) {
            Some(due) => due,
            None => self.crowd.get_or_insert(now),
        };
        let next = (*due).max(now) + by;
        if next.saturating_duration_since(now) > ahead {
            return false;
        }
        *due = next;
        true
    }

    /// Gives a source that has no place one, unless all are taken.
    fn make_room_for(&mut self, source: IpAddr, now: Instant) {
        if self.due_by_source.contains_key(&source) {
            return;
        }
        if self.due_by_source.len() >= MOST_SOURCES {
            self.sweep(now);
        }
        if self.due_by_source.len() < MOST_SOURCES {
            self.due_by_source.insert(source, now);
        }
    }

    /// Who is not ahead of the clock is as good as never heard of.
    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_some_and(|at| now.saturating_duration_since(at) < SWEPT_EVERY) {
            return;
        }
        self.swept_at = Some(now);
        self.due_by_source.retain(|_, due| *due > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::transaction::testing::ms;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::start;
    use crate::sip::transaction::testing::udp;

    fn gate() -> Gate {
        Gate::new(&Limits { requests_per_second: 10, burst: 20, ..Limits::default() })
    }

    fn source(number: u32) -> Hop {
        from(std::net::Ipv4Addr::from(0x0b00_0000 + number).into())
    }

    fn from(address: IpAddr) -> Hop {
        Hop { remote: (address, 5060).into(), ..udp() }
    }

    fn admitted(gate: &mut Gate, message: &str, from: Hop, count: usize, now: Instant) -> usize {
        (0..count).filter(|_| gate.admits(message.as_bytes(), from, now)).count()
    }

    const REQUEST: &str = "OPTIONS sip:x SIP/2.0\r\n";
    const RESPONSE: &str = "SIP/2.0 200 OK\r\n";

    #[test]
    fn a_burst_passes_and_then_the_rate_and_nobody_pays_for_another() {
        let (mut gate, now) = (gate(), start());
        assert_eq!(admitted(&mut gate, REQUEST, source(1), 100, now), 20);
        assert_eq!(admitted(&mut gate, REQUEST, source(2), 5, now), 5);
        assert_eq!(admitted(&mut gate, REQUEST, source(1), 100, now + ms(500)), 5);
        assert_eq!(admitted(&mut gate, REQUEST, source(1), 100, now + secs(60)), 20);
        assert_eq!(gate.dropped(), 80 + 95 + 80);
    }

    #[test]
    fn responses_cost_nothing_unless_nobody_asked_for_them() {
        let (mut gate, now) = (gate(), start());
        assert_eq!(admitted(&mut gate, RESPONSE, source(1), 100, now), 100);
        (0..100).for_each(|_| gate.charge(source(1), now));
        assert_eq!(admitted(&mut gate, REQUEST, source(1), 1, now), 0);
    }

    #[test]
    fn trunks_and_this_machine_are_never_held_up() {
        let (mut gate, now) = (gate(), start());
        gate.exempt(vec!["11.0.0.16/28".parse().unwrap()]);
        for exempt in [source(16), source(31), from([127, 0, 0, 1].into())] {
            assert_eq!(admitted(&mut gate, REQUEST, exempt, 100, now), 100);
        }
        assert_eq!(admitted(&mut gate, REQUEST, source(32), 100, now), 20);
    }

    #[test]
    fn a_flood_from_everywhere_fills_a_table_of_bounded_size_and_wears_off() {
        let (mut gate, now) = (gate(), start());
        for number in 0..100_000 {
            gate.admits(REQUEST.as_bytes(), source(number), now);
        }
        assert_eq!(gate.due_by_source.len(), MOST_SOURCES);
        assert_eq!(admitted(&mut gate, REQUEST, source(200_000), 1, now), 0, "the crowd shares one place");
        assert_eq!(admitted(&mut gate, REQUEST, source(5), 1, now), 1, "who has a place keeps it");
        assert_eq!(admitted(&mut gate, REQUEST, source(200_000), 1, now + secs(2)), 1);
        assert!(gate.due_by_source.len() < 10);
    }

    #[test]
    fn all_addresses_of_one_site_are_one_source() {
        let (mut gate, now) = (gate(), start());
        let hop = |text: &str| from(text.parse().unwrap());
        assert_eq!(admitted(&mut gate, REQUEST, hop("2001:db8:0:1::1"), 100, now), 20);
        assert_eq!(admitted(&mut gate, REQUEST, hop("2001:db8:0:1:ffff::2"), 100, now), 0);
        assert_eq!(admitted(&mut gate, REQUEST, hop("2001:db8:0:2::1"), 100, now), 20);
        gate.exempt(vec!["2001:db8:0:1::7/128".parse().unwrap()]);
        assert_eq!(admitted(&mut gate, REQUEST, hop("2001:db8:0:1::7"), 100, now), 100);
    }

    #[test]
    fn without_a_rate_all_is_admitted() {
        let mut gate = Gate::new(&Limits { requests_per_second: 0, ..Limits::default() });
        assert_eq!(admitted(&mut gate, REQUEST, source(1), 10_000, start()), 10_000);
        assert!(gate.due_by_source.is_empty());
    }
}
