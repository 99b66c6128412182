//! Sender and receiver reports (RFC 3550 §6.4), as much of RTCP as a telephone needs.
//!
//! What we send is a compound packet of SR or RR and SDES with a CNAME (§6.1). What we read are the reports in whatever
//! comes; everything else is stepped over.

/// Room for any compound packet that [`write`] makes, and for an extended report behind it.
pub const MAX_LEN: usize = 160;

/// The longest CNAME that is sent; a longer one is cut.
const MAX_CNAME: usize = 32;

/// What one side heard of the other (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: u32,
    /// Loss since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; 24 bits on the wire.
    pub lost: i32,
    pub highest_sequence: u32,
    /// In timestamp ticks.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time in the last sender report that came; 0 when none has.
    pub last_report: u32,
    /// Since then, in 1/65536 s.
    pub delay: u32,
}

/// What a sender says of itself (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// NTP time: seconds since 1900 in the upper half, 1/2^32 s in the lower.
    pub ntp: u64,
    /// The RTP timestamp of the same moment.
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// One report out of a compound packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub ssrc: u32,
    /// Present in a sender report.
    pub sender: Option<SenderInfo>,
    /// The first block; a telephone hears one source.
    pub block: Option<ReportBlock>,
}

/// Writes SR (or RR without `sender`) and SDES; returns the octets written.
pub fn write(
    ssrc: u32,
    sender: Option<SenderInfo>,
    block: Option<ReportBlock>,
    cname: &str,
    out: &mut [u8; MAX_LEN],
) -> usize {
    let mut writer = Writer { out, length: 0 };
    writer.report(ssrc, sender, block);
    writer.description(ssrc, cname);
    writer.length
}

/// The reports in a compound packet, in their order; stops at the first length that leads out of the datagram.
pub fn read(datagram: &[u8]) -> impl Iterator<Item = Report> {
    Packets { rest: datagram }.filter_map(|(kind, count, body)| match kind {
        SR => sender_report(count, body),
        RR => Some(Report { ssrc: word(body, 0)?, sender: None, block: block_at(count, body, 4) }),
        _ => None,
    })
}

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;

fn sender_report(count: u8, body: &[u8]) -> Option<Report> {
    let ntp = u64::from(word(body, 4)?) << 32 | u64::from(word(body, 8)?);
    let sender = SenderInfo { ntp, timestamp: word(body, 12)?, packets: word(body, 16)?, octets: word(body, 20)? };
    Some(Report { ssrc: word(body, 0)?, sender: Some(sender), block: block_at(count, body, 24) })
}

fn block_at(count: u8, body: &[u8], start: usize) -> Option<ReportBlock> {
    if count == 0 {
        return None;
    }
    let loss = word(body, start + 4)?;
    let [fraction_lost, ..] = loss.to_be_bytes();
    Some(ReportBlock {
        ssrc: word(body, start)?,
        fraction_lost,
        // 24 bits with a sign.
        lost: (loss << 8).cast_signed() >> 8,
        highest_sequence: word(body, start + 8)?,
        jitter: word(body, start + 12)?,
        last_report: word(body, start + 16)?,
        delay: word(body, start + 20)?,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// Walks a compound packet: type, count and body of each part.
struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = (u8, u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [first, kind, high, low] = *self.rest.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low])) * 4 + 4;
        if first >> 6 != 2 || length > self.rest.len() {
            return None;
        }
        let (part, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some((kind, first & 0x1f, &part[4..]))
    }
}

struct Writer<'a> {
    out: &'a mut [u8; MAX_LEN],
    length: usize,
}

impl Writer<'_> {
    fn report(&mut self, ssrc: u32, sender: Option<SenderInfo>, block: Option<ReportBlock>) {
        let start = self.length;
        let kind = if sender.is_some() { SR } else { RR };
        self.put(&[0x80 | u8::from(block.is_some()), kind, 0, 0]);
        self.word(ssrc);
        if let Some(sender) = sender {
            self.put(&sender.ntp.to_be_bytes());
            self.word(sender.timestamp);
            self.word(sender.packets);
            self.word(sender.octets);
        }
        if let Some(block) = block {
            self.block(&block);
        }
        self.close(start);
    }

    fn block(&mut self, block: &ReportBlock) {
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        self.word(block.ssrc);
        self.word(u32::from(block.fraction_lost) << 24 | lost);
        self.word(block.highest_sequence);
        self.word(block.jitter);
        self.word(block.last_report);
        self.word(block.delay);
    }

    /// SDES with one chunk: CNAME, then zeros up to a word's end (RFC 3550 §6.5).
    fn description(&mut self, ssrc: u32, cname: &str) {
        let start = self.length;
        let cname = &cname.as_bytes()[..cname.len().min(MAX_CNAME)];
        self.put(&[0x81, SDES, 0, 0]);
        self.word(ssrc);
        self.put(&[1, u8::try_from(cname.len()).unwrap_or(0)]);
        self.put(cname);
        self.put(&[0; 4][..4 - self.length % 4]);
        self.close(start);
    }

    /// Enters the length of the part that began at `start`: words less one.
    fn close(&mut self, start: usize) {
        let words = u16::try_from((self.length - start) / 4 - 1).unwrap_or(0);
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    fn word(&mut self, word: u32) {
        self.put(&word.to_be_bytes());
    }

    fn put(&mut self, octets: &[u8]) {
        self.out[self.length..self.length + octets.len()].copy_from_slice(octets);
        self.length += octets.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 7,
        fraction_lost: 25,
        lost: -3,
        highest_sequence: 70_000,
        jitter: 16,
        last_report: 0xaabb_ccdd,
        delay: 65_536,
    };

    #[test]
    fn reports_are_read_as_they_were_written() {
        let sender = SenderInfo { ntp: 0x1234_5678_9abc_def0, timestamp: 160, packets: 50, octets: 8_000 };
        for (sender, block) in [(Some(sender), Some(BLOCK)), (Some(sender), None), (None, Some(BLOCK)), (None, None)] {
            let mut out = [0; MAX_LEN];
            let length = write(9, sender, block, "a@b", &mut out);
            assert_eq!(length % 4, 0);
            assert_eq!(read(&out[..length]).collect::<Vec<_>>(), [Report { ssrc: 9, sender, block }]);
        }
    }

    #[test]
    fn a_compound_packet_ends_with_a_cname() {
        let mut out = [0; MAX_LEN];
        let length = write(9, None, None, "abcd", &mut out);
        assert_eq!(out[..8], [0x80, RR, 0, 1, 0, 0, 0, 9]);
        assert_eq!(out[8..length], [0x81, SDES, 0, 3, 0, 0, 0, 9, 1, 4, b'a', b'b', b'c', b'd', 0, 0]);
    }

    #[test]
    fn the_longest_packet_fits() {
        let mut out = [0; MAX_LEN];
        let sender = SenderInfo { ntp: 0, timestamp: 0, packets: 0, octets: 0 };
        assert!(write(9, Some(sender), Some(BLOCK), &"x".repeat(200), &mut out) <= MAX_LEN);
    }

    proptest! {
        #[test]
        fn no_datagram_panics(datagram in prop::collection::vec(any::<u8>(), 0..128)) {
            read(&datagram).for_each(drop);
        }
    }
}
