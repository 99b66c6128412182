//! A sound that is kept: a prompt, a tone, hold music. Decoded once, encoded once for each codec, shared by all calls.
//!
//! For the pump: hold the `Arc<Clip>` and an index; [`Clip::encoded`] gives [`Frames`], [`Frames::packet`] the octets of one packet
//! as a slice, ready to be sent behind a header. The first `encoded` for a codec does the encoding: some
//! microseconds a second of sound for G.711, some milliseconds for G.722, up to 15 ms for Opus. Every later one is a load.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use crate::media::codec::CodecKind;
use crate::media::codec::Encoder;
use crate::media::codec::MAX_PAYLOAD;
use crate::media::codecs::pcma;
use crate::media::codecs::pcmu;
use crate::media::resample::convert;
use crate::media::wav;
use crate::media::wav::Encoding;
use crate::media::wav::WavError;

/// One sound under one name.
pub struct Clip {
    name: String,
    rate: u32,
    sound: Kept,
    encoded: [OnceLock<Frames>; CodecKind::ALL.len() + CodecKind::PASSED.len()],
}

/// What is heard; what was encoded of it is only a matter of time.
impl PartialEq for Clip {
    fn eq(&self, other: &Clip) -> bool {
        (&self.name, self.rate, &self.sound) == (&other.name, other.rate, &other.sound)
    }
}

/// Prompts stay compressed as they were shipped: a few megabytes less for every server.
#[derive(PartialEq)]
enum Kept {
    Pcm(Vec<i16>),
    Alaw(Cow<'static, [u8]>),
    Ulaw(Cow<'static, [u8]>),
}

impl Clip {
    /// Rates other than 8, 16 and 48 kHz are converted here.
    pub fn from_pcm(name: &str, samples: Vec<i16>, rate: u32) -> Clip {
        let kept = match rate {
            8_000 | 16_000 | 48_000 => rate,
            ..12_000 => 8_000,
            12_000..24_000 => 16_000,
            24_000.. => 48_000,
        };
        Clip::new(name, Kept::Pcm(if kept == rate { samples } else { convert(&samples, rate, kept) }), kept)
    }

    /// Reads a WAV file; several channels are mixed into one.
    pub fn from_wav(name: &str, file: Cow<'static, [u8]>) -> Result<Clip, WavError> {
        let wav = wav::read(&file)?;
        let (encoding, rate, data) = (wav.encoding, wav.rate, wav.data_range.clone());
        if wav.channels != 1 || rate != 8_000 || encoding == Encoding::Linear16 {
            return Ok(Clip::from_pcm(name, wav.samples(), rate));
        }
        let octets = match file {
            Cow::Borrowed(file) => Cow::Borrowed(&file[data]),
            Cow::Owned(file) => Cow::Owned(file[data].to_vec()),
        };
        let kept = match encoding {
            Encoding::Ulaw => Kept::Ulaw(octets),
            _ => Kept::Alaw(octets),
        };
        Ok(Clip::new(name, kept, rate))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of the samples as they are kept.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    pub fn duration(&self) -> Duration {
        let samples = match &self.sound {
            Kept::Pcm(samples) => samples.len(),
            Kept::Alaw(octets) | Kept::Ulaw(octets) => octets.len(),
        };
        Duration::from_micros(samples as u64 * 1_000_000 / u64::from(self.rate))
    }

    /// The samples at [`Clip::rate`].
    pub fn samples(&self) -> Cow<'_, [i16]> {
        match &self.sound {
            Kept::Pcm(samples) => Cow::Borrowed(samples),
            Kept::Alaw(octets) => Cow::Owned(octets.iter().map(|octet| pcma::expand(*octet)).collect()),
            Kept::Ulaw(octets) => Cow::Owned(octets.iter().map(|octet| pcmu::expand(*octet)).collect()),
        }
    }

    /// The whole clip as 20 ms frames of `codec`; the last one is filled up with silence.
    pub fn encoded(&self, codec: CodecKind) -> &Frames {
        self.encoded[slot(codec)].get_or_init(|| self.encode(codec))
    }

    fn new(name: &str, sound: Kept, rate: u32) -> Clip {
        Clip { name: name.to_owned(), rate, sound, encoded: Default::default() }
    }

    fn encode(&self, codec: CodecKind) -> Frames {
        match (&self.sound, codec) {
            (Kept::Alaw(octets), CodecKind::Pcma) | (Kept::Ulaw(octets), CodecKind::Pcmu) => {
                Frames::constant(octets.to_vec(), codec)
            }
            _ => Frames::encode(&convert(&self.samples(), self.rate, codec.sample_rate()), codec),
        }
    }
}

fn slot(codec: CodecKind) -> usize {
    match codec {
        CodecKind::Opus => 0,
        CodecKind::G722 => 1,
        CodecKind::Pcma => 2,
        CodecKind::Pcmu => 3,
        // Frames without an octet: they last as long as the clip does, and nothing is heard.
        CodecKind::G729 => 4,
        CodecKind::Gsm => 5,
        CodecKind::Ilbc => 6,
        CodecKind::L16 => 7,
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clip({}, {:?})", self.name, self.duration())
    }
}

/// A clip in one codec: frames of 20 ms, one behind the other in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    codec: CodecKind,
    octets: Vec<u8>,
    /// Where frame n begins; one more than there are frames.
    starts: Vec<u32>,
}

impl Frames {
    /// Frames of 20 ms.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn codec(&self) -> CodecKind {
        self.codec
    }

    /// The octets of one frame; `None` past the end.
    pub fn frame(&self, index: usize) -> Option<&[u8]> {
        self.packet(index, 1)
    }

    /// The octets of `count` frames in one packet, or of as many as are left. For G.711 and G.722 only, whose frames are simply
    /// strung together; Opus packets hold one frame of ours.
    pub fn packet(&self, index: usize, count: usize) -> Option<&[u8]> {
        let last = self.count().min(index.saturating_add(count));
        let start = *self.starts.get(index)? as usize;
        let end = *self.starts.get(last)? as usize;
        (index < last).then(|| &self.octets[start..end])
    }

    fn encode(samples: &[i16], codec: CodecKind) -> Frames {
        let mut encoder = Encoder::new(codec);
        let mut frames = Frames { codec, octets: Vec::with_capacity(samples.len() / 2), starts: vec![0] };
        let mut padded = vec![0; codec.frame_samples()];
        let mut payload = [0; MAX_PAYLOAD];
        for frame in samples.chunks(codec.frame_samples()) {
            padded[..frame.len()].copy_from_slice(frame);
            padded[frame.len()..].fill(0);
            let length = encoder.encode(&padded, &mut payload).unwrap_or(0);
            frames.push(&payload[..length]);
        }
        frames
    }

    /// Octets that are frames already: one octet for each sample.
    fn constant(mut octets: Vec<u8>, codec: CodecKind) -> Frames {
        let size = codec.frame_samples();
        let silence = if codec == CodecKind::Pcmu { pcmu::SILENCE } else { pcma::SILENCE };
        octets.resize(octets.len().next_multiple_of(size), silence);
        let starts = (0..=octets.len()).step_by(size).map(offset).collect();
        Frames { codec, octets, starts }
    }

    fn push(&mut self, payload: &[u8]) {
        self.octets.extend_from_slice(payload);
        self.starts.push(offset(self.octets.len()));
    }
}

/// A clip of 4 GB would be six days long.
fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::codec::Decoder;
    use crate::media::codec::MAX_SAMPLES;

    fn ramp(count: usize) -> Vec<i16> {
        (0..count).map(|index| (index % 400 * 50) as i16).collect()
    }

    #[test]
    fn a_clip_has_the_same_length_in_every_codec() {
        let clip = Clip::from_pcm("ramp", ramp(8_000 + 30), 8_000);
        for codec in CodecKind::ALL {
            let frames = clip.encoded(codec);
            assert_eq!((frames.count(), frames.codec()), (51, codec));
            let mut samples = [0; MAX_SAMPLES];
            let last = frames.frame(50).unwrap();
            assert_eq!(Decoder::new(codec).decode(last, &mut samples), Ok(codec.frame_samples()));
            assert_eq!(frames.frame(51), None);
            assert_eq!(frames.frame(usize::MAX), None);
        }
    }

    #[test]
    fn frames_are_strung_together_for_longer_packets() {
        let clip = Clip::from_pcm("ramp", ramp(800), 8_000);
        let frames = clip.encoded(CodecKind::Pcma);
        assert_eq!(frames.packet(0, 2).unwrap(), [frames.frame(0).unwrap(), frames.frame(1).unwrap()].concat());
        assert_eq!(frames.packet(4, 3), frames.frame(4), "as many as are left");
        assert_eq!(frames.packet(5, 1), None);
    }

    #[test]
    fn a_recording_at_any_rate_is_kept_at_one_of_ours() {
        for (rate, kept) in [(8_000, 8_000), (11_025, 8_000), (22_050, 16_000), (44_100, 48_000), (96_000, 48_000)] {
            let clip = Clip::from_pcm("x", vec![0; rate as usize], rate);
            assert_eq!((clip.rate(), clip.duration()), (kept, Duration::from_secs(1)));
        }
    }

    #[test]
    fn an_empty_clip_has_no_frames() {
        assert_eq!(Clip::from_pcm("x", Vec::new(), 8_000).encoded(CodecKind::Opus).count(), 0);
    }

    #[test]
    fn a_law_and_mu_law_files_are_kept_as_they_are() {
        let samples: Vec<i16> = ramp(320).into_iter().map(|sample| pcmu::expand(pcmu::compress(sample))).collect();
        let mut writer = wav::Writer::new(Encoding::Ulaw, 8_000);
        let mut octets = Vec::new();
        writer.samples(&samples, &mut octets);
        let file = [&writer.header()[..], &octets].concat();
        let clip = Clip::from_wav("x", Cow::Owned(file)).unwrap();
        assert_eq!(clip.samples(), samples);
        assert_eq!(clip.encoded(CodecKind::Pcmu).packet(0, 2).unwrap(), octets);
    }
}
