//! Lists of numbers that conditions look into: whole numbers, and beginnings of numbers.

use std::collections::BTreeSet;

/// A list, by its place in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListId(pub(super) u32);

/// `list "vip" { … }`
#[derive(Debug, Default)]
pub(super) struct List {
    whole: BTreeSet<String>,
    beginnings: BTreeSet<String>,
}

/// A number, or the beginning of one with a `*` for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    Whole(String),
    Beginning(String),
}

impl List {
    /// False for a pattern that is there already.
    pub(super) fn add(&mut self, pattern: Pattern) -> bool {
        match pattern {
            Pattern::Whole(number) => self.whole.insert(number),
            Pattern::Beginning(beginning) => self.beginnings.insert(beginning),
        }
    }

    /// A lookup for each beginning that the number has, however long the list is.
    pub(super) fn contains(&self, number: &str) -> bool {
        let mut beginnings = number.char_indices().map(|(end, _)| &number[..end]).chain([number]);
        self.whole.contains(number)
            || (!self.beginnings.is_empty() && beginnings.any(|beginning| self.beginnings.contains(beginning)))
    }
}

impl Pattern {
    pub(super) fn of(text: &str) -> Pattern {
        match text.strip_suffix('*') {
            Some(beginning) => Pattern::Beginning(beginning.to_owned()),
            None => Pattern::Whole(text.to_owned()),
        }
    }

    pub(super) fn fits(&self, number: &str) -> bool {
        match self {
            Pattern::Whole(whole) => whole == number,
            Pattern::Beginning(beginning) => number.starts_with(beginning.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_whole_numbers_and_all_that_begins_as_it_says() {
        let mut list = List::default();
        assert!(list.add(Pattern::of("+5511999998888")));
        assert!(!list.add(Pattern::of("+5511999998888")));
        assert!(!list.contains("+55119999988889"));
        list.add(Pattern::of("+5521*"));
        assert!(list.contains("+5511999998888") && list.contains("+5521") && list.contains("+552133334444"));
        assert!(!list.contains("+552") && !list.contains("") && !list.contains("anonymous"));
    }
}
