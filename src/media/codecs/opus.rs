//! Opus (RFC 6716, RTP by RFC 7587), mono, at 48 kHz in calls, by the crate `rusty-opus`; only samples' formats are bridged here.

use std::fmt;

use rusty_opus::Application;
use rusty_opus::Bandwidth;
use rusty_opus::OpusDecoder;
use rusty_opus::OpusEncoder;

use crate::media::codec::CodecError;
use crate::media::codec::CodecKind;
use crate::media::codec::MAX_SAMPLES;
use crate::media::fmtp::OpusTerms;

/// Target rate. Transparent for full-band speech, and half of G.711. RFC 7587 §3.1.1 puts full-band speech at 28-40 kbit/s.
const BITRATE: i32 = 32_000;

/// Of 0-10. From 7 on the encoder analyses music and speech, at twice the cost.
const COMPLEXITY: i32 = 5;

const RATE: i32 = 48_000;

/// Samples into Opus packets.
pub struct Encoder {
    inner: OpusEncoder,
    scratch: Box<[f32; MAX_SAMPLES]>,
}

impl Default for Encoder {
    /// At 48 kHz, for a conversation.
    fn default() -> Encoder {
        Encoder::at(RATE as u32, BITRATE)
    }
}

impl Encoder {
    /// Takes samples of this rate: 8000, 12000, 16000, 24000 or 48000; aims at so many bits a second.
    pub fn at(rate: u32, bitrate: i32) -> Encoder {
        let mut inner = OpusEncoder::new(rate as i32, 1, Application::Voip).expect("a rate that Opus knows, in mono");
        inner.bitrate_bps = bitrate;
        inner.complexity = COMPLEXITY;
        Encoder { inner, scratch: Box::new([0.0; MAX_SAMPLES]) }
    }

    /// Goes by what the far side asks for: RFC 7587 §6.1.
    pub fn set_terms(&mut self, terms: OpusTerms) {
        self.inner.use_inband_fec = terms.in_band_fec;
        self.inner.use_dtx = terms.discontinuous;
        self.inner.use_cbr = terms.constant_bitrate;
        self.inner.max_bandwidth = widest(terms.max_playback_rate);
        self.inner.bitrate_bps = terms.max_average_bitrate.map_or(BITRATE, |most| BITRATE.min(most as i32));
    }

    /// So many of a hundred packets are lost on the way to a far side that takes in-band FEC: packets then say again in few
    /// bits what the one before held (RFC 6716 §2.1.7).
    pub fn expect_loss(&mut self, percent: u8) {
        self.inner.packet_loss_perc = i32::from(percent.min(100));
    }

    /// Takes 10, 20, 40 or 60 ms; returns the octets written: [`NOTHING_SENT`] or fewer are a pause that need not be sent.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let failed = CodecError::Frame { codec: CodecKind::Opus, samples: samples.len() };
        let scratch = self.scratch.get_mut(..samples.len()).ok_or_else(|| failed.clone())?;
        // The crate takes nothing but zeros for silence as long as it does not analyse (complexity 7).
        let quiet = self.inner.use_dtx && samples.iter().all(|sample| sample.unsigned_abs() <= INAUDIBLE);
        for (wide, sample) in scratch.iter_mut().zip(samples) {
            *wide = if quiet { 0.0 } else { f32::from(*sample) / 32_768.0 };
        }
        self.inner.encode(scratch, samples.len(), payload).map_err(|_| failed)
    }
}

/// The band beyond which who plays at this rate, in Hz, hears nothing more. RFC 7587 §3.1.1.
fn widest(playback_rate: u32) -> Bandwidth {
    match playback_rate {
        0..=8_000 => Bandwidth::Narrowband,
        8_001..=12_000 => Bandwidth::Mediumband,
        12_001..=16_000 => Bandwidth::Wideband,
        16_001..=24_000 => Bandwidth::Superwideband,
        _ => Bandwidth::Fullband,
    }
}

/// A payload without a frame: the far side makes comfort noise until the next one that has one. RFC 6716 §2.1.9.
pub const NOTHING_SENT: usize = 1;

/// The loudest sample of a pause, where the far side asks for pauses (`usedtx`): some -60 dBm0, with what G.711 makes of zeros in it.
const INAUDIBLE: u16 = 32;

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder")
    }
}

/// Opus packets, mono or stereo, into mono samples.
pub struct Decoder {
    inner: OpusDecoder,
    rate: u32,
    scratch: Box<[f32; MAX_SAMPLES]>,
}

impl Default for Decoder {
    /// Of 48 kHz.
    fn default() -> Decoder {
        Decoder::at(RATE as u32)
    }
}

impl Decoder {
    /// Gives samples of this rate: 8000, 12000, 16000, 24000 or 48000.
    pub fn at(rate: u32) -> Decoder {
        let inner = OpusDecoder::new(rate as i32, 1).expect("a rate that Opus knows, in mono");
        Decoder { inner, rate, scratch: Box::new([0.0; MAX_SAMPLES]) }
    }

    /// Returns the samples written: as many as the packet holds.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, CodecError> {
        let malformed = CodecError::Malformed { codec: CodecKind::Opus, octets: payload.len() };
        // Without a payload the decoder would conceal a loss, as long as the buffer is.
        let frame = duration(payload).ok_or_else(|| malformed.clone())? * self.rate as usize / RATE as usize;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A second of hiss, which fills any band, 20 ms a packet.
    fn hiss_for(terms: OpusTerms) -> Vec<Vec<u8>> {
        let (mut encoder, mut rng) = (Encoder::default(), fastrand::Rng::with_seed(7));
        encoder.set_terms(terms);
        let mut packets = Vec::new();
        for _ in 0..50 {
            let samples: Vec<i16> = (0..960).map(|_| rng.i16(-8_000..8_000)).collect();
            let mut payload = [0; 1_275];
            let length = encoder.encode(&samples, &mut payload).unwrap();
            packets.push(payload[..length].to_vec());
        }
        packets
    }

    /// What a packet's band can be played at without a loss, in Hz: RFC 6716 §3.1.
    fn rate_of(packet: &[u8]) -> u32 {
        match packet[0] >> 3 {
            0..4 | 16..20 => 8_000,
            4..8 => 12_000,
            8..12 | 20..24 => 16_000,
            12..14 | 24..28 => 24_000,
            _ => 48_000,
        }
    }

    #[test]
    fn no_packet_holds_more_than_the_far_side_can_play() {
        let by_rate =
            [(8_000, 8_000), (12_000, 12_000), (16_000, 16_000), (24_000, 24_000), (44_100, 48_000), (48_000, 48_000)];
        for (max_playback_rate, band) in by_rate {
            let packets = hiss_for(OpusTerms { max_playback_rate, ..OpusTerms::default() });
            let most = packets.iter().map(|packet| rate_of(packet)).max();
            assert_eq!(most, Some(band), "for {max_playback_rate} Hz");
        }
    }

    #[test]
    fn packets_are_of_one_size_where_the_far_side_asks_for_it() {
        let sizes = |terms| hiss_for(terms).iter().map(Vec::len).collect::<BTreeSet<_>>();
        let constant = OpusTerms { constant_bitrate: true, ..OpusTerms::default() };
        assert_eq!(sizes(constant).into_iter().collect::<Vec<_>>(), [BITRATE as usize / 8 / 50]);
        assert!(sizes(OpusTerms::default()).len() > 1);
    }

    #[test]
    fn whatever_the_far_side_asks_for_together_is_heard_and_its_pauses_are_pauses() {
        for asked in 0_u8..8 {
            for (max_playback_rate, max_average_bitrate) in
                [(8_000, Some(6_000)), (16_000, None), (48_000, Some(6_000))]
            {
                let terms = OpusTerms {
                    in_band_fec: asked & 1 != 0,
                    discontinuous: asked & 2 != 0,
                    constant_bitrate: asked & 4 != 0,
                    max_playback_rate,
                    max_average_bitrate,
                };
                assert_eq!(pauses_after(terms), terms.discontinuous, "{terms:?}");
            }
        }
    }

    /// Says a second of hiss on a line that loses, which must be heard, then keeps silent for one: whether that became a pause.
    fn pauses_after(terms: OpusTerms) -> bool {
        let (mut encoder, mut decoder, mut rng) = (Encoder::default(), Decoder::default(), fastrand::Rng::with_seed(7));
        encoder.set_terms(terms);
        encoder.expect_loss(20);
        let (mut payload, mut heard, mut loudest, mut pauses) = ([0; 1_275], [0; 960], 0, 0);
        for number in 0..100 {
            let samples = [0; 960].map(|_: i16| if number < 50 { rng.i16(-8_000..8_000) } else { 0 });
            let length = encoder.encode(&samples, &mut payload).unwrap();
            pauses += usize::from(length <= NOTHING_SENT);
            if length > NOTHING_SENT {
                assert_eq!(decoder.decode(&payload[..length], &mut heard), Ok(960), "{terms:?}");
                loudest = heard.iter().map(|sample| sample.unsigned_abs()).fold(loudest, u16::max);
            }
        }
        assert!(loudest > 1_000, "{loudest} with {terms:?}");
        pauses > 0
    }
}
