//! The reference of the language, written from the sheets that the checks use, so that the two cannot differ.

use std::fmt::Write;

use crate::dialplan::comparator::COMPARATORS;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Word;
use crate::dialplan::conditions::CONDITIONS;
use crate::dialplan::conditions::PLAIN_SUBJECTS;
use crate::dialplan::conditions::PlainSubject;
use crate::dialplan::declarations::DECLARATIONS;
use crate::dialplan::declarations::Declaration;
use crate::dialplan::declarations::LISTED;
use crate::dialplan::fact::FACTS;
use crate::dialplan::fault::Severity;
use crate::dialplan::opening_lines::CLOSED;
use crate::dialplan::opening_lines::HOLIDAYS;
use crate::dialplan::opening_lines::OPEN;
use crate::dialplan::routes::THEN;
use crate::dialplan::routes::TRUNK;
use crate::dialplan::rule::RULES;
use crate::dialplan::statements::STATEMENTS;
use crate::dialplan::variable::VariableKind;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Detail;
use crate::dialplan::verb::Need;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Verb;
use crate::dialplan::verb::Yields;
use crate::dialplan::verbs::VERBS;

/// The section of `docs/dialplan.md` that describes every word, as Markdown.
pub fn render_reference() -> String {
    let mut page = String::new();
    line(&mut page, "## At the top of a file\n");
    for declaration in DECLARATIONS {
        render_declaration(&mut page, declaration);
    }
    for declaration in [&TRUNK, &THEN, &OPEN, &CLOSED, &HOLIDAYS, &LISTED] {
        render_declaration(&mut page, declaration);
    }
    line(&mut page, "## Steps\n");
    for verb in VERBS {
        render_verb(&mut page, *verb);
    }
    line(&mut page, "## Conditions of `if` and `when`\n");
    render_comparators(&mut page);
    render_conditions(&mut page);
    line(&mut page, "## What texts can speak of\n");
    render_facts(&mut page);
    line(&mut page, "## In a test\n");
    for statement in STATEMENTS {
        render_declaration(&mut page, statement);
    }
    line(&mut page, "## What `check` finds\n");
    render_rules(&mut page);
    page.trim_end().to_owned() + "\n"
}

fn render_rules(page: &mut String) {
    line(page, "| name | what is asked for | else |");
    line(page, "|---|---|---|");
    for rule in RULES {
        let severity = match rule.severity() {
            Severity::Fault => "fault",
            Severity::Warning => "warning",
        };
        line(page, &format!("| `{}` | {} | {severity} |", rule.code(), rule.help()));
    }
    line(page, "");
}

fn render_declaration(page: &mut String, declaration: &Declaration) {
    line(page, &format!("### `{}`\n", declaration.name));
    line(page, &format!("{}\n", declaration.help));
    parameters(page, declaration.arguments, declaration.properties);
    example(page, declaration.example);
}

fn render_verb(page: &mut String, verb: &dyn Verb) {
    let sheet = verb.sheet();
    line(page, &format!("### `{}`\n", sheet.name));
    line(page, &format!("{}\n", sheet.help));
    parameters(page, sheet.arguments, &verb.properties());
    details(page, sheet.details);
    branches(page, sheet.branches());
    if let Some(Yields { parameter, kind, help }) = sheet.yields {
        let kind = kind.map_or("its value's kind", VariableKind::word);
        line(page, &format!("Gives the variable in `{parameter}` a value ({kind}): {help}.\n"));
    }
    example(page, sheet.example);
}

fn parameters(page: &mut String, arguments: &[Parameter], properties: &[Parameter]) {
    if arguments.is_empty() && properties.is_empty() {
        return;
    }
    line(page, "| value | kind | what it says | left out |");
    line(page, "|---|---|---|---|");
    for parameter in arguments {
        parameter_row(page, parameter, parameter.name);
    }
    for parameter in properties {
        parameter_row(page, parameter, &format!("`{}=`", parameter.name));
    }
    line(page, "");
}

fn parameter_row(page: &mut String, parameter: &Parameter, name: &str) {
    let Parameter { kind, help, .. } = parameter;
    line(page, &format!("| {name} | {kind} | {help} | {} |", left_out(parameter)));
}

fn left_out(parameter: &Parameter) -> &'static str {
    match parameter.need {
        Need::Required => "not possible",
        Need::Repeated => "not possible; several may be written",
        Need::Optional { default } => default,
    }
}

fn details(page: &mut String, details: &[Detail]) {
    if details.is_empty() {
        return;
    }
    line(page, "In its block, as often as needed:\n");
    line(page, "| line | value | kind | what it says | left out |");
    line(page, "|---|---|---|---|---|");
    for detail in details {
        line(page, &format!("| `{}` | | | {} | |", detail.name, detail.help));
        let properties = detail.properties.iter().map(|it| (it, format!("`{}=`", it.name)));
        let arguments = detail.arguments.iter().map(|it| (it, it.name.to_owned()));
        for (parameter, name) in arguments.chain(properties) {
            let Parameter { kind, help, .. } = parameter;
            line(page, &format!("| | {name} | {kind} | {help} | {} |", left_out(parameter)));
        }
    }
    line(page, "");
}

fn branches(page: &mut String, branches: &[Branch]) {
    if branches.is_empty() {
        return;
    }
    line(page, "| way out | taken when | not written |");
    line(page, "|---|---|---|");
    for branch in branches {
        let value = branch.value.map_or_else(String::new, |kind| format!(" {kind}"));
        let Branch { name, help, default, .. } = branch;
        line(page, &format!("| `{name}`{value} | {help} | {default} |"));
    }
    line(page, "");
}

fn render_conditions(page: &mut String) {
    for condition in CONDITIONS {
        let subject = condition.subject();
        line(page, &format!("### `if {}=`\n", subject.name));
        let Parameter { kind, help, .. } = subject;
        let compared = match condition.compares() {
            Compares::States(_) => "",
            Compares::Itself => " It says all by itself; `not-` before it asks for the contrary.",
            Compares::Count => " Compared with a number.",
            Compares::Time => " Compared with a duration.",
            Compares::Variable => {
                " Compared with a text, or with another variable as `{name}`; one that holds `digits` or a `number`, with a number too."
            }
        };
        line(page, &format!("Looks at: {help}. Value: {kind}.{compared}\n"));
        if let Compares::States(words) = condition.compares() {
            states(page, words);
        }
    }
}

fn states(page: &mut String, words: &[Word]) {
    line(page, "| `is` | holds when |");
    line(page, "|---|---|");
    for word in words {
        line(page, &format!("| `{}` | {} |", word.word, word.help));
    }
    line(page, "");
}

fn render_comparators(page: &mut String) {
    line(
        page,
        "In `if` they stand as properties after what they are said of, `is=\"down\"`; in `when` each begins a branch, `is \"down\" { … }`, and may name several values.\n",
    );
    line(page, "| word | holds when | said of |");
    line(page, "|---|---|---|");
    let sorts = [
        (Compares::States(&[]), "states"),
        (Compares::Count, "numbers"),
        (Compares::Time, "durations"),
        (Compares::Variable, "variables"),
    ];
    for comparator in COMPARATORS {
        let fitting = sorts.iter().filter(|(compares, _)| comparator.fits(*compares)).map(|(_, name)| *name);
        let fitting: Vec<&str> = fitting.collect();
        line(page, &format!("| `{}` | {} | {} |", comparator.name, comparator.help, fitting.join(", ")));
    }
    line(page, "");
    let plain: Vec<String> = PLAIN_SUBJECTS.iter().map(plain_subject).collect();
    line(page, &format!("`when` also looks at {}.\n", plain.join("; at ")));
}

/// `"called"` with the branches that it may have.
fn plain_subject(subject: &PlainSubject) -> String {
    let branches: Vec<String> = subject
        .branches
        .iter()
        .map(|(branch, condition)| format!("`{branch}` (as `if {}=`)", condition.subject().name))
        .collect();
    format!("`\"{}\"`, with the branches {}", subject.name, branches.join(", "))
}

fn render_facts(page: &mut String) {
    line(
        page,
        "A `{name}` in a text is filled in: a variable that `set`, `count`, `gather` or another step has given a value, or one of these. A `*` stands for the name of a queue or a channel. What is filled in is never read again.\n",
    );
    line(page, "| name | holds | what it is |");
    line(page, "|---|---|---|");
    for fact in FACTS {
        line(page, &format!("| `{{{}}}` | {} | {} |", fact.name, fact.kind.word(), fact.help));
    }
    line(page, "");
}

fn example(page: &mut String, example: &str) {
    line(page, &format!("```kdl\n{example}\n```\n"));
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::config::Config;
    use crate::dialplan::example;
    use crate::dialplan::load::Checked;
    use crate::dialplan::load::load;
    use crate::dialplan::names::Names;
    use crate::dialplan::rehearsal::rehearse;
    use crate::dialplan::rehearsal::rehearse_some;
    use crate::dialplan::source::SourceFile;

    const DOCS: &str = include_str!("../../docs/dialplan.md");
    const HEADING: &str = "written by the program from the same tables that check a dialplan.\n\n";

    #[test]
    fn the_docs_hold_the_reference_of_this_version() {
        let (tutorial, written) = DOCS.split_once(HEADING).unwrap();
        if std::env::var_os("DESVIO_WRITE_EXPECTED").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/dialplan.md");
            std::fs::write(path, format!("{tutorial}{HEADING}{}", render_reference())).unwrap();
            return;
        }
        assert!(
            written == render_reference(),
            "docs/dialplan.md is out of step; its reference must read:\n\n{}",
            render_reference()
        );
    }

    fn samples() -> impl Iterator<Item = &'static str> {
        let (tutorial, _) = DOCS.split_once(HEADING).unwrap();
        tutorial.split("```kdl\n").skip(1).filter_map(|sample| Some(sample.split_once("```")?.0))
    }

    /// What the tutorial's configuration has: beside the names of the other tests, the queues and prompts of its call centre.
    fn names() -> Names {
        let mut names = example::names();
        let agents = |queue: &str, agents: &[&str]| {
            (queue.to_owned(), agents.iter().map(|agent| (*agent).to_owned()).collect::<Vec<_>>())
        };
        for (queue, agents) in [agents("ouro", &["202"]), agents("suporte", &["203", "204"])] {
            names.extensions.extend(agents.iter().cloned());
            names.queues.insert(queue.clone());
            names.agents.insert(queue, agents);
        }
        let languages = names.languages();
        for prompt in ["center-menu", "enter-protocol", "language-menu", "order-found", "order-unknown", "very-busy"] {
            names.prompts.insert(prompt.to_owned(), languages.clone());
        }
        names
    }

    fn checked(text: &str) -> Checked {
        let file = SourceFile { path: "a.kdl".to_owned(), text: text.to_owned() };
        load(&[file], &names(), &Config::default()).unwrap_or_else(|faults| panic!("{}: {text}", faults[0]))
    }

    #[test]
    fn every_sample_of_the_tutorial_loads() {
        for text in samples() {
            checked(text);
        }
    }

    #[test]
    fn the_tutorial_ends_with_a_call_centre_of_which_nothing_is_doubtful_and_everything_tested() {
        let centre = checked(samples().last().unwrap());
        assert_eq!(centre.warnings, []);
        let (outcomes, coverage) = rehearse_some(&centre.program, &names(), example::start(), "");
        for outcome in outcomes {
            assert!(outcome.passed(), "{outcome}");
        }
        assert!(coverage.not_reached.is_empty(), "{coverage}");
    }

    #[test]
    fn the_tests_of_the_tutorial_pass() {
        let names = names();
        let outcomes: Vec<_> =
            samples().flat_map(|text| rehearse(&checked(text).program, &names, example::start())).collect();
        assert!(outcomes.len() >= 4);
        for outcome in outcomes {
            assert!(outcome.passed(), "{outcome}");
        }
    }
}
