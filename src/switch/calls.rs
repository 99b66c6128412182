//! The running calls: whose leg is whose, when each wants to be woken, and what each wants done.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use tracing::info;

use crate::call::effect::Effect as CallEffect;
use crate::call::effect::Input as CallInput;
use crate::call::effect::Recording;
use crate::call::effect::Way;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::record::CallId;
use crate::call::record::CallView;
use crate::call::record::Record;
use crate::call::record::Status;
use crate::call::record::Voicemail;
use crate::dialplan::walk::Walk;
use crate::media::clip::Clip;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::media::command::LegId;
use crate::number::masked;
use crate::sip::agent::HangUpReason;
use crate::sip::agent::Invitation;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;
use crate::sip::headers::Name;
use crate::sip::subscription::dialog_info::Direction;
use crate::sip::subscription::dialog_info::State;
use crate::sip::subscription::package::Package;
use crate::switch::desk::Desk;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::effect::Subject;
use crate::switch::input::Ticket;
use crate::switch::lookups::LookUps;
use crate::switch::machine::Switch;
use crate::switch::sessions::Over;
use crate::switch::sessions::SessionOf;
use crate::switch::sessions::Sessions;
use crate::switch::trunks::state::Course;
use crate::switch::trunks::state::Full;

#[derive(Debug, Default)]
pub(super) struct Calls {
    by_number: HashMap<u64, Entry>,
    number_by_id: BTreeMap<CallId, u64>,
    pub(super) sessions: Sessions,
    call_by_ticket: HashMap<Ticket, u64>,
    pub(super) lookups: LookUps,
    /// Deadlines, earliest first; one that its call no longer has is skipped when it comes up.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    last_number: u64,
    /// Whose recording is written to this file, wherever its leg may be by then.
    number_by_tape: HashMap<PathBuf, u64>,
}

#[derive(Debug)]
struct Entry {
    call: Call,
    /// The earliest deadline of this call that stands in `due`.
    scheduled: Option<Instant>,
    /// Legs that a transfer has brought in. What the pump says of them may come after they are closed.
    moved: Vec<LegId>,
}

impl Calls {
    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    pub(super) fn total(&self) -> u64 {
        self.last_number
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn views(&self) -> Vec<CallView> {
        self.number_by_id.values().filter_map(|number| Some(self.by_number.get(number)?.call.view())).collect()
    }

    /// The walks of the callers who follow the dialplan.
    pub(super) fn walks(&self) -> impl Iterator<Item = &Walk> {
        self.by_number.values().filter_map(|entry| entry.call.walk())
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.number_by_id.values().copied().collect()
    }

    pub(super) fn find(&self, id: &CallId) -> Option<(u64, &Call)> {
        let number = *self.number_by_id.get(id)?;
        Some((number, &self.by_number.get(&number)?.call))
    }

    pub(super) fn insert(&mut self, number: u64, call: Call) {
        self.number_by_id.insert(call.id().clone(), number);
        self.by_number.insert(number, Entry { call, scheduled: None, moved: Vec::new() });
    }

    pub(super) fn call(&self, number: u64) -> Option<&Call> {
        self.by_number.get(&number).map(|entry| &entry.call)
    }

    /// For what neither moves the call nor makes it want anything.
    pub(super) fn with(&mut self, number: u64, change: impl FnOnce(&mut Call)) {
        if let Some(entry) = self.by_number.get_mut(&number) {
            change(&mut entry.call);
        }
    }

    pub(super) fn name(&self, number: u64) -> String {
        self.call(number).map_or_else(String::new, |call| call.id().to_string())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    fn reschedule(&mut self, number: u64) {
        let Some(entry) = self.by_number.get_mut(&number) else {
            return;
        };
        let wanted = entry.call.poll_timeout();
        if let Some(at) = wanted.filter(|at| entry.scheduled.is_none_or(|scheduled| *at < scheduled)) {
            entry.scheduled = Some(at);
            self.due.push(Reverse((at, number)));
        }
    }

    fn pop_due(&mut self, now: Instant) -> Option<u64> {
        let Reverse((at, number)) = *self.due.peek()?;
        if at > now {
            return None;
        }
        self.due.pop();
        if let Some(entry) = self.by_number.get_mut(&number) {
            entry.scheduled = None;
        }
        Some(number)
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.by_number.remove(&number) else {
            return;
        };
        self.number_by_id.remove(entry.call.id());
        entry.moved.into_iter().for_each(|leg| self.sessions.forget_moved(leg, number));
    }

    /// From now on this leg is in that call.
    pub(super) fn move_leg(&mut self, leg: LegId, number: u64) {
        if let Some(entry) = self.by_number.get_mut(&number) {
            entry.moved.push(leg);
            self.sessions.move_leg(leg, number);
        }
    }
}

/// Whether nothing of a session is left after this event.
fn is_last(event: &SessionEvent) -> bool {
    matches!(
        event,
        SessionEvent::Refused { .. }
            | SessionEvent::Cancelled { .. }
            | SessionEvent::HungUp { .. }
            | SessionEvent::Lost
            | SessionEvent::HangUpDone
    )
}

/// A trunk that takes no further call refuses it before anything is sent.
fn no_room(why: Full) -> SessionEvent {
    SessionEvent::Refused {
        status: 503,
        reason: format!("trunk {why}"),
        cause: None,
        retry_after: None,
        redirect: Vec::new(),
    }
}

/// A phone whose call was taken by another shows no missed call if it is told so in words of SIP: RFC 3326 §3.1.
fn reason(cause: u16) -> HangUpReason {
    match cause {
        cause::ELSEWHERE => HangUpReason::Sip(200, "Call completed elsewhere"),
        cause => HangUpReason::q850(cause),
    }
}

impl Switch {
    /// Lets one call work, then carries out what it wants.
    pub(super) fn with_call(&mut self, number: u64, now: Instant, work: impl FnOnce(&mut Call, &Desk, Instant)) {
        let Some(entry) = self.calls.by_number.get_mut(&number) else {
            return;
        };
        work(&mut entry.call, &self.desk, now);
        self.drain_call(number, now);
    }

    pub(super) fn tell_call(&mut self, number: u64, input: CallInput, now: Instant) {
        self.with_call(number, now, |call, desk, now| call.handle(input, desk, now));
    }

    /// A new call takes its place and begins.
    pub(super) fn admit(&mut self, number: u64, call: Call, now: Instant) {
        self.calls.insert(number, call);
        self.desk.calls = self.calls.len();
        self.drain_call(number, now);
    }

    fn drain_call(&mut self, number: u64, now: Instant) {
        while let Some(effect) = self.calls.by_number.get_mut(&number).and_then(|entry| entry.call.poll_effect()) {
            self.carry_out(number, effect, now);
        }
        let over = self.calls.by_number.get(&number).is_some_and(|entry| entry.call.is_over());
        match over {
            false => self.calls.reschedule(number),
            true => {
                self.calls.remove(number);
                self.desk.calls = self.calls.len();
            }
        }
    }

    pub(super) fn run_due_calls(&mut self, now: Instant) {
        while let Some(number) = self.calls.pop_due(now) {
            self.with_call(number, now, |call, desk, now| call.handle_timeout(desk, now));
        }
    }

    pub(super) fn on_media(&mut self, event: MediaEvent, now: Instant) {
        if self.takes_measure(&event, now) {
            return;
        }
        let of_tape = match &event {
            MediaEvent::Recorded { path, .. } => self.calls.number_by_tape.remove(path),
            _ => None,
        };
        let of_leg = || event.leg().map(|leg| self.calls.sessions.owner(leg));
        match of_tape.or_else(of_leg) {
            Some(number) => self.tell_call(number, CallInput::Media(event), now),
            None => self.on_room_media(event, now),
        }
    }

    pub(super) fn on_session_event(&mut self, session: SessionId, event: SessionEvent, now: Instant) {
        match &event {
            SessionEvent::Referred { transaction, request } => {
                return self.on_refer(session, *transaction, request, now);
            }
            SessionEvent::Progress { .. } => self.on_session_state(session, State::Early),
            SessionEvent::Accepted { .. } => self.on_session_state(session, State::Confirmed),
            _ => {}
        }
        self.learn_of_trunk(session, &event, now);
        let leg = if is_last(&event) {
            self.forget_session(session)
        } else {
            self.calls.sessions.get(session).map(|known| known.leg)
        };
        if let Some(leg) = leg {
            self.tell_call(self.calls.sessions.owner(leg), CallInput::Session { leg, event }, now);
        }
    }

    fn forget_session(&mut self, session: SessionId) -> Option<LegId> {
        let SessionOf { leg, over, extension, .. } = self.calls.sessions.remove(session)?;
        if let Some(Over { trunk, course, .. }) = over {
            self.desk.trunks.on_call_ended(&trunk, course);
        }
        if let Some(extension) = extension {
            self.lamps.touch_extension(&extension);
        }
        Some(leg)
    }

    fn carry_out(&mut self, number: u64, effect: CallEffect, now: Instant) {
        match effect {
            CallEffect::Media(command) => self.media(number, command),
            CallEffect::Invite { leg, way, sdp, max_forwards } => {
                self.invite(number, leg, *way, sdp, max_forwards, now);
            }
            CallEffect::Progress { session, status, sdp } => {
                self.on_session_state(session, State::Early);
                self.agent.progress(session, status, sdp, now);
            }
            CallEffect::Accept { session, sdp } => {
                self.on_session_state(session, State::Confirmed);
                self.agent.accept(session, sdp, now);
            }
            CallEffect::Reject { session, status, cause } => {
                self.agent.refuse(session, status, HangUpReason::q850(cause), now);
                self.forget_session(session);
            }
            CallEffect::HangUp { session, cause } => {
                self.agent.hang_up(session, Some(reason(cause)), now);
                self.forget_session(session);
            }
            CallEffect::AnswerOffer { session, sdp } => self.agent.answer(session, sdp, now),
            CallEffect::Warn { session, code, text } => self.agent.warn(session, code, &text),
            CallEffect::RefuseOffer { session, status } => self.agent.refuse_offer(session, status, now),
            CallEffect::Message { to, text } => self.send_from_call(number, &to, text, now),
            CallEffect::Speak { text, language } => self.speak(number, text, language),
            CallEffect::Ask(query) => self.look_up(number, query),
            CallEffect::StopAsking => self.stop_looking_up(number),
            CallEffect::Emit { name, fields, view } => self.emit(name, fields, &view, now),
            CallEffect::AskPosition => self.tell_position(number, now),
            CallEffect::Book(wish) => self.book_callback(number, wish, now),
            CallEffect::Voicemail(recording) => self.keep_voicemail(number, &recording, now),
            CallEffect::Recording { kind, recording } => self.keep_recording(kind, *recording, now),
            CallEffect::ListVoicemails { mailbox } => self.list_voicemails(number, mailbox),
            CallEffect::LoadSound { path } => {
                let ticket = self.ticket_of(number);
                self.effects.push_back(Effect::LoadSound { ticket, path });
            }
            CallEffect::SortVoicemail { voicemail, sorting } => self.sort_voicemail(*voicemail, sorting, now),
            CallEffect::WrongPin { mailbox } => self.on_wrong_pin(&mailbox, now),
            CallEffect::WrongConferencePin { conference } => self.on_wrong_conference_pin(&conference, now),
            CallEffect::Greeting { mailbox, kept } => self.on_greeting(mailbox, kept),
            CallEffect::Referral { referral, status } => self.tell_transferor(Some(referral), status, now),
            CallEffect::Transferred { by, to, view } => self.on_transferred(number, &by, &to, &view, now),
            CallEffect::PartnersChanged => self.touch_lamps_of(number),
            CallEffect::Park { first, last } => self.park(number, first, last, now),
            CallEffect::Unpark => self.unpark(number),
            CallEffect::PickUp { slot } => self.pick_up(number, &slot, now),
            CallEffect::Refer { session, to } => self.refer_caller(number, session, &to, now),
            CallEffect::JoinConference(attendance) => self.join_conference(number, &attendance, now),
            CallEffect::LeaveConference => self.leave_conference(number, now),
            CallEffect::Event { kind, view } => self.publish(kind, Subject::Call(view), now),
            CallEffect::Silence { kind, report } => self.publish(kind, json!(report), now),
            CallEffect::Finished(record) => {
                self.on_record_of_callback(number, &record, now);
                self.on_finished(*record, now);
            }
            of_a_queue => self.carry_out_queue(number, of_a_queue, now),
        }
    }

    fn media(&mut self, number: u64, command: MediaCommand) {
        if let MediaCommand::RecordTalk { path, .. } = &command {
            self.calls.number_by_tape.insert(path.clone(), number);
        }
        let command = match command {
            MediaCommand::Open { leg, address } => {
                MediaCommand::Open { leg, address: self.desk.bind_address_for(address) }
            }
            other => other,
        };
        self.effects.push_back(Effect::Media(command));
    }

    fn invite(&mut self, number: u64, leg: LegId, way: Way, sdp: Bytes, max_forwards: Option<u8>, now: Instant) {
        let Way { party, trunk, target, hop, alternatives, silence, from, to, headers, routes, credentials, .. } = way;
        let max_forwards = max_forwards.map(|left| (Name::MaxForwards, Bytes::from(left.to_string())));
        let headers: Vec<(Name, Bytes)> = routes.into_iter().chain(headers).chain(max_forwards).collect();
        let extension = trunk.is_none().then_some(party);
        let over = trunk.map(|trunk| {
            let hops = std::iter::once(hop).chain(alternatives.iter().copied()).collect();
            Over { trunk, course: Course::Out, hops }
        });
        // The trunk may have filled up since the way was looked for.
        if let Some(Over { trunk, course, .. }) = &over
            && let Err(full) = self.desk.trunks.admit(trunk, *course, now)
        {
            return self.tell_call_later(number, CallInput::Session { leg, event: no_room(full) }, now);
        }
        let invitation = Invitation { target, hop, alternatives, from, to, sdp, headers, credentials };
        let session = self.agent.invite_unless_silent(invitation, silence, now);
        self.bind(session, leg, over, extension, Direction::Recipient);
        if let Some(entry) = self.calls.by_number.get_mut(&number) {
            entry.call.on_session(leg, session);
        }
    }

    /// From within `drain_call`: the call works, its effects are taken by the loop that is running.
    pub(super) fn tell_call_later(&mut self, number: u64, input: CallInput, now: Instant) {
        if let Some(entry) = self.calls.by_number.get_mut(&number) {
            entry.call.handle(input, &self.desk, now);
        }
    }

    fn send_from_call(&mut self, number: u64, to: &str, text: String, now: Instant) {
        let call = self.calls.by_number.get(&number).map_or_else(String::new, |entry| entry.call.id().to_string());
        self.send_from_dialplan(&call, to, text, now);
    }

    fn speak(&mut self, number: u64, text: String, language: String) {
        let ticket = self.ticket_of(number);
        self.effects.push_back(Effect::Speak { ticket, text, language });
    }

    /// What comes back under it is for this call.
    pub(super) fn ticket_of(&mut self, number: u64) -> Ticket {
        let ticket = self.ticket();
        self.calls.call_by_ticket.insert(ticket, number);
        ticket
    }

    pub(super) fn on_voicemails(&mut self, ticket: Ticket, messages: Vec<Voicemail>, now: Instant) {
        if let Some(number) = self.calls.call_by_ticket.remove(&ticket) {
            let messages = self.mailboxes.without_deleted(messages);
            self.tell_call(number, CallInput::Voicemails(messages), now);
        }
    }

    pub(super) fn on_spoken(&mut self, ticket: Ticket, result: Result<Arc<Clip>, String>, now: Instant) {
        if let Some(number) = self.calls.call_by_ticket.remove(&ticket) {
            self.tell_call(number, CallInput::Spoken(result), now);
        }
    }

    pub(super) fn on_loaded(&mut self, ticket: Ticket, result: Result<Arc<Clip>, String>, now: Instant) {
        if let Some(number) = self.calls.call_by_ticket.remove(&ticket) {
            self.tell_call(number, CallInput::Loaded(result), now);
        }
    }

    fn keep_voicemail(&mut self, number: u64, recording: &Recording, now: Instant) {
        let Some(view) = self.calls.by_number.get(&number).map(|entry| entry.call.view()) else {
            return;
        };
        let path = recording.path.strip_prefix(&self.desk.voicemail_folder).unwrap_or(&recording.path);
        let voicemail = Voicemail {
            id: self.fresh_id("vm_"),
            mailbox: recording.mailbox.clone(),
            call: view.id.0,
            from: view.from,
            left: self.wall(now),
            length_ms: recording.length_ms,
            path: path.display().to_string(),
            heard: None,
            notified: None,
        };
        self.mailboxes.on_left(&voicemail);
        self.lamps.touch(Package::MessageSummary, &voicemail.mailbox);
        self.publish("voicemail.left", json!(voicemail), now);
        self.effects.push_back(Effect::Notify { voicemail: Box::new(voicemail.clone()) });
        self.effects.push_back(Effect::Keep(Keep::Voicemail(voicemail)));
    }

    fn on_finished(&mut self, mut record: Record, now: Instant) {
        self.mark_drill(&mut record);
        let kind = match record.status {
            Status::Completed => "call.completed",
            Status::Busy => "call.busy",
            Status::NoAnswer => "call.no-answer",
            Status::Canceled => "call.canceled",
            _ => "call.failed",
        };
        tell_end(&record);
        let record = Arc::new(record);
        self.publish(kind, Subject::Record(record.clone()), now);
        self.effects.push_back(Effect::Keep(Keep::Record(record)));
    }
}

/// In the log, which is read before any record is.
fn tell_end(record: &Record) {
    info!(
        call = %record.id,
        from = %masked(&record.from),
        to = %masked(&record.to),
        status = record.status.as_str(),
        cause = record.cause,
        hung_up_by = record.hung_up_by.as_str(),
        talk_s = record.talk_ms / 1000,
        "call ends"
    );
}
