//! What a client's first message says that it can do, read before the handshake begins with it.
//! RFC 6347 §4.2.2, RFC 5246 §7.4.1.2, RFC 5764 §4.1.1.

/// The body of the ClientHello that a datagram's first record begins with, as much of it as this record holds: a long one comes
/// in several. `None` for everything else, later pieces of one included.
pub(super) fn client_hello(mut record: &[u8]) -> Option<&[u8]> {
    let kind = number(&mut record, 1)?;
    record.split_off(..VERSION)?;
    let epoch = number(&mut record, 2)?;
    record.split_off(..SEQUENCE)?;
    let mut message = vector(&mut record, 2)?;
    if (kind, epoch, number(&mut message, 1)?) != (HANDSHAKE, 0, CLIENT_HELLO) {
        return None;
    }
    let whole = number(&mut message, 3)?;
    message.split_off(..MESSAGE_SEQUENCE)?;
    let (from, octets) = (number(&mut message, 3)?, number(&mut message, 3)?);
    if from == 0 && octets <= whole { message.split_off(..octets) } else { None }
}

/// The numbers of the SRTP protection profiles that this beginning of a ClientHello names, in the client's order. `None` where it
/// does not speak of SRTP, or has not come so far.
pub(super) fn srtp_profiles(mut hello: &[u8]) -> Option<Vec<u16>> {
    hello.split_off(..VERSION + RANDOM)?;
    // The session, the cookie, the cipher suites and the compression methods.
    for length in [1, 1, 2, 1] {
        vector(&mut hello, length)?;
    }
    // The last of the extensions may be in the next piece.
    let length = number(&mut hello, 2)?;
    let mut extensions = hello.get(..length).unwrap_or(hello);
    loop {
        let kind = number(&mut extensions, 2)?;
        let mut extension = vector(&mut extensions, 2)?;
        if kind == USE_SRTP {
            let profiles = vector(&mut extension, 2)?;
            return Some(profiles.chunks_exact(2).map(|octets| u16::from_be_bytes([octets[0], octets[1]])).collect());
        }
    }
}

const HANDSHAKE: usize = 22;
const CLIENT_HELLO: usize = 1;
const USE_SRTP: usize = 14;

/// Octets.
const VERSION: usize = 2;
const SEQUENCE: usize = 6;
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

/// A datagram that is one record of one unencrypted message, in datagrams with at most so many octets of the message. RFC 6347
/// §4.2.3.
#[cfg(test)]
pub(super) fn in_pieces(datagram: &[u8], most: usize) -> Vec<Vec<u8>> {
    let Some(body) = client_hello(datagram) else { return vec![datagram.to_vec()] };
    let (record, message) = (&datagram[..11], &datagram[13..19]);
    let number = |value: usize| (value as u32).to_be_bytes()[1..].to_vec();
    let mut from = 0;
    let piece = |(at, body): (usize, &[u8])| {
        let mut record = record.to_vec();
        // Each record has a number of its own, within the window that tells repetitions.
        record[10] += 8 * at as u8;
        let length = (12 + body.len() as u16).to_be_bytes();
        let piece = [&record, &length[..], message, &number(from), &number(body.len()), body].concat();
        from += body.len();
        piece
    };
    body.chunks(most).enumerate().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a phone would write it that knows one cipher suite, and three profiles between extensions of no matter to us.
    const BODY: &[u8] = b"\xfe\xfd01234567890123456789012345678901\x02se\x01c\x00\x02\xc0\x2b\x01\x00\x00\x18\
        \x00\x17\x00\x00\x00\x0e\x00\x09\x00\x06\x00\x01\x00\x08\x00\x07\x00\x00\x33\x00\x03key";
    /// Where its list of profiles ends, with the octet that follows it in its extension.
    const LIST: usize = BODY.len() - 7;

    fn datagram() -> Vec<u8> {
        let length = BODY.len() as u8;
        let record = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 12 + length];
        [&record[..], &[1, 0, 0, length, 0, 1, 0, 0, 0, 0, 0, length], BODY].concat()
    }

    fn profiles(datagram: &[u8]) -> Option<Vec<u16>> {
        client_hello(datagram).and_then(srtp_profiles)
    }

    #[test]
    fn the_profiles_stand_in_the_clients_order() {
        assert_eq!(profiles(&datagram()), Some(vec![1, 8, 7]));
        let two_records = [datagram(), datagram()].concat();
        assert_eq!(profiles(&two_records), Some(vec![1, 8, 7]));
    }

    #[test]
    fn a_beginning_is_enough_if_the_list_is_in_it() {
        assert!((0..LIST).all(|octets| srtp_profiles(&BODY[..octets]).is_none()));
        assert!((LIST..BODY.len()).all(|octets| srtp_profiles(&BODY[..octets]) == Some(vec![1, 8, 7])));
        let pieces = |most| in_pieces(&datagram(), most).iter().map(|piece| profiles(piece)).collect::<Vec<_>>();
        assert_eq!(pieces(LIST), [Some(vec![1, 8, 7]), None]);
        assert_eq!(pieces(LIST - 1), [None, None]);
    }

    #[test]
    fn a_record_that_is_cut_short_has_none() {
        let whole = datagram();
        assert!((0..whole.len()).all(|octets| client_hello(&whole[..octets]).is_none()));
    }

    #[test]
    fn another_message_or_a_hello_without_srtp_has_none() {
        let changed = |at: usize, to: u8| {
            let mut datagram = datagram();
            datagram[at] = to;
            datagram
        };
        // An alert, one of a later epoch, a ServerHello, a later piece, one that is longer than its message.
        for (at, to) in [(0, 21), (4, 1), (13, 2), (21, 1), (16, 1)] {
            assert_eq!(client_hello(&changed(at, to)), None, "{at}");
        }
        let extension = 13 + 12 + LIST - 13;
        assert_eq!(profiles(&changed(extension + 1, 15)), None);
    }
}
