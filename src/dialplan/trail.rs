//! The way a caller has come: each step with its time and the reason for the turn, bounded.

use std::fmt;
use std::time::Duration;
use std::time::Instant;

use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Sight;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::lookup::LookUpFailure;
use crate::dialplan::order::Consent;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;

/// One step of a walk, told to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub at: Instant,
    pub verb: &'static str,
    /// `dialplans/loja.kdl:17`
    pub place: String,
    /// The step as the owner wrote it.
    pub text: String,
    /// Why the walk went on as it did; empty where a step just happened.
    pub reason: String,
    pub flow: String,
}

/// Why a walk turned, as far as it is not said by the step itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The step was begun.
    Begun,
    AnsweredFirst,
    /// What a condition saw.
    Looked(Seen),
    /// A called flow is over: on with the step after its `call`.
    Returned,
    TooDeep,
    Pressed(char),
    WrongKey(char),
    Silence,
    WrongPin,
    Conference(ConferenceOutcome),
    Gathered,
    Queue(QueueOutcome),
    Dial(DialOutcome),
    TalkStarted,
    TalkEnded,
    TalkTooLong,
    LotFull,
    NobodyCame,
    NobodyParked,
    PickedUp,
    HandedOn,
    ReferRefused,
    Consent(Consent),
    NotRecorded,
    CalleeListens,
    CalleeLeft,
    /// A text was to go to a caller who shows no number.
    NumberWithheld,
    /// A look-up has brought all that was wanted.
    AnswerTaken,
    /// It lacks so many of the values.
    AnswerLacks(u32),
    LookUp(LookUpFailure),
    Booking(BookingOutcome),
    Goodbye,
    TooManySteps,
}

/// What a condition saw, small enough to be kept for each step of a hundred thousand callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    told: &'static &'static str,
    amount: u32,
    unit: Unit,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    None,
    Things,
    Seconds,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    HoldsNot,
    /// A branch of `when` was chosen by it.
    Chosen,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) step: StepId,
    /// Milliseconds since the walk began.
    at: u32,
    pub(super) reason: Reason,
}

/// The first [`KEPT_FIRST`] entries and the last ones, [`MOST_ENTRIES`] in all, unless all are to be kept.
#[derive(Debug, Default)]
pub(super) struct Trail {
    entries: Vec<Entry>,
    /// All that were ever written.
    count: u64,
    began: Option<Instant>,
    keeps: Keeps,
}

/// A call serves many; a rehearsal wants to know each step. Either way a walk has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Keeps {
    #[default]
    BothEnds,
    All,
}

const MOST_ENTRIES: usize = 64;
const KEPT_FIRST: usize = 16;

impl Trail {
    /// What follows a step's beginning at once stands in the same entry.
    pub(super) fn note(&mut self, step: StepId, reason: Reason, at: Instant) {
        let began = *self.began.get_or_insert(at);
        let at = u32::try_from(at.saturating_duration_since(began).as_millis()).unwrap_or(u32::MAX);
        let last = self.entries.last_mut();
        if let Some(last) = last.filter(|last| last.step == step && last.at == at) {
            match (last.reason, reason) {
                (Reason::AnsweredFirst, Reason::Begun) => return,
                (Reason::Begun, _) if reason != Reason::Begun => return last.reason = reason,
                _ => {}
            }
        }
        if self.keeps == Keeps::BothEnds && self.entries.len() >= MOST_ENTRIES {
            self.entries.remove(KEPT_FIRST);
        }
        self.entries.push(Entry { step, reason, at });
        self.count += 1;
    }

    pub(super) fn keep_all(&mut self) {
        self.keeps = Keeps::All;
    }

    /// When the first entry was written.
    pub(super) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// When a step was begun, or last noted.
    pub(super) fn last_of(&self, step: StepId) -> Option<Instant> {
        let entry = self.entries.iter().rev().find(|entry| entry.step == step)?;
        Some(self.began? + Duration::from_millis(entry.at.into()))
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The entries written since the count was this; those that were dropped are missing.
    pub(super) fn since(&self, count: u64) -> &[Entry] {
        let new = usize::try_from(self.count - count).unwrap_or(usize::MAX);
        let kept = usize::try_from(count).unwrap_or(usize::MAX).min(KEPT_FIRST);
        let begins = self.entries.len().saturating_sub(new).max(kept).min(self.entries.len());
        &self.entries[begins..]
    }
}

impl Entry {
    pub(super) fn told(&self, program: &Program, began: Instant) -> Told {
        let step = program.step(self.step);
        Told {
            at: began + Duration::from_millis(self.at.into()),
            verb: step.sheet.name,
            place: program.place(step.file, step.line),
            text: step.text.to_string(),
            reason: self.reason.to_string(),
            flow: program.name_of(step.flow).to_owned(),
        }
    }
}

impl Seen {
    pub(super) fn of(sight: &Sight, outcome: Outcome) -> Seen {
        let (amount, unit) = match &sight.facts {
            Facts::Count(count) => (u32::try_from(*count).unwrap_or(u32::MAX), Unit::Things),
            Facts::Time(time) => (u32::try_from(time.as_secs()).unwrap_or(u32::MAX), Unit::Seconds),
            Facts::States(_) | Facts::Text(_) | Facts::Itself(_) | Facts::Unknown => (0, Unit::None),
        };
        Seen { told: sight.told, amount, unit, outcome }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.outcome {
            Outcome::Holds => "yes: ",
            Outcome::HoldsNot => "no: ",
            Outcome::Chosen => "",
        })?;
        match self.unit {
            Unit::None => {}
            Unit::Things => write!(f, "{} ", self.amount)?,
            Unit::Seconds => write!(f, "{} ", humantime::format_duration(Duration::from_secs(self.amount.into())))?,
        }
        f.write_str(self.told)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Begun => Ok(()),
            Reason::AnsweredFirst => f.write_str("the call is answered first"),
            Reason::Looked(seen) => seen.fmt(f),
            Reason::Returned => f.write_str("back from there"),
            Reason::TooDeep => f.write_str("too many flows call each other: the call is ended"),
            Reason::Pressed(key) => write!(f, "the caller pressed {key}"),
            Reason::WrongKey(key) => write!(f, "the caller pressed {key}, which is no choice here"),
            Reason::Silence => f.write_str("the caller pressed nothing"),
            Reason::WrongPin => f.write_str("the PIN is wrong"),
            Reason::Conference(outcome) => outcome.fmt(f),
            Reason::Gathered => f.write_str("the caller has entered it"),
            Reason::Queue(outcome) => outcome.fmt(f),
            Reason::Dial(outcome) => outcome.fmt(f),
            Reason::TalkStarted => f.write_str("somebody answered"),
            Reason::TalkEnded => f.write_str("the talk is over"),
            Reason::LotFull => f.write_str("no slot is free"),
            Reason::NobodyCame => f.write_str("nobody has picked the caller up"),
            Reason::NobodyParked => f.write_str("nobody is parked there"),
            Reason::PickedUp => f.write_str("somebody picked the caller up"),
            Reason::HandedOn => f.write_str("the caller is handed on"),
            Reason::ReferRefused => f.write_str("the trunk does not connect the caller: we do"),
            Reason::Consent(Consent::Given) => f.write_str("the caller may be recorded"),
            Reason::Consent(Consent::Refused) => f.write_str("the caller refuses to be recorded"),
            Reason::NotRecorded => f.write_str("not recorded: the caller has refused"),
            Reason::TalkTooLong => f.write_str("the talk has lasted as long as it may"),
            Reason::CalleeListens => f.write_str("somebody answered and hears the announcement"),
            Reason::CalleeLeft => f.write_str("whoever answered did not take the call; others still ring"),
            Reason::NumberWithheld => f.write_str("not sent: the caller shows no number"),
            Reason::AnswerTaken => f.write_str("it answered"),
            Reason::AnswerLacks(1) => f.write_str("it answered, but one value is missing"),
            Reason::AnswerLacks(count) => write!(f, "it answered, but {count} values are missing"),
            Reason::LookUp(failure) => failure.fmt(f),
            Reason::Booking(outcome) => outcome.fmt(f),
            Reason::Goodbye => f.write_str("nothing is left to try: goodbye"),
            Reason::TooManySteps => f.write_str("too many steps: the call is ended"),
        }
    }
}

impl fmt::Display for QueueOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            QueueOutcome::TimedOut => "the wait was too long",
            QueueOutcome::Full => "the queue is full",
            QueueOutcome::NobodySignedIn => "no agent is signed in",
        })
    }
}

impl fmt::Display for BookingOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BookingOutcome::Booked => "he will be called back",
            BookingOutcome::Full => "as many are to be called back as may",
            BookingOutcome::NoNumber => "there is no number that we call",
        })
    }
}

impl fmt::Display for DialOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DialOutcome::NoAnswer => "nobody answered",
            DialOutcome::Busy => "busy",
            DialOutcome::Declined => "the call was declined",
            DialOutcome::Unreachable => "no phone is reachable",
            DialOutcome::Failed => "the call could not be placed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small_enough_for_a_hundred_thousand_callers() {
        assert!(size_of::<Entry>() <= 24, "{}", size_of::<Entry>());
    }

    #[test]
    fn a_long_trail_keeps_its_beginning_and_its_end() {
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let now = Instant::now();
        let mut trail = Trail::default();
        for step in 0..1_000 {
            trail.note(StepId(step), Reason::Begun, now);
        }
        let steps: Vec<u32> = trail.entries.iter().map(|entry| entry.step.0).collect();
        assert_eq!(steps.len(), MOST_ENTRIES);
        assert_eq!(steps[..KEPT_FIRST], (0..16).collect::<Vec<u32>>());
        assert_eq!(steps[KEPT_FIRST..], (952..1_000).collect::<Vec<u32>>());
        assert_eq!(trail.since(998).len(), 2);
        let most = MOST_ENTRIES - KEPT_FIRST;
        assert_eq!(trail.since(900).len(), most, "those that came first are not new, however many have come since");
        assert_eq!(trail.since(0).len(), MOST_ENTRIES);
    }
}
