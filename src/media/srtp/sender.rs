//! Seals what we send under one master key.

use crate::media::security::Mark;
use crate::media::security::MasterKey;
use crate::media::security::Suite;
use crate::media::srtp::Refusal;
use crate::media::srtp::derivation::Usage;
use crate::media::srtp::index::Window;
use crate::media::srtp::put_mark;
use crate::media::srtp::sequence;
use crate::media::srtp::transform::Transform;
use crate::media::srtp::word;

/// Of one SSRC: a leg sends under one for its whole life.
#[derive(Debug)]
pub struct Sender {
    packets: Transform,
    reports: Transform,
    /// No index is used twice: two packets under one keystream tell each other's content. RFC 3711 §9.1.
    window: Window,
    /// Of the next report.
    report: u32,
    mark: Option<Mark>,
}

/// The last index of a packet. RFC 3711 §3.3.1: a rollover counter of 32 bits over a sequence of 16.
const LAST_INDEX: u64 = (1 << 48) - 1;

/// RFC 3711 §3.4.
const LAST_REPORT: u32 = (1 << 31) - 1;

impl Sender {
    pub fn new(suite: Suite, master: &MasterKey) -> Sender {
        Sender {
            packets: Transform::new(suite, master, Usage::Packets),
            reports: Transform::new(suite, master, Usage::Reports),
            window: Window::default(),
            report: 0,
            mark: None,
        }
    }

    /// What each packet says of its key from now on.
    pub fn set_mark(&mut self, mark: Option<Mark>) {
        self.mark = mark;
    }

    /// Seals the RTP packet of `length` octets at the start of `buffer`, which has room for [`super::OVERHEAD`] more; the
    /// octets that it has then.
    pub fn seal(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refusal> {
        let packet = buffer.get(..length).ok_or(Refusal::NoRoom)?;
        let (sequence, ssrc) = sequence(packet).zip(word(packet, 8)).ok_or(Refusal::Malformed)?;
        let index = self.window.estimate(sequence).ok_or(Refusal::Replayed)?;
        if index > LAST_INDEX {
            return Err(Refusal::Exhausted);
        }
        if !self.window.is_new(index) {
            return Err(Refusal::Replayed);
        }
        let sealed = self.packets.seal(buffer, length, ssrc, index)?;
        self.window.mark(index);
        put_mark(self.mark, self.packets.tail_octets(), buffer, sealed)
    }

    /// The same for a compound of RTCP packets.
    pub fn seal_report(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refusal> {
        let report = buffer.get(..length).ok_or(Refusal::NoRoom)?;
        let ssrc = word(report, 4).ok_or(Refusal::Malformed)?;
        if self.report > LAST_REPORT {
            return Err(Refusal::Exhausted);
        }
        let sealed = self.reports.seal_report(buffer, length, ssrc, self.report)?;
        self.report += 1;
        put_mark(self.mark, self.reports.tail_octets(), buffer, sealed)
    }
}
