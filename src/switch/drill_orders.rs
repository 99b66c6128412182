//! Carries out drills: begins, watches and ends them, and makes their report.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use serde_json::json;
use tracing::warn;

use crate::call::record::CallView;
use crate::call::record::Direction;
use crate::call::record::Record;
use crate::dialplan::names::Names;
use crate::dialplan::scene::ChannelGlance;
use crate::outage::ChannelState;
use crate::outage::blame::Blame;
use crate::outage::incident::Drill;
use crate::outage::incident::Finding;
use crate::outage::incident::Incident;
use crate::outage::incident::Kind;
use crate::outage::news::News;
use crate::switch::command::Answer;
use crate::switch::command::DrillWish;
use crate::switch::command::Manner;
use crate::switch::command::Problem;
use crate::switch::commands::problem;
use crate::switch::commands::unknown;
use crate::switch::drills;
use crate::switch::drills::Shadowed;
use crate::switch::effect::Subject;
use crate::switch::machine::Switch;

impl Switch {
    pub(super) fn start_drill(&mut self, wish: DrillWish, now: Instant) -> Result<Answer, Problem> {
        let DrillWish { channel, manner, author, lasts } = wish;
        if !self.channels.has(&channel) {
            return Err(self.no_channel(&channel));
        }
        if self.incidents.of_channel(&channel).is_some() {
            return Err(in_the_way("A real outage of it goes on", &channel, "Wait for its end: this is no exercise."));
        }
        if self.incidents.drill_of_channel(&channel).is_some() {
            return Err(in_the_way("A drill of it goes on", &channel, "End it with DELETE /v1/drills/{id}, or wait."));
        }
        let id = self.begin_drill(&channel, manner, author, lasts, now);
        self.tell_drill(&id, ChannelState::Up, ChannelState::Down, now);
        self.publish_incident("incident.opened", &id, now);
        if manner == Manner::Full {
            self.alarm(&id, News::Down, now);
        }
        self.show_incident(&id)
    }

    fn begin_drill(&mut self, channel: &str, manner: Manner, author: String, lasts: Duration, now: Instant) -> String {
        let id = self.fresh_id("inc_");
        let wall = self.wall(now);
        let until = wall.checked_add(lasts).unwrap_or(wall);
        let mut incident = Incident::begin(id.clone(), channel, ChannelState::Down, Blame::Channel, wall);
        let how = match manner {
            Manner::Full => format!("a drill begins: {channel} is treated as down until {until:.0}"),
            Manner::Shadow => format!("a shadow drill begins until {until:.0}: no call is changed, nobody is told"),
        };
        incident.note(Kind::Drill, how, &[format!("by {author}")], wall);
        let findings = self.survey(channel, now);
        incident.drill = Some(Drill { shadow: manner == Manner::Shadow, author, until, findings });
        self.incidents.open(incident, now);
        self.drills.ends.insert(id.clone(), now + lasts);
        self.see_channels_down(now);
        warn!(%channel, ?manner, ?lasts, "a drill begins");
        id
    }

    /// What can be seen without anybody calling.
    fn survey(&self, channel: &str, now: Instant) -> Vec<Finding> {
        let (wall, names) = (self.wall(now), self.names(now));
        let mut findings = drills::dialplan(&self.desk.program, &names, channel, wall, now);
        findings.extend(drills::prompts(&findings, &self.desk.prompts));
        findings.extend(drills::agents(&self.desk.queues.view(now)));
        findings.extend(drills::trunks(&self.desk.trunks.view(now)));
        findings.push(drills::texts(self.kinds.for_numbers().map(|by| by.name()), channel));
        findings.extend(drills::alarms_planned(&self.alarm_prospects(channel, now)));
        findings
    }

    /// What a dialplan may name, for walks that nobody hears.
    fn names(&self, now: Instant) -> Names {
        let queues = self.desk.queues.view(now);
        let agents =
            queues.iter().map(|queue| (queue.name.clone(), queue.agents.iter().map(|it| it.0.clone()).collect()));
        Names {
            extensions: self.desk.names_by_extension.keys().cloned().collect(),
            queues: self.desk.music_by_queue.keys().cloned().collect(),
            channels: self.channels.states().map(|(name, _)| name.to_owned()).collect(),
            prompts: self.desk.prompts.names(),
            agents: agents.collect::<BTreeMap<_, _>>(),
            ..Names::default()
        }
    }

    /// Listeners hear of it as of a real change, and that it is none.
    fn tell_drill(&mut self, id: &str, from: ChannelState, to: ChannelState, now: Instant) {
        let Some(incident) = self.incidents.get(id).filter(|incident| !incident.is_shadow()) else {
            return;
        };
        let reasons = ["this is a drill"];
        let blame = if to.is_down() { Blame::Channel } else { Blame::None };
        let channel = &incident.channel;
        let data = json!({
            "channel": channel, "from": from, "state": to, "blame": blame, "reasons": reasons, "drill": true,
        });
        self.publish("channel.changed", data, now);
    }

    pub(super) fn end_drill(&mut self, id: &str, now: Instant) -> Result<Answer, Problem> {
        let known = self.incidents.drills().any(|incident| incident.id == id);
        if !known {
            return Err(problem(
                404,
                "unknown-drill",
                "No such drill goes on",
                id,
                "GET /v1/drills lists those that go on; GET /v1/incidents?drill=true those that are over.",
            ));
        }
        self.finish_drill(id, "the drill was ended by hand", now);
        self.show_incident(id)
    }

    pub(super) fn drill_views(&self) -> Vec<Incident> {
        self.incidents.drills().cloned().collect()
    }

    fn show_incident(&self, id: &str) -> Result<Answer, Problem> {
        let incident = self.incidents.get(id).ok_or_else(|| unknown("incident", id))?;
        Ok(Answer::Incident(Box::new(incident.clone())))
    }

    fn finish_drill(&mut self, id: &str, why: &str, now: Instant) {
        self.drills.ends.remove(id);
        let Some(channel) = self.incidents.get(id).map(|incident| incident.channel.clone()) else {
            return;
        };
        self.walk_shadows(now);
        if let Some(drill) = self.incidents.get(id) {
            self.alarms.supersede(drill, now);
        }
        self.run_alarms(now);
        let wall = self.wall(now);
        let would = self.drills.take_would(id);
        let really = self.channels.state_of(&channel).unwrap_or(ChannelState::Up);
        self.incidents.with(id, now, |incident| {
            incident.note(Kind::Drill, why.to_owned(), &[], wall);
            incident.state = really;
            let outcome = drills::outcome(incident);
            if let Some(drill) = &mut incident.drill {
                let planned = |finding: &Finding| finding.about == "alarms" && !drill.shadow;
                let kept = drill.findings.iter().filter(|finding| !planned(finding) || !finding.works).cloned();
                drill.findings = kept.chain(would).chain(outcome).collect();
            }
        });
        self.tell_drill(id, ChannelState::Down, really, now);
        self.incidents.close(id, wall, now);
        self.publish_incident("incident.closed", id, now);
        self.see_channels_down(now);
        warn!(%channel, why, "a drill is over");
    }

    pub(super) fn run_drills(&mut self, now: Instant) {
        self.walk_shadows(now);
        while let Some(id) = self.drills.take_due(now) {
            self.finish_drill(&id, "the drill is over: its time was up", now);
        }
    }

    /// It is no exercise any more.
    pub(super) fn end_drill_of(&mut self, channel: &str, now: Instant) {
        if let Some(id) = self.incidents.drill_of_channel(channel).map(|incident| incident.id.clone()) {
            self.finish_drill(&id, "a real outage began: the drill is over", now);
        }
    }

    /// From before a start: it goes on until its time, or ends if that is over.
    pub(super) fn resume_drill(&mut self, incident: &Incident, now: Instant) {
        let Some(drill) = &incident.drill else {
            return;
        };
        let left = Duration::try_from(drill.until.duration_since(self.wall(now))).unwrap_or_default();
        self.drills.ends.insert(incident.id.clone(), now + left);
    }

    /// What dialplans see of the channels: down by themselves, by hand, or in a drill.
    pub(super) fn see_channels_down(&mut self, now: Instant) {
        let mut channels = self.channels.glances(now, self.wall(now));
        for drill in self.incidents.drills().filter(|incident| !incident.is_shadow()) {
            let seen = channels.entry(drill.channel.clone()).or_insert(ChannelGlance::UP);
            if !seen.state.is_down() {
                *seen = ChannelGlance { state: ChannelState::Down, since: Some(drill.started) };
            }
        }
        let down = channels.iter().filter(|(_, seen)| seen.state.is_down());
        self.desk.channels_down = down.map(|(name, _)| name.clone()).collect();
        self.desk.channels = channels;
    }

    /// A call of a drill says so in its record.
    pub(super) fn mark_drill(&self, record: &mut Record) {
        if let Some(drill) = self.incidents.drill_of_call(&record.id) {
            record.tags.insert("drill".to_owned(), drill.channel.clone());
        }
    }

    /// Of everything that is published, what a shadow drill walks once more.
    pub(super) fn shadow(&mut self, kind: &str, subject: &Subject, now: Instant) {
        let (Subject::Call(view), "call.ringing") = (subject, kind) else {
            return;
        };
        let CallView { direction, from, to, .. } = &**view;
        if *direction != Direction::Inbound {
            return;
        }
        let shadows: Vec<String> = self
            .incidents
            .drills()
            .filter(|incident| incident.is_shadow())
            .map(|incident| incident.id.clone())
            .collect();
        shadows.iter().for_each(|id| self.drills.on_call(id, from, to, now));
    }

    fn walk_shadows(&mut self, now: Instant) {
        if self.drills.waiting.is_empty() {
            return;
        }
        let (names, wall) = (self.names(now), self.wall(now));
        while let Some(Shadowed { incident: id, from, to, .. }) = self.drills.waiting.pop_front() {
            let Some(channel) = self.incidents.get(&id).map(|incident| incident.channel.clone()) else {
                continue;
            };
            let who = (from.as_str(), to.as_str(), channel.as_str());
            let steps = drills::difference(&self.desk.program, &names, who, wall, now);
            self.drills.on_walked(&id, &steps);
        }
    }
}

fn in_the_way(title: &str, channel: &str, hint: &str) -> Problem {
    problem(409, "outage-goes-on", title, channel, hint)
}
