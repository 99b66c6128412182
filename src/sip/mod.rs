//! SIP as pure values and machines: messages, URIs, digest, and what RFC 3261 and its kin ask of a user agent.
//!
//! Nothing here opens a socket, reads a clock or rolls dice on its own: bytes come in as a [`hop::Packet`], go out as
//! a [`hop::Transmit`], and time and randomness are arguments.

mod accounts;
pub mod advertising;
pub mod agent;
mod answer;
mod challenge;
pub mod config;
pub mod content;
pub mod cseq;
mod decimal;
pub mod dialog;
pub mod digest;
mod escape;
pub mod framing;
pub mod hashing;
pub mod headers;
pub mod hop;
pub mod host;
pub mod limits;
mod lines;
pub mod message;
pub mod method;
#[cfg(test)]
mod mutation;
pub mod name_addr;
pub mod network;
pub mod nonce;
pub mod params;
pub mod parse;
mod proof;
pub mod refer;
pub mod replaces;
#[cfg(test)]
mod roundtrip;
pub mod session;
pub mod status;
pub mod stun;
pub mod subscription;
pub mod syntax;
#[cfg(test)]
mod torture;
pub mod transaction;
mod typed;
pub mod uri;
pub mod validate;
pub mod via;
