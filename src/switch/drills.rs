//! Exercises: everything happens as if a channel had fallen, and at the end it is told what would not have served.
//!
//! A full drill changes calls: the dialplan sees the channel as down, and the owner is told. A shadow drill changes nothing;
//! each call that comes is walked once more beside itself, as if the channel were down, and the difference is told. Customers
//! who look at the public page hear nothing of either. A real outage of the channel ends its drill at once.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::dialplan::names::Names;
use crate::dialplan::program::Program;
use crate::dialplan::simulate::Situation;
use crate::dialplan::simulate::simulate;
use crate::media::prompts::Prompts;
use crate::outage::ChannelState;
use crate::outage::incident::Alarm;
use crate::outage::incident::Finding;
use crate::outage::incident::Incident;
use crate::outage::incident::Outcome;
use crate::queue::view::QueueView;
use crate::switch::alarm::Prospect;
use crate::switch::command::TrunkView;

/// What drills need beside the calls that are counted.
#[derive(Debug, Default)]
pub(super) struct Drills {
    /// Incident → when it ends by itself.
    pub(super) ends: BTreeMap<String, Instant>,
    /// Calls of shadow drills that are still to be walked.
    pub(super) waiting: VecDeque<Shadowed>,
    /// Incident → what would have happened → to how many callers.
    would: BTreeMap<String, BTreeMap<String, u64>>,
}

/// A call that came during a shadow drill.
#[derive(Debug)]
pub(super) struct Shadowed {
    pub(super) incident: String,
    pub(super) from: String,
    pub(super) to: String,
    since: Instant,
}

/// Calls that are walked beside themselves in one shadow drill; and different ends of which is told.
const MOST_WALKED: u64 = 1_000;
const MOST_DIFFERENCES: usize = 30;
/// The ends beyond that.
const OTHERS: &str = "something else again";

impl Drills {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.waiting.front().map(|waiting| waiting.since);
        self.ends.values().copied().chain(waiting).min()
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<String> {
        let id = self.ends.iter().find(|(_, at)| **at <= now).map(|(id, _)| id.clone())?;
        self.ends.remove(&id);
        Some(id)
    }

    pub(super) fn on_call(&mut self, incident: &str, from: &str, to: &str, now: Instant) {
        let walked: u64 = self.would.get(incident).map_or(0, |would| would.values().sum());
        if walked + (self.waiting.len() as u64) < MOST_WALKED {
            let (incident, from, to) = (incident.to_owned(), from.to_owned(), to.to_owned());
            self.waiting.push_back(Shadowed { incident, from, to, since: now });
        }
    }

    pub(super) fn on_walked(&mut self, incident: &str, steps: &[String]) {
        let text = match steps {
            [] => "nothing that is different from today".to_owned(),
            steps => steps.join("; "),
        };
        let would = self.would.entry(incident.to_owned()).or_default();
        let is_told = would.len() < MOST_DIFFERENCES || would.contains_key(&text);
        *would.entry(if is_told { text } else { OTHERS.to_owned() }).or_default() += 1;
    }

    /// What would have happened to the callers of a shadow drill.
    pub(super) fn take_would(&mut self, incident: &str) -> Vec<Finding> {
        let would = self.would.remove(incident).unwrap_or_default();
        would
            .into_iter()
            .map(|(text, calls)| found("calls", true, format!("{calls} callers would have met: {text}")))
            .collect()
    }
}

/// The steps that a caller of this number meets only while the channel is down.
pub(super) fn difference(
    program: &Arc<Program>,
    names: &Names,
    (from, to, channel): (&str, &str, &str),
    at: Timestamp,
    origin: Instant,
) -> Vec<String> {
    let walked = |down: Vec<String>| {
        let (from, to) = (from.to_owned(), to.to_owned());
        let channels = down.into_iter().map(|name| (name, ChannelState::Down)).collect();
        let situation = Situation { from, to, trunk: None, at, channels, press: Vec::new() };
        simulate(program, names, &situation, origin).map(|walked| walked.steps).unwrap_or_default()
    };
    let usual: BTreeSet<(String, String)> =
        walked(Vec::new()).into_iter().map(|step| (step.place, step.step)).collect();
    let is_new = |place: &String, step: &String| !usual.contains(&(place.clone(), step.clone()));
    let mut steps: Vec<String> = Vec::new();
    for step in walked(vec![channel.to_owned()]) {
        if is_new(&step.place, &step.step) && !steps.contains(&step.step) {
            steps.push(step.step);
        }
    }
    steps.truncate(MOST_STEPS);
    steps
}

/// What the dialplan does with the channel's fall, number by number.
pub(super) fn dialplan(
    program: &Arc<Program>,
    names: &Names,
    channel: &str,
    at: Timestamp,
    origin: Instant,
) -> Vec<Finding> {
    let numbers: Vec<&str> = program.numbers().map(|(number, _)| number).take(MOST_NUMBERS).collect();
    if numbers.is_empty() {
        return vec![found("dialplan", false, "no number leads to a flow: nobody can call".to_owned())];
    }
    let about = |number: &str| {
        let steps = difference(program, names, (SOMEBODY, number, channel), at, origin);
        match steps.is_empty() {
            true => {
                found("dialplan", false, format!("callers of {number} notice nothing: no step depends on {channel}"))
            }
            false => found("dialplan", true, format!("callers of {number} meet: {}", steps.join("; "))),
        }
    };
    numbers.into_iter().map(about).collect()
}

/// Whether the prompts that are heard then exist in every language.
pub(super) fn prompts(findings: &[Finding], prompts: &Prompts) -> Vec<Finding> {
    let known = prompts.names();
    let languages: BTreeSet<&String> = known.values().flatten().collect();
    let quoted = findings.iter().flat_map(|finding| finding.text.split('"')).map(str::to_owned);
    let used: BTreeSet<String> = quoted.filter(|word| known.contains_key(word)).collect();
    let about = |name: &String| {
        let lacks: Vec<&str> =
            languages.iter().filter(|language| !known[name].contains(**language)).map(|it| it.as_str()).collect();
        match lacks.is_empty() {
            true => None,
            false => Some(found("prompts", false, format!("`{name}` does not exist in {}", lacks.join(", ")))),
        }
    };
    let missing: Vec<Finding> = used.iter().filter_map(about).collect();
    match missing.is_empty() {
        true => {
            vec![found("prompts", true, format!("the {} prompts that are heard exist in every language", used.len()))]
        }
        false => missing,
    }
}

pub(super) fn agents(queues: &[QueueView]) -> Vec<Finding> {
    let about = |queue: &QueueView| {
        let (name, signed_in, of) = (&queue.name, queue.signed_in, queue.agents.len());
        match signed_in {
            0 => found("agents", false, format!("queue {name}: nobody of {of} is signed in")),
            _ => found("agents", true, format!("queue {name}: {signed_in} of {of} are signed in, {} free", queue.free)),
        }
    };
    queues.iter().map(about).collect()
}

pub(super) fn trunks(trunks: &[TrunkView]) -> Vec<Finding> {
    if trunks.is_empty() {
        return vec![found("trunks", false, "there is no trunk: nobody outside can call".to_owned())];
    }
    let about = |trunk: &TrunkView| {
        let room = match trunk.max_calls {
            Some(most) => format!("room for {} more calls", most.saturating_sub(trunk.calls)),
            None => "no limit of calls".to_owned(),
        };
        let works = trunk.state == "ready" && trunk.max_calls.is_none_or(|most| trunk.calls < most);
        found("trunks", works, format!("{}: {}, {room}", trunk.name, trunk.state))
    };
    trunks.iter().map(about).collect()
}

/// Whether callers could be texted while this channel fails.
pub(super) fn texts(by: Option<&str>, channel: &str) -> Finding {
    match by {
        None => found("texts", false, "no channel sends texts to telephone numbers".to_owned()),
        Some(name) if name == channel => {
            found("texts", false, format!("texts would go by {channel} itself, which fails"))
        }
        Some(name) => found("texts", true, format!("texts go by {name}")),
    }
}

/// Who would be told, and who would not.
pub(super) fn alarms_planned(prospects: &[Prospect]) -> Vec<Finding> {
    if prospects.is_empty() {
        return vec![found("alarms", false, "nobody is told: [alarm] names nobody".to_owned())];
    }
    let told: Vec<String> = prospects.iter().filter(|it| it.obstacle.is_none()).map(Prospect::whom).collect();
    let reached = (!told.is_empty()).then(|| found("alarms", true, format!("would be told: {}", told.join(", "))));
    let missed = prospects.iter().filter_map(|prospect| {
        let why = prospect.obstacle.as_ref()?;
        Some(found("alarms", false, format!("would not be told: {}: {why}", prospect.whom())))
    });
    reached.into_iter().chain(missed).collect()
}

/// What came of it, at the end.
pub(super) fn outcome(incident: &Incident) -> Vec<Finding> {
    let about = |alarm: &Alarm| {
        let said = match alarm.outcome {
            Outcome::Confirmed => "confirmed with a key",
            Outcome::Heard => "heard, no key was pressed",
            Outcome::Sent => "the provider took it",
            Outcome::Failed => "not reached",
            Outcome::Pending | Outcome::Superseded => "not reached before the drill was over",
        };
        let why = alarm.why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        found("alarms", alarm.outcome.reached(), format!("{} to {}: {said}{why}", alarm.by.word(), alarm.to))
    };
    let mut findings: Vec<Finding> = incident.alarms.iter().map(about).collect();
    let counts = incident.counts;
    if !incident.is_shadow() {
        let all = counts.given_up == 0;
        let text = format!(
            "{} came, {} answered, {} waited, {} of them gave up",
            counts.offered, counts.answered, counts.waited, counts.given_up
        );
        findings.push(found("calls", all, text));
        let text = format!("{} sent, {} failed", counts.texted, counts.texts_failed);
        findings.push(found("texts", counts.texts_failed == 0, text));
    }
    findings
}

pub(super) fn found(about: &str, works: bool, text: String) -> Finding {
    Finding { about: about.to_owned(), works, text: text.chars().take(LONGEST).collect() }
}

/// Letters of one finding.
const LONGEST: usize = 600;
const MOST_NUMBERS: usize = 50;
const MOST_STEPS: usize = 12;
/// Who calls where nobody does.
const SOMEBODY: &str = "+5511900000000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn so_many_calls_are_walked_and_no_more_however_different_they_are() {
        let (mut drills, now) = (Drills::default(), Instant::now());
        for number in 0..2 * MOST_WALKED {
            drills.on_call("inc_1", &format!("+55{number}"), "+551140031234", now);
            if drills.waiting.pop_front().is_some() {
                drills.on_walked("inc_1", &[format!("tag \"caller\" \"{number}\"")]);
            }
        }
        let would = &drills.would["inc_1"];
        assert_eq!((would.len(), would.values().sum::<u64>()), (MOST_DIFFERENCES + 1, MOST_WALKED));
    }
}
