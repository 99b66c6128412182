//! Everything that touches the world: sockets, threads, the clock.

pub mod doorway;
pub mod holder;
pub mod http;
pub mod lookup;
pub mod media;
pub mod mend;
pub mod notify;
pub mod peer;
pub mod probe;
mod program;
pub mod resolve;
mod secret;
pub mod sip;
pub mod speech;
pub mod trust;
pub mod webhook;
