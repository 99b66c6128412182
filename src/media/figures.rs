//! How an RTP session goes or went: counts in both directions, and what a person makes of them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::media::codec::CodecKind;
use crate::media::codec::FRAME_MS;
use crate::media::emodel;
use crate::media::emodel::Path;
use crate::media::emodel::Score;
use crate::media::refusal::Refusals;
use crate::media::rtcp_xr::VoipMetrics;

/// The figures of one leg.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Packets accepted from the far side.
    pub received: u64,
    pub sent: u64,
    /// Of their payloads.
    pub octets_received: u64,
    pub octets_sent: u64,
    /// Packets that the far side's sequence numbers say we never got (RFC 3550 §6.4.1, never below zero).
    pub lost: u64,
    /// Datagrams that were not RTP of this session, and why.
    pub dropped: u64,
    pub refused: Refusals,
    /// Packets of ours that were not sent because the far side's address has proved nothing.
    pub withheld: u64,
    /// Interarrival jitter at the end (RFC 3550 §6.4.1), in milliseconds.
    pub jitter_ms: f32,
    /// The codec's name as in the configuration; empty when nothing was negotiated.
    pub codec: String,
    /// Where the SDP said that the far side is.
    pub negotiated: Option<SocketAddr>,
    /// Where the packets really came from.
    pub source: Option<SocketAddr>,
    /// By RTCP; none before it was measured.
    pub round_trip: Option<Duration>,
    /// How the far side hears us; none before it has said so.
    pub far: Option<FarEar>,
    /// What it says of its own ear (RFC 3611 §4.7).
    pub voip: Option<Box<VoipMetrics>>,
    /// Since its last packet of audio; none where none ever came.
    pub silent_for: Option<Duration>,
}

/// What the far side reports about the packets that we send.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FarEar {
    pub lost: i64,
    pub jitter_ms: f32,
}

/// So many packets make a figure: a second of audio.
const ENOUGH: u64 = 50;

/// What a jitter buffer adds, in multiples of the jitter that it takes out.
const BUFFERED: f32 = 2.0;

impl Figures {
    /// Of the packets that should have come, those that did not; none while there are too few to tell.
    pub fn loss(&self) -> Option<f64> {
        share(self.lost, self.received + self.lost)
    }

    /// The same of what we sent, as the far side says. Whoever says that he lost more than was sent has lost all of it.
    pub fn far_loss(&self) -> Option<f64> {
        let lost = u64::try_from(self.far?.lost).unwrap_or(0);
        share(lost.min(self.sent), self.sent)
    }

    /// How the far side sounds to us. The way's delay is counted as nothing where no RTCP has told it.
    pub fn heard(&self) -> Option<Score> {
        self.score(self.loss()?, self.jitter_ms)
    }

    /// How we sound to the far side; none before it has reported.
    pub fn told(&self) -> Option<Score> {
        self.score(self.far_loss()?, self.far?.jitter_ms)
    }

    fn score(&self, loss: f64, jitter_ms: f32) -> Option<Score> {
        let codec: CodecKind = self.codec.parse().ok()?;
        let way = self.round_trip.unwrap_or_default() / 2;
        let buffered = Duration::from_secs_f32((jitter_ms * BUFFERED / 1000.0).clamp(0.0, 10.0));
        let delay = way + buffered + Duration::from_millis(u64::from(FRAME_MS));
        emodel::score(&Path { codec, loss, delay })
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of >= ENOUGH).then(|| part as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk() -> Figures {
        Figures { received: 990, sent: 1_000, lost: 10, codec: "pcma".into(), ..Figures::default() }
    }

    #[test]
    fn an_opinion_needs_a_second_of_audio_and_a_codec() {
        assert_eq!(Figures::default().heard(), None);
        assert_eq!(Figures { received: 10, ..talk() }.loss(), None);
        assert_eq!(Figures { codec: String::new(), ..talk() }.heard(), None);
        assert_eq!(talk().loss(), Some(0.01));
        assert!(talk().heard().unwrap().mos > 4.2);
        assert_eq!(talk().told(), None, "nobody has said how we are heard");
    }

    #[test]
    fn what_the_far_side_loses_is_its_opinion_and_not_ours() {
        let far = FarEar { lost: 200, jitter_ms: 40.0 };
        let figures = Figures { far: Some(far), round_trip: Some(Duration::from_millis(300)), ..talk() };
        assert_eq!(figures.far_loss(), Some(0.2));
        let (heard, told) = (figures.heard().unwrap(), figures.told().unwrap());
        assert!(told.mos < 2.5 && heard.mos > 3.9, "{heard:?} {told:?}");
        let duplicates = Figures { far: Some(FarEar { lost: -5, ..far }), ..talk() };
        assert_eq!(duplicates.far_loss(), Some(0.0));
        let impossible = Figures { far: Some(FarEar { lost: 0x7f_ffff, jitter_ms: f32::MAX }), ..talk() };
        assert_eq!(impossible.far_loss(), Some(1.0));
        assert_eq!(impossible.told().map(|score| score.mos), Some(1.0));
    }

    #[test]
    fn a_longer_way_sounds_worse() {
        let near = Figures { round_trip: Some(Duration::from_millis(20)), ..talk() };
        let far = Figures { round_trip: Some(Duration::from_millis(700)), ..talk() };
        assert!(near.heard().unwrap().mos - far.heard().unwrap().mos > 0.5);
    }
}
