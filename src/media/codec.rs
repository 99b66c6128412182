//! The codecs we speak, and the one pair of calls through which packets become samples and samples packets.
//!
//! A pump thread keeps one [`Decoder`] for each direction it must understand and one [`Encoder`] for each it must
//! speak. Both write into buffers of the caller and allocate nothing after [`Decoder::new`] and [`Encoder::new`].
//! Samples are 16-bit mono at [`CodecKind::sample_rate`]; a frame is 20 ms, [`CodecKind::frame_samples`] of them.
//! One `match` for each packet: the members are known and few. To add one, write `codecs/NAME.rs` and extend the lists here.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::media::codecs::g722;
use crate::media::codecs::opus;
use crate::media::codecs::pcma;
use crate::media::codecs::pcmu;
use crate::media::conceal::Concealment;
use crate::media::fmtp::OpusTerms;

/// A frame: the packet time that we send, in milliseconds.
pub const FRAME_MS: u32 = 20;

/// Room for the samples of the longest packet that any codec of ours may bring: 120 ms at 48 kHz (RFC 6716 §2.1.4).
pub const MAX_SAMPLES: usize = 5760;

/// Room for any payload that [`Encoder::encode`] writes for one 20 ms frame (RFC 6716 §3.4: an Opus frame is at most 1275 octets).
pub const MAX_PAYLOAD: usize = 1276;

/// An audio codec, by the name that the configuration uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodecKind {
    /// G.711 A-law, the telephone network outside North America and Japan.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// ITU-T G.722 at 64 kbit/s: wide band.
    G722,
    /// RFC 6716, mono, 48 kHz.
    Opus,
    /// ITU-T G.729, handed on only.
    G729,
    /// GSM full rate, handed on only.
    Gsm,
    /// RFC 3951, handed on only.
    Ilbc,
    /// 16-bit samples at 16 kHz (RFC 3551 §4.5.11), handed on only.
    L16,
}

impl CodecKind {
    /// Those that we speak: we can play, mix, record and convert them.
    pub const ALL: [CodecKind; 4] = [CodecKind::Opus, CodecKind::G722, CodecKind::Pcma, CodecKind::Pcmu];

    /// Those that we only hand on, from one leg to another that has the same.
    pub const PASSED: [CodecKind; 4] = [CodecKind::G729, CodecKind::Ilbc, CodecKind::Gsm, CodecKind::L16];

    /// Whether it is one of [`CodecKind::ALL`].
    pub fn is_spoken(self) -> bool {
        CodecKind::ALL.contains(&self)
    }

    /// By the name in SDP, without regard to case.
    pub fn of_encoding(name: &str) -> Option<CodecKind> {
        let mut known = CodecKind::ALL.into_iter().chain(CodecKind::PASSED);
        known.find(|codec| codec.encoding_name().eq_ignore_ascii_case(name))
    }

    /// Whether silence on it may be told by comfort noise at 8 kHz (RFC 3389); the others have a way of their own, or another clock.
    pub fn takes_comfort_noise(self) -> bool {
        matches!(self, CodecKind::Pcma | CodecKind::Pcmu | CodecKind::G722 | CodecKind::Gsm)
    }

    /// Ticks a second of the RTP timestamp. G.722 counts 8000 though it samples at 16000 (RFC 3551 §4.5.2).
    pub fn clock_rate(self) -> u32 {
        match self {
            CodecKind::Pcma | CodecKind::Pcmu | CodecKind::G722 => 8_000,
            CodecKind::G729 | CodecKind::Gsm | CodecKind::Ilbc => 8_000,
            CodecKind::L16 => 16_000,
            CodecKind::Opus => 48_000,
        }
    }

    /// Samples a second that the encoder takes and the decoder gives.
    pub fn sample_rate(self) -> u32 {
        match self {
            CodecKind::Pcma | CodecKind::Pcmu => 8_000,
            CodecKind::G729 | CodecKind::Gsm | CodecKind::Ilbc => 8_000,
            CodecKind::G722 | CodecKind::L16 => 16_000,
            CodecKind::Opus => 48_000,
        }
    }

    /// Samples in a 20 ms frame.
    pub fn frame_samples(self) -> usize {
        (self.sample_rate() * FRAME_MS / 1000) as usize
    }

    /// RTP timestamp ticks in a 20 ms frame.
    pub fn frame_ticks(self) -> u32 {
        self.clock_rate() * FRAME_MS / 1000
    }

    /// Ticks that a payload sounds for; `None` when that cannot be told, for it is empty or broken.
    pub fn ticks_of(self, payload: &[u8]) -> Option<u32> {
        let ticks = match self {
            // G.722 puts two samples into an octet and counts one.
            CodecKind::Pcma | CodecKind::Pcmu | CodecKind::G722 => payload.len(),
            CodecKind::Opus => opus::duration(payload)?,
            CodecKind::L16 => payload.len() / 2,
            // RFC 3551 §4.5.6: 10 ms in 10 octets; a description of silence, in 2, ends the packet.
            CodecKind::G729 => payload.len() / 10 * 80,
            CodecKind::Gsm => payload.len() / 33 * 160,
            // RFC 3952 §3: frames of 20 ms have 38 octets, those of 30 ms 50.
            CodecKind::Ilbc if payload.len().is_multiple_of(38) => payload.len() / 38 * 160,
            CodecKind::Ilbc => payload.len() / 50 * 240,
        };
        u32::try_from(ticks).ok().filter(|ticks| *ticks > 0)
    }

    /// Whether this payload of ours is a pause, which is not sent.
    pub fn is_pause(self, payload: &[u8]) -> bool {
        self == CodecKind::Opus && payload.len() <= opus::NOTHING_SENT
    }

    /// The payload type that RFC 3551 §6 fixes; `None` for codecs that need an `a=rtpmap`.
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            CodecKind::Pcmu => Some(0),
            CodecKind::Pcma => Some(8),
            CodecKind::G722 => Some(9),
            CodecKind::Gsm => Some(3),
            CodecKind::G729 => Some(18),
            CodecKind::Opus | CodecKind::Ilbc | CodecKind::L16 => None,
        }
    }

    /// The encoding name in SDP.
    pub fn encoding_name(self) -> &'static str {
        match self {
            CodecKind::Pcma => "PCMA",
            CodecKind::Pcmu => "PCMU",
            CodecKind::G722 => "G722",
            CodecKind::Opus => "opus",
            CodecKind::G729 => "G729",
            CodecKind::Gsm => "GSM",
            CodecKind::Ilbc => "iLBC",
            CodecKind::L16 => "L16",
        }
    }

    /// The name in the configuration, in logs and in records.
    pub fn name(self) -> &'static str {
        match self {
            CodecKind::Pcma => "pcma",
            CodecKind::Pcmu => "pcmu",
            CodecKind::G722 => "g722",
            CodecKind::Opus => "opus",
            CodecKind::G729 => "g729",
            CodecKind::Gsm => "gsm",
            CodecKind::Ilbc => "ilbc",
            CodecKind::L16 => "l16",
        }
    }
}

impl fmt::Display for CodecKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CodecKind {
    type Err = CodecError;

    fn from_str(text: &str) -> Result<CodecKind, CodecError> {
        CodecKind::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| CodecError::Unknown { name: text.to_owned() })
    }
}

/// Why a packet could not be made or understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("unknown codec `{name}`: known are opus, g722, pcma and pcmu")]
    Unknown { name: String },
    #[error("{codec} payload of {octets} octets cannot be decoded")]
    Malformed { codec: CodecKind, octets: usize },
    #[error("{codec} cannot encode a frame of {samples} samples")]
    Frame { codec: CodecKind, samples: usize },
    #[error("{codec} is handed on and neither spoken nor understood")]
    HandedOn { codec: CodecKind },
    #[error("buffer too small: {needed} needed, {room} there")]
    Room { needed: usize, room: usize },
}

/// Samples into payloads.
#[derive(Debug)]
pub enum Encoder {
    Pcma,
    Pcmu,
    G722(Box<g722::Encoder>),
    Opus(Box<opus::Encoder>),
    /// Says nothing.
    HandedOn(CodecKind),
}

impl Encoder {
    pub fn new(kind: CodecKind) -> Encoder {
        match kind {
            CodecKind::Pcma => Encoder::Pcma,
            CodecKind::Pcmu => Encoder::Pcmu,
            CodecKind::G722 => Encoder::G722(Box::default()),
            CodecKind::Opus => Encoder::Opus(Box::default()),
            CodecKind::G729 | CodecKind::Gsm | CodecKind::Ilbc | CodecKind::L16 => Encoder::HandedOn(kind),
        }
    }

    /// What the far side asks for; only Opus has anything to ask.
    pub fn set_terms(&mut self, terms: OpusTerms) {
        if let Encoder::Opus(encoder) = self {
            encoder.set_terms(terms);
        }
    }

    /// So many of a hundred packets do not reach the far side.
    pub fn expect_loss(&mut self, percent: u8) {
        if let Encoder::Opus(encoder) = self {
            encoder.expect_loss(percent);
        }
    }

    pub fn kind(&self) -> CodecKind {
        match self {
            Encoder::Pcma => CodecKind::Pcma,
            Encoder::Pcmu => CodecKind::Pcmu,
            Encoder::G722(_) => CodecKind::G722,
            Encoder::Opus(_) => CodecKind::Opus,
            Encoder::HandedOn(codec) => *codec,
        }
    }

    /// Encodes one frame at [`CodecKind::sample_rate`]; returns the octets written to `payload`.
    /// G.711 takes any length, G.722 an even one, Opus 10, 20, 40 or 60 ms.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        match self {
            Encoder::Pcma => pcma::encode(samples, payload),
            Encoder::Pcmu => pcmu::encode(samples, payload),
            Encoder::G722(encoder) => encoder.encode(samples, payload),
            Encoder::Opus(encoder) => encoder.encode(samples, payload),
            Encoder::HandedOn(codec) => Err(CodecError::HandedOn { codec: *codec }),
        }
    }
}

/// Payloads into samples.
#[derive(Debug)]
pub enum Decoder {
    Pcma(Concealment),
    Pcmu(Concealment),
    G722(Box<g722::Decoder>, Concealment),
    Opus(Box<opus::Decoder>),
    /// Understands nothing.
    HandedOn(CodecKind),
}

impl Decoder {
    pub fn new(kind: CodecKind) -> Decoder {
        match kind {
            CodecKind::Pcma => Decoder::Pcma(Concealment::new(kind.sample_rate())),
            CodecKind::Pcmu => Decoder::Pcmu(Concealment::new(kind.sample_rate())),
            CodecKind::G722 => Decoder::G722(Box::default(), Concealment::new(kind.sample_rate())),
            CodecKind::Opus => Decoder::Opus(Box::default()),
            CodecKind::G729 | CodecKind::Gsm | CodecKind::Ilbc | CodecKind::L16 => Decoder::HandedOn(kind),
        }
    }

    pub fn kind(&self) -> CodecKind {
        match self {
            Decoder::Pcma(_) => CodecKind::Pcma,
            Decoder::Pcmu(_) => CodecKind::Pcmu,
            Decoder::G722(..) => CodecKind::G722,
            Decoder::Opus(_) => CodecKind::Opus,
            Decoder::HandedOn(codec) => *codec,
        }
    }

    /// Decodes the payload of one packet; returns the samples written to `samples` ([`MAX_SAMPLES`] always suffice
    /// for Opus; G.711 and G.722 write one or two for each octet).
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, CodecError> {
        let (count, concealment) = match self {
            Decoder::Pcma(concealment) => (pcma::decode(payload, samples)?, concealment),
            Decoder::Pcmu(concealment) => (pcmu::decode(payload, samples)?, concealment),
            Decoder::G722(decoder, concealment) => (decoder.decode(payload, samples)?, concealment),
            Decoder::Opus(decoder) => return decoder.decode(payload, samples),
            Decoder::HandedOn(codec) => return Err(CodecError::HandedOn { codec: *codec }),
        };
        concealment.heard(&mut samples[..count]);
        Ok(count)
    }

    /// Fills one 20 ms frame in place of a packet that never came; returns the samples written.
    pub fn conceal(&mut self, samples: &mut [i16]) -> Result<usize, CodecError> {
        self.conceal_part(self.kind().frame_samples(), samples)
    }

    /// Writes `count` samples, at most a frame of 20 ms, in place of what never came; returns `count`.
    pub fn conceal_part(&mut self, count: usize, samples: &mut [i16]) -> Result<usize, CodecError> {
        let room = samples.len();
        // Opus invents whole frames.
        let needed = if self.kind() == CodecKind::Opus { self.kind().frame_samples() } else { count };
        let frame = samples.get_mut(..needed).ok_or(CodecError::Room { needed, room })?;
        match self {
            Decoder::Pcma(concealment) | Decoder::Pcmu(concealment) | Decoder::G722(_, concealment) => {
                concealment.conceal(frame);
            }
            Decoder::Opus(decoder) => {
                decoder.conceal(frame)?;
            }
            Decoder::HandedOn(_) => frame.fill(0),
        }
        Ok(count.min(needed))
    }

    /// Like [`Decoder::conceal_part`], with the packet behind the hole at hand: an Opus encoder may have said in it, in few bits, what the
    /// lost one held (RFC 6716 §2.1.7). That packet is to be decoded next.
    pub fn recover(&mut self, following: &[u8], count: usize, samples: &mut [i16]) -> Result<usize, CodecError> {
        match self {
            Decoder::Opus(decoder) if count == CodecKind::Opus.frame_samples() => decoder.recover(following, samples),
            _ => self.conceal_part(count, samples),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A quarter of a second of 440 Hz, as the decoder gives it back after the encoder.
    fn tone_through(kind: CodecKind) -> Vec<i16> {
        let (mut encoder, mut decoder) = (Encoder::new(kind), Decoder::new(kind));
        let (mut payload, mut samples, mut heard) = ([0; MAX_PAYLOAD], [0; MAX_SAMPLES], Vec::new());
        for frame in tone(kind).chunks(kind.frame_samples()) {
            let length = encoder.encode(frame, &mut payload).unwrap();
            let count = decoder.decode(&payload[..length], &mut samples).unwrap();
            assert_eq!(count, kind.frame_samples());
            heard.extend_from_slice(&samples[..count]);
        }
        heard
    }

    fn tone(kind: CodecKind) -> Vec<i16> {
        let step = 440.0 * std::f64::consts::TAU / f64::from(kind.sample_rate());
        (0..kind.frame_samples() * 25).map(|index| ((index as f64 * step).sin() * 10_000.0) as i16).collect()
    }

    /// How much of the power lies at 440 Hz, of 1.
    fn purity(samples: &[i16], rate: u32) -> f64 {
        let step = 440.0 * std::f64::consts::TAU / f64::from(rate);
        let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
        for (index, sample) in samples.iter().enumerate() {
            let (angle, sample) = (index as f64 * step, f64::from(*sample));
            sine += angle.sin() * sample;
            cosine += angle.cos() * sample;
            power += sample * sample;
        }
        2.0 * (sine * sine + cosine * cosine) / (power * samples.len() as f64)
    }

    #[test]
    fn a_tone_stays_a_tone_through_every_codec() {
        for kind in CodecKind::ALL {
            let heard = tone_through(kind);
            let settled = &heard[heard.len() / 5..];
            assert!(purity(settled, kind.sample_rate()) > 0.98, "{kind}: {}", purity(settled, kind.sample_rate()));
            let mean = crate::media::level::mean(settled);
            assert!((5_500..7_200).contains(&mean), "{kind} changes the loudness: {mean}");
        }
    }

    #[test]
    fn a_hole_is_filled_with_what_was_heard_and_fades() {
        for kind in [CodecKind::Pcma, CodecKind::Pcmu, CodecKind::G722] {
            let (mut encoder, mut decoder) = (Encoder::new(kind), Decoder::new(kind));
            let (mut payload, mut samples) = ([0; MAX_PAYLOAD], [0; MAX_SAMPLES]);
            for frame in tone(kind).chunks(kind.frame_samples()) {
                let length = encoder.encode(frame, &mut payload).unwrap();
                decoder.decode(&payload[..length], &mut samples).unwrap();
            }
            let count = decoder.conceal(&mut samples).unwrap();
            assert!(purity(&samples[..count], kind.sample_rate()) > 0.9, "{kind}");
            decoder.conceal(&mut samples).unwrap();
            decoder.conceal(&mut samples).unwrap();
            decoder.conceal(&mut samples).unwrap();
            assert!(samples[..count].iter().all(|sample| *sample == 0), "{kind} hums on");
        }
    }

    #[test]
    fn opus_conceals_by_itself() {
        let mut samples = [1; MAX_SAMPLES];
        assert_eq!(Decoder::new(CodecKind::Opus).conceal(&mut samples), Ok(960));
    }

    #[test]
    fn names_are_those_of_the_configuration() {
        for kind in CodecKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("G729".parse::<CodecKind>().is_err());
    }

    proptest! {
        #[test]
        fn no_payload_panics(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..8)) {
            for kind in CodecKind::ALL {
                let (mut decoder, mut samples) = (Decoder::new(kind), [0; MAX_SAMPLES]);
                for payload in &payloads {
                    if let Ok(count) = decoder.decode(payload, &mut samples) {
                        prop_assert!(count <= MAX_SAMPLES);
                    }
                }
                prop_assert_eq!(decoder.conceal(&mut samples), Ok(kind.frame_samples()));
                prop_assert!(decoder.conceal(&mut [0; 10]).is_err());
                let frame = kind.frame_samples();
                for payload in &payloads {
                    if let Ok(count) = decoder.recover(payload, frame, &mut samples) {
                        prop_assert_eq!(count, frame);
                    }
                }
            }
        }
    }
}
