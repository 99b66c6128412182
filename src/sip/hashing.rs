//! The arithmetic of digest authentication. RFC 7616 §3.4, RFC 8760, and RFC 2617 where a phone is older.

use std::fmt;

use md5::Digest;
use md5::Md5;
use serde::Deserialize;
use sha2::Sha256;
use sha2::Sha512_256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "md5")]
    Md5,
    #[serde(rename = "sha-256")]
    Sha256,
    #[serde(rename = "sha-512-256")]
    Sha512_256,
}

/// The longest hash that we know, in octets.
pub(super) const LONGEST_HASH: usize = 32;

/// A hash in lower-case hexadecimal, as it stands in messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex {
    digits: [u8; LONGEST_HASH * 2],
    length: usize,
}

impl Hex {
    /// Of at most [`LONGEST_HASH`] octets.
    pub(super) fn of(octets: &[u8]) -> Hex {
        let mut digits = [0; LONGEST_HASH * 2];
        for (pair, octet) in digits.chunks_exact_mut(2).zip(octets) {
            pair[0] = DIGITS[usize::from(octet >> 4)];
            pair[1] = DIGITS[usize::from(octet & 15)];
        }
        Hex { digits, length: octets.len().min(LONGEST_HASH) * 2 }
    }

    /// Reads what an operator stored, in any case; none if it is no hash of this kind.
    pub(super) fn parse(text: &str, algorithm: Algorithm) -> Option<Hex> {
        let text = text.trim_ascii();
        let fits = text.len() == algorithm.octets() * 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        fits.then(|| {
            let mut digits = [0; LONGEST_HASH * 2];
            digits[..text.len()].copy_from_slice(text.as_bytes());
            digits.make_ascii_lowercase();
            Hex { digits, length: text.len() }
        })
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("hexadecimal is ASCII")
    }

    /// The hash itself; none if it is not so long.
    pub(super) fn octets<const N: usize>(&self) -> Option<[u8; N]> {
        let value = |digit: u8| char::from(digit).to_digit(16).map_or(0, |value| value as u8);
        let mut octets = [0; N];
        for (octet, pair) in octets.iter_mut().zip(self.as_bytes().chunks_exact(2)) {
            *octet = value(pair[0]) << 4 | value(pair[1]);
        }
        (self.length == N * 2).then_some(octets)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.length]
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl fmt::Display for Hex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Never shown by accident: an HA1 is as good as a password.
impl fmt::Debug for Hex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hex(…)")
    }
}

impl Algorithm {
    pub(super) const ALL: [Algorithm; 3] = [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256];

    /// Absent means MD5. RFC 7616 §3.4.
    pub(super) fn from_text(text: Option<&str>) -> Option<Algorithm> {
        let Some(text) = text else {
            return Some(Algorithm::Md5);
        };
        Algorithm::ALL.into_iter().find(|algorithm| text.eq_ignore_ascii_case(algorithm.as_str()))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    fn octets(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha256 | Algorithm::Sha512_256 => 32,
        }
    }

    /// The hash of the parts with colons between.
    pub(super) fn hash(self, parts: &[&[u8]]) -> Hex {
        #[cfg(test)]
        count::one();
        match self {
            Algorithm::Md5 => joined::<Md5>(parts),
            Algorithm::Sha256 => joined::<Sha256>(parts),
            Algorithm::Sha512_256 => joined::<Sha512_256>(parts),
        }
    }

    /// HA1, from which every proof is made: what may be stored instead of a password. RFC 7616 §3.4.2.
    pub fn ha1(self, username: &str, realm: &str, password: &str) -> Hex {
        self.hash(&[username.as_bytes(), realm.as_bytes(), password.as_bytes()])
    }

    /// HA1 of the `-sess` variants, good for one nonce of either side. RFC 7616 §3.4.2.
    pub(super) fn ha1_of_session(self, ha1: &Hex, nonce: &str, cnonce: &str) -> Hex {
        self.hash(&[ha1.as_bytes(), nonce.as_bytes(), cnonce.as_bytes()])
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> Hex {
    let mut hasher = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    Hex::of(&hasher.finalize())
}

/// How many hashes a test has caused: the cost that a stranger could measure.
#[cfg(test)]
pub(super) mod count {
    use std::cell::Cell;

    thread_local! {
        static HASHES: Cell<u32> = const { Cell::new(0) };
    }

    pub(super) fn one() {
        HASHES.set(HASHES.get() + 1);
    }

    /// Those of `act`.
    pub(in crate::sip) fn of<T>(act: impl FnOnce() -> T) -> (T, u32) {
        let before = HASHES.get();
        let result = act();
        (result, HASHES.get() - before)
    }
}

/// Everything besides HA1 that a proof covers.
pub(super) struct Covered<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) nonce: &'a str,
    pub(super) protection: Protection<'a>,
    pub(super) method: &'a str,
    /// The Request-URI as the client wrote it into its proof.
    pub(super) uri: &'a str,
    pub(super) body: &'a [u8],
}

/// `qop`: what the proof covers besides method and URI.
#[derive(Clone, Copy)]
pub(super) enum Protection<'a> {
    /// RFC 2617 §3.2.2.1, without `qop`: neither count nor nonce of the client.
    Legacy,
    Auth(Counted<'a>),
    /// The body too.
    AuthInt(Counted<'a>),
}

#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    /// Eight hexadecimal digits.
    pub(super) nc: &'a str,
    pub(super) cnonce: &'a str,
}

impl Covered<'_> {
    /// The value of `response`. RFC 7616 §3.4.1.
    pub(super) fn proof(&self, ha1: &Hex) -> Hex {
        let ha2 = self.ha2();
        let (counted, qop) = match self.protection {
            Protection::Legacy => {
                return self.algorithm.hash(&[ha1.as_bytes(), self.nonce.as_bytes(), ha2.as_bytes()]);
            }
            Protection::Auth(counted) => (counted, "auth"),
            Protection::AuthInt(counted) => (counted, "auth-int"),
        };
        let parts = [ha1.as_str(), self.nonce, counted.nc, counted.cnonce, qop, ha2.as_str()];
        self.algorithm.hash(&parts.map(str::as_bytes))
    }

    fn ha2(&self) -> Hex {
        let (method, uri) = (self.method.as_bytes(), self.uri.as_bytes());
        match self.protection {
            Protection::AuthInt(_) => {
                let body = self.algorithm.hash(&[self.body]);
                self.algorithm.hash(&[method, uri, body.as_bytes()])
            }
            Protection::Legacy | Protection::Auth(_) => self.algorithm.hash(&[method, uri]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc() {
        let covered = |algorithm| Covered {
            algorithm,
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            protection: Protection::Auth(Counted {
                nc: "00000001",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            }),
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
        };
        let proof = |algorithm: Algorithm| {
            covered(algorithm).proof(&algorithm.ha1("Mufasa", "http-auth@example.org", "Circle of Life")).to_string()
        };
        assert_eq!(proof(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(proof(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    /// RFC 2617 §3.5, computed without `qop`.
    #[test]
    fn the_legacy_form() {
        let covered = Covered {
            algorithm: Algorithm::Md5,
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            protection: Protection::Legacy,
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
        };
        let ha1 = Algorithm::Md5.ha1("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(ha1.as_str(), "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(covered.proof(&ha1).as_str(), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn a_stored_hash_is_read_in_any_case_and_nothing_else_is() {
        let ha1 = Algorithm::Md5.ha1("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(Hex::parse(&ha1.to_string().to_uppercase(), Algorithm::Md5), Some(ha1));
        assert_eq!(ha1.octets::<16>().map(|octets| Hex::of(&octets)), Some(ha1));
        assert_eq!(ha1.octets::<32>(), None);
        assert_eq!(Hex::parse(ha1.as_str(), Algorithm::Sha256), None);
        assert_eq!(Hex::parse(&"z".repeat(32), Algorithm::Md5), None);
    }

    /// RFC 7616 §3.9.2 is wrong by its errata; this is FIPS 180-4's own example of SHA-512/256.
    #[test]
    fn sha_512_256_is_the_truncated_one_with_its_own_start() {
        let hash = Algorithm::Sha512_256.hash(&[b"abc"]);
        assert_eq!(hash.as_str(), "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
    }

    /// RFC 2617 §3.2.2.2, by hand.
    #[test]
    fn a_session_binds_both_nonces() {
        let ha1 = Algorithm::Md5.ha1("u", "r", "p");
        let by_hand = Algorithm::Md5.hash(&[ha1.as_bytes(), b"n", b"c"]);
        assert_eq!(Algorithm::Md5.ha1_of_session(&ha1, "n", "c"), by_hand);
    }
}
