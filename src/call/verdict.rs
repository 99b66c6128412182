//! What the side that was dialled said when it refused or hung up, for the caller's own end. RFC 3326, RFC 3398.

use crate::call::refusals::outcome_of;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;

/// The last word of whoever was dialled, until the dialplan does something else with the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// None: there was a talk, and it is over.
    pub status: Option<u16>,
    /// ITU-T Q.850, where the far side named one.
    pub cause: Option<u16>,
}

impl Verdict {
    /// Whether the caller's end may still be put down to it after this order.
    pub(super) fn outlives(order: &Order) -> bool {
        let ends = matches!(order, Order::Hangup { .. } | Order::StopDialling | Order::StopPlaying | Order::LeaveQueue);
        ends || matches!(
            order,
            Order::Message { .. } | Order::Tag { .. } | Order::Ask(_) | Order::StopAsking | Order::Emit { .. }
        )
    }

    /// The far side's own status, where the script refuses the caller for the same reason; else the script's.
    pub(super) fn status_for(self, why: HangupCause, usual: u16) -> u16 {
        let meant = |status: &u16| is_for_callers(*status) && is_same(outcome_of(*status), why);
        self.status.filter(meant).unwrap_or(usual)
    }
}

/// Statuses that mean something to whoever called; others are between us and the far side.
fn is_for_callers(status: u16) -> bool {
    matches!(status, 403 | 404 | 410 | 480 | 483 | 484 | 486 | 488 | 502 | 504 | 600 | 603 | 604 | 606..=608)
}

fn is_same(outcome: DialOutcome, why: HangupCause) -> bool {
    // A dialplan that ends after its `dial` has nothing to say of its own.
    matches!(
        (outcome, why),
        (_, HangupCause::Normal)
            | (DialOutcome::Busy, HangupCause::Busy)
            | (DialOutcome::Declined, HangupCause::Declined)
            | (DialOutcome::NoAnswer, HangupCause::NoAnswer)
            | (DialOutcome::Unreachable, HangupCause::Unreachable | HangupCause::NotFound)
            | (DialOutcome::Failed, HangupCause::Failed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_far_sides_word_is_passed_on_where_the_script_means_the_same() {
        let verdict = |status| Verdict { status: Some(status), cause: None };
        assert_eq!(verdict(483).status_for(HangupCause::Failed, 503), 483);
        assert_eq!(verdict(404).status_for(HangupCause::Unreachable, 480), 404);
        assert_eq!(verdict(404).status_for(HangupCause::Busy, 486), 486, "the dialplan says otherwise");
        assert_eq!(verdict(486).status_for(HangupCause::Normal, 480), 486, "it says nothing");
        assert_eq!(verdict(401).status_for(HangupCause::Failed, 503), 503, "that is between us and the trunk");
    }
}
