//! One call: its legs, its walk through the dialplan, its record.
//!
//! The *caller* is the leg that follows the script; whoever else is rung (an agent, an extension, a number) is reached by a
//! leg of its own, and the first to answer talks to the caller. A call never touches a socket: sessions and media are asked
//! for by [`Effect`]s, what they report comes back as [`Input`]s, and what the call must know of the rest of the house it
//! looks up through [`Around`].
//!
//! [`Effect`]: effect::Effect
//! [`Input`]: effect::Input
//! [`Around`]: effect::Around

pub mod announcement;
pub mod call_back;
pub mod caller;
pub mod clerk;
mod conference;
mod dial;
pub mod effect;
mod endings;
pub mod explain;
mod failover;
mod info;
pub mod leg;
pub mod machine;
mod mailbox;
pub mod media_record;
pub mod orders;
mod parking;
mod reach;
pub mod record;
pub mod recording;
mod referring;
mod refusals;
mod replace;
mod reports;
pub mod script;
pub mod silences;
pub mod supervision;
pub mod transfer;
mod verdict;
mod view;
mod voicemail;
