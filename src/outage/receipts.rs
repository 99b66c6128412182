//! Delivery receipts of our own texts: whether they come as they use to.
//!
//! A telephone that is switched off gives no receipt, and that is no outage. So it is first learnt how large a part of the
//! texts gets its receipt in time; only when hardly any of the last ones did, something is wrong.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::outage::Outcome;
use crate::outage::fault::Fault;

#[derive(Debug, Default)]
pub struct Receipts {
    sent: VecDeque<Sent>,
    /// Part of the texts whose receipt came in time, and of how many that is known.
    in_time: f64,
    known: u32,
    /// Mean of the lags that were seen.
    lag: f64,
}

#[derive(Debug)]
struct Sent {
    id: String,
    at: Instant,
    receipt: Receipt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receipt {
    Awaited,
    Came,
    /// Its time is over; it was counted as one that did not come.
    Missing,
    CameAndCounted,
}

/// Texts that are remembered; older ones are forgotten first.
const TEXTS: usize = 512;

/// The last texts whose time is over are judged together.
const JUDGED: usize = 8;

/// So many of them may have their receipt, and receipts are late all the same.
const FEW: usize = 1;

/// Before so many texts nothing is known.
const KNOWN_AFTER: u32 = 20;

/// Where fewer than half of the receipts come anyway, nothing can be said.
const MOST: f64 = 0.5;

const NEWEST: f64 = 0.05;

/// A receipt has so many times the usual lag, within bounds.
const PATIENCE: f64 = 8.0;
const SHORTEST: Duration = Duration::from_secs(120);
const LONGEST: Duration = Duration::from_secs(1800);

/// Texts of longer ago say nothing of now.
const FRESH: Duration = Duration::from_secs(2 * 3600);

impl Receipts {
    pub fn on_sent(&mut self, id: &str, now: Instant) {
        if self.sent.len() >= TEXTS {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { id: id.to_owned(), at: now, receipt: Receipt::Awaited });
    }

    /// `None`: of a text that is not known, or known to have arrived.
    pub fn on_receipt(&mut self, id: &str, now: Instant) -> Option<Outcome> {
        let sent = self.sent.iter_mut().rev().find(|sent| sent.id == id)?;
        sent.receipt = match sent.receipt {
            Receipt::Awaited => Receipt::Came,
            Receipt::Missing => Receipt::CameAndCounted,
            Receipt::Came | Receipt::CameAndCounted => return None,
        };
        let took = now.saturating_duration_since(sent.at);
        let weight = if self.known < KNOWN_AFTER { 0.2 } else { NEWEST };
        self.lag += (took.as_secs_f64().min(LONGEST.as_secs_f64()) - self.lag) * weight;
        Some(Outcome::Answered { took })
    }

    /// Takes stock; a failure when receipts that use to come do not. While they do not, nothing is unlearnt.
    pub fn look(&mut self, now: Instant) -> Option<Outcome> {
        let patience = self.patience();
        let outcomes = self.settled(now, patience);
        let late = self.judge(now, patience);
        for in_time in outcomes.into_iter().filter(|in_time| late.is_none() || *in_time > 0.0) {
            let weight = NEWEST.max(1.0 / (f64::from(self.known) + 1.0));
            self.in_time += (in_time - self.in_time) * weight;
            self.known = self.known.saturating_add(1);
        }
        late
    }

    fn judge(&self, now: Instant, patience: Duration) -> Option<Outcome> {
        if self.known < KNOWN_AFTER || self.in_time < MOST {
            return None;
        }
        let over = |sent: &&Sent| {
            let age = now.saturating_duration_since(sent.at);
            age >= patience && age < FRESH
        };
        let judged: Vec<&Sent> = self.sent.iter().rev().filter(over).take(JUDGED).collect();
        let came = judged.iter().filter(|sent| matches!(sent.receipt, Receipt::Came | Receipt::CameAndCounted)).count();
        if judged.len() < JUDGED || came > FEW {
            return None;
        }
        let why = format!(
            "{} of the last {} texts have no receipt after {} s, {} s are usual",
            judged.len() - came,
            judged.len(),
            patience.as_secs(),
            self.lag.round(),
        );
        Some(Outcome::failed(Fault::ReceiptsLate, why))
    }

    fn patience(&self) -> Duration {
        let usual = Duration::try_from_secs_f64(self.lag * PATIENCE).unwrap_or(LONGEST);
        usual.clamp(SHORTEST, LONGEST)
    }

    /// Texts whose case is closed: 1 for a receipt in time, 0 for none. Each counts once.
    fn settled(&mut self, now: Instant, patience: Duration) -> Vec<f64> {
        let mut outcomes = Vec::new();
        for sent in &mut self.sent {
            let over = now.saturating_duration_since(sent.at) >= patience;
            match sent.receipt {
                Receipt::Came => {
                    sent.receipt = Receipt::CameAndCounted;
                    outcomes.push(1.0);
                }
                Receipt::Awaited if over => {
                    sent.receipt = Receipt::Missing;
                    outcomes.push(0.0);
                }
                Receipt::Awaited | Receipt::Missing | Receipt::CameAndCounted => {}
            }
        }
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_that_use_to_come_and_do_not_are_late() {
        let mut texts = Texts::new();
        texts.with_receipts(30);
        assert_eq!(texts.receipts.look(texts.now), None);
        texts.without_receipts(6);
        texts.now += SHORTEST;
        assert_eq!(texts.receipts.look(texts.now), None, "six of eight may be switched off");
        texts.without_receipts(2);
        texts.now += SHORTEST;
        let Some(Outcome::Failed { fault, why }) = texts.receipts.look(texts.now) else {
            panic!("eight are missing");
        };
        assert_eq!(fault, Fault::ReceiptsLate);
        assert_eq!(why, "8 of the last 8 texts have no receipt after 120 s, 3 s are usual");
    }

    #[test]
    fn a_long_outage_does_not_become_a_habit() {
        let mut texts = Texts::new();
        texts.with_receipts(30);
        for _ in 0..40 {
            texts.without_receipts(2);
            texts.now += SHORTEST;
            texts.receipts.look(texts.now);
        }
        assert!(texts.receipts.look(texts.now).is_some());
    }

    #[test]
    fn a_receipt_ends_the_alarm_however_late_it_is() {
        let mut texts = Texts::new();
        texts.with_receipts(30);
        texts.without_receipts(8);
        texts.now += SHORTEST;
        assert!(texts.receipts.look(texts.now).is_some());
        let late = texts.receipts.on_receipt("text-31", texts.now);
        assert!(matches!(late, Some(Outcome::Answered { took }) if took >= SHORTEST));
        assert_eq!(texts.receipts.on_receipt("text-31", texts.now), None, "a repetition");
        texts.receipts.on_receipt("text-32", texts.now);
        assert_eq!(texts.receipts.look(texts.now), None);
    }

    #[test]
    fn where_receipts_seldom_come_their_absence_means_nothing() {
        let mut texts = Texts::new();
        for _ in 0..20 {
            texts.with_receipts(1);
            texts.without_receipts(3);
            texts.now += SHORTEST;
            assert_eq!(texts.receipts.look(texts.now), None);
        }
        texts.without_receipts(20);
        texts.now += SHORTEST;
        assert_eq!(texts.receipts.look(texts.now), None);
    }

    #[test]
    fn memory_is_bounded_and_strangers_receipts_are_ignored() {
        let mut texts = Texts::new();
        texts.without_receipts(TEXTS * 3);
        assert_eq!(texts.receipts.sent.len(), TEXTS);
        assert_eq!(texts.receipts.on_receipt("never sent", texts.now), None);
    }

    struct Texts {
        receipts: Receipts,
        now: Instant,
        count: u32,
    }

    impl Texts {
        fn new() -> Texts {
            #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
            let now = Instant::now();
            Texts { receipts: Receipts::default(), now, count: 0 }
        }

        /// One every 10 s, with its receipt after 3 s.
        fn with_receipts(&mut self, texts: u32) {
            for _ in 0..texts {
                self.count += 1;
                let id = format!("text-{}", self.count);
                self.receipts.on_sent(&id, self.now);
                self.receipts.on_receipt(&id, self.now + Duration::from_secs(3));
                self.now += Duration::from_secs(10);
                self.receipts.look(self.now);
            }
        }

        fn without_receipts(&mut self, texts: impl TryInto<u32>) {
            for _ in 0..texts.try_into().unwrap_or_default() {
                self.count += 1;
                self.receipts.on_sent(&format!("text-{}", self.count), self.now);
            }
        }
    }
}
