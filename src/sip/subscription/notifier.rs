//! One subscription, seen from the side that notifies: what may be sent when, and when it is over. RFC 6665 §4.2.
//!
//! At most one NOTIFY is on its way. What changes meanwhile is merged: the next NOTIFY tells the newest state, so a phone
//! that answers slowly gets fewer messages and never an old one after a new one.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::sip::subscription::document::Document;
use crate::sip::subscription::package::EventName;

/// See the top of this file.
#[derive(Debug)]
pub(in crate::sip) struct Notifier {
    pub(in crate::sip) event: EventName,
    expires_at: Instant,
    life: Life,
    flight: Flight,
    /// NOTIFYs that were sent.
    version: u32,
    newest: Option<Arc<Document>>,
    /// The newest state, or the end, has not been told.
    untold: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Active,
    /// Nothing more is told but this.
    Ending(Reason),
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flight {
    None,
    /// A NOTIFY waits for its answer.
    One,
    /// The phone asked us to wait: RFC 6665 §4.2.2 with `Retry-After`.
    Held {
        until: Instant,
    },
}

/// Why a subscription ends, as `Subscription-State` says it: RFC 6665 §4.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Reason {
    /// Its time is up, or the phone asked for its end.
    Timeout,
    /// There is nothing left to tell.
    NoResource,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::Timeout => "timeout",
            Reason::NoResource => "noresource",
        }
    }
}

/// The answer to a NOTIFY, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Verdict {
    Taken,
    /// Later, please.
    Wait(Duration),
    /// The phone knows nothing of it, or does not answer at all.
    Gone,
}

/// One NOTIFY to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sip) struct Notice {
    /// `Subscription-State`.
    pub(in crate::sip) state: String,
    pub(in crate::sip) version: u32,
    /// None: a NOTIFY without body.
    pub(in crate::sip) document: Option<Arc<Document>>,
}

impl Notifier {
    pub(in crate::sip) fn new(event: EventName, expires_at: Instant) -> Notifier {
        Notifier {
            event,
            expires_at,
            life: Life::Active,
            flight: Flight::None,
            version: 0,
            newest: None,
            untold: false,
        }
    }

    pub(in crate::sip) fn is_over(&self) -> bool {
        self.life == Life::Over
    }

    /// Whether it can be refreshed: its last NOTIFY is not on its way.
    pub(in crate::sip) fn is_active(&self) -> bool {
        self.life == Life::Active
    }

    /// The state has changed; telling the same again changes nothing.
    pub(in crate::sip) fn tell(&mut self, document: Arc<Document>) {
        if self.life == Life::Active && self.newest.as_ref() != Some(&document) {
            self.newest = Some(document);
            self.untold = true;
        }
    }

    /// RFC 6665 §4.2.1.2: a refresh is always followed by a NOTIFY.
    pub(in crate::sip) fn refresh(&mut self, expires_at: Instant) {
        if self.life == Life::Active {
            self.expires_at = expires_at;
            self.untold = true;
        }
    }

    /// Ends with a last NOTIFY.
    pub(in crate::sip) fn end(&mut self, reason: Reason) {
        if self.life == Life::Active {
            self.life = Life::Ending(reason);
            self.untold = true;
        }
    }

    /// What may be sent now.
    pub(in crate::sip) fn poll_notice(&mut self, now: Instant) -> Option<Notice> {
        let held = match self.flight {
            Flight::None => false,
            Flight::One => true,
            Flight::Held { until } => now < until,
        };
        if held || !self.untold || self.life == Life::Over {
            return None;
        }
        self.untold = false;
        self.flight = Flight::One;
        let version = self.version;
        self.version += 1;
        Some(Notice { state: self.state(now), version, document: self.newest.clone() })
    }

    fn state(&self, now: Instant) -> String {
        match self.life {
            Life::Ending(reason) => format!("terminated;reason={}", reason.as_str()),
            Life::Active | Life::Over => {
                let left = self.expires_at.saturating_duration_since(now).as_secs();
                format!("active;expires={left}")
            }
        }
    }

    pub(in crate::sip) fn on_answer(&mut self, verdict: Verdict, now: Instant) {
        self.flight = Flight::None;
        let ends = matches!(self.life, Life::Ending(_)) && !self.untold;
        match verdict {
            Verdict::Gone => self.life = Life::Over,
            _ if ends => self.life = Life::Over,
            Verdict::Taken => {}
            Verdict::Wait(pause) => {
                self.untold = true;
                self.flight = Flight::Held { until: now + pause.min(LONGEST_PAUSE) };
            }
        }
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        let resumes = match self.flight {
            Flight::Held { until } if self.untold => Some(until),
            _ => None,
        };
        let expires = (self.life == Life::Active).then_some(self.expires_at);
        resumes.into_iter().chain(expires).min()
    }

    pub(in crate::sip) fn handle_timeout(&mut self, now: Instant) {
        if self.expires_at <= now {
            self.end(Reason::Timeout);
        }
    }
}

/// Whoever wants a longer one subscribes anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::subscription::package::Package;
    use crate::sip::transaction::testing::secs;
    use crate::sip::transaction::testing::start;

    fn notifier() -> (Notifier, Instant) {
        let now = start();
        (Notifier::new(EventName { package: Package::Refer, id: None }, now + secs(60)), now)
    }

    fn status(status: u16) -> Arc<Document> {
        Arc::new(Document::Fragment { status })
    }

    fn sent(notice: Option<Notice>) -> (String, u32, Option<u16>) {
        let Notice { state, version, document } = notice.expect("a NOTIFY");
        let status = document.map(|document| match &*document {
            Document::Fragment { status } => *status,
            other => panic!("{other:?}"),
        });
        (state, version, status)
    }

    #[test]
    fn one_notify_is_on_its_way_and_the_next_tells_the_newest() {
        let (mut notifier, now) = notifier();
        notifier.tell(status(100));
        assert_eq!(sent(notifier.poll_notice(now)), ("active;expires=60".to_owned(), 0, Some(100)));
        notifier.tell(status(180));
        notifier.tell(status(183));
        assert_eq!(notifier.poll_notice(now), None);
        notifier.on_answer(Verdict::Taken, now);
        assert_eq!(sent(notifier.poll_notice(now + secs(1))), ("active;expires=59".to_owned(), 1, Some(183)));
        notifier.on_answer(Verdict::Taken, now);
        notifier.tell(status(183));
        assert_eq!(notifier.poll_notice(now), None, "nothing has changed");
    }

    #[test]
    fn it_ends_once_the_last_word_is_answered() {
        let (mut notifier, now) = notifier();
        notifier.tell(status(100));
        notifier.poll_notice(now);
        notifier.tell(status(200));
        notifier.end(Reason::NoResource);
        notifier.on_answer(Verdict::Taken, now);
        assert!(!notifier.is_over());
        assert_eq!(sent(notifier.poll_notice(now)).0, "terminated;reason=noresource");
        notifier.on_answer(Verdict::Taken, now);
        assert!(notifier.is_over());
    }

    #[test]
    fn a_phone_that_knows_nothing_of_it_hears_nothing_more() {
        let (mut notifier, now) = notifier();
        notifier.tell(status(100));
        notifier.poll_notice(now);
        notifier.tell(status(180));
        notifier.on_answer(Verdict::Gone, now);
        assert!(notifier.is_over());
        assert_eq!(notifier.poll_notice(now), None);
    }

    #[test]
    fn its_time_runs_out_unless_it_is_refreshed() {
        let (mut notifier, now) = notifier();
        notifier.refresh(now + secs(100));
        assert!(notifier.poll_notice(now).is_some(), "a refresh is answered by a NOTIFY");
        notifier.on_answer(Verdict::Taken, now);
        notifier.handle_timeout(now + secs(60));
        assert_eq!(notifier.poll_notice(now + secs(60)), None);
        assert_eq!(notifier.deadline(), Some(now + secs(100)));
        notifier.handle_timeout(now + secs(100));
        assert_eq!(sent(notifier.poll_notice(now + secs(100))).0, "terminated;reason=timeout");
    }

    #[test]
    fn a_phone_that_asks_for_a_pause_gets_it() {
        let (mut notifier, now) = notifier();
        notifier.tell(status(100));
        notifier.poll_notice(now);
        notifier.on_answer(Verdict::Wait(secs(5)), now);
        assert_eq!(notifier.poll_notice(now + secs(4)), None);
        assert_eq!(notifier.deadline(), Some(now + secs(5)));
        assert_eq!(sent(notifier.poll_notice(now + secs(5))).2, Some(100));
    }
}
