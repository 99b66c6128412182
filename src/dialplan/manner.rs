//! What people do in a rehearsal when their phone rings.

use std::time::Duration;

use crate::dialplan::fill::Filled;

/// What somebody does when their phone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) does: Does,
    pub(super) after: Duration,
    pub(super) talks: Duration,
    pub(super) on_announcement: OnAnnouncement,
}

/// What somebody does who has answered and is told what the call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnAnnouncement {
    TakeTheCall,
    HangUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Answer,
    Decline,
    Ignore,
    /// Talks to somebody else.
    BeBusy,
    /// No phone is registered, and no queue is signed in to.
    BeAway,
}

/// The words of an `agent` line.
pub(super) const MANNERS: &[&str] = &["answers", "declines", "ignores", "busy", "away"];

/// Where a test does not say how long.
const REACTS_AFTER: Duration = Duration::from_secs(3);
pub(super) const TALKS_FOR: Duration = Duration::from_secs(60);

impl Manner {
    /// What those do of whom the test says nothing.
    pub(super) const UNSAID: Manner = Manner {
        does: Does::Ignore,
        after: REACTS_AFTER,
        talks: TALKS_FOR,
        on_announcement: OnAnnouncement::TakeTheCall,
    };

    /// An `agent` line of a test.
    pub(super) fn read(filled: &Filled) -> Manner {
        let does = match filled.word("manner") {
            "answers" => Does::Answer,
            "declines" => Does::Decline,
            "busy" => Does::BeBusy,
            "away" => Does::BeAway,
            _ => Does::Ignore,
        };
        Manner {
            does,
            after: filled.maybe_duration("after").unwrap_or(REACTS_AFTER),
            talks: filled.maybe_duration("talks").unwrap_or(TALKS_FOR),
            on_announcement: match filled.maybe_word("accepts") {
                Some("no") => OnAnnouncement::HangUp,
                _ => OnAnnouncement::TakeTheCall,
            },
        }
    }
}
