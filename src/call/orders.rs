//! Carries out what the script orders: each order of a walk is one function here.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::BookingWish;
use crate::call::effect::Effect;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::record::Party;
use crate::call::record::Status;
use crate::call::refusals::ending_of;
use crate::call::refusals::outcome_of;
use crate::call::verdict::Verdict;
use crate::dialplan::happening::Happening;
use crate::dialplan::order::Booking;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::media::clip::Clip;
use crate::media::command::Command as MediaCommand;
use crate::media::command::LegId;
use crate::media::command::PlayId;
use crate::media::command::Repeat;
use crate::media::command::Sound;
use crate::media::negotiation::formats::Passed;
use crate::media::tone::Signal;

impl Call {
    pub(super) fn carry_out(&mut self, order: Order, around: &dyn Around, now: Instant) {
        if self.is_ending() {
            return self.carry_out_afterwards(order);
        }
        if !Verdict::outlives(&order) {
            self.verdict = None;
        }
        match order {
            Order::Answer => self.answer_order(around, now),
            Order::Ringing => self.ringing(),
            Order::Progress => self.early_media(),
            Order::Play { prompts, language } => self.play_prompts(&prompts, &language, around, now),
            Order::Tone { signal } => self.play_tone(signal, around, now),
            Order::Echo => self.echo(),
            Order::StopPlaying => self.stop_playing(),
            Order::Speak { text, language } => self.effects.push_back(Effect::Speak { text, language }),
            Order::Ask(query) => self.effects.push_back(Effect::Ask(query)),
            Order::StopAsking => self.effects.push_back(Effect::StopAsking),
            Order::Book(booking) => self.book(*booking),
            Order::Emit { name, fields } => self.emit(name, fields),
            Order::AskPosition => self.effects.push_back(Effect::AskPosition),
            Order::HoldMusic { queue } => self.play(around.hold_music(&queue), Repeat::Forever),
            Order::Music { music } => self.play(around.music(&music), Repeat::Forever),
            Order::JoinQueue { queue } => self.join_queue(queue, around, now),
            Order::LeaveQueue => self.leave_queue(now),
            Order::Dial(order) => self.dial(order, around, now),
            Order::StopDialling => self.stop_dialling(),
            Order::EndTalk => self.end_talk_order(now),
            Order::Refer { to } => self.refer(to, around, now),
            Order::Park(order) => self.park(order, around, now),
            Order::Unpark => self.unpark(),
            Order::RingBackParker { ring_for } => self.ring_back_parker(ring_for, around, now),
            Order::PickUp { slot } => self.effects.push_back(Effect::PickUp { slot }),
            Order::Consent(answer) => self.on_consent(answer, now),
            Order::Voicemail { mailbox, language } => self.start_voicemail(mailbox, language, around, now),
            Order::Mailbox { mailbox, language } => self.open_mailbox(mailbox, language, around, now),
            Order::Record(order) => self.record(order, around, now),
            Order::JoinConference(attendance) => self.join_conference(attendance, around, now),
            Order::LeaveConference => self.leave_conference(now),
            Order::WrongPin { conference } => self.effects.push_back(Effect::WrongConferencePin { conference }),
            Order::Message { to, text } => self.effects.push_back(Effect::Message { to, text }),
            Order::Tag { name, value } => self.clerk.tag(name, value),
            Order::Hangup { cause } => self.hang_up_order(cause, now),
        }
    }

    /// What `on-hangup` may still do.
    fn carry_out_afterwards(&mut self, order: Order) {
        match order {
            Order::Message { to, text } => self.effects.push_back(Effect::Message { to, text }),
            Order::Tag { name, value } => self.clerk.tag(name, value),
            Order::StopAsking => self.effects.push_back(Effect::StopAsking),
            Order::Emit { name, fields } => self.emit(name, fields),
            _ => {}
        }
    }

    fn answer_order(&mut self, around: &dyn Around, now: Instant) {
        if self.answer_caller(None, around, now) {
            self.happenings.push_back(Happening::Answered);
        }
    }

    /// Answers the caller unless that has been done. False: it cannot be done, and the call is ending.
    pub(super) fn answer_caller(&mut self, prefer: Option<Passed>, around: &dyn Around, now: Instant) -> bool {
        let Some(id) = self.caller else { return false };
        let wall = around.wall(now);
        let Some(leg) = self.leg_mut(id).filter(|leg| !leg.is_closing()) else {
            return false;
        };
        if leg.is_up() {
            return true;
        }
        let Some(session) = leg.session else {
            self.refuse_caller(488, Status::Failed, cause::INCOMPATIBLE, now);
            return false;
        };
        let sdp = match leg.answer(prefer) {
            Ok(sdp) => sdp,
            Err(fault) => {
                self.refuse_description(&fault, around, now);
                return false;
            }
        };
        leg.set_up(now, wall);
        self.effects.push_back(Effect::Accept { session, sdp });
        self.connect(id);
        self.clerk.on_answered(now, wall);
        self.tell("call.in-progress");
        true
    }

    fn ringing(&mut self) {
        if let Some((_, session)) = self.unanswered_caller() {
            self.effects.push_back(Effect::Progress { session, status: 180, sdp: None });
        }
    }

    pub(super) fn early_media(&mut self) {
        let Some((id, session)) = self.unanswered_caller() else {
            return;
        };
        let Some(Ok(sdp)) = self.leg_mut(id).map(|leg| leg.early_answer(None)) else {
            return;
        };
        self.effects.push_back(Effect::Progress { session, status: 183, sdp: Some(sdp) });
        self.connect(id);
    }

    fn unanswered_caller(&self) -> Option<(LegId, crate::sip::agent::SessionId)> {
        let leg = self.leg(self.caller?).filter(|leg| !leg.is_up() && !leg.is_closing())?;
        Some((leg.id, leg.session?))
    }

    /// A call that nobody answered yet is answered by the first thing to be heard, unless early media was ordered.
    fn play_prompts(&mut self, prompts: &[String], language: &str, around: &dyn Around, now: Instant) {
        if !self.is_audible() && !self.answer_caller(None, around, now) {
            return;
        }
        let mut sounds = Vec::with_capacity(prompts.len());
        for name in prompts {
            match around.prompt(name, language) {
                Some(clip) => sounds.push(Sound::Clip(clip)),
                None => self.clerk.note(format!("no prompt `{name}` in {language}"), now),
            }
        }
        self.play(sounds, Repeat::Once);
    }

    fn play_tone(&mut self, signal: Signal, around: &dyn Around, now: Instant) {
        if !self.is_audible() && !self.answer_caller(None, around, now) {
            return;
        }
        let repeat = if signal == Signal::Beep { Repeat::Once } else { Repeat::Forever };
        self.play(around.tone(signal), repeat);
    }

    fn echo(&mut self) {
        self.playing = None;
        if let Some(leg) = self.caller {
            self.media(MediaCommand::Echo { leg });
        }
    }

    pub(super) fn is_audible(&self) -> bool {
        self.caller.and_then(|id| self.leg(id)).is_some_and(|leg| leg.is_up() || leg.is_early())
    }

    /// Plays to the caller in place of what he hears now.
    pub(super) fn play(&mut self, clips: Vec<Sound>, repeat: Repeat) {
        let Some(leg) = self.caller else { return };
        if clips.is_empty() {
            return self.happenings.push_back(Happening::PlayFinished);
        }
        let play = self.next_play();
        self.playing = (repeat == Repeat::Once).then_some(play);
        self.media(MediaCommand::Play { leg, play, clips, repeat });
    }

    pub(super) fn stop_playing(&mut self) {
        self.playing = None;
        if let Some(leg) = self.caller {
            self.media(MediaCommand::Stop { leg });
        }
    }

    pub(super) fn on_finished(&mut self, leg: LegId, play: PlayId, around: &dyn Around, now: Instant) {
        if self.on_announced(leg, play, around, now) || self.caller != Some(leg) || self.playing != Some(play) {
            return;
        }
        self.playing = None;
        if self.listening.is_some() {
            return self.on_mailbox_played(around, now);
        }
        if self.voicemail.is_some() {
            return self.voicemail_played(around, now);
        }
        if self.play_park_music(around) {
            return;
        }
        self.happenings.push_back(Happening::PlayFinished);
    }

    /// A message or a greeting: only in the place that asked for it is it heard, however late it comes.
    pub(super) fn on_loaded(&mut self, result: Result<Arc<Clip>, String>, around: &dyn Around, now: Instant) {
        match self.listening.is_some() {
            true => self.on_message_fetched(result, around, now),
            false => self.on_greeting_fetched(result, around),
        }
    }

    pub(super) fn on_spoken(&mut self, result: Result<Arc<Clip>, String>, now: Instant) {
        match result {
            Ok(clip) => self.play(vec![Sound::Clip(clip)], Repeat::Once),
            Err(why) => {
                self.clerk.note(format!("could not be said: {why}"), now);
                self.happenings.push_back(Happening::PlayFinished);
            }
        }
    }

    fn emit(&mut self, name: String, fields: Vec<(String, String)>) {
        let view = Box::new(self.view());
        self.effects.push_back(Effect::Emit { name, fields, view });
    }

    fn book(&mut self, booking: Booking) {
        let Booking { queue, number, caller, from, language, hours } = booking;
        let since = self.waited_in.as_ref().filter(|(known, _)| *known == queue).map(|(_, since)| *since);
        self.effects.push_back(Effect::Book(BookingWish { queue, number, caller, from, language, hours, since }));
    }

    fn join_queue(&mut self, queue: String, around: &dyn Around, now: Instant) {
        if !self.answer_caller(None, around, now) {
            return;
        }
        if self.waited_in.as_ref().is_none_or(|(known, _)| *known != queue) {
            self.waited_in = Some((queue.clone(), now));
        }
        self.clerk.on_waiting(&queue, now);
        self.clerk.note(format!("waits in {queue}"), now);
        self.play(around.hold_music(&queue), Repeat::Forever);
        self.waiting_in = Some(queue.clone());
        self.effects.push_back(Effect::JoinQueue { queue });
        self.tell("call.waiting");
    }

    pub(super) fn leave_queue(&mut self, now: Instant) {
        if self.waiting_in.take().is_none() {
            return;
        }
        self.clerk.on_left_queue(now);
        self.effects.push_back(Effect::LeaveQueue);
        self.stop_reaching_agents(cause::NORMAL);
        self.stop_playing();
    }

    fn hang_up_order(&mut self, cause: HangupCause, now: Instant) {
        if self.unanswered_caller().is_none() {
            let named = self.verdict.and_then(|verdict| verdict.cause);
            return self.end_caller(Party::System, named.unwrap_or(cause::NORMAL), now);
        }
        let (status, outcome, usual) = match cause {
            HangupCause::Busy => (486, Status::Busy, cause::BUSY),
            HangupCause::Declined => (603, Status::Busy, cause::DECLINED),
            HangupCause::NoAnswer => (480, Status::NoAnswer, cause::NO_ANSWER),
            HangupCause::Unreachable => (480, Status::Failed, cause::UNREACHABLE),
            HangupCause::NotFound => (404, Status::Failed, 1),
            HangupCause::Normal => (480, Status::NoAnswer, cause::NORMAL),
            HangupCause::Failed => (503, Status::Failed, cause::NETWORK_FAILURE),
        };
        let passed = self.verdict.map_or(status, |verdict| verdict.status_for(cause, status));
        let (outcome, usual) = if passed == status { (outcome, usual) } else { ending_of(outcome_of(passed)) };
        let named = self.verdict.and_then(|verdict| verdict.cause);
        self.refuse_caller(passed, outcome, named.unwrap_or(usual), now);
    }
}

/// How long a `Plain` script rings when nobody says otherwise.
pub const RING_FOR: Duration = Duration::from_secs(60);
