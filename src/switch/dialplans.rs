//! Which dialplan new calls walk: it is read again, compared, or brought back. Calls in progress keep the one they began with.
//!
//! Reading and checking take time and touch the disk, so they are errands; here is only what follows from them. A
//! dialplan with a fault is never taken up, and a sound one is taken up whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::dialplan::difference::Change;
use crate::dialplan::difference::changes;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::Severity;
use crate::dialplan::graph::Live;
use crate::dialplan::graph::Picture;
use crate::dialplan::load::Checked;
use crate::dialplan::walk::Walk;
use crate::media::prompts::Prompts;
use crate::switch::command::Answer;
use crate::switch::command::DialplanView;
use crate::switch::command::DialplanWish;
use crate::switch::command::Problem;
use crate::switch::commands::problem;
use crate::switch::effect::Effect;
use crate::switch::input::Errand;
use crate::switch::input::Reread;
use crate::switch::input::Ticket;
use crate::switch::input::Trigger;
use crate::switch::input::Unread;
use crate::switch::machine::Switch;

impl Switch {
    pub(super) fn on_dialplan_wish(&mut self, ticket: Ticket, wish: DialplanWish) {
        match wish {
            DialplanWish::Show => {
                let view = self.dialplan_view(Vec::new(), BTreeSet::new(), Vec::new());
                self.answer(ticket, Ok(view));
            }
            DialplanWish::Draw { flow } => {
                let drawing = self.draw(flow.as_deref());
                self.answer(ticket, drawing);
            }
            DialplanWish::Reload => self.read_dialplan(ticket, Errand::Reload(Trigger::Api)),
            DialplanWish::RollBack => self.read_dialplan(ticket, Errand::RollBack),
            DialplanWish::Compare => self.read_dialplan(ticket, Errand::Compare),
        }
    }

    /// Nobody waits for the outcome: the log and an event tell it.
    pub(super) fn reload_dialplan(&mut self, trigger: Trigger) {
        let ticket = self.ticket();
        self.read_dialplan(ticket, Errand::Reload(trigger));
    }

    fn read_dialplan(&mut self, ticket: Ticket, errand: Errand) {
        let running = self.desk.program.hash().to_owned();
        self.effects.push_back(Effect::ReadDialplan { ticket, errand, running });
    }

    pub(super) fn on_dialplan_read(
        &mut self,
        ticket: Ticket,
        errand: Errand,
        result: Result<Reread, Unread>,
        now: Instant,
    ) {
        let answer = match (errand, result) {
            (Errand::Compare, Ok(Reread { checked, prompts })) => {
                let changes = changes(&self.desk.program, &checked.program);
                let others = prompts.map(|prompts| self.desk.prompts.differences(&prompts)).unwrap_or_default();
                Ok(self.dialplan_view(changes, others, checked.warnings))
            }
            (Errand::Compare, Err(Unread::Faults(faults))) => Ok(Answer::DialplanRefused(faults)),
            (_, Ok(read)) => Ok(self.take_up(errand, read, now)),
            (_, Err(Unread::Faults(faults))) => Ok(self.turn_down(errand, faults, now)),
            (_, Err(why)) => Err(not_there(&why)),
        };
        if let (Errand::Reload(Trigger::Signal | Trigger::Watch), Err(problem)) = (errand, &answer) {
            tracing::warn!("{problem}");
        }
        self.answer(ticket, answer);
    }

    fn take_up(&mut self, errand: Errand, read: Reread, now: Instant) -> Answer {
        let Reread { checked: Checked { program, warnings }, prompts } = read;
        let changes = changes(&self.desk.program, &program);
        let before = self.desk.program.hash().to_owned();
        let others = prompts.map(|prompts| self.take_up_prompts(*prompts)).unwrap_or_default();
        // The program knows which of its own phrases can be heard.
        if before != program.hash() || !others.is_empty() {
            self.desk.program = program;
            self.program_since = self.wall(now);
            self.tell_of_change(errand, &before, &changes, &others, now);
        }
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        self.dialplan_view(changes, others, warnings)
    }

    /// The prompts that sound otherwise from now on. A caller who hears one hears it to its end as it was.
    fn take_up_prompts(&mut self, prompts: Prompts) -> BTreeSet<String> {
        let others = self.desk.prompts.differences(&prompts);
        if !others.is_empty() {
            self.desk.prompts = prompts;
        }
        others
    }

    fn tell_of_change(
        &mut self,
        errand: Errand,
        before: &str,
        changes: &[Change],
        prompts: &BTreeSet<String>,
        now: Instant,
    ) {
        if !prompts.is_empty() {
            tracing::info!(?prompts, by = errand.word(), "prompts were taken up");
        }
        let hash = self.desk.program.hash().to_owned();
        tracing::info!(hash, before, by = errand.word(), "a dialplan was taken up: new calls walk it");
        for Change { kind, name, what, lines } in changes {
            // The lines themselves may hold a PIN, and customers' numbers.
            tracing::info!(kind, name, ?what, lines = lines.len(), "a part of the dialplan is another");
        }
        *self.tally.dialplans.entry("loaded").or_default() += 1;
        let data =
            json!({ "hash": hash, "before": before, "by": errand.word(), "changes": changes, "prompts": prompts });
        self.publish("dialplan.loaded", data, now);
    }

    fn turn_down(&mut self, errand: Errand, faults: Vec<Fault>, now: Instant) -> Answer {
        for fault in &faults {
            match fault.severity {
                Severity::Fault => tracing::error!("{fault}"),
                Severity::Warning => tracing::warn!("{fault}"),
            }
        }
        let slips = faults.iter().filter(|fault| fault.severity == Severity::Fault).count();
        tracing::error!(faults = slips, by = errand.word(), "a dialplan was refused; the one before goes on");
        *self.tally.dialplans.entry("refused").or_default() += 1;
        self.publish("dialplan.refused", json!({ "by": errand.word(), "faults": faults }), now);
        Answer::DialplanRefused(faults)
    }

    fn dialplan_view(&self, changes: Vec<Change>, prompts: BTreeSet<String>, warnings: Vec<Fault>) -> Answer {
        let program = &self.desk.program;
        Answer::Dialplan(Box::new(DialplanView {
            hash: program.hash().to_owned(),
            since: self.program_since,
            numbers: program.numbers().count(),
            flows: program.flows().count(),
            tests: program.test_count(),
            older_calls: self.calls_of_other_programs(),
            changes,
            prompts,
            warnings,
        }))
    }

    fn draw(&self, flow: Option<&str>) -> Result<Answer, Problem> {
        let program = &self.desk.program;
        let flow = match flow {
            Some(name) => Some(self.flow_of(name)?),
            None => None,
        };
        let mut live = Live::new();
        let here = self.calls.walks().filter(|walk| Arc::ptr_eq(walk.program(), program));
        for spot in here.filter_map(Walk::spot) {
            *live.entry(spot).or_default() += 1;
        }
        Ok(Answer::Drawing(Picture::new(program.clone(), flow, live)))
    }

    /// Calls that began with another dialplan, and walk it to their end.
    fn calls_of_other_programs(&self) -> usize {
        self.calls.walks().filter(|walk| !Arc::ptr_eq(walk.program(), &self.desk.program)).count()
    }
}

fn not_there(why: &Unread) -> Problem {
    match why {
        Unread::Faults(_) | Unread::NothingEarlier => problem(
            409,
            "nothing-earlier",
            "No earlier dialplan is kept",
            "The one that runs is the oldest.",
            "`[dialplan] kept` says how many are kept; a dialplan is kept once it was taken up.",
        ),
        Unread::RolledBack => problem(
            409,
            "rolled-back",
            "The files still hold the dialplan that was rolled back",
            "The earlier one goes on.",
            "Mend the files, or take them up as they are with `desvio reload`.",
        ),
    }
}
