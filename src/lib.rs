//! Desvio answers the telephone when a business's chat channel is down: a SIP user agent and small PBX with a dialplan
//! engine, an outage detector, queues, texts and an API.
//!
//! # The house
//! A room uses only rooms on floors below its own; a test holds this (`tests/house.rs`).
//!
//! | floor | room | its one sentence |
//! |---|---|---|
//! | 1 | [`number`] | telephone numbers as people, trunks and WhatsApp write them |
//! | 1 | [`sip`] | messages, transactions, dialogs and digest of RFC 3261 and its kin, as pure state machines |
//! | 1 | [`media`] | what is said and how it travels: SDP, RTP, codecs, prompts, tones |
//! | 1 | [`queue`] | who waits, and which agent rings next |
//! | 1 | [`outage`] | evidence in, a channel's state and the reason out |
//! | 2 | [`registrar`] | which extension is reachable where, until when |
//! | 2 | [`channel`] | one contract for SMS and chat: probe, send, read a webhook |
//! | 2 | [`dialplan`] | the owner's text → a checked program → one caller's walk |
//! | 3 | [`call`] | one call: its legs, its walk through the dialplan, its record |
//! | 4 | [`switch`] | the whole PBX as one machine: who gets which input, number → flow, trunks |
//! | 4 | [`store`] | what must outlive the process |
//! | 5 | [`io`] | sockets, names, TLS, the media pump's threads, HTTP, probes: what touches the world |
//! | 5 | [`api`] | REST in, events out, and the client of the command line |
//! | 6 | [`config`] | `config/desvio.toml`: gathers each room's own section and checks the names between them |
//! | 7 | [`server`] | the event loop: next input or deadline → switch → carry out the effects |
//!
//! Above them stands the program, `main.rs` with `cli/`: arguments, log, exit codes.
//!
//! Floors 1 to 4, `store` apart, are pure: they have no clock, socket, lock, task or hidden randomness, and share four
//! methods: `handle(input, now)`, `poll_effect()`, `poll_timeout()` and `handle_timeout(now)`. `.clippy.toml` holds them to
//! that; the rooms that touch the world are let off below, each with its reason.

pub mod call;
pub mod channel;
pub mod dialplan;
pub mod media;
pub mod number;
pub mod outage;
pub mod queue;
pub mod registrar;
pub mod sip;
pub mod switch;

#[expect(clippy::disallowed_methods, reason = "one task writes, so that nobody waits for the disk")]
pub mod store;

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the room that touches the world")]
pub mod io;

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "its requests are tasks on several threads, and their keys have dates"
)]
pub mod api;

#[expect(clippy::disallowed_methods, reason = "the passwords that it makes must not follow from a seed")]
pub mod config;

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads the clock for the core and owns its tasks"
)]
pub mod server;
