//! The arithmetic of digest authentication. RFC 7616 §3.4, and RFC 2617 where a phone is older.

use md5::Digest;
use md5::Md5;
use sha2::Sha256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    /// Absent means MD5. RFC 7616 §3.4.
    pub(super) fn from_text(text: Option<&str>) -> Option<Algorithm> {
        match text {
            None => Some(Algorithm::Md5),
            Some(text) if text.eq_ignore_ascii_case("MD5") => Some(Algorithm::Md5),
            Some(text) if text.eq_ignore_ascii_case("SHA-256") => Some(Algorithm::Sha256),
            Some(_) => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// The hash of the parts with colons between, in lower-case hexadecimal.
    fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            Algorithm::Md5 => joined::<Md5>(parts),
            Algorithm::Sha256 => joined::<Sha256>(parts),
        }
    }

    /// HA1, from which every proof is made: what may be stored instead of a password. RFC 7616 §3.4.2.
    pub fn ha1(self, username: &str, realm: &str, password: &str) -> String {
        self.hash(&[username.as_bytes(), realm.as_bytes(), password.as_bytes()])
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hasher = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
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
    pub(super) fn proof(&self, ha1: &str) -> String {
        let ha2 = self.ha2();
        let (counted, qop) = match self.protection {
            Protection::Legacy => {
                return self.algorithm.hash(&[ha1.as_bytes(), self.nonce.as_bytes(), ha2.as_bytes()]);
            }
            Protection::Auth(counted) => (counted, "auth"),
            Protection::AuthInt(counted) => (counted, "auth-int"),
        };
        let parts = [ha1, self.nonce, counted.nc, counted.cnonce, qop, &ha2];
        self.algorithm.hash(&parts.map(str::as_bytes))
    }

    fn ha2(&self) -> String {
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
            covered(algorithm).proof(&algorithm.ha1("Mufasa", "http-auth@example.org", "Circle of Life"))
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
        assert_eq!(ha1, "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(covered.proof(&ha1), "670fd8c2df070c60b045671b8b24ff02");
    }
}
