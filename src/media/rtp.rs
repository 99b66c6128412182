//! The RTP packet (RFC 3550 §5.1) and the one line of sequence numbers and timestamps that a far side hears from us.
//!
//! Whatever a leg hears - prompts, another leg, a colleague who was transferred in, keys that we press - leaves under
//! one SSRC with gapless sequence numbers and a timestamp that runs with the clock: [`Restamp`] sees to that. A phone
//! that notices a source change drops audio or rings a jitter buffer dry; it must not notice.
//!
//! For the pump: one `Restamp` for each leg. A relayed packet: [`Restamp::relay`] on the received datagram, then send
//! the same buffer. A frame of ours: [`Restamp::next`] and [`Header::write`] in front of the payload. A key press:
//! [`Restamp::event`].

use std::ops::Range;
use std::time::Duration;
use std::time::Instant;

/// Octets of a header without CSRC and extension.
pub const HEADER_LEN: usize = 12;

/// The fixed header's fields that mean something to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub payload_type: u8,
    /// Begins a talk spurt (audio) or an event (RFC 4733 §2.5.1.1).
    pub marker: bool,
    pub sequence: u16,
    /// Ticks of the codec's clock; no time of day.
    pub timestamp: u32,
    pub ssrc: u32,
}

impl Header {
    /// Writes 12 octets: version 2, no padding, no extension, no CSRC.
    pub fn write(&self, out: &mut [u8; HEADER_LEN]) {
        out[0] = 0x80;
        out[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}

/// A datagram that was read as RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    pub header: Header,
    /// Without CSRC list, extension and padding.
    pub payload: &'a [u8],
}

/// Reads one datagram; `None` when it is not RTP version 2 or its lengths contradict each other.
pub fn read(datagram: &[u8]) -> Option<Packet<'_>> {
    let fixed: &[u8; HEADER_LEN] = datagram.first_chunk()?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    let header = Header {
        payload_type: fixed[1] & 0x7f,
        marker: fixed[1] & 0x80 != 0,
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
    };
    Some(Packet { header, payload: datagram.get(payload(datagram, fixed[0])?)? })
}

/// The payload of a datagram that [`read`] has taken, to be rewritten in place.
pub fn payload_mut(datagram: &mut [u8]) -> Option<&mut [u8]> {
    let range = payload(datagram, *datagram.first()?)?;
    datagram.get_mut(range)
}

/// Tells RTCP from RTP on a shared port (RFC 5761 §4): packet types 192-223.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 4 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

fn payload(datagram: &[u8], first: u8) -> Option<Range<usize>> {
    let csrc = usize::from(first & 0x0f) * 4;
    let mut start = HEADER_LEN + csrc;
    if first & 0x10 != 0 {
        let length = datagram.get(start + 2..start + 4)?;
        start += 4 + usize::from(u16::from_be_bytes([length[0], length[1]])) * 4;
    }
    let padding = match first & 0x20 {
        0 => 0,
        _ => usize::from(*datagram.last()?).max(1),
    };
    Some(start..datagram.len().checked_sub(padding)?)
}

/// What leaves one leg: a single SSRC whose sequence numbers and timestamps go on whoever is speaking. Never allocates.
#[derive(Debug, Clone)]
pub struct Restamp {
    ssrc: u32,
    clock_rate: u32,
    /// The number that the next new packet would get.
    next_sequence: u16,
    line: Line,
    source: Source,
}

/// Where the timestamp line stands.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// Nothing has been sent; the first packet gets this timestamp.
    Fresh { timestamp: u32 },
    /// The furthest timestamp sent so far, when, and how many ticks of sound it carried.
    Running { timestamp: u32, sent: Instant, ticks: u32 },
}

/// Who was speaking last.
#[derive(Debug, Clone, Copy)]
enum Source {
    Nobody,
    /// Frames of our own.
    Ours,
    /// A key press of ours.
    Event(Press),
    /// Packets of a far side: what is added to its numbers, and where it stands.
    Relayed(Relayed),
}

#[derive(Debug, Clone, Copy)]
struct Press {
    /// The timestamp at which it, or its last segment, began.
    started: u32,
    /// Ticks in the segments before the last.
    past: u32,
    /// Ticks that the last has been told to have.
    length: u16,
    /// The far side's timestamp of its beginning, where the press is a far side's.
    theirs: Option<u32>,
}

/// How a far side's key stands.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The far side's timestamp, which is that of the beginning of the key, or of a segment of it.
    pub began: u32,
    /// For how long since then, in ticks of our clock.
    pub ticks: u32,
}

#[derive(Debug, Clone, Copy)]
struct Relayed {
    ssrc: u32,
    sequence_shift: u16,
    timestamp_shift: u32,
    /// The first sequence number that went out for this source; anything before it was somebody else's.
    first: u16,
    /// The furthest incoming sequence number and its timestamp.
    sequence: u16,
    timestamp: u32,
}

/// Whether a packet begins an event or goes on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Begins,
    Continues,
}

/// What is to become of a received packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Send,
    /// Not RTP, or older than the moment at which its source took over.
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Set,
    Clear,
}

impl Restamp {
    /// `ssrc`, `sequence` and `timestamp` should be random (RFC 3550 §5.1); `clock_rate` is that of the negotiated codec.
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32, clock_rate: u32) -> Restamp {
        Restamp { ssrc, clock_rate, next_sequence: sequence, line: Line::Fresh { timestamp }, source: Source::Nobody }
    }

    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Goes on under another SSRC from another sequence number; timestamps go on.
    pub fn rename(&mut self, ssrc: u32, sequence: u16) {
        (self.ssrc, self.next_sequence, self.source) = (ssrc, sequence, Source::Nobody);
    }

    /// Goes on with another clock after a re-INVITE that changed the codec; sequence numbers go on. A source that was
    /// relayed counts otherwise from now on and is laid onto our line anew.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        if let Line::Running { ticks, .. } = &mut self.line {
            let scaled = u64::from(*ticks) * u64::from(clock_rate) / u64::from(self.clock_rate.max(1));
            *ticks = u32::try_from(scaled).unwrap_or(0);
            self.source = Source::Nobody;
        }
        self.clock_rate = clock_rate;
    }

    /// The timestamp that belongs to `now`, for a sender report (RFC 3550 §6.4.1).
    pub fn timestamp_at(&self, now: Instant) -> u32 {
        match self.line {
            Line::Fresh { timestamp } => timestamp,
            Line::Running { timestamp, sent, .. } => {
                timestamp.wrapping_add(self.ticks(now.saturating_duration_since(sent)))
            }
        }
    }

    /// Turns a received datagram, in place, into one of ours under `payload_type`. CSRC list, extension and padding stay.
    /// Loss and order of the source are kept as they are; a new source takes over where the last one ended. `ticks_of` tells
    /// how long a payload sounds, or for how long the key has been held that it tells of.
    pub fn relay(
        &mut self,
        datagram: &mut [u8],
        payload_type: u8,
        ticks_of: impl FnOnce(&[u8]) -> Option<u32>,
        now: Instant,
    ) -> Passage {
        let Some(Packet { header, payload }) = read(datagram) else {
            return Passage::Drop;
        };
        let ticks = ticks_of(payload).filter(|ticks| *ticks > 0).unwrap_or(self.clock_rate / 50);
        let Some(header) = self.relay_header(header, payload_type, ticks, now) else {
            return Passage::Drop;
        };
        if let Some(fixed) = datagram.first_chunk_mut() {
            let first = fixed[0];
            header.write(fixed);
            fixed[0] = first;
        }
        Passage::Send
    }

    /// The header for the next frame of our own, `ticks` long. After a gap of more than [`GAP`] the timestamp
    /// leaps ahead with the clock; shorter ones are the scheduler's and are not shown to the far side.
    pub fn next(&mut self, payload_type: u8, ticks: u32, now: Instant) -> Header {
        let (timestamp, spurt) = self.slot(now);
        self.source = Source::Ours;
        self.send(payload_type, spurt, timestamp, ticks, now)
    }

    /// A frame of our own is a pause and does not leave: its time passes as in [`Restamp::next`], and the next one begins a
    /// talk spurt.
    pub fn leave_out(&mut self, ticks: u32, now: Instant) {
        if let Line::Running { timestamp, sent, ticks: before } = self.line {
            let (timestamp, _) = match self.source {
                Source::Relayed(_) | Source::Event(_) => self.slot_after_switch(now),
                Source::Ours | Source::Nobody => {
                    self.slot_behind(timestamp, before, now.saturating_duration_since(sent))
                }
            };
            self.line = Line::Running { timestamp, sent: now, ticks };
        }
        self.source = Source::Nobody;
    }

    /// As [`Restamp::next`] for a frame that leaves at its time on the grid: every pause is shown, however short, so that a
    /// hundred prompts with pauses between them are still in step with the clock.
    pub fn tick(&mut self, payload_type: u8, ticks: u32, due: Instant) -> Header {
        let (timestamp, begins) = self.slot_after_switch(due);
        let goes_on = matches!(self.source, Source::Ours | Source::Event(_));
        let marker = if goes_on && self.adjoins(timestamp) { Marker::Clear } else { begins };
        self.source = Source::Ours;
        self.send_at(payload_type, marker, timestamp, ticks, due)
    }

    /// What a source says is not sent on for now, which is no loss: it takes over anew afterwards.
    pub fn keep_back(&mut self) {
        if matches!(self.source, Source::Relayed(_)) {
            self.source = Source::Nobody;
        }
    }

    /// The header for the next packet of a key press, `ticks` after the one before: all of one press carry the
    /// timestamp of its beginning (RFC 4733 §2.2).
    pub fn event(&mut self, payload_type: u8, phase: Phase, ticks: u32, now: Instant) -> Header {
        let (slot, _) = self.slot_after_switch(now);
        let (press, marker) = match (phase, self.source) {
            (Phase::Continues, Source::Event(press)) => (press, Marker::Clear),
            _ => (Press { started: slot, past: 0, length: 0, theirs: None }, Marker::Set),
        };
        self.source = Source::Event(press);
        let header = self.send_at(payload_type, marker, slot, ticks, now);
        Header { timestamp: press.started, ..header }
    }

    /// As [`Restamp::event`], for the key of a far side; with its duration. Where the far side begins another segment, and
    /// before its duration does not fit into the field any more, another segment begins. RFC 4733 §2.5.1.3.
    pub fn held_event(
        &mut self,
        payload_type: u8,
        phase: Phase,
        ticks: u32,
        held: Held,
        now: Instant,
    ) -> (Header, u16) {
        let header = self.event(payload_type, phase, ticks, now);
        let Source::Event(press) = &mut self.source else {
            return (header, 0);
        };
        let newer = held.began.wrapping_sub(*press.theirs.get_or_insert(held.began)).cast_signed();
        let next = press.started.wrapping_add(u32::from(press.length));
        if newer > 0 {
            (press.started, press.past, press.theirs) = (next, 0, Some(held.began));
        } else if newer == 0 && held.ticks.saturating_sub(press.past) > u32::from(u16::MAX) {
            (press.started, press.past) = (next, press.past + u32::from(press.length));
        }
        // What was overtaken by a later segment tells nothing new.
        if newer >= 0 {
            press.length = u16::try_from(held.ticks.saturating_sub(press.past)).unwrap_or(u16::MAX);
        }
        (Header { timestamp: press.started, ..header }, press.length)
    }

    fn relay_header(&mut self, header: Header, payload_type: u8, ticks: u32, now: Instant) -> Option<Header> {
        let (relayed, marker) = match self.source {
            Source::Relayed(relayed) if self.continues(&relayed, &header, now) => (relayed, header.marker),
            _ => (self.adopt(&header, now), true),
        };
        let sequence = header.sequence.wrapping_add(relayed.sequence_shift);
        let timestamp = header.timestamp.wrapping_add(relayed.timestamp_shift);
        if is_before(sequence, relayed.first) {
            return None;
        }
        self.source = Source::Relayed(relayed);
        if !is_before(sequence, self.next_sequence) {
            self.source =
                Source::Relayed(Relayed { sequence: header.sequence, timestamp: header.timestamp, ..relayed });
            self.next_sequence = sequence.wrapping_add(1);
            self.advance(timestamp, ticks, now);
        }
        Some(Header { payload_type, marker, sequence, timestamp, ssrc: self.ssrc })
    }

    /// Moves the line on to a packet that is newer than all before it. All of one key carry the timestamp of its beginning.
    fn advance(&mut self, timestamp: u32, ticks: u32, now: Instant) {
        let began = match self.line {
            Line::Running { timestamp: before, sent, .. } if before == timestamp => sent,
            Line::Running { .. } | Line::Fresh { .. } => now,
        };
        // No sound is longer than the time that it took and the longest of packets.
        let most = self.ticks(now.saturating_duration_since(began)).saturating_add(self.clock_rate / 5);
        self.line = Line::Running { timestamp, sent: began, ticks: ticks.min(most) };
    }

    /// Whether a packet goes on with the source that spoke last, as RFC 3550 A.1 judges sequence numbers.
    fn continues(&self, relayed: &Relayed, header: &Header, now: Instant) -> bool {
        let step = header.sequence.wrapping_sub(relayed.sequence).cast_signed();
        let passed = match self.line {
            Line::Running { sent, .. } => self.ticks(now.saturating_duration_since(sent)),
            Line::Fresh { .. } => 0,
        };
        let leap = header.timestamp.wrapping_sub(relayed.timestamp).wrapping_sub(passed).cast_signed();
        header.ssrc == relayed.ssrc
            && (-MAX_MISORDER..=MAX_DROPOUT).contains(&step)
            // All packets of a key, however long it is held, carry the timestamp of its beginning.
            && (header.timestamp == relayed.timestamp
                || leap.unsigned_abs() <= self.clock_rate.saturating_mul(MAX_LEAP_SECONDS))
    }

    /// Lays a new source's numbers onto our line, beginning with this packet.
    fn adopt(&self, header: &Header, now: Instant) -> Relayed {
        let (timestamp, _) = self.slot_after_switch(now);
        Relayed {
            ssrc: header.ssrc,
            sequence_shift: self.next_sequence.wrapping_sub(header.sequence),
            timestamp_shift: timestamp.wrapping_sub(header.timestamp),
            first: self.next_sequence,
            sequence: header.sequence,
            timestamp: header.timestamp,
        }
    }

    fn send(&mut self, payload_type: u8, marker: Marker, timestamp: u32, ticks: u32, now: Instant) -> Header {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        self.line = Line::Running { timestamp, sent: now, ticks };
        Header { payload_type, marker: marker == Marker::Set, sequence, timestamp, ssrc: self.ssrc }
    }

    /// Where the clock decides. A frame that had to follow the one before though its time was not over is noted for when
    /// its time is: the next pause makes up for it.
    fn send_at(&mut self, payload_type: u8, marker: Marker, timestamp: u32, ticks: u32, now: Instant) -> Header {
        let belongs = match self.line {
            Line::Running { timestamp: before, sent, .. } => sent + self.duration(timestamp.wrapping_sub(before)),
            Line::Fresh { .. } => now,
        };
        let header = self.send(payload_type, marker, timestamp, ticks, now);
        self.line = Line::Running { timestamp, sent: belongs.clamp(now, now + GAP), ticks };
        header
    }

    /// Whether a frame with this timestamp begins where the last one ends.
    fn adjoins(&self, next: u32) -> bool {
        matches!(self.line, Line::Running { timestamp, ticks, .. } if timestamp.wrapping_add(ticks) == next)
    }

    /// The timestamp of a frame that begins now, and whether it begins a talk spurt.
    fn slot(&self, now: Instant) -> (u32, Marker) {
        match (self.line, self.source) {
            (Line::Running { timestamp, sent, ticks }, Source::Ours) => {
                self.slot_behind(timestamp, ticks, now.saturating_duration_since(sent))
            }
            _ => self.slot_after_switch(now),
        }
    }

    /// Of a frame that comes so long after one of the same source, which had this timestamp and length.
    fn slot_behind(&self, timestamp: u32, ticks: u32, passed: Duration) -> (u32, Marker) {
        match passed > GAP + self.duration(ticks) {
            true => (timestamp.wrapping_add(self.ticks(passed)), Marker::Set),
            false => (timestamp.wrapping_add(ticks), Marker::Clear),
        }
    }

    /// Between two sources the clock decides, but the last frame is never overlapped.
    fn slot_after_switch(&self, now: Instant) -> (u32, Marker) {
        match self.line {
            Line::Fresh { timestamp } => (timestamp, Marker::Set),
            Line::Running { timestamp, sent, ticks } => {
                let passed = self.ticks(now.saturating_duration_since(sent));
                (timestamp.wrapping_add(passed.max(ticks)), Marker::Set)
            }
        }
    }

    fn ticks(&self, span: Duration) -> u32 {
        let ticks = span.as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        // Timestamps wrap around at 2^32 by design.
        (ticks & u128::from(u32::MAX)) as u32
    }

    fn duration(&self, ticks: u32) -> Duration {
        Duration::from_nanos(u64::from(ticks) * 1_000_000_000 / u64::from(self.clock_rate.max(1)))
    }
}

/// A pause between frames of ours that is longer than this is shown in the timestamp.
const GAP: Duration = Duration::from_millis(100);

/// RFC 3550 A.1: a sequence number further ahead than this means that the source has started anew.
const MAX_DROPOUT: i16 = 3000;

/// RFC 3550 A.1: one further back than this as well.
const MAX_MISORDER: i16 = 100;

/// A timestamp that is this far from where the clock says it should be belongs to another line of the source
/// (some gateways start a new one after a re-INVITE, under the same SSRC).
const MAX_LEAP_SECONDS: u32 = 10;

fn is_before(sequence: u16, other: u16) -> bool {
    sequence.wrapping_sub(other).cast_signed() < 0
}

#[cfg(test)]
#[path = "tests/line.rs"]
mod line;
#[cfg(test)]
#[path = "tests/rtp.rs"]
mod tests;
