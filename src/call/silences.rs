//! What a call makes of it that one of its parties is not heard: a note in its record, an event for listeners, and its end
//! where the configuration says so.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use crate::call::effect::Around;
use crate::call::effect::Effect;
use crate::call::machine::Call;
use crate::call::machine::cause;
use crate::call::record::CallId;
use crate::call::record::Party;
use crate::media::command::LegId;
use crate::media::silence::Side;
use crate::media::silence::Silence;

/// The data of `call.quiet` and `call.heard-again`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SilenceReport {
    pub call: CallId,
    /// Whose leg it is.
    pub party: String,
    /// How long nothing was heard.
    pub silent_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub silence: Option<SilenceCause>,
}

/// Which direction is silent, and why in all likelihood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SilenceCause {
    /// `theirs`: we do not hear the party. `ours`: it does not hear us.
    pub side: &'static str,
    pub cause: &'static str,
    pub explanation: String,
    /// Where packets come from that are not heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<SocketAddr>,
}

impl Call {
    pub(super) fn on_quiet(&mut self, id: LegId, since: Duration, silence: Silence, now: Instant) {
        if silence.side() == Side::Theirs && !self.begins_to_miss(id) {
            return;
        }
        let party = self.party(id);
        let note = match silence {
            Silence::Withheld | Silence::Unsent => format!("{party} does not hear us: {silence}"),
            _ => format!("no sound from {party} for {} s: {silence}", since.as_secs()),
        };
        tracing::info!(call = %self.id, cause = silence.word(), side = silence.side().word(), "a party is not heard");
        self.clerk.note(note, now);
        let from = match silence {
            Silence::Elsewhere { from } => Some(from),
            _ => None,
        };
        let explanation = silence.to_string();
        let cause = SilenceCause { side: silence.side().word(), cause: silence.word(), explanation, from };
        self.report_silence("call.quiet", party, since, Some(cause));
    }

    /// Whether it is news that this party is not heard. Before it has answered nobody need speak, and a silence that lasts
    /// over a re-INVITE is one.
    fn begins_to_miss(&mut self, id: LegId) -> bool {
        let leg = self.leg_mut(id).filter(|leg| leg.is_up());
        leg.is_some_and(|leg| !std::mem::replace(&mut leg.missed, true))
    }

    pub(super) fn on_heard_again(&mut self, id: LegId, after: Duration, now: Instant) {
        if !self.leg_mut(id).is_some_and(|leg| std::mem::take(&mut leg.missed)) {
            return;
        }
        let party = self.party(id);
        self.clerk.note(format!("{party} is heard again after {} s", after.as_secs()), now);
        self.report_silence("call.heard-again", party, after, None);
    }

    /// Neither audio nor reports come: `[media] end_silent_calls_after`.
    pub(super) fn on_lifeless(&mut self, id: LegId, since: Duration, around: &dyn Around, now: Instant) {
        if !self.leg(id).is_some_and(|leg| leg.is_up()) {
            return;
        }
        let party = self.party(id);
        tracing::warn!(call = %self.id, since = since.as_secs(), "a call is ended: one of its parties has fallen silent");
        self.clerk.note(format!("ended: neither RTP nor RTCP from {party} for {} s", since.as_secs()), now);
        self.hang_up_leg(id, cause::TIMER_EXPIRED);
        if self.caller == Some(id) {
            return self.on_caller_gone(id, Party::System, cause::TIMER_EXPIRED, now);
        }
        self.on_party_gone(id, Party::System, Some(cause::TIMER_EXPIRED), around, now);
    }

    fn report_silence(&mut self, kind: &'static str, party: String, silent: Duration, silence: Option<SilenceCause>) {
        let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        let report = SilenceReport { call: self.id.clone(), party, silent_ms, silence };
        self.effects.push_back(Effect::Silence { kind, report: Box::new(report) });
    }
}
