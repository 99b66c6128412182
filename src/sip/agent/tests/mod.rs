//! Stories: one agent and a hand-written peer, and two agents over a virtual network.

mod bench;
mod floods;
mod hostile;
mod incoming;
mod inside;
mod net;
mod outgoing;
mod oversize;
mod random;
mod stories;
mod targets;
mod weather;
