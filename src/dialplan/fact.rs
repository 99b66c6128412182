//! What every text can speak of without a variable: the call, the clock, the queues and the channels.

use std::time::Duration;

use jiff::Timestamp;

use crate::dialplan::action::Moment;
use crate::dialplan::names::Names;
use crate::dialplan::order::Order;
use crate::dialplan::variable::VariableKind;

/// A fact, with the name of what it is about.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    tell: fn(&mut Moment<'_>, &str) -> String,
    about: Box<str>,
}

/// A fact as the reference knows it.
#[derive(Debug, Clone, Copy)]
pub struct FactSheet {
    /// `queue.*.waiting`: the `*` is the name of a queue.
    pub name: &'static str,
    pub kind: VariableKind,
    pub help: &'static str,
    tell: fn(&mut Moment<'_>, &str) -> String,
}

pub const FACTS: &[FactSheet] = &[
    FactSheet::text("caller", "the number that calls; `anonymous` where it is withheld", caller),
    FactSheet::text("caller-name", "the caller's name as the call shows it; empty where it shows none", caller_name),
    FactSheet::text("called", "the number that was called", called),
    FactSheet::text("trunk", "the trunk that the call came through; empty for one of ours", trunk),
    FactSheet::text("call-id", "the call's id in the API and in its record", call_id),
    FactSheet::digits(
        "protocol",
        "a number for this call that no other has: day and time, 18 digits; it is in the record as the tag `protocol`",
        protocol,
    ),
    FactSheet::digits("keys", "the keys that the caller pressed last, sixteen at most", keys),
    FactSheet::text("language", "the language in which the caller is spoken to", language),
    FactSheet::text("date", "today, `2026-11-23`", date),
    FactSheet::text("time", "the time of day, `14:30`", time),
    FactSheet::text("channel.*.state", "`up`, `degraded`, `down` or `recovering`", channel_state),
    FactSheet::text(
        "channel.*.since",
        "the time of day since when it is so; empty where that is not known",
        channel_since,
    ),
    FactSheet::number("queue.*.waiting", "callers who wait there", queue_waiting),
    FactSheet::number("queue.*.position", "the place of whoever joins now", queue_position),
    FactSheet::number("queue.*.agents", "agents who are signed in", queue_agents),
    FactSheet::number("queue.*.longest-wait", "minutes that the first in the line has waited", queue_longest),
    FactSheet::number(
        "queue.*.estimated-wait",
        "minutes that whoever joins now will probably wait; empty while nobody can tell",
        queue_estimate,
    ),
];

impl FactSheet {
    const fn text(name: &'static str, help: &'static str, tell: fn(&mut Moment<'_>, &str) -> String) -> FactSheet {
        FactSheet { name, kind: VariableKind::Text, help, tell }
    }

    const fn digits(name: &'static str, help: &'static str, tell: fn(&mut Moment<'_>, &str) -> String) -> FactSheet {
        FactSheet { name, kind: VariableKind::Digits, help, tell }
    }

    const fn number(name: &'static str, help: &'static str, tell: fn(&mut Moment<'_>, &str) -> String) -> FactSheet {
        FactSheet { name, kind: VariableKind::Number, help, tell }
    }
}

/// Whether a variable may not be called so.
pub(super) fn is_built_in(name: &str) -> bool {
    FACTS.iter().any(|fact| fact.name == name)
}

/// How the facts are written, for whoever wrote another name.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone + use<> {
    FACTS.iter().map(|fact| fact.name)
}

impl Fact {
    /// None for a name that is no fact's, and for a queue or a channel that does not exist.
    pub(super) fn named(name: &str, names: &Names) -> Option<Fact> {
        FACTS.iter().find_map(|sheet| {
            let about = match sheet.name.split_once('*') {
                None if sheet.name == name => "",
                None => return None,
                Some((before, after)) => name.strip_prefix(before)?.strip_suffix(after)?,
            };
            let known = match sheet.name {
                fact if fact.starts_with("channel.") => names.channels.contains(about),
                fact if fact.starts_with("queue.") => names.queues.contains(about),
                _ => true,
            };
            known.then(|| Fact { tell: sheet.tell, about: about.into() })
        })
    }

    pub(super) fn tell(&self, moment: &mut Moment<'_>) -> String {
        (self.tell)(moment, &self.about)
    }
}

fn caller(moment: &mut Moment<'_>, _: &str) -> String {
    moment.memory.caller.from.clone()
}

fn caller_name(moment: &mut Moment<'_>, _: &str) -> String {
    moment.memory.caller.name.clone()
}

fn called(moment: &mut Moment<'_>, _: &str) -> String {
    moment.memory.caller.to.clone()
}

fn trunk(moment: &mut Moment<'_>, _: &str) -> String {
    moment.memory.caller.trunk.clone().unwrap_or_default()
}

fn call_id(moment: &mut Moment<'_>, _: &str) -> String {
    moment.memory.caller.call_id.clone()
}

/// Made when it is first asked for. Day, millisecond of the day and the last two digits of the call's number: two calls
/// would have to ask within one millisecond, a hundred calls apart, to get the same.
fn protocol(moment: &mut Moment<'_>, _: &str) -> String {
    if let Some(protocol) = &moment.memory.protocol {
        return protocol.to_string();
    }
    let local = moment.program.zone.to_datetime(moment.scene.wall(moment.now));
    let seconds = (i32::from(local.hour()) * 60 + i32::from(local.minute())) * 60 + i32::from(local.second());
    let millis = seconds * 1_000 + i32::from(local.millisecond());
    let call = moment.memory.caller.call_number % 100;
    let protocol = format!("{}{millis:08}{call:02}", local.strftime("%Y%m%d"));
    moment.memory.protocol = Some(protocol.as_str().into());
    moment.order(Order::Tag { name: "protocol".to_owned(), value: protocol.clone() });
    protocol
}

fn keys(moment: &mut Moment<'_>, _: &str) -> String {
    moment.memory.last_keys.text()
}

fn language(moment: &mut Moment<'_>, _: &str) -> String {
    moment.memory.language.clone()
}

fn date(moment: &mut Moment<'_>, _: &str) -> String {
    moment.program.zone.to_datetime(moment.scene.wall(moment.now)).date().to_string()
}

fn time(moment: &mut Moment<'_>, _: &str) -> String {
    time_of_day(moment.scene.wall(moment.now), moment)
}

fn channel_state(moment: &mut Moment<'_>, name: &str) -> String {
    moment.scene.channel(name, moment.now).state.as_str().to_owned()
}

fn channel_since(moment: &mut Moment<'_>, name: &str) -> String {
    let since = moment.scene.channel(name, moment.now).since;
    since.map_or_else(String::new, |since| time_of_day(since, moment))
}

fn queue_waiting(moment: &mut Moment<'_>, name: &str) -> String {
    moment.scene.queue(name, moment.now).waiting.to_string()
}

fn queue_position(moment: &mut Moment<'_>, name: &str) -> String {
    (moment.scene.queue(name, moment.now).waiting + 1).to_string()
}

fn queue_agents(moment: &mut Moment<'_>, name: &str) -> String {
    moment.scene.queue(name, moment.now).signed_in.to_string()
}

fn queue_longest(moment: &mut Moment<'_>, name: &str) -> String {
    minutes(moment.scene.queue(name, moment.now).longest_wait)
}

fn queue_estimate(moment: &mut Moment<'_>, name: &str) -> String {
    moment.scene.queue(name, moment.now).estimated_wait.map_or_else(String::new, minutes)
}

/// A minute that has begun counts.
fn minutes(time: Duration) -> String {
    time.as_secs().div_ceil(60).to_string()
}

fn time_of_day(at: Timestamp, moment: &Moment<'_>) -> String {
    moment.program.zone.to_datetime(at).strftime("%H:%M").to_string()
}
