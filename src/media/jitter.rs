//! The jitter buffer: packets come in as the network brings them, and go out in order, at an even pace.
//!
//! Whoever decodes a leg asks every 20 ms, or whenever his samples run out, what is next: a packet, a hole where one was
//! lost, a pause of the far side, or nothing. A packet is due when it is as old as [`Delay`] says that nearly all packets
//! are when they come. The buffer never looks back: what comes after its time is counted and gone.
//!
//! The wait is corrected by whoever decodes: with each packet comes a [`Tempo`]. Only at the beginning of talk the buffer
//! sets it right by itself. Memory is fixed; nothing is allocated after [`Jitter::new`].

use std::time::Duration;
use std::time::Instant;

use crate::media::delay::Delay;
use crate::media::delay::signed;
use crate::media::rtp::Header;
use crate::media::shelf::BLOCKS;
use crate::media::shelf::LONGEST;
use crate::media::shelf::Parcel;
use crate::media::shelf::Shelf;

/// Waits for late packets of one leg.
#[derive(Debug)]
pub struct Jitter {
    /// Ticks in 20 ms.
    frame: i32,
    /// `None` before the first packet.
    line: Option<Line>,
    delay: Delay,
    shelf: Shelf,
    entries: [Option<Entry>; BLOCKS],
    held: usize,
    /// Ticks to wait on top of what the network needs.
    ahead: i32,
    /// Packets in a row that were due for a shorter wait.
    early: u8,
    /// What was heard last.
    last: Content,
    counts: Counts,
}

/// One source and one line of its timestamps.
#[derive(Debug, Clone, Copy)]
struct Line {
    ssrc: u32,
    /// The packet that came last.
    sequence: u16,
    timestamp: u32,
    /// The sequence number that should come out next; none before it ever will.
    next: u16,
    /// Packets in a row that came after their time.
    late: u8,
    play: Play,
}

#[derive(Debug, Clone, Copy)]
enum Play {
    /// Until the first packet is as old as it should be.
    Waiting,
    /// `cursor` is the timestamp that is heard next. Nothing was there for the last `missed` ticks.
    Running { cursor: u32, missed: i32 },
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    sequence: u16,
    timestamp: u32,
    ticks: u32,
    content: Content,
    parcel: Parcel,
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Audio,
    /// The far side pauses; how its silence sounds from here on (RFC 3389, Opus DTX).
    Noise,
}

/// What is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// A packet, `length` octets; its first `skip` ticks were due before and have been filled.
    Packet { length: usize, content: Content, skip: u32, tempo: Tempo },
    /// So many ticks were lost. When the packet behind them is here, its octets are shown: Opus may say in it what was lost.
    Lost { ticks: u32, following: Option<usize> },
    /// So many ticks of silence: the far side pauses.
    Pause { ticks: u32 },
    /// The far side sends nothing, or its first packet is not due.
    Nothing,
}

/// How the wait stands to what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tempo {
    Keep,
    /// Too long: leave a little out.
    Hurry,
    /// Too short: put a little in.
    Linger,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    Kept,
    Late,
    Duplicate,
    /// Too long for any packet of ours.
    Refused,
}

/// Of the whole life of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub kept: u64,
    /// Came after their time.
    pub late: u64,
    pub duplicates: u64,
    /// Were here and were thrown away: the buffer was full, or the source began anew.
    pub discarded: u64,
    /// Holes of up to 20 ms that had to be filled.
    pub lost: u64,
}

/// A timestamp this far from the last one, in seconds, begins a new line.
const MAX_LEAP: u32 = 10;

/// RFC 3550 A.1.
const MAX_DROPOUT: i16 = 3_000;
const MAX_MISORDER: i16 = 100;

/// So many late packets in a row: the way has become longer than any wait of ours, or the timestamps stood still.
const MAX_LATE: u8 = 5;

/// Nothing for so many frames is a pause.
const PAUSE: i32 = 5;

/// For so many it is the end of talk; longer when the far side has said that it pauses.
const END: i32 = 50;
const END_OF_NOISE: i32 = 1_500;

/// The wait is shortened when it is longer than it should be by more than a frame and a bit, for so many packets.
const PATIENCE: u8 = 8;

impl Jitter {
    /// `clock_rate` is that of the timestamps.
    pub fn new(clock_rate: u32, now: Instant) -> Jitter {
        Jitter {
            frame: (clock_rate / 50).cast_signed(),
            line: None,
            delay: Delay::new(clock_rate, now),
            shelf: Shelf::new(),
            entries: [None; BLOCKS],
            held: 0,
            ahead: 0,
            early: 0,
            last: Content::Audio,
            counts: Counts::default(),
        }
    }

    /// Takes in a packet that sounds for `ticks`.
    pub fn push(&mut self, header: &Header, content: Content, payload: &[u8], ticks: u32, now: Instant) -> Placed {
        if payload.len() > LONGEST {
            return Placed::Refused;
        }
        let mut line = match self.line {
            Some(line) if line.goes_on_with(header, self.frame) => line,
            _ => self.begin(header, header.sequence.wrapping_sub(MAX_MISORDER.unsigned_abs()), now),
        };
        if self.is_held(header.sequence) {
            self.counts.duplicates += 1;
            return Placed::Duplicate;
        }
        self.delay.on_packet(header.timestamp, now);
        if !line.is_old(header.sequence) {
            (line.sequence, line.timestamp) = (header.sequence, header.timestamp);
            line.late = if line.is_past(header.timestamp, ticks) { line.late + 1 } else { 0 };
            if line.late == MAX_LATE {
                line = self.begin(header, line.next, now);
            }
        }
        self.line = Some(line);
        if line.late > 0 || line.is_old(header.sequence) {
            self.counts.late += 1;
            return Placed::Late;
        }
        self.keep(header, content, payload, ticks)
    }

    /// A packet of the same line that carries no audio (a key press): its number is no loss.
    pub fn pass(&mut self, sequence: u16) {
        if let Some(line) = &mut self.line
            && matches!(line.play, Play::Running { .. })
            && (0..MAX_MISORDER).contains(&sequence.wrapping_sub(line.next).cast_signed())
            && !self.entries.iter().flatten().any(|entry| is_before(entry.sequence, sequence))
        {
            line.next = sequence.wrapping_add(1);
        }
    }

    /// Waits so many ticks longer than the network makes necessary, to have the packet behind a hole at hand.
    pub fn look_ahead(&mut self, ticks: u32) {
        self.ahead = ticks.cast_signed();
    }

    /// What is next; a packet's payload is written to `out`.
    pub fn pull(&mut self, out: &mut [u8; LONGEST], now: Instant) -> Pull {
        let Some(line) = self.line else {
            return Pull::Nothing;
        };
        match line.play {
            Play::Waiting => self.start(out, now),
            Play::Running { cursor, missed } => match self.earliest() {
                Some(index) => self.go_on(index, cursor, line.next, out, now),
                None => self.starve(cursor, missed, now),
            },
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Packets that wait.
    pub fn depth(&self) -> usize {
        self.held
    }

    /// How old packets should be when they are heard.
    pub fn target(&self) -> Duration {
        let ahead = u64::from(self.ahead.unsigned_abs()) * 20 / u64::from(self.frame.unsigned_abs().max(1));
        self.delay.target_time() + Duration::from_millis(ahead)
    }

    /// How much faster than ours the far side's clock runs, in millionths; `None` until it is known.
    pub fn drift_ppm(&self) -> Option<i32> {
        self.delay.drift_ppm()
    }

    fn target_ticks(&self) -> i32 {
        self.delay.target() + self.ahead
    }

    fn begin(&mut self, header: &Header, next: u16, now: Instant) -> Line {
        self.counts.discarded += self.held as u64;
        (self.entries, self.held) = ([None; BLOCKS], 0);
        self.shelf.clear();
        self.delay.begin(header.timestamp, now);
        let Header { ssrc, sequence, timestamp, .. } = *header;
        Line { ssrc, sequence, timestamp, next, late: 0, play: Play::Waiting }
    }

    fn keep(&mut self, header: &Header, content: Content, payload: &[u8], ticks: u32) -> Placed {
        let parcel = loop {
            match self.shelf.put(payload) {
                Some(parcel) if self.held < BLOCKS => break parcel,
                Some(parcel) => self.shelf.free(parcel),
                None => {}
            }
            self.discard_earliest();
        };
        let Header { sequence, timestamp, .. } = *header;
        if let Some(slot) = self.entries.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(Entry { sequence, timestamp, ticks, content, parcel });
            self.held += 1;
        }
        self.counts.kept += 1;
        Placed::Kept
    }

    /// Makes room; what is next goes on behind the gap, without a wait for it.
    fn discard_earliest(&mut self) {
        let Some(entry) = self.earliest().and_then(|index| self.take(index)) else {
            return self.shelf.clear();
        };
        self.shelf.free(entry.parcel);
        self.counts.discarded += 1;
        if let Some(line) = &mut self.line {
            line.next = entry.sequence.wrapping_add(1);
            if let Play::Running { cursor, .. } = &mut line.play {
                *cursor = entry.end();
            }
        }
    }

    /// Begins with the first packet that is not older than it should be.
    fn start(&mut self, out: &mut [u8; LONGEST], now: Instant) -> Pull {
        let target = self.target_ticks();
        loop {
            let Some((index, entry)) = self.earliest().and_then(|index| Some((index, self.entries[index]?))) else {
                return Pull::Nothing;
            };
            let slack = self.delay.slack(entry.timestamp, now);
            if slack < target {
                return Pull::Nothing;
            }
            if slack < target + 2 * self.frame || self.held == 1 {
                return self.deliver(index, entry.timestamp, out, now);
            }
            self.discard_earliest();
        }
    }

    fn go_on(&mut self, index: usize, cursor: u32, next: u16, out: &mut [u8; LONGEST], now: Instant) -> Pull {
        let Some(entry) = self.entries[index] else {
            return Pull::Nothing;
        };
        let gap = signed(entry.timestamp, cursor);
        if gap <= 0 {
            return self.deliver(index, cursor, out, now);
        }
        let slack = self.delay.slack(entry.timestamp, now);
        let lost = entry.sequence != next;
        // After a pause the wait can be set right unheard.
        if slack >= self.target_ticks() && (!lost || slack >= self.target_ticks() + 2 * self.frame) {
            return self.deliver(index, entry.timestamp, out, now);
        }
        if lost && !self.is_due(cursor, now) {
            return self.hold_out();
        }
        let ticks = gap.min(self.frame);
        self.run(cursor.wrapping_add(ticks.cast_unsigned()), 0);
        match lost {
            false => Pull::Pause { ticks: ticks.cast_unsigned() },
            true => {
                self.counts.lost += 1;
                let following = (gap <= self.frame).then(|| self.shelf.read(entry.parcel, out));
                Pull::Lost { ticks: ticks.cast_unsigned(), following }
            }
        }
    }

    /// What was overtaken may still come in time: the wait is shorter than it should be, and grows by what is put in.
    fn hold_out(&mut self) -> Pull {
        self.counts.lost += 1;
        Pull::Lost { ticks: self.frame.cast_unsigned(), following: None }
    }

    /// Whether what is heard from `timestamp` on is as old as it should be.
    fn is_due(&self, timestamp: u32, now: Instant) -> bool {
        self.delay.slack(timestamp, now) >= self.target_ticks()
    }

    /// Nothing is here: either it comes later than we thought, and we wait, or it does not come.
    fn starve(&mut self, cursor: u32, missed: i32, now: Instant) -> Pull {
        let missed = missed + self.frame;
        let (pause, end) = match self.last {
            Content::Audio => (PAUSE, END),
            Content::Noise => (0, END_OF_NOISE),
        };
        if missed > end * self.frame {
            if let Some(line) = &mut self.line {
                line.play = Play::Waiting;
            }
            return Pull::Nothing;
        }
        let due = self.is_due(cursor, now);
        let ticks = self.frame.cast_unsigned();
        self.run(cursor.wrapping_add(if due { ticks } else { 0 }), missed);
        if missed > pause * self.frame {
            return Pull::Pause { ticks };
        }
        self.counts.lost += 1;
        Pull::Lost { ticks, following: None }
    }

    fn deliver(&mut self, index: usize, cursor: u32, out: &mut [u8; LONGEST], now: Instant) -> Pull {
        let Some(entry) = self.take(index) else {
            return Pull::Nothing;
        };
        let tempo = self.tempo(entry.timestamp, now);
        let length = self.shelf.read(entry.parcel, out);
        self.shelf.free(entry.parcel);
        self.last = entry.content;
        if let Some(line) = &mut self.line {
            line.next = entry.sequence.wrapping_add(1);
        }
        self.run(entry.end(), 0);
        let skip = signed(cursor, entry.timestamp).max(0).cast_unsigned();
        Pull::Packet { length, content: entry.content, skip, tempo }
    }

    fn tempo(&mut self, timestamp: u32, now: Instant) -> Tempo {
        let ahead = self.delay.slack(timestamp, now) - self.target_ticks();
        self.early = if ahead > self.frame * 5 / 4 { self.early + 1 } else { 0 };
        if ahead < -self.frame / 4 {
            return Tempo::Linger;
        }
        if self.early < PATIENCE {
            return Tempo::Keep;
        }
        self.early = 0;
        Tempo::Hurry
    }

    fn run(&mut self, cursor: u32, missed: i32) {
        if let Some(line) = &mut self.line {
            line.play = Play::Running { cursor, missed };
        }
    }

    fn take(&mut self, index: usize) -> Option<Entry> {
        let entry = self.entries[index].take()?;
        self.held -= 1;
        Some(entry)
    }

    fn is_held(&self, sequence: u16) -> bool {
        self.entries.iter().flatten().any(|entry| entry.sequence == sequence)
    }

    /// They all lie within a few seconds, so one can be compared to another across the wrap.
    fn earliest(&self) -> Option<usize> {
        let mut earliest: Option<(usize, u32)> = None;
        for (index, entry) in self.entries.iter().enumerate().filter_map(|(index, entry)| Some((index, (*entry)?))) {
            if earliest.is_none_or(|(_, timestamp)| signed(entry.timestamp, timestamp) < 0) {
                earliest = Some((index, entry.timestamp));
            }
        }
        earliest.map(|(index, _)| index)
    }
}

impl Line {
    fn goes_on_with(&self, header: &Header, frame: i32) -> bool {
        let step = header.sequence.wrapping_sub(self.sequence).cast_signed();
        let leap = signed(header.timestamp, self.timestamp).unsigned_abs();
        header.ssrc == self.ssrc
            && (-MAX_MISORDER..=MAX_DROPOUT).contains(&step)
            && leap <= frame.unsigned_abs() * 50 * MAX_LEAP
    }

    fn is_old(&self, sequence: u16) -> bool {
        is_before(sequence, self.next)
    }

    /// All of it should have been heard by now.
    fn is_past(&self, timestamp: u32, ticks: u32) -> bool {
        match self.play {
            Play::Waiting => false,
            Play::Running { cursor, .. } => signed(timestamp.wrapping_add(ticks.max(1)), cursor) <= 0,
        }
    }
}

fn is_before(sequence: u16, other: u16) -> bool {
    sequence.wrapping_sub(other).cast_signed() < 0
}

impl Entry {
    fn end(&self) -> u32 {
        self.timestamp.wrapping_add(self.ticks)
    }
}

#[cfg(test)]
#[path = "tests/jitter.rs"]
mod tests;
