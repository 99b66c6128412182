//! Desvio: when the chat channel that a business lives on goes down, its customers phone, and Desvio answers.
//!
//! A house with eight floors. A room uses only rooms on floors below its own, and rooms on one floor do not know each other
//! (`tests/house.rs` holds this). Floors 1 to 4, `store` apart, are pure: no clock, no socket, no lock, no task. What they want
//! done is an effect, what came of it is an input, and time is an argument.
//!
//! | floor | room | its one sentence |
//! |---|---|---|
//! | 1 | [`number`] | telephone numbers as people, trunks and WhatsApp write them |
//! | 1 | [`sip`] | SIP messages, transactions, dialogs, digest: pure state machines of RFC 3261 and its kin |
//! | 1 | [`media`] | SDP offer/answer, RTP, DTMF, codecs, prompts: pure |
//! | 1 | [`queue`] | who waits, which agent rings next |
//! | 1 | [`outage`] | evidence in, a channel's state and the reason out |
//! | 2 | [`registrar`] | which extension is reachable where, until when |
//! | 2 | [`channel`] | one contract for SMS and chat: probe, send, read a webhook |
//! | 2 | [`dialplan`] | KDL text → checked program → one caller's walk |
//! | 3 | [`call`] | one call: its legs, its walk through the dialplan, its record |
//! | 4 | [`switch`] | the whole PBX as ONE machine |
//! | 4 | [`store`] | what must outlive the process |
//! | 5 | [`io`] | sockets, DNS, TLS, the media pump's threads, HTTP out, probes |
//! | 5 | [`api`] | REST, webhooks in, events out |
//! | 6 | [`config`] | `config/desvio.toml`: gathers each room's own `Config`, cross-checks names |
//!
//! The eighth floor is `main.rs`: arguments, log, exit codes.

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

#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shell: it talks to the world over HTTP")]
pub mod api;
#[allow(clippy::disallowed_methods, reason = "the shell: reads files and the environment")]
pub mod config;
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shell: the only room that touches the world")]
pub mod io;
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the shell: the database has tasks and a clock of its own")]
pub mod store;
