//! Carries out what incidents come to: begun, told, kept, ended; and those from before a start go on.

use std::time::Instant;

use crate::outage::Change;
use crate::outage::blame::Blame;
use crate::outage::incident::Incident;
use crate::outage::incident::Kind;
use crate::outage::news::News;
use crate::outage::news::Tongue;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::incidents::OUR_LINE;
use crate::switch::incidents::Turn;
use crate::switch::incidents::blame_in;
use crate::switch::incidents::is_of_line;
use crate::switch::incidents::is_trouble;
use crate::switch::machine::Switch;

impl Switch {
    /// A channel's state or blame has changed. Its own incident, and that of our line, begin, go on or end.
    pub(super) fn on_change(&mut self, channel: &str, change: &Change, now: Instant) {
        let own = self.incidents.turn_of(channel, change);
        self.take_turn(own, channel, channel, change, now);
        let line = self.incidents.turn_of_line(channel, change);
        self.take_turn(line, OUR_LINE, channel, change, now);
    }

    /// `subject`: whose incident it is; `channel`: which channel's evidence says so.
    fn take_turn(&mut self, turn: Turn, subject: &str, channel: &str, change: &Change, now: Instant) {
        let id = match turn {
            Turn::Nothing => return,
            Turn::Begins => {
                self.end_drill_of(subject, now);
                self.begin_incident(subject, change, now)
            }
            Turn::GoesOn | Turn::Ends => match self.incidents.of_channel(subject) {
                Some(incident) => incident.id.clone(),
                None => return,
            },
        };
        let (wall, targets) = (self.wall(now), self.channels.evidence(channel));
        let blame = blame_in(subject, change);
        let news = match (turn, subject) {
            (Turn::Ends, OUR_LINE) => News::of_line_again(self.incidents.get(&id).map_or(Blame::None, |it| it.blame)),
            _ => News::of(change.to, blame),
        };
        let text = news.sentence(channel, Tongue::English);
        let is_news = self.is_news(&id, turn, subject, change);
        self.incidents.with(&id, now, |incident| {
            incident.note(Kind::State, text, &change.reasons, wall);
            incident.observe(&targets, wall);
            incident.state = change.to;
            // What it was stays to be read when it is over.
            let of_line = is_of_line(blame);
            let is_its = if subject == OUR_LINE { of_line } else { !of_line && is_trouble(change.to, blame) };
            if turn != Turn::Ends && is_its {
                incident.blame = blame;
            }
        });
        match turn {
            Turn::Begins => self.publish_incident("incident.opened", &id, now),
            Turn::Ends => {
                self.incidents.close(&id, wall, now);
                self.publish_incident("incident.closed", &id, now);
            }
            Turn::GoesOn | Turn::Nothing => {}
        }
        if is_news {
            self.alarm(&id, news, now);
        }
    }

    /// Whether the owner wants to be woken by it. An outage that pauses to come back does not wake him twice.
    fn is_news(&self, id: &str, turn: Turn, subject: &str, change: &Change) -> bool {
        let Some(incident) = self.incidents.get(id) else {
            return false;
        };
        let blame = blame_in(subject, change);
        match turn {
            Turn::Begins | Turn::Ends => true,
            // Of several channels that it freezes each sees it by itself.
            Turn::GoesOn if subject == OUR_LINE => is_of_line(blame) && blame != incident.blame,
            Turn::GoesOn if is_of_line(blame) => false,
            Turn::GoesOn => {
                let fell = change.to.is_down() && !incident.state.is_down();
                let rose = incident.state.is_down() && !change.to.is_down();
                let other = blame != incident.blame && blame != Blame::None;
                fell || rose || other && is_trouble(change.to, blame)
            }
            Turn::Nothing => false,
        }
    }

    fn begin_incident(&mut self, subject: &str, change: &Change, now: Instant) -> String {
        let id = self.fresh_id("inc_");
        let incident = Incident::begin(id.clone(), subject, change.to, blame_in(subject, change), self.wall(now));
        self.incidents.open(incident, now);
        id
    }

    pub(super) fn publish_incident(&mut self, kind: &'static str, id: &str, now: Instant) {
        if let Some(data) = self.incidents.get(id).map(Incident::summary) {
            self.publish(kind, data, now);
        }
    }

    /// Evidence that changed no state may still belong into the story.
    pub(super) fn observe_incident(&mut self, channel: &str, now: Instant) {
        if self.incidents.of_channel(channel).is_some() {
            let (wall, targets) = (self.wall(now), self.channels.evidence(channel));
            self.incidents.observe(channel, &targets, wall, now);
        }
    }

    pub(super) fn run_incidents(&mut self, now: Instant) {
        if self.incidents.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        self.close_unproved(now);
        self.keep_incidents(now);
    }

    pub(super) fn keep_incidents(&mut self, now: Instant) {
        let due = self.incidents.take_due(now).into_iter().map(|incident| Keep::Incident(Box::new(incident)));
        self.effects.extend(due.map(Effect::Keep));
    }

    /// Those that were open, or of which somebody was still to be told, when the last run ended.
    pub(super) fn resume_incidents(&mut self, kept: Vec<Incident>, now: Instant) {
        let wall = self.wall(now);
        let of_line = self.channels.blames().filter(|(_, blame)| is_of_line(*blame));
        self.incidents.freeze(of_line.map(|(channel, _)| channel.to_owned()));
        for mut incident in kept {
            if incident.is_open() {
                incident.note(Kind::Server, "the server started again".to_owned(), &[], wall);
                self.resume_drill(&incident, now);
            }
            self.resume_alarms(&incident, now);
            self.incidents.resume(incident, now);
        }
    }

    /// From before a start, and nothing says any more that something is wrong.
    fn close_unproved(&mut self, now: Instant) {
        let wall = self.wall(now);
        for (id, channel) in self.incidents.take_unproved(now) {
            let stands = match channel.as_str() {
                OUR_LINE => self.incidents.is_line_frozen(),
                name => self.channels.is_in_trouble(name),
            };
            if stands {
                continue;
            }
            let text = format!("{channel}: nothing is wrong any more since the start");
            self.incidents.with(&id, now, |incident| incident.note(Kind::State, text, &[], wall));
            self.incidents.close(&id, wall, now);
            self.publish_incident("incident.closed", &id, now);
        }
    }
}
