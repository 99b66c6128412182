//! Recordings as Opus in Ogg (RFC 7845): samples into pages as they come, and a file into samples again.
//!
//! Both sides of a talk are two streams of one voice each, so that nobody is heard on the other's side. A page is complete in
//! itself and follows each second, so a crash leaves a file that players and [`read`] take up to there.

use std::time::Duration;

use crate::media::codec::MAX_PAYLOAD;
use crate::media::codec::MAX_SAMPLES;
use crate::media::codecs::opus;
use crate::media::ogg;
use crate::media::ogg::Numbering;
use crate::media::ogg::Page;

/// Granules count at this rate, whatever was recorded. RFC 7845 §4.
const GRANULES: u64 = 48_000;

/// Granules that the encoder lags behind: players leave them out. RFC 7845 §5.1.
const PRE_SKIP: u64 = 312;

/// Frames of a page: those of a second.
const PAGE_FRAMES: usize = 50;

/// Of one voice, nearly as it was recorded, in a fifth of a WAV file's size at 8 kHz and an eighth at 16 kHz.
fn bitrate(rate: u32) -> i32 {
    if rate > 8_000 { 24_000 } else { 16_000 }
}

const MOST_CHANNELS: usize = 2;

/// A recording as it grows.
pub struct Writer {
    rate: u32,
    voices: Vec<Voice>,
    numbering: Numbering,
    head: Vec<u8>,
    page: Page,
    frames: u64,
    /// Of each voice, taken in.
    samples: u64,
}

/// One channel.
struct Voice {
    encoder: opus::Encoder,
    /// What does not fill a frame yet.
    waiting: Vec<i16>,
}

impl Writer {
    /// `rate`: 8000, 16000 or 48000. `serial` tells streams apart. At most two channels.
    pub fn new(rate: u32, channels: u16, serial: u32) -> Writer {
        let channels = usize::from(channels).clamp(1, MOST_CHANNELS);
        let mut numbering = Numbering::new(serial);
        let head = head(rate, channels as u8, &mut numbering);
        let voice = || Voice { encoder: opus::Encoder::at(rate, bitrate(rate)), waiting: Vec::new() };
        let voices = std::iter::repeat_with(voice).take(channels).collect();
        Writer { rate, voices, numbering, head, page: Page::default(), frames: 0, samples: 0 }
    }

    /// What the file begins with; it never changes.
    pub fn header(&self) -> &[u8] {
        &self.head
    }

    /// Takes samples of all channels in turn; puts pages that are complete behind what is in `out`.
    pub fn samples(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let channels = self.voices.len();
        for (at, voice) in self.voices.iter_mut().enumerate() {
            voice.waiting.extend(samples.iter().skip(at).step_by(channels));
        }
        self.samples += (samples.len() / channels) as u64;
        self.encode(out);
        self.flush(self.position(), 0, out);
    }

    /// Puts the last page behind what is in `out`: it says where exactly the recording ends.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let frame = self.frame();
        let lag = (PRE_SKIP * u64::from(self.rate) / GRANULES) as usize;
        for voice in &mut self.voices {
            let whole = (voice.waiting.len() + lag).next_multiple_of(frame);
            voice.waiting.resize(whole, 0);
        }
        let end = PRE_SKIP + self.samples * GRANULES / u64::from(self.rate);
        self.encode(out);
        self.flush(end, ogg::LAST, out);
    }

    /// What has been recorded so far.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.samples * 1_000_000 / u64::from(self.rate))
    }

    fn encode(&mut self, out: &mut Vec<u8>) {
        let frame = self.frame();
        while self.voices.iter().all(|voice| voice.waiting.len() >= frame) {
            let packet = self.packet(frame);
            // Not behind it: the last frame must find its page still open, which says where the recording ends.
            if self.frames.is_multiple_of(PAGE_FRAMES as u64) || !self.page.has_room(packet.len()) {
                self.flush(self.position(), 0, out);
            }
            self.page.push(&packet);
            self.frames += 1;
        }
    }

    /// Every stream but the last tells its length. RFC 6716 Appendix B, RFC 7845 §3.
    fn packet(&mut self, frame: usize) -> Vec<u8> {
        let mut packet = Vec::with_capacity(2 * MAX_PAYLOAD);
        let last = self.voices.len() - 1;
        for (at, voice) in self.voices.iter_mut().enumerate() {
            let mut payload = [0; MAX_PAYLOAD];
            let length = voice.encoder.encode(&voice.waiting[..frame], &mut payload).unwrap_or(0);
            voice.waiting.drain(..frame);
            // A frame that cannot be told apart is a pause: configuration 9 (wide band, 20 ms) without anything in it.
            let (toc, rest) = payload[..length].split_first().filter(|(toc, _)| **toc & 3 == 0).unwrap_or((&0x48, &[]));
            packet.push(*toc);
            if at < last {
                tell_length(rest.len(), &mut packet);
            }
            packet.extend_from_slice(rest);
        }
        packet
    }

    fn flush(&mut self, granule: u64, flags: u8, out: &mut Vec<u8>) {
        if !self.page.is_empty() {
            let page = std::mem::take(&mut self.page);
            self.numbering.write(&page, granule, flags, out);
        }
    }

    fn frame(&self) -> usize {
        self.rate as usize / 50
    }

    /// At the end of the last frame.
    fn position(&self) -> u64 {
        self.frames * GRANULES / 50
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ogg_opus::Writer({} × {} Hz, {:?})", self.voices.len(), self.rate, self.duration())
    }
}

/// RFC 6716 §3.2.1.
fn tell_length(length: usize, packet: &mut Vec<u8>) {
    if length < 252 {
        packet.push(length as u8);
    } else {
        packet.extend([252 + (length % 4) as u8, ((length - 252 - length % 4) / 4) as u8]);
    }
}

/// The two packets that come first, each on a page of its own. RFC 7845 §5.
fn head(rate: u32, channels: u8, numbering: &mut Numbering) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend_from_slice(&(PRE_SKIP as u16).to_le_bytes());
    head.extend_from_slice(&rate.to_le_bytes());
    head.extend_from_slice(&0_i16.to_le_bytes());
    if channels == 1 {
        head.push(0);
    } else {
        // Two streams, neither of them coupled: the first is on the left.
        head.extend_from_slice(&[1, 2, 0, 0, 1]);
    }
    let mut tags = b"OpusTags".to_vec();
    tags.extend_from_slice(&6_u32.to_le_bytes());
    tags.extend_from_slice(b"desvio");
    tags.extend_from_slice(&0_u32.to_le_bytes());
    let mut out = Vec::new();
    for (packet, flags) in [(head, ogg::FIRST), (tags, 0)] {
        let mut page = Page::default();
        page.push(&packet);
        numbering.write(&page, 0, flags, &mut out);
    }
    out
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OggError {
    #[error("not Opus in Ogg")]
    NotOpus,
    #[error("a file of {channels} streams cannot be played here, only one of mono or stereo")]
    Streams { channels: u8 },
    #[error("it lasts longer than {} minutes", LONGEST.as_secs() / 60)]
    TooLong,
}

/// Of a file that is read into memory whole.
const LONGEST: Duration = Duration::from_secs(3600);

/// The rate of what [`read`] gives.
pub const READ_RATE: u32 = 16_000;

/// The samples of a file at [`READ_RATE`]; stereo is mixed. A packet that cannot be decoded leaves a pause.
pub fn read(file: &[u8]) -> Result<Vec<i16>, OggError> {
    let mut decoder = opus::Decoder::at(READ_RATE);
    let (mut samples, mut count) = (Vec::new(), 0_u32);
    let (mut end, mut skipped, mut fault) = (0, 0, None);
    let mut decoded = [0; MAX_SAMPLES];
    ogg::packets(file, |packet, granule| {
        match count {
            0 => match skip_of(packet) {
                Ok(skip) => skipped = skip,
                Err(why) => fault = Some(why),
            },
            1 => {}
            _ if fault.is_none() => {
                let length = decoder.decode(packet, &mut decoded).unwrap_or(READ_RATE as usize / 50);
                samples.extend_from_slice(&decoded[..length]);
                end = granule;
                if samples.len() as u64 > LONGEST.as_secs() * u64::from(READ_RATE) {
                    fault = Some(OggError::TooLong);
                }
            }
            _ => {}
        }
        count = count.saturating_add(1);
    });
    match fault {
        Some(why) => Err(why),
        None if count == 0 => Err(OggError::NotOpus),
        None => Ok(between(samples, skipped, end)),
    }
}

fn between(mut samples: Vec<i16>, skipped: u64, end: u64) -> Vec<i16> {
    let place = |granule: u64| usize::try_from(granule / (GRANULES / u64::from(READ_RATE))).unwrap_or(usize::MAX);
    if end > 0 {
        samples.truncate(place(end));
    }
    samples.drain(..place(skipped).min(samples.len()));
    samples
}

fn skip_of(head: &[u8]) -> Result<u64, OggError> {
    let fixed: &[u8; 19] = head.first_chunk().filter(|head| head.starts_with(b"OpusHead")).ok_or(OggError::NotOpus)?;
    if fixed[18] != 0 {
        return Err(OggError::Streams { channels: fixed[9] });
    }
    Ok(u64::from(u16::from_le_bytes([fixed[10], fixed[11]])))
}

/// Of a file that a crash may have cut off: where its last whole page ends, and how long it lasts up to there.
pub fn measure(file: &[u8]) -> Result<(usize, Duration), OggError> {
    let mut skip = None;
    ogg::packets(file, |packet, _| {
        skip.get_or_insert_with(|| packet.first_chunk::<19>().map(|head| u16::from_le_bytes([head[10], head[11]])));
    });
    let skip = skip.flatten().ok_or(OggError::NotOpus)?;
    let last = ogg::pages(file).last().ok_or(OggError::NotOpus)?;
    let granules = last.granule.saturating_sub(u64::from(skip));
    Ok((last.end, Duration::from_micros(granules.saturating_mul(1_000_000) / GRANULES)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::level;

    /// A tone in each channel, for so many milliseconds.
    fn tones(rate: u32, hertz: &[f64], milliseconds: u32) -> Vec<i16> {
        let frames = 0..rate * milliseconds / 1_000;
        let frame = |n: u32| {
            hertz.iter().map(move |hertz| {
                let angle = f64::from(n) * hertz * std::f64::consts::TAU / f64::from(rate);
                (angle.sin() * 9_000.0) as i16
            })
        };
        frames.flat_map(frame).collect()
    }

    fn file(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let mut writer = Writer::new(rate, channels, 5);
        let mut file = writer.header().to_vec();
        // As the tape gets them: in pieces of some second.
        for piece in samples.chunks(rate as usize * usize::from(channels) * 9 / 10) {
            writer.samples(piece, &mut file);
        }
        writer.finish(&mut file);
        file
    }

    #[test]
    fn what_was_recorded_is_read_back_as_long_and_as_loud_and_at_its_place() {
        for rate in [8_000, 16_000] {
            // A second of silence, then a tone.
            let mut samples = vec![0; rate as usize];
            samples.extend(tones(rate, &[400.0], 1_505));
            let read = read(&file(rate, 1, &samples)).unwrap();
            assert_eq!(read.len(), 16 * 2_505, "{rate}");
            let begins = read.iter().position(|sample| sample.unsigned_abs() > 1_000).unwrap();
            assert!((15_900..16_120).contains(&begins), "{rate}: {begins}");
            let loud = level::mean(&read[20_000..36_000]);
            assert!((5_000..6_500).contains(&loud), "{rate}: {loud}");
        }
    }

    #[test]
    fn a_file_that_ends_anywhere_is_read_up_to_there() {
        let whole = file(8_000, 1, &tones(8_000, &[400.0], 3_000));
        let head = Writer::new(8_000, 1, 5).header().len();
        for end in (0..whole.len()).step_by(97) {
            match read(&whole[..end]) {
                Ok(samples) => assert!(samples.len() <= 48_000 && end >= head / 2, "{end}"),
                Err(why) => assert!(why == OggError::NotOpus && end < head, "{end}: {why}"),
            }
        }
        assert_eq!(measure(&whole).unwrap(), (whole.len(), Duration::from_secs(3)));
    }

    #[test]
    fn garbage_is_no_recording_and_does_no_harm() {
        assert_eq!(read(b"RIFF"), Err(OggError::NotOpus));
        assert_eq!(read(&[]), Err(OggError::NotOpus));
        let whole = file(8_000, 1, &tones(8_000, &[400.0], 500));
        for at in (0..whole.len()).step_by(11) {
            let mut changed = whole.clone();
            changed[at] = changed[at].wrapping_add(1);
            let _ = read(&changed);
            let _ = measure(&changed);
        }
    }

    #[test]
    fn two_sides_are_two_streams_and_only_their_length_is_read_here() {
        let whole = file(8_000, 2, &tones(8_000, &[400.0, 1_000.0], 2_000));
        assert_eq!(read(&whole), Err(OggError::Streams { channels: 2 }));
        assert_eq!(measure(&whole).unwrap(), (whole.len(), Duration::from_secs(2)));
    }

    #[test]
    fn a_recording_of_nothing_is_a_file_without_a_sound() {
        let empty = file(8_000, 1, &[]);
        assert_eq!(read(&empty), Ok(Vec::new()));
    }

    #[test]
    fn the_end_is_told_also_where_the_last_page_is_full() {
        for frames in 47..=51_usize {
            let whole = file(8_000, 1, &vec![0; 160 * frames]);
            assert_eq!(measure(&whole).unwrap().1, Duration::from_millis(20 * frames as u64), "{frames}");
            assert_eq!(ogg::pages(&whole).last().unwrap().flags, ogg::LAST, "{frames}");
        }
    }

    #[test]
    fn a_place_beyond_all_measure_does_no_harm() {
        for place in [0, 311, u64::MAX / 3, u64::MAX] {
            let (mut writer, mut file) = (Writer::new(8_000, 1, 5), Vec::new());
            file.extend_from_slice(writer.header());
            writer.samples(&[900; 800], &mut file);
            writer.flush(place, ogg::LAST, &mut file);
            let _ = measure(&file);
            assert!(read(&file).is_ok_and(|samples| samples.len() <= 16_000), "{place}");
        }
    }

    #[test]
    fn a_recording_takes_less_than_a_fifth_of_a_wav_file() {
        let whole = file(8_000, 1, &tones(8_000, &[400.0], 10_000));
        assert!(whole.len() < 160_000 / 5, "{}", whole.len());
    }

    /// Others read such files in `tests/over_the_wire/recordings.rs`.
    #[test]
    fn the_head_is_that_of_rfc_7845() {
        let writer = Writer::new(16_000, 2, 5);
        let mut packets = Vec::new();
        ogg::packets(writer.header(), |packet, granule| packets.push((packet.to_vec(), granule)));
        let head = [&b"OpusHead\x01\x02\x38\x01"[..], &16_000_u32.to_le_bytes(), &[0, 0, 1, 2, 0, 0, 1]].concat();
        assert_eq!(packets[0], (head, 0));
        assert!(packets[1].0.starts_with(b"OpusTags\x06\0\0\0desvio\0\0\0\0"));
    }
}
