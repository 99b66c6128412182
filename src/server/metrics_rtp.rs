//! The figures of audio in `/metrics`: counts of the pump, and how each leg of a call went once it has ended.

use metrics::Unit;
use metrics::counter;
use metrics::describe_counter;
use metrics::describe_gauge;
use metrics::describe_histogram;
use metrics::histogram;

use crate::call::record::LegRecord;
use crate::call::record::Record;
use crate::io::media::totals::Totals;
use crate::media::refusal::Refusal;
use crate::media::silence::Silence;

/// Upper bounds of the histograms. Opinions: below 3.1 many are dissatisfied, below 3.6 some, 4.0 is good (G.107 Annex B).
pub(super) const BUCKETS: [(&str, &[f64]); 4] = [
    ("desvio_rtp_mos", &[1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.2, 4.3, 4.5]),
    ("desvio_rtp_jitter_seconds", &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2]),
    ("desvio_rtp_loss_ratio", &[0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]),
    ("desvio_rtp_round_trip_seconds", &[0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0]),
];

pub(super) fn of_pump(rtp: &Totals) {
    counter!("desvio_rtp_packets_total", "direction" => "in").absolute(rtp.received);
    counter!("desvio_rtp_packets_total", "direction" => "out").absolute(rtp.sent);
    counter!("desvio_rtp_octets_total", "direction" => "in").absolute(rtp.octets_received);
    counter!("desvio_rtp_lost_total").absolute(rtp.lost);
    for (why, dropped) in Refusal::ALL.into_iter().zip(rtp.refused) {
        counter!("desvio_rtp_dropped_total", "reason" => why.word()).absolute(dropped);
    }
    for (cause, quiet) in Silence::WORDS.into_iter().zip(rtp.quiet) {
        counter!("desvio_rtp_quiet_total", "cause" => cause).absolute(quiet);
    }
    counter!("desvio_rtp_late_total").absolute(rtp.late);
    counter!("desvio_recording_cut_seconds_total").absolute(rtp.recording_cut.as_secs());
}

pub(super) fn on_record(record: &Record) {
    record.legs.iter().for_each(of_leg);
}

fn of_leg(leg: &LegRecord) {
    let trunk = leg.trunk.clone().unwrap_or_default();
    let observe = |metric: &'static str, direction: &'static str, value: Option<f64>| {
        if let Some(value) = value {
            histogram!(metric, "direction" => direction, "trunk" => trunk.clone()).record(value);
        }
    };
    let media = &leg.media;
    observe("desvio_rtp_mos", "in", media.mos);
    observe("desvio_rtp_loss_ratio", "in", media.loss);
    observe("desvio_rtp_jitter_seconds", "in", media.loss.and(media.jitter_ms).map(seconds));
    if let Some(far) = &media.far {
        observe("desvio_rtp_mos", "out", far.mos);
        observe("desvio_rtp_loss_ratio", "out", far.loss);
        observe("desvio_rtp_jitter_seconds", "out", far.loss.and(far.jitter_ms).map(seconds));
    }
    if let Some(trip) = media.round_trip_ms {
        histogram!("desvio_rtp_round_trip_seconds", "trunk" => trunk).record(trip / 1000.0);
    }
}

fn seconds(milliseconds: f32) -> f64 {
    f64::from(milliseconds) / 1000.0
}

pub(super) fn describe() {
    describe_counter!("desvio_rtp_packets_total", "RTP packets");
    describe_counter!("desvio_rtp_octets_total", Unit::Bytes, "RTP with its headers");
    describe_counter!("desvio_rtp_lost_total", "RTP packets that never came, by their sequence numbers");
    describe_counter!("desvio_rtp_dropped_total", "Datagrams that were not RTP of their session, by the reason");
    describe_counter!("desvio_rtp_quiet_total", "Sides of calls that were not heard, by the likely cause");
    describe_counter!("desvio_rtp_late_total", "RTP packets of ours that left more than 5 ms after their time");
    let cut = "Sound of recordings that was let go because the disk did not keep up";
    describe_counter!("desvio_recording_cut_seconds_total", Unit::Seconds, cut);
    describe_gauge!("desvio_media_legs", "RTP sessions that are open now");
    describe_histogram!("desvio_rtp_mos", "Opinion of each leg by the E-model; out: by the far side's reports");
    describe_histogram!("desvio_rtp_jitter_seconds", Unit::Seconds, "Interarrival jitter of each leg at its end");
    describe_histogram!("desvio_rtp_loss_ratio", "Lost packets of each leg, 0 to 1");
    describe_histogram!("desvio_rtp_round_trip_seconds", Unit::Seconds, "Round trip to each leg's far side by RTCP");
}
