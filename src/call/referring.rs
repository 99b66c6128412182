//! The caller's own trunk is asked to connect him with somebody else: REFER, RFC 3515. If it does, the call leaves us.

use std::time::Instant;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::record::Party;
use crate::dialplan::happening::Happening;

impl Call {
    pub(super) fn refer(&mut self, to: String, around: &dyn Around, now: Instant) {
        if !self.answer_caller(None, around, now) {
            return;
        }
        let caller = self.caller.and_then(|caller| self.leg(caller));
        let session = caller.filter(|leg| leg.record.trunk.is_some()).and_then(|leg| leg.session);
        let Some(session) = session else {
            self.clerk.note("the caller came over no trunk that could be asked".to_owned(), now);
            return self.happenings.push_back(Happening::ReferRefused);
        };
        self.clerk.note(format!("the trunk is asked to connect the caller with {to}"), now);
        self.referred_to = Some(to.clone());
        self.effects.push_back(Effect::Refer { session, to });
    }

    /// RFC 3515 §2.4.5: a status of what the trunk does. What comes without our asking is nothing.
    pub(super) fn on_refer_fares(&mut self, status: u16, now: Instant) {
        if status < 200 {
            return;
        }
        let Some(to) = self.referred_to.take() else {
            return;
        };
        if status < 300 {
            self.clerk.note(format!("the trunk has connected the caller with {to}"), now);
            return self.end_caller(Party::System, cause::NORMAL, now);
        }
        self.clerk.note(format!("the trunk does not connect the caller: {status}"), now);
        self.happenings.push_back(Happening::ReferRefused);
    }
}
