//! The branches of a call of ours that ring: early dialogs, their media, and their reliable responses. RFC 3261 §13.2.2.1,
//! RFC 3262 §4, RFC 6228.

use bytes::Bytes;

use crate::sip::dialog::Dialog;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::message::Response;

/// One far end that answered provisionally, and that is worth remembering.
#[derive(Debug)]
pub(super) struct Branch {
    tag: Box<str>,
    /// What it said last about its media, for far ends that do not repeat it in their 2xx.
    pub(super) sdp: Option<Bytes>,
    /// Present once a reliable response came: only then may there be requests of ours in this dialog.
    pub(super) dialog: Option<Box<Dialog>>,
    last_rseq: Option<u32>,
    pub(super) media: Media,
}

/// Whether the first offer and answer are done, so that this dialog may have new ones before the call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Open,
    Settled,
}

/// All branches of one INVITE.
#[derive(Debug, Default)]
pub(super) struct Branches {
    /// The one that was heard of last comes last.
    all: Vec<Branch>,
}

/// What becomes of a reliable response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Next,
    /// Heard before, or one before it is missing: neither confirmed nor heeded. RFC 3262 §4.
    OutOfOrder,
}

/// A call that forks further than this has its later branches heard without their media.
const MOST_BRANCHES: usize = 16;

impl Branches {
    pub(super) fn find(&self, tag: &str) -> Option<&Branch> {
        self.all.iter().find(|branch| &*branch.tag == tag)
    }

    pub(super) fn find_mut(&mut self, tag: &str) -> Option<&mut Branch> {
        self.all.iter_mut().find(|branch| &*branch.tag == tag)
    }

    /// The branch with this tag, which becomes the one heard of last; `None` where there are too many.
    pub(super) fn at(&mut self, tag: &str) -> Option<&mut Branch> {
        match self.all.iter().position(|branch| &*branch.tag == tag) {
            Some(at) => self.all[at..].rotate_left(1),
            None if self.all.len() >= MOST_BRANCHES => return None,
            None => {
                let branch = Branch { tag: tag.into(), sdp: None, dialog: None, last_rseq: None, media: Media::Open };
                self.all.push(branch);
            }
        }
        self.all.last_mut()
    }

    /// Takes the branch that answered finally; the others are over.
    pub(super) fn take(&mut self, tag: &str) -> Option<Branch> {
        let at = self.all.iter().position(|branch| &*branch.tag == tag)?;
        let branch = self.all.swap_remove(at);
        self.all.clear();
        Some(branch)
    }

    /// RFC 6228: one branch gave up. What another sends may be heard instead.
    pub(super) fn remove(&mut self, tag: &str) -> Option<Bytes> {
        let heard = self.all.last().is_some_and(|last| &*last.tag == tag);
        self.all.retain(|branch| &*branch.tag != tag);
        let next = self.all.iter().rev().find_map(|branch| branch.sdp.clone());
        next.filter(|_| heard)
    }

    /// The latest SDP of any branch, for far ends that change their tag with the 2xx.
    pub(super) fn latest_sdp(&mut self) -> Option<Bytes> {
        self.all.iter_mut().rev().find_map(|branch| branch.sdp.take())
    }

    /// The tag of the branch in which a new offer may be made now.
    pub(super) fn settled(&self) -> Option<&str> {
        let last = self.all.last()?;
        (last.media == Media::Settled && last.dialog.is_some()).then_some(&*last.tag)
    }
}

impl Branches {
    /// The early dialog in which a new offer may be made now.
    pub(super) fn settled_dialog(&mut self) -> Option<&mut Dialog> {
        let last = self.all.last_mut().filter(|last| last.media == Media::Settled)?;
        last.dialog.as_deref_mut()
    }
}

impl Branch {
    /// RFC 3262 §4: numbers rise one by one; the first may be any.
    pub(super) fn admit(&mut self, rseq: u32) -> Order {
        let next = self.last_rseq.is_none_or(|last| last.checked_add(1) == Some(rseq));
        if next {
            self.last_rseq = Some(rseq);
        }
        if next { Order::Next } else { Order::OutOfOrder }
    }
}

/// The number of a provisional response that wants to be confirmed. RFC 3262 §4.
pub(super) fn reliable_number(response: &Response) -> Option<u32> {
    let reliable = response.status > 100 && requires_100rel(&response.headers);
    let number = response.headers.number(&Name::RSeq).filter(|number| *number > 0);
    number.filter(|_| reliable && response.headers.to_tag().is_some())
}

fn requires_100rel(headers: &Headers) -> bool {
    headers.lists(&Name::Require, "100rel")
}
