//! What the PBX itself sees of a channel: its own texts, their receipts, its customers, and what peers report.

use std::time::Instant;

use crate::channel::Delivery;
use crate::channel::HttpAnswer;
use crate::channel::HttpFailure;
use crate::channel::SendOutcome;
use crate::channel::traffic::outcome_of_send;
use crate::outage::ChannelState;
use crate::outage::habit::Learnt;
use crate::outage::reports::Report;
use crate::outage::reports::ReportError;
use crate::outage::traffic::Everyday;
use crate::outage::traffic::Subject;
use crate::outage::traffic::evidence;
use crate::switch::command::Answer;
use crate::switch::command::Problem;
use crate::switch::commands::problem;
use crate::switch::machine::Switch;

impl Switch {
    /// The provider's answer to a text, or that there is none.
    pub(super) fn on_send_answered(&mut self, channel: &str, result: &Result<HttpAnswer, HttpFailure>, now: Instant) {
        let Some(kind) = self.kinds.find(channel) else {
            return;
        };
        let outcome = outcome_of_send(kind, result);
        let taken = result.as_ref().ok().map(|answer| kind.read_answer(answer));
        if let Some(SendOutcome::Accepted { provider_id: Some(id) }) = taken
            && let Some(watched) = self.channels.find_mut(channel)
        {
            watched.traffic.on_sent(&id, now);
        }
        self.on_evidence(channel, evidence(Subject::Sends, outcome, self.wall(now)), now);
    }

    /// A customer wrote.
    pub(super) fn on_customer_wrote(&mut self, channel: &str, now: Instant) {
        let wall = self.wall(now);
        if let Some(watched) = self.channels.find_mut(channel) {
            let seen = watched.traffic.on_inbound(wall);
            self.on_evidence(channel, seen, now);
        }
    }

    /// A receipt of any kind shows that the provider still tells us what becomes of our texts; only one of a delivery shows
    /// that they arrive.
    pub(super) fn on_receipt_seen(&mut self, channel: &str, provider_id: &str, delivery: &Delivery, now: Instant) {
        let wall = self.wall(now);
        let Some(watched) = self.channels.find_mut(channel).filter(|_| *delivery == Delivery::Delivered) else {
            return;
        };
        if let Some(seen) = watched.traffic.on_receipt(provider_id, now, wall) {
            self.on_evidence(channel, seen, now);
        }
    }

    pub(super) fn look_at_traffic(&mut self, channel: &str, now: Instant) {
        let wall = self.wall(now);
        let Some(watched) = self.channels.find_mut(channel) else {
            return;
        };
        let everyday = match watched.state() {
            ChannelState::Up => Everyday::Yes,
            ChannelState::Degraded | ChannelState::Down | ChannelState::Recovering => Everyday::No,
        };
        let (seen, learnt) = watched.traffic.look(everyday, now, wall);
        for seen in seen {
            self.on_evidence(channel, seen, now);
        }
        if learnt == Learnt::Something {
            self.keep_channel(channel, now);
        }
    }

    /// `POST /v1/channels/{name}/reports`.
    pub(super) fn report_channel(&mut self, name: &str, report: Report, now: Instant) -> Result<Answer, Problem> {
        let wall = self.wall(now);
        let no_channel = self.no_channel(name);
        let watched = self.channels.find_mut(name).ok_or(no_channel)?;
        let seen = watched.reports.take(report, now, wall).map_err(|fault| report_problem(&fault))?;
        self.on_evidence(name, seen, now);
        self.channel_view(name, now)
    }
}

fn report_problem(fault: &ReportError) -> Problem {
    let (status, rule, hint) = match fault {
        ReportError::TooMany => (429, "too-many-reports", "Report once a minute, and at once when something changes."),
        ReportError::TooManyPeers => (422, "too-many-peers", "Let one peer report for several others."),
        ReportError::NoName => (422, "no-reporter", "Say in `from` who reports."),
    };
    problem(status, rule, "The report was not taken", &fault.to_string(), hint)
}
