//! Our own traffic with a channel as evidence: texts that are not taken, receipts that do not come, customers who do not write.
//!
//! No probe sees what it sees: on 25 October 2022 every port of WhatsApp answered, and no message arrived.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::Role;
use crate::outage::habit::Habit;
use crate::outage::habit::Hour;
use crate::outage::habit::Learnt;
use crate::outage::receipts::Receipts;
use crate::outage::vantage::Vantage;

#[derive(Debug)]
pub struct Traffic {
    habit: Habit,
    receipts: Receipts,
    next_look: Instant,
    /// By messages since the last look.
    learnt: Learnt,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Sends,
    Receipts,
    Inbound,
}

/// Silence is found by looking, and nothing of it changes faster.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Traffic {
    /// `kept`: the hours that an earlier run had learnt.
    pub fn new(kept: Option<Vec<Hour>>, now: Instant, wall: Timestamp) -> Traffic {
        Traffic {
            habit: Habit::new(kept, wall),
            receipts: Receipts::default(),
            next_look: now + LOOK_EVERY,
            learnt: Learnt::Nothing,
        }
    }

    /// The hours as they are kept.
    pub fn kept(&self) -> &[Hour] {
        self.habit.kept()
    }

    /// A customer wrote: the channel carries messages to us.
    pub fn on_inbound(&mut self, wall: Timestamp) -> Evidence {
        if self.habit.on_message(wall) == Learnt::Something {
            self.learnt = Learnt::Something;
        }
        evidence(Subject::Inbound, Outcome::Answered { took: Duration::ZERO }, wall)
    }

    /// The provider took a text of ours under this id.
    pub fn on_sent(&mut self, provider_id: &str, now: Instant) {
        self.receipts.on_sent(provider_id, now);
    }

    pub fn on_receipt(&mut self, provider_id: &str, now: Instant, wall: Timestamp) -> Option<Evidence> {
        let outcome = self.receipts.on_receipt(provider_id, now)?;
        Some(evidence(Subject::Receipts, outcome, wall))
    }

    pub fn poll_timeout(&self) -> Instant {
        self.next_look
    }

    /// What silence says, and whether there is something new to keep. While the channel counts as down, nothing is learnt of
    /// everyday life.
    pub fn look(&mut self, everyday: Everyday, now: Instant, wall: Timestamp) -> (Vec<Evidence>, Learnt) {
        if now < self.next_look {
            return (Vec::new(), Learnt::Nothing);
        }
        self.next_look = now + LOOK_EVERY;
        let learnt = match self.habit.turn_to(wall) {
            Learnt::Something => Learnt::Something,
            Learnt::Nothing => self.learnt,
        };
        self.learnt = Learnt::Nothing;
        if everyday == Everyday::No {
            self.habit.spoil();
        }
        let inbound = self.habit.judge(wall).map(|outcome| evidence(Subject::Inbound, outcome, wall));
        let receipts = self.receipts.look(now).map(|outcome| evidence(Subject::Receipts, outcome, wall));
        (inbound.into_iter().chain(receipts).collect(), learnt)
    }
}

/// Whether the channel is as it is on other days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Everyday {
    Yes,
    No,
}

pub fn evidence(subject: Subject, outcome: Outcome, at: Timestamp) -> Evidence {
    Evidence {
        layer: Layer::Traffic,
        target: subject.as_str().to_owned(),
        vantage: Vantage::Here,
        resolver: None,
        role: Role::Channel,
        outcome,
        at,
    }
}

impl Subject {
    fn as_str(self) -> &'static str {
        match self {
            Subject::Sends => "sends",
            Subject::Receipts => "receipts",
            Subject::Inbound => "inbound",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_looked_at_once_a_minute_and_each_message_is_a_sign_of_life() {
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let start = Instant::now();
        let wall: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let mut traffic = Traffic::new(None, start, wall);
        let seen = traffic.on_inbound(wall);
        assert_eq!((seen.layer, seen.target.as_str()), (Layer::Traffic, "inbound"));
        assert!(!seen.outcome.has_failed());
        assert_eq!(traffic.poll_timeout(), start + LOOK_EVERY);
        assert_eq!(traffic.look(Everyday::Yes, start, wall), (Vec::new(), Learnt::Nothing));
        traffic.look(Everyday::Yes, start + LOOK_EVERY, wall);
        assert_eq!(traffic.poll_timeout(), start + LOOK_EVERY * 2);
        traffic.on_sent("wamid.1", start);
        let receipt = traffic.on_receipt("wamid.1", start + Duration::from_secs(4), wall).unwrap();
        assert_eq!(receipt.outcome, Outcome::Answered { took: Duration::from_secs(4) });
    }

    #[test]
    fn an_hour_that_ends_with_a_message_is_kept_like_one_that_ends_with_a_look() {
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let start = Instant::now();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let mut traffic = Traffic::new(None, start, at("2026-03-01T22:30:00Z"));
        for heard in ["2026-03-01T23:00:05Z", "2026-03-02T00:00:10Z"] {
            traffic.on_inbound(at(heard));
        }
        let mut look =
            |minute: u32| traffic.look(Everyday::Yes, start + LOOK_EVERY * minute, at("2026-03-02T00:00:40Z")).1;
        assert_eq!([look(1), look(2)], [Learnt::Something, Learnt::Nothing]);
    }
}
