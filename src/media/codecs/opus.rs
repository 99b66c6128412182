//! Opus (RFC 6716, RTP by RFC 7587), mono at 48 kHz, by the crate `rusty-opus`; only samples' formats are bridged here.

use std::fmt;

use rusty_opus::Application;
use rusty_opus::OpusDecoder;
use rusty_opus::OpusEncoder;

use crate::media::codec::CodecError;
use crate::media::codec::CodecKind;
use crate::media::codec::MAX_SAMPLES;

/// Target rate. Transparent for full-band speech, and half of G.711. RFC 7587 §3.1.1 puts full-band speech at 28-40 kbit/s.
const BITRATE: i32 = 32_000;

/// Of 0-10. From 7 on the encoder analyses music and speech, at twice the cost.
const COMPLEXITY: i32 = 5;

const RATE: i32 = 48_000;

/// 48 kHz samples into Opus packets.
pub struct Encoder {
    inner: OpusEncoder,
    scratch: Box<[f32; MAX_SAMPLES]>,
}

impl Default for Encoder {
    fn default() -> Encoder {
        let mut inner = OpusEncoder::new(RATE, 1, Application::Voip).expect("48 kHz mono is a rate that Opus knows");
        inner.bitrate_bps = BITRATE;
        inner.complexity = COMPLEXITY;
        Encoder { inner, scratch: Box::new([0.0; MAX_SAMPLES]) }
    }
}

impl Encoder {
    /// Protects what follows against losses of `percent` on the way: packets say again in few bits what the one before
    /// held (RFC 6716 §2.1.7). Others do so; we do not, for nobody tells us yet what is lost.
    #[cfg(test)]
    pub(in crate::media) fn expect_loss(&mut self, percent: u8) {
        self.inner.packet_loss_perc = i32::from(percent);
        self.inner.use_inband_fec = true;
    }

    /// Takes 10, 20, 40 or 60 ms; returns the octets written.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let failed = CodecError::Frame { codec: CodecKind::Opus, samples: samples.len() };
        let scratch = self.scratch.get_mut(..samples.len()).ok_or_else(|| failed.clone())?;
        for (wide, sample) in scratch.iter_mut().zip(samples) {
            *wide = f32::from(*sample) / 32_768.0;
        }
        self.inner.encode(scratch, samples.len(), payload).map_err(|_| failed)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder")
    }
}

/// Opus packets, mono or stereo, into 48 kHz mono samples.
pub struct Decoder {
    inner: OpusDecoder,
    scratch: Box<[f32; MAX_SAMPLES]>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        let inner = OpusDecoder::new(RATE, 1).expect("48 kHz mono is a rate that Opus knows");
        Decoder { inner, scratch: Box::new([0.0; MAX_SAMPLES]) }
    }
}

impl Decoder {
    /// Returns the samples written: as many as the packet holds.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, CodecError> {
        let malformed = CodecError::Malformed { codec: CodecKind::Opus, octets: payload.len() };
        // Without a payload the decoder would conceal a loss, as long as the buffer is.
        let frame = duration(payload).ok_or_else(|| malformed.clone())?;
        let count = self.inner.decode(payload, frame, &mut self.scratch[..]).map_err(|_| malformed)?;
        self.give(count, samples)
    }

    /// Invents a frame for a packet that was lost.
    pub fn conceal(&mut self, samples: &mut [i16]) -> Result<usize, CodecError> {
        let lost = CodecError::Malformed { codec: CodecKind::Opus, octets: 0 };
        let count = self.inner.decode(&[], samples.len().min(MAX_SAMPLES), &mut self.scratch[..]).map_err(|_| lost)?;
        self.give(count, samples)
    }

    /// Reads what `following` says of the frame of 20 ms before it; invents that frame when it says nothing.
    pub fn recover(&mut self, following: &[u8], samples: &mut [i16]) -> Result<usize, CodecError> {
        let frame = CodecKind::Opus.frame_samples();
        if !repeats(following, frame) {
            let room = samples.len();
            return self.conceal(samples.get_mut(..frame).ok_or(CodecError::Room { needed: frame, room })?);
        }
        let malformed = CodecError::Malformed { codec: CodecKind::Opus, octets: following.len() };
        let count = self.inner.decode_fec(following, frame, &mut self.scratch[..]).map_err(|_| malformed)?;
        self.give(count, samples)
    }

    fn give(&self, count: usize, samples: &mut [i16]) -> Result<usize, CodecError> {
        let room = samples.len();
        let wide = self.scratch.get(..count).ok_or(CodecError::Room { needed: count, room: MAX_SAMPLES })?;
        let out = samples.get_mut(..count).ok_or(CodecError::Room { needed: count, room })?;
        for (sample, wide) in out.iter_mut().zip(wide) {
            *sample = (wide * 32_768.0).clamp(-32_768.0, 32_767.0) as i16;
        }
        Ok(count)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Decoder")
    }
}

/// Whether what a packet may say again is a frame of so many samples in mono. The decoder takes it for that without a look:
/// of a packet in stereo, or of another length, it would make noise.
fn repeats(payload: &[u8], frame: usize) -> bool {
    const STEREO: u8 = 0x04;
    duration(payload) == Some(frame) && payload.first().is_some_and(|toc| toc & STEREO == 0)
}

/// Samples at 48 kHz in a packet, from its first octets (RFC 6716 §3.1, §3.2); `None` beyond 120 ms.
pub(in crate::media) fn duration(payload: &[u8]) -> Option<usize> {
    let toc = *payload.first()?;
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config % 4],
        12..16 => [480, 960][config % 2],
        _ => [120, 240, 480, 960][config % 4],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(payload.get(1)? & 0x3f),
    };
    Some(frame * frames).filter(|samples| (1..=MAX_SAMPLES).contains(samples))
}
