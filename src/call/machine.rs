//! The call as a machine: inputs in, effects out, and the order in which they are worked off.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;

use crate::call::clerk::Clerk;
use crate::call::clerk::Facts;
use crate::call::conference::Attending;
use crate::call::dial::Dialling;
use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::effect::Input;
use crate::call::leg::Leg;
use crate::call::leg::Stage;
use crate::call::mailbox::Listening;
use crate::call::parking::Parked;
use crate::call::reach::Reach;
use crate::call::record::CallId;
use crate::call::record::CallView;
use crate::call::record::Direction;
use crate::call::record::Status;
use crate::call::record::StepRecord;
use crate::call::recording::Taping;
use crate::call::replace::Replacement;
use crate::call::script::Script;
use crate::call::supervision::Supervision;
use crate::call::transfer::CALLER;
use crate::call::transfer::Dismissed;
use crate::call::transfer::Parts;
use crate::call::transfer::Pending;
use crate::call::verdict::Verdict;
use crate::call::voicemail::Voicemail;
use crate::dialplan::happening::Happening;
use crate::dialplan::happening::QueueOutcome;
use crate::media::codec::CodecKind;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::PlayId;
use crate::media::config::Encryption;
use crate::media::negotiation::protection::Form;
use crate::sip::agent::SessionId;

/// Legs of one call are numbered within this many; a leg's number tells its call.
pub const LEGS_PER_CALL: u64 = 1 << 20;

/// Q.850 causes that we say ourselves.
pub mod cause {
    pub const NORMAL: u16 = 16;
    pub const BUSY: u16 = 17;
    pub const NO_ANSWER: u16 = 19;
    pub const DECLINED: u16 = 21;
    /// Somebody else has answered.
    pub const ELSEWHERE: u16 = 26;
    pub const UNREACHABLE: u16 = 20;
    pub const NETWORK_FAILURE: u16 = 38;
    /// Q.850: bearer capability not authorised.
    pub const BEARER_NOT_AUTHORIZED: u16 = 57;
    pub const INCOMPATIBLE: u16 = 88;
    pub const TIMER_EXPIRED: u16 = 102;
}

#[derive(Debug)]
pub struct Call {
    pub(super) id: CallId,
    pub(super) number: u64,
    pub(super) clerk: Clerk,
    pub(super) legs: Vec<Leg>,
    pub(super) caller: Option<LegId>,
    pub(super) talk: Option<LegId>,
    pub(super) reaches: Vec<Reach>,
    pub(super) dialling: Option<Dialling>,
    pub(super) parked: Option<Parked>,
    /// The extension that parked the caller.
    pub(super) parker: Option<String>,
    /// With whom the caller's trunk was asked to connect him.
    pub(super) referred_to: Option<String>,
    pub(super) script: Script,
    pub(super) waiting_in: Option<String>,
    /// The queue that he waited in last, and since when.
    pub(super) waited_in: Option<(String, Instant)>,
    pub(super) attending: Option<Attending>,
    pub(super) supervision: Option<Supervision>,
    pub(super) voicemail: Option<Voicemail>,
    /// Messages that were left.
    pub(super) messages: u32,
    pub(super) listening: Option<Listening>,
    pub(super) tapings: Vec<Taping>,
    /// Recordings that were begun.
    pub(super) files: u32,
    pub(super) transfer: Option<Pending>,
    pub(super) dismissed: Vec<Dismissed>,
    pub(super) replacements: Vec<Replacement>,
    pub(super) parts: Parts,
    /// Of a caller who is not the one that the call began with.
    pub(super) caller_name: Option<String>,
    /// What scripts did that are not followed any more.
    pub(super) walked: Vec<StepRecord>,
    pub(super) playing: Option<PlayId>,
    pub(super) verdict: Option<Verdict>,
    pub(super) detect: Detect,
    pub(super) max_forwards: Option<u8>,
    pub(super) happenings: VecDeque<Happening>,
    pub(super) effects: VecDeque<Effect>,
    next_play: u64,
    next_leg: u64,
    /// When the first leg of a call that the API placed has rung long enough.
    pub(super) rings_until: Option<Instant>,
    pub(super) life: Life,
}

/// What is listened for once a call that was placed is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detect {
    Nothing,
    /// Whether a person or a machine has answered.
    Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// The caller's leg is being made; the script has not begun.
    Beginning,
    Running,
    /// Nobody talks any more; legs are being closed.
    Ending,
    Over,
}

/// An INVITE that was let in.
#[derive(Debug)]
pub struct Incoming {
    pub session: SessionId,
    /// Empty where the peer wants our offer.
    pub offer: Bytes,
    pub trunk: Option<String>,
    /// Of its INVITE, which our own goes one below. RFC 3261 §16.6 item 3, said of a proxy: two PBXs that send a call to and
    /// fro between them must come to an end.
    pub max_forwards: Option<u8>,
    /// Whose phone it is; none for a trunk.
    pub extension: Option<String>,
    /// The IP that our SDP names towards this peer.
    pub media_address: IpAddr,
    /// What is offered and taken on this leg; none: what we have.
    pub codecs: Option<Vec<CodecKind>>,
    /// Where the INVITE came from, as its sender has proved by a password or as a trunk of ours.
    pub peer: IpAddr,
    pub encryption: Encryption,
    /// For whom our offers on this leg are made.
    pub form: Form,
}

impl Call {
    /// A call that came to us.
    pub fn incoming(
        id: CallId,
        number: u64,
        incoming: Incoming,
        facts: Facts,
        script: Script,
        around: &dyn Around,
        now: Instant,
    ) -> Self {
        let mut call = Self::new(id, number, facts, script, around, now);
        let leg = call.new_leg(CALLER.to_owned(), incoming.media_address, around, now);
        let caller = call.leg_mut(leg).expect("was made just now");
        caller.session = Some(incoming.session);
        caller.record.trunk = incoming.trunk;
        caller.allowed = incoming.codecs;
        (caller.encryption, caller.form) = (incoming.encryption, incoming.form);
        caller.take_offer(&incoming.offer);
        call.max_forwards = incoming.max_forwards.map(|left| left.saturating_sub(1));
        call.caller = Some(leg);
        call.media(MediaCommand::Vouch { leg, address: incoming.peer });
        if let Some(extension) = incoming.extension {
            call.engage(leg, extension);
        }
        call
    }

    pub(super) fn new(
        id: CallId,
        number: u64,
        facts: Facts,
        script: Script,
        around: &dyn Around,
        now: Instant,
    ) -> Self {
        Self {
            id,
            number,
            clerk: Clerk::new(facts, now, around.wall(now)),
            legs: Vec::with_capacity(2),
            caller: None,
            talk: None,
            reaches: Vec::new(),
            dialling: None,
            parked: None,
            parker: None,
            referred_to: None,
            script,
            waiting_in: None,
            waited_in: None,
            attending: None,
            supervision: None,
            voicemail: None,
            messages: 0,
            listening: None,
            tapings: Vec::new(),
            files: 0,
            transfer: None,
            dismissed: Vec::new(),
            replacements: Vec::new(),
            parts: Parts::AsBegun,
            caller_name: None,
            walked: Vec::new(),
            playing: None,
            verdict: None,
            detect: Detect::Nothing,
            max_forwards: None,
            happenings: VecDeque::new(),
            effects: VecDeque::new(),
            next_play: 0,
            next_leg: 0,
            rings_until: None,
            life: Life::Beginning,
        }
    }

    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// The leg of the caller; none before somebody has answered a call that we place.
    pub fn caller_leg(&self) -> Option<LegId> {
        self.caller
    }

    pub fn view(&self) -> CallView {
        let facts = &self.clerk.facts;
        CallView {
            id: self.id.clone(),
            direction: facts.direction,
            status: self.status(),
            from: facts.from.clone(),
            to: facts.to.clone(),
            diverted_from: facts.caller.diverted_from().map(str::to_owned),
            answered_by: self.clerk.answered_by(),
            trunk: facts.trunk.clone(),
            flow: facts.flow.clone(),
            queue: self.clerk.queue().map(str::to_owned),
            agent: self.clerk.agent().map(str::to_owned),
            conference: self.attending.as_ref().map(|attending| attending.conference.clone()),
            supervisor: self.supervisor(),
            started: self.clerk.started(),
            answered: self.clerk.answered(),
            doing: self.doing(),
            legs: Vec::new(),
        }
    }

    fn status(&self) -> Status {
        let rings =
            self.clerk.facts.direction != Direction::Outbound || self.legs.iter().any(|leg| leg.session.is_some());
        match self.clerk.answered() {
            Some(_) => Status::InProgress,
            None if rings => Status::Ringing,
            None => Status::Queued,
        }
    }

    fn doing(&self) -> String {
        match (self.life, self.talk, &self.waiting_in) {
            (Life::Ending | Life::Over, ..) => "ending".to_owned(),
            (_, Some(leg), _) => format!("talking to {}", self.name_of(leg)),
            (_, None, Some(queue)) => format!("waiting in {queue}"),
            (Life::Beginning, ..) => "ringing".to_owned(),
            (Life::Running, None, None) => match &self.attending {
                Some(attending) => format!("in conference {}", attending.conference),
                None => self.dialled().or_else(|| self.parked_in()).unwrap_or_else(|| self.script.doing()),
            },
        }
    }

    /// Those of its legs that have one.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.legs.iter().filter_map(|leg| leg.session)
    }

    /// For its record.
    pub fn tag(&mut self, name: &str, value: &str) {
        self.clerk.tag(name.to_owned(), value.to_owned());
    }

    pub fn is_over(&self) -> bool {
        self.life == Life::Over
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let transfer = self.transfer.as_ref().map(|pending| pending.until);
        let dismissed = self.dismissed.iter().map(|it| it.at).min();
        let mailbox = self.listening.as_ref().and_then(|listening| listening.until);
        let supervisor = self.supervisor_rings_until();
        let listener = self.listener_thinks_until();
        [self.rings_until, self.script.poll_timeout(), transfer, dismissed, mailbox, supervisor, listener]
            .into_iter()
            .flatten()
            .min()
    }

    pub fn handle_timeout(&mut self, around: &dyn Around, now: Instant) {
        if self.rings_until.is_some_and(|at| now >= at) {
            self.rings_until = None;
            self.stop_reaching_caller(now);
        }
        if self.transfer.as_ref().is_some_and(|pending| now >= pending.until) {
            self.on_transfer_timeout(around, now);
        }
        if self.supervisor_rings_until().is_some_and(|at| now >= at) {
            self.dismiss_supervisor(now);
        }
        self.hang_up_dismissed(now);
        if self.listening.as_ref().and_then(|it| it.until).is_some_and(|at| now >= at) {
            self.on_mailbox_silence(around, now);
        }
        self.on_listeners_silence(around, now);
        self.script.handle_timeout(around, now);
        self.work(around, now);
    }

    /// The switch has made a session of an `Effect::Invite`.
    pub fn on_session(&mut self, leg: LegId, session: SessionId) {
        if let Some(leg) = self.leg_mut(leg) {
            leg.session = Some(session);
        }
    }

    pub fn handle(&mut self, input: Input, around: &dyn Around, now: Instant) {
        match input {
            Input::Media(event) => self.on_media(event, around, now),
            Input::Session { leg, event } => self.on_session_event(leg, event, around, now),
            Input::Parked(slot) => self.on_parked(slot, around, now),
            Input::PickUpFailed => self.happenings.push_back(Happening::PickUpFailed),
            Input::ReferFares { status } => self.on_refer_fares(status, now),
            Input::QueueJoined { position } => self.clerk.note(format!("waits at position {position}"), now),
            Input::QueueRefused(outcome) => self.on_queue_refused(outcome, now),
            Input::RingAgent { agent } => self.ring_agent(&agent, around, now),
            Input::StopRingingAgent { agent, why } => self.stop_ringing_agent(&agent, why, now),
            Input::Spoken(result) => self.on_spoken(result, now),
            Input::Position { position, estimate } => {
                self.happenings.push_back(Happening::Position { position, estimate });
            }
            Input::Booked { outcome, id } => {
                id.into_iter().for_each(|id| self.tag("callback", &id));
                self.happenings.push_back(Happening::Booked(outcome));
            }
            Input::LookedUp { query, findings } => {
                self.happenings.push_back(Happening::LookedUp { query, findings });
            }
            Input::Loaded(result) => self.on_loaded(result, around, now),
            Input::Voicemails(messages) => self.on_voicemails(messages, around),
            Input::Conference(news) => self.on_conference(news, around, now),
            Input::Supervise(order) => self.supervise(*order, around, now),
            Input::SetSupervisorMode(mode) => self.set_supervisor_mode(mode, now),
            Input::EndSupervision => self.end_supervision(around, now),
            Input::Transfer(order) => self.begin_transfer(*order, around, now),
            Input::HangUp { why } => self.on_ordered_end(why, around, now),
        }
        self.work(around, now);
    }

    /// Hands what happened to the script and carries out what it orders, until neither is left.
    pub(super) fn work(&mut self, around: &dyn Around, now: Instant) {
        loop {
            while let Some(happening) = self.happenings.pop_front() {
                self.script.handle(happening, around, now);
            }
            let Some(order) = self.script.poll_order() else {
                break;
            };
            self.carry_out(order, around, now);
        }
        self.finish_if_done(around, now);
    }

    /// The caller can be answered from here on.
    pub(super) fn begin(&mut self) {
        self.life = Life::Running;
        self.happenings.push_back(Happening::Started);
    }

    /// From here on no queue rings the owner of this leg's phone.
    pub(super) fn engage(&mut self, id: LegId, agent: String) {
        // A leg that came from another call has told it there.
        if let Some(leg) = self.leg_mut(id).filter(|leg| leg.engages.is_none()) {
            leg.engages = Some(agent.clone());
            self.effects.push_back(Effect::AgentBusy { agent });
        }
    }

    pub(super) fn disengage(&mut self, id: LegId) {
        if let Some(agent) = self.leg_mut(id).and_then(|leg| leg.engages.take()) {
            self.effects.push_back(Effect::AgentFree { agent });
        }
    }

    /// Something else is followed from here on; what the former script did stays in the record.
    pub(super) fn follow(&mut self, script: Script) {
        let former = std::mem::replace(&mut self.script, script);
        self.shelve(&former);
    }

    pub(super) fn shelve(&mut self, script: &Script) {
        self.walked.extend(script.steps(self.clerk.began()));
    }

    fn on_queue_refused(&mut self, outcome: QueueOutcome, now: Instant) {
        self.waiting_in = None;
        self.clerk.on_left_queue(now);
        self.stop_playing();
        self.happenings.push_back(Happening::QueueLeft(outcome));
    }

    pub(super) fn tell(&mut self, kind: &'static str) {
        let view = Box::new(self.view());
        self.effects.push_back(Effect::Event { kind, view });
    }

    pub(super) fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    pub(super) fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    pub(super) fn new_leg(&mut self, party: String, media_address: IpAddr, around: &dyn Around, now: Instant) -> LegId {
        // A caller who waits for hours while many phones ring takes many numbers, and must not meet his own again.
        let numbered = |leg: u64| LegId(self.number * LEGS_PER_CALL + leg % LEGS_PER_CALL);
        let free = (self.next_leg..).find(|leg| self.leg(numbered(*leg)).is_none()).unwrap_or(self.next_leg);
        let id = numbered(free);
        self.next_leg = free + 1;
        self.legs.push(Leg::new(id, party, media_address, around.wall(now)));
        self.media(MediaCommand::Open { leg: id, address: media_address });
        id
    }

    pub(super) fn media(&mut self, command: MediaCommand) {
        self.effects.push_back(Effect::Media(command));
    }

    /// Tells the pump what was negotiated, if it was.
    pub(super) fn connect(&mut self, id: LegId) {
        if let Some(stream) = self.leg(id).and_then(|leg| leg.stream.clone()) {
            self.media(MediaCommand::Connect { leg: id, stream });
        }
    }

    /// Ends the session as its state asks for, and the media with it.
    pub(super) fn hang_up_leg(&mut self, id: LegId, cause: u16) {
        let session = self.leg_mut(id).filter(|leg| !leg.is_closing()).and_then(|leg| leg.session);
        if let Some(session) = session {
            self.effects.push_back(Effect::HangUp { session, cause });
        }
        self.close_leg(id);
    }

    pub(super) fn close_leg(&mut self, id: LegId) {
        let Some(leg) = self.leg_mut(id).filter(|leg| !leg.is_closing()) else {
            return;
        };
        leg.stage = Stage::Closing;
        leg.session = None;
        self.disengage(id);
        self.media(MediaCommand::Close { leg: id });
    }

    pub(super) fn next_play(&mut self) -> PlayId {
        self.next_play += 1;
        PlayId(self.next_play)
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.life, Life::Ending | Life::Over)
    }
}
