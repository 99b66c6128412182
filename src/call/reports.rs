//! What the pump and the user agent report of a call's legs, and to whom in the call each report goes.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::info;
use crate::call::leg::Leg;
use crate::call::leg::Stage;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::reach::Refused;
use crate::call::record::Party;
use crate::call::record::Status;
use crate::dialplan::happening::Happening;
use crate::media::answering;
use crate::media::command::Command as MediaCommand;
use crate::media::command::Event as MediaEvent;
use crate::media::command::LegId;
use crate::media::command::Repeat;
use crate::media::negotiation::fault::NegotiationError;
use crate::media::presses;
use crate::sip::agent::SessionEvent;
use crate::sip::agent::SessionId;

impl Call {
    pub(super) fn on_media(&mut self, event: MediaEvent, around: &dyn Around, now: Instant) {
        match event {
            MediaEvent::Opened { leg, local } => self.on_opened(leg, local, around, now),
            MediaEvent::OpenFailed { leg, why } => self.on_open_failed(leg, &why, around, now),
            MediaEvent::Finished { leg, play } => self.on_finished(leg, play, around, now),
            MediaEvent::Digit { leg, digit } => {
                if self.is_new_press(leg, digit, presses::Way::Media, now) {
                    self.on_digit(leg, digit, around, now);
                }
            }
            MediaEvent::Greeted { leg, verdict } => self.on_greeted(leg, verdict, now),
            MediaEvent::Beeped { leg } => self.on_beeped(leg, now),
            MediaEvent::Recorded { path, length, ended, cut, .. }
                if self.on_talk_recorded(&path, (length, cut), &ended, around, now) => {}
            MediaEvent::Recorded { path, length, ended, .. }
                if self.on_greeting_recorded(&path, length, &ended, around, now) => {}
            MediaEvent::Recorded { leg, path, length, ended, cut } if self.caller == Some(leg) => {
                self.on_recorded(path, (length, cut), &ended, around, now);
            }
            // What somebody said whose place another took is not the message.
            MediaEvent::Recorded { .. } => {}
            // No call owns a room.
            MediaEvent::RoomRecorded { .. } => {}
            MediaEvent::Quiet { leg, since, silence } => self.on_quiet(leg, since, silence, now),
            MediaEvent::HeardAgain { leg, after } => self.on_heard_again(leg, after, now),
            MediaEvent::Lifeless { leg, since } => self.on_lifeless(leg, since, around, now),
            // The switch has taken it.
            MediaEvent::Measured { .. } => {}
            MediaEvent::Secured { leg, suite } => {
                self.leg_mut(leg).into_iter().for_each(|leg| leg.on_secured(suite));
            }
            MediaEvent::NotSecured { leg, why } => self.on_not_secured(leg, &why, around, now),
            // A call without reports is still a call.
            MediaEvent::NoReports { leg, why } => {
                let party = self.party(leg);
                self.clerk.note(format!("no reports (RTCP) with {party}, which go over another port: {why}"), now);
            }
            MediaEvent::Closed { leg, figures } => {
                if let Some(at) = self.legs.iter().position(|known| known.id == leg) {
                    let mut leg = self.legs.swap_remove(at);
                    leg.on_closed(&figures);
                    leg.record.ended = around.wall(now);
                    self.clerk.file_leg(leg.record);
                }
            }
        }
    }

    /// A call that cannot be encrypted as was agreed is a silent one.
    fn on_not_secured(&mut self, id: LegId, why: &str, around: &dyn Around, now: Instant) {
        self.clerk.note(format!("the audio could not be encrypted: {why}"), now);
        self.hang_up_leg(id, cause::BEARER_NOT_AUTHORIZED);
        match self.caller == Some(id) {
            true => self.on_caller_gone(id, Party::System, cause::BEARER_NOT_AUTHORIZED, now),
            false => self.on_party_gone(id, Party::System, Some(cause::BEARER_NOT_AUTHORIZED), around, now),
        }
    }

    fn on_opened(&mut self, id: LegId, local: SocketAddr, around: &dyn Around, now: Instant) {
        let is_caller = self.caller == Some(id);
        let Some(leg) = self.leg_mut(id).filter(|leg| leg.stage == Stage::Opening) else {
            return;
        };
        leg.on_opened(local, around);
        if !is_caller {
            return if self.is_replacement(id) { self.complete_replacement(id, around, now) } else { self.invite(id) };
        }
        if let Err(fault) = leg.can_answer() {
            self.clerk.note(format!("refused: {fault}"), now);
            return self.refuse_description(&fault, around, now);
        }
        self.begin();
        self.tell("call.ringing");
    }

    fn on_open_failed(&mut self, id: LegId, why: &str, around: &dyn Around, now: Instant) {
        self.clerk.note(format!("no media port: {why}"), now);
        let replaces = self.is_replacement(id);
        self.replacements.retain(|it| it.new != id);
        if self.caller == Some(id) {
            self.refuse_caller(503, Status::Failed, cause::NETWORK_FAILURE, now);
        } else if replaces {
            self.reject_leg(id, 503, cause::NETWORK_FAILURE);
        } else {
            self.close_leg(id);
            self.on_leg_refused(id, Refused::with(503), around, now);
        }
        self.legs.retain(|leg| leg.id != id);
    }

    pub(super) fn on_session_event(&mut self, id: LegId, event: SessionEvent, around: &dyn Around, now: Instant) {
        let is_caller = self.caller == Some(id);
        match event {
            SessionEvent::Progress { status, sdp } => self.on_progress(id, status, sdp, around, now),
            SessionEvent::Accepted { sdp } => self.on_accepted(id, &sdp, around, now),
            SessionEvent::Refused { status, reason, cause, redirect, .. } => {
                self.on_refused(id, Refused { status, cause }, &reason, &redirect, around, now);
            }
            SessionEvent::Confirmed { sdp } => self.on_late_answer(id, sdp, around, now),
            SessionEvent::Answered { sdp } => self.on_late_answer(id, Some(sdp), around, now),
            SessionEvent::Offered { sdp } => self.on_offered(id, sdp, around),
            SessionEvent::Info { content_type, body } => self.on_info(id, &content_type, &body, around, now),
            SessionEvent::Cancelled { cause } if is_caller => {
                self.on_caller_gone(id, Party::Caller, cause.unwrap_or(cause::NORMAL), now);
            }
            SessionEvent::HungUp { cause } if is_caller => {
                self.on_caller_gone(id, Party::Caller, cause.unwrap_or(cause::NORMAL), now);
            }
            SessionEvent::Lost if is_caller => self.on_caller_gone(id, Party::System, cause::TIMER_EXPIRED, now),
            SessionEvent::ReferFares { status } if is_caller => self.on_refer_fares(status, now),
            SessionEvent::ReferFares { .. } => {}
            SessionEvent::MovedOn { from, status, .. } => self.on_moved_on(id, from.remote, status, now),
            SessionEvent::HungUp { cause } | SessionEvent::Cancelled { cause } => {
                self.on_party_gone(id, Party::Callee, cause, around, now);
            }
            SessionEvent::Lost => self.on_party_gone(id, Party::System, Some(cause::TIMER_EXPIRED), around, now),
            // The switch decides about a REFER before the call hears of it.
            SessionEvent::OfferRefused { .. } | SessionEvent::HangUpDone | SessionEvent::Referred { .. } => {}
        }
    }

    fn on_moved_on(&mut self, id: LegId, from: SocketAddr, status: u16, now: Instant) {
        let party = self.leg(id).map_or_else(String::new, |leg| leg.record.party.clone());
        self.clerk.note(format!("{party}: {from} fails the call ({status}), the next address is tried"), now);
    }

    /// The ACK of an INVITE or re-INVITE without an offer brings the answer to ours. RFC 3261 §13.2.1.
    fn on_late_answer(&mut self, id: LegId, sdp: Option<Bytes>, around: &dyn Around, now: Instant) {
        let (Some(sdp), Some(leg)) = (sdp, self.leg_mut(id)) else {
            return;
        };
        let held = leg.holds();
        match leg.on_answer(&sdp) {
            Ok(()) => {
                let turned = leg.holds() != held;
                self.connect(id);
                // The answer to a mere refresh turns nothing, and begins no music anew.
                if turned {
                    self.on_direction(id, around);
                }
            }
            Err(fault) => {
                self.clerk.note(format!("the late answer does not fit: {fault}"), now);
                self.hang_up_leg(id, cause::INCOMPATIBLE);
                match self.caller == Some(id) {
                    true => self.on_caller_gone(id, Party::System, cause::INCOMPATIBLE, now),
                    false => self.on_party_gone(id, Party::System, Some(cause::INCOMPATIBLE), around, now),
                }
            }
        }
    }

    /// The caller's SDP cannot be answered: 488 (400 for what is no SDP), and a Warning that says what is missing.
    pub(super) fn refuse_description(&mut self, fault: &NegotiationError, around: &dyn Around, now: Instant) {
        if let Some(session) = self.caller.and_then(|id| self.leg(id)).and_then(|leg| leg.session) {
            self.effects.push_back(warning(session, fault, around));
        }
        self.refuse_caller(fault.status(), Status::Failed, cause::INCOMPATIBLE, now);
    }

    /// A re-INVITE: hold, another codec, another address.
    fn on_offered(&mut self, id: LegId, sdp: Option<Bytes>, around: &dyn Around) {
        let Some(leg) = self.leg_mut(id) else { return };
        let Some(session) = leg.session else { return };
        match leg.on_new_offer(sdp.as_deref().unwrap_or_default()) {
            Ok(answer) => {
                self.effects.push_back(Effect::AnswerOffer { session, sdp: answer });
                self.connect(id);
                // Of an offer that is asked of us the ACK will tell the direction.
                if sdp.is_some() {
                    self.on_direction(id, around);
                }
            }
            Err(fault) => {
                self.effects.push_back(warning(session, &fault, around));
                self.effects.push_back(Effect::RefuseOffer { session, status: fault.status() });
            }
        }
    }

    /// A leg holds, or comes back.
    fn on_direction(&mut self, id: LegId, around: &dyn Around) {
        if self.is_attending(id) {
            self.attend_again(around);
        } else if !self.reseat_supervisor(id) {
            self.hold_or_resume(id, around);
        }
    }

    /// Whoever is put on hold hears music until the other comes back. RFC 3264 §8.4.
    fn hold_or_resume(&mut self, by: LegId, around: &dyn Around) {
        let Some(other) = self.partner(by).filter(|_| self.transfer.is_none()) else {
            return;
        };
        if !self.leg(by).is_some_and(Leg::holds) {
            return self.media(MediaCommand::Stop { leg: other });
        }
        let music = around.hold_music(self.clerk.queue().unwrap_or_default());
        let play = self.next_play();
        self.media(MediaCommand::Play { leg: other, play, clips: music, repeat: Repeat::Forever });
    }

    /// Somebody comes into a talk whose other side is on hold.
    pub(super) fn hold_if_held(&mut self, by: LegId, around: &dyn Around) {
        if self.leg(by).is_some_and(Leg::holds) {
            self.hold_or_resume(by, around);
        }
    }

    /// The other of the two who talk.
    pub fn partner(&self, id: LegId) -> Option<LegId> {
        match (self.caller?, self.talk?) {
            (caller, talk) if caller == id => Some(talk),
            (caller, talk) if talk == id => Some(caller),
            _ => None,
        }
    }

    /// A key that came as INFO goes to the one who talks as RFC 4733 events; keys of the audio the pump passes on by itself.
    fn on_info(&mut self, id: LegId, content_type: &str, body: &[u8], around: &dyn Around, now: Instant) {
        let Some(digit) = info::key(content_type, body) else { return };
        if !self.is_new_press(id, digit, presses::Way::Info, now) {
            return;
        }
        match self.partner(id) {
            Some(leg) => self.media(MediaCommand::SendDigits { leg, digits: digit.to_string() }),
            None => self.on_digit(id, digit, around, now),
        }
    }

    /// A phone may tell a key in its media and as INFO.
    fn is_new_press(&mut self, id: LegId, digit: char, way: presses::Way, now: Instant) -> bool {
        self.leg_mut(id).is_none_or(|leg| leg.presses.hear(digit, way, now).is_some())
    }

    fn on_greeted(&mut self, id: LegId, verdict: answering::Verdict, now: Instant) {
        if self.caller == Some(id) {
            let answering::Verdict { by, confidence } = verdict;
            self.clerk.note(format!("answered by: {}, {confidence} % sure", by.name()), now);
            self.clerk.on_greeted(verdict);
            self.tell("call.answered-by");
        }
    }

    fn on_beeped(&mut self, id: LegId, now: Instant) {
        if self.caller == Some(id) {
            self.clerk.note("the machine beeped".to_owned(), now);
            self.tell("call.beeped");
        }
    }

    fn on_digit(&mut self, id: LegId, digit: char, around: &dyn Around, now: Instant) {
        self.pass_digit_in_room(id, digit);
        if self.on_listeners_key(id, digit, around, now) {
            return;
        }
        if self.caller == Some(id) && self.listening.is_some() {
            return self.on_mailbox_key(digit, around, now);
        }
        if self.caller == Some(id) && self.talk.is_none() {
            self.happenings.push_back(Happening::Digit(digit));
        }
    }
}

fn warning(session: SessionId, fault: &NegotiationError, around: &dyn Around) -> Effect {
    let taken: Vec<String> = around.codecs().iter().map(|codec| codec.to_string()).collect();
    let text = match fault {
        NegotiationError::NoCommonCodec { .. } => format!("{fault}; taken are {}", taken.join(", ")),
        _ => fault.to_string(),
    };
    Effect::Warn { session, code: fault.warning(), text }
}
