//! Who waits, and which agent rings next.
//!
//! All queues are one machine, because an agent may sit in several and must be offered one caller at a time. Pure: whose
//! phone rings is an [`effect::Effect`], what became of it comes back as a call of [`queues::Queues`].
//!
//! Two rules hold after every step: nobody waits while an agent of theirs is free, and the caller who has waited longest
//! is served first, whichever queue they stand in.

pub mod agent;
#[cfg(test)]
mod callback_stories;
pub mod callbacks;
pub mod config;
pub mod effect;
mod line;
mod matching;
mod pace;
#[cfg(test)]
mod properties;
pub mod queues;
mod roster;
#[cfg(test)]
mod stories;
pub mod strategies;
pub mod strategy;
pub mod view;
