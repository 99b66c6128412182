//! From the owner's text to one caller's walk: KDL files → a checked program → what happens next to this caller.
//!
//! Pure: files are read, audio is played and phones are rung by others; the time is handed in. Everything that can be
//! wrong with a dialplan is found before it is loaded ([`load`]), and everything that it does can be rehearsed on a
//! virtual clock ([`rehearsal`], [`simulate`]) with the very walk that serves real callers ([`walk`]).
//!
//! A new verb is one file in `verbs/` and one line in its list; a new condition likewise.

mod action;
pub mod attendance;
mod compile;
pub mod condition;
mod conditions;
pub mod config;
pub mod coverage;
mod declarations;
pub mod dial_order;
mod document;
#[cfg(test)]
mod example;
pub mod excerpt;
mod exit;
pub mod fault;
mod fill;
pub mod format;
pub mod happening;
pub mod hours;
pub mod kind;
mod lexer;
pub mod load;
pub mod lookup;
pub mod names;
pub mod order;
#[cfg(test)]
mod outline;
pub mod program;
mod reach;
mod read;
pub mod reference;
pub mod rehearsal;
mod ringers;
mod rounds;
pub mod routes;
pub mod rule;
pub mod scene;
mod script;
#[cfg(test)]
mod shown;
pub mod simulate;
pub mod source;
mod stand_in;
mod strings;
pub mod template;
pub mod trail;
pub mod verb;
pub mod verbs;
pub mod walk;
mod world;
