//! Every fault and warning that a dialplan can have, as a person is shown it: `tests/data/dialplan-faults.txt`.
//!
//! A case is a heading, a dialplan, `=>`, and what `check` says. `// with:` lines change the names that it finds. With
//! `DESVIO_WRITE_EXPECTED=1` in the environment the test writes what is said now; read the difference before you keep it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::dialplan::config::Config;
use crate::dialplan::example::names;
use crate::dialplan::fault::Fault;
use crate::dialplan::load::load;
use crate::dialplan::names::Names;
use crate::dialplan::names::TrunkNetwork;
use crate::dialplan::rule::RULES;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::SourceFile;

const CASES: &str = include_str!("../../tests/data/dialplan-faults.txt");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dialplan-faults.txt");

/// Before a dialplan is read: `config` has their cases.
const OF_FILES: [Rule; 2] = [Rule::NotText, Rule::Unreadable];

struct Case<'t> {
    heading: &'t str,
    text: &'t str,
    expected: &'t str,
}

fn cases() -> impl Iterator<Item = Case<'static>> {
    CASES.split("\n## ").skip(1).map(|case| {
        let (heading, rest) = case.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("=>\n").unwrap();
        Case { heading, text, expected: expected.trim_end() }
    })
}

impl Case<'_> {
    fn faults(&self) -> Vec<Fault> {
        let mut names = names();
        for wish in self.text.lines().filter_map(|line| line.strip_prefix("// with: ")) {
            change(&mut names, wish);
        }
        let file = SourceFile { path: "a.kdl".to_owned(), text: self.text.to_owned() };
        match load(&[file], &names, &Config::default()) {
            Ok(checked) => checked.warnings,
            Err(faults) => faults,
        }
    }
}

fn change(names: &mut Names, wish: &str) {
    match wish {
        "nobody in vendas" => names.agents = BTreeMap::from([("vendas".to_owned(), Vec::new())]),
        "operadora carries whatsapp" => {
            names.networks = BTreeMap::from([("operadora".to_owned(), TrunkNetwork::Whatsapp)]);
        }
        unknown => panic!("nobody knows how to do this: {unknown}"),
    }
}

fn in_full(faults: &[Fault]) -> String {
    let shown: Vec<String> = faults.iter().map(Fault::in_full).collect();
    shown.join("\n")
}

#[test]
fn every_fault_is_shown_with_its_place_its_line_and_its_mend() {
    if std::env::var_os("DESVIO_WRITE_EXPECTED").is_some() {
        return write_expected();
    }
    for case in cases() {
        assert_eq!(in_full(&case.faults()), case.expected, "{}", case.heading);
    }
}

fn write_expected() {
    let (preface, _) = CASES.split_once("\n## ").unwrap();
    let mut text = preface.to_owned();
    for case in cases() {
        let shown = in_full(&case.faults());
        write!(text, "\n## {}\n{}=>\n{}\n", case.heading, case.text, shown).unwrap();
    }
    std::fs::write(PATH, text).unwrap();
}

#[test]
fn no_rule_is_without_a_case() {
    let shown: BTreeSet<&str> = cases().flat_map(|case| case.faults()).map(|fault| fault.code).collect();
    let missing: Vec<&Rule> =
        RULES.iter().filter(|rule| !OF_FILES.contains(rule) && !shown.contains(rule.code())).collect();
    assert_eq!(missing, [&Rule::Syntax; 0], "add a case to tests/data/dialplan-faults.txt");
}

#[test]
fn faults_stand_in_the_order_of_the_file_and_within_it() {
    for case in cases() {
        let faults = case.faults();
        let lines = u32::try_from(case.text.lines().count() + 1).unwrap();
        assert!(faults.iter().all(|fault| fault.line <= lines && fault.end_line <= lines), "{}", case.heading);
        assert!(faults.iter().all(|fault| (fault.line, fault.column) <= (fault.end_line, fault.end_column)));
        assert!(faults.is_sorted_by_key(|fault| (fault.line, fault.column)), "{}", case.heading);
    }
}
