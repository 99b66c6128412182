//! Opens what the far side sends under one master key.
//!
//! A packet changes something only when it has proven that the far side sent it: what a stranger sends costs its own
//! check and nothing else.

use crate::media::security::Mark;
use crate::media::security::MasterKey;
use crate::media::security::Suite;
use crate::media::srtp::Refusal;
use crate::media::srtp::derivation::Usage;
use crate::media::srtp::index::Window;
use crate::media::srtp::sequence;
use crate::media::srtp::take_mark;
use crate::media::srtp::transform::Transform;
use crate::media::srtp::word;

#[derive(Debug)]
pub struct Receiver {
    packets: Transform,
    reports: Transform,
    sources: [Source; MOST_SOURCES],
    /// Counts what was opened, to tell who has been silent the longest.
    clock: u64,
    /// Where the key before this one was: most far sides begin anew with a new key, some go on. RFC 3711 §3.3.1.
    inherited: Window,
    mark: Option<Mark>,
}

/// A far side changes its SSRC when a call is moved behind it; who has been silent the longest is then forgotten.
const MOST_SOURCES: usize = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Source {
    ssrc: u32,
    packets: Window,
    reports: Window,
    /// When it was last heard, by the receiver's clock; 0 for never.
    heard: u64,
}

impl Receiver {
    pub fn new(suite: Suite, master: &MasterKey) -> Receiver {
        Receiver {
            packets: Transform::new(suite, master, Usage::Packets),
            reports: Transform::new(suite, master, Usage::Reports),
            sources: [Source::default(); MOST_SOURCES],
            clock: 0,
            inherited: Window::default(),
            mark: None,
        }
    }

    /// What each packet says of its key from now on; others are none of this key's.
    pub fn set_mark(&mut self, mark: Option<Mark>) {
        self.mark = mark;
    }

    /// The same for a key that takes the place of another in the middle of a call.
    pub fn after(mut self, former: &Receiver) -> Receiver {
        self.follow(former);
        self
    }

    /// The first packet under this key may go on with the count under another. RFC 3711 §3.3.1.
    pub fn follow(&mut self, other: &Receiver) {
        let last = other.sources.iter().max_by_key(|source| source.heard);
        self.inherited = last.map_or_else(Window::default, |last| last.packets);
    }

    /// Opens an RTP packet where it lies; the octets that it has then.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let packet = take_mark(self.mark, self.packets.tail_octets(), packet)?;
        let (sequence, ssrc) = sequence(packet).zip(word(packet, 8)).ok_or(Refusal::Malformed)?;
        let mut source = self.find(ssrc);
        let mut index = source.packets.estimate(sequence).ok_or(Refusal::Replayed)?;
        if !source.packets.is_new(index) {
            return Err(Refusal::Replayed);
        }
        if source.packets == Window::default()
            // Also where the numbers turn between the last packet under the old key and the first under the new one.
            && let Some(goes_on) = self.inherited.estimate(sequence).filter(|goes_on| *goes_on != index)
            && self.proves(packet, ssrc, index) == Proof::No
        {
            index = goes_on;
        }
        let length = self.packets.open(packet, ssrc, index)?;
        source.packets.mark(index);
        self.keep(source);
        Ok(length)
    }

    /// Opens a compound of RTCP packets where it lies; the octets that it has then.
    pub fn open_report(&mut self, report: &mut [u8]) -> Result<usize, Refusal> {
        let report = take_mark(self.mark, self.reports.tail_octets(), report)?;
        let ssrc = word(report, 4).ok_or(Refusal::Malformed)?;
        let index = self.reports.report_index(report)?;
        let mut source = self.find(ssrc);
        if !source.reports.is_new(index.into()) {
            return Err(Refusal::Replayed);
        }
        let length = self.reports.open_report(report, ssrc, index)?;
        source.reports.mark(index.into());
        self.keep(source);
        Ok(length)
    }

    /// How many packets and reports it has opened.
    pub fn opened(&self) -> u64 {
        self.clock
    }

    /// Tries a copy: a failed attempt may spoil the octets. Only for the first packet after a key was changed.
    fn proves(&self, packet: &[u8], ssrc: u32, index: u64) -> Proof {
        let mut copy = [0; LONGEST];
        let Some(room) = copy.get_mut(..packet.len()) else {
            return Proof::No;
        };
        room.copy_from_slice(packet);
        match self.packets.open(room, ssrc, index) {
            Ok(_) => Proof::Yes,
            Err(_) => Proof::No,
        }
    }

    fn find(&self, ssrc: u32) -> Source {
        let known = self.sources.iter().find(|source| source.heard > 0 && source.ssrc == ssrc);
        known.copied().unwrap_or(Source { ssrc, ..Source::default() })
    }

    fn keep(&mut self, source: Source) {
        self.clock += 1;
        let ssrc = source.ssrc;
        let known = self.sources.iter().position(|known| known.heard > 0 && known.ssrc == ssrc);
        let oldest = || (0..MOST_SOURCES).min_by_key(|place| self.sources[*place].heard).unwrap_or(0);
        let place = known.unwrap_or_else(oldest);
        self.sources[place] = Source { heard: self.clock, ..source };
    }
}

/// As long as any datagram that is taken in.
const LONGEST: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Yes,
    No,
}
