//! What conditions may look up about the world around a call.

use std::time::Instant;

use jiff::Timestamp;

/// What conditions may look up. Nothing here changes anything.
pub trait Scene {
    /// The time on the wall at this moment.
    fn wall(&self, now: Instant) -> Timestamp;
    fn channel_is_down(&self, name: &str) -> bool;
    fn queue(&self, name: &str) -> QueueGlance;
    fn extension(&self, number: &str) -> ExtensionState;
}

/// A queue at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueGlance {
    pub waiting: usize,
    pub signed_in: usize,
    /// Agents who are signed in and whom a caller would ring at once.
    pub free: usize,
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
