//! What `if` and `when` can look at. A new condition is a file here and a line in [`CONDITIONS`].

mod called;
pub(super) mod caller;
mod calls;
mod chance;
mod channel;
mod extension;
mod hours;
mod keys;
mod queue;
mod queue_figures;
#[cfg(test)]
mod tests;
mod trunk;
mod variable;

use crate::dialplan::condition::Condition;

/// All conditions, in the order of the reference.
pub(super) const CONDITIONS: &[&dyn Condition] = &[
    &channel::Channel,
    &hours::Hours,
    &caller::ByNumber,
    &caller::ByList,
    &caller::ByCountry,
    &called::Called,
    &trunk::Trunk,
    &queue::Queue,
    &queue_figures::WAITING,
    &queue_figures::LONGEST,
    &queue_figures::ESTIMATED,
    &queue_figures::AGENTS,
    &queue_figures::FREE,
    &extension::Extension,
    &variable::Variable,
    &keys::Keys,
    &calls::Everywhere,
    &calls::OverTrunk,
    &chance::Chance,
];

/// A subject that `when` looks at by its name alone, and the conditions that its branches stand for.
pub(super) struct PlainSubject {
    pub(super) name: &'static str,
    pub(super) branches: &'static [(&'static str, &'static dyn Condition)],
}

pub(super) const PLAIN_SUBJECTS: &[PlainSubject] = &[
    PlainSubject {
        name: "caller",
        branches: &[("is", &caller::ByNumber), ("in", &caller::ByList), ("country", &caller::ByCountry)],
    },
    PlainSubject { name: "called", branches: &[("is", &called::Called)] },
    PlainSubject { name: "trunk", branches: &[("is", &trunk::Trunk)] },
    PlainSubject { name: "keys", branches: &[("is", &keys::Keys)] },
];

pub(super) fn find(name: &str) -> Option<&'static dyn Condition> {
    CONDITIONS.iter().copied().find(|condition| condition.subject().name == name)
}
