//! Carries audio between two legs that speak unlike codecs.
//!
//! For the pump. Between the two laws of G.711 a [`Rewriter`] exchanges octets in place, packet by packet. Between all
//! others the samples of a leg ([`crate::media::playout::Playout`]) go through a [`Transcoder`]: [`Transcoder::push`] a frame, then
//! [`Transcoder::pull`] until it gives nothing; each [`Frame`] is the payload of one packet, its header by
//! [`crate::media::rtp::Restamp::next`] with the frame's ticks. Nothing is allocated after `new`.

use crate::media::codec::CodecError;
use crate::media::codec::CodecKind;
use crate::media::codec::Encoder;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::codec::MAX_SAMPLES;
use crate::media::codecs::pcma;
use crate::media::codecs::pcmu;
use crate::media::fmtp::OpusTerms;
use crate::media::resample::Resampler;

/// Exchanges the octets of one law of G.711 for those of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewriter {
    ToPcma,
    ToPcmu,
}

impl Rewriter {
    /// `None` when octets alone do not do.
    pub fn between(from: CodecKind, to: CodecKind) -> Option<Rewriter> {
        match (from, to) {
            (CodecKind::Pcma, CodecKind::Pcmu) => Some(Rewriter::ToPcmu),
            (CodecKind::Pcmu, CodecKind::Pcma) => Some(Rewriter::ToPcma),
            _ => None,
        }
    }

    pub fn rewrite(self, payload: &mut [u8]) {
        match self {
            Rewriter::ToPcma => pcma::from_pcmu(payload),
            Rewriter::ToPcmu => pcmu::from_pcma(payload),
        }
    }
}

/// A payload on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub payload: &'a [u8],
    /// Its length in ticks of the outgoing codec's clock.
    pub ticks: u32,
}

/// Samples into packets of 20 ms.
#[derive(Debug)]
pub struct Transcoder {
    /// `None` when the codec samples at the rate that comes in.
    resampler: Option<Resampler>,
    encoder: Encoder,
    /// At the outgoing rate: the first `waiting` are to be encoded.
    ready: [i16; MAX_SAMPLES],
    waiting: usize,
    payload: [u8; MAX_PAYLOAD],
}

impl Transcoder {
    /// From samples at `rate`.
    pub fn new(rate: u32, to: CodecKind) -> Transcoder {
        Transcoder {
            resampler: (rate != to.sample_rate()).then(|| Resampler::new(rate, to.sample_rate())),
            encoder: Encoder::new(to),
            ready: [0; MAX_SAMPLES],
            waiting: 0,
            payload: [0; MAX_PAYLOAD],
        }
    }

    /// What the far side asks of what it gets.
    pub fn set_terms(&mut self, terms: OpusTerms) {
        self.encoder.set_terms(terms);
    }

    /// So many of a hundred packets do not reach the far side.
    pub fn expect_loss(&mut self, percent: u8) {
        self.encoder.expect_loss(percent);
    }

    /// Takes in samples; what the last [`Transcoder::pull`] has left must leave room for them.
    pub fn push(&mut self, samples: &[i16]) -> Result<(), CodecError> {
        let needed = self.resampler.as_ref().map_or(samples.len(), |resampler| resampler.room_for(samples.len()));
        let room = self.ready.len() - self.waiting;
        let ready = self.ready[self.waiting..].get_mut(..needed).ok_or(CodecError::Room { needed, room })?;
        self.waiting += match &mut self.resampler {
            Some(resampler) => resampler.process(samples, ready),
            None => {
                ready.copy_from_slice(samples);
                needed
            }
        };
        Ok(())
    }

    /// The next payload to send; `None` when more must be pushed first.
    pub fn pull(&mut self) -> Option<Frame<'_>> {
        let kind = self.encoder.kind();
        let frame = kind.frame_samples();
        if self.waiting < frame {
            return None;
        }
        let length = self.encoder.encode(&self.ready[..frame], &mut self.payload);
        self.ready.copy_within(frame..self.waiting, 0);
        self.waiting -= frame;
        Some(Frame { payload: &self.payload[..length.ok()?], ticks: kind.frame_ticks() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::clip::Clip;
    use crate::media::codec::Decoder;
    use crate::media::level;

    fn tone(rate: u32) -> Vec<i16> {
        let samples = (0..8_000).map(|index| ((f64::from(index) * 0.3).sin() * 9_000.0) as i16).collect();
        crate::media::resample::convert(&Clip::from_pcm("tone", samples, 8_000).samples(), 8_000, rate)
    }

    #[test]
    fn every_rate_is_passed_on_in_frames_of_every_codec() {
        for (rate, to) in [8_000, 16_000, 48_000].into_iter().flat_map(|rate| CodecKind::ALL.map(|to| (rate, to))) {
            let (mut transcoder, mut decoder) = (Transcoder::new(rate, to), Decoder::new(to));
            let (mut samples, mut heard) = ([0; MAX_SAMPLES], Vec::new());
            for frame in tone(rate).chunks(rate as usize / 50) {
                transcoder.push(frame).unwrap();
                let frame = transcoder.pull().unwrap();
                assert_eq!(frame.ticks, to.frame_ticks(), "{rate} to {to}");
                let count = decoder.decode(frame.payload, &mut samples).unwrap();
                heard.extend_from_slice(&samples[..count]);
                assert_eq!(transcoder.pull(), None);
            }
            let mean = level::mean(&heard[heard.len() / 5..]);
            assert!((4_800..6_500).contains(&mean), "{rate} to {to}: {mean}");
        }
    }

    #[test]
    fn pieces_of_30_ms_become_frames_of_20_ms() {
        let mut transcoder = Transcoder::new(8_000, CodecKind::Opus);
        let mut frames = 0;
        for _ in 0..20 {
            transcoder.push(&[0; 240]).unwrap();
            while transcoder.pull().is_some() {
                frames += 1;
            }
        }
        assert_eq!(frames, 30);
    }

    #[test]
    fn what_is_too_long_is_refused_and_the_next_frame_taken() {
        for to in [CodecKind::Pcma, CodecKind::Opus] {
            let mut transcoder = Transcoder::new(8_000, to);
            assert!(transcoder.push(&[0; 9_000]).is_err());
            assert_eq!(transcoder.pull(), None);
            assert_eq!(transcoder.push(&[0; 160]), Ok(()));
            assert!(transcoder.pull().is_some());
        }
    }

    #[test]
    fn the_two_laws_are_exchanged_octet_by_octet_and_no_others() {
        let mut octets = [pcma::SILENCE; 160];
        Rewriter::between(CodecKind::Pcma, CodecKind::Pcmu).unwrap().rewrite(&mut octets);
        assert!(octets.iter().all(|octet| pcmu::expand(*octet).abs() <= 8));
        Rewriter::between(CodecKind::Pcmu, CodecKind::Pcma).unwrap().rewrite(&mut octets);
        assert_eq!(octets, [pcma::SILENCE; 160]);
        assert_eq!(Rewriter::between(CodecKind::Pcma, CodecKind::G722), None);
        assert_eq!(Rewriter::between(CodecKind::Pcma, CodecKind::Pcma), None);
    }
}
