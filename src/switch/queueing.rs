//! What calls and queues tell each other: who waits, whose phone is to ring, and who talks.
//!
//! Whoever talks is busy for every queue, however the talk came about.

use std::time::Instant;

use crate::call::effect::Effect as CallEffect;
use crate::call::effect::Input as CallInput;
use crate::dialplan::happening::QueueOutcome;
use crate::queue::agent::AgentId;
use crate::queue::effect::Effect;
use crate::queue::effect::JoinError;
use crate::queue::effect::WaiterId;
use crate::switch::machine::Switch;

impl Switch {
    /// What the queues want of calls. True: something moved.
    pub(super) fn settle_queues(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while let Some(effect) = self.desk.queues.poll_effect() {
            moved = true;
            match effect {
                Effect::Ring { waiter, agent, .. } => {
                    self.tell_call(waiter.0, CallInput::RingAgent { agent: agent.0 }, now);
                }
                Effect::StopRinging { waiter, agent, why } => {
                    self.tell_call(waiter.0, CallInput::StopRingingAgent { agent: agent.0, why }, now);
                }
                Effect::Position { .. } => {}
            }
        }
        moved
    }

    pub(super) fn carry_out_queue(&mut self, number: u64, effect: CallEffect, now: Instant) {
        let waiter = WaiterId(number);
        match effect {
            CallEffect::JoinQueue { queue } => self.join_queue(number, &queue, now),
            CallEffect::LeaveQueue => self.desk.queues.leave(waiter, now),
            CallEffect::PickedUp => self.desk.queues.on_picked_up(waiter, now),
            CallEffect::AgentAnswered { agent } => {
                *self.desk.talks_by_extension.entry(agent.clone()).or_default() += 1;
                self.desk.queues.on_answered(waiter, &AgentId(agent), now);
            }
            CallEffect::AgentRefused { agent, refusal } => {
                self.desk.queues.on_refused(waiter, &AgentId(agent), refusal, now)
            }
            CallEffect::AgentBusy { agent } => self.on_engaged(&agent, now),
            CallEffect::AgentFree { agent } => self.on_disengaged(&agent, now),
            _ => {}
        }
    }

    fn join_queue(&mut self, number: u64, queue: &str, now: Instant) {
        let since = self.kept_place(number).unwrap_or(now);
        let input = match self.desk.queues.join_at(queue, WaiterId(number), since, now) {
            Ok(position) => CallInput::QueueJoined { position },
            Err(JoinError::Full { .. }) => CallInput::QueueRefused(QueueOutcome::Full),
            Err(JoinError::NobodySignedIn | JoinError::Unknown { .. }) => {
                CallInput::QueueRefused(QueueOutcome::NobodySignedIn)
            }
        };
        self.tell_call_later(number, input, now);
    }

    /// Where the caller stands; nothing for one who does not wait any more.
    pub(super) fn tell_position(&mut self, number: u64, now: Instant) {
        let waiter = WaiterId(number);
        if let Some(position) = self.desk.queues.position(waiter) {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let estimate = self.desk.queues.estimate_of(waiter, now);
            self.tell_call_later(number, CallInput::Position { position, estimate }, now);
        }
    }

    fn on_engaged(&mut self, extension: &str, now: Instant) {
        *self.desk.talks_by_extension.entry(extension.to_owned()).or_default() += 1;
        self.desk.queues.on_engaged(&AgentId(extension.to_owned()), now);
    }

    fn on_disengaged(&mut self, extension: &str, now: Instant) {
        let agent = AgentId(extension.to_owned());
        let Some(talks) = self.desk.talks_by_extension.get_mut(extension) else {
            return;
        };
        *talks -= 1;
        if *talks == 0 {
            self.desk.talks_by_extension.remove(extension);
            // A consultation that ends beside it is not the end of a talk.
            self.desk.queues.on_talk_ended(&agent, now);
            self.desk.queues.on_free(&agent, now);
        }
    }
}
