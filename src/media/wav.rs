//! WAV files: read whatever people record (16-bit, A-law, µ-law), write what survives a crash.
//!
//! Bytes only; files are [`crate::io`]'s. A file that was being written when the power went has a header that says too
//! little: [`read`] then takes everything up to the end of the file.

use std::ops::Range;

use crate::media::codecs::pcma;
use crate::media::codecs::pcmu;

/// How samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Linear16,
    Alaw,
    Ulaw,
}

impl Encoding {
    /// Octets of one sample.
    pub fn width(self) -> usize {
        match self {
            Encoding::Linear16 => 2,
            Encoding::Alaw | Encoding::Ulaw => 1,
        }
    }

    fn tag(self) -> u16 {
        match self {
            Encoding::Linear16 => 1,
            Encoding::Alaw => 6,
            Encoding::Ulaw => 7,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    #[error("not a WAV file")]
    NotWav,
    #[error("the file ends within its header")]
    Truncated,
    #[error("format {tag} with {bits} bits cannot be read: save it as 16-bit PCM, A-law or µ-law")]
    Format { tag: u16, bits: u16 },
    #[error("sample rate {rate} Hz is outside 4000 to 192000")]
    Rate { rate: u32 },
    #[error("{channels} channels cannot be read: 1 to 8 can")]
    Channels { channels: u16 },
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wav<'a> {
    pub encoding: Encoding,
    pub rate: u32,
    pub channels: u16,
    /// Whole samples of all channels.
    pub data: &'a [u8],
    /// Where `data` stands in the file.
    pub data_range: Range<usize>,
}

/// Reads a file; the samples stay where they are.
pub fn read(file: &[u8]) -> Result<Wav<'_>, WavError> {
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut format = None;
    let mut at = 12;
    loop {
        let name = file.get(at..at + 4).ok_or(WavError::Truncated)?;
        let length = u32_at(file, at + 4)? as usize;
        let body = at + 8;
        match (name, format) {
            (b"fmt ", _) => format = Some(Format::read(file, body)?),
            (b"data", Some(format)) => return Ok(format.with_data(file, body, length)),
            _ => {}
        }
        at = body.checked_add(length).and_then(|end| end.checked_add(length % 2)).ok_or(WavError::Truncated)?;
    }
}

impl Wav<'_> {
    /// Samples of one channel; several are mixed.
    pub fn samples(&self) -> Vec<i16> {
        let channels = usize::from(self.channels);
        let width = self.encoding.width();
        self.data.chunks_exact(width * channels).map(|frame| self.mix(frame)).collect()
    }

    fn mix(&self, frame: &[u8]) -> i16 {
        let samples = frame.chunks_exact(self.encoding.width());
        let sum: i32 = samples.map(|octets| i32::from(self.sample(octets))).sum();
        (sum / i32::from(self.channels)) as i16
    }

    fn sample(&self, octets: &[u8]) -> i16 {
        match (self.encoding, octets) {
            (Encoding::Linear16, [low, high]) => i16::from_le_bytes([*low, *high]),
            (Encoding::Alaw, [octet]) => pcma::expand(*octet),
            (Encoding::Ulaw, [octet]) => pcmu::expand(*octet),
            _ => 0,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Format {
    encoding: Encoding,
    rate: u32,
    channels: u16,
}

impl Format {
    fn read(file: &[u8], at: usize) -> Result<Format, WavError> {
        let (tag, channels, rate, bits) =
            (u16_at(file, at)?, u16_at(file, at + 2)?, u32_at(file, at + 4)?, u16_at(file, at + 14)?);
        // WAVE_FORMAT_EXTENSIBLE: the real tag begins the GUID.
        let tag = if tag == 0xfffe { u16_at(file, at + 24)? } else { tag };
        let encoding = match (tag, bits) {
            (1, 16) => Encoding::Linear16,
            (6, 8) => Encoding::Alaw,
            (7, 8) => Encoding::Ulaw,
            _ => return Err(WavError::Format { tag, bits }),
        };
        if !(4_000..=192_000).contains(&rate) {
            return Err(WavError::Rate { rate });
        }
        if !(1..=8).contains(&channels) {
            return Err(WavError::Channels { channels });
        }
        Ok(Format { encoding, rate, channels })
    }

    /// A length of nothing is what a writer leaves that was interrupted at once.
    fn with_data(self, file: &[u8], start: usize, length: usize) -> Wav<'_> {
        let there = file.len() - start;
        let length = if length == 0 { there } else { length.min(there) };
        let frame = self.encoding.width() * usize::from(self.channels);
        let data_range = start..start + length / frame * frame;
        let Format { encoding, rate, channels } = self;
        Wav { encoding, rate, channels, data: &file[data_range.clone()], data_range }
    }
}

fn u16_at(file: &[u8], at: usize) -> Result<u16, WavError> {
    let octets = file.get(at..).and_then(<[u8]>::first_chunk).ok_or(WavError::Truncated)?;
    Ok(u16::from_le_bytes(*octets))
}

fn u32_at(file: &[u8], at: usize) -> Result<u32, WavError> {
    let octets = file.get(at..).and_then(<[u8]>::first_chunk).ok_or(WavError::Truncated)?;
    Ok(u32::from_le_bytes(*octets))
}

/// Octets of the header that [`Writer::header`] gives.
pub const HEADER_LEN: usize = 58;

/// The bytes of a recording as it grows.
///
/// For the pump: write [`Writer::header`] at offset 0, then append what [`Writer::samples`] or [`Writer::octets`] put into a buffer.
/// From time to time (each second, and at the end) write [`Writer::header`] over the first [`HEADER_LEN`] octets again: the sizes
/// in it are those of everything appended by then. A crash leaves a file that [`read`] and common players read.
#[derive(Debug, Clone)]
pub struct Writer {
    encoding: Encoding,
    rate: u32,
    channels: u16,
    /// Octets of samples so far.
    length: u32,
}

impl Writer {
    pub fn new(encoding: Encoding, rate: u32) -> Writer {
        Writer { encoding, rate, channels: 1, length: 0 }
    }

    /// Samples of all channels then come in turn.
    pub fn with_channels(self, channels: u16) -> Writer {
        Writer { channels: channels.max(1), ..self }
    }

    /// Encodes samples and puts them behind what is in `buffer`.
    pub fn samples(&mut self, samples: &[i16], buffer: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Linear16 => buffer.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
            Encoding::Alaw => buffer.extend(samples.iter().map(|sample| pcma::compress(*sample))),
            Encoding::Ulaw => buffer.extend(samples.iter().map(|sample| pcmu::compress(*sample))),
        }
        self.grow(samples.len() * self.encoding.width());
    }

    /// Puts octets that are in the file's encoding already (an RTP payload) behind what is in `buffer`.
    pub fn octets(&mut self, octets: &[u8], buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(octets);
        self.grow(octets.len());
    }

    /// What has been recorded so far.
    pub fn duration(&self) -> std::time::Duration {
        let samples = u64::from(self.length) / (self.encoding.width() as u64 * u64::from(self.channels));
        std::time::Duration::from_micros(samples * 1_000_000 / u64::from(self.rate.max(1)))
    }

    /// The header for what has been appended so far.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        let width = self.encoding.width() as u32;
        let frame = width * u32::from(self.channels);
        let mut at = 0;
        let mut put = |octets: &[u8]| {
            header[at..at + octets.len()].copy_from_slice(octets);
            at += octets.len();
        };
        put(b"RIFF");
        put(&self.length.saturating_add(HEADER_LEN as u32 - 8).to_le_bytes());
        put(b"WAVEfmt ");
        put(&18_u32.to_le_bytes());
        put(&self.encoding.tag().to_le_bytes());
        put(&self.channels.to_le_bytes());
        put(&self.rate.to_le_bytes());
        put(&(self.rate * frame).to_le_bytes());
        put(&(frame as u16).to_le_bytes());
        put(&(width as u16 * 8).to_le_bytes());
        put(&0_u16.to_le_bytes());
        // Formats other than PCM are to carry the number of samples.
        put(b"fact");
        put(&4_u32.to_le_bytes());
        put(&(self.length / frame).to_le_bytes());
        put(b"data");
        put(&self.length.to_le_bytes());
        header
    }

    fn grow(&mut self, octets: usize) {
        self.length = self.length.saturating_add(u32::try_from(octets).unwrap_or(u32::MAX));
    }
}

/// The header that a recording of ours should have which ended with the power: `header` is what stands in its first
/// octets, `file` its length. With what the file then lasts. `None` for a file that we did not write.
pub fn mended(header: &[u8; HEADER_LEN], file: u64) -> Option<([u8; HEADER_LEN], std::time::Duration)> {
    let ours = header.starts_with(b"RIFF") && &header[8..16] == b"WAVEfmt " && &header[50..54] == b"data";
    let Format { encoding, rate, channels } = Format::read(header, 20).ok().filter(|_| ours)?;
    let frame = encoding.width() as u64 * u64::from(channels);
    let data = file.saturating_sub(HEADER_LEN as u64) / frame * frame;
    let length = u32::try_from(data).unwrap_or(u32::MAX);
    let writer = Writer { encoding, rate, channels, length };
    Some((writer.header(), writer.duration()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn recorded(encoding: Encoding, samples: &[i16]) -> Vec<u8> {
        let mut writer = Writer::new(encoding, 8_000);
        let mut octets = Vec::new();
        writer.samples(samples, &mut octets);
        [&writer.header()[..], &octets].concat()
    }

    #[test]
    fn what_was_written_is_read() {
        let samples = [0, 1_000, -1_000, i16::MAX, i16::MIN];
        for encoding in [Encoding::Linear16, Encoding::Alaw, Encoding::Ulaw] {
            let file = recorded(encoding, &samples);
            let wav = read(&file).unwrap();
            assert_eq!((wav.encoding, wav.rate, wav.channels), (encoding, 8_000, 1));
            for (heard, said) in wav.samples().into_iter().zip(samples) {
                assert!((i32::from(heard) - i32::from(said)).abs() <= 700 * i32::from(encoding != Encoding::Linear16));
            }
        }
    }

    #[test]
    fn another_reader_reads_what_we_write() {
        let file = recorded(Encoding::Linear16, &[1, -2, 3]);
        let reader = hound::WavReader::new(Cursor::new(file)).unwrap();
        assert_eq!((reader.spec().channels, reader.spec().sample_rate), (1, 8_000));
        assert_eq!(reader.into_samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, -2, 3]);
    }

    #[test]
    fn we_read_what_another_writer_writes() {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 44_100,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        [100_i16, 300, -5, -7].into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        let file = file.into_inner();
        let wav = read(&file).unwrap();
        assert_eq!((wav.rate, wav.channels), (44_100, 2));
        assert_eq!(wav.samples(), [200, -6], "channels are mixed");
    }

    #[test]
    fn a_recording_that_a_crash_cut_off_is_read_to_its_end() {
        let mut writer = Writer::new(Encoding::Alaw, 8_000);
        let (start, mut octets) = (writer.header(), Vec::new());
        writer.octets(&[0xd5; 160], &mut octets);
        let file = [&start[..], &octets].concat();
        assert_eq!(read(&file).unwrap().data.len(), 160, "the header was never brought up to date");
        let early = writer.header();
        writer.octets(&[0xd5; 160], &mut octets);
        let file = [&early[..], &octets].concat();
        assert_eq!(read(&file).unwrap().data.len(), 160, "up to the last header");
        assert_eq!(writer.duration(), std::time::Duration::from_millis(40));
    }

    #[test]
    fn a_header_that_lags_behind_is_mended() {
        let mut writer = Writer::new(Encoding::Linear16, 8_000).with_channels(2);
        let (start, mut octets) = (writer.header(), Vec::new());
        writer.samples(&[5; 16_001], &mut octets);
        let (header, length) = mended(&start, (HEADER_LEN + octets.len()) as u64).unwrap();
        assert_eq!(length, std::time::Duration::from_secs(1), "half a frame is left out");
        let file = [&header[..], &octets].concat();
        let wav = hound::WavReader::new(Cursor::new(&file)).unwrap();
        assert_eq!((wav.spec().channels, wav.duration()), (2, 8_000));
        assert_eq!(mended(&[0; HEADER_LEN], 1_000), None);
    }

    #[test]
    fn chunks_that_say_nothing_are_stepped_over() {
        let file = recorded(Encoding::Alaw, &[0; 4]);
        let with_list = [&file[..12], b"LIST", &3_u32.to_le_bytes()[..], b"abc\0", &file[12..]].concat();
        assert_eq!(read(&with_list).unwrap().data, [0xd5; 4]);
    }

    #[test]
    fn what_cannot_be_played_is_said_plainly() {
        let mut file = recorded(Encoding::Linear16, &[0; 4]);
        file[34] = 24;
        assert_eq!(read(&file), Err(WavError::Format { tag: 1, bits: 24 }));
        assert_eq!(read(b"ID3 an mp3"), Err(WavError::NotWav));
        assert_eq!(read(&recorded(Encoding::Linear16, &[])[..30]), Err(WavError::Truncated));
    }

    proptest! {
        #[test]
        fn no_file_panics(mut file in Just(recorded(Encoding::Ulaw, &[9; 40])), at in 0..90_usize, octet: u8, length in 0..98_usize) {
            file[at] = octet;
            file.truncate(length);
            if let Ok(wav) = read(&file) {
                wav.samples();
            }
        }
    }
}
