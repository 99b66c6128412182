//! The pump over the loopback: real sockets, no fixed port, every wait with a deadline.

mod bench;
mod bridge;
mod injection;
mod listen;
mod opus;
mod play;
mod record;
mod rekeyed;
mod room;
mod safety;
mod secure;
mod talk;
mod two_ports;
