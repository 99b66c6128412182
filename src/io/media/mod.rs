//! The media pump: a few threads that carry all audio.
//!
//! The server speaks to [`pump::Pump`] in the words of [`crate::media::command`]; no packet ever passes the switch. A
//! thread owns its legs' sockets and timers, so packets meet no lock: what comes in on one leg of a conversation goes
//! out on the other within the same wake-up. Disks and slow codecs have threads of their own beside them.

mod attend;
mod chores;
mod clock;
mod grid;
mod hear;
mod inbox;
mod leg;
mod legs;
mod listen;
mod obey;
mod order;
mod player;
pub mod ports;
pub mod pump;
mod recorder;
mod relay;
mod room;
mod rooms;
mod scribe;
mod seat;
mod session;
mod source;
mod speak;
mod studio;
mod tape;
mod thread;
mod timer;
pub mod totals;
mod track;
mod transport;
mod vigil;

#[cfg(test)]
mod tests;
