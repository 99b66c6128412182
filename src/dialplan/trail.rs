//! The way a caller has come: each step with its time and the reason for the turn, bounded.

use std::fmt;
use std::time::Instant;

use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::lookup::LookUpFailure;
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
    /// A condition saw this, and it holds or not.
    Holds(&'static str),
    HoldsNot(&'static str),
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
    CalleeListens,
    CalleeLeft,
    /// A text was to go to a caller who shows no number.
    NumberWithheld,
    /// A look-up has brought all that was wanted.
    AnswerTaken,
    /// It lacks so many of the values.
    AnswerLacks(u32),
    LookUp(LookUpFailure),
    Goodbye,
    TooManySteps,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) step: StepId,
    pub(super) reason: Reason,
    pub(super) at: Instant,
}

/// The first [`KEPT_FIRST`] entries and the last ones, [`MOST_ENTRIES`] in all.
#[derive(Debug, Default)]
pub(super) struct Trail {
    entries: Vec<Entry>,
    /// All that were ever written.
    count: u64,
}

const MOST_ENTRIES: usize = 64;
const KEPT_FIRST: usize = 16;

impl Trail {
    /// What follows a step's beginning at once stands in the same entry.
    pub(super) fn note(&mut self, step: StepId, reason: Reason, at: Instant) {
        let last = self.entries.last_mut();
        if let Some(last) = last.filter(|last| last.step == step && last.at == at) {
            match (last.reason, reason) {
                (Reason::AnsweredFirst, Reason::Begun) => return,
                (Reason::Begun, _) if reason != Reason::Begun => return last.reason = reason,
                _ => {}
            }
        }
        if self.entries.len() >= MOST_ENTRIES {
            self.entries.remove(KEPT_FIRST);
        }
        self.entries.push(Entry { step, reason, at });
        self.count += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The entries written since the count was this; those that were dropped are missing.
    pub(super) fn since(&self, count: u64) -> &[Entry] {
        let new = usize::try_from(self.count - count).unwrap_or(usize::MAX);
        &self.entries[self.entries.len().saturating_sub(new)..]
    }
}

impl Entry {
    pub(super) fn told(&self, program: &Program) -> Told {
        let step = program.step(self.step);
        Told {
            at: self.at,
            verb: step.sheet.name,
            place: program.place(step.file, step.line),
            text: step.text.to_string(),
            reason: self.reason.to_string(),
            flow: program.name_of(step.flow).to_owned(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Begun => Ok(()),
            Reason::AnsweredFirst => f.write_str("the call is answered first"),
            Reason::Holds(seen) => write!(f, "yes: {seen}"),
            Reason::HoldsNot(seen) => write!(f, "no: {seen}"),
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
            Reason::TalkTooLong => f.write_str("the talk has lasted as long as it may"),
            Reason::CalleeListens => f.write_str("somebody answered and hears the announcement"),
            Reason::CalleeLeft => f.write_str("whoever answered did not take the call; others still ring"),
            Reason::NumberWithheld => f.write_str("not sent: the caller shows no number"),
            Reason::AnswerTaken => f.write_str("it answered"),
            Reason::AnswerLacks(1) => f.write_str("it answered, but one value is missing"),
            Reason::AnswerLacks(count) => write!(f, "it answered, but {count} values are missing"),
            Reason::LookUp(failure) => failure.fmt(f),
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
    }
}
