//! Secure RTP: a stream's packets and reports, sealed and opened in the buffer in which they lie.
//!
//! RFC 3711 with the suites of RFC 6188 (AES-256) and RFC 7714 (AES-GCM). One [`sender::Sender`] for what we send under a
//! master key and one [`receiver::Receiver`] for what the far side sends under its own; neither allocates for a packet.

use crate::media::security::Mark;

pub mod receiver;
pub mod sender;

mod counter;
mod derivation;
mod galois;
mod index;
mod transform;

/// Octets by which a sealed packet may be longer than the plain one: tag, the mark of its key and, of RTCP, the index.
/// RFC 7714 §9.
pub const OVERHEAD: usize = 16 + 4 + Mark::MAX;

/// Why a packet was not opened or sealed. Nothing has changed then, but that the octets in hand may be spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is no packet, or too short to be a secured one")]
    Malformed,
    #[error("it does not bear the far side's signature")]
    Forged,
    #[error("it was here before, or is older than can be told")]
    Replayed,
    #[error("its buffer has no room for the signature")]
    NoRoom,
    /// RFC 3711 §9.2: 2^48 packets or 2^31 reports.
    #[error("its key has been used up")]
    Exhausted,
}

/// Puts a mark into a sealed packet of `length` octets, before its last `tail`; the octets that it has then. RFC 3711 §3.1.
fn put_mark(mark: Option<Mark>, tail: usize, buffer: &mut [u8], length: usize) -> Result<usize, Refusal> {
    let Some(mark) = mark else {
        return Ok(length);
    };
    let octets = mark.octets();
    let (at, end) = (length - tail, length + octets.len());
    let packet = buffer.get_mut(..end).ok_or(Refusal::NoRoom)?;
    packet.copy_within(at..length, at + octets.len());
    packet[at..at + octets.len()].copy_from_slice(octets);
    Ok(end)
}

/// Takes it out again; a packet with another mark is under another key, and stays as it is.
fn take_mark(mark: Option<Mark>, tail: usize, packet: &mut [u8]) -> Result<&mut [u8], Refusal> {
    let Some(mark) = mark else {
        return Ok(packet);
    };
    let octets = mark.octets();
    let length = packet.len().checked_sub(octets.len()).ok_or(Refusal::Malformed)?;
    let at = length.checked_sub(tail).ok_or(Refusal::Malformed)?;
    if packet[at..at + octets.len()] != *octets {
        return Err(Refusal::Forged);
    }
    packet.copy_within(at + octets.len().., at);
    Ok(&mut packet[..length])
}

/// Octets of an RTP header with its CSRC list and extension: what is signed but not hidden. RFC 3711 §3.1.
fn header_octets(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let mut length = 12 + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        let words = packet.get(length + 2..length + 4)?;
        length += 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4;
    }
    (length <= packet.len()).then_some(length)
}

/// The four octets there, as a number.
fn word(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
}

/// The sequence number of an RTP packet.
fn sequence(packet: &[u8]) -> Option<u16> {
    packet.get(2..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}

#[cfg(test)]
mod tests;
