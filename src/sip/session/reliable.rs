//! Our reliable provisional responses to one INVITE: RFC 3262 §3. Each is repeated until its PRACK comes, one at a time.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::transaction::Repeat;
use crate::sip::transaction::Timers;

/// See the top of this file.
#[derive(Debug)]
pub(super) struct Reliable {
    last: u32,
    outstanding: Option<Outstanding>,
    /// What is to be told once the outstanding one is confirmed.
    queue: VecDeque<(u16, Option<Bytes>)>,
    media: Media,
}

/// Where the first offer and answer stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// No reliable response of ours had SDP.
    Open,
    /// One has, and is not confirmed.
    Told,
    /// Both sides know: the final response says nothing about it any more.
    Settled,
}

#[derive(Debug)]
struct Outstanding {
    status: u16,
    bytes: Bytes,
    repeat: Repeat,
    give_up_at: Instant,
}

/// The first value of a PRACK's `RAck`, and the number of the INVITE: what it confirms. RFC 3262 §7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) rseq: u32,
    pub(super) cseq: u32,
}

impl Acknowledged {
    /// `None` where the header cannot be read, or means no INVITE.
    pub(super) fn read(headers: &Headers) -> Option<Acknowledged> {
        let mut words = headers.first(&Name::RAck)?.split_ascii_whitespace();
        let (rseq, cseq) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        (words.next()? == "INVITE" && words.next().is_none()).then_some(Acknowledged { rseq, cseq })
    }
}

/// Later news than these is worth more than earlier.
const MOST_QUEUED: usize = 8;

impl Reliable {
    /// RFC 3262 §3: numbers begin anywhere below 2^31.
    pub(super) fn new(random: u64) -> Reliable {
        let last = (random & 0x3fff_ffff) as u32;
        Reliable { last, outstanding: None, queue: VecDeque::new(), media: Media::Open }
    }

    pub(super) fn media(&self) -> Media {
        self.media
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.outstanding.is_some()
    }

    /// What a PRACK that comes after the final response may still confirm.
    pub(super) fn outstanding(&self) -> Option<u32> {
        self.outstanding.as_ref().map(|_| self.last)
    }

    pub(super) fn enqueue(&mut self, status: u16, sdp: Option<Bytes>) {
        if self.queue.len() == MOST_QUEUED {
            self.queue.pop_front();
        }
        self.queue.push_back((status, sdp));
    }

    /// The number that the next response gets.
    pub(super) fn next_number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// The response with that number is on its way.
    pub(super) fn on_sent(&mut self, status: u16, bytes: Bytes, had_sdp: HadSdp, timers: Timers, now: Instant) {
        if had_sdp == HadSdp::Yes {
            self.media = Media::Told;
        }
        let repeat = Repeat { at: now + timers.t1, gap: timers.t1 };
        self.outstanding = Some(Outstanding { status, bytes, repeat, give_up_at: now + timers.give_up() });
    }

    /// True if a response waited for this PRACK.
    pub(super) fn on_prack(&mut self, rseq: u32) -> bool {
        if self.last != rseq || self.outstanding.take().is_none() {
            return false;
        }
        if self.media == Media::Told {
            self.media = Media::Settled;
        }
        true
    }

    pub(super) fn take_queued(&mut self) -> Option<(u16, Option<Bytes>)> {
        self.queue.pop_front()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.outstanding.as_ref().map(|outstanding| outstanding.repeat.at.min(outstanding.give_up_at))
    }

    /// RFC 3262 §3: 64*T1 without a PRACK.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        self.outstanding.as_ref().is_some_and(|outstanding| outstanding.give_up_at <= now)
    }

    /// The response once more, if its time has come. The gaps double without a limit.
    pub(super) fn repeat(&mut self, now: Instant) -> Option<(u16, Bytes)> {
        let outstanding = self.outstanding.as_mut().filter(|outstanding| outstanding.repeat.at <= now)?;
        outstanding.repeat = outstanding.repeat.next(now, None);
        Some((outstanding.status, outstanding.bytes.clone()))
    }
}

/// Whether a response bore SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HadSdp {
    Yes,
    No,
}
