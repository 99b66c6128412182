//! `a=crypto`, the keys that stand in the description itself. RFC 4568.
//!
//! A line that says something we do not do is as if it were not there: an unknown suite, a session parameter that
//! changes how packets are protected.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::engine::general_purpose::STANDARD;

use crate::media::sdp::Attribute;
use crate::media::sdp::Media;
use crate::media::security::Mark;
use crate::media::security::MasterKey;
use crate::media::security::Suite;

/// One usable line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crypto {
    pub(super) tag: u32,
    pub(super) suite: Suite,
    pub(super) key: MasterKey,
    /// What packets under this key carry.
    pub(super) mark: Option<Mark>,
    /// Further keys, each with a mark as long as that one.
    pub(super) more: Vec<(Mark, MasterKey)>,
}

/// More keys than these in one line are not taken.
const MOST_KEYS: usize = 4;

/// What we offer. The other suites are taken where somebody offers them; each line costs an INVITE some 90 of the 1,300
/// octets that UDP carries (RFC 3261 §18.1.1), and no device is known that has one of those but neither of these.
pub(super) const OFFERED: [Suite; 2] = [Suite::AeadAes256Gcm, Suite::AesCm128HmacSha1Tag80];

/// The usable lines of a media line, in their order.
pub(super) fn lines(media: &Media) -> impl Iterator<Item = Crypto> {
    media.crypto().filter_map(Crypto::read)
}

/// The safest usable line; of equals the first.
pub(super) fn safest(media: &Media) -> Option<Crypto> {
    lines(media).min_by_key(|line| line.suite)
}

impl Crypto {
    /// `1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31|1:4;inline:KEY|2^31|2:4`.
    fn read(text: &str) -> Option<Crypto> {
        let mut words = text.split_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= 9)?.parse().ok()?;
        let suite = read_suite(words.next()?)?;
        let (key, mark, more) = read_keys(suite, words.next()?)?;
        words.all(is_harmless).then_some(Crypto { tag, suite, key, mark, more })
    }

    pub(super) fn attribute(&self) -> Attribute {
        let key = STANDARD.encode(self.key.material());
        let mark = self.mark.map(|mark| format!("|2^31|{}:{}", mark.number(), mark.octets().len())).unwrap_or_default();
        Attribute::with_value("crypto", format_args!("{} {} inline:{key}{mark}", self.tag, self.suite.name()))
    }
}

fn read_suite(name: &str) -> Option<Suite> {
    // As Linphone wrote it before RFC 6188's name was known to it.
    let name = if name.eq_ignore_ascii_case("AES_CM_256_HMAC_SHA1_80") { "AES_256_CM_HMAC_SHA1_80" } else { name };
    Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
}

type Keys = (MasterKey, Option<Mark>, Vec<(Mark, MasterKey)>);

/// Of several keys each has a mark, all as long and no two the same. RFC 4568 §6.1.
fn read_keys(suite: Suite, text: &str) -> Option<Keys> {
    let keys: Option<Vec<_>> = text.split(';').take(MOST_KEYS + 1).map(|text| read_key(suite, text)).collect();
    let keys = keys.filter(|keys| keys.len() <= MOST_KEYS)?;
    let (key, mark) = *keys.first()?;
    let more: Option<Vec<_>> = keys[1..].iter().map(|(key, mark)| Some(((*mark)?, *key))).collect();
    let more = more?;
    let marks: Vec<Mark> = mark.into_iter().chain(more.iter().map(|(mark, _)| *mark)).collect();
    let alike = marks.iter().all(|mark| mark.octets().len() == marks[0].octets().len());
    let differ = (1..marks.len()).all(|at| !marks[..at].contains(&marks[at]));
    let marked = more.is_empty() || mark.is_some();
    (alike && differ && marked).then_some((key, mark, more))
}

/// `inline:KEY`, with or without a lifetime and a mark.
fn read_key(suite: Suite, text: &str) -> Option<(MasterKey, Option<Mark>)> {
    let (method, parameters) = text.split_once(':')?;
    let mut parts = parameters.split('|').peekable();
    let key = MasterKey::new(suite, &BASE64.decode(parts.next()?).ok()?)?;
    // Not as RFC 4568 §6.1: the lifetime is read and not kept. The shortest that devices ask for outlasts any call.
    parts.next_if(|text| is_lifetime(text));
    let mark = match parts.next() {
        Some(text) => Some(read_mark(text)?),
        None => None,
    };
    (method.eq_ignore_ascii_case("inline") && parts.next().is_none()).then_some((key, mark))
}

/// `1:4`: the number, and in how many octets packets carry it.
fn read_mark(text: &str) -> Option<Mark> {
    let (number, length) = text.split_once(':')?;
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    Mark::new(number.parse().ok()?, length.parse().ok()?).filter(|_| digits(number) && digits(length))
}

/// `2^31` or a decimal number.
fn is_lifetime(text: &str) -> bool {
    let digits = text.strip_prefix("2^").unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit())
}

/// A size that the far side suggests for our replay window, or what its sender says may be passed over. RFC 4568 §6.3.7, §6.3.8.
fn is_harmless(parameter: &str) -> bool {
    parameter.starts_with('-') || parameter.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("WSH="))
}

/// Some devices leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4568 §6.1's own example.
    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn read(text: &str) -> Option<Crypto> {
        Crypto::read(&text.replace("KEY", KEY))
    }

    #[test]
    fn lines_of_real_devices_are_read() {
        for line in [
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20",
            "2 AES_CM_128_HMAC_SHA1_32 inline:KEY|1048576",
            "900000000 aes_cm_128_hmac_sha1_80 INLINE:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY WSH=128 -fancy",
        ] {
            assert_eq!(read(line).unwrap().key.material(), b"YS___semctl () {\t220;}\n}\nunles", "{line}");
        }
        let long = format!("3 AES_CM_256_HMAC_SHA1_80 inline:{}", STANDARD.encode([5; 46]).trim_end_matches('='));
        assert_eq!(read(&long).unwrap().suite, Suite::AesCm256HmacSha1Tag80);
    }

    #[test]
    fn a_line_that_asks_for_more_than_we_do_is_not_taken() {
        for line in [
            "",
            "1",
            "x AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "1234567890 AES_CM_128_HMAC_SHA1_80 inline:KEY",
            "1 F8_128_HMAC_SHA1_80 inline:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:9",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|256:1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|+1:1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4|2:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY;inline:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY;inline:KEY|2^20|1:1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:1;inline:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:1;inline:KEY|1:1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:1;inline:KEY|2:4",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1:1;inline:KEY|2:1;inline:KEY|3:1;inline:KEY|4:1;inline:KEY|5:1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEYAAAA",
            "1 AES_CM_128_HMAC_SHA1_80 uri:KEY",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTP",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY KDR=1",
            "1 AES_CM_128_HMAC_SHA1_80 inline:KEY é",
            "1 AEAD_AES_256_GCM inline:KEY",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_key_may_have_a_mark_and_several_keys_must() {
        let line = read("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4").unwrap();
        assert_eq!((line.mark, line.more.len()), (Mark::new(1, 4), 0));
        assert_eq!(read("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|7:1").unwrap().mark, Mark::new(7, 1));
        let line = read("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:2;inline:KEY|2^20|258:2").unwrap();
        assert_eq!((line.mark, line.more[0].0), (Mark::new(1, 2), Mark::new(258, 2).unwrap()));
    }

    #[test]
    fn a_line_is_read_as_it_is_written() {
        for suite in Suite::ALL {
            for mark in [None, Mark::new(513, 4)] {
                let key = MasterKey::new(suite, &[0xEE; 46][..suite.master_octets()]).unwrap();
                let line = Crypto { tag: 4, suite, key, mark, more: Vec::new() };
                assert_eq!(read(line.attribute().value.as_deref().unwrap()), Some(line));
            }
        }
    }
}
