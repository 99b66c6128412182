//! What a receiver sees of one leg across any sequence of sources: sequence numbers without a jump, timestamps that never
//! go back and never leave the clock, marks where a pause has passed.

use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

const FRAME: Duration = Duration::from_millis(20);

/// What happens to a leg next.
#[derive(Debug, Clone)]
enum Act {
    /// A prompt or music: so many frames of ours, on the grid.
    Play(u8),
    /// Nothing is sent: on hold, between prompts, or while a codec is waited for. In steps of the grid.
    Pause(u16),
    /// The partner is heard, under this SSRC, with packets lost by these bits, so many late by this jitter in milliseconds.
    Bridge { ssrc: u8, packets: u8, lost: u64, jitter: u8 },
    /// Keys of ours: packets of one press, and frames of pause behind it.
    Press(u8, u8),
    /// A re-INVITE with another codec.
    Clock(u32),
    /// A frame of a partner in another codec, which comes when it comes.
    Carry { frames: u8, jitter: u8 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1..60_u8).prop_map(Act::Play),
        (1..2_000_u16).prop_map(Act::Pause),
        (0..3_u8, 1..60_u8, any::<u64>(), 0..15_u8).prop_map(|(ssrc, packets, lost, jitter)| {
            // One packet in four is lost at most.
            Act::Bridge { ssrc, packets, lost: lost & lost.rotate_left(7), jitter }
        }),
        (1..12_u8, 0..8_u8).prop_map(|(packets, pause)| Act::Press(packets, pause)),
        prop_oneof![Just(8_000_u32), Just(48_000_u32)].prop_map(Act::Clock),
        (1..40_u8, 0..15_u8).prop_map(|(frames, jitter)| Act::Carry { frames, jitter }),
    ]
}

/// One packet as it left.
#[derive(Debug, Clone, Copy)]
struct Sent {
    header: Header,
    at: Instant,
    clock: u32,
    what: What,
    /// Packets of the source that were lost on their way to us, since the one before.
    missing: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Ours,
    Key,
    Relayed,
    Carried,
}

/// A leg, its clock, and all that it has sent.
struct Leg {
    line: Restamp,
    clock: u32,
    start: Instant,
    now: Instant,
    /// The next sequence number of each partner.
    sequences: [u16; 3],
    sent: Vec<Sent>,
}

impl Leg {
    fn new() -> Leg {
        // Both are about to wrap.
        let (line, start) = (Restamp::new(7, 65_500, u32::MAX - 1_000, 8_000), start());
        Leg { line, clock: 8_000, start, now: start, sequences: [65_530, 9, 30_000], sent: Vec::new() }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Play(frames) => (0..*frames).for_each(|_| self.frame(What::Ours, Duration::ZERO)),
            Act::Carry { frames, jitter } => {
                (0..*frames).for_each(|n| self.frame(What::Carried, wobble(n, *jitter)));
            }
            Act::Pause(steps) => self.now += Duration::from_millis(5) * u32::from(*steps),
            Act::Bridge { ssrc, packets, lost, jitter } => self.relay(*ssrc, *packets, *lost, *jitter),
            Act::Press(packets, pause) => self.press(*packets, *pause),
            Act::Clock(clock) => {
                self.clock = *clock;
                self.line.set_clock_rate(*clock);
            }
        }
    }

    fn frame(&mut self, what: What, late: Duration) {
        let (ticks, at) = (self.clock / 50, self.now + late);
        let header = match what {
            What::Carried => self.line.next(0, ticks, at),
            _ => self.line.tick(0, ticks, at),
        };
        self.push(header, at, what, 0);
        self.now += FRAME;
    }

    fn press(&mut self, packets: u8, pause: u8) {
        for turn in 0..packets {
            let phase = if turn == 0 { Phase::Begins } else { Phase::Continues };
            let header = self.line.event(101, phase, self.clock / 50, self.now);
            self.push(header, self.now, What::Key, 0);
            self.now += FRAME;
        }
        self.now += FRAME * u32::from(pause);
    }

    fn relay(&mut self, ssrc: u8, packets: u8, lost: u64, jitter: u8) {
        let mut missing = 0;
        for turn in 0..packets {
            let sequence = self.sequences[usize::from(ssrc)];
            self.sequences[usize::from(ssrc)] = sequence.wrapping_add(1);
            let passed = (self.now - self.start).as_millis() as u32 + 1_000 * u32::from(ssrc);
            let (timestamp, at) = (passed.wrapping_mul(self.clock / 1_000), self.now + wobble(turn, jitter));
            self.now += FRAME;
            // What is lost at either end of a turn nobody can miss.
            if turn > 0 && turn + 1 < packets && lost >> (turn % 64) & 1 == 1 {
                missing += 1;
                continue;
            }
            let ssrc = u32::from(ssrc) + 100;
            let mut datagram = [0; HEADER_LEN];
            Header { payload_type: 8, marker: false, sequence, timestamp, ssrc }.write(&mut datagram);
            assert_eq!(self.line.relay(&mut datagram, 0, |_| None, at), Passage::Send);
            let header = read(&datagram).unwrap().header;
            self.push(header, at, What::Relayed, std::mem::take(&mut missing));
        }
    }

    fn push(&mut self, header: Header, at: Instant, what: What, missing: u16) {
        self.sent.push(Sent { header, at, clock: self.clock, what, missing });
    }
}

fn wobble(turn: u8, jitter: u8) -> Duration {
    Duration::from_millis(u64::from(turn.wrapping_mul(37) % (jitter + 1)))
}

fn ticks(span: Duration, clock: u32) -> i64 {
    i64::try_from(span.as_micros()).unwrap() * i64::from(clock) / 1_000_000
}

fn check(sent: &[Sent]) -> Result<(), TestCaseError> {
    for pair in sent.windows(2) {
        let [before, after] = [pair[0], pair[1]];
        prop_assert_eq!(after.header.ssrc, before.header.ssrc);
        let step = after.header.sequence.wrapping_sub(before.header.sequence);
        prop_assert_eq!(step, 1 + after.missing, "{:?} {:?}", before, after);
        let moved = i64::from(after.header.timestamp.wrapping_sub(before.header.timestamp).cast_signed());
        prop_assert!(moved > 0 || (moved == 0 && after.what == What::Key), "{:?} {:?}", before, after);
        if before.clock == after.clock && before.what == What::Ours && after.what == What::Ours {
            let frame = i64::from(after.clock / 50);
            let passed = ticks(after.at - before.at, after.clock);
            prop_assert!((0..=frame).contains(&(moved - passed.max(frame)).abs()), "{:?} {:?}", before, after);
            prop_assert!(after.header.marker || moved == frame, "a mark after each pause: {:?} {:?}", before, after);
        }
    }
    Ok(())
}

/// How far the last packet's timestamp is from where the clock says that it should be, in milliseconds, codec by codec.
fn drift(sent: &[Sent]) -> i64 {
    let steps = sent.windows(2).filter(|pair| pair[0].clock == pair[1].clock && pair[1].what != What::Key);
    let behind = steps.filter(|pair| pair[0].what != What::Key).map(|pair| {
        let moved = i64::from(pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp).cast_signed());
        let passed = ticks(pair[1].at - pair[0].at, pair[1].clock);
        (moved - passed) * 1000 / i64::from(pair[1].clock)
    });
    behind.sum()
}

proptest! {
    #[test]
    fn across_any_sequence_of_sources_the_line_never_breaks(acts in prop::collection::vec(act(), 1..60)) {
        let mut leg = Leg::new();
        acts.iter().for_each(|act| leg.act(act));
        check(&leg.sent)?;
    }

    #[test]
    fn prompts_and_pauses_stay_with_the_clock_however_many_there_are(
        acts in prop::collection::vec(prop_oneof![(1..60_u8).prop_map(Act::Play), (1..30_u16).prop_map(Act::Pause)], 1..200),
    ) {
        let mut leg = Leg::new();
        acts.iter().for_each(|act| leg.act(act));
        check(&leg.sent)?;
        prop_assert_eq!(drift(&leg.sent), 0, "milliseconds");
        let pauses = leg.sent.windows(2).filter(|pair| pair[1].at - pair[0].at > FRAME).count();
        prop_assert_eq!(leg.sent.iter().filter(|sent| sent.header.marker).count(), pauses + usize::from(!leg.sent.is_empty()));
    }
}

#[test]
fn ten_keys_in_a_row_do_not_set_the_line_back() {
    let mut leg = Leg::new();
    leg.act(&Act::Play(1));
    (0..10).for_each(|_| leg.act(&Act::Press(5, 3)));
    leg.act(&Act::Play(1));
    let [first, .., last] = leg.sent[..] else { panic!() };
    let moved = last.header.timestamp.wrapping_sub(first.header.timestamp);
    assert_eq!(i64::from(moved), ticks(last.at - first.at, 8_000));
}

#[test]
fn an_hour_of_frames_does_not_drift_by_a_tick() {
    let mut leg = Leg::new();
    for _ in 0..3_000 {
        leg.act(&Act::Play(60));
    }
    let [first, .., last] = leg.sent[..] else { panic!() };
    assert_eq!(last.at - first.at, FRAME * 179_999);
    let moved = last.header.timestamp.wrapping_sub(first.header.timestamp);
    assert_eq!(u64::from(moved), 179_999 * 160);
    assert_eq!(leg.sent.iter().filter(|sent| sent.header.marker).count(), 1);
}
