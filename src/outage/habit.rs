//! How many customers write in each hour of the week, and so whether their silence means anything.
//!
//! 168 hours, each with the mean of the weeks that were heard and how many those were. An hour that was not heard from its
//! beginning to its end teaches nothing: not that of a start, not one in which the clock jumped, not one of an outage.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::outage::Outcome;
use crate::outage::fault::Fault;

#[derive(Debug, Clone, PartialEq)]
pub struct Habit {
    hours: Vec<Hour>,
    current: Current,
    last: Option<Timestamp>,
}

/// As it is kept over a restart: the mean, and how many weeks it is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Hour(f32, u8);

/// The hour that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    /// Hours since 1970.
    number: i64,
    messages: u32,
    lesson: Lesson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lesson {
    Whole,
    /// Part of the hour was not heard, or was no everyday hour.
    Spoilt,
}

/// Whether an hour's end changed what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learnt {
    Something,
    Nothing,
}

const HOURS: i64 = 168;

/// An hour is known after as many weeks.
const KNOWN_AFTER: u8 = 3;

/// The newest week counts for a quarter, so that a habit is relearnt in about a month.
const NEWEST: f32 = 0.25;

/// So many messages must be missing. If people wrote independently of each other, silence by chance would have the odds of
/// 1 to 22,000; they do not quite, which is why it is not fewer.
const MISSING: f32 = 10.0;

/// A longer silence is judged by its last hours.
const LOOK_BACK_SECONDS: i64 = 24 * 3600;

impl Habit {
    /// `kept`: what an earlier run had learnt; anything but 168 hours is nothing.
    pub fn new(kept: Option<Vec<Hour>>, wall: Timestamp) -> Habit {
        let whole = |hours: &Vec<Hour>| hours.len() == HOURS as usize && hours.iter().all(Hour::is_sane);
        Habit {
            hours: kept.filter(whole).unwrap_or_else(|| vec![Hour::default(); HOURS as usize]),
            current: Current { number: number(wall), messages: 0, lesson: Lesson::Spoilt },
            last: None,
        }
    }

    pub fn kept(&self) -> &[Hour] {
        &self.hours
    }

    pub fn on_message(&mut self, wall: Timestamp) -> Learnt {
        let learnt = self.turn_to(wall);
        self.current.messages = self.current.messages.saturating_add(1);
        self.last = Some(wall);
        learnt
    }

    /// To be called at least once an hour.
    pub fn turn_to(&mut self, wall: Timestamp) -> Learnt {
        let number = number(wall);
        let Current { number: before, messages, lesson } = self.current;
        if number == before {
            return Learnt::Nothing;
        }
        let follows = number == before + 1;
        let lesson_of_next = if follows { Lesson::Whole } else { Lesson::Spoilt };
        self.current = Current { number, messages: 0, lesson: lesson_of_next };
        if !follows {
            // The clock jumped, or nobody looked: how long the silence was is not known.
            self.last = None;
        }
        match (follows, lesson) {
            (true, Lesson::Whole) => {
                self.hours[place(before)].learn(messages);
                Learnt::Something
            }
            _ => Learnt::Nothing,
        }
    }

    /// What is heard in this hour is no everyday thing.
    pub fn spoil(&mut self) {
        self.current.lesson = Lesson::Spoilt;
    }

    /// How the silence since the last message is to be taken; `None`: nothing can be said, since it is not known how many
    /// write at this time, or that few do.
    pub fn judge(&self, wall: Timestamp) -> Option<Outcome> {
        let last = self.last?;
        let silent = wall.as_second().saturating_sub(last.as_second());
        let missing = self.usual(wall.as_second() - silent.min(LOOK_BACK_SECONDS), wall.as_second())?;
        let why = || {
            format!(
                "nobody has written for {}, {} messages are usual in that time",
                in_minutes(silent),
                missing.round()
            )
        };
        (missing >= MISSING).then(|| Outcome::failed(Fault::InboundSilent, why()))
    }

    /// Messages that are usual between two moments; `None` when one of the hours is not known.
    fn usual(&self, from: i64, to: i64) -> Option<f32> {
        let mut sum = 0.0;
        for hour in from.div_euclid(3600)..=to.div_euclid(3600) {
            let Hour(mean, weeks) = self.hours[place(hour)];
            let (start, end) = (from.max(hour * 3600), to.min(hour * 3600 + 3600));
            if weeks < KNOWN_AFTER {
                return None;
            }
            #[expect(clippy::cast_precision_loss, reason = "an hour has 3600 seconds")]
            let part = (end - start) as f32 / 3600.0;
            sum += mean * part;
        }
        Some(sum)
    }
}

impl Hour {
    fn is_sane(&self) -> bool {
        self.0.is_finite() && self.0 >= 0.0
    }

    fn learn(&mut self, messages: u32) {
        #[expect(clippy::cast_precision_loss, reason = "nobody gets 2^24 messages in an hour")]
        let messages = messages as f32;
        let Hour(mean, weeks) = *self;
        // The first weeks weigh alike.
        let weight = NEWEST.max(1.0 / (f32::from(weeks) + 1.0));
        *self = Hour(mean + (messages - mean) * weight, weeks.saturating_add(1));
    }
}

fn number(wall: Timestamp) -> i64 {
    wall.as_second().div_euclid(3600)
}

/// The first hour of 1970 was one of a Thursday.
fn place(number: i64) -> usize {
    usize::try_from(number.rem_euclid(HOURS)).unwrap_or_default()
}

fn in_minutes(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    #[test]
    fn a_silence_that_is_usual_at_night_is_none_by_day() {
        let mut shop = Shop::open();
        shop.everyday_weeks(4);
        shop.passes_as_usual(22 * 60);
        // Until the next morning nobody writes, as ever.
        shop.passes_quietly(11 * 60);
        assert_eq!(shop.habit.judge(shop.wall), None);
    }

    #[test]
    fn ten_missing_messages_are_a_silence() {
        let mut shop = Shop::open();
        shop.everyday_weeks(4);
        shop.passes_as_usual(10 * 60);
        assert_eq!(shop.habit.judge(shop.wall), None);
        shop.passes_quietly(17);
        assert_eq!(shop.habit.judge(shop.wall), None, "nine are missing");
        shop.passes_quietly(3);
        let Some(Outcome::Failed { fault, why }) = shop.habit.judge(shop.wall) else {
            panic!("nobody writes");
        };
        assert_eq!(fault, Fault::InboundSilent);
        assert!(why.starts_with("nobody has written for 2") && why.contains("min"), "{why}");
        shop.habit.on_message(shop.wall);
        assert_eq!(shop.habit.judge(shop.wall), None);
    }

    #[test]
    fn nothing_is_said_of_hours_that_are_not_known_yet() {
        let mut shop = Shop::open();
        shop.everyday_weeks(2);
        shop.passes_as_usual(10 * 60);
        shop.passes_quietly(120);
        assert_eq!(shop.habit.judge(shop.wall), None);
    }

    #[test]
    fn an_outage_and_a_jump_of_the_clock_teach_nothing() {
        let mut shop = Shop::open();
        shop.everyday_weeks(4);
        let before = shop.habit.kept().to_vec();
        for _ in 0..24 * 60 {
            shop.habit.spoil();
            shop.passes_quietly(1);
        }
        assert_eq!(shop.habit.kept(), before);
        shop.wall += 100.hours();
        shop.habit.turn_to(shop.wall);
        assert_eq!(shop.habit.judge(shop.wall), None, "a silence of unknown length");
        assert_eq!(shop.habit.kept(), before);
    }

    #[test]
    fn what_was_learnt_survives_a_restart_and_garbage_does_not() {
        let mut shop = Shop::open();
        shop.everyday_weeks(4);
        let text = serde_json::to_string(shop.habit.kept()).unwrap();
        assert!(text.len() < 5_000, "{} bytes", text.len());
        let kept: Vec<Hour> = serde_json::from_str(&text).unwrap();
        let again = Habit::new(Some(kept), shop.wall);
        assert_eq!(again.kept(), shop.habit.kept());
        let garbage = Habit::new(Some(vec![Hour(f32::NAN, 200); 168]), shop.wall);
        assert_eq!(garbage.kept()[0], Hour::default());
        assert_eq!(Habit::new(Some(Vec::new()), shop.wall).kept().len(), 168);
    }

    /// A shop that gets a message every other minute from 9 to 18 o'clock, UTC, on every day.
    struct Shop {
        habit: Habit,
        wall: Timestamp,
    }

    impl Shop {
        /// Monday, midnight.
        fn open() -> Shop {
            let wall = "2026-03-02T00:00:00Z".parse().unwrap();
            Shop { habit: Habit::new(None, "2026-03-01T23:59:00Z".parse().unwrap()), wall }
        }

        fn everyday_weeks(&mut self, weeks: u32) {
            self.passes_as_usual(weeks * 7 * 24 * 60);
        }

        fn passes_as_usual(&mut self, minutes: u32) {
            for _ in 0..minutes {
                let minute = self.wall.as_second() / 60;
                let hour = minute / 60 % 24;
                self.habit.turn_to(self.wall);
                if (9..18).contains(&hour) && minute % 2 == 0 {
                    self.habit.on_message(self.wall);
                }
                self.wall += 1.minute();
            }
        }

        fn passes_quietly(&mut self, minutes: u32) {
            for _ in 0..minutes {
                self.habit.turn_to(self.wall);
                self.wall += 1.minute();
            }
        }
    }
}
