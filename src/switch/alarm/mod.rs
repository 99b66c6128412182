//! Tells the owner: by text and by call, until somebody knows it or everything has been tried.
//!
//! One change makes one alarm for each person. A later change of the same channel makes what is still to be tried old news.
//! Texts go by a channel that is not the failing one; one that does not take the text within [`TAKEN_WITHIN`] is followed by
//! the next.

pub mod config;
mod orders;

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::call::announcement;
use crate::call::record::CallId;
use crate::call::record::Record;
use crate::channel::message::MessageId;
use crate::outage::incident::Alarm;
use crate::outage::incident::By;
use crate::outage::incident::Incident;
use crate::outage::incident::Outcome;
use crate::outage::news::News;
use crate::switch::alarm::config::Config;
use crate::switch::alarm::config::SHORTEST_PAUSE;
use crate::switch::effect::Subject;

/// A provider that has not taken the text by then is doubted.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
/// When no other channel is left, the last one gets so long.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(15 * 60);
/// Alarms under way; further ones are filed as failed.
const MOST_PENDING: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Alarms {
    pub(super) config: Config,
    pending: Vec<Pending>,
    /// What has become of alarms, to be written into their incidents.
    settled: VecDeque<Report>,
    /// When the first of them came.
    settled_at: Option<Instant>,
}

/// One person who is to be told one thing.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) incident: String,
    /// `alm_…`
    pub(super) id: String,
    /// A channel, or `our-line`.
    pub(super) subject: String,
    pub(super) to: String,
    pub(super) by: By,
    pub(super) news: News,
    pub(super) text: String,
    pub(super) drill: bool,
    pub(super) tries: u32,
    stage: Stage,
    /// Somebody has listened, and pressed no key.
    heard: bool,
    /// Channels that were tried.
    tried: Vec<String>,
    /// No channel is left but those that have it already.
    last_chance: bool,
    /// A later change has come.
    is_old: bool,
}

#[derive(Debug, Clone)]
enum Stage {
    Due {
        at: Instant,
    },
    Calling {
        call: CallId,
    },
    /// With the provider, or with several of them.
    Texting {
        messages: Vec<MessageId>,
        until: Instant,
    },
}

/// Somebody for whom an alarm is, before there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prospect {
    pub(super) by: By,
    pub(super) to: String,
    /// Why it would not reach him as things stand.
    pub(super) obstacle: Option<String>,
}

impl Prospect {
    pub(super) fn whom(&self) -> String {
        format!("{} by {}", self.to, self.by.word())
    }
}

/// How an alarm stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) incident: String,
    pub(super) id: String,
    pub(super) outcome: Outcome,
    pub(super) tries: u32,
    pub(super) why: Option<String>,
    /// The call or the text by which it was tried just now.
    pub(super) via: Option<String>,
}

impl Pending {
    pub(super) fn new(incident: &str, id: String, subject: &str, to: &str, by: By, news: News, now: Instant) -> Self {
        Self {
            incident: incident.to_owned(),
            id,
            subject: subject.to_owned(),
            to: to.to_owned(),
            by,
            news,
            text: String::new(),
            drill: false,
            tries: 0,
            stage: Stage::Due { at: now },
            heard: false,
            tried: Vec::new(),
            last_chance: false,
            is_old: false,
        }
    }

    /// As far as a run came that ended before somebody knew. A text that is with a provider is not sent a second time.
    pub(super) fn resumed(mut self, alarm: &Alarm, channels: Vec<String>, pause: Duration, now: Instant) -> Self {
        self.tries = alarm.tries;
        self.text.clone_from(&alarm.text);
        self.stage = match (alarm.by, alarm.via.as_slice()) {
            (By::Text, [_, ..]) => {
                self.tried = channels;
                let messages = alarm.via.iter().cloned().map(MessageId).collect();
                Stage::Texting { messages, until: now + TAKEN_WITHIN }
            }
            (By::Text, []) => Stage::Due { at: now },
            (By::Call, _) => Stage::Due { at: now + pause },
        };
        self
    }

    fn report(&self, outcome: Outcome, why: Option<String>) -> Report {
        Report { incident: self.incident.clone(), id: self.id.clone(), outcome, tries: self.tries, why, via: None }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.wakes_at().is_some_and(|at| at <= now)
    }

    fn wakes_at(&self) -> Option<Instant> {
        match self.stage {
            Stage::Due { at } | Stage::Texting { until: at, .. } => Some(at),
            Stage::Calling { .. } => None,
        }
    }
}

impl Alarms {
    pub(super) fn new(config: Config) -> Self {
        Self { config, pending: Vec::new(), settled: VecDeque::new(), settled_at: None }
    }

    /// Whom an alarm is for.
    pub(super) fn people(&self) -> impl Iterator<Item = (By, &str)> {
        let texts = self.config.text.iter().map(|to| (By::Text, to.as_str()));
        texts.chain(self.config.call.iter().map(|to| (By::Call, to.as_str())))
    }

    fn settle(&mut self, report: Report, now: Instant) {
        self.settled_at.get_or_insert(now);
        self.settled.push_back(report);
    }

    pub(super) fn raise(&mut self, pending: Pending, now: Instant) {
        match self.pending.len() < MOST_PENDING {
            true => self.pending.push(pending),
            false => self.settle(pending.report(Outcome::Failed, Some("too many alarms wait".to_owned())), now),
        }
    }

    /// What is not under way yet is told no more; what is, is not tried again.
    pub(super) fn supersede(&mut self, by: &Incident, now: Instant) {
        let mut superseded = Vec::new();
        self.pending.retain_mut(|pending| {
            if pending.subject != by.channel || pending.drill != by.drill.is_some() {
                return true;
            }
            match pending.stage {
                Stage::Due { .. } => {
                    superseded.push(pending.report(Outcome::Superseded, None));
                    false
                }
                Stage::Calling { .. } | Stage::Texting { .. } => {
                    pending.is_old = true;
                    true
                }
            }
        });
        superseded.into_iter().for_each(|report| self.settle(report, now));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.settled_at.into_iter().chain(self.pending.iter().filter_map(Pending::wakes_at)).min()
    }

    pub(super) fn take_report(&mut self) -> Option<Report> {
        self.settled_at = None;
        self.settled.pop_front()
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.is_due(now))?;
        Some(self.pending.swap_remove(at))
    }

    pub(super) fn on_called(&mut self, mut pending: Pending, call: CallId, now: Instant) {
        pending.tries += 1;
        let report = pending.report(Outcome::Pending, None);
        self.settle(Report { via: Some(call.0.clone()), ..report }, now);
        pending.stage = Stage::Calling { call };
        self.pending.push(pending);
    }

    pub(super) fn on_not_called(&mut self, mut pending: Pending, why: String, now: Instant) {
        pending.tries += 1;
        self.again_or_never(pending, Some(why), now);
    }

    pub(super) fn on_texted(&mut self, mut pending: Pending, channel: String, message: MessageId, now: Instant) {
        pending.tries += 1;
        pending.tried.push(channel);
        let mut messages = match &mut pending.stage {
            Stage::Texting { messages, .. } => std::mem::take(messages),
            Stage::Due { .. } | Stage::Calling { .. } => Vec::new(),
        };
        let report = pending.report(Outcome::Pending, None);
        self.settle(Report { via: Some(message.0.clone()), ..report }, now);
        messages.push(message);
        pending.stage = Stage::Texting { messages, until: now + TAKEN_WITHIN };
        self.pending.push(pending);
    }

    /// No further channel can carry it. What is with a provider may still come through.
    pub(super) fn on_no_channel(&mut self, mut pending: Pending, why: String, now: Instant) {
        match pending.stage {
            Stage::Texting { messages, .. } if !pending.last_chance => {
                pending.last_chance = true;
                pending.stage = Stage::Texting { messages, until: now + GIVEN_UP_AFTER };
                self.pending.push(pending);
            }
            _ => self.settle(pending.report(Outcome::Failed, Some(why)), now),
        }
    }

    /// Everything that is published passes here.
    pub(super) fn on_event(&mut self, kind: &str, subject: &Subject, now: Instant) {
        if self.pending.is_empty() {
            return;
        }
        match (kind, subject) {
            (_, Subject::Record(record)) => self.on_record(record, now),
            ("message.sent" | "message.delivered" | "message.failed", Subject::Other(data)) => {
                let id = data["id"].as_str().unwrap_or_default();
                self.on_message(id, kind, data["error"].as_str(), now);
            }
            _ => {}
        }
    }

    fn on_record(&mut self, record: &Record, now: Instant) {
        let is_its = |pending: &Pending| matches!(&pending.stage, Stage::Calling { call } if *call == record.id);
        let Some(at) = self.pending.iter().position(is_its) else {
            return;
        };
        let mut pending = self.pending.swap_remove(at);
        let said = record.tags.get(announcement::TAG).map(String::as_str);
        if said == Some(announcement::CONFIRMED) {
            return self.settle(pending.report(Outcome::Confirmed, None), now);
        }
        pending.heard |= said == Some(announcement::HEARD);
        let why = match record.answered {
            Some(_) => "answered, and no key was pressed".to_owned(),
            None => record.status.as_str().to_owned(),
        };
        self.again_or_never(pending, Some(why), now);
    }

    fn again_or_never(&mut self, mut pending: Pending, why: Option<String>, now: Instant) {
        if pending.tries < self.config.tries && !pending.is_old {
            self.settle(pending.report(Outcome::Pending, why), now);
            pending.stage = Stage::Due { at: now + self.config.pause.max(SHORTEST_PAUSE) };
            return self.pending.push(pending);
        }
        let outcome = if pending.heard { Outcome::Heard } else { Outcome::Failed };
        self.settle(pending.report(outcome, why), now);
    }

    fn on_message(&mut self, id: &str, kind: &str, error: Option<&str>, now: Instant) {
        let is_its = |pending: &Pending| match &pending.stage {
            Stage::Texting { messages, .. } => messages.iter().any(|message| message.0 == id),
            Stage::Due { .. } | Stage::Calling { .. } => false,
        };
        let Some(at) = self.pending.iter().position(is_its) else {
            return;
        };
        if kind != "message.failed" {
            let pending = self.pending.swap_remove(at);
            return self.settle(pending.report(Outcome::Sent, None), now);
        }
        let pending = &mut self.pending[at];
        let report = pending.report(Outcome::Pending, error.map(str::to_owned));
        if let Stage::Texting { messages, .. } = &mut pending.stage {
            messages.retain(|message| message.0 != id);
            if messages.is_empty() {
                pending.stage = Stage::Due { at: now };
            }
        }
        self.settle(report, now);
    }
}

impl Pending {
    /// Whether this channel may still be tried.
    pub(super) fn may_go_by(&self, channel: &str) -> bool {
        !self.is_old && self.subject != channel && !self.tried.iter().any(|tried| tried == channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::ChannelState;
    use crate::outage::blame::Blame;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn a_call_that_is_under_way_when_the_next_change_comes_is_the_last_and_counted_once() {
        let (mut alarms, now) = (Alarms::new(Config::default()), Instant::now());
        let began = "2026-11-23T15:39:00Z".parse().unwrap();
        let incident = Incident::begin("inc_1".to_owned(), "whatsapp", ChannelState::Down, Blame::Channel, began);
        let pending = Pending::new("inc_1", "alm_1".to_owned(), "whatsapp", "201", By::Call, News::Down, now);
        alarms.on_called(pending, CallId("call_1".to_owned()), now);
        alarms.supersede(&incident, now);
        let pending = alarms.pending.pop().unwrap();
        alarms.again_or_never(pending, Some("no-answer".to_owned()), now);
        let last = std::iter::from_fn(|| alarms.take_report()).last().unwrap();
        assert_eq!((last.outcome, last.tries), (Outcome::Failed, 1));
        assert!(alarms.pending.is_empty());
    }
}
