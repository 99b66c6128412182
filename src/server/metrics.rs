//! `/metrics`: base units, `_total` for what only grows, and no number, name or id of a customer in a label.
//!
//! What the rooms count is copied once a second; what happens once a call is counted when its record is made.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use metrics::Unit;
use metrics::counter;
use metrics::describe_counter;
use metrics::describe_gauge;
use metrics::describe_histogram;
use metrics::gauge;
use metrics::histogram;
use metrics_exporter_prometheus::Matcher;
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::call::record::Record;
use crate::dialplan::lookup::Findings;
use crate::dialplan::lookup::LookUpFailure;
use crate::outage::ChannelState;
use crate::outage::blame::Blame;
use crate::server::error::ServeError;
use crate::server::hands::Hands;
use crate::server::metrics_rtp;
use crate::server::probing;
use crate::switch::gauges::Gauges;
use crate::switch::machine::Switch;
use crate::switch::trunks::state::TrunkState;

/// Upper bounds in seconds, from an extension that answers at once to a caller who waits for a minute.
const SETUP_SECONDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];

pub(super) struct Metrics {
    handle: PrometheusHandle,
    /// Channels as they were told last: most stay as they are for days.
    told: BTreeMap<String, (ChannelState, Blame)>,
}

impl Metrics {
    /// Once for the whole process.
    pub(super) fn install() -> Result<Metrics, ServeError> {
        let fault = |error: &dyn std::fmt::Display| ServeError::Metrics(error.to_string());
        let mut builder = PrometheusBuilder::new();
        for (metric, bounds) in metrics_rtp::BUCKETS {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(metric.to_owned()), bounds)
                .map_err(|error| fault(&error))?;
        }
        let recorder = builder
            .set_buckets_for_metric(Matcher::Full("desvio_call_setup_seconds".to_owned()), &SETUP_SECONDS)
            .map_err(|error| fault(&error))?
            .set_buckets_for_metric(Matcher::Full("desvio_probe_seconds".to_owned()), &probing::SECONDS)
            .map_err(|error| fault(&error))?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|error| fault(&error))?;
        describe();
        metrics_rtp::describe();
        probing::describe();
        Ok(Metrics { handle, told: BTreeMap::new() })
    }

    pub(super) fn renderer(&self) -> Box<dyn Fn() -> String + Send + Sync> {
        let handle = self.handle.clone();
        Box::new(move || {
            handle.run_upkeep();
            handle.render()
        })
    }

    pub(super) fn update(&mut self, switch: &Switch, hands: &Hands, now: Instant) {
        // Samples of histograms gather until they are put into their buckets, and nobody may ever ask for them.
        self.handle.run_upkeep();
        let gauges = switch.gauges();
        self.of_channels(&gauges);
        of_switch(switch, gauges);
        of_trunks(switch, now);
        metrics_rtp::of_pump(&hands.pump.totals());
        gauge!("desvio_media_legs").set(count(hands.pump.legs()));
        let unsent = hands.sockets.tally();
        counter!("desvio_sip_unsent_total", "reason" => "overflow").absolute(unsent.overflowed);
        counter!("desvio_sip_unsent_total", "reason" => "refused").absolute(unsent.refused);
        of_streams(hands);
        let malformed = switch.gauges().sip.malformed + unsent.malformed;
        counter!("desvio_sip_malformed_total").absolute(malformed);
        let store = hands.writer.figures();
        counter!("desvio_store_writes_total").absolute(store.written);
        counter!("desvio_store_lost_total").absolute(store.dropped);
        counter!("desvio_store_failures_total").absolute(store.failures);
        gauge!("desvio_store_waiting").set(count(usize::try_from(store.waiting).unwrap_or(usize::MAX)));
    }

    fn of_channels(&mut self, gauges: &Gauges) {
        for (channel, is, fault) in &gauges.channels {
            if self.told.get(channel) == Some(&(*is, *fault)) {
                continue;
            }
            self.told.insert(channel.clone(), (*is, *fault));
            for state in ChannelState::ALL {
                let labels = [("channel", channel.clone()), ("state", state.to_string())];
                gauge!("desvio_channel_state", &labels).set(f64::from(u8::from(state == *is)));
            }
            for blame in Blame::ALL {
                let labels = [("channel", channel.clone()), ("blame", blame.to_string())];
                gauge!("desvio_channel_blame", &labels).set(f64::from(u8::from(blame == *fault)));
            }
        }
    }
}

fn of_streams(hands: &Hands) {
    let streams = hands.sockets.streams();
    for (transport, open) in streams.open.iter() {
        gauge!("desvio_sip_connections", "transport" => transport.uri_text()).set(count(open));
    }
    gauge!("desvio_sip_handshakes").set(count(streams.handshakes));
    let refused = [
        ("total", streams.refused_in_all),
        ("address", streams.refused_of_address),
        ("handshakes", streams.refused_of_handshakes),
    ];
    for (reason, connections) in refused {
        counter!("desvio_sip_connections_refused_total", "reason" => reason).absolute(connections);
    }
    let closed = [("failed", streams.failed), ("mute", streams.mute), ("idle", streams.idle), ("slow", streams.slow)];
    for (reason, connections) in closed {
        counter!("desvio_sip_connections_closed_total", "reason" => reason).absolute(connections);
    }
    let now = Timestamp::now();
    for expiry in hands.sockets.expiries() {
        let left = expiry.at.duration_since(now).as_secs_f64();
        gauge!("desvio_tls_certificate_expiry_seconds", "file" => expiry.path.display().to_string()).set(left);
    }
}

fn of_switch(switch: &Switch, gauges: Gauges) {
    gauge!("desvio_calls").set(count(gauges.calls));
    gauge!("desvio_conferences").set(count(gauges.conferences));
    gauge!("desvio_conference_members").set(count(gauges.conference_members));
    gauge!("desvio_registrations").set(count(gauges.registrations));
    for (queue, waiting) in gauges.waiting {
        gauge!("desvio_queue_waiting", "queue" => queue).set(count(waiting));
    }
    gauge!("desvio_drills").set(count(gauges.drills));
    for (tally, direction) in [(&gauges.sip.received, "in"), (&gauges.sip.sent, "out")] {
        for (method, messages) in tally.iter().filter(|(_, messages)| *messages > 0) {
            counter!("desvio_sip_messages_total", "method" => method, "direction" => direction).absolute(messages);
        }
    }
    for (event, subscriptions) in gauges.subscriptions {
        gauge!("desvio_subscriptions", "event" => event).set(count(subscriptions));
    }
    gauge!("desvio_sip_transactions").set(count(gauges.sip.transactions));
    for (reason, requests) in gauges.sip.shed.iter() {
        counter!("desvio_sip_shed_total", "reason" => reason).absolute(requests);
    }
    counter!("desvio_sip_auth_failures_total").absolute(gauges.auth_failures);
    counter!("desvio_sip_auth_refused_total").absolute(gauges.auth_refused);
    counter!("desvio_sip_registers_deferred_total").absolute(gauges.registers_deferred);
    gauge!("desvio_sip_auth_blocked_sources").set(count(gauges.blocked_sources));
    for (event, messages) in gauges.messages {
        let status = event.strip_prefix("message.").unwrap_or(event);
        counter!("desvio_messages_total", "status" => status).absolute(messages);
    }
    for (result, times) in &switch.tally().dialplans {
        counter!("desvio_dialplan_reloads_total", "result" => *result).absolute(*times);
    }
    for (channel, outages) in gauges.outages {
        counter!("desvio_channel_outages_total", "channel" => channel).absolute(outages);
    }
}

fn of_trunks(switch: &Switch, now: Instant) {
    for trunk in switch.trunk_gauges(now) {
        for state in TrunkState::ALL {
            let labels = [("trunk", trunk.name.clone()), ("state", state.word().to_owned())];
            gauge!("desvio_trunk_state", &labels).set(f64::from(u8::from(state == trunk.state)));
        }
        for (direction, calls) in [("in", trunk.calls_in), ("out", trunk.calls_out)] {
            let labels = [("trunk", trunk.name.clone()), ("direction", direction.to_owned())];
            gauge!("desvio_trunk_calls", &labels).set(f64::from(calls));
        }
    }
}

/// Counts a call that is over.
pub(super) fn on_record(record: &Record) {
    metrics_rtp::on_record(record);
    let direction = record.direction.as_str();
    counter!("desvio_calls_total", "direction" => direction, "result" => record.status.as_str()).increment(1);
    if let Some(answered) = record.answered {
        let setup = answered.duration_since(record.started);
        histogram!("desvio_call_setup_seconds").record(setup.as_secs_f64());
    }
}

/// Counts a question of a dialplan that has come back.
pub(super) fn on_looked_up(findings: &Findings) {
    let result = match findings {
        Ok(_) => "answered",
        Err(LookUpFailure::TimedOut) => "timed-out",
        Err(LookUpFailure::Status(_)) => "status",
        Err(LookUpFailure::Forbidden) => "forbidden",
        Err(LookUpFailure::Unreachable) => "unreachable",
        Err(_) => "unreadable",
    };
    counter!("desvio_lookups_total", "result" => result).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "no gauge of ours comes near 2^52")]
fn count(of: usize) -> f64 {
    of as f64
}

fn describe() {
    describe_counter!("desvio_calls_total", "Calls that have ended, by direction and how they ended");
    describe_histogram!("desvio_call_setup_seconds", Unit::Seconds, "From the INVITE to the answer");
    describe_gauge!("desvio_calls", "Calls that run now");
    describe_gauge!("desvio_conferences", "Conferences that somebody is in now");
    describe_gauge!("desvio_conference_members", "Callers who are in a conference now");
    describe_counter!("desvio_messages_total", "Texts by what became of them");
    describe_counter!("desvio_webhook_deliveries_total", "Tries to tell webhooks of events, by what they came to");
    describe_counter!("desvio_lookups_total", "Questions of `http` steps by what they came to");
    describe_counter!("desvio_dialplan_reloads_total", "Dialplans that were taken up or refused while we ran");
    describe_counter!("desvio_channel_outages_total", "Times that a channel went down");
    describe_gauge!("desvio_channel_state", "1 for the state that a channel is in, 0 for the others");
    describe_gauge!("desvio_channel_blame", "1 for whose fault it is, 0 for the others");
    describe_gauge!("desvio_drills", "Drills that go on");
    describe_gauge!("desvio_trunk_state", "1 for the state that a trunk is in, 0 for the others");
    describe_gauge!("desvio_trunk_calls", "Calls over a trunk now");
    describe_gauge!("desvio_queue_waiting", "Callers who wait in a queue now");
    describe_gauge!("desvio_registrations", "Phones that are registered now");
    describe_counter!("desvio_sip_messages_total", "SIP messages by method or class of response");
    describe_counter!("desvio_sip_malformed_total", "SIP messages that could not be read");
    describe_counter!("desvio_sip_auth_failures_total", "Wrong passwords");
    describe_counter!("desvio_sip_auth_refused_total", "Requests from sources of too many wrong passwords");
    describe_counter!("desvio_sip_registers_deferred_total", "REGISTERs that were told to come back later");
    describe_gauge!("desvio_sip_auth_blocked_sources", "Sources of too many wrong passwords that are blocked now");
    describe_counter!("desvio_sip_unsent_total", "SIP messages that could not be sent");
    describe_gauge!("desvio_sip_connections", "Streams that are open now");
    describe_gauge!("desvio_sip_handshakes", "TLS and WebSocket handshakes of peers that are under way now");
    describe_counter!("desvio_sip_connections_refused_total", "Streams that peers opened and that were too many");
    describe_counter!("desvio_sip_connections_closed_total", "Streams that failed or that we closed, by the reason");
    describe_gauge!("desvio_tls_certificate_expiry_seconds", "Until a certificate of ours ends; negative when it has");
    describe_counter!("desvio_sip_shed_total", "SIP requests dropped or refused because there were too many");
    describe_gauge!("desvio_subscriptions", "Subscriptions of phones that are alive now, by event package");
    describe_gauge!("desvio_sip_transactions", "SIP transactions that are alive now");
    describe_counter!("desvio_store_writes_total", "Rows written");
    describe_counter!("desvio_store_failures_total", "Transactions that failed and were tried again");
    describe_counter!("desvio_store_lost_total", "Rows that were lost");
    describe_gauge!("desvio_store_waiting", "Rows that are in memory only");
}
