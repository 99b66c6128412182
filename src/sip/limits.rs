//! `[sip.limits]`: how large a message may be, and how much one peer and all of them together may ask for.
//!
//! A value that is handed to whoever reads or admits, never a global: what lies beyond it is refused or dropped before
//! it costs anything, and is counted.

use std::time::Duration;

use serde::Deserialize;

use crate::sip::parse::LARGEST_MESSAGE;

/// `[sip.limits]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Octets of one message, on any transport; more is answered 513. Default: 65,535, what a datagram can hold.
    pub message: usize,
    /// Octets of one body; more is answered 413. Default: 65,535.
    pub body: usize,
    /// Octets of the start line (more: 414) and of one header with its folded lines (more: 513). Default: 16,384.
    pub line: usize,
    /// Rows of one header section; more is answered 513. Default: 256.
    pub headers: usize,
    /// Vias of one request; more is answered 483. Default: 70, as many hops as a Max-Forwards allows.
    pub vias: usize,
    /// Multipart bodies inside one another, at most 8; more is answered 415. Default: 3.
    pub nesting: usize,
    /// Requests of one source address in a second, on average; more is dropped unread. 0: no limit. Networks of trunks
    /// and this machine itself are exempt. Default: 200.
    pub requests_per_second: u32,
    /// Requests that one source address may send at once. Default: 1,000.
    pub burst: u32,
    /// INVITEs of one source address that are not answered, or whose refusal is not acknowledged; one more is answered
    /// 503. Networks of trunks and this machine itself are exempt. Default: 200.
    pub invites_per_source: usize,
    /// The same of all sources together, trunks included. Default: 10,000.
    pub invites: usize,
    /// Transactions that are alive; new calls and registrations beyond it are answered 503. Default: 200,000, some 200 MB.
    pub transactions: usize,
    /// Call legs that stand; one more INVITE is answered 503. Default: 20,000.
    pub calls: usize,
    /// How far the server may lag behind the network before new calls are answered 503. Default: 1 s.
    #[serde(with = "humantime_serde")]
    pub behind: Duration,
}

/// Deeper than any gateway builds; the reader's own bound, whatever is configured.
pub(super) const DEEPEST_NESTING: usize = 8;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message: LARGEST_MESSAGE,
            body: LARGEST_MESSAGE,
            line: 16_384,
            headers: 256,
            vias: 70,
            nesting: 3,
            requests_per_second: 200,
            burst: 1_000,
            invites_per_source: 200,
            invites: 10_000,
            transactions: 200_000,
            calls: 20_000,
            behind: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// What contradicts itself, each with its key and a mend.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut demand = |key, holds: bool, mend: String| {
            if !holds {
                faults.push((key, mend));
            }
        };
        demand("message", self.message >= SMALLEST_MESSAGE, at_least(SMALLEST_MESSAGE, "phones send no less"));
        demand("body", self.body >= SMALLEST_BODY, at_least(SMALLEST_BODY, "an SDP must fit"));
        demand("line", self.line >= SMALLEST_LINE, at_least(SMALLEST_LINE, "a Via or an Authorization must fit"));
        demand("headers", self.headers >= FEWEST_HEADERS, at_least(FEWEST_HEADERS, "an INVITE must fit"));
        demand("vias", self.vias >= 1, at_least(1, "each request has one"));
        let nesting = format!("write 0 to {DEEPEST_NESTING}");
        demand("nesting", self.nesting <= DEEPEST_NESTING, nesting);
        let burst = at_least(self.requests_per_second as usize, "a second's worth must fit");
        demand("burst", self.burst >= self.requests_per_second, burst);
        faults
    }
}

const SMALLEST_MESSAGE: usize = 2_048;
const SMALLEST_BODY: usize = 1_024;
const SMALLEST_LINE: usize = 512;
const FEWEST_HEADERS: usize = 16;

fn at_least(least: usize, why: &str) -> String {
    format!("write {least} or more: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_has_its_default_and_unknown_keys_are_faults() {
        let limits: Limits = toml::from_str("headers = 64\nbehind = \"250ms\"").unwrap();
        assert_eq!(limits, Limits { headers: 64, behind: Duration::from_millis(250), ..Limits::default() });
        assert!(toml::from_str::<Limits>("header = 64").is_err());
    }

    #[test]
    fn limits_that_let_nothing_through_are_faults_with_a_mend() {
        assert!(Limits::default().faults().is_empty());
        let narrow = Limits { message: 100, nesting: 9, burst: 10, ..Limits::default() };
        let keys: Vec<_> = narrow.faults().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["message", "nesting", "burst"]);
        assert_eq!(narrow.faults()[0].1, "write 2048 or more: phones send no less");
    }
}
