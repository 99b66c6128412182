//! How somebody is to be rung: what `dial` says, and what a call goes by.

use std::time::Duration;

use crate::dialplan::order::DialTarget;

/// Whom to ring, and what the two sides hear until they talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialOrder {
    /// They ring together; the first to answer is the one.
    pub targets: Vec<DialTarget>,
    /// For the far side's information: who orders keeps the time.
    pub ring_for: Duration,
    pub shown: ShownCaller,
    pub announcement: Option<Announcement>,
    pub meanwhile: Meanwhile,
}

/// Whom the phones show, where it is not the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShownCaller {
    /// A number of ours, in E.164.
    pub number: Option<String>,
    pub name: Option<String>,
}

/// What whoever answers hears before the two are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub prompt: String,
    pub language: String,
    pub acceptance: Acceptance,
}

/// What makes a call of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// To have heard the announcement.
    ByAnswer,
    /// This key, after it or while it plays. The other phones ring on until then.
    ByKey(char),
}

/// What the caller hears while the phones ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meanwhile {
    Ringback,
    Music(String),
}

impl DialOrder {
    /// One phone, shown the caller as he is.
    pub fn plain(target: DialTarget, ring_for: Duration) -> DialOrder {
        DialOrder {
            targets: vec![target],
            ring_for,
            shown: ShownCaller::default(),
            announcement: None,
            meanwhile: Meanwhile::Ringback,
        }
    }
}
