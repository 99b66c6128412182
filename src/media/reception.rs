//! What arrived and what did not, as RFC 3550 counts it (§6.4.1, A.1, A.3, A.8).
//!
//! One [`Reception`] for each source that a leg hears. It orders nothing and holds nothing back: it says of each packet
//! whether it is new, late, a repetition or the beginning of another line, and keeps the figures for reports.

use std::time::Duration;
use std::time::Instant;

use crate::media::rtcp::ReportBlock;

/// How a packet stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Further than all before; `missing` packets between it and the last one have not come (yet).
    New { missing: u16 },
    /// Fills a gap.
    Late,
    /// Has been here before, or is too old to tell.
    Duplicate,
    /// The source has begun a new line of sequence numbers; the figures of the old one are kept.
    Restarted,
}

/// The figures of one source.
#[derive(Debug, Clone)]
pub struct Reception {
    clock_rate: u32,
    line: Option<Line>,
    received: u64,
    duplicates: u64,
    /// Of lines that have ended.
    expected_before: u64,
    /// In ticks, scaled by 16 as in RFC 3550 A.8.
    jitter: u32,
    /// Expected and received when the last report was made.
    reported: (u64, u64),
}

#[derive(Debug, Clone, Copy)]
struct Line {
    ssrc: u32,
    /// The first sequence number, and the furthest with its wraps in the upper bits.
    base: u32,
    highest: u32,
    /// Bit n: `highest - n` has come.
    seen: u64,
    /// Arrival and timestamp of the last packet, for jitter.
    last: (Instant, u32),
}

impl Reception {
    pub fn new(clock_rate: u32) -> Reception {
        Reception {
            clock_rate,
            line: None,
            received: 0,
            duplicates: 0,
            expected_before: 0,
            jitter: 0,
            reported: (0, 0),
        }
    }

    /// Takes in one packet of audio.
    pub fn on_packet(&mut self, ssrc: u32, sequence: u16, timestamp: u32, now: Instant) -> Arrival {
        let arrival = match self.line {
            Some(line) if line.ssrc == ssrc => self.place(line, sequence),
            _ => Arrival::Restarted,
        };
        match arrival {
            Arrival::Restarted => self.begin(ssrc, sequence, timestamp, now),
            Arrival::Duplicate => self.duplicates += 1,
            Arrival::New { .. } => self.measure(timestamp, now),
            Arrival::Late => {}
        }
        if arrival != Arrival::Duplicate {
            self.received += 1;
        }
        arrival
    }

    /// Packets that came, repetitions not counted.
    pub fn received(&self) -> u64 {
        self.received
    }

    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that the sequence numbers promise and that have not come.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub fn jitter(&self) -> Duration {
        let ticks = u64::from(self.jitter >> 4);
        Duration::from_micros(ticks * 1_000_000 / u64::from(self.clock_rate.max(1)))
    }

    /// The report on this source since the last one; `None` before the first packet. The times of the last sender
    /// report are the caller's to fill in.
    pub fn report(&mut self) -> Option<ReportBlock> {
        let line = self.line?;
        let (expected, received) = (self.expected() - self.reported.0, self.received - self.reported.1);
        let lost = expected.saturating_sub(received);
        let fraction = (lost * 256).checked_div(expected).unwrap_or(0).min(255);
        self.reported = (self.expected(), self.received);
        Some(ReportBlock {
            ssrc: line.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(self.lost()).unwrap_or(i32::MAX),
            highest_sequence: line.highest,
            jitter: self.jitter >> 4,
            last_report: 0,
            delay: 0,
        })
    }

    fn expected(&self) -> u64 {
        self.expected_before + self.line.map_or(0, |line| u64::from(line.highest.wrapping_sub(line.base)) + 1)
    }

    fn begin(&mut self, ssrc: u32, sequence: u16, timestamp: u32, now: Instant) {
        self.expected_before = self.expected();
        let base = u32::from(sequence);
        self.line = Some(Line { ssrc, base, highest: base, seen: 1, last: (now, timestamp) });
    }

    /// Finds a sequence number's place on the line and notes it there.
    fn place(&mut self, mut line: Line, sequence: u16) -> Arrival {
        let step = sequence.wrapping_sub(low_half(line.highest)).cast_signed();
        let arrival = match step {
            1..=MAX_DROPOUT => {
                let step = step.unsigned_abs();
                line.highest = line.highest.wrapping_add(u32::from(step));
                line.seen = line.seen.checked_shl(u32::from(step)).unwrap_or(0) | 1;
                Arrival::New { missing: step - 1 }
            }
            MIN_STEP..=0 => line.fill(u32::from(step.unsigned_abs())),
            _ => Arrival::Restarted,
        };
        self.line = Some(line);
        arrival
    }

    /// RFC 3550 A.8: J += (|D| - J) / 16.
    fn measure(&mut self, timestamp: u32, now: Instant) {
        let Some(line) = &mut self.line else { return };
        let (came, stamp) = line.last;
        line.last = (now, timestamp);
        let passed = now.saturating_duration_since(came).as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        let transit = passed - i64::from(timestamp.wrapping_sub(stamp).cast_signed());
        // A pause of the sender is no jitter: a leap of more than a second is left out.
        let Ok(transit) = u32::try_from(transit.unsigned_abs()) else {
            return;
        };
        if transit <= self.clock_rate {
            self.jitter = self.jitter + transit - ((self.jitter + 8) >> 4);
        }
    }
}

impl Line {
    fn fill(&mut self, back: u32) -> Arrival {
        // Before the first packet: counting it would make more received than expected.
        if back >= 64 || self.highest.wrapping_sub(back) < self.base {
            return Arrival::Duplicate;
        }
        let bit = 1 << back;
        if self.seen & bit != 0 {
            return Arrival::Duplicate;
        }
        self.seen |= bit;
        Arrival::Late
    }
}

/// RFC 3550 A.1.
const MAX_DROPOUT: i16 = 3000;

/// RFC 3550 A.1: MAX_MISORDER.
const MIN_STEP: i16 = -100;

fn low_half(extended: u32) -> u16 {
    (extended & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn hear(reception: &mut Reception, sequences: &[u16]) -> Vec<Arrival> {
        let now = start();
        sequences.iter().map(|sequence| reception.on_packet(5, *sequence, u32::from(*sequence) * 160, now)).collect()
    }

    #[test]
    fn losses_are_counted_across_the_wrap_of_sequence_numbers() {
        let mut reception = Reception::new(8_000);
        let arrivals = hear(&mut reception, &[65_533, 65_534, 1, 2]);
        assert_eq!(
            arrivals[1..],
            [Arrival::New { missing: 0 }, Arrival::New { missing: 2 }, Arrival::New { missing: 0 }]
        );
        assert_eq!((reception.received(), reception.lost()), (4, 2));
        let report = reception.report().unwrap();
        assert_eq!((report.ssrc, report.lost, report.highest_sequence), (5, 2, 65_538));
        assert_eq!(report.fraction_lost, 85, "2 of 6 in 1/256");
    }

    #[test]
    fn a_late_packet_fills_its_gap_and_a_repeated_one_does_not_count() {
        let mut reception = Reception::new(8_000);
        let arrivals = hear(&mut reception, &[10, 12, 11, 11, 12, 9]);
        let expected = [
            Arrival::Restarted,
            Arrival::New { missing: 1 },
            Arrival::Late,
            Arrival::Duplicate,
            Arrival::Duplicate,
            Arrival::Duplicate,
        ];
        assert_eq!(arrivals, expected);
        assert_eq!((reception.received(), reception.lost(), reception.duplicates()), (3, 0, 3));
    }

    #[test]
    fn a_source_that_starts_anew_loses_nothing() {
        let mut reception = Reception::new(8_000);
        hear(&mut reception, &[10, 11, 40_000, 40_001]);
        assert_eq!(reception.on_packet(6, 3, 0, start()), Arrival::Restarted);
        assert_eq!((reception.received(), reception.lost()), (5, 0));
    }

    #[test]
    fn a_report_speaks_of_the_time_since_the_last() {
        let mut reception = Reception::new(8_000);
        assert_eq!(reception.report(), None);
        hear(&mut reception, &[1, 2, 5, 6]);
        assert_eq!(reception.report().unwrap().fraction_lost, 85);
        hear(&mut reception, &[7, 8]);
        let second = reception.report().unwrap();
        assert_eq!((second.fraction_lost, second.lost), (0, 2));
    }

    #[test]
    fn steady_arrival_has_no_jitter_and_unsteady_arrival_has() {
        let (now, mut steady, mut unsteady) = (start(), Reception::new(8_000), Reception::new(8_000));
        for index in 0..500_u16 {
            let (stamp, at) = (u32::from(index) * 160, now + ms(u64::from(index) * 20));
            steady.on_packet(1, index, stamp, at);
            unsteady.on_packet(1, index, stamp, at + ms(u64::from(index % 2) * 10));
        }
        assert_eq!(steady.jitter(), Duration::ZERO);
        assert!((ms(9)..=ms(10)).contains(&unsteady.jitter()), "{:?}", unsteady.jitter());
    }
}
