//! Carries out alarms: places the calls, sends the texts, and writes down in the incident what came of them.

use std::time::Instant;

use serde_json::json;
use tracing::info;
use tracing::warn;

use crate::call::announcement::Announcement;
use crate::call::caller::CallerId;
use crate::call::clerk::Facts;
use crate::call::machine::Detect;
use crate::call::record::Direction;
use crate::number::masked;
use crate::outage::incident::Alarm;
use crate::outage::incident::By;
use crate::outage::incident::Incident;
use crate::outage::incident::Kind;
use crate::outage::incident::Outcome;
use crate::outage::news::News;
use crate::outage::news::Tongue;
use crate::switch::alarm::Pending;
use crate::switch::alarm::Prospect;
use crate::switch::alarm::Report;
use crate::switch::command::Answer;
use crate::switch::command::PlaceCall;
use crate::switch::command::SendMessage;
use crate::switch::command::Then;
use crate::switch::incidents::OUR_LINE;
use crate::switch::machine::Switch;

impl Switch {
    /// One alarm for everybody who wants to know.
    pub(in crate::switch) fn alarm(&mut self, incident: &str, news: News, now: Instant) {
        let Some(found) = self.incidents.get(incident) else {
            return;
        };
        let (subject, drill) = (found.channel.clone(), found.drill.is_some());
        self.alarms.supersede(found, now);
        let people: Vec<(By, String)> = self.alarms.people().map(|(by, to)| (by, to.to_owned())).collect();
        if people.is_empty() {
            return warn!(channel = %subject, "nobody is told of this: [alarm] names nobody");
        }
        for (by, to) in people {
            let id = self.fresh_id("alm_");
            let mut pending = Pending::new(incident, id, &subject, &to, by, news, now);
            pending.drill = drill;
            pending.text = self.alarm_text(&pending, now);
            self.file(&pending, now);
            self.alarms.raise(pending, now);
        }
    }

    /// Those that were under way when the last run ended.
    pub(in crate::switch) fn resume_alarms(&mut self, incident: &Incident, now: Instant) {
        let channels: Vec<String> = self.kinds.iter().map(|channel| channel.name().to_owned()).collect();
        let news = match (incident.is_open(), incident.channel.as_str()) {
            (true, _) => News::of(incident.state, incident.blame),
            (false, OUR_LINE) => News::of_line_again(incident.blame),
            (false, _) => News::Works,
        };
        for alarm in incident.alarms.iter().filter(|alarm| alarm.outcome == Outcome::Pending) {
            let mut pending =
                Pending::new(&incident.id, alarm.id.clone(), &incident.channel, &alarm.to, alarm.by, news, now);
            pending.drill = incident.drill.is_some();
            let is_old = incident.ended.is_some_and(|ended| alarm.at < ended || pending.drill);
            // What a provider has may still come through, and is not sent again in any case.
            if is_old && (alarm.by == By::Call || alarm.via.is_empty()) {
                self.alarms.settle(pending.report(Outcome::Superseded, None), now);
                continue;
            }
            let pause = self.alarms.config.pause;
            self.alarms.raise(pending.resumed(alarm, channels.clone(), pause, now), now);
        }
    }

    fn file(&mut self, pending: &Pending, now: Instant) {
        let alarm = Alarm {
            id: pending.id.clone(),
            at: self.wall(now),
            to: pending.to.clone(),
            by: pending.by,
            text: pending.text.clone(),
            outcome: Outcome::Pending,
            tries: 0,
            why: None,
            via: Vec::new(),
        };
        let data = json!({ "incident": pending.incident, "drill": pending.drill, "alarm": alarm });
        self.incidents.with(&pending.incident, now, |incident| incident.file_alarm(alarm));
        self.publish("alarm.raised", data, now);
    }

    /// What those who are called see.
    fn alarm_from(&self) -> Option<String> {
        let from = self.alarms.config.from.as_deref()?;
        Some(if self.desk.is_extension(from) { from.to_owned() } else { self.desk.normal(from) })
    }

    fn alarm_language(&self) -> String {
        self.alarms.config.language.clone().unwrap_or_else(|| self.desk.language.clone())
    }

    fn alarm_text(&self, pending: &Pending, now: Instant) -> String {
        let tongue = Tongue::of(&self.alarm_language());
        let said = pending.news.sentence(&pending.subject, tongue);
        let clock = self.wall(now).to_zoned(self.desk.zone.clone()).strftime("%H:%M").to_string();
        let drill = match (pending.drill, tongue) {
            (false, _) => "",
            (true, Tongue::Portuguese) => "EXERCÍCIO: ",
            (true, Tongue::Spanish) => "SIMULACRO: ",
            (true, Tongue::English) => "DRILL: ",
        };
        format!("Desvio {clock}: {drill}{said}.")
    }

    pub(in crate::switch) fn run_alarms(&mut self, now: Instant) {
        while let Some(pending) = self.alarms.take_due(now) {
            match pending.by {
                By::Call => self.call_somebody(pending, now),
                By::Text => self.text_somebody(pending, now),
            }
        }
        while let Some(report) = self.alarms.take_report() {
            self.on_alarm_report(report, now);
        }
    }

    fn call_somebody(&mut self, pending: Pending, now: Instant) {
        let prompt = match pending.news {
            News::Down | News::Degraded | News::Recovering => "alarm-down",
            News::Works | News::LineWorks | News::ResolverWorks => "alarm-back",
            _ => "alarm-ours",
        };
        let drill = pending.drill.then_some("alarm-drill");
        let prompts = ["alarm-notice"].into_iter().chain(drill).chain([prompt]);
        let mut tags = vec![("incident".to_owned(), pending.incident.clone())];
        tags.extend(pending.drill.then(|| ("drill".to_owned(), pending.subject.clone())));
        let announcement = Announcement {
            prompts: prompts.map(str::to_owned).collect(),
            words: pending.text.clone(),
            language: self.alarm_language(),
            times: self.alarms.config.repeats.max(1),
            tags,
        };
        let config = &self.alarms.config;
        let wish = PlaceCall {
            to: pending.to.clone(),
            from: self.alarm_from(),
            then: Then::Announce(announcement),
            ring_for: config.ring_for,
            detect: Detect::Nothing,
        };
        match self.place_call(wish, now) {
            Ok(Answer::Call(view)) => {
                info!(to = %masked(&pending.to), call = %view.id, "alarm by telephone");
                self.alarms.on_called(pending, view.id, now);
            }
            Ok(_) => {}
            Err(problem) => self.alarms.on_not_called(pending, problem.to_string(), now),
        }
    }

    /// Everybody for whom an alarm of this channel is.
    pub(in crate::switch) fn alarm_prospects(&self, channel: &str, now: Instant) -> Vec<Prospect> {
        let prospect = |(by, to): (By, &str)| {
            let obstacle = match by {
                By::Text => self.obstacle_to_text(channel, to, now),
                By::Call => self.obstacle_to_call(to, now),
            };
            Prospect { by, to: to.to_owned(), obstacle }
        };
        self.alarms.people().map(prospect).collect()
    }

    fn obstacle_to_text(&self, subject: &str, to: &str, now: Instant) -> Option<String> {
        let pending = Pending::new("", String::new(), subject, to, By::Text, News::Down, now);
        match self.channel_for_alarm(&pending) {
            Some(_) => None,
            None => Some("no channel could carry it".to_owned()),
        }
    }

    fn obstacle_to_call(&self, to: &str, now: Instant) -> Option<String> {
        let facts = Facts {
            direction: Direction::Outbound,
            from: self.alarm_from().unwrap_or_default(),
            to: self.desk.normal(to),
            trunk: None,
            meets: None,
            flow: None,
            channels_down: self.desk.channels_down.clone(),
            caller: CallerId::default(),
        };
        self.ways(to, &facts, 0, now).err().map(|problem| problem.to_string())
    }

    fn text_somebody(&mut self, pending: Pending, now: Instant) {
        let Some(channel) = self.channel_for_alarm(&pending) else {
            return self.alarms.on_no_channel(pending, "no channel is left that could carry it".to_owned(), now);
        };
        let wish = SendMessage {
            to: pending.to.clone(),
            from: None,
            text: pending.text.clone(),
            channel: Some(channel.clone()),
        };
        match self.submit(&wish, now) {
            Ok(message) => {
                info!(to = %masked(&pending.to), %channel, "alarm by text");
                self.alarms.on_texted(pending, channel, message.id, now);
            }
            Err(problem) => self.alarms.on_no_channel(pending, problem.to_string(), now),
        }
    }

    /// The first that may be tried: not the failing one, none that is down, none that was tried for this.
    fn channel_for_alarm(&self, pending: &Pending) -> Option<String> {
        if self.desk.is_extension(&pending.to) {
            let softphone = self.kinds.for_extensions().map(|channel| channel.name().to_owned());
            return softphone.filter(|name| pending.may_go_by(name));
        }
        let down = self.channels.down();
        let own = self.kinds.for_extensions().map(|channel| channel.name());
        let all: Vec<&str> = match self.alarms.config.text_by.as_slice() {
            [] => self.kinds.iter().map(|channel| channel.name()).filter(|name| Some(*name) != own).collect(),
            named => named.iter().map(String::as_str).collect(),
        };
        let mut fit = all.into_iter().filter(|name| pending.may_go_by(name) && !down.iter().any(|it| it == name));
        fit.find(|name| self.kinds.find(name).is_some_and(|channel| channel.can_send())).map(str::to_owned)
    }

    fn on_alarm_report(&mut self, report: Report, now: Instant) {
        let Report { incident: id, id: alarm, outcome, tries, why, via } = report;
        let wall = self.wall(now);
        let mut told = None;
        self.incidents.with(&id, now, |incident: &mut Incident| {
            let Some(filed) = incident.alarm_mut(&alarm) else {
                return;
            };
            (filed.outcome, filed.tries) = (outcome, tries);
            filed.why = why.or(filed.why.take()).filter(|_| !outcome.reached() || outcome == Outcome::Heard);
            filed.via.extend(via.filter(|_| filed.via.len() < MOST_WAYS));
            told = Some(filed.clone());
        });
        let Some(filed) = told.filter(|filed| filed.outcome != Outcome::Pending) else {
            return;
        };
        let said = sentence(&filed);
        self.incidents.with(&id, now, |incident| incident.note(Kind::Alarm, said, &[], wall));
        if filed.outcome == Outcome::Failed {
            warn!(to = %masked(&filed.to), why = filed.why.as_deref().unwrap_or("-"), "an alarm reached nobody");
        }
        let drill = self.incidents.get(&id).is_some_and(|incident| incident.drill.is_some());
        let data = json!({ "incident": id, "drill": drill, "alarm": filed });
        self.publish("alarm.settled", data, now);
    }
}

fn sentence(alarm: &Alarm) -> String {
    let (by, to) = (alarm.by.word(), &alarm.to);
    let why = alarm.why.as_deref().unwrap_or("nobody was reached");
    match alarm.outcome {
        Outcome::Pending => format!("{to} is being told by {by}"),
        Outcome::Sent => format!("{to} was told by {by}"),
        Outcome::Heard => format!("{to} was told by {by}, and pressed no key"),
        Outcome::Confirmed => format!("{to} was told by {by}, and confirmed it"),
        Outcome::Failed => format!("{to} was not told by {by}: {why}"),
        Outcome::Superseded => format!("{to} was not told by {by}: a later change came first"),
    }
}

/// Calls and texts of one alarm that are remembered.
const MOST_WAYS: usize = 10;
