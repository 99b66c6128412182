//! The further targets of a request of ours, and when the next one's turn comes: RFC 3263 §4.3.
//!
//! Each target gets the request in a transaction of its own, with the same Call-ID, From tag and CSeq (RFC 3261 §8.1.2).
//! What a failed target asked to be told (credentials) is not told to the next one.

use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;

/// What it means when the last target says nothing at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Silence {
    /// It may still answer, until Timer B fires.
    #[default]
    Borne,
    /// As with any other target: the caller of ours has other ways.
    Failure,
}

/// See the top of this file. There is at least one more target to try, or the silence of the last one counts.
#[derive(Debug)]
pub(in crate::sip) struct Targets {
    request: Request,
    hops: VecDeque<Hop>,
    /// Not as RFC 3263 §4.3: where another target is left, silence is taken for failure long before Timer B or F; a
    /// caller does not hold the line for 32 s.
    next_at: Option<Instant>,
    after: Duration,
    silence: Silence,
}

impl Targets {
    /// `None` where there is nothing but the first target, whose silence is borne. With `after` zero only the transaction's
    /// own end counts.
    pub(in crate::sip) fn new(
        request: &Request,
        hops: Vec<Hop>,
        silence: Silence,
        after: Duration,
        now: Instant,
    ) -> Option<Box<Targets>> {
        if hops.is_empty() && silence == Silence::Borne {
            return None;
        }
        let mut targets = Targets { request: request.clone(), hops: hops.into(), next_at: None, after, silence };
        targets.on_sent(request, now);
        Some(Box::new(targets))
    }

    /// The request is on its way to the present target, for the first time or once more with credentials.
    pub(in crate::sip) fn on_sent(&mut self, request: &Request, now: Instant) {
        if let Some(cseq) = request.headers.first_bytes(&Name::CSeq) {
            self.request.headers.set(Name::CSeq, cseq.clone());
        }
        self.next_at = (!self.after.is_zero()).then(|| now + self.after);
    }

    /// The present target has shown itself.
    pub(in crate::sip) fn on_heard(&mut self) {
        self.next_at = None;
    }

    pub(in crate::sip) fn deadline(&self) -> Option<Instant> {
        self.next_at
    }

    /// The next target and the request for it; the targets after it, if there are any, stay in `targets`.
    pub(in crate::sip) fn take_next(targets: &mut Option<Box<Targets>>, now: Instant) -> Option<(Request, Hop)> {
        let mut left = targets.take()?;
        let hop = left.hops.pop_front()?;
        if left.hops.is_empty() && left.silence == Silence::Borne {
            return Some((left.request, hop));
        }
        let request = left.request.clone();
        left.on_sent(&request, now);
        *targets = Some(left);
        Some((request, hop))
    }
}
