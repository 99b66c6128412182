//! The two sides of a talk on one line of time: each packet's sound is put where it belongs, and what is missing is silence.
//!
//! A side is anchored where its first packet came in, and from there its timestamps count, so that jitter moves nothing. The
//! anchor follows the clock slowly: two phones whose quartzes differ stay together for hours. Room for a few seconds is made
//! once; nothing here allocates for each packet.

use std::ops::Range;

/// Whose voice it is, seen from the leg that the recording belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the far side of the leg says; the left channel.
    Said,
    /// What it is made to hear: a partner, an announcement, music; the right channel.
    Heard,
}

/// How the two sides come into one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Mixed.
    Mono,
    /// One channel for each side.
    Stereo,
}

impl Channels {
    pub fn count(self) -> u16 {
        match self {
            Channels::Mono => 1,
            Channels::Stereo => 2,
        }
    }

    pub fn named(word: &str) -> Option<Channels> {
        match word {
            "mono" => Some(Channels::Mono),
            "stereo" => Some(Channels::Stereo),
            _ => None,
        }
    }
}

/// A packet further than this from where the clock expects it begins a new count: 400 ms, as parts of a second.
const ASTRAY: (i64, i64) = (2, 5);

/// Sounds that nearly meet are joined: 10 ms, as a part of a second.
const JOINED: i64 = 100;

/// How slowly the anchor follows the clock.
const INERTIA: i64 = 256;

/// Seconds that are kept open for what comes late.
const ROOM: usize = 3;

#[derive(Debug)]
pub struct Timeline {
    rate: u32,
    /// The first sample that has not been handed out.
    start: u64,
    said: Track,
    heard: Track,
}

#[derive(Debug)]
struct Track {
    /// From [`Timeline::start`] on; silence where nothing was placed.
    samples: Vec<i16>,
    /// Where the last sound ended.
    next: u64,
    anchor: Option<Anchor>,
}

/// A timestamp and its place.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    timestamp: u32,
    at: i64,
}

/// A packet's time: its RTP timestamp, and the clock in which that counts.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub timestamp: u32,
    pub clock_rate: u32,
}

impl Timeline {
    pub fn new(rate: u32) -> Timeline {
        let track = || Track { samples: vec![0; rate as usize * ROOM], next: 0, anchor: None };
        Timeline { rate, start: 0, said: track(), heard: track() }
    }

    /// Where the sound of a packet begins that has just come in; `now` is the place of this moment, `count` its samples.
    pub fn locate(&mut self, side: Side, stamp: Stamp, now: u64, count: usize) -> u64 {
        let rate = i64::from(self.rate);
        let arrived = now as i64 - count as i64;
        let track = self.track(side);
        let expected = track.anchor.map(|anchor| {
            let ticks = i64::from(stamp.timestamp.wrapping_sub(anchor.timestamp) as i32);
            anchor.at + ticks * rate / i64::from(stamp.clock_rate.max(1))
        });
        let astray = rate * ASTRAY.0 / ASTRAY.1;
        let at = expected.filter(|at| (at - arrived).abs() <= astray).unwrap_or(arrived);
        track.anchor = Some(Anchor { timestamp: stamp.timestamp, at: at + (arrived - at) / INERTIA });
        let gap = at - track.next as i64;
        if gap.abs() <= rate / JOINED { track.next } else { at.max(0) as u64 }
    }

    /// Where the last sound of this side ended.
    pub fn next(&self, side: Side) -> u64 {
        match side {
            Side::Said => self.said.next,
            Side::Heard => self.heard.next,
        }
    }

    /// The source of a side has changed: its timestamps count anew.
    pub fn lift_anchor(&mut self, side: Side) {
        self.track(side).anchor = None;
    }

    /// Up to which place must be handed out before sound can be placed up to `end`; none if there is room.
    pub fn too_far(&self, end: u64) -> Option<u64> {
        let room = self.said.samples.len() as u64;
        (end > self.start + room).then(|| end - room)
    }

    /// Puts sound where it belongs. What has been handed out already is not changed any more.
    pub fn place(&mut self, side: Side, at: u64, samples: &[i16]) {
        let start = self.start;
        let track = self.track(side);
        let late = start.saturating_sub(at).min(samples.len() as u64) as usize;
        let offset = (at.max(start) - start) as usize;
        let fresh = &samples[late..];
        let room = track.samples.get_mut(offset..).unwrap_or_default();
        for (place, sample) in room.iter_mut().zip(fresh) {
            *place = *sample;
        }
        track.next = track.next.max(at + samples.len() as u64);
    }

    /// Hands out everything before `until`, and closes it.
    pub fn take(&mut self, until: u64, channels: Channels) -> Vec<i16> {
        let count = until.saturating_sub(self.start) as usize;
        let kept = self.said.samples.len();
        let mut out = Vec::with_capacity(count * usize::from(channels.count()));
        let range = 0..count.min(kept);
        match channels {
            Channels::Mono => out.extend(both(&self.said, &self.heard, range).map(|(a, b)| a.saturating_add(b))),
            Channels::Stereo => out.extend(both(&self.said, &self.heard, range).flat_map(|(a, b)| [a, b])),
        }
        // Nothing came for longer than there is room: that is silence as well.
        out.resize(count * usize::from(channels.count()), 0);
        self.start += count as u64;
        let start = self.start;
        for track in [&mut self.said, &mut self.heard] {
            let gone = count.min(kept);
            track.samples.copy_within(gone.., 0);
            track.samples[kept - gone..].fill(0);
            track.next = track.next.max(start);
        }
        out
    }

    pub fn start(&self) -> u64 {
        self.start
    }

    /// Forgets what lies beyond what was handed out; the next packets are anchored anew.
    pub fn clear(&mut self) {
        let start = self.start;
        for track in [&mut self.said, &mut self.heard] {
            track.samples.fill(0);
            track.next = start;
            track.anchor = None;
        }
    }

    fn track(&mut self, side: Side) -> &mut Track {
        match side {
            Side::Said => &mut self.said,
            Side::Heard => &mut self.heard,
        }
    }
}

fn both<'t>(said: &'t Track, heard: &'t Track, range: Range<usize>) -> impl Iterator<Item = (i16, i16)> + use<'t> {
    said.samples[range.clone()].iter().copied().zip(heard.samples[range].iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 160;

    fn put(line: &mut Timeline, side: Side, timestamp: u32, now: u64, value: i16) {
        let at = line.locate(side, Stamp { timestamp, clock_rate: 8_000 }, now, FRAME);
        line.place(side, at, &[value; FRAME]);
    }

    #[test]
    fn sides_that_speak_at_the_same_time_stand_beside_each_other() {
        let mut line = Timeline::new(8_000);
        for frame in 0..10_u64 {
            put(&mut line, Side::Said, 5_000 + frame as u32 * 160, (frame + 1) * 160, 100);
            put(&mut line, Side::Heard, 90_000 + frame as u32 * 160, (frame + 1) * 160 + 30, 7);
        }
        let stereo = line.take(1_600, Channels::Stereo);
        assert_eq!(stereo.len(), 3_200);
        assert_eq!(stereo[..2], [100, 7]);
        assert!(stereo.chunks_exact(2).all(|pair| pair == [100, 7]), "joined within 10 ms");
    }

    #[test]
    fn a_packet_that_comes_late_stands_where_it_was_said() {
        let mut line = Timeline::new(8_000);
        put(&mut line, Side::Said, 0, 160, 1);
        put(&mut line, Side::Said, 320, 480, 3);
        put(&mut line, Side::Said, 160, 900, 2);
        let mono = line.take(480, Channels::Mono);
        assert_eq!((mono[0], mono[160], mono[320]), (1, 2, 3));
    }

    #[test]
    fn a_pause_in_speech_is_silence_of_the_same_length() {
        let mut line = Timeline::new(8_000);
        put(&mut line, Side::Said, 0, 160, 1);
        put(&mut line, Side::Said, 8_000, 8_160, 2);
        let mono = line.take(8_160, Channels::Mono);
        assert!(mono[..160].iter().all(|sample| *sample == 1) && mono[160..8_000].iter().all(|sample| *sample == 0));
        assert!(mono[8_000..].iter().all(|sample| *sample == 2));
    }

    #[test]
    fn timestamps_that_jump_are_not_believed_against_the_clock() {
        let mut line = Timeline::new(8_000);
        put(&mut line, Side::Said, 0, 160, 1);
        put(&mut line, Side::Said, 3_000_000_000, 320, 2);
        assert_eq!(line.take(320, Channels::Mono)[160], 2);
    }

    #[test]
    fn a_phone_with_a_fast_quartz_stays_with_the_clock_for_an_hour() {
        let mut line = Timeline::new(8_000);
        let mut furthest = 0;
        for frame in 0..180_000_u64 {
            // 200 millionths fast.
            let now = (frame + 1) * 160 - (frame + 1) * 160 / 5_000;
            put(&mut line, Side::Said, frame as u32 * 160, now, 1);
            furthest = furthest.max(line.next(Side::Said).saturating_sub(now));
            if frame % 50 == 0 {
                line.take(now.saturating_sub(8_000), Channels::Mono);
            }
        }
        assert!(furthest < 800, "{furthest} samples ahead");
    }

    #[test]
    fn silence_beyond_the_room_is_handed_out_as_such_and_loud_sides_do_not_wrap() {
        let mut line = Timeline::new(8_000);
        assert_eq!(line.take(80_000, Channels::Stereo).len(), 160_000);
        assert_eq!(line.too_far(80_000 + 24_000), None);
        assert_eq!(line.too_far(80_000 + 24_010), Some(80_010));
        line.place(Side::Said, 80_000, &[30_000; 10]);
        line.place(Side::Heard, 80_000, &[30_000; 10]);
        line.place(Side::Heard, 79_990, &[5; 5]);
        line.place(Side::Said, 900_000, &[5; 5]);
        assert_eq!(line.take(80_010, Channels::Mono), [i16::MAX; 10]);
    }
}
