//! From the owner's text to one caller's walk: KDL files → a checked program → what happens next to this caller.
//!
//! Pure: files are read, audio is played and phones are rung by others; the time is handed in. Everything that can be
//! wrong with a dialplan is found before it is loaded ([`load`]), and everything that it does can be rehearsed on a
//! virtual clock ([`rehearsal`], [`simulate`]) with the very walk that serves real callers ([`walk`]).
//!
//! A new verb is one file in `verbs/` and one line in its list; a new condition likewise.

mod action;
mod address;
mod around;
pub mod attendance;
mod cases;
mod checks;
mod clause;
mod clauses;
mod comparator;
mod compile;
pub mod condition;
mod conditions;
pub mod config;
pub mod coverage;
mod dates;
mod declarations;
pub mod dial_order;
pub mod difference;
mod document;
#[cfg(test)]
mod example;
pub mod excerpt;
mod exit;
pub mod fact;
pub mod fault;
mod fill;
pub mod format;
pub mod graph;
pub mod happening;
mod holidays;
pub mod hours;
pub mod kind;
pub mod language;
mod last_keys;
mod lexer;
mod line;
mod list;
pub mod load;
pub mod lookup;
pub mod mailbox_name;
mod manner;
pub mod names;
mod nesting;
mod opening_lines;
pub mod order;
mod outline;
pub mod program;
#[cfg(test)]
mod properties;
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
mod setting;
#[cfg(test)]
mod shown;
pub mod simulate;
mod slips;
pub mod source;
mod stand_in;
mod statements;
mod strings;
pub mod template;
pub mod trail;
mod unset;
pub mod variable;
pub mod verb;
pub mod verbs;
pub mod walk;
mod world;
