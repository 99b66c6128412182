//! Binding requests of STUN on the port of SIP: a phone behind NAT keeps its way to us open with them and learns its own
//! address by the way. RFC 5389 §7.3.1, RFC 5626 §3.5.2 and §4.4.2.
//!
//! The answer is never longer than what is needed to say one address, so that nobody can use us to flood another.

use std::net::IpAddr;
use std::net::SocketAddr;

use bytes::BufMut;
use bytes::Bytes;
use bytes::BytesMut;

/// What a datagram on a port of SIP is. RFC 5626 §5.4: one octet tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram {
    /// For the user agent, also where it is faulty.
    Sip,
    Stun,
    /// Line ends or nothing, to keep a NAT open: no answer is expected. RFC 5626 §3.5 leaves that to streams, phones do it.
    KeepAlive,
}

const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attributes from here on may be ignored. RFC 5389 §15.
const OPTIONAL: u16 = 0x8000;
/// Attributes that we need not act on although they may not be ignored: credentials that nobody here asked for, and what a
/// client of RFC 3489 asks for beside its address.
const TOLERATED: [u16; 4] = [0x0003, 0x0006, 0x0008, 0x0024];
/// Of unknown attributes that are named in the answer.
const MOST_UNKNOWN: usize = 4;
const IPV4: u8 = 1;
const IPV6: u8 = 2;

impl Datagram {
    pub fn kind(bytes: &[u8]) -> Datagram {
        match bytes.first() {
            None => Datagram::KeepAlive,
            Some(0 | 1) if cookie(bytes) == Some(COOKIE) => Datagram::Stun,
            Some(b'\r' | b'\n' | 0) if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) => {
                Datagram::KeepAlive
            }
            Some(_) => Datagram::Sip,
        }
    }
}

fn cookie(bytes: &[u8]) -> Option<u32> {
    bytes.get(4..8).map(|cookie| u32::from_be_bytes(cookie.try_into().expect("four octets were cut")))
}

/// The answer to a Binding request that came from `source`; none for all else.
pub fn answer(request: &[u8], source: SocketAddr) -> Option<Bytes> {
    let header = request.get(..HEADER)?;
    let (kind, length) = (number(&header[..2]), usize::from(number(&header[2..4])));
    let attributes = request.get(HEADER..)?;
    if kind != BINDING_REQUEST || cookie(request) != Some(COOKIE) || attributes.len() != length || length % 4 != 0 {
        return None;
    }
    let identity = &header[4..];
    let unknown = unknown_attributes(attributes)?;
    Some(match unknown.is_empty() {
        true => message(BINDING_SUCCESS, identity, &[(XOR_MAPPED_ADDRESS, mapped(source, identity))]),
        false => {
            let named = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            // RFC 5389 §15.6: class 4, number 20. Without its words, so that the answer stays short.
            let code = vec![0, 0, 4, 20];
            message(BINDING_ERROR, identity, &[(ERROR_CODE, code), (UNKNOWN_ATTRIBUTES, named)])
        }
    })
}

/// None where they cannot be read.
fn unknown_attributes(mut attributes: &[u8]) -> Option<Vec<u16>> {
    let mut unknown = Vec::new();
    while !attributes.is_empty() {
        let (kind, length) = (number(attributes.get(..2)?), usize::from(number(attributes.get(2..4)?)));
        attributes = attributes.get(4 + length.next_multiple_of(4)..)?;
        let is_known = kind >= OPTIONAL || TOLERATED.contains(&kind);
        if !is_known && unknown.len() < MOST_UNKNOWN {
            unknown.push(kind);
        }
    }
    Some(unknown)
}

/// RFC 5389 §15.2: hidden from NATs that rewrite every address that they see.
fn mapped(source: SocketAddr, identity: &[u8]) -> Vec<u8> {
    let mask = |octets: &[u8]| -> Vec<u8> { octets.iter().zip(identity).map(|(octet, mask)| octet ^ mask).collect() };
    let (family, address) = match source.ip().to_canonical() {
        IpAddr::V4(address) => (IPV4, mask(&address.octets())),
        IpAddr::V6(address) => (IPV6, mask(&address.octets())),
    };
    [vec![0, family], mask(&source.port().to_be_bytes()), address].concat()
}

fn message(kind: u16, identity: &[u8], attributes: &[(u16, Vec<u8>)]) -> Bytes {
    let padded = |value: &Vec<u8>| value.len().next_multiple_of(4);
    let length: usize = attributes.iter().map(|(_, value)| 4 + padded(value)).sum();
    let mut out = BytesMut::with_capacity(HEADER + length);
    out.put_u16(kind);
    out.put_u16(u16::try_from(length).expect("a few short attributes"));
    out.put_slice(identity);
    for (kind, value) in attributes {
        out.put_u16(*kind);
        out.put_u16(u16::try_from(value.len()).expect("short"));
        out.put_slice(value);
        out.put_bytes(0, padded(value) - value.len());
    }
    out.freeze()
}

fn number(octets: &[u8]) -> u16 {
    octets.iter().fold(0, |number, octet| number << 8 | u16::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
        [&[0, 1][..], &length, &COOKIE.to_be_bytes(), &IDENTITY, attributes].concat()
    }

    #[test]
    fn the_addresses_of_rfc_5769_come_out_as_there() {
        let answered = answer(&request(&[]), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(answered[..4], [1, 1, 0, 12]);
        assert_eq!(answered[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let six = answer(&request(&[]), "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap()).unwrap();
        let expected = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        assert_eq!(six[20..], expected);
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_named() {
        let source = "192.0.2.1:1".parse().unwrap();
        // SOFTWARE may be ignored, 0x7777 may not.
        let software = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
        assert_eq!(answer(&request(&software), source).unwrap()[..2], [1, 1]);
        let answered = answer(&request(&[0x77, 0x77, 0, 0]), source).unwrap();
        assert_eq!(answered[..2], [1, 0x11]);
        assert!(answered.windows(4).any(|window| window == [0, 0, 4, 20]));
        assert!(answered.windows(6).any(|window| window == [0, 0x0a, 0, 2, 0x77, 0x77]));
    }

    #[test]
    fn answers_garbage_and_half_requests_get_nothing() {
        let source = "192.0.2.1:1".parse().unwrap();
        let mut success = request(&[]);
        success[0] = 1;
        assert_eq!(answer(&success, source), None);
        let whole = request(&[0x80, 0x22, 0, 4, 1, 2, 3, 4]);
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end], source), None);
        }
        let mut dice = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let mut bent = whole.clone();
            let at = dice.usize(..bent.len());
            bent[at] = dice.u8(..);
            let _ = answer(&bent, source);
        }
    }

    #[test]
    fn the_first_octets_tell_what_a_datagram_is() {
        assert_eq!(Datagram::kind(&request(&[])), Datagram::Stun);
        for alive in [&b""[..], b"\r\n\r\n", b"\0", b"\0\0\0\0"] {
            assert_eq!(Datagram::kind(alive), Datagram::KeepAlive);
        }
        assert_eq!(Datagram::kind(b"OPTIONS sip:a SIP/2.0\r\n"), Datagram::Sip);
        assert_eq!(Datagram::kind(b"\r\nOPTIONS sip:a SIP/2.0\r\n"), Datagram::Sip);
        assert_eq!(Datagram::kind(&[1, 2, 3]), Datagram::Sip);
    }
}
