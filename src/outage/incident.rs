//! One outage of one channel, from its first sign to its end, with all that is known of it: plain data, and bounded.
//!
//! What a person reads stands in it as sentences, written when it happened: an old incident tells its story also to a
//! program that has forgotten how it once judged. Of what comes too often, the first and the last are kept.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::outage::ChannelState;
use crate::outage::blame::Blame;
use crate::outage::fault::Fault;
use crate::outage::view::TargetView;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// `inc_…`
    pub id: String,
    pub channel: String,
    /// Only of an exercise.
    #[serde(default)]
    pub drill: Option<Drill>,
    pub started: Timestamp,
    /// None while it goes on.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// As it is now; at the end, what the channel became.
    pub state: ChannelState,
    /// Whose fault it is; at the end, whose it was.
    #[serde(default)]
    pub blame: Blame,
    #[serde(default)]
    pub counts: Counts,
    pub timeline: Vec<Moment>,
    pub evidence: Vec<Observation>,
    /// Moments and observations that found no room.
    #[serde(default)]
    pub left_out: u64,
    #[serde(default)]
    pub alarms: Vec<Alarm>,
}

/// An exercise: the channel works, and everything happens as if it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// Nothing happens to calls, and nobody is told.
    pub shadow: bool,
    pub author: String,
    /// When it ends by itself.
    pub until: Timestamp,
    /// What was looked at, and what was found.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// One line of a drill's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `agents`, `trunks`, `prompts`, `texts`, `alarms`, `dialplan`, `calls`.
    pub about: String,
    /// Whether it would serve on the bad day.
    pub works: bool,
    pub text: String,
}

/// What happened to customers meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Calls that came in.
    pub offered: u64,
    /// Of these, those that a person talked to.
    pub answered: u64,
    /// Of these, those that waited in a queue.
    pub waited: u64,
    /// Of those that waited, the ones that left without having talked to anybody.
    pub given_up: u64,
    /// Messages left by voice.
    pub voicemails: u64,
    /// Texts to telephone numbers that a provider took.
    pub texted: u64,
    pub texts_failed: u64,
    /// Texts that came in, over any channel.
    pub texts_received: u64,
    /// Callers who had left and were reached by a call of ours.
    pub called_back: u64,
}

/// Something that belongs into the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub at: Timestamp,
    pub kind: Kind,
    pub text: String,
    /// Why, as it was known then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The channel's state or whose fault it is.
    State,
    Alarm,
    Drill,
    /// Our own server: it started again.
    Server,
}

/// What one target of the probes came to be worth, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub at: Timestamp,
    pub layer: String,
    pub target: String,
    /// Over which line, and which resolver was asked; empty: as everything here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    pub role: String,
    pub verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How one person was told of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// `alm_…`
    pub id: String,
    pub at: Timestamp,
    /// A telephone number or an extension.
    pub to: String,
    pub by: By,
    /// What is said.
    pub text: String,
    pub outcome: Outcome,
    /// Calls that were placed, or texts that were tried.
    #[serde(default)]
    pub tries: u32,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The calls and texts by which it was tried.
    #[serde(default)]
    pub via: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    Call,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Under way, or to be tried again.
    Pending,
    /// The provider took the text.
    Sent,
    /// The call was answered, and no key was pressed.
    Heard,
    /// A key was pressed.
    Confirmed,
    Failed,
    /// A later change made it old news.
    Superseded,
}

impl Incident {
    pub fn begin(id: String, channel: &str, state: ChannelState, blame: Blame, started: Timestamp) -> Incident {
        Incident {
            id,
            channel: channel.to_owned(),
            drill: None,
            started,
            ended: None,
            state,
            blame,
            counts: Counts::default(),
            timeline: Vec::new(),
            evidence: Vec::new(),
            left_out: 0,
            alarms: Vec::new(),
        }
    }

    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Somebody is still to be told, perhaps that it is over.
    pub fn is_being_told(&self) -> bool {
        self.alarms.iter().any(|alarm| alarm.outcome == Outcome::Pending)
    }

    /// As events and lists show it: without its story.
    pub fn summary(&self) -> Value {
        let mut summary = json!(self);
        if let Some(fields) = summary.as_object_mut() {
            fields.remove("timeline");
            fields.remove("evidence");
        }
        summary
    }

    pub fn is_shadow(&self) -> bool {
        self.drill.as_ref().is_some_and(|drill| drill.shadow)
    }

    pub fn note(&mut self, kind: Kind, text: String, reasons: &[String], at: Timestamp) {
        let reasons = reasons.iter().take(MOST_REASONS).map(|reason| bounded(reason)).collect();
        let moment = Moment { at, kind, text: bounded(&text), reasons };
        self.left_out += keep(&mut self.timeline, moment, MOST_MOMENTS);
    }

    /// Notes every target whose worth is not what it was when it was noted last. True: there was one.
    pub fn observe(&mut self, targets: &[TargetView], wall: Timestamp) -> bool {
        let mut noted = false;
        for target in targets {
            let seen = Observation::of(target, wall);
            let last = self.evidence.iter().rev().find(|last| last.is_about_the_same(&seen));
            if last.is_some_and(|last| last.verdict == seen.verdict) {
                continue;
            }
            self.left_out += keep(&mut self.evidence, seen, MOST_OBSERVATIONS);
            noted = true;
        }
        noted
    }

    pub fn alarm_mut(&mut self, id: &str) -> Option<&mut Alarm> {
        self.alarms.iter_mut().find(|alarm| alarm.id == id)
    }

    /// The oldest that is settled makes room.
    pub fn file_alarm(&mut self, alarm: Alarm) {
        if self.alarms.len() >= MOST_ALARMS {
            let settled = self.alarms.iter().position(|alarm| alarm.outcome != Outcome::Pending);
            self.alarms.remove(settled.unwrap_or(0));
            self.left_out += 1;
        }
        self.alarms.push(alarm);
    }
}

impl Observation {
    fn of(target: &TargetView, wall: Timestamp) -> Observation {
        Observation {
            at: target.asked.unwrap_or(wall),
            layer: target.layer.to_string(),
            target: bounded(&target.target),
            by: bounded(&asked_by(target)),
            role: word(&target.role),
            verdict: target.verdict.to_owned(),
            fault: target.fault,
            why: target.why.as_deref().map(bounded),
        }
    }

    fn is_about_the_same(&self, other: &Observation) -> bool {
        (&self.layer, &self.target, &self.by, &self.role) == (&other.layer, &other.target, &other.by, &other.role)
    }
}

impl By {
    pub fn word(self) -> &'static str {
        match self {
            By::Call => "call",
            By::Text => "text",
        }
    }
}

impl Outcome {
    /// Whether somebody knows of it, as far as we can tell.
    pub fn reached(self) -> bool {
        matches!(self, Outcome::Sent | Outcome::Heard | Outcome::Confirmed)
    }
}

/// `path:vivo`, `other:1.1.1.1`
fn asked_by(target: &TargetView) -> String {
    let path = (!target.vantage.is_here()).then(|| target.vantage.to_string());
    let resolver = target.resolver.as_ref().map(ToString::to_string);
    path.into_iter().chain(resolver).collect::<Vec<_>>().join(" ")
}

/// Keeps the first third and the last two; returns how many were dropped.
fn keep<T>(list: &mut Vec<T>, item: T, most: usize) -> u64 {
    let full = list.len() >= most;
    if full {
        list.remove(most / 3);
    }
    list.push(item);
    u64::from(full)
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

/// As it stands in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

const MOST_MOMENTS: usize = 150;
const MOST_OBSERVATIONS: usize = 300;
const MOST_REASONS: usize = 12;
const MOST_ALARMS: usize = 60;
/// Letters of a sentence that quotes what a target said.
const LONGEST_TEXT: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::Layer;
    use crate::outage::Role;
    use crate::outage::vantage::Vantage;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn incident() -> Incident {
        Incident::begin("inc_1".to_owned(), "whatsapp", ChannelState::Down, Blame::Channel, at(0))
    }

    fn target(name: &str, verdict: &'static str) -> TargetView {
        TargetView {
            layer: Layer::Dns,
            target: name.to_owned(),
            vantage: Vantage::Here,
            resolver: None,
            role: Role::Channel,
            verdict,
            asked: Some(at(1)),
            took_seconds: None,
            why: None,
            fault: None,
            recent: Vec::new(),
        }
    }

    #[test]
    fn a_long_outage_keeps_its_beginning_and_its_end() {
        let mut incident = incident();
        for minute in 0..1_000 {
            incident.note(Kind::State, format!("change {minute}"), &[], at(minute * 60));
        }
        assert_eq!(incident.timeline.len(), MOST_MOMENTS);
        assert_eq!(incident.timeline[0].text, "change 0");
        assert_eq!(incident.timeline.last().unwrap().text, "change 999");
        assert_eq!(incident.left_out, 1_000 - MOST_MOMENTS as u64);
    }

    #[test]
    fn a_target_is_noted_when_its_worth_changes_and_not_at_each_probe() {
        let mut incident = incident();
        for _ in 0..50 {
            incident.observe(&[target("a", "bad"), target("b", "good")], at(1));
        }
        incident.observe(&[target("a", "good"), target("b", "good")], at(2));
        let verdicts: Vec<&str> = incident.evidence.iter().map(|seen| seen.verdict.as_str()).collect();
        assert_eq!(verdicts, ["bad", "good", "good"]);
    }

    #[test]
    fn what_a_target_writes_cannot_make_it_grow() {
        let mut incident = incident();
        let reasons = vec!["x".repeat(100_000); 100];
        incident.note(Kind::State, "y".repeat(100_000), &reasons, at(0));
        let written = serde_json::to_string(&incident).unwrap();
        assert!(written.len() < 10_000, "{}", written.len());
    }

    #[test]
    fn it_reads_again_what_it_wrote() {
        let mut incident = incident();
        incident.note(Kind::State, "down".to_owned(), &["why".to_owned()], at(0));
        incident.observe(&[target("a", "bad")], at(1));
        let written = serde_json::to_string(&incident).unwrap();
        assert_eq!(serde_json::from_str::<Incident>(&written).unwrap(), incident);
    }
}
