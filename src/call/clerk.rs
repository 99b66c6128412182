//! Keeps the minutes of a call and writes the record at its end.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::call::caller::CallerId;
use crate::call::effect::Ending;
use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::record::LegRecord;
use crate::call::record::Party;
use crate::call::record::Record;
use crate::call::record::Status;
use crate::call::record::StepRecord;
use crate::call::record::TalkRecording;
use crate::dialplan::order::Consent;
use crate::media::answering;

/// Steps beyond this are counted and not kept: a record stays small however long a caller wanders.
const STEPS_KEPT: usize = 200;

/// What is known of a call when it begins.
#[derive(Debug, Clone)]
pub struct Facts {
    pub direction: Direction,
    pub from: String,
    pub to: String,
    pub trunk: Option<String>,
    /// The trunk of whoever is to talk with those who are rung.
    pub meets: Option<String>,
    pub flow: Option<String>,
    pub channels_down: Vec<String>,
    pub caller: CallerId,
}

#[derive(Debug)]
pub(super) struct Clerk {
    pub facts: Facts,
    began: Instant,
    started: Timestamp,
    answered: Option<(Instant, Timestamp)>,
    queue: Option<String>,
    waits_since: Option<Instant>,
    waited: Duration,
    agent: Option<String>,
    conference: Option<String>,
    consent: Option<Consent>,
    talks_since: Option<Instant>,
    talked: Duration,
    /// The first one counts: what follows is only the clearing up.
    ending: Option<Ending>,
    /// Of a call that was never answered.
    refusal: Option<Status>,
    answered_by: Option<answering::Verdict>,
    tags: BTreeMap<String, String>,
    legs: Vec<LegRecord>,
    steps: Vec<StepRecord>,
    recordings: Vec<TalkRecording>,
}

impl Clerk {
    pub(super) fn new(facts: Facts, now: Instant, wall: Timestamp) -> Self {
        Self {
            facts,
            began: now,
            started: wall,
            answered: None,
            queue: None,
            waits_since: None,
            waited: Duration::ZERO,
            agent: None,
            conference: None,
            consent: None,
            talks_since: None,
            talked: Duration::ZERO,
            ending: None,
            refusal: None,
            answered_by: None,
            tags: BTreeMap::new(),
            legs: Vec::new(),
            steps: Vec::new(),
            recordings: Vec::new(),
        }
    }

    pub(super) fn on_answered(&mut self, now: Instant, wall: Timestamp) {
        self.answered.get_or_insert((now, wall));
    }

    pub(super) fn on_waiting(&mut self, queue: &str, now: Instant) {
        self.queue = Some(queue.to_owned());
        self.waits_since = Some(now);
    }

    pub(super) fn on_left_queue(&mut self, now: Instant) {
        if let Some(since) = self.waits_since.take() {
            self.waited += now - since;
        }
    }

    pub(super) fn on_talking(&mut self, with: &str, now: Instant) {
        self.on_left_queue(now);
        self.agent = Some(with.to_owned());
        self.talks_since = Some(now);
    }

    pub(super) fn on_conference(&mut self, name: &str) {
        self.conference = Some(name.to_owned());
    }

    /// He hears the others: that counts as talk.
    pub(super) fn on_conference_heard(&mut self, now: Instant) {
        self.talks_since.get_or_insert(now);
    }

    pub(super) fn on_talk_over(&mut self, now: Instant) {
        if let Some(since) = self.talks_since.take() {
            self.talked += now - since;
        }
    }

    pub(super) fn on_ending(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    pub(super) fn on_refusal(&mut self, status: Status) {
        self.refusal.get_or_insert(status);
    }

    pub(super) fn on_greeted(&mut self, verdict: answering::Verdict) {
        self.answered_by = Some(verdict);
    }

    pub(super) fn answered_by(&self) -> Option<answering::Verdict> {
        self.answered_by
    }

    pub(super) fn tag(&mut self, name: String, value: String) {
        self.tags.insert(name, value);
    }

    pub(super) fn file_leg(&mut self, leg: LegRecord) {
        self.legs.push(leg);
    }

    pub(super) fn file_recording(&mut self, recording: TalkRecording) {
        self.recordings.push(recording);
    }

    /// A step of ours that no dialplan ordered: a phone rang, somebody declined.
    pub(super) fn note(&mut self, what: String, now: Instant) {
        if self.steps.len() < STEPS_KEPT {
            let after_ms = millis(now - self.began);
            let (place, flow, reason) = (String::new(), String::new(), String::new());
            self.steps.push(StepRecord { after_ms, place, what, flow, reason });
        }
    }

    pub(super) fn on_consent(&mut self, answer: Consent) {
        self.consent = Some(answer);
    }

    pub(super) fn consent(&self) -> Option<Consent> {
        self.consent
    }

    pub(super) fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    pub(super) fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    pub(super) fn answered(&self) -> Option<Timestamp> {
        self.answered.map(|(_, wall)| wall)
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Closes the book. `walked` are the dialplan's steps, which are laid between ours by time.
    pub(super) fn write(&mut self, id: CallId, walked: Vec<StepRecord>, now: Instant, wall: Timestamp) -> Record {
        self.on_left_queue(now);
        self.on_talk_over(now);
        let ending = self.ending.unwrap_or(Ending { by: Party::System, cause: 16 });
        // What the dialplan orders comes before what follows from it in the same millisecond.
        let mut steps = walked;
        steps.append(&mut self.steps);
        steps.sort_by_key(|step| step.after_ms);
        let rang_until = self.answered.map_or(now, |(at, _)| at);
        Record {
            id,
            direction: self.facts.direction,
            from: self.facts.from.clone(),
            to: self.facts.to.clone(),
            diverted_from: self.facts.caller.diverted_from().map(str::to_owned),
            answered_by: self.answered_by,
            status: self.final_status(ending),
            started: self.started,
            answered: self.answered(),
            ended: wall,
            ring_ms: millis(rang_until - self.began),
            wait_ms: millis(self.waited),
            talk_ms: millis(self.talked),
            trunk: self.facts.trunk.clone(),
            flow: self.facts.flow.clone(),
            queue: self.queue.clone(),
            agent: self.agent.clone(),
            conference: self.conference.clone(),
            consent: self.consent,
            hung_up_by: ending.by,
            cause: ending.cause,
            channels_down: self.facts.channels_down.clone(),
            tags: std::mem::take(&mut self.tags),
            legs: std::mem::take(&mut self.legs),
            steps,
            recordings: std::mem::take(&mut self.recordings),
        }
    }

    fn final_status(&self, ending: Ending) -> Status {
        match (self.answered, self.refusal) {
            (Some(_), _) => Status::Completed,
            (None, Some(status)) => status,
            (None, None) if ending.by == Party::Caller => Status::Canceled,
            (None, None) => Status::Failed,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
