//! What `if` can look at. A new condition is a file here and a line in [`CONDITIONS`].

mod chance;
mod channel;
mod extension;
mod hours;
mod queue;

use crate::dialplan::condition::Condition;
use crate::dialplan::fill::Filled;

/// All conditions, in the order of the reference.
pub(super) const CONDITIONS: &[&dyn Condition] =
    &[&channel::Channel, &hours::Hours, &queue::Queue, &extension::Extension, &chance::Chance];

/// The condition that was written, if it was exactly one.
pub(super) fn given(filled: &Filled) -> Option<&'static dyn Condition> {
    let mut written = CONDITIONS.iter().filter(|condition| filled.has(condition.subject().name));
    let first = written.next()?;
    written.next().is_none().then_some(*first)
}
