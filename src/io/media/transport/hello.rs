//! What a client's first message says that it can do, read before the handshake begins with it.
//! RFC 6347 §4.2.2, RFC 5246 §7.4.1.2, RFC 5764 §4.1.1.

/// The numbers of the SRTP protection profiles that a datagram's ClientHello names, in the client's order. `None` where there
/// is no such message, none that ends in this datagram, or none that speaks of SRTP.
pub(super) fn srtp_profiles(datagram: &[u8]) -> Option<Vec<u16>> {
    let mut rest = client_hello(datagram)?;
    rest.split_off(..VERSION + RANDOM)?;
    // The session, the cookie, the cipher suites and the compression methods.
    for length in [1, 1, 2, 1] {
        vector(&mut rest, length)?;
    }
    let mut extensions = vector(&mut rest, 2)?;
    loop {
        let kind = number(&mut extensions, 2)?;
        let mut extension = vector(&mut extensions, 2)?;
        if kind == USE_SRTP {
            let profiles = vector(&mut extension, 2)?;
            return Some(profiles.chunks_exact(2).map(|octets| u16::from_be_bytes([octets[0], octets[1]])).collect());
        }
    }
}

/// The body of the message that the datagram's first record begins with.
fn client_hello(mut record: &[u8]) -> Option<&[u8]> {
    let kind = number(&mut record, 1)?;
    record.split_off(..VERSION + EPOCH_AND_SEQUENCE)?;
    let mut message = vector(&mut record, 2)?;
    if (kind, number(&mut message, 1)?) != (HANDSHAKE, CLIENT_HELLO) {
        return None;
    }
    let whole = number(&mut message, 3)?;
    message.split_off(..MESSAGE_SEQUENCE)?;
    let (from, octets) = (number(&mut message, 3)?, number(&mut message, 3)?);
    if (from, octets) == (0, whole) { message.split_off(..whole) } else { None }
}

const HANDSHAKE: usize = 22;
const CLIENT_HELLO: usize = 1;
const USE_SRTP: usize = 14;

/// Octets.
const VERSION: usize = 2;
const EPOCH_AND_SEQUENCE: usize = 8;
const MESSAGE_SEQUENCE: usize = 2;
const RANDOM: usize = 32;

/// In network order. RFC 5246 §4.4.
fn number(rest: &mut &[u8], octets: usize) -> Option<usize> {
    let octets = rest.split_off(..octets)?;
    Some(octets.iter().fold(0, |value, octet| value << 8 | usize::from(*octet)))
}

/// What has its length, in so many octets, before it. RFC 5246 §4.3.
fn vector<'a>(rest: &mut &'a [u8], octets: usize) -> Option<&'a [u8]> {
    let length = number(rest, octets)?;
    rest.split_off(..length)
}

/// A datagram that is one record of one unencrypted message, in so many datagrams. RFC 6347 §4.2.3.
#[cfg(test)]
pub(super) fn in_pieces(datagram: &[u8], pieces: usize) -> Vec<Vec<u8>> {
    let Some(body) = client_hello(datagram) else { return vec![datagram.to_vec()] };
    let (record, message) = (&datagram[..11], &datagram[13..19]);
    let number = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
    let mut from = 0;
    let piece = |(at, body): (usize, &[u8])| {
        let mut record = record.to_vec();
        // Each record has a number of its own, within the window that tells repetitions.
        record[10] += 32 * at as u8;
        let length = (12 + body.len() as u16).to_be_bytes();
        let piece = [&record, &length[..], message, &number(from), &number(body.len()), body].concat();
        from += body.len();
        piece
    };
    body.chunks(body.len().div_ceil(pieces)).enumerate().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a phone would write it that knows one cipher suite, and three profiles after an extension of no matter to us.
    const BODY: &[u8] = b"\xfe\xfd01234567890123456789012345678901\x00\x01c\x00\x02\xc0\x2b\x01\x00\x00\x11\
        \x00\x17\x00\x00\x00\x0e\x00\x09\x00\x06\x00\x01\x00\x08\x00\x07\x00";

    fn datagram() -> Vec<u8> {
        let length = BODY.len() as u8;
        let record = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 12 + length];
        [&record[..], &[1, 0, 0, length, 0, 1, 0, 0, 0, 0, 0, length], BODY].concat()
    }

    #[test]
    fn the_profiles_stand_in_the_clients_order() {
        assert_eq!(srtp_profiles(&datagram()), Some(vec![1, 8, 7]));
        let two_records = [datagram(), datagram()].concat();
        assert_eq!(srtp_profiles(&two_records), Some(vec![1, 8, 7]));
    }

    #[test]
    fn what_is_cut_short_has_none() {
        let whole = datagram();
        assert!((0..whole.len()).all(|octets| srtp_profiles(&whole[..octets]).is_none()));
        assert!(in_pieces(&whole, 2).iter().all(|piece| srtp_profiles(piece).is_none()));
    }

    #[test]
    fn another_message_or_a_hello_without_srtp_has_none() {
        let changed = |at: usize, to: u8| {
            let mut datagram = datagram();
            datagram[at] = to;
            srtp_profiles(&datagram)
        };
        assert_eq!([changed(0, 23), changed(13, 2)], [None, None]);
        let extension = 13 + 12 + BODY.len() - 13;
        assert_eq!(changed(extension + 1, 15), None);
    }
}
