//! What outlives the process: the verdict and a person's word, in wall-clock time.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::outage::Change;
use crate::outage::ChannelState;
use crate::outage::blame::Blame;
use crate::outage::detector::Detector;
use crate::outage::detector::State;
use crate::outage::history::Moment;
use crate::outage::overriding::Override;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What the probes said.
    pub state: ChannelState,
    #[serde(default)]
    pub blame: Blame,
    /// When it went down lately.
    #[serde(default)]
    pub falls: Vec<Timestamp>,
    #[serde(rename = "override")]
    pub overriding: Option<StoredOverride>,
    /// When the state changed last, the word of a person included.
    #[serde(default)]
    pub since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOverride {
    pub state: ChannelState,
    pub reason: String,
    pub author: String,
    pub until: Option<Timestamp>,
}

impl Detector {
    pub fn snapshot(&self, now: Instant, wall: Timestamp) -> Snapshot {
        let overriding = self.overriding.as_ref();
        let ago = |then| now.saturating_duration_since(then);
        Snapshot {
            state: self.probed_state(),
            blame: self.blame,
            falls: self.falls.iter().map(|fall| wall.checked_sub(ago(fall)).unwrap_or(Timestamp::MIN)).collect(),
            overriding: overriding.map(|overriding| overriding.stored(now, wall)),
            since: self.since().map(|since| wall.checked_sub(ago(since)).unwrap_or(Timestamp::MIN)),
        }
    }

    /// After a start. An outage is taken over as an outage, which has to prove its end again, where nothing is probed by
    /// silence; an override goes on until its time.
    pub fn restore(&mut self, snapshot: Snapshot, now: Instant, wall: Timestamp) -> Option<Change> {
        let before = (self.state(), self.blame());
        (self.state, self.blame) = match snapshot.state {
            ChannelState::Down | ChannelState::Recovering => (State::Down, snapshot.blame.max(Blame::Channel)),
            ChannelState::Degraded => (State::Degraded, snapshot.blame.max(Blame::Channel)),
            ChannelState::Up => (State::Up, Blame::None),
        };
        (self.heard, self.calm_since) = (Some(Moment { now, wall }), Some(now));
        for fall in &snapshot.falls {
            let ago = Duration::try_from(wall.duration_since(*fall)).unwrap_or_default();
            now.checked_sub(ago).into_iter().for_each(|fall| self.falls.push(fall));
        }
        let (was, since) = (snapshot.shown(), snapshot.since);
        let restored = snapshot
            .overriding
            .map(|stored| stored.restored(now, wall))
            .filter(|overriding| !overriding.has_expired(now));
        self.overriding = restored.or(self.overriding.take());
        self.set_deadline(now);
        let change = self.change_since(before, now);
        if self.state() == was {
            let ago = since.and_then(|since| Duration::try_from(wall.duration_since(since)).ok());
            self.since = ago.and_then(|ago| now.checked_sub(ago)).or(self.since);
        }
        change
    }
}

impl Snapshot {
    /// The state with a person's word above it.
    fn shown(&self) -> ChannelState {
        self.overriding.as_ref().map_or(self.state, |overriding| overriding.state)
    }
}

impl Override {
    pub(super) fn stored(&self, now: Instant, wall: Timestamp) -> StoredOverride {
        StoredOverride {
            state: self.state,
            reason: self.reason.clone(),
            author: self.author.clone(),
            until: self.until.map(|until| later(wall, until.saturating_duration_since(now))),
        }
    }
}

impl StoredOverride {
    fn restored(self, now: Instant, wall: Timestamp) -> Override {
        let left = |until: Timestamp| Duration::try_from(until.duration_since(wall));
        Override {
            state: self.state,
            reason: self.reason,
            author: self.author,
            // A time that has passed is a negative span: expired, as of now.
            until: self.until.map(|until| now + left(until).unwrap_or_default()),
        }
    }
}

pub(super) fn later(wall: Timestamp, span: Duration) -> Timestamp {
    wall.checked_add(span).unwrap_or(Timestamp::MAX)
}
