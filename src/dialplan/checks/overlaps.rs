//! Numbers and routes that stand in each other's way.

use std::collections::BTreeMap;

use crate::dialplan::checks::Graph;
use crate::dialplan::compile::Compiler;
use crate::dialplan::declarations::Declared;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::routes::Route;
use crate::dialplan::routes::Routes;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::number::PhoneNumber;
use crate::number::Region;

pub(super) fn check(graph: Graph<'_>, declared: &Declared<'_>, compiler: &mut Compiler<'_>) {
    let routes = &graph.program.routes;
    let numbers: BTreeMap<&str, Span> =
        declared.numbers.iter().filter_map(|node| Some((first(node)?, node.head_span()))).collect();
    for (number, span) in &numbers {
        in_its_long_form(number, *span, &numbers, compiler);
        not_a_route_as_well(number, *span, routes, compiler);
    }
    needless_routes(routes, compiler);
}

/// Carriers write a Brazilian mobile number with its ninth digit.
fn in_its_long_form(number: &str, span: Span, numbers: &BTreeMap<&str, Span>, compiler: &mut Compiler<'_>) {
    let Ok(long) = PhoneNumber::parse(number, &Region::default()) else {
        return;
    };
    if long.as_str() == number {
        return;
    }
    let message = match numbers.get(long.as_str()) {
        Some(other) => format!("this is the same line as {} at {}", long.as_str(), compiler.faults.place(*other)),
        None => format!("the telephone network writes this number {}", long.as_str()),
    };
    let help = format!("Write `number \"{}\"`, once.", long.as_str());
    compiler.faults.fault(Rule::NumbersOverlap, span, message, Some(help));
}

fn not_a_route_as_well(number: &str, span: Span, routes: &Routes, compiler: &mut Compiler<'_>) {
    let Some(route) = routes.exact(number) else {
        return;
    };
    let message = format!("a `route` leads to this number of ours as well, at {}", route.place);
    let help = "Calls of our phones go to its flow, and the route is not used for them. Remove one of the two.";
    compiler.faults.fault(Rule::NumbersOverlap, span, message, Some(help.to_owned()));
}

/// A longer pattern that leads to the same trunks as the shorter one that it is taken out of.
fn needless_routes(routes: &Routes, compiler: &mut Compiler<'_>) {
    for (route, wider) in routes.needless() {
        let Route { pattern, span, .. } = route;
        let message = format!("route `{pattern}` says what `{}` at {} says already", wider.pattern, wider.place);
        compiler.faults.fault(
            Rule::NeedlessRoute,
            *span,
            message,
            Some("Remove it, or name another trunk.".to_owned()),
        );
    }
}

fn first(node: &Node) -> Option<&str> {
    match node.arguments.first().map(|argument| &argument.value) {
        Some(Raw::Text(text)) => Some(text),
        _ => None,
    }
}
