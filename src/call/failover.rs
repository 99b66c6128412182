//! Whether a refusal is one of the trunk, which another trunk may not share, or one of the callee, who is the same everywhere.
//!
//! The cause of Q.850, where a carrier gives one, counts more than the status: carriers put many causes into few statuses.

/// How far a call over a trunk had come when it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    /// The callee's phone rang: nothing that follows is the trunk's failure.
    Ringing,
}

/// Whether the next trunk is to be tried.
pub(super) fn leads_on(status: u16, cause: Option<u16>, heard: Heard) -> bool {
    if heard == Heard::Ringing {
        return false;
    }
    match cause.and_then(is_of_network) {
        Some(of_network) => of_network,
        None => is_of_trunk(status),
    }
}

/// ITU-T Q.850 table 1: true for what happens on the way, false for what the callee or the number is.
fn is_of_network(cause: u16) -> Option<bool> {
    match cause {
        // Not allocated; cleared, busy, not responding, no answer, absent, rejected, changed; invalid number.
        1 | 16..=22 | 26 | 28 => Some(false),
        // No route; out of order, no circuit, congestion, not available, not implemented, incompatible; protocol errors.
        2 | 3 | 27 | 34..=47 | 49 | 50 | 57..=63 | 65..=79 | 88 | 95..=102 | 111 | 127 => Some(true),
        _ => None,
    }
}

fn is_of_trunk(status: u16) -> bool {
    match status {
        // Busy, declined, does not exist, moved, not available now, cancelled, loops: the callee, or we ourselves.
        404 | 410 | 480 | 482..=487 | 491 | 600 | 603 | 604 | 607 | 608 => false,
        // Credentials, contract, syntax, media, no answer at all.
        400..=499 | 500..=599 | 606 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_trunk_lead_on() {
        for status in [401, 402, 403, 407, 408, 415, 420, 488, 500, 502, 503, 504, 606] {
            assert!(leads_on(status, None, Heard::Nothing), "{status}");
        }
    }

    #[test]
    fn what_the_callee_says_does_not() {
        for status in [404, 410, 480, 484, 486, 487, 600, 603, 604] {
            assert!(!leads_on(status, None, Heard::Nothing), "{status}");
        }
    }

    #[test]
    fn the_carrier_s_cause_counts_more_than_its_status() {
        assert!(!leads_on(500, Some(17), Heard::Nothing), "busy, however it is dressed");
        assert!(!leads_on(503, Some(1), Heard::Nothing));
        assert!(leads_on(480, Some(34), Heard::Nothing), "no circuit");
        assert!(leads_on(404, Some(3), Heard::Nothing), "no route");
        assert!(leads_on(503, Some(31), Heard::Nothing), "unspecified: the status counts");
    }

    #[test]
    fn after_ringing_nothing_leads_on() {
        assert!(!leads_on(503, None, Heard::Ringing));
        assert!(!leads_on(408, Some(38), Heard::Ringing));
    }
}
