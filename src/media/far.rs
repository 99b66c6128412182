//! What the far side's RTCP tells of a stream: how it hears us, how far away it is, and that it is there at all.
//!
//! Times of day never mix with ours: a round trip is the difference of two readings of our own clock less the far side's
//! stated delay (RFC 3550 §6.4.1, RFC 3611 §4.5). What cannot be true is left out, as anybody can write anything in a report.

use std::time::Duration;
use std::time::Instant;

use crate::media::rtcp;
use crate::media::rtcp::ReportBlock;
use crate::media::rtcp_xr;
use crate::media::rtcp_xr::Answer;
use crate::media::rtcp_xr::Block;
use crate::media::rtcp_xr::VoipMetrics;

/// The reports of one far side.
#[derive(Debug, Clone, Default)]
pub struct Far {
    /// When the last one came.
    heard: Option<Instant>,
    /// Its last block about us.
    block: Option<ReportBlock>,
    round_trip: Option<Duration>,
    /// What it misses of ours, in 1/256: as much as in its last report, or half of what it was before.
    loss: u8,
    /// Who sent the last sender report or reference time: the middle of its NTP time, and when that came.
    sender_report: Option<(u32, Instant)>,
    reference: Option<(u32, u32, Instant)>,
    voip: Option<Box<VoipMetrics>>,
}

/// No round trip is longer; a report that says so is wrong, or an answer to one of another day.
const LONGEST_ROUND_TRIP: u32 = 10 << 16;

/// Two clocks that round differently: as much below zero is zero.
const ROUNDING: i32 = -(1 << 10);

impl Far {
    /// Takes in a compound packet that came at `now`, which is `ntp` by our own clock, about our source `ssrc`. False: it held
    /// no report of a far side.
    pub fn on_control(&mut self, datagram: &[u8], ssrc: u32, ntp: u64, now: Instant) -> bool {
        let clock = middle(ntp);
        let mut came = false;
        for report in rtcp::read(datagram) {
            came = true;
            if let Some(sender) = report.sender {
                self.sender_report = Some((middle(sender.ntp), now));
            }
            if let Some(block) = report.block.filter(|block| block.ssrc == ssrc) {
                self.loss = block.fraction_lost.max(self.loss / 2);
                self.block = Some(block);
                self.measure(clock, block.last_report, block.delay);
            }
        }
        for block in rtcp_xr::read(datagram) {
            came = true;
            self.on_extended(block, sender(datagram), ssrc, clock, now);
        }
        self.heard = if came { Some(now) } else { self.heard };
        came
    }

    /// A re-INVITE: what the last far side said is not what the next one hears. The round trip stays until a better is known.
    pub fn reset(&mut self) {
        *self = Far { round_trip: self.round_trip, block: self.block, voip: self.voip.take(), ..Far::default() };
    }

    pub fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// How it hears us; none before it has said so.
    pub fn block(&self) -> Option<&ReportBlock> {
        self.block.as_ref()
    }

    /// So many of a hundred packets of ours do not reach it, as far as it has said; losses are forgotten over some reports.
    pub fn missing_percent(&self) -> u8 {
        (u32::from(self.loss) * 100).div_ceil(256) as u8
    }

    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub fn voip(&self) -> Option<&VoipMetrics> {
        self.voip.as_deref()
    }

    /// For a report block of ours: the last sender report, and the time since in 1/65536 s; zeros before the first.
    pub fn last_report(&self, now: Instant) -> (u32, u32) {
        self.sender_report.map_or((0, 0), |(middle, came)| (middle, since(came, now)))
    }

    /// What we answer to the far side's extended report; none for a far side that has sent none.
    pub fn answer(&self, now: Instant) -> Option<Answer> {
        let (ssrc, reference, came) = self.reference?;
        Some(Answer { ssrc, reference, delay: since(came, now) })
    }

    fn on_extended(&mut self, block: Block, from: u32, ssrc: u32, clock: u32, now: Instant) {
        match block {
            Block::ReferenceTime(reference) => self.reference = Some((from, reference, now)),
            Block::Answer(answer) if answer.ssrc == ssrc => self.measure(clock, answer.reference, answer.delay),
            Block::Voip { ssrc: about, metrics } if about == ssrc => self.voip = Some(Box::new(metrics)),
            Block::Answer(_) | Block::Voip { .. } => {}
        }
    }

    /// A - LSR - DLSR.
    fn measure(&mut self, clock: u32, last_report: u32, delay: u32) {
        if last_report == 0 {
            return;
        }
        let trip = clock.wrapping_sub(last_report).wrapping_sub(delay).cast_signed();
        if trip >= ROUNDING && trip < LONGEST_ROUND_TRIP.cast_signed() {
            self.round_trip = Some(Duration::from_secs_f64(f64::from(trip.max(0)) / 65_536.0));
        }
    }
}

/// The middle 32 bits of an NTP time.
pub fn middle(ntp: u64) -> u32 {
    ((ntp >> 16) & u64::from(u32::MAX)) as u32
}

/// The SSRC of the sender of a compound packet.
fn sender(datagram: &[u8]) -> u32 {
    datagram.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |four| u32::from_be_bytes(*four))
}

fn since(came: Instant, now: Instant) -> u32 {
    (now.saturating_duration_since(came).as_secs_f64() * 65_536.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtcp::SenderInfo;

    const OURS: u32 = 5;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    /// A report about us that was made `delay` after our report at `last_report` had come, in 1/65536 s.
    fn report(ssrc: u32, last_report: u32, delay: u32) -> Vec<u8> {
        let block = ReportBlock { ssrc, lost: 3, last_report, delay, ..ReportBlock::default() };
        let mut out = [0; rtcp::MAX_LEN];
        let sender = SenderInfo { ntp: 0x11_2222_3333_4444, timestamp: 0, packets: 1, octets: 1 };
        let length = rtcp::write(9, Some(sender), Some(block), "far", &mut out);
        out[..length].to_vec()
    }

    #[test]
    fn the_round_trip_is_what_is_left_of_the_time_since_our_report() {
        let (mut far, now) = (Far::default(), start());
        let sent = 0xffff_0000_u32;
        let ntp = u64::from(sent.wrapping_add(65_536 + 6_554)) << 16;
        assert!(far.on_control(&report(OURS, sent, 65_536), OURS, ntp, now));
        assert_eq!(far.round_trip().unwrap().as_millis(), 100);
        assert_eq!(far.block().unwrap().lost, 3);
        assert_eq!(far.last_report(now + Duration::from_secs(2)), (0x2222_3333, 2 << 16));
    }

    #[test]
    fn losses_are_expected_again_for_some_reports_and_forgotten_then() {
        let (mut far, now) = (Far::default(), start());
        let mut missing = |fraction_lost| {
            let block = ReportBlock { ssrc: OURS, fraction_lost, ..ReportBlock::default() };
            let mut out = [0; rtcp::MAX_LEN];
            let length = rtcp::write(9, None, Some(block), "far", &mut out);
            far.on_control(&out[..length], OURS, 1, now);
            far.missing_percent()
        };
        assert_eq!([missing(0), missing(26), missing(0), missing(64), missing(0)], [0, 11, 6, 25, 13]);
        assert_eq!((0..6).map(|_| missing(0)).collect::<Vec<_>>(), [7, 4, 2, 1, 1, 0][..6].to_vec());
    }

    #[test]
    fn what_cannot_be_true_is_not_believed() {
        let (mut far, now) = (Far::default(), start());
        let ntp = 1_000_u64 << 32;
        let clock = middle(ntp);
        // No report of ours had come; a delay longer than the time since; a report of half a minute ago; another's source.
        for (ssrc, last, delay) in
            [(OURS, 0, 0), (OURS, clock - 100, 1 << 20), (OURS, clock - (30 << 16), 0), (6, clock, 0)]
        {
            far.on_control(&report(ssrc, last, delay), OURS, ntp, now);
            assert_eq!(far.round_trip(), None, "{last} {delay}");
        }
        far.on_control(&report(OURS, clock, 1), OURS, ntp, now);
        assert_eq!(far.round_trip(), Some(Duration::ZERO), "clocks round");
    }

    #[test]
    fn who_sends_no_audio_learns_the_round_trip_by_extended_reports() {
        let (mut asks, mut answers, now) = (Far::default(), Far::default(), start());
        let mut out = [0; 128];
        let sent = 77_u64 << 32;
        let length = rtcp_xr::append(OURS, Some(middle(sent)), None, &mut out, 0);
        assert!(answers.on_control(&out[..length], 9, 1, now));
        let answer = answers.answer(now + Duration::from_millis(500));
        let length = rtcp_xr::append(9, None, answer, &mut out, 0);
        let back = sent + (u64::from(32_768_u32 + 3_277) << 16);
        asks.on_control(&out[..length], OURS, back, now);
        assert_eq!(asks.round_trip().unwrap().as_millis(), 50);
    }

    #[test]
    fn garbage_is_no_sign_of_life() {
        let (mut far, now) = (Far::default(), start());
        assert!(!far.on_control(b"GET / HTTP/1.1", OURS, 1, now));
        assert!(far.heard().is_none());
    }
}
