//! The contract of a condition: what `if` looks at, and in which states that can be.

use std::fmt;

use crate::dialplan::action::Moment;
use crate::dialplan::fill::Filled;
use crate::dialplan::verb::Parameter;

/// Something that `if` can look at.
pub(super) trait Condition: Sync {
    /// The property of `if` that names it.
    fn subject(&self) -> Parameter;

    /// What `is` may say; empty for a condition that needs no `is`.
    fn words(&self) -> &'static [Word];

    fn compile(&self, filled: &Filled, is: &str) -> Box<dyn Sight>;
}

/// A state, and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    pub word: &'static str,
    pub help: &'static str,
}

/// A condition with its values.
pub(super) trait Sight: fmt::Debug + Send + Sync {
    fn look(&self, moment: &mut Moment<'_>) -> Seen;
}

/// What was seen, in a word, and whether the condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) word: &'static str,
    pub(super) holds: bool,
}

impl Word {
    pub(super) const fn new(word: &'static str, help: &'static str) -> Word {
        Word { word, help }
    }
}
