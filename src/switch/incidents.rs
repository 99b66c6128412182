//! The outages that go on: when one begins and ends, and what happens to customers meanwhile.
//!
//! A channel has at most one. Our own line is nobody's channel: however many channels it freezes, that is one incident, and
//! its channel is called [`OUR_LINE`]. Calls are counted by the events that everybody hears of them, so nothing else has to
//! know that somebody counts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use crate::call::record::CallId;
use crate::call::record::CallView;
use crate::call::record::Direction;
use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::blame::Blame;
use crate::outage::incident::Counts;
use crate::outage::incident::Incident;
use crate::outage::view::TargetView;
use crate::switch::effect::Subject;

/// In the place of a channel's name, where it is our own line or resolver that fails.
pub(super) const OUR_LINE: &str = "our-line";

/// How long counts may be in memory only.
const KEPT_WITHIN: Duration = Duration::from_secs(2);
/// After a start probes need a while to say again what they had said before it.
const PROVED_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Calls that one incident looks at; those beyond are counted as offered and no more.
const MOST_CALLS: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Incidents {
    by_id: BTreeMap<String, Open>,
    /// Channels that are frozen because our own line fails.
    frozen: BTreeSet<String>,
}

/// One that goes on, or whose last calls do.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) incident: Incident,
    /// Calls that came during it and are not over.
    calls: BTreeMap<CallId, Seen>,
    /// When it is to be kept again; none: what the store has is what we have.
    keep_at: Option<Instant>,
    /// Of one from before a start: by then the evidence must say again that something is wrong.
    prove_by: Option<Instant>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    waited: bool,
    talked: bool,
}

/// What a change of one channel means for the incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Begins,
    GoesOn,
    Ends,
    /// There is no incident, and none begins.
    Nothing,
}

impl Incidents {
    /// What becomes of the channel's own incident.
    pub(super) fn turn_of(&self, channel: &str, change: &Change) -> Turn {
        let goes_on = self.of_channel(channel).is_some();
        // What has begun is over when all is well, and not when it is only better, or cannot be seen because of our line.
        let is_unseen = is_of_line(blame_in(channel, change));
        let lasts = goes_on && (change.to != ChannelState::Up || is_unseen);
        turn(goes_on, is_trouble(change.to, change.blame) || lasts)
    }

    /// What becomes of the incident of our own line. Several channels may see it fail.
    pub(super) fn turn_of_line(&mut self, channel: &str, change: &Change) -> Turn {
        let is_news = match is_of_line(change.blame) {
            true => self.frozen.insert(channel.to_owned()),
            false => self.frozen.remove(channel),
        };
        match is_news {
            true => turn(self.of_channel(OUR_LINE).is_some(), !self.frozen.is_empty()),
            false => Turn::Nothing,
        }
    }

    /// These were frozen when the last run ended, and nothing has changed for them.
    pub(super) fn freeze(&mut self, channels: impl Iterator<Item = String>) {
        self.frozen.extend(channels);
    }

    /// The one that goes on there; no exercise.
    pub(super) fn of_channel(&self, channel: &str) -> Option<&Incident> {
        self.going_on().find(|incident| incident.channel == channel && incident.drill.is_none())
    }

    pub(super) fn drill_of_channel(&self, channel: &str) -> Option<&Incident> {
        self.drills().find(|incident| incident.channel == channel)
    }

    /// Exercises that go on.
    pub(super) fn drills(&self) -> impl Iterator<Item = &Incident> {
        self.going_on().filter(|incident| incident.drill.is_some())
    }

    fn going_on(&self) -> impl Iterator<Item = &Incident> {
        self.by_id.values().map(|open| &open.incident).filter(|incident| incident.is_open())
    }

    pub(super) fn get(&self, id: &str) -> Option<&Incident> {
        self.by_id.get(id).map(|open| &open.incident)
    }

    pub(super) fn open(&mut self, incident: Incident, now: Instant) {
        let open = Open { incident, calls: BTreeMap::new(), keep_at: Some(now), prove_by: None };
        self.by_id.insert(open.incident.id.clone(), open);
    }

    /// From before a start.
    pub(super) fn resume(&mut self, incident: Incident, now: Instant) {
        let prove_by = (incident.is_open() && incident.drill.is_none()).then(|| now + PROVED_WITHIN);
        let open = Open { incident, calls: BTreeMap::new(), keep_at: Some(now), prove_by };
        self.by_id.insert(open.incident.id.clone(), open);
    }

    /// Those from before a start whose time to be proved is up: id and channel.
    pub(super) fn take_unproved(&mut self, now: Instant) -> Vec<(String, String)> {
        let due = self.by_id.values_mut().filter(|open| open.prove_by.is_some_and(|at| at <= now));
        due.map(|open| {
            open.prove_by = None;
            (open.incident.id.clone(), open.incident.channel.clone())
        })
        .collect()
    }

    /// Works on one; it is kept at once.
    pub(super) fn with(&mut self, id: &str, now: Instant, work: impl FnOnce(&mut Incident)) {
        if let Some(open) = self.by_id.get_mut(id) {
            work(&mut open.incident);
            open.keep_at = Some(now);
        }
    }

    /// What the channel's targets are worth by now.
    pub(super) fn observe(&mut self, channel: &str, targets: &[TargetView], wall: Timestamp, now: Instant) {
        for open in self.by_id.values_mut().filter(|open| open.is_real_of(channel)) {
            if open.incident.observe(targets, wall) {
                open.keep_at.get_or_insert(now + KEPT_WITHIN);
            }
        }
    }

    pub(super) fn close(&mut self, id: &str, at: Timestamp, now: Instant) {
        self.with(id, now, |incident| incident.ended = Some(at));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_id.values().flat_map(|open| [open.keep_at, open.prove_by]).flatten().min()
    }

    /// Nothing waits to be kept.
    pub(super) fn is_kept(&self) -> bool {
        self.by_id.values().all(|open| open.keep_at.is_none())
    }

    pub(super) fn is_line_frozen(&self) -> bool {
        !self.frozen.is_empty()
    }

    /// Those that are to be kept now. One that has ended and whose last call is over is forgotten here.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Incident> {
        let mut due = Vec::new();
        for open in self.by_id.values_mut().filter(|open| open.keep_at.is_some_and(|at| at <= now)) {
            open.keep_at = None;
            due.push(open.incident.clone());
        }
        self.by_id.retain(|_, open| open.is_needed());
        due
    }

    /// The full drill that this call is part of.
    pub(super) fn drill_of_call(&self, call: &CallId) -> Option<&Incident> {
        let mut of_call = self.by_id.values().filter(|open| open.calls.contains_key(call)).map(|open| &open.incident);
        of_call.rfind(|incident| incident.drill.is_some() && !incident.is_shadow())
    }

    /// Everything that is published passes here.
    pub(super) fn on_event(&mut self, kind: &str, subject: &Subject, now: Instant) {
        if self.by_id.is_empty() {
            return;
        }
        for open in self.by_id.values_mut() {
            if open.on_event(kind, subject) {
                open.keep_at.get_or_insert(now + KEPT_WITHIN);
            }
        }
    }
}

impl Open {
    /// It goes on, or its calls do, or somebody is still to be told.
    fn is_needed(&self) -> bool {
        let Open { incident, calls, keep_at, .. } = self;
        incident.is_open() || incident.is_being_told() || keep_at.is_some() || !calls.is_empty()
    }

    fn is_real_of(&self, channel: &str) -> bool {
        self.incident.is_open() && self.incident.drill.is_none() && self.incident.channel == channel
    }

    /// True: something was counted.
    fn on_event(&mut self, kind: &str, subject: &Subject) -> bool {
        match subject {
            Subject::Call(view) => self.on_call(kind, view),
            Subject::Record(record) => self.on_call_over(&record.id),
            Subject::Other(data) => self.incident.is_open() && self.on_other(kind, data),
        }
    }

    fn on_call(&mut self, kind: &str, view: &CallView) -> bool {
        let known = self.calls.contains_key(&view.id);
        if !known {
            let is_new = view.direction == Direction::Inbound && view.started >= self.incident.started;
            if !is_new || !self.incident.is_open() || kind != "call.ringing" {
                return false;
            }
            self.incident.counts.offered += 1;
            if self.calls.len() < MOST_CALLS {
                self.calls.insert(view.id.clone(), Seen::default());
            }
            return true;
        }
        let (Some(seen), counts) = (self.calls.get_mut(&view.id), &mut self.incident.counts) else {
            return false;
        };
        match kind {
            "call.waiting" if !seen.waited => {
                seen.waited = true;
                counts.waited += 1;
            }
            "call.connected" if !seen.talked => {
                seen.talked = true;
                counts.answered += 1;
            }
            _ => return false,
        }
        true
    }

    fn on_call_over(&mut self, call: &CallId) -> bool {
        let Some(seen) = self.calls.remove(call) else {
            return false;
        };
        if seen.waited && !seen.talked {
            self.incident.counts.given_up += 1;
        }
        true
    }

    fn on_other(&mut self, kind: &str, data: &Value) -> bool {
        let Some(counter) = counter(&mut self.incident.counts, kind, data) else {
            return false;
        };
        *counter += 1;
        true
    }
}

fn counter<'a>(counts: &'a mut Counts, kind: &str, data: &Value) -> Option<&'a mut u64> {
    // Texts between colleagues are no news of customers.
    let outside = || data["to"].as_str().is_some_and(|to| to.starts_with('+'));
    match kind {
        "message.sent" if outside() => Some(&mut counts.texted),
        "message.failed" if outside() => Some(&mut counts.texts_failed),
        "message.received" => Some(&mut counts.texts_received),
        "voicemail.left" => Some(&mut counts.voicemails),
        "callback.completed" => Some(&mut counts.called_back),
        _ => None,
    }
}

fn turn(goes_on: bool, trouble: bool) -> Turn {
    match (goes_on, trouble) {
        (false, true) => Turn::Begins,
        (true, true) => Turn::GoesOn,
        (true, false) => Turn::Ends,
        (false, false) => Turn::Nothing,
    }
}

/// What an incident of a channel begins with.
pub(super) fn is_trouble(state: ChannelState, blame: Blame) -> bool {
    state.is_down() || is_ours_alone(blame)
}

/// Faults of one channel that somebody here has to mend, though customers may not notice them.
pub(super) fn is_ours_alone(blame: Blame) -> bool {
    matches!(blame, Blame::OurCredential | Blame::OurWebhook | Blame::BlockedHere)
}

/// Whose fault a change is in the story of `subject`. While our own line fails a channel's state stands still, unless somebody
/// says what it is: his word stands above the doubt.
pub(super) fn blame_in(subject: &str, change: &Change) -> Blame {
    let is_declared = subject != OUR_LINE && change.from != change.to;
    if is_declared && is_of_line(change.blame) { Blame::Channel } else { change.blame }
}

pub(super) fn is_of_line(blame: Blame) -> bool {
    matches!(blame, Blame::OurLine | Blame::OurResolver)
}
