//! Callbacks are booked, called when it is their turn, and told of: the switch between calls, queues and the store.

use std::time::Duration;
use std::time::Instant;

use serde_json::json;
use tracing::info;

use crate::call::call_back::CallBack;
use crate::call::caller::CallerId;
use crate::call::clerk::Facts;
use crate::call::effect::Around;
use crate::call::effect::BookingWish;
use crate::call::effect::Destination;
use crate::call::effect::Input as CallInput;
use crate::call::effect::NoWay;
use crate::call::machine::Call;
use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::record::Party;
use crate::call::record::Record;
use crate::call::record::Status;
use crate::call::script::Script;
use crate::dialplan::happening::BookingOutcome;
use crate::number::PhoneNumber;
use crate::queue::callbacks::Booked;
use crate::queue::callbacks::Callback;
use crate::queue::callbacks::CallbackState;
use crate::queue::callbacks::TryResult;
use crate::queue::callbacks::Wish;
use crate::switch::command::Answer;
use crate::switch::command::Problem;
use crate::switch::commands::problem;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::machine::Switch;

/// How long the phone of one who is called back rings.
const RINGS_FOR: Duration = Duration::from_secs(45);
/// Between the end of the call in which somebody booked and ours to him: he puts his phone down.
const SETTLES: Duration = Duration::from_secs(5);
/// The record of a call says by this tag which booking it belongs to.
const TAG: &str = "callback";

impl Switch {
    /// A caller wants to be called back: the call hears at once what became of it.
    pub(super) fn book_callback(&mut self, call: u64, wish: BookingWish, now: Instant) {
        let (outcome, id) = match self.booked(call, wish, now) {
            Ok(id) => (BookingOutcome::Booked, Some(id)),
            Err(outcome) => (outcome, None),
        };
        self.tell_call_later(call, CallInput::Booked { outcome, id }, now);
    }

    fn booked(&mut self, call: u64, wish: BookingWish, now: Instant) -> Result<String, BookingOutcome> {
        let number = self.number_to_call(&wish).ok_or(BookingOutcome::NoNumber)?;
        let wall = self.wall(now);
        let wish = Wish {
            id: self.fresh_id("cb_"),
            queue: wish.queue,
            number,
            from: wish.from,
            language: wish.language,
            call: self.calls.name(call),
            hours: wish.hours,
            waited: wish.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
        };
        match self.callbacks.book(wish, now, wall) {
            Ok(Booked::Now(callback)) => {
                let id = callback.id.clone();
                self.callbacks_touched = true;
                self.keep_callback("callback.booked", callback, now);
                Ok(id)
            }
            Ok(Booked::Before(callback)) => Ok(callback.id),
            Err(why) => {
                info!(%why, "a callback was not booked");
                Err(BookingOutcome::Full)
            }
        }
    }

    /// In E.164, with a way out. What somebody types is called in our own country alone: nobody is to send us far away.
    fn number_to_call(&self, wish: &BookingWish) -> Option<String> {
        let number = PhoneNumber::parse(&wish.number, &self.desk.home).ok()?.as_str().to_owned();
        let home = format!("+{}", self.desk.home.country_code);
        let is_known = number == wish.caller || number.starts_with(&home);
        let has_way = self.desk.program.route_for(&number).is_some();
        (is_known && has_way).then_some(number)
    }

    /// Calls whoever is due. True: somebody was.
    pub(super) fn settle_callbacks(&mut self, now: Instant) -> bool {
        let due = self.callbacks.poll_timeout(self.callbacks_seen).is_some_and(|at| at <= now);
        let touched = self.desk.queues.take_touched() | std::mem::take(&mut self.callbacks_touched);
        if !(due || touched) {
            return false;
        }
        self.callbacks_seen = now;
        if self.callbacks.is_empty() || self.draining {
            return false;
        }
        let wall = self.wall(now);
        let (program, queues) = (&self.desk.program, &self.desk.queues);
        let next = self.callbacks.due(now, |hours| program.is_open(hours, wall), |queue| queues.outlook(queue, now));
        let Some(callback) = next else {
            return false;
        };
        self.call_back(callback, now);
        // Others may be due as well.
        self.callbacks_touched = true;
        true
    }

    fn call_back(&mut self, callback: Callback, now: Instant) {
        let mut facts = Facts {
            direction: Direction::Outbound,
            from: callback.from.clone(),
            to: callback.number.clone(),
            trunk: None,
            meets: None,
            flow: None,
            channels_down: self.desk.channels_down.clone(),
            caller: CallerId::default(),
        };
        let whom = Destination::Number(callback.number.clone());
        let ways = match self.desk.ways_to(&whom, &facts, self.calls.total() + 1, now) {
            Ok(ways) => ways,
            Err(NoWay::TrunkUnavailable) => return self.callbacks.put_off(&callback.id, now),
            Err(why) => {
                info!(id = callback.id, ?why, "a callback finds no way out");
                self.callbacks.on_called(&callback.id, "", self.desk.clock.wall(now));
                return self.on_called_back(&callback.id, TryResult::Failed, now);
            }
        };
        facts.trunk = ways.together.first().and_then(|way| way.trunk.clone());
        let number = self.calls.next_number();
        let id = CallId(self.fresh_id("call_"));
        let script = Script::CallBack(CallBack::new(callback.queue.clone(), callback.language.clone()));
        let mut call = Call::placed(id.clone(), number, ways, RINGS_FOR, facts, script, &self.desk, now);
        call.tag(TAG, &callback.id);
        self.callback_by_call.insert(number, callback.id.clone());
        let wall = self.wall(now);
        if let Some(calling) = self.callbacks.on_called(&callback.id, &id.0, wall).cloned() {
            self.keep_callback("callback.calling", calling, now);
        }
        self.admit(number, call, now);
    }

    /// Since when this call's caller has waited, if he was called back: his place in the line.
    pub(super) fn kept_place(&self, call: u64) -> Option<Instant> {
        self.callbacks.place_of(self.callback_by_call.get(&call)?)
    }

    /// A call has ended; somebody may have booked in it, or it may have been one of ours to somebody.
    pub(super) fn on_record_of_callback(&mut self, call: u64, record: &Record, now: Instant) {
        self.callbacks.release(&record.id.0, now + SETTLES);
        if let Some(id) = self.callback_by_call.remove(&call) {
            let result = match result_of(record) {
                TryResult::Talked => TryResult::Talked,
                TryResult::HungUp => TryResult::HungUp,
                _ if self.draining => TryResult::Interrupted,
                result => result,
            };
            self.on_called_back(&id, result, now);
        }
    }

    fn on_called_back(&mut self, id: &str, result: TryResult, now: Instant) {
        let wall = self.wall(now);
        let Some(callback) = self.callbacks.on_tried(id, result, now, wall) else {
            return;
        };
        self.callbacks_touched = true;
        let kind = match callback.state {
            CallbackState::Completed => "callback.completed",
            CallbackState::HungUp => "callback.hung-up",
            CallbackState::Failed => "callback.failed",
            _ => "callback.put-off",
        };
        self.keep_callback(kind, callback, now);
    }

    fn keep_callback(&mut self, kind: &'static str, callback: Callback, now: Instant) {
        info!(id = callback.id, queue = callback.queue, tries = callback.tries.len(), kind, "callback");
        self.publish(kind, json!(callback), now);
        self.effects.push_back(Effect::Keep(match callback.state {
            CallbackState::Waiting | CallbackState::Calling => Keep::Callback(Box::new(callback)),
            _ => Keep::ForgetCallback { id: callback.id },
        }));
    }

    pub(super) fn callback_view(&self, id: &str) -> Result<Answer, Problem> {
        let callback = self.callbacks.find(id).ok_or_else(|| unknown(id))?;
        Ok(Answer::Callback(Box::new(callback.clone())))
    }

    pub(super) fn cancel_callback(&mut self, id: &str, now: Instant) -> Result<Answer, Problem> {
        let callback = self.callbacks.cancel(id).ok_or_else(|| unknown(id))?;
        self.callback_by_call.retain(|_, known| known != id);
        self.keep_callback("callback.canceled", callback, now);
        Ok(Answer::Done {})
    }
}

fn result_of(record: &Record) -> TryResult {
    match (record.status, &record.agent, &record.queue) {
        (_, Some(_), _) => TryResult::Talked,
        (Status::Completed, None, Some(_)) if record.hung_up_by == Party::Caller => TryResult::HungUp,
        // His queue did not take him, or we ended the call: he still wants to talk.
        (Status::Completed, None, Some(_)) => TryResult::Failed,
        (Status::Completed, None, None) => TryResult::NotConfirmed,
        (Status::Busy, ..) => TryResult::Busy,
        (Status::NoAnswer | Status::Canceled, ..) => TryResult::NoAnswer,
        _ => TryResult::Failed,
    }
}

fn unknown(id: &str) -> Problem {
    let hint = "GET /v1/callbacks lists those that are open; what became of others stands in the records and events.";
    problem(404, "unknown-callback", "No such callback is open", id, hint)
}
