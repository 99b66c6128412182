//! What calls ask and tell other programs. Each call has at most one question, and one whose call has gone is called off.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;

use crate::call::effect::Input as CallInput;
use crate::call::record::CallView;
use crate::dialplan::lookup::Findings;
use crate::dialplan::lookup::Query;
use crate::switch::effect::Effect;
use crate::switch::input::Ticket;
use crate::switch::machine::Switch;

#[derive(Debug, Default)]
pub(super) struct LookUps {
    /// With the question's id in its walk.
    call_by_ticket: BTreeMap<Ticket, (u64, u32)>,
    ticket_by_call: BTreeMap<u64, Ticket>,
}

impl LookUps {
    fn begin(&mut self, ticket: Ticket, call: u64, query: u32) {
        self.call_by_ticket.insert(ticket, (call, query));
        self.ticket_by_call.insert(call, ticket);
    }

    fn end(&mut self, ticket: Ticket) -> Option<(u64, u32)> {
        let (call, query) = self.call_by_ticket.remove(&ticket)?;
        self.ticket_by_call.remove(&call);
        Some((call, query))
    }
}

impl Switch {
    pub(super) fn look_up(&mut self, call: u64, query: Box<Query>) {
        self.stop_looking_up(call);
        let ticket = self.ticket();
        self.calls.lookups.begin(ticket, call, query.id);
        self.effects.push_back(Effect::LookUp { ticket, query });
    }

    pub(super) fn stop_looking_up(&mut self, call: u64) {
        if let Some(ticket) = self.calls.lookups.ticket_by_call.get(&call).copied() {
            self.calls.lookups.end(ticket);
            self.effects.push_back(Effect::StopLookingUp { ticket });
        }
    }

    /// A dialplan tells other programs of something.
    pub(super) fn emit(&mut self, name: String, fields: Vec<(String, String)>, view: &CallView, now: Instant) {
        let fields: BTreeMap<String, String> = fields.into_iter().collect();
        let data = json!({ "name": name, "call": view.id, "from": view.from, "to": view.to, "fields": fields });
        self.publish("dialplan.event", data, now);
    }

    pub(super) fn on_looked_up(&mut self, ticket: Ticket, findings: Findings, now: Instant) {
        if let Some((call, query)) = self.calls.lookups.end(ticket) {
            self.tell_call(call, CallInput::LookedUp { query, findings }, now);
        }
    }
}
