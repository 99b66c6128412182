//! The little that we read of a certificate ourselves: until when it holds, and for which names.
//!
//! Whether it is genuine is decided by the TLS library. This is DER (X.690) as far as RFC 5280 §4.1 needs it; what is not
//! understood is no certificate.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What stands in one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// Host names in lower case; the first label may be `*`.
    pub(super) hosts: Vec<String>,
    /// Hosts of `sip:` and `sips:` URIs without a user, in lower case. RFC 5922 §7.1.
    pub(super) sip_hosts: Vec<String>,
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// Within a `GeneralName`.
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
/// 2.5.29.17
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

impl Facts {
    pub(super) fn read(der: &[u8]) -> Option<Facts> {
        let mut certificate = Reader(Reader(der).take(SEQUENCE)?);
        let mut fields = Reader(certificate.take(SEQUENCE)?);
        fields.skip(VERSION);
        fields.take(INTEGER)?;
        let (_algorithm, _issuer) = (fields.take(SEQUENCE)?, fields.take(SEQUENCE)?);
        let mut validity = Reader(fields.take(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let mut facts = Facts { not_before, not_after, hosts: Vec::new(), sip_hosts: Vec::new() };
        let (_subject, _key) = (fields.take(SEQUENCE)?, fields.take(SEQUENCE)?);
        while let Some((tag, content)) = fields.next() {
            if tag == EXTENSIONS {
                facts.take_names(Reader(Reader(content).take(SEQUENCE)?))?;
            }
        }
        Some(facts)
    }

    fn take_names(&mut self, mut extensions: Reader<'_>) -> Option<()> {
        while let Some((_, extension)) = extensions.next() {
            let mut extension = Reader(extension);
            if extension.take(OBJECT)? != SUBJECT_ALT_NAME {
                continue;
            }
            while let Some((tag, content)) = extension.next() {
                if tag == OCTET_STRING {
                    self.take_subject(Reader(Reader(content).take(SEQUENCE)?));
                }
            }
        }
        Some(())
    }

    fn take_subject(&mut self, mut names: Reader<'_>) {
        while let Some((tag, content)) = names.next() {
            let Ok(text) = std::str::from_utf8(content) else { continue };
            match tag {
                DNS_NAME => self.hosts.push(text.to_ascii_lowercase()),
                URI => self.sip_hosts.extend(sip_host(text)),
                _ => {}
            }
        }
    }

    /// Everything that the certificate may be called by.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().chain(&self.sip_hosts).map(String::as_str)
    }

    /// Whether a client that asks for this host may be shown this certificate.
    pub(super) fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let behind_star = |name: &str| {
            let (label, rest) = host.split_once('.').unwrap_or_default();
            !label.is_empty() && name.strip_prefix("*.") == Some(rest)
        };
        self.names().any(|name| name == host || behind_star(name))
    }
}

/// RFC 5922 §7.1: a URI with a user names a person and not a domain.
fn sip_host(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
    let host = rest.split([';', '?', ':']).next().unwrap_or_default();
    (is_sip && !host.is_empty() && !rest.contains('@')).then(|| host.to_ascii_lowercase())
}

/// Elements of DER, one behind the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Tag and content of the next element.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match usize::from(*first) {
            short @ 0..=0x7f => (short, rest),
            long => {
                let (digits, rest) = rest.split_at_checked(long & 0x7f)?;
                let fits = (1..=4).contains(&digits.len());
                let length = digits.iter().fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
                (usize::try_from(length).ok().filter(|_| fits)?, rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn take(&mut self, expected: u8) -> Option<&'a [u8]> {
        let (tag, content) = self.next()?;
        (tag == expected).then_some(content)
    }

    /// Leaves out an element that need not be there.
    fn skip(&mut self, optional: u8) {
        if self.0.first() == Some(&optional) {
            self.next();
        }
    }

    /// RFC 5280 §4.1.2.5: seconds are always there, and the zone is always Z.
    fn time(&mut self) -> Option<Timestamp> {
        let (tag, content) = self.next()?;
        let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
        let (year, rest) = match tag {
            UTC_TIME => {
                let (year, rest) = text.split_at_checked(2)?;
                let year: i16 = year.parse().ok()?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERALIZED_TIME => {
                let (year, rest) = text.split_at_checked(4)?;
                (year.parse().ok()?, rest)
            }
            _ => return None,
        };
        let part = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
        let moment = DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
        Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::CertificateParams;
    use rcgen::KeyPair;
    use rcgen::SanType;

    use super::*;

    fn made(names: &[&str], uris: &[&str]) -> Vec<u8> {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        params.not_before = rcgen::date_time_ymd(2020, 2, 29);
        params.not_after = rcgen::date_time_ymd(2051, 12, 31);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn names_and_dates_are_read() {
        let der =
            made(&["SIP.example.com", "*.wild.example"], &["sip:example.com", "sip:ana@example.com", "https://x"]);
        let facts = Facts::read(&der).unwrap();
        assert_eq!(facts.not_before.to_string(), "2020-02-29T00:00:00Z");
        assert_eq!(facts.not_after.to_string(), "2051-12-31T00:00:00Z");
        assert_eq!(facts.hosts, ["sip.example.com", "*.wild.example"]);
        assert_eq!(facts.sip_hosts, ["example.com"]);
        assert!(facts.covers("sip.EXAMPLE.com.") && facts.covers("a.wild.example") && facts.covers("example.com"));
        assert!(!facts.covers("wild.example") && !facts.covers("a.b.wild.example") && !facts.covers("other.example"));
    }

    #[test]
    fn what_is_cut_or_bent_is_no_certificate_and_no_panic() {
        let der = made(&["a.example"], &["sip:a.example"]);
        for end in 0..der.len() {
            assert_eq!(Facts::read(&der[..end]), None, "{end}");
        }
        let mut dice = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut bent = der.clone();
            for _ in 0..dice.usize(1..5) {
                let at = dice.usize(..bent.len());
                bent[at] = dice.u8(..);
            }
            let _ = Facts::read(&bent);
        }
    }
}
