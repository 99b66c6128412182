//! How a stream's packets are protected: the terms that an offer and its answer agreed on.
//!
//! Terms only: ciphers, handshakes and connectivity checks are the pump's. Keys and passwords travel through here on their
//! way to it, and no `Debug` shows them; journals and logs may print a whole stream.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// How a stream's packets are protected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Security {
    #[default]
    Plain,
    /// The keys stood in the descriptions themselves. RFC 4568.
    Sdes(Box<SdesKeys>),
    /// The keys come out of a handshake on the media's own path. RFC 5764.
    Dtls(Box<Dtls>),
}

impl Security {
    pub fn is_plain(&self) -> bool {
        *self == Security::Plain
    }

    /// As records and logs name it: `none`, the suite's name, or `DTLS-SRTP`, whose suite is known after the handshake.
    pub fn name(&self) -> &'static str {
        match self {
            Security::Plain => "none",
            Security::Sdes(keys) => keys.suite.name(),
            Security::Dtls(_) => "DTLS-SRTP",
        }
    }
}

/// A cipher, its key length and its authentication tag. RFC 4568 §6.2, RFC 6188, RFC 7714.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    AeadAes256Gcm,
    AeadAes128Gcm,
    AesCm256HmacSha1Tag80,
    AesCm128HmacSha1Tag80,
    AesCm128HmacSha1Tag32,
}

impl Suite {
    /// The safest first.
    pub const ALL: [Suite; 5] = [
        Suite::AeadAes256Gcm,
        Suite::AeadAes128Gcm,
        Suite::AesCm256HmacSha1Tag80,
        Suite::AesCm128HmacSha1Tag80,
        Suite::AesCm128HmacSha1Tag32,
    ];

    /// The name in `a=crypto`.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Suite::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Suite::AesCm256HmacSha1Tag80 => "AES_256_CM_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128HmacSha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// Octets of the master key.
    pub fn key_octets(self) -> usize {
        match self {
            Suite::AeadAes256Gcm | Suite::AesCm256HmacSha1Tag80 => 32,
            Suite::AeadAes128Gcm | Suite::AesCm128HmacSha1Tag80 | Suite::AesCm128HmacSha1Tag32 => 16,
        }
    }

    /// Octets of the master salt.
    pub fn salt_octets(self) -> usize {
        match self {
            Suite::AeadAes256Gcm | Suite::AeadAes128Gcm => 12,
            Suite::AesCm256HmacSha1Tag80 | Suite::AesCm128HmacSha1Tag80 | Suite::AesCm128HmacSha1Tag32 => 14,
        }
    }

    /// Octets of key and salt together, as `inline:` carries them.
    pub fn master_octets(self) -> usize {
        self.key_octets() + self.salt_octets()
    }
}

/// A master key and its salt. RFC 3711 §3.2.1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey {
    octets: [u8; MasterKey::MAX],
    suite: Suite,
}

impl MasterKey {
    /// Octets of the longest key with its salt.
    pub const MAX: usize = 46;

    /// Key and then salt; `None` when there are more or fewer octets than the suite has.
    pub fn new(suite: Suite, material: &[u8]) -> Option<MasterKey> {
        if material.len() != suite.master_octets() {
            return None;
        }
        let mut octets = [0; MasterKey::MAX];
        octets[..material.len()].copy_from_slice(material);
        Some(MasterKey { octets, suite })
    }

    pub fn key(&self) -> &[u8] {
        &self.octets[..self.suite.key_octets()]
    }

    pub fn salt(&self) -> &[u8] {
        &self.octets[self.suite.key_octets()..self.suite.master_octets()]
    }

    /// Key and salt.
    pub fn material(&self) -> &[u8] {
        &self.octets[..self.suite.master_octets()]
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// What two `a=crypto` lines agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdesKeys {
    pub suite: Suite,
    /// Of what we send.
    pub ours: MasterKey,
    /// Of what we get.
    pub theirs: MasterKey,
    pub marks: Marks,
}

/// The master key identifiers (MKI) of an agreement: none where packets do not say under which key they are. RFC 4568 §6.1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    pub ours: Option<Mark>,
    pub theirs: Option<Mark>,
    /// Further keys that the far side may send under.
    pub more: Vec<(Mark, MasterKey)>,
}

/// A master key identifier, as packets carry it. RFC 3711 §3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    octets: [u8; Mark::MAX],
    length: usize,
}

impl Mark {
    /// RFC 4568 allows 128 octets; no device is known that has more than 4.
    pub const MAX: usize = 8;

    /// `None` for a number that does not fit into so many octets, or more octets than are taken.
    pub fn new(number: u64, length: usize) -> Option<Mark> {
        let fits = (1..=Mark::MAX).contains(&length) && (length == Mark::MAX || number >> (8 * length) == 0);
        fits.then(|| {
            let mut octets = [0; Mark::MAX];
            octets[..length].copy_from_slice(&number.to_be_bytes()[Mark::MAX - length..]);
            Mark { octets, length }
        })
    }

    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    pub fn number(&self) -> u64 {
        self.octets().iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
    }
}

/// What `a=setup` and `a=fingerprint` agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dtls {
    /// Ours.
    pub role: DtlsRole,
    /// Of the far side's certificate; ours is the pump's.
    pub fingerprint: Fingerprint,
}

/// Who begins the handshake. RFC 5763 §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsRole {
    /// Sends the ClientHello.
    Active,
    Passive,
}

/// The hash of a certificate. RFC 8122 §5.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    pub hash: HashKind,
    octets: [u8; 64],
}

/// The hashes that we understand; ours is SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashKind {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl HashKind {
    pub const ALL: [HashKind; 4] = [HashKind::Sha256, HashKind::Sha384, HashKind::Sha512, HashKind::Sha1];

    /// The name in `a=fingerprint`.
    pub fn name(self) -> &'static str {
        match self {
            HashKind::Sha1 => "sha-1",
            HashKind::Sha256 => "sha-256",
            HashKind::Sha384 => "sha-384",
            HashKind::Sha512 => "sha-512",
        }
    }

    pub fn octets(self) -> usize {
        match self {
            HashKind::Sha1 => 20,
            HashKind::Sha256 => 32,
            HashKind::Sha384 => 48,
            HashKind::Sha512 => 64,
        }
    }
}

impl Fingerprint {
    /// `None` when the hash has another length.
    pub fn new(hash: HashKind, digest: &[u8]) -> Option<Fingerprint> {
        if digest.len() != hash.octets() {
            return None;
        }
        let mut octets = [0; 64];
        octets[..digest.len()].copy_from_slice(digest);
        Some(Fingerprint { hash, octets })
    }

    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.hash.octets()]
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.hash.name())?;
        for (index, octet) in self.octets().iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    /// `sha-256 4A:AD:…`.
    fn from_str(text: &str) -> Result<Fingerprint, NotAFingerprint> {
        let (name, digits) = text.trim().split_once(' ').ok_or(NotAFingerprint)?;
        let hash =
            HashKind::ALL.into_iter().find(|hash| hash.name().eq_ignore_ascii_case(name)).ok_or(NotAFingerprint)?;
        let mut digest = [0; 64];
        let mut length = 0;
        for pair in digits.trim().split(':') {
            let octet = digest.get_mut(length).filter(|_| pair.len() == 2).ok_or(NotAFingerprint)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| NotAFingerprint)?;
            length += 1;
        }
        Fingerprint::new(hash, &digest[..length]).ok_or(NotAFingerprint)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint of a hash that we know")]
pub struct NotAFingerprint;

/// How the path of the packets is found. RFC 8445; with it RTP and RTCP always share one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ice {
    pub ours: IceCredentials,
    pub theirs: IceCredentials,
    pub role: IceRole,
    pub far: IceKind,
    /// Theirs, of the RTP component, over UDP, with addresses that we can read; at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
    /// No more of them will be told. RFC 8838 §8.2.
    pub end_of_candidates: bool,
}

/// More candidates of one far side than this are left out.
pub const MAX_CANDIDATES: usize = 24;

/// `a=ice-ufrag` and `a=ice-pwd`.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    pub ufrag: String,
    pub password: String,
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCredentials({}, ..)", self.ufrag)
    }
}

/// Who chooses the pair. RFC 8445 §6.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IceRole {
    Controlling,
    Controlled,
}

/// Whether an agent checks paths itself. RFC 8445 §2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IceKind {
    Full,
    /// Only answers checks.
    Lite,
}

/// One address at which the far side may be found. RFC 8839 §5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub address: SocketAddr,
    pub priority: u32,
    pub kind: CandidateKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relayed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written_and_nothing_else_is() {
        for hash in HashKind::ALL {
            let digest: Vec<u8> = (0..hash.octets() as u8).map(|octet| octet.wrapping_mul(37)).collect();
            let fingerprint = Fingerprint::new(hash, &digest).unwrap();
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
            assert_eq!(fingerprint.to_string().to_ascii_lowercase().parse(), Ok(fingerprint));
        }
        for text in ["", "sha-256", "sha-256 AA", "sha-256 AA:", "md5 AA:BB", "sha-1 +A:BB", "sha-1 é:é"] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NotAFingerprint), "{text}");
        }
        assert!(format!("sha-512 {}", ["AA"; 65].join(":")).parse::<Fingerprint>().is_err());
    }

    #[test]
    fn a_key_has_exactly_the_octets_of_its_suite() {
        for suite in Suite::ALL {
            let material: Vec<u8> = (0..suite.master_octets() as u8).collect();
            let key = MasterKey::new(suite, &material).unwrap();
            assert_eq!([key.key(), key.salt()].concat(), material);
            assert_eq!(key.key().len(), suite.key_octets());
            assert!(MasterKey::new(suite, &material[1..]).is_none());
        }
    }

    #[test]
    fn a_mark_has_as_many_octets_as_were_agreed() {
        assert_eq!(Mark::new(1, 4).unwrap().octets(), [0, 0, 0, 1]);
        assert_eq!(Mark::new(u64::MAX, 8).unwrap().number(), u64::MAX);
        assert_eq!(Mark::new(255, 1).unwrap().number(), 255);
        for (number, length) in [(256, 1), (1, 0), (1, 9), (1 << 32, 4)] {
            assert_eq!(Mark::new(number, length), None, "{number}:{length}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let key = MasterKey::new(Suite::AesCm128HmacSha1Tag80, &[0xA7; 30]).unwrap();
        let keys = SdesKeys { suite: Suite::AesCm128HmacSha1Tag80, ours: key, theirs: key, marks: Marks::default() };
        let shown = format!("{:?}", Security::Sdes(Box::new(keys)));
        assert!(!shown.contains("167") && !shown.to_lowercase().contains("a7"), "{shown}");
        let credentials = IceCredentials { ufrag: "abcd".to_owned(), password: "a-long-secret".to_owned() };
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
