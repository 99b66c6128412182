//! Reads an `hours` block: the lines that say when the business is open and when it is not.

use crate::dialplan::compile::Compiler;
use crate::dialplan::dates::Dates;
use crate::dialplan::declarations::Declaration;
use crate::dialplan::document::Node;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::fill;
use crate::dialplan::holidays;
use crate::dialplan::holidays::Holiday;
use crate::dialplan::holidays::LISTS;
use crate::dialplan::hours::Opening;
use crate::dialplan::hours::TimeRange;
use crate::dialplan::kind::Kind;
use crate::dialplan::rule::Rule;
use crate::dialplan::verb::Parameter;

pub(super) const OPEN: Declaration = Declaration {
    name: "open",
    help: "In `hours`: open on these days at these times, or on these dates: they take the place of what else holds there, \
           holidays included. A time that ends before it begins ends on the next day.",
    arguments: &[
        Parameter::required("days", Kind::OpenDays, "days of the week, or dates"),
        Parameter::required("time", Kind::TimeRange, "from and to"),
    ],
    properties: &[],
    example: "open \"mon-fri\" \"09:00-18:00\"\nopen \"2026-12-24\" \"09:00-12:00\"",
};

pub(super) const CLOSED: Declaration = Declaration {
    name: "closed",
    help: "In `hours`: closed all day on these dates. A date without its year comes every year.",
    arguments: &[
        Parameter::required("dates", Kind::Dates, "the day, or the first and the last"),
        Parameter::required("name", Kind::Name, "why, for people who read the dialplan"),
    ],
    properties: &[],
    example: "closed \"12-25\" \"Natal\"\nclosed \"2026-12-28..2027-01-03\" \"Recesso\"",
};

pub(super) const HOLIDAYS: Declaration = Declaration {
    name: "holidays",
    help: "In `hours`: closed on the holidays of a list that comes with the program. `brazil` are the national holidays by law and \
           Good Friday; `brazil-optional` adds Carnival and Corpus Christi. Those that follow Easter are worked out for every year.",
    arguments: &[Parameter::required("list", Kind::Word(LISTS), "which")],
    properties: &[],
    example: "holidays \"brazil\"",
};

/// What the lines of an `hours` block say.
#[derive(Debug, Default)]
pub(super) struct Openings {
    pub(super) open: Vec<Opening>,
    pub(super) open_on: Vec<(Dates, TimeRange)>,
    pub(super) closed: Vec<Dates>,
    pub(super) holidays: Vec<Holiday>,
}

pub(super) fn read(node: &Node, compiler: &mut Compiler<'_>) -> Openings {
    let mut openings = Openings::default();
    let faults_before = compiler.faults.count();
    for child in node.children.as_deref().unwrap_or_default() {
        openings.read(child, compiler);
    }
    if openings.open.is_empty() && openings.open_on.is_empty() && compiler.faults.count() == faults_before {
        let message = "these hours are never open".to_owned();
        let help = "For example: `open \"mon-fri\" \"09:00-18:00\"`".to_owned();
        compiler.faults.fault(Rule::NeverOpen, node.head_span(), message, Some(help));
    }
    openings
}

impl Openings {
    fn read(&mut self, line: &Node, compiler: &mut Compiler<'_>) {
        let known = [OPEN, CLOSED, HOLIDAYS];
        let Some(declaration) = known.iter().find(|known| known.name == line.name) else {
            let message = format!("`{}` cannot stand in `hours`", line.name);
            let help = choices("possible", known.iter().map(|known| known.name), &line.name);
            return compiler.faults.fault(Rule::UnknownWord, line.name_span, message, Some(help));
        };
        let Some(filled) = fill(line, declaration.form(), compiler) else {
            return;
        };
        match (declaration.name, filled.maybe_dates("days")) {
            ("open", Some(dates)) => self.open_on.push((dates, filled.time_range("time"))),
            ("open", None) => {
                self.open.push(Opening { days: filled.weekdays("days"), range: filled.time_range("time") });
            }
            ("closed", _) => self.closed.extend(filled.maybe_dates("dates")),
            _ => self.holidays.extend(holidays::named(filled.word("list"))),
        }
    }
}
