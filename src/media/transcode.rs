//! Carries audio between two legs that speak unlike codecs: decode, change the rate, encode.
//!
//! For the pump: one [`Transcoder`] for each direction of such a bridge. [`Transcoder::push`] takes a received payload; then
//! [`Transcoder::pull`] until it gives nothing: each [`Frame`] is the payload of one packet, its header by
//! [`crate::media::rtp::Restamp::next`] with the frame's ticks. For packets that [`crate::media::reception::Arrival::New`] calls
//! missing call [`Transcoder::conceal`] first, so that the line of timestamps has no hole. Nothing is allocated after `new`.
//! A-law and µ-law are rewritten octet by octet, without samples.

use crate::media::codec::CodecError;
use crate::media::codec::CodecKind;
use crate::media::codec::Decoder;
use crate::media::codec::Encoder;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::codec::MAX_SAMPLES;
use crate::media::codecs::pcma;
use crate::media::codecs::pcmu;
use crate::media::resample::Resampler;

/// A payload on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub payload: &'a [u8],
    /// Its length in ticks of the outgoing codec's clock.
    pub ticks: u32,
}

/// One direction of a bridge.
#[derive(Debug)]
pub struct Transcoder {
    way: Way,
    to: CodecKind,
}

#[derive(Debug)]
enum Way {
    Octets(Box<Octets>),
    Samples(Box<Samples>),
}

impl Transcoder {
    pub fn new(from: CodecKind, to: CodecKind) -> Transcoder {
        let rewrite: Option<fn(&mut [u8])> = match (from, to) {
            (CodecKind::Pcma, CodecKind::Pcmu) => Some(pcmu::from_pcma),
            (CodecKind::Pcmu, CodecKind::Pcma) => Some(pcma::from_pcmu),
            _ => None,
        };
        let way = match rewrite {
            Some(rewrite) => Way::Octets(Box::new(Octets { rewrite, octets: [0; MAX_OCTETS], waiting: 0 })),
            None => Way::Samples(Box::new(Samples::new(from, to))),
        };
        Transcoder { way, to }
    }

    /// Takes in the payload of one packet.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        match &mut self.way {
            Way::Octets(octets) => octets.push(payload),
            Way::Samples(samples) => samples.push(payload),
        }
    }

    /// Takes in the absence of `frames` frames; more than [`MAX_CONCEALED`] are left to the timestamp.
    pub fn conceal(&mut self, frames: u16) -> Result<(), CodecError> {
        match &mut self.way {
            Way::Octets(_) => Ok(()),
            Way::Samples(samples) => (0..frames.min(MAX_CONCEALED)).try_for_each(|_| samples.conceal()),
        }
    }

    /// The next payload to send; `None` when more must be pushed first.
    pub fn pull(&mut self) -> Option<Frame<'_>> {
        match &mut self.way {
            Way::Octets(octets) => octets.pull(),
            Way::Samples(samples) => samples.pull(self.to.frame_ticks()),
        }
    }
}

/// The longest hole that is filled with invented sound.
pub const MAX_CONCEALED: u16 = 3;

/// G.711 of 180 ms; longer packets do not fit an Ethernet frame.
const MAX_OCTETS: usize = 1_440;

/// Between the two laws of G.711: packets keep their lengths.
#[derive(Debug)]
struct Octets {
    rewrite: fn(&mut [u8]),
    octets: [u8; MAX_OCTETS],
    waiting: usize,
}

impl Octets {
    fn push(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        let needed = payload.len();
        let octets = self.octets.get_mut(..needed).ok_or(CodecError::Room { needed, room: MAX_OCTETS })?;
        octets.copy_from_slice(payload);
        (self.rewrite)(octets);
        self.waiting = needed;
        Ok(())
    }

    fn pull(&mut self) -> Option<Frame<'_>> {
        let waiting = std::mem::take(&mut self.waiting);
        let ticks = u32::try_from(waiting).ok().filter(|ticks| *ticks > 0)?;
        Some(Frame { payload: &self.octets[..waiting], ticks })
    }
}

/// By way of samples: packets come out as 20 ms each, whatever came in.
#[derive(Debug)]
struct Samples {
    decoder: Decoder,
    /// `None` when both codecs sample alike.
    resampler: Option<Resampler>,
    encoder: Encoder,
    decoded: [i16; MAX_SAMPLES],
    /// At the outgoing rate: the first `waiting` are to be encoded.
    ready: [i16; MAX_SAMPLES * 2],
    waiting: usize,
    payload: [u8; MAX_PAYLOAD],
}

impl Samples {
    fn new(from: CodecKind, to: CodecKind) -> Samples {
        let (before, after) = (from.sample_rate(), to.sample_rate());
        Samples {
            decoder: Decoder::new(from),
            resampler: (before != after).then(|| Resampler::new(before, after)),
            encoder: Encoder::new(to),
            decoded: [0; MAX_SAMPLES],
            ready: [0; MAX_SAMPLES * 2],
            waiting: 0,
            payload: [0; MAX_PAYLOAD],
        }
    }

    fn push(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        let count = self.decoder.decode(payload, &mut self.decoded)?;
        self.take(count)
    }

    fn conceal(&mut self) -> Result<(), CodecError> {
        let count = self.decoder.conceal(&mut self.decoded)?;
        self.take(count)
    }

    fn take(&mut self, count: usize) -> Result<(), CodecError> {
        let decoded = &self.decoded[..count];
        let needed = self.resampler.as_ref().map_or(count, |resampler| resampler.room_for(count));
        let room = self.ready.len() - self.waiting;
        let ready = self.ready[self.waiting..].get_mut(..needed).ok_or(CodecError::Room { needed, room })?;
        self.waiting += match &mut self.resampler {
            Some(resampler) => resampler.process(decoded, ready),
            None => {
                ready.copy_from_slice(decoded);
                count
            }
        };
        Ok(())
    }

    fn pull(&mut self, ticks: u32) -> Option<Frame<'_>> {
        let frame = self.encoder.kind().frame_samples();
        if self.waiting < frame {
            return None;
        }
        let length = self.encoder.encode(&self.ready[..frame], &mut self.payload);
        self.ready.copy_within(frame..self.waiting, 0);
        self.waiting -= frame;
        Some(Frame { payload: &self.payload[..length.ok()?], ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::clip::Clip;
    use crate::media::level;

    fn tone() -> Clip {
        let samples = (0..8_000).map(|index| ((f64::from(index) * 0.3).sin() * 9_000.0) as i16).collect();
        Clip::from_pcm("tone", samples, 8_000)
    }

    #[test]
    fn every_pair_of_codecs_passes_a_tone_on_in_frames() {
        let clip = tone();
        for (from, to) in CodecKind::ALL.into_iter().flat_map(|from| CodecKind::ALL.map(|to| (from, to))) {
            let (mut transcoder, mut decoder) = (Transcoder::new(from, to), Decoder::new(to));
            let (mut samples, mut heard) = ([0; MAX_SAMPLES], Vec::new());
            for index in 0..50 {
                transcoder.push(clip.encoded(from).frame(index).unwrap()).unwrap();
                let frame = transcoder.pull().unwrap();
                assert_eq!(frame.ticks, to.frame_ticks(), "{from} to {to}");
                let count = decoder.decode(frame.payload, &mut samples).unwrap();
                heard.extend_from_slice(&samples[..count]);
                assert_eq!(transcoder.pull(), None);
            }
            let mean = level::mean(&heard[heard.len() / 5..]);
            assert!((4_800..6_500).contains(&mean), "{from} to {to}: {mean}");
        }
    }

    #[test]
    fn packets_of_30_ms_become_frames_of_20_ms() {
        let mut transcoder = Transcoder::new(CodecKind::Pcma, CodecKind::Opus);
        let mut frames = 0;
        for _ in 0..20 {
            transcoder.push(&[0xd5; 240]).unwrap();
            while transcoder.pull().is_some() {
                frames += 1;
            }
        }
        assert_eq!(frames, 30);
    }

    #[test]
    fn a_lost_packet_leaves_no_hole() {
        let mut transcoder = Transcoder::new(CodecKind::Pcmu, CodecKind::G722);
        transcoder.conceal(2).unwrap();
        transcoder.push(&[0xff; 160]).unwrap();
        let frames = std::iter::from_fn(|| transcoder.pull().map(|frame| frame.ticks)).collect::<Vec<_>>();
        assert_eq!(frames, [160, 160, 160]);
    }

    #[test]
    fn what_is_too_long_is_refused_and_the_next_packet_taken() {
        for to in [CodecKind::Pcma, CodecKind::Opus] {
            let mut transcoder = Transcoder::new(CodecKind::Pcmu, to);
            assert!(transcoder.push(&[0xff; 9_000]).is_err());
            assert_eq!(transcoder.pull(), None);
            assert_eq!(transcoder.push(&[0xff; 160]), Ok(()));
            assert!(transcoder.pull().is_some());
        }
    }
}
