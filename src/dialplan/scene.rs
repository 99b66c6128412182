//! What conditions and texts may look up about the world around a call.

use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use crate::outage::ChannelState;

/// What may be looked up. Nothing here changes anything.
pub trait Scene {
    /// The time on the wall at this moment.
    fn wall(&self, now: Instant) -> Timestamp;
    fn channel(&self, name: &str, now: Instant) -> ChannelGlance;
    fn queue(&self, name: &str, now: Instant) -> QueueGlance;
    fn extension(&self, number: &str) -> ExtensionState;
    /// Calls that are there at this moment, this one among them.
    fn calls(&self) -> usize;
    /// Those of them that this trunk carries.
    fn calls_over(&self, trunk: &str) -> usize;
    /// The PINs of this conference were guessed at too often: for now none is right.
    fn refuses_pins(&self, _conference: &str, _now: Instant) -> bool {
        false
    }
}

/// A chat channel at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelGlance {
    pub state: ChannelState,
    /// None where it has not changed since the start.
    pub since: Option<Timestamp>,
}

/// A queue at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueGlance {
    pub waiting: usize,
    pub signed_in: usize,
    /// Agents who are signed in and whom a caller would ring at once.
    pub free: usize,
    /// How long the first in the line has waited; zero where nobody waits.
    pub longest_wait: Duration,
    /// How long whoever joins now will probably wait; none while nobody can tell.
    pub estimated_wait: Option<Duration>,
}

/// An extension at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExtensionState {
    /// No phone of it is registered.
    #[default]
    Unreachable,
    Free,
    Busy,
}

impl ChannelGlance {
    pub const UP: ChannelGlance = ChannelGlance { state: ChannelState::Up, since: None };
}
