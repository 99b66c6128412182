//! The keys of packets or of reports, whatever the suite.

use std::fmt;

use crate::media::security::MasterKey;
use crate::media::security::Suite;
use crate::media::srtp::Refusal;
use crate::media::srtp::counter::Counter;
use crate::media::srtp::derivation::Usage;
use crate::media::srtp::galois;
use crate::media::srtp::galois::Galois;
use crate::media::srtp::header_octets;

/// Reports are signed from their start and hidden from behind the first SSRC. RFC 3711 §3.4.
const REPORT_HEADER: usize = 8;

/// The E bit and the index of a report.
pub(super) const TRAILER: usize = 4;

/// RFC 3711 §3.4: what follows is hidden.
const ENCRYPTED: u32 = 1 << 31;

pub(super) enum Transform {
    Counter(Box<Counter>),
    Galois(Box<Galois>),
}

impl Transform {
    pub(super) fn new(suite: Suite, master: &MasterKey, usage: Usage) -> Transform {
        match suite {
            Suite::AeadAes256Gcm | Suite::AeadAes128Gcm => {
                Transform::Galois(Box::new(Galois::new(suite, master, usage)))
            }
            _ => Transform::Counter(Box::new(Counter::new(suite, master, usage))),
        }
    }

    fn tag_octets(&self) -> usize {
        match self {
            Transform::Counter(counter) => counter.tag_octets(),
            Transform::Galois(_) => galois::TAG,
        }
    }

    /// Octets behind the mark of the key: the tag, but of AES-GCM nothing. RFC 3711 §3.1, RFC 7714 §7.1.
    pub(super) fn tail_octets(&self) -> usize {
        match self {
            Transform::Counter(counter) => counter.tag_octets(),
            Transform::Galois(_) => 0,
        }
    }

    /// Seals the packet at the start of `buffer`; the octets that it has then.
    pub(super) fn seal(&self, buffer: &mut [u8], length: usize, ssrc: u32, index: u64) -> Result<usize, Refusal> {
        let packet = buffer.get_mut(..length + self.tag_octets()).ok_or(Refusal::NoRoom)?;
        let (packet, room) = packet.split_at_mut(length);
        let header = header_octets(packet).ok_or(Refusal::Malformed)?;
        match self {
            Transform::Counter(counter) => {
                counter.apply(ssrc, index, &mut packet[header..]);
                let tag = counter.sign(packet, &rollover(index));
                room.copy_from_slice(&tag[..counter.tag_octets()]);
            }
            Transform::Galois(galois) => {
                let (header, body) = packet.split_at_mut(header);
                room.copy_from_slice(&galois.seal(ssrc, index, header, body)?);
            }
        }
        Ok(length + self.tag_octets())
    }

    /// Opens a packet; the octets that it has then.
    pub(super) fn open(&self, packet: &mut [u8], ssrc: u32, index: u64) -> Result<usize, Refusal> {
        let length = packet.len().checked_sub(self.tag_octets()).ok_or(Refusal::Malformed)?;
        let header = header_octets(&packet[..length]).ok_or(Refusal::Malformed)?;
        match self {
            Transform::Counter(counter) => {
                let (packet, tag) = packet.split_at_mut(length);
                counter.verify(packet, &rollover(index), tag)?;
                counter.apply(ssrc, index, &mut packet[header..]);
            }
            Transform::Galois(galois) => {
                let (header, body) = packet.split_at_mut(header);
                galois.open(ssrc, index, header, body)?;
            }
        }
        Ok(length)
    }

    /// The same for a compound of reports, which carries its index. RFC 3711 §3.4, RFC 7714 §9.
    pub(super) fn seal_report(
        &self,
        buffer: &mut [u8],
        length: usize,
        ssrc: u32,
        index: u32,
    ) -> Result<usize, Refusal> {
        let sealed = length + self.tag_octets() + TRAILER;
        let report = buffer.get_mut(..sealed).filter(|_| length >= REPORT_HEADER).ok_or(Refusal::NoRoom)?;
        let trailer = (index | ENCRYPTED).to_be_bytes();
        match self {
            Transform::Counter(counter) => {
                counter.apply(ssrc, index.into(), &mut report[REPORT_HEADER..length]);
                report[length..length + TRAILER].copy_from_slice(&trailer);
                let (signed, room) = report.split_at_mut(length + TRAILER);
                room.copy_from_slice(&counter.sign(signed, &[])[..counter.tag_octets()]);
            }
            Transform::Galois(galois) => {
                let signed = signed_with_trailer(report, trailer);
                let tag = galois.seal(ssrc, index.into(), &signed, &mut report[REPORT_HEADER..length])?;
                report[length..length + galois::TAG].copy_from_slice(&tag);
                report[length + galois::TAG..].copy_from_slice(&trailer);
            }
        }
        Ok(sealed)
    }

    /// The index that a report says it has.
    pub(super) fn report_index(&self, report: &[u8]) -> Result<u32, Refusal> {
        let behind = match self {
            Transform::Counter(counter) => counter.tag_octets() + TRAILER,
            Transform::Galois(_) => TRAILER,
        };
        let least = REPORT_HEADER + self.tag_octets() + TRAILER;
        let at = report.len().checked_sub(behind).filter(|_| report.len() >= least).ok_or(Refusal::Malformed)?;
        let trailer = report[at..].first_chunk().map(|octets| u32::from_be_bytes(*octets)).ok_or(Refusal::Malformed)?;
        // Nobody agreed with us on reports that are only signed (RFC 4568 §6.3.2).
        match trailer & ENCRYPTED {
            0 => Err(Refusal::Malformed),
            _ => Ok(trailer & !ENCRYPTED),
        }
    }

    /// Opens a compound of reports whose index was read; the octets that it has then.
    pub(super) fn open_report(&self, report: &mut [u8], ssrc: u32, index: u32) -> Result<usize, Refusal> {
        let length = report.len() - self.tag_octets() - TRAILER;
        match self {
            Transform::Counter(counter) => {
                let (signed, tag) = report.split_at_mut(length + TRAILER);
                counter.verify(signed, &[], tag)?;
                counter.apply(ssrc, index.into(), &mut signed[REPORT_HEADER..length]);
            }
            Transform::Galois(galois) => {
                let signed = signed_with_trailer(report, (index | ENCRYPTED).to_be_bytes());
                galois.open(ssrc, index.into(), &signed, &mut report[REPORT_HEADER..length + galois::TAG])?;
            }
        }
        Ok(length)
    }
}

/// RFC 3711 §4.2: the rollover counter is signed with the packet.
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// RFC 7714 §9.2: the first words of a report and its trailer are signed and not hidden.
fn signed_with_trailer(report: &[u8], trailer: [u8; TRAILER]) -> [u8; REPORT_HEADER + TRAILER] {
    let mut signed = [0; REPORT_HEADER + TRAILER];
    signed[..REPORT_HEADER].copy_from_slice(&report[..REPORT_HEADER]);
    signed[REPORT_HEADER..].copy_from_slice(&trailer);
    signed
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transform(..)")
    }
}
