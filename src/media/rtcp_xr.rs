//! Extended reports (RFC 3611), as much as tells a telephone how a talk sounds at the other end.
//!
//! Read are the receiver's reference time and its answer, by which a side that sends no audio learns the round trip
//! (§4.4, §4.5), and the metrics of VoIP (§4.7). We ask only those who have sent an extended report themselves: others may
//! take it for garbage.

use std::time::Duration;

/// The most octets that [`append`] adds.
pub const MAX_LEN: usize = 36;

/// The packet type (§2).
const XR: u8 = 207;

/// One block of an extended report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Block {
    /// When the sender sent this: the middle 32 bits of its NTP time.
    ReferenceTime(u32),
    /// The sender's answer to our reference time.
    Answer(Answer),
    /// How the sender hears the source `ssrc`.
    Voip { ssrc: u32, metrics: VoipMetrics },
}

/// One sub-block of DLRR (§4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whose reference time it answers.
    pub ssrc: u32,
    /// That reference time.
    pub reference: u32,
    /// Since it came, in 1/65536 s.
    pub delay: u32,
}

/// What the far side says of its ear (§4.7). None where it says that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VoipMetrics {
    /// Of the packets that were sent, 0 to 1.
    pub loss: f32,
    /// Of them, those that came too late for its jitter buffer.
    pub discarded: f32,
    /// Within bursts and between them.
    pub burst_loss: f32,
    pub gap_loss: f32,
    pub burst: Duration,
    pub gap: Duration,
    pub round_trip: Duration,
    /// From the packet's arrival to the ear, and from the mouth to the packet.
    pub end_system_delay: Duration,
    pub signal_dbm: Option<i8>,
    pub noise_dbm: Option<i8>,
    pub r_factor: Option<u8>,
    /// 1.0 to 5.0: to a listener, and to somebody who converses.
    pub mos_listening: Option<f32>,
    pub mos_conversation: Option<f32>,
    pub jitter_buffer: Duration,
}

/// The blocks in a compound packet, in their order; stops at the first length that leads out of it.
pub fn read(datagram: &[u8]) -> impl Iterator<Item = Block> {
    Packets { rest: datagram }
        .filter(|(kind, _)| *kind == XR)
        .flat_map(|(_, body)| blocks(body.get(4..).unwrap_or(&[])))
}

/// Writes an extended report behind `length` octets of a compound packet; returns its new length. Without room or
/// anything to say nothing is written.
pub fn append(ssrc: u32, reference: Option<u32>, answer: Option<Answer>, out: &mut [u8], length: usize) -> usize {
    let mut words = [0_u32; MAX_LEN / 4];
    let mut count = 2;
    words[1] = ssrc;
    if let Some(reference) = reference {
        // The upper half of the NTP time is not needed by anybody; what counts comes back in the answer.
        words[count..count + 3].copy_from_slice(&[0x0400_0002, reference >> 16, reference << 16]);
        count += 3;
    }
    if let Some(Answer { ssrc, reference, delay }) = answer {
        words[count..count + 4].copy_from_slice(&[0x0500_0003, ssrc, reference, delay]);
        count += 4;
    }
    let end = length + count * 4;
    let Some(room) = out.get_mut(length..end).filter(|_| count > 2) else {
        return length;
    };
    words[0] = 0x8000_0000 | u32::from(XR) << 16 | (count as u32 - 1);
    for (octets, word) in room.chunks_exact_mut(4).zip(words) {
        octets.copy_from_slice(&word.to_be_bytes());
    }
    end
}

/// Walks a compound packet: type and body of each part.
struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [first, kind, high, low] = *self.rest.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low])) * 4 + 4;
        if first >> 6 != 2 || length > self.rest.len() {
            return None;
        }
        let (part, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some((kind, &part[4..]))
    }
}

/// Type, reserved octet, length in words, body; of an answer the first sub-block.
fn blocks(mut rest: &[u8]) -> impl Iterator<Item = Block> {
    std::iter::from_fn(move || {
        loop {
            let [kind, _, high, low] = *rest.first_chunk()?;
            let length = usize::from(u16::from_be_bytes([high, low])) * 4;
            let body = rest.get(4..4 + length)?;
            rest = &rest[4 + length..];
            if let Some(block) = block(kind, body) {
                return Some(block);
            }
        }
    })
}

fn block(kind: u8, body: &[u8]) -> Option<Block> {
    match kind {
        4 => Some(Block::ReferenceTime(word(body, 0)? << 16 | word(body, 4)? >> 16)),
        5 => Some(Block::Answer(Answer { ssrc: word(body, 0)?, reference: word(body, 4)?, delay: word(body, 8)? })),
        7 => Some(Block::Voip { ssrc: word(body, 0)?, metrics: voip(body.get(4..)?.first_chunk()?) }),
        _ => None,
    }
}

fn voip(octets: &[u8; 28]) -> VoipMetrics {
    let share = |at: usize| f32::from(octets[at]) / 256.0;
    let span = |at: usize| Duration::from_millis(u64::from(u16::from_be_bytes([octets[at], octets[at + 1]])));
    // 127: the sender does not know.
    let level = |at: usize| Some(octets[at].cast_signed()).filter(|level| *level != 127);
    let opinion = |at: usize| (10..=50).contains(&octets[at]).then(|| f32::from(octets[at]) / 10.0);
    VoipMetrics {
        loss: share(0),
        discarded: share(1),
        burst_loss: share(2),
        gap_loss: share(3),
        burst: span(4),
        gap: span(6),
        round_trip: span(8),
        end_system_delay: span(10),
        signal_dbm: level(12),
        noise_dbm: level(13),
        r_factor: Some(octets[16]).filter(|r| *r <= 100),
        mos_listening: opinion(18),
        mos_conversation: opinion(19),
        jitter_buffer: span(22),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_appended_is_read() {
        let mut out = [0; 64];
        // An empty receiver report stands before it.
        out[..8].copy_from_slice(&[0x80, 201, 0, 1, 0, 0, 0, 9]);
        let answer = Answer { ssrc: 7, reference: 0x1234_5678, delay: 65_536 };
        let length = append(9, Some(0xaabb_ccdd), Some(answer), &mut out, 8);
        assert_eq!(length, 8 + MAX_LEN);
        let read: Vec<Block> = read(&out[..length]).collect();
        assert_eq!(read, [Block::ReferenceTime(0xaabb_ccdd), Block::Answer(answer)]);
    }

    #[test]
    fn nothing_is_appended_where_there_is_nothing_to_say_or_no_room() {
        let mut out = [0; 20];
        assert_eq!(append(9, None, None, &mut out, 8), 8);
        assert_eq!(append(9, Some(1), None, &mut out, 8), 8);
        assert_eq!(out, [0; 20]);
    }

    #[test]
    fn the_metrics_of_a_phone_are_read_and_127_is_not_known() {
        let mut packet = vec![0x80, 207, 0, 10, 0, 0, 0, 9, 7, 0, 0, 8, 0, 0, 0, 5];
        packet.extend([64, 2, 128, 1, 0, 120, 1, 0, 0, 80, 0, 45, 0xec, 127, 60, 16, 88, 127, 41, 127, 0, 0, 0, 40]);
        packet.extend([0, 80, 0, 120]);
        let blocks: Vec<Block> = read(&packet).collect();
        let [Block::Voip { ssrc: 5, metrics }] = blocks[..] else { panic!("{blocks:?}") };
        assert_eq!((metrics.loss, metrics.burst_loss), (0.25, 0.5));
        assert_eq!((metrics.burst, metrics.round_trip), (Duration::from_millis(120), Duration::from_millis(80)));
        assert_eq!((metrics.signal_dbm, metrics.noise_dbm), (Some(-20), None));
        assert_eq!((metrics.r_factor, metrics.mos_listening, metrics.mos_conversation), (Some(88), Some(4.1), None));
        assert_eq!(metrics.jitter_buffer, Duration::from_millis(40));
    }

    #[test]
    fn a_block_whose_length_leads_out_of_its_packet_ends_the_reading() {
        let packet = [0x80, 207, 0, 3, 0, 0, 0, 9, 4, 0, 0xff, 0xff, 0, 0, 0, 1];
        assert_eq!(read(&packet).count(), 0);
    }

    proptest! {
        #[test]
        fn no_datagram_panics(body in prop::collection::vec(any::<u8>(), 0..120)) {
            let words = u8::try_from(body.len() / 4).unwrap();
            read(&[&[0x80, 207, 0, words], &body[..]].concat()).for_each(drop);
            read(&body).for_each(drop);
        }
    }
}
