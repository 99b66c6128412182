//! What the API and the command line may ask of the running switch.

use std::time::Instant;

use crate::call::announcement::Announcing;
use crate::call::caller::CallerId;
use crate::call::clerk::Facts;
use crate::call::effect::Around;
use crate::call::effect::Destination;
use crate::call::effect::Input as CallInput;
use crate::call::effect::NoWay;
use crate::call::effect::Ways;
use crate::call::machine::Call;
use crate::call::orders::RING_FOR;
use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::script::Plain;
use crate::call::script::Script;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::fault::choices;
use crate::dialplan::order::DialTarget;
use crate::dialplan::order::Order;
use crate::dialplan::program::FlowId;
use crate::dialplan::walk::Caller;
use crate::queue::agent::AgentId;
use crate::queue::agent::Wish;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::PlaceCall;
use crate::switch::command::Problem;
use crate::switch::command::StatusView;
use crate::switch::command::Taping;
use crate::switch::command::Then;
use crate::switch::effect::Effect;
use crate::switch::input::Ticket;
use crate::switch::machine::Switch;
use crate::switch::networks::kept_apart;

type Answered = Result<Answer, Problem>;

impl Switch {
    pub(super) fn on_command(&mut self, ticket: Ticket, command: Command, now: Instant) {
        let answer = match command {
            // These two are answered when the store has them.
            Command::SendMessage(wish) => return self.on_send_message(ticket, wish, now),
            Command::Webhook { channel, webhook } => {
                return self.on_webhook(ticket, &channel, &webhook, now);
            }
            // This one when the pump has told how its legs go.
            Command::Call(id) => return self.show_call(ticket, id, now),
            // This one, for the most part, when the files were read.
            Command::Dialplan(wish) => return self.on_dialplan_wish(ticket, wish),
            Command::PlaceCall(wish) => self.place_call(wish, now),
            Command::Calls => Ok(Answer::Calls(self.calls.views())),
            Command::Supervise { call, extension, mode } => self.supervise(&call, extension, mode, now),
            Command::EndSupervision(id) => self.end_supervision(&id, now),
            Command::Conferences => Ok(Answer::Conferences(self.conference_views())),
            Command::Conference(name) => self.conference_view(&name),
            Command::SetMemberSpeech { conference, call, speech } => {
                self.set_member_speech(&conference, &call, speech, now)
            }
            Command::SendMemberAway { conference, call } => self.send_member_away(&conference, &call, now),
            Command::TapeConference { conference, taping: Taping::Start } => {
                self.start_conference_tape(&conference, now)
            }
            Command::TapeConference { conference, taping: Taping::Stop } => self.stop_conference_tape(&conference, now),
            Command::HangUp(id) => self.hang_up(&id, now),
            Command::RecordCall { call, order } => self.record_call(&call, order, now),
            Command::DeleteRecording { recording } => self.delete_recording(&recording, now),
            Command::Channels => Ok(Answer::Channels(self.channel_views(now))),
            Command::Channel(name) => self.channel_view(&name, now),
            Command::Override { channel, wish } => self.override_channel(&channel, wish, now),
            Command::ClearOverride { channel } => self.clear_override(&channel, now),
            Command::ReportChannel { channel, report } => self.report_channel(&channel, report, now),
            Command::StartDrill(wish) => self.start_drill(wish, now),
            Command::EndDrill(id) => self.end_drill(&id, now),
            Command::Drills => Ok(Answer::Incidents(self.drill_views())),
            Command::Queues => Ok(Answer::Queues(self.desk.queues.view(now))),
            Command::Parking => Ok(Answer::Parking(self.parked_views())),
            Command::Callbacks => Ok(Answer::Callbacks(self.callbacks.list())),
            Command::Callback(id) => self.callback_view(&id),
            Command::CancelCallback(id) => self.cancel_callback(&id, now),
            Command::Agents => Ok(Answer::Agents(self.desk.queues.agents(now))),
            Command::SetAgent { number, wish } => self.set_agent(number, wish, now),
            Command::Registrations => Ok(Answer::Registrations(self.desk.registrar.view(now, self.wall(now)))),
            Command::MarkVoicemail { voicemail, mark } => self.mark_voicemail(*voicemail, mark, now),
            Command::DeleteVoicemail { voicemail } => self.delete_voicemail(&voicemail, now),
            Command::Status => Ok(Answer::Status(Box::new(self.status(now)))),
        };
        // Who waits for the store after the answer finds in it what the answer tells.
        self.keep_incidents(now);
        self.answer(ticket, answer);
    }

    pub(super) fn answer(&mut self, ticket: Ticket, answer: Answered) {
        self.effects.push_back(Effect::Answer { ticket, answer });
    }

    pub(super) fn place_call(&mut self, wish: PlaceCall, now: Instant) -> Answered {
        if self.draining {
            return Err(problem(503, "shutting-down", "The server is shutting down", "", "Try again once it runs."));
        }
        wish.from.as_deref().map_or(Ok(()), |from| self.can_be_shown(from))?;
        let mut script = self.script_for(&wish)?;
        let shown = wish.from.clone().unwrap_or_else(|| default_caller(&wish.then));
        let (from, to) = self.parties(&wish, shown.clone());
        let mut facts = Facts {
            direction: Direction::Outbound,
            from: shown,
            to,
            trunk: None,
            meets: None,
            flow: match &wish.then {
                Then::Flow(flow) => Some(flow.clone()),
                _ => None,
            },
            channels_down: self.desk.channels_down.clone(),
            caller: CallerId::default(),
        };
        let mut ways = self.ways(&wish.to, &facts, self.calls.total() + 1, now)?;
        if let Then::Connect(second) = &wish.then
            && !self.desk.is_extension(&wish.to)
            && !self.desk.is_extension(second)
        {
            ways = self.desk.ways_that_meet(&self.desk.normal(second), ways)?;
        }
        facts.from = from;
        facts.trunk = ways.together.first().and_then(|way| way.trunk.clone());
        let number = self.calls.next_number();
        let id = CallId(self.fresh_id("call_"));
        if let Script::Walk(walk) = &mut script {
            walk.belongs_to(id.to_string(), number);
        }
        let mut call = Call::placed(id.clone(), number, ways, wish.ring_for, facts, script, &self.desk, now);
        call.detect(wish.detect);
        self.admit(number, call, now);
        let (_, call) = self.calls.find(&id).ok_or_else(|| no_call(&id))?;
        Ok(Answer::Call(Box::new(call.view())))
    }

    /// For the record, and for whoever is rung second: a click-to-call goes from the first party to the second.
    fn parties(&self, wish: &PlaceCall, shown: String) -> (String, String) {
        let first = self.desk.normal(&wish.to);
        match &wish.then {
            Then::Connect(second) => (wish.from.clone().unwrap_or(first), self.desk.normal(second)),
            _ => (shown, first),
        }
    }

    pub(super) fn ways(&self, to: &str, facts: &Facts, dice: u64, now: Instant) -> Result<Ways, Problem> {
        self.desk.ways_to(&self.destination(to), facts, dice, now).map_err(|why| match why {
            NoWay::Unknown => problem(
                422,
                "no-route",
                "No way to this number",
                to,
                "Add a `route` for it to the dialplan, or give an extension.",
            ),
            NoWay::NotRegistered => problem(
                409,
                "not-registered",
                "No phone of this extension is registered",
                to,
                "Sign the softphone in and try again.",
            ),
            NoWay::TrunkUnavailable => problem(
                503,
                "trunk-unavailable",
                "The trunk takes no call now",
                to,
                "See `desvio status` for its state and its `max_calls`.",
            ),
            NoWay::KeptApart => kept_apart(),
        })
    }

    pub(super) fn destination(&self, to: &str) -> Destination {
        if self.desk.is_extension(to) {
            Destination::Extension(to.to_owned())
        } else {
            Destination::Number(to.to_owned())
        }
    }

    fn script_for(&mut self, wish: &PlaceCall) -> Result<Script, Problem> {
        let language = |given: &Option<String>, own: &str| given.clone().unwrap_or_else(|| own.to_owned());
        let order = match &wish.then {
            Then::Flow(name) => {
                let flow = self.flow_of(name)?;
                return Ok(self.walk(flow, Caller::new(wish.to.clone(), wish.from.clone().unwrap_or_default(), None)));
            }
            Then::Queue(queue) if !self.desk.music_by_queue.contains_key(queue) => {
                return Err(unknown_among("queue", queue, self.desk.music_by_queue.keys().map(String::as_str)));
            }
            Then::Queue(queue) => Order::JoinQueue { queue: queue.clone() },
            Then::Say { text, language: given } => {
                let language = language(given, &self.desk.language);
                given.as_deref().map_or(Ok(()), |tag| self.can_be_spoken(tag))?;
                Order::Speak { text: text.clone(), language }
            }
            Then::Play { prompt, language: given } => {
                let language = language(given, &self.desk.language);
                self.desk.prompt(prompt, &language).ok_or_else(|| self.no_prompt(prompt))?;
                Order::Play { prompts: vec![prompt.clone()], language }
            }
            Then::Connect(second) => Order::Dial(Box::new(DialOrder::plain(self.dial_target(second)?, RING_FOR))),
            Then::Announce(announcement) => {
                return Ok(Script::Announcing(Announcing::new(announcement.clone())));
            }
        };
        Ok(Script::Plain(Plain::new(order)))
    }

    pub(super) fn flow_of(&self, name: &str) -> Result<FlowId, Problem> {
        let program = &self.desk.program;
        program.flow_named(name).ok_or_else(|| unknown_among("flow", name, program.flows()))
    }

    fn no_prompt(&self, name: &str) -> Problem {
        let known = self.desk.prompts.names();
        unknown_among("prompt", name, known.keys().map(String::as_str))
    }

    /// A language of ours, or what can be one: which of them a voice speaks only the voice knows.
    fn can_be_spoken(&self, language: &str) -> Result<(), Problem> {
        let is_ours = || self.desk.prompts.names().into_values().flatten().any(|it| it == language);
        match is_tag(language) || language == self.desk.language || is_ours() {
            true => Ok(()),
            false => {
                let hint = "Write a tag such as pt-BR, en or es.".to_owned();
                Err(Problem { hint, ..unknown("language", language) })
            }
        }
    }

    /// What a called person is shown: an extension of ours, or a number.
    fn can_be_shown(&self, from: &str) -> Result<(), Problem> {
        let digits = from.strip_prefix('+').unwrap_or(from);
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        match is_number || self.desk.is_extension(from) {
            true => Ok(()),
            false => Err(self.no_extension(from)),
        }
    }

    pub(super) fn no_extension(&self, name: &str) -> Problem {
        unknown_among("extension", name, self.desk.names_by_extension.keys().map(String::as_str))
    }

    fn dial_target(&self, to: &str) -> Result<DialTarget, Problem> {
        if self.desk.is_extension(to) {
            return Ok(DialTarget::Extension(to.to_owned()));
        }
        let number = self.desk.normal(to);
        self.desk.program.route_for(&number).ok_or_else(|| unknown("route for", to))?;
        Ok(DialTarget::Number(number))
    }

    pub(super) fn call_view(&self, id: &CallId) -> Answered {
        let (_, call) = self.calls.find(id).ok_or_else(|| no_call(id))?;
        Ok(Answer::Call(Box::new(call.view())))
    }

    fn hang_up(&mut self, id: &CallId, now: Instant) -> Answered {
        let (number, _) = self.calls.find(id).ok_or_else(|| no_call(id))?;
        self.tell_call(number, CallInput::HangUp { why: "ended through the API" }, now);
        Ok(Answer::Done {})
    }

    fn set_agent(&mut self, number: String, wish: Wish, now: Instant) -> Answered {
        let agent = AgentId(number);
        self.desk.queues.set_state(&agent, wish, now).map_err(|fault| {
            problem(
                404,
                "unknown-agent",
                "No queue has this agent",
                &fault.to_string(),
                "Agents are the extensions that a [[queue]] lists.",
            )
        })?;
        Ok(Answer::Done {})
    }

    fn status(&self, now: Instant) -> StatusView {
        StatusView {
            version: self.version,
            started: self.started,
            draining: self.draining,
            calls: self.calls.len(),
            calls_total: self.calls.total(),
            registrations: self.desk.registrar.len(),
            blocked_sources: self.doorman.blocked(),
            waiting: self.desk.queues.view(now).iter().map(|queue| queue.waiting).sum(),
            channels_down: self.desk.channels_down.clone(),
            trunks: self.desk.trunks.view(now),
        }
    }
}

/// The second party of a click-to-call is what the first one sees ringing him.
fn default_caller(then: &Then) -> String {
    match then {
        Then::Connect(second) => second.clone(),
        _ => "desvio".to_owned(),
    }
}

pub(super) fn problem(status: u16, rule: &'static str, title: &str, detail: &str, hint: &str) -> Problem {
    Problem { status, rule, title: title.to_owned(), detail: detail.to_owned(), hint: hint.to_owned() }
}

pub(super) fn unknown(kind: &str, name: &str) -> Problem {
    problem(
        422,
        "unknown-name",
        "Unknown name",
        &format!("There is no {kind} `{name}`."),
        "See `desvio check` for the names that the configuration and the dialplan define.",
    )
}

/// A tag of RFC 5646 §2.1, such as `pt-BR`.
fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_primary =
        parts.next().is_some_and(|part| matches!(part.len(), 2..=3) && part.bytes().all(|it| it.is_ascii_alphabetic()));
    is_primary && parts.all(|part| matches!(part.len(), 1..=8) && part.bytes().all(|it| it.is_ascii_alphanumeric()))
}

/// The same, with the names that there are.
pub(super) fn unknown_among<'n>(kind: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Problem {
    let known: Vec<&str> = known.collect();
    Problem { hint: choices(&format!("{kind}s"), known.into_iter(), name), ..unknown(kind, name) }
}

pub(super) fn no_call(id: &CallId) -> Problem {
    problem(404, "unknown-call", "No such call is running", &id.0, "Calls that ended are under /v1/records.")
}
