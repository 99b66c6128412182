//! One leg's audio in the record and in the view of a running call, in the units that the API promises.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::media::emodel::Score;
use crate::media::figures::Figures;
use crate::media::rtcp_xr::VoipMetrics;

/// What was measured is a number, what was not is none: never a zero that only looks good.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaRecord {
    pub codec: Option<String>,
    /// What its SDP and ours agreed on last: `none`, a suite of SRTP, or `DTLS-SRTP`; none before they did.
    pub encryption: Option<String>,
    /// Where its SDP said that it hears.
    pub negotiated: Option<SocketAddr>,
    /// Where its RTP came from, once known.
    pub source: Option<SocketAddr>,
    pub packets_received: u64,
    pub packets_sent: u64,
    pub packets_lost: u64,
    pub packets_dropped: u64,
    /// The dropped ones by reason.
    pub dropped: BTreeMap<String, u32>,
    /// Not sent, as its address had proved nothing.
    pub packets_withheld: u64,
    pub octets_received: u64,
    pub octets_sent: u64,
    /// Of what should have come, 0 to 1.
    pub loss: Option<f64>,
    /// Interarrival jitter, RFC 3550 §6.4.1, in milliseconds; none before it was measured.
    pub jitter_ms: Option<f32>,
    pub round_trip_ms: Option<f64>,
    /// How it sounds to us, ITU-T G.107.
    pub mos: Option<f64>,
    pub r_factor: Option<f64>,
    /// Since its last packet of audio.
    pub silent_ms: Option<u64>,
    /// How we sound to it, by its own reports.
    pub far: Option<FarRecord>,
}

/// What the far side reports of the packets that it got from us.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FarRecord {
    /// Below zero where it counts duplicates.
    pub packets_lost: Option<i64>,
    pub loss: Option<f64>,
    pub jitter_ms: Option<f32>,
    pub mos: Option<f64>,
    pub r_factor: Option<f64>,
    /// RFC 3611 §4.7, from phones that send it.
    pub voip: Option<VoipRecord>,
}

/// A phone's own account of what its owner hears.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VoipRecord {
    pub loss: f64,
    /// Came too late for its jitter buffer.
    pub discarded: f64,
    pub burst_loss: f64,
    pub burst_ms: u64,
    pub gap_loss: f64,
    pub gap_ms: u64,
    pub round_trip_ms: u64,
    pub end_system_delay_ms: u64,
    pub jitter_buffer_ms: u64,
    pub signal_dbm: Option<i8>,
    pub noise_dbm: Option<i8>,
    pub r_factor: Option<u8>,
    pub mos_listening: Option<f64>,
    pub mos_conversation: Option<f64>,
}

impl MediaRecord {
    /// Takes in the latest figures; what signalling has told stays.
    pub(super) fn measure(&mut self, figures: &Figures) {
        let heard = figures.heard();
        let codec = Some(&figures.codec).filter(|codec| !codec.is_empty()).cloned();
        *self = MediaRecord {
            codec: codec.or_else(|| self.codec.take()),
            encryption: self.encryption.take(),
            negotiated: figures.negotiated.or(self.negotiated),
            source: figures.source,
            packets_received: figures.received,
            packets_sent: figures.sent,
            packets_lost: figures.lost,
            packets_dropped: figures.dropped,
            dropped: figures.refused.iter().map(|(why, count)| (why.word().to_owned(), count)).collect(),
            packets_withheld: figures.withheld,
            octets_received: figures.octets_received,
            octets_sent: figures.octets_sent,
            loss: figures.loss().map(short),
            jitter_ms: (figures.received > 1).then_some(figures.jitter_ms),
            round_trip_ms: figures.round_trip.map(|trip| short(trip.as_secs_f64() * 1000.0)),
            mos: heard.map(opinion),
            r_factor: heard.map(rating),
            silent_ms: figures.silent_for.map(millis),
            far: far(figures),
        };
    }
}

fn far(figures: &Figures) -> Option<FarRecord> {
    let told = figures.told();
    let voip = figures.voip.as_deref().map(VoipRecord::from);
    if figures.far.is_none() && voip.is_none() {
        return None;
    }
    Some(FarRecord {
        packets_lost: figures.far.map(|ear| ear.lost),
        loss: figures.far_loss().map(short),
        jitter_ms: figures.far.map(|ear| ear.jitter_ms),
        mos: told.map(opinion),
        r_factor: told.map(rating),
        voip,
    })
}

impl From<&VoipMetrics> for VoipRecord {
    fn from(metrics: &VoipMetrics) -> VoipRecord {
        let share = |of: f32| short(f64::from(of));
        VoipRecord {
            loss: share(metrics.loss),
            discarded: share(metrics.discarded),
            burst_loss: share(metrics.burst_loss),
            burst_ms: millis(metrics.burst),
            gap_loss: share(metrics.gap_loss),
            gap_ms: millis(metrics.gap),
            round_trip_ms: millis(metrics.round_trip),
            end_system_delay_ms: millis(metrics.end_system_delay),
            jitter_buffer_ms: millis(metrics.jitter_buffer),
            signal_dbm: metrics.signal_dbm,
            noise_dbm: metrics.noise_dbm,
            r_factor: metrics.r_factor,
            mos_listening: metrics.mos_listening.map(share),
            mos_conversation: metrics.mos_conversation.map(share),
        }
    }
}

fn opinion(score: Score) -> f64 {
    (score.mos * 100.0).round() / 100.0
}

fn rating(score: Score) -> f64 {
    (score.r * 10.0).round() / 10.0
}

/// Four places: a packet in ten thousand, a tenth of a microsecond.
fn short(figure: f64) -> f64 {
    (figure * 10_000.0).round() / 10_000.0
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::figures::FarEar;
    use crate::media::refusal::Refusal;

    #[test]
    fn what_nobody_measured_is_not_a_number() {
        let mut record = MediaRecord { codec: Some("pcma".into()), ..MediaRecord::default() };
        record.measure(&Figures::default());
        assert_eq!(record, MediaRecord { codec: Some("pcma".into()), ..MediaRecord::default() });
    }

    #[test]
    fn a_phone_that_sends_voip_metrics_alone_has_reported_no_zeros() {
        let voip = Some(Box::new(VoipMetrics { loss: 0.25, ..VoipMetrics::default() }));
        let mut record = MediaRecord::default();
        record.measure(&Figures { voip, sent: 1_000, codec: "pcma".into(), ..Figures::default() });
        let far = record.far.unwrap();
        assert_eq!((far.packets_lost, far.jitter_ms, far.loss, far.mos), (None, None, None, None));
        assert_eq!(far.voip.unwrap().loss, 0.25);
    }

    #[test]
    fn figures_become_what_the_api_promises() {
        let mut figures = Figures { received: 970, sent: 1_000, lost: 30, codec: "pcma".into(), ..Figures::default() };
        figures.refused.count(Refusal::Ssrc);
        figures.round_trip = Some(Duration::from_micros(40_050));
        figures.far = Some(FarEar { lost: 10, jitter_ms: 2.0 });
        figures.voip = Some(Box::new(VoipMetrics { loss: 0.25, r_factor: Some(80), ..VoipMetrics::default() }));
        let mut record = MediaRecord::default();
        record.measure(&figures);
        assert_eq!((record.loss, record.round_trip_ms), (Some(0.03), Some(40.05)));
        assert_eq!(record.dropped, BTreeMap::from([("ssrc".to_owned(), 1)]));
        let far = record.far.unwrap();
        assert_eq!((far.loss, far.voip.unwrap().r_factor), (Some(0.01), Some(80)));
        assert!(far.mos.unwrap() > record.mos.unwrap());
    }
}
