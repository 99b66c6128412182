//! Until when a certificate is valid: the few bytes of DER (X.690) that lead there, and no more.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
/// `[0]`, the version of a certificate; absent in version 1.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// RFC 5280 §4.1: Certificate → TBSCertificate → version, serialNumber, signature, issuer, validity.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate, _) = element(certificate)?;
    let (_, to_be_signed, _) = element(certificate)?;
    let (tag, _, after_version) = element(to_be_signed)?;
    let mut rest = if tag == VERSION { after_version } else { to_be_signed };
    for _serial_signature_issuer in 0..3 {
        (_, _, rest) = element(rest)?;
    }
    let (tag, validity, _) = element(rest)?;
    if tag != SEQUENCE {
        return None;
    }
    let (_, _, not_after) = element(validity)?;
    let (tag, time, _) = element(not_after)?;
    moment(tag, std::str::from_utf8(time).ok()?)
}

/// Tag, content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// RFC 5280 §4.1.2.5: in UTC, with seconds; two digits of a year below 50 are of this century.
fn moment(tag: u8, text: &str) -> Option<Timestamp> {
    let full = match tag {
        UTC_TIME if text.get(..2)?.parse::<u8>().ok()? < 50 => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", full).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        for (year, expected) in [(2031, "2031-05-17T00:00:00Z"), (2077, "2077-05-17T00:00:00Z")] {
            params.not_after = rcgen::date_time_ymd(year, 5, 17);
            let made = params.clone().self_signed(&key).unwrap();
            assert_eq!(not_after(made.der()), Some(expected.parse().unwrap()));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_as_a_certificate_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = not_after(&bytes);
        }

        #[test]
        fn a_certificate_that_was_cut_or_changed_is_survived(at in 0..300usize, to in any::<u8>()) {
            static MADE: LazyLock<Vec<u8>> = LazyLock::new(|| {
                let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
                made.cert.der().to_vec()
            });
            let mut bytes = MADE.clone();
            let at = at % bytes.len();
            bytes[at] = to;
            let _ = not_after(&bytes);
            let _ = not_after(&bytes[..at]);
        }
    }
}
