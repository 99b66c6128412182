//! Which trunks carry a call to a number outside: the pattern that fits and says most, and in it one trunk after another.

use std::collections::BTreeMap;

use crate::dialplan::compile::Compiler;
use crate::dialplan::declarations::Declaration;
use crate::dialplan::declarations::ROUTE;
use crate::dialplan::declarations::Seen;
use crate::dialplan::document::Node;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::fill::fill;
use crate::dialplan::kind::Kind;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::verb::Parameter;

/// `route "+55*" trunk="operadora"`, or with several trunks in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub pattern: String,
    /// `dialplans/loja.kdl:6`
    pub place: String,
    pub(super) span: Span,
    /// They share the calls; at least one.
    shared: Vec<Share>,
    /// In the order in which they are tried after those.
    then: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Share {
    trunk: String,
    weight: u32,
}

impl Route {
    /// Every trunk of the route in the order in which this call tries them; equal dice give an equal order.
    pub fn trunks(&self, dice: u64) -> Vec<&str> {
        let mut rng = fastrand::Rng::with_seed(dice);
        let mut left: Vec<&Share> = self.shared.iter().collect();
        let mut order = Vec::with_capacity(left.len() + self.then.len());
        while left.len() > 1 {
            let drawn = draw(&left, &mut rng);
            order.push(left.remove(drawn).trunk.as_str());
        }
        order.extend(left.iter().map(|share| share.trunk.as_str()));
        order.extend(self.then.iter().map(String::as_str));
        order
    }

    /// `a (70 %) or b (30 %), then c`, for people.
    pub fn describe(&self) -> String {
        let all: u32 = self.shared.iter().map(|share| share.weight).sum();
        let share = |share: &Share| match self.shared.len() {
            1 => share.trunk.clone(),
            _ => format!("{} ({} %)", share.trunk, (share.weight * 100 + all / 2) / all),
        };
        let first: Vec<String> = self.shared.iter().map(share).collect();
        let then = self.then.iter().map(|trunk| format!(", then {trunk}"));
        first.join(" or ") + &then.collect::<String>()
    }
}

fn draw(left: &[&Share], rng: &mut fastrand::Rng) -> usize {
    let all: u32 = left.iter().map(|share| share.weight).sum();
    let mut mark = rng.u32(0..all.max(1));
    let falls_here = |share: &&Share| {
        let here = mark < share.weight;
        mark = mark.saturating_sub(share.weight);
        here
    };
    left.iter().position(falls_here).unwrap_or(0)
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

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.by_beginning.is_empty()
    }

    /// The route that is written for this number alone.
    pub(super) fn exact(&self, number: &str) -> Option<&Route> {
        self.exact.get(number)
    }

    /// Routes that lead where the next wider one leads anyway, and that one.
    pub(super) fn needless(&self) -> impl Iterator<Item = (&Route, &Route)> {
        let all = self.exact.iter().chain(&self.by_beginning);
        all.filter_map(|(written, route)| {
            let is_exact = !route.pattern.ends_with('*');
            let mut shorter = (0..written.len() + usize::from(is_exact)).rev().filter_map(|end| written.get(..end));
            let wider = shorter.find_map(|beginning| self.by_beginning.get(beginning))?;
            (wider.shared == route.shared && wider.then == route.then).then_some((route, wider))
        })
    }

    /// A number written out goes before any pattern, and a longer beginning before a shorter one.
    pub(super) fn route_for(&self, number: &str) -> Option<&Route> {
        let ends = (0..=number.len()).rev().filter(|end| number.is_char_boundary(*end));
        let mut beginnings = ends.map(|end| &number[..end]);
        self.exact.get(number).or_else(|| beginnings.find_map(|beginning| self.by_beginning.get(beginning)))
    }
}

pub(super) const TRUNK: Declaration = Declaration {
    name: "trunk",
    help: "In `route`: a trunk that takes its share of the calls. If it fails, the other `trunk` lines are tried.",
    arguments: &[Parameter::required("trunk", Kind::Trunk, "the trunk")],
    properties: &[Parameter::optional(
        "weight",
        Kind::Integer { least: 1, most: 1_000 },
        "1",
        "how many calls it gets in proportion to the other `trunk` lines",
    )],
    example: "trunk \"operadora\" weight=70",
};

pub(super) const THEN: Declaration = Declaration {
    name: "then",
    help: "In `route`: a trunk that is tried after all that stand above it have failed.",
    arguments: &[Parameter::required("trunk", Kind::Trunk, "the trunk")],
    properties: &[],
    example: "then \"reserva\"",
};

/// Reads one `route`: its trunk stands in the line or in the block.
pub(super) fn declare(node: &Node, seen: &mut Seen, compiler: &mut Compiler<'_>) {
    let filled = fill(node, ROUTE.form(), compiler);
    let mut block = Block::default();
    if let Some(children) = &node.children {
        block.read(children, compiler);
    }
    let in_line = filled.as_ref().and_then(|filled| filled.maybe_text("trunk"));
    let written = node.properties.iter().any(|property| property.name == "trunk");
    match (written, &node.children) {
        (true, Some(_)) => {
            let help = "Remove `trunk=`, and write the trunk as the first line of the block.".to_owned();
            let message = "this `route` names a trunk before its block as well".to_owned();
            compiler.faults.fault(Rule::RouteTrunks, node.head_span(), message, Some(help));
        }
        (false, None) => {
            let help = format!("For example: `{}`", ROUTE.example.lines().next().unwrap_or_default());
            let message = "`route` lacks its `trunk`: the trunk that carries the call".to_owned();
            compiler.faults.fault(Rule::MissingValue, node.name_span, message, Some(help));
        }
        (false, Some(_)) if !block.names_a_trunk => {
            let help = format!("For example: `{}`", TRUNK.example);
            compiler.faults.fault(
                Rule::RouteTrunks,
                node.head_span(),
                "this `route` names no trunk".to_owned(),
                Some(help),
            );
        }
        _ => {}
    }
    let Some(filled) = filled else { return };
    block.shared.extend(in_line.map(|trunk| Share { trunk, weight: 1 }));
    let pattern = filled.text("pattern");
    if seen.is_new("route", &pattern, node.head_span(), compiler) && !block.shared.is_empty() {
        let place = compiler.faults.place(node.head_span());
        compiler.routes.add(Route { pattern, place, span: node.head_span(), shared: block.shared, then: block.then });
    }
}

#[derive(Default)]
struct Block {
    shared: Vec<Share>,
    then: Vec<String>,
    /// Whether a `trunk` line stands in it, sound or not.
    names_a_trunk: bool,
}

impl Block {
    fn read(&mut self, nodes: &[Node], compiler: &mut Compiler<'_>) {
        let mut seen = Seen::default();
        for node in nodes {
            self.names_a_trunk |= node.name == "trunk";
            let declaration = match node.name.as_str() {
                "trunk" => &TRUNK,
                "then" => &THEN,
                unknown => {
                    let message = format!("`{unknown}` cannot stand in `route`");
                    let help = choices("possible", ["trunk", "then"].into_iter(), unknown);
                    compiler.faults.fault(Rule::UnknownWord, node.name_span, message, Some(help));
                    continue;
                }
            };
            let Some(filled) = fill(node, declaration.form(), compiler) else {
                continue;
            };
            if seen.is_new("trunk", &filled.text("trunk"), node.head_span(), compiler) {
                self.take(declaration.name, &filled);
            }
        }
    }

    fn take(&mut self, word: &str, filled: &Filled) {
        let trunk = filled.text("trunk");
        match word {
            "then" => self.then.push(trunk),
            _ => self.shared.push(Share { trunk, weight: filled.maybe_integer("weight").unwrap_or(1) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(pattern: &str, shared: &[(&str, u32)], then: &[&str]) -> Route {
        Route {
            pattern: pattern.to_owned(),
            place: "a.kdl:1".to_owned(),
            span: Span::new(0, 0, 0),
            shared: shared
                .iter()
                .map(|(trunk, weight)| Share { trunk: (*trunk).to_owned(), weight: *weight })
                .collect(),
            then: then.iter().map(|trunk| (*trunk).to_owned()).collect(),
        }
    }

    #[test]
    fn the_longest_pattern_that_fits_wins() {
        let mut routes = Routes::default();
        for (pattern, trunk) in [("+*", "any"), ("+5511*", "local"), ("190", "police"), ("0*", "old")] {
            routes.add(route(pattern, &[(trunk, 1)], &[]));
        }
        let trunk = |number| routes.route_for(number).map(|route| route.trunks(0)[0]);
        assert_eq!(trunk("+551140031234"), Some("local"));
        assert_eq!(trunk("+442079460000"), Some("any"));
        assert_eq!(trunk("190"), Some("police"));
        assert_eq!(trunk("1901"), None);
        assert_eq!(trunk("é"), None);
    }

    #[test]
    fn calls_are_shared_by_weight_and_every_trunk_is_tried() {
        let route = route("+*", &[("a", 70), ("b", 30)], &["c", "d"]);
        let mut first = BTreeMap::new();
        for dice in 0..10_000 {
            let order = route.trunks(dice);
            assert_eq!(order[2..], ["c", "d"]);
            *first.entry(order[0]).or_insert(0) += 1;
        }
        assert!((6_700..7_300).contains(&first["a"]), "{first:?}");
        assert_eq!(first["a"] + first["b"], 10_000);
        assert_eq!(route.trunks(5), route.trunks(5));
    }

    #[test]
    fn a_route_is_told_in_words() {
        assert_eq!(route("+*", &[("a", 70), ("b", 30)], &["c"]).describe(), "a (70 %) or b (30 %), then c");
        assert_eq!(route("+*", &[("a", 1)], &[]).describe(), "a");
        assert_eq!(route("+*", &[("a", 1), ("b", 2)], &[]).describe(), "a (33 %) or b (67 %)");
    }
}
