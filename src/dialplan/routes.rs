//! Which trunk carries a call to a number outside: the pattern that fits and says most.

use std::collections::BTreeMap;

/// `route "+55*" trunk="operadora"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub pattern: String,
    pub trunk: String,
}

/// All routes, found by number in as many steps as the number has digits.
#[derive(Debug, Clone, Default)]
pub(super) struct Routes {
    exact: BTreeMap<String, Route>,
    /// By what stands before the `*`.
    by_beginning: BTreeMap<String, Route>,
}

impl Routes {
    pub(super) fn add(&mut self, route: Route) {
        match route.pattern.strip_suffix('*') {
            Some(beginning) => self.by_beginning.insert(beginning.to_owned(), route),
            None => self.exact.insert(route.pattern.clone(), route),
        };
    }

    /// A number written out goes before any pattern, and a longer beginning before a shorter one.
    pub(super) fn route_for(&self, number: &str) -> Option<&Route> {
        let ends = (0..=number.len()).rev().filter(|end| number.is_char_boundary(*end));
        let mut beginnings = ends.map(|end| &number[..end]);
        self.exact.get(number).or_else(|| beginnings.find_map(|beginning| self.by_beginning.get(beginning)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_that_fits_wins() {
        let mut routes = Routes::default();
        for (pattern, trunk) in [("+*", "any"), ("+5511*", "local"), ("190", "police"), ("0*", "old")] {
            routes.add(Route { pattern: pattern.to_owned(), trunk: trunk.to_owned() });
        }
        let trunk = |number| routes.route_for(number).map(|route| route.trunk.as_str());
        assert_eq!(trunk("+551140031234"), Some("local"));
        assert_eq!(trunk("+442079460000"), Some("any"));
        assert_eq!(trunk("190"), Some("police"));
        assert_eq!(trunk("1901"), None);
        assert_eq!(trunk("é"), None);
    }
}
