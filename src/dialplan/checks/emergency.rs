//! Emergency numbers that the phones here cannot call.

use std::collections::BTreeSet;

use crate::dialplan::checks::Graph;
use crate::dialplan::compile::Compiler;
use crate::dialplan::declarations::Declared;
use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;
use crate::dialplan::routes::Routes;
use crate::dialplan::rule::Rule;

/// By the country's code: police, ambulance, fire brigade, as far as they have numbers of their own.
const NUMBERS: &[(&str, &[&str])] = &[
    ("1", &["911"]),
    ("31", &["112"]),
    ("32", &["112"]),
    ("33", &["112", "15", "17", "18"]),
    ("34", &["112"]),
    ("351", &["112"]),
    ("353", &["112", "999"]),
    ("39", &["112"]),
    ("41", &["112", "117", "118", "144"]),
    ("43", &["112", "122", "133", "144"]),
    ("44", &["112", "999"]),
    ("49", &["110", "112"]),
    ("52", &["911"]),
    ("54", &["911"]),
    ("55", &["190", "192", "193"]),
    ("56", &["131", "132", "133"]),
    ("57", &["123"]),
    ("598", &["911"]),
];

/// Of each country in which we have a number, as far as phones may call outside at all.
pub(super) fn check(graph: Graph<'_>, declared: &Declared<'_>, compiler: &mut Compiler<'_>) {
    let routes = &graph.program.routes;
    if routes.is_empty() {
        return;
    }
    let mut countries = BTreeSet::new();
    for node in &declared.numbers {
        let Some((country, numbers)) = number(node).and_then(of_country) else {
            continue;
        };
        if countries.insert(country) {
            without_route(node, numbers, routes, compiler);
            hidden(node, numbers, compiler);
        }
    }
}

fn without_route(node: &Node, numbers: &[&str], routes: &Routes, compiler: &mut Compiler<'_>) {
    let missing: Vec<&str> = numbers.iter().copied().filter(|number| routes.route_for(number).is_none()).collect();
    let Some(first) = missing.first() else {
        return;
    };
    let message = format!("no `route` leads to {}: nobody here could call for help", missing.join(", "));
    let help = format!("Write `route \"{first}\" trunk=\"…\"`, and so for each of them.");
    compiler.faults.fault(Rule::NoEmergencyRoute, node.head_span(), message, Some(help));
}

fn hidden(node: &Node, numbers: &[&str], compiler: &mut Compiler<'_>) {
    for number in numbers.iter().filter(|number| compiler.names.extensions.contains(**number)) {
        let message = format!("extension {number} stands in the way of the emergency number {number}");
        let help = "Give that extension another number.".to_owned();
        compiler.faults.fault(Rule::NoEmergencyRoute, node.head_span(), message, Some(help));
    }
}

fn number(node: &Node) -> Option<&str> {
    match node.arguments.first().map(|argument| &argument.value) {
        Some(Raw::Text(number)) => number.strip_prefix('+'),
        _ => None,
    }
}

fn of_country(digits: &str) -> Option<(&'static str, &'static [&'static str])> {
    NUMBERS.iter().copied().find(|(code, _)| digits.starts_with(code))
}
