//! STUN messages with their proofs (RFC 8489), as far as connectivity checks need them (RFC 8445 §7).
//!
//! The port of SIP answers STUN as well, without any proof; that is another matter and lives beside SIP.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// One exchange, known only to who began it.
pub type Transaction = [u8; 12];

/// RFC 8489 §5; the method is always Binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Request = 0x0001,
    Indication = 0x0011,
    Success = 0x0101,
    Error = 0x0111,
}

/// Which side of the choice of a path the sender takes, and its lot for a quarrel about that. RFC 8445 §7.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Controlling(u64),
    Controlled(u64),
}

/// A message that was read. Its proof is checked apart.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub class: Class,
    pub transaction: Transaction,
    pub username: Option<&'a str>,
    pub priority: Option<u32>,
    pub claim: Option<Claim>,
    pub nominates: bool,
    pub mapped: Option<SocketAddr>,
    /// Of an error: 300 to 699.
    pub error: Option<u16>,
    /// An attribute that must be understood and is not. RFC 8489 §14.
    pub unknown: Option<u16>,
    whole: &'a [u8],
    /// Where the attribute of the proof begins.
    integrity: Option<usize>,
}

const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
/// What FINGERPRINT is masked with. RFC 8489 §14.7.
const FINGERPRINT_MASK: u32 = 0x5354_554e;
/// Octets of MESSAGE-INTEGRITY with its header.
const INTEGRITY: usize = 24;
const FINGERPRINT: usize = 8;

/// Attributes by number. RFC 8489 §18.3, RFC 8445 §20.2.
mod kind {
    pub(super) const USERNAME: u16 = 0x0006;
    pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const REALM: u16 = 0x0014;
    pub(super) const NONCE: u16 = 0x0015;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const PRIORITY: u16 = 0x0024;
    pub(super) const USE_CANDIDATE: u16 = 0x0025;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const CONTROLLED: u16 = 0x8029;
    pub(super) const CONTROLLING: u16 = 0x802a;
}

/// Tells STUN from what else comes on a port of media. RFC 7983 §7.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] < 4 && word(datagram, 4) == Some(COOKIE)
}

/// Reads a datagram that carries a Binding message and nothing else; its FINGERPRINT must be right where there is one.
pub fn read(datagram: &[u8]) -> Option<Message<'_>> {
    let class = match half(datagram, 0)? {
        0x0001 => Class::Request,
        0x0011 => Class::Indication,
        0x0101 => Class::Success,
        0x0111 => Class::Error,
        _ => return None,
    };
    let length = usize::from(half(datagram, 2)?);
    if !is_stun(datagram) || length % 4 != 0 || datagram.len() != HEADER + length {
        return None;
    }
    let transaction = *datagram[8..].first_chunk()?;
    let mut message = Message {
        class,
        transaction,
        username: None,
        priority: None,
        claim: None,
        nominates: false,
        mapped: None,
        error: None,
        unknown: None,
        whole: datagram,
        integrity: None,
    };
    let mut at = HEADER;
    while at < datagram.len() {
        let length = usize::from(half(datagram, at + 2)?);
        let value = datagram.get(at + 4..at + 4 + length)?;
        message.take(half(datagram, at)?, at, value)?;
        at += 4 + length.next_multiple_of(4);
    }
    Some(message)
}

impl<'a> Message<'a> {
    /// `None` ends the reading: the message is faulty.
    fn take(&mut self, kind: u16, at: usize, value: &'a [u8]) -> Option<()> {
        if kind == kind::FINGERPRINT {
            let right = word(value, 0)? == checksum(&self.whole[..at]) ^ FINGERPRINT_MASK;
            return (right && at + FINGERPRINT == self.whole.len()).then_some(());
        }
        // RFC 8489 §14.5: nothing behind the proof is proven.
        if self.integrity.is_some() {
            return Some(());
        }
        match kind {
            kind::USERNAME => self.username = std::str::from_utf8(value).ok(),
            kind::MESSAGE_INTEGRITY if value.len() == 20 => self.integrity = Some(at),
            kind::ERROR_CODE => self.error = Some(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?)),
            kind::XOR_MAPPED_ADDRESS => self.mapped = Some(unmask(value, &self.transaction)?),
            kind::PRIORITY => self.priority = Some(word(value, 0)?),
            kind::USE_CANDIDATE => self.nominates = true,
            kind::CONTROLLED => self.claim = Some(Claim::Controlled(long(value)?)),
            kind::CONTROLLING => self.claim = Some(Claim::Controlling(long(value)?)),
            kind::REALM | kind::NONCE => {}
            unknown if unknown < 0x8000 && self.unknown.is_none() => self.unknown = Some(unknown),
            _ => {}
        }
        Some(())
    }

    /// Whether whoever wrote it knows the password. RFC 8489 §14.5.
    pub fn is_proven(&self, password: &str) -> bool {
        let Some(at) = self.integrity else {
            return false;
        };
        let expected = integrity(&self.whole[..at], password);
        expected.ct_eq(&self.whole[at + 4..at + INTEGRITY]).into()
    }
}

/// Writes a message; finished by its proof.
#[derive(Debug)]
pub struct Writer {
    octets: Vec<u8>,
    transaction: Transaction,
}

impl Writer {
    pub fn new(class: Class, transaction: Transaction) -> Writer {
        let mut octets = Vec::with_capacity(160);
        octets.extend((class as u16).to_be_bytes());
        octets.extend([0, 0]);
        octets.extend(COOKIE.to_be_bytes());
        octets.extend(transaction);
        Writer { octets, transaction }
    }

    pub fn username(self, name: &str) -> Writer {
        self.attribute(kind::USERNAME, name.as_bytes())
    }

    pub fn priority(self, priority: u32) -> Writer {
        self.attribute(kind::PRIORITY, &priority.to_be_bytes())
    }

    pub fn claim(self, claim: Claim) -> Writer {
        match claim {
            Claim::Controlling(lot) => self.attribute(kind::CONTROLLING, &lot.to_be_bytes()),
            Claim::Controlled(lot) => self.attribute(kind::CONTROLLED, &lot.to_be_bytes()),
        }
    }

    pub fn nominate(self) -> Writer {
        self.attribute(kind::USE_CANDIDATE, &[])
    }

    pub fn mapped(self, address: SocketAddr) -> Writer {
        let value = mask(address, &self.transaction);
        self.attribute(kind::XOR_MAPPED_ADDRESS, &value)
    }

    /// Without its words, so that the message stays short.
    pub fn error(self, code: u16) -> Writer {
        self.attribute(kind::ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8])
    }

    pub fn finish(mut self, password: &str) -> Vec<u8> {
        self.set_length(INTEGRITY);
        let proof = integrity_of_prefix(&self.octets, password);
        let proven = self.attribute(kind::MESSAGE_INTEGRITY, &proof);
        proven.with_fingerprint()
    }

    fn with_fingerprint(mut self) -> Vec<u8> {
        self.set_length(FINGERPRINT);
        let sum = checksum(&self.octets) ^ FINGERPRINT_MASK;
        self.attribute(kind::FINGERPRINT, &sum.to_be_bytes()).octets
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Writer {
        self.octets.extend(kind.to_be_bytes());
        self.octets.extend((value.len() as u16).to_be_bytes());
        self.octets.extend(value);
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// As if `more` octets followed.
    fn set_length(&mut self, more: usize) {
        let length = (self.octets.len() - HEADER + more) as u16;
        self.octets[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// The proof of what stands before it, under a length that ends with it. RFC 8489 §14.5.
fn integrity(before: &[u8], password: &str) -> [u8; 20] {
    let length = (before.len() - HEADER + INTEGRITY) as u16;
    let mut header = [0; HEADER];
    header.copy_from_slice(&before[..HEADER]);
    header[2..4].copy_from_slice(&length.to_be_bytes());
    proof(&header, &before[HEADER..], password)
}

fn integrity_of_prefix(octets: &[u8], password: &str) -> [u8; 20] {
    proof(&octets[..HEADER], &octets[HEADER..], password)
}

fn proof(header: &[u8], attributes: &[u8], password: &str) -> [u8; 20] {
    let mut hmac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).expect("HMAC takes keys of every length");
    hmac.update(header);
    hmac.update(attributes);
    hmac.finalize().into_bytes().into()
}

/// CRC-32 as in ISO 3309. A check comes a few times a second at most, so no table.
fn checksum(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0_u32, |sum, octet| {
        (0..8).fold(sum ^ u32::from(*octet), |sum, _| sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// RFC 8489 §14.2: hidden from NATs that rewrite every address that they see.
fn mask(address: SocketAddr, transaction: &Transaction) -> Vec<u8> {
    let key = mask_key(transaction);
    let hide = |octets: &[u8]| -> Vec<u8> { octets.iter().zip(key).map(|(octet, bits)| octet ^ bits).collect() };
    let (family, ip) = match address.ip().to_canonical() {
        IpAddr::V4(ip) => (1, hide(&ip.octets())),
        IpAddr::V6(ip) => (2, hide(&ip.octets())),
    };
    [vec![0, family], hide(&address.port().to_be_bytes()), ip].concat()
}

fn unmask(value: &[u8], transaction: &Transaction) -> Option<SocketAddr> {
    let key = mask_key(transaction);
    let port = half(value, 2)? ^ u16::from_be_bytes([key[0], key[1]]);
    let shown: Vec<u8> = value[4..].iter().zip(key).map(|(octet, bits)| octet ^ bits).collect();
    let ip = match (value[1], shown.len()) {
        (1, 4) => IpAddr::V4(Ipv4Addr::from(*shown.first_chunk::<4>()?)),
        (2, 16) => IpAddr::V6(Ipv6Addr::from(*shown.first_chunk::<16>()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn mask_key(transaction: &Transaction) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&COOKIE.to_be_bytes());
    key[4..].copy_from_slice(transaction);
    key
}

fn half(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|two| u16::from_be_bytes(*two))
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

fn long(octets: &[u8]) -> Option<u64> {
    octets.first_chunk().map(|eight| u64::from_be_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    /// RFC 5769 §2.1.
    const REQUEST: [u8; 108] = [
        0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87,
        0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c,
        0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f,
        0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76,
        0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
        0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
    ];

    #[test]
    fn the_request_of_rfc_5769_is_understood_and_believed() {
        let message = read(&REQUEST).unwrap();
        assert_eq!(message.class, Class::Request);
        assert_eq!(message.username, Some("evtj:h6vY"));
        assert_eq!(message.priority, Some(0x6e00_01ff));
        assert_eq!(message.claim, Some(Claim::Controlled(0x932f_f9b1_5126_3b36)));
        assert!(!message.nominates && message.unknown.is_none());
        assert!(message.is_proven(PASSWORD));
        assert!(!message.is_proven("another password"));
    }

    #[test]
    fn what_is_written_is_read_and_believed() {
        for address in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"] {
            let address: SocketAddr = address.parse().unwrap();
            let written = Writer::new(Class::Success, [7; 12]).mapped(address).finish(PASSWORD);
            let message = read(&written).unwrap();
            assert_eq!((message.class, message.mapped), (Class::Success, Some(address)));
            assert!(message.is_proven(PASSWORD));
        }
        let request = Writer::new(Class::Request, [9; 12])
            .username("abc:defgh")
            .priority(5)
            .claim(Claim::Controlling(8))
            .nominate()
            .finish(PASSWORD);
        let message = read(&request).unwrap();
        assert_eq!(message.username, Some("abc:defgh"));
        assert_eq!((message.priority, message.claim, message.nominates), (Some(5), Some(Claim::Controlling(8)), true));
        let refused = Writer::new(Class::Error, [9; 12]).error(487).finish(PASSWORD);
        assert_eq!(read(&refused).unwrap().error, Some(487));
    }

    #[test]
    fn a_message_that_was_bent_is_not_believed() {
        // What stands behind the proof is not proven, and means nothing.
        for at in 0..(REQUEST.len() - FINGERPRINT) * 8 {
            let mut bent = REQUEST;
            bent[at / 8] ^= 1 << (at % 8);
            assert!(read(&bent).is_none_or(|message| !message.is_proven(PASSWORD)), "bit {at}");
        }
        for end in 0..REQUEST.len() {
            assert!(read(&REQUEST[..end]).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(mut octets in proptest::collection::vec(any::<u8>(), 20..120), class in 0..4_usize) {
            octets[..2].copy_from_slice(&[[0, 1], [0, 0x11], [1, 1], [1, 0x11]][class]);
            octets.truncate(octets.len() / 4 * 4);
            let length = (octets.len() - 20) as u16;
            octets[2..4].copy_from_slice(&length.to_be_bytes());
            octets[4..8].copy_from_slice(&COOKIE.to_be_bytes());
            if let Some(message) = read(&octets) {
                prop_assert!(!message.is_proven(PASSWORD));
            }
        }
    }
}
