//! What recordings are kept in: WAV, or Opus in Ogg, told apart by the file's name.
//!
//! Bytes only; files are [`crate::io`]'s.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::media::ogg_opus;
use crate::media::wav;
use crate::media::wav::Encoding;

/// `[recording]`: how calls, conferences and voicemails are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `wav`, or `opus`: a fifth to an eighth of its size, for some processor time. Default: wav.
    pub format: Format,
}

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 16 bit.
    #[default]
    Wav,
    /// RFC 7845.
    Opus,
}

impl Format {
    /// What a file's name says; what is not Opus is WAV.
    pub fn of(file: &Path) -> Format {
        let opus = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("opus"));
        if opus { Format::Opus } else { Format::Wav }
    }

    /// With which a file's name ends.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Wav => "wav",
            Format::Opus => "opus",
        }
    }

    /// For `Content-Type`. RFC 7845 §9.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Wav => "audio/wav",
            Format::Opus => "audio/ogg; codecs=opus",
        }
    }
}

/// The bytes of a recording as it grows.
///
/// Write [`Writer::header`] at offset 0, append what [`Writer::samples`] and in the end [`Writer::finish`] put into a buffer, and write
/// the header over itself from time to time: it is as long as before. A crash leaves a file that players read.
#[derive(Debug)]
pub enum Writer {
    Wav(wav::Writer),
    Opus(Box<ogg_opus::Writer>),
}

impl Writer {
    /// `rate`: 8000 or 16000 Hz. `serial` tells streams of Ogg apart.
    pub fn new(format: Format, rate: u32, channels: u16, serial: u32) -> Writer {
        match format {
            Format::Wav => Writer::Wav(wav::Writer::new(Encoding::Linear16, rate).with_channels(channels)),
            Format::Opus => Writer::Opus(Box::new(ogg_opus::Writer::new(rate, channels, serial))),
        }
    }

    pub fn header(&self) -> Vec<u8> {
        match self {
            Writer::Wav(writer) => writer.header().to_vec(),
            Writer::Opus(writer) => writer.header().to_vec(),
        }
    }

    /// Of all channels in turn.
    pub fn samples(&mut self, samples: &[i16], buffer: &mut Vec<u8>) {
        match self {
            Writer::Wav(writer) => writer.samples(samples, buffer),
            Writer::Opus(writer) => writer.samples(samples, buffer),
        }
    }

    /// Nothing comes any more.
    pub fn finish(&mut self, buffer: &mut Vec<u8>) {
        if let Writer::Opus(writer) = self {
            writer.finish(buffer);
        }
    }

    pub fn duration(&self) -> Duration {
        match self {
            Writer::Wav(writer) => writer.duration(),
            Writer::Opus(writer) => writer.duration(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_what_it_is() {
        for (name, format) in
            [("a.wav", Format::Wav), ("a.OPUS", Format::Opus), ("opus", Format::Wav), ("", Format::Wav)]
        {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
        for format in [Format::Wav, Format::Opus] {
            assert_eq!(Format::of(&Path::new("a").with_extension(format.extension())), format);
        }
    }

    #[test]
    fn the_section_takes_the_two_formats_and_no_other() {
        assert_eq!(toml::from_str::<Config>("").unwrap().format, Format::Wav);
        assert_eq!(toml::from_str::<Config>("format = \"opus\"").unwrap().format, Format::Opus);
        for text in ["format = \"mp3\"", "codec = \"opus\""] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }
}
