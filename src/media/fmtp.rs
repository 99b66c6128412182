//! Format parameters (`a=fmtp`) of the codecs that have any: what the far side wants of what we send.
//!
//! Names without regard to case, one parameter from the next by `;`; what cannot be read is as if it were not said.

/// What a receiver of Opus asks for. RFC 7587 §6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusTerms {
    /// `useinbandfec`: each packet may carry a coarse copy of the one before.
    pub in_band_fec: bool,
    /// `usedtx`: silence need not be sent.
    pub discontinuous: bool,
    /// `cbr`: packets of one size.
    pub constant_bitrate: bool,
    /// `maxplaybackrate`: Hz that the far side can play; more is wasted. 8000 to 48000.
    pub max_playback_rate: u32,
    /// `maxaveragebitrate`: bit/s, 6000 to 510000. `None`: nothing said.
    pub max_average_bitrate: Option<u32>,
}

impl Default for OpusTerms {
    /// What holds where nothing is said.
    fn default() -> OpusTerms {
        OpusTerms {
            in_band_fec: false,
            discontinuous: false,
            constant_bitrate: false,
            max_playback_rate: 48_000,
            max_average_bitrate: None,
        }
    }
}

impl OpusTerms {
    /// Reads the parameters of an `a=fmtp` line.
    pub fn read(parameters: &str) -> OpusTerms {
        let number = |name: &str| parameter(parameters, name).and_then(|value| value.parse::<u32>().ok());
        OpusTerms {
            in_band_fec: number("useinbandfec") == Some(1),
            discontinuous: number("usedtx") == Some(1),
            constant_bitrate: number("cbr") == Some(1),
            max_playback_rate: number("maxplaybackrate").map_or(48_000, |rate| rate.clamp(8_000, 48_000)),
            max_average_bitrate: number("maxaveragebitrate").map(|rate| rate.clamp(6_000, 510_000)),
        }
    }
}

/// The value of `name=value` among `a=1; b=2`.
pub fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.trim(), value.trim()))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|found| found.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wishes_of_a_browser_are_read() {
        let terms = OpusTerms::read("minptime=10;useinbandfec=1");
        assert_eq!(terms, OpusTerms { in_band_fec: true, ..OpusTerms::default() });
        let terms = OpusTerms::read("MaxPlaybackRate=16000; usedtx=1 ;cbr=1;maxaveragebitrate=20000;stereo=1");
        let expected = OpusTerms {
            in_band_fec: false,
            discontinuous: true,
            constant_bitrate: true,
            max_playback_rate: 16_000,
            max_average_bitrate: Some(20_000),
        };
        assert_eq!(terms, expected);
    }

    #[test]
    fn nonsense_says_nothing_and_sizes_stay_within_the_rfc() {
        assert_eq!(OpusTerms::read(";;=;usedtx;useinbandfec=yes;cbr=-1"), OpusTerms::default());
        let terms = OpusTerms::read("maxplaybackrate=1;maxaveragebitrate=4294967295");
        assert_eq!((terms.max_playback_rate, terms.max_average_bitrate), (8_000, Some(510_000)));
    }
}
