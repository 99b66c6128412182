//! How a running call goes, for whoever asks: the pump is asked for each leg, and the answer waits for it.
//!
//! Nothing is measured for nobody: a call that no one asks about costs nothing here. What the pump does not tell in time is
//! left out of the answer.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use crate::call::record::CallId;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::media::command::LegId;
use crate::media::figures::Figures;
use crate::switch::command::Answer;
use crate::switch::commands::no_call;
use crate::switch::effect::Effect;
use crate::switch::input::Ticket;
use crate::switch::machine::Switch;

/// The pump answers within a turn of its grid.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// Who asks beyond that is answered without figures.
const MOST_WAITING: usize = 64;

/// Those who wait, in the order of asking.
#[derive(Debug, Default)]
pub(super) struct Measuring {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    call: CallId,
    missing: BTreeSet<LegId>,
    figures: BTreeMap<LegId, Box<Figures>>,
    until: Instant,
}

impl Measuring {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.iter().map(|it| it.until).min()
    }

    fn take_complete(&mut self, now: Instant) -> Option<Waiting> {
        let at = self.waiting.iter().position(|it| it.missing.is_empty() || it.until <= now)?;
        Some(self.waiting.remove(at))
    }
}

impl Switch {
    pub(super) fn show_call(&mut self, ticket: Ticket, id: CallId, now: Instant) {
        let legs = self.calls.find(&id).map(|(_, call)| call.measurable()).unwrap_or_default();
        let full = self.measuring.waiting.len() >= MOST_WAITING;
        let missing: BTreeSet<LegId> = legs.into_iter().filter(|_| !full).collect();
        self.effects.extend(missing.iter().map(|leg| Effect::Media(MediaCommand::Measure { leg: *leg })));
        let until = now + ANSWERED_WITHIN;
        self.measuring.waiting.push(Waiting { ticket, call: id, missing, figures: BTreeMap::new(), until });
        self.answer_measured(now);
    }

    /// Whether an event of the pump was an answer to a question of ours and nobody else's business.
    pub(super) fn takes_measure(&mut self, event: &MediaEvent, now: Instant) -> bool {
        let (leg, figures) = match event {
            MediaEvent::Measured { leg, figures } => (leg, Some(figures)),
            MediaEvent::Closed { leg, .. } => (leg, None),
            _ => return false,
        };
        for waiting in &mut self.measuring.waiting {
            if waiting.missing.remove(leg)
                && let Some(figures) = figures
            {
                waiting.figures.insert(*leg, figures.clone());
            }
        }
        self.answer_measured(now);
        figures.is_some()
    }

    pub(super) fn answer_measured(&mut self, now: Instant) {
        while let Some(Waiting { ticket, call, figures, .. }) = self.measuring.take_complete(now) {
            let answer = match self.calls.find(&call) {
                Some((_, found)) => Ok(Answer::Call(Box::new(found.view_with(&figures)))),
                None => Err(no_call(&call)),
            };
            self.answer(ticket, answer);
        }
    }
}
