//! What a call says to somebody who must know it: prompts, then words, then "press any key", again and again until a key
//! is pressed or it has been said often enough.
//!
//! The prompts alone tell enough where no speech engine is installed. What came of it stands in the record's tag `alarm`:
//! `confirmed` or `heard`.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::dialplan::happening::Happening;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;

/// What is to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub prompts: Vec<String>,
    pub words: String,
    pub language: String,
    /// How often, if nobody presses a key.
    pub times: u32,
    /// Further tags of the call's record.
    pub tags: Vec<(String, String)>,
}

/// The announcement while it is made.
#[derive(Debug)]
pub struct Announcing {
    announcement: Announcement,
    said: u32,
    step: Step,
    orders: VecDeque<Order>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    NotBegun,
    Prompts,
    Words,
    /// "Press any key."
    Asking,
    /// Silence in which a key may be pressed.
    Waiting {
        until: Instant,
    },
    Thanking,
    Over,
}

/// The record's tag.
pub const TAG: &str = "alarm";
pub const CONFIRMED: &str = "confirmed";
pub const HEARD: &str = "heard";

/// How long a key is waited for before it is said again.
const PATIENCE: Duration = Duration::from_secs(4);

impl Announcing {
    pub fn new(announcement: Announcement) -> Self {
        Self { announcement, said: 0, step: Step::NotBegun, orders: VecDeque::new() }
    }

    pub(super) fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.step {
            Step::Waiting { until } => Some(until),
            _ => None,
        }
    }

    pub(super) fn handle(&mut self, happening: &Happening, now: Instant) {
        match (happening, self.step) {
            (Happening::Started, _) => self.begin(),
            (Happening::Digit(_), Step::Prompts | Step::Words | Step::Asking | Step::Waiting { .. }) => self.thank(),
            (Happening::PlayFinished, step) => self.after(step, now),
            (Happening::CallerHungUp, _) => self.step = Step::Over,
            _ => {}
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|until| until > now) {
            return;
        }
        match self.said < self.announcement.times {
            true => self.say_prompts(),
            false => self.end(),
        }
    }

    fn begin(&mut self) {
        let tags = std::mem::take(&mut self.announcement.tags);
        self.orders.extend(tags.into_iter().map(|(name, value)| Order::Tag { name, value }));
        self.say_prompts();
    }

    fn after(&mut self, step: Step, now: Instant) {
        match step {
            Step::Prompts => {
                let Announcement { words: text, language, .. } = &self.announcement;
                self.orders.push_back(Order::Speak { text: text.clone(), language: language.clone() });
                self.step = Step::Words;
            }
            Step::Words => {
                self.play(&["alarm-confirm"]);
                self.step = Step::Asking;
            }
            Step::Asking => {
                self.said += 1;
                // Whoever picks up and hears it once knows it, also if he hangs up then.
                self.tag(HEARD);
                self.step = Step::Waiting { until: now + PATIENCE };
            }
            Step::Thanking => self.end(),
            Step::NotBegun | Step::Waiting { .. } | Step::Over => {}
        }
    }

    fn say_prompts(&mut self) {
        let Announcement { prompts, language, .. } = &self.announcement;
        self.orders.push_back(Order::Play { prompts: prompts.clone(), language: language.clone() });
        self.step = Step::Prompts;
    }

    fn thank(&mut self) {
        self.tag(CONFIRMED);
        self.orders.push_back(Order::StopPlaying);
        self.play(&["alarm-confirmed"]);
        self.step = Step::Thanking;
    }

    fn end(&mut self) {
        self.step = Step::Over;
        self.orders.push_back(Order::Hangup { cause: HangupCause::Normal });
    }

    fn tag(&mut self, value: &str) {
        self.orders.push_back(Order::Tag { name: TAG.to_owned(), value: value.to_owned() });
    }

    fn play(&mut self, prompts: &[&str]) {
        let prompts = prompts.iter().map(|prompt| (*prompt).to_owned()).collect();
        self.orders.push_back(Order::Play { prompts, language: self.announcement.language.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcing(times: u32) -> Announcing {
        Announcing::new(Announcement {
            prompts: vec!["alarm-notice".to_owned()],
            words: "whatsapp is down".to_owned(),
            language: "en".to_owned(),
            times,
            tags: Vec::new(),
        })
    }

    fn orders(announcing: &mut Announcing) -> Vec<String> {
        let orders = std::iter::from_fn(|| announcing.poll_order());
        orders
            .map(|order| match order {
                Order::Play { prompts, .. } => prompts.join("+"),
                Order::Speak { text, .. } => text,
                Order::Tag { value, .. } => format!("tag {value}"),
                Order::Hangup { .. } => "hangup".to_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn it_is_said_as_often_as_wanted_and_then_the_call_ends() {
        let (mut it, mut now) = (announcing(2), start());
        it.handle(&Happening::Started, now);
        for round in 0..2 {
            for said in ["alarm-notice", "whatsapp is down", "alarm-confirm"] {
                assert_eq!(orders(&mut it), [said], "round {round}");
                it.handle(&Happening::PlayFinished, now);
            }
            assert_eq!(orders(&mut it), ["tag heard"]);
            now += PATIENCE;
            it.handle_timeout(now);
        }
        assert_eq!(orders(&mut it), ["hangup"]);
    }

    #[test]
    fn any_key_confirms_it_at_any_moment() {
        let (mut it, now) = (announcing(3), start());
        it.handle(&Happening::Started, now);
        orders(&mut it);
        it.handle(&Happening::Digit('5'), now);
        assert_eq!(orders(&mut it), ["tag confirmed", "StopPlaying", "alarm-confirmed"]);
        it.handle(&Happening::Digit('5'), now);
        assert_eq!(orders(&mut it), Vec::<String>::new(), "a second key changes nothing");
        it.handle(&Happening::PlayFinished, now);
        assert_eq!(orders(&mut it), ["hangup"]);
    }
}
