//! Files → a program, or everything that is wrong with them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::tz::TimeZoneDatabase;
use sha2::Digest;
use sha2::Sha256;

use crate::dialplan::checks;
use crate::dialplan::compile::Compiler;
use crate::dialplan::compile::Notes;
use crate::dialplan::compile::Reading;
use crate::dialplan::config::Config;
use crate::dialplan::declarations::Declared;
use crate::dialplan::declarations::declare;
use crate::dialplan::declarations::numbers;
use crate::dialplan::difference;
use crate::dialplan::document;
use crate::dialplan::document::Node;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::Faults;
use crate::dialplan::hours::Hours;
use crate::dialplan::names::Names;
use crate::dialplan::nesting;
use crate::dialplan::program::Flow;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::Program;
use crate::dialplan::program::StepId;
use crate::dialplan::reach;
use crate::dialplan::rounds;
use crate::dialplan::rule::Rule;
use crate::dialplan::script;
use crate::dialplan::slips;
use crate::dialplan::source::SourceFile;
use crate::dialplan::source::Span;
use crate::dialplan::unset;

/// A dialplan without faults, and what is doubtful about it.
#[derive(Debug)]
pub struct Checked {
    pub program: Arc<Program>,
    pub warnings: Vec<Fault>,
}

/// Checks all files together. A caller can be given the program; an owner the list, in the order of the files.
pub fn load(files: &[SourceFile], names: &Names, config: &Config) -> Result<Checked, Vec<Fault>> {
    if let Some(surplus) = files.get(MOST_FILES) {
        let message = format!("a dialplan has {MOST_FILES} files at most, and this is one more");
        let help = "See `[dialplan] files`: it may mean more than you want.".to_owned();
        return Err(vec![Fault::of_file(&surplus.path, Rule::Unreadable, message, Some(help))]);
    }
    let mut compiler = Compiler::new(names, Faults::new(files));
    let nodes = read_all(files, &mut compiler);
    let mut declared = declare(&nodes, &mut compiler);
    let above = compiler.faults.fault_count();
    let flows = flows(&declared, &mut compiler);
    let within = compiler.faults.fault_count();
    let flow_by_number = numbers(&declared, &mut compiler);
    if above > 0 || compiler.faults.fault_count() > within {
        compiler.slips.slipped_above();
    }
    let tests = script::tests(&declared.tests, &flow_by_number, &mut compiler);
    let mut program = Program {
        flows,
        steps: std::mem::take(&mut compiler.steps),
        zone: zone(&declared.hours),
        hours: std::mem::take(&mut declared.hours),
        lists: std::mem::take(&mut declared.lists),
        routes: std::mem::take(&mut compiler.routes),
        flow_by_number,
        flow_by_name: std::mem::take(&mut compiler.flow_by_name),
        phrases: phrases(names),
        paths: files.iter().map(|file| file.path.clone()).collect(),
        tests,
        parts: difference::parts(&nodes),
        language: config.language.clone(),
        hash: String::new(),
    };
    // A name may stand in a file that could not be read: then nothing is known of where the flows lead.
    // And with more faults than anybody reads, no doubt need be worked out.
    if compiler.reading == Reading::Complete && !compiler.faults.is_full() {
        check_flows(&mut program, &declared, &mut compiler);
    }
    let faulty = compiler.faults.has_faults();
    let found = compiler.faults.into_sorted();
    if faulty {
        return Err(found);
    }
    program.hash = hash(files);
    Ok(Checked { program: Arc::new(program), warnings: found })
}

/// A place in a file is kept with two bytes for which file it is.
const MOST_FILES: usize = u16::MAX as usize + 1;

fn read_all(files: &[SourceFile], compiler: &mut Compiler<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (file, index) in files.iter().zip(0..=u16::MAX) {
        match document::read(file, index, &mut compiler.faults) {
            Some(read) => nodes.extend(read),
            None => compiler.reading = Reading::Incomplete,
        }
    }
    nodes
}

fn flows(declared: &Declared<'_>, compiler: &mut Compiler<'_>) -> Vec<Flow> {
    let flows = declared.flows.iter().zip(0..);
    let flows = flows.map(|((name, node), id)| Flow {
        name: name.clone(),
        entry: compiler.flow(FlowId(id), node.children.as_deref().unwrap_or_default()),
    });
    flows.collect()
}

/// The place of the first hours; where there are none, São Paulo.
fn zone(hours: &[Hours]) -> TimeZone {
    let first = hours.first().map(|hours| hours.zone.clone());
    first.or_else(|| TimeZoneDatabase::bundled().get(HOME).ok()).unwrap_or(TimeZone::UTC)
}

const HOME: &str = "America/Sao_Paulo";

/// What only a look at whole flows can tell.
fn check_flows(program: &mut Program, declared: &Declared<'_>, compiler: &mut Compiler<'_>) {
    let spans: Vec<Span> = declared.flows.iter().map(|(_, node)| node.head_span()).collect();
    let mut notes: Vec<Notes> = std::mem::take(&mut compiler.notes);
    slips::replace(program, &mut notes, declared, compiler);
    for (flow, span) in program.flows.iter().zip(&spans) {
        if flow.entry == StepId::END {
            let message = format!("flow `{}` has no steps: a call that comes here ends", flow.name);
            compiler.faults.fault(Rule::EmptyFlow, *span, message, None);
        }
    }
    // What follows calls through flows that never come back can be trusted to end only when no flow calls itself.
    let Some(called) = nesting::check(program, &notes, compiler) else {
        return;
    };
    reach::check(program, &notes, &spans, compiler);
    let rounds = rounds::check(program, &notes, &called, compiler);
    unset::check(program, &notes, &called, compiler);
    checks::check(program, &notes, &rounds, declared, compiler);
}

/// The prompts that the engine speaks with on its own.
fn phrases(names: &Names) -> BTreeSet<(String, String)> {
    let prompts = names.prompts.iter();
    let prompts = prompts.filter(|(name, _)| PHRASES.contains(&name.as_str()));
    let pairs = prompts.flat_map(|(name, languages)| languages.iter().map(|language| (name.clone(), language.clone())));
    pairs.collect()
}

const PHRASES: [&str; 5] = ["goodbye", "invalid-key", "conference-pin", "queue-position", "estimated-wait"];

fn hash(files: &[SourceFile]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(u64::try_from(file.text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(&file.text);
    }
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::example::DESIGN;
    use crate::dialplan::example::LOJA;
    use crate::dialplan::example::check;
    use crate::dialplan::example::names;
    use crate::dialplan::example::program;
    use crate::dialplan::example::with_steps;
    use crate::dialplan::fault::Severity;
    use crate::dialplan::verbs::VERBS;

    #[test]
    fn the_sample_has_no_fault_and_the_shipped_shop_no_warning_either() {
        // Doubts alone: it routes no emergency number, and its last `queue` leads nowhere.
        let doubts = check(DESIGN).unwrap().warnings;
        let doubts: Vec<&str> = doubts.iter().map(|doubt| doubt.code).collect();
        assert_eq!(doubts, ["no-emergency-route", "queue-without-overflow"]);
        assert_eq!(check(LOJA).unwrap().warnings, []);
        let program = program(DESIGN);
        let flow = program.flow_for("+551140031234").unwrap();
        assert_eq!(program.name_of(flow), "entrada");
        assert_eq!(program.flows().collect::<Vec<_>>(), ["entrada", "recado"]);
        assert_eq!(program.route_for("+442079460000").unwrap().trunks(0), ["operadora"]);
        assert_eq!(program.hash().len(), 64);
    }

    #[test]
    fn every_example_of_the_reference_loads() {
        for verb in VERBS {
            let text = with_steps(verb.sheet().example);
            let faults = check(&text).err().unwrap_or_default();
            let others: Vec<&Fault> = faults.iter().filter(|fault| !is_round(fault)).collect();
            assert!(others.is_empty(), "{}: {others:?}", verb.sheet().name);
        }
    }

    /// `go "entrada"`, in the flow of that name, is an example of `go` and of nothing else.
    fn is_round(fault: &Fault) -> bool {
        fault.severity == Severity::Warning || fault.message.contains("go round")
    }

    #[test]
    fn faults_in_several_files_are_found_together() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let files = [
            file("b.kdl", "flow \"a\" { go \"c\" }\n"),
            file("a.kdl", "flow \"c\" { hangup }\nflow \"a\" { hangup }\n"),
        ];
        let faults = load(&files, &names(), &Config::default()).unwrap_err();
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a.kdl:2:1: flow `a` is there twice\n    The first is at b.kdl:1."]);
    }

    #[test]
    fn a_file_that_cannot_be_read_does_not_make_its_flows_unknown_elsewhere() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let files = [
            file("a.kdl", "flow \"a\" { go \"b\" }\nflow \"x\" { plya \"closed\" }\n"),
            file("b.kdl", "flow \"b\" {\n"),
        ];
        let faults = load(&files, &names(), &Config::default()).unwrap_err();
        let shown: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(shown, ["`plya` is not a step", "this `{` is never closed"]);
    }

    #[test]
    fn what_only_a_slip_above_makes_look_wrong_is_not_said() {
        let slip = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { language \"en\"; plya; go \"b\" }\n\
                    flow \"b\" { progress; play \"only-in-en\"; hangup }\n";
        let sound = "number \"+551140035678\" flow=\"c\"\nflow \"c\" { answer; language \"en\"; go \"b\" }\n";
        let mut names = names();
        names.prompts.insert("only-in-en".to_owned(), ["en".to_owned()].into());
        for text in [slip.to_owned(), format!("{slip}{sound}")] {
            let faults =
                load(&[SourceFile { path: "a.kdl".to_owned(), text }], &names, &Config::default()).unwrap_err();
            let shown: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
            let follows =
                |message: &&&str| message.contains("is missing in") || message.contains("is answered by then");
            assert!(shown.contains(&"`plya` is not a step"), "{shown:?}");
            assert_eq!(shown.iter().find(follows), None, "{shown:?}");
        }
    }

    #[test]
    fn what_is_drawn_by_lot_is_settled_by_no_other_draw() {
        for (lot, settled) in
            [("not-chance=50", false), ("chance=50", false), ("channel=\"whatsapp\" is=\"down\"", true)]
        {
            let text = format!(
                "number \"+551140031234\" flow=\"a\"\nflow \"a\" {{ answer; if {lot} {{ if {lot} {{ play \"closed\" }} }}; hangup }}\n"
            );
            let warnings = check(&text).unwrap().warnings;
            assert_eq!(warnings.iter().any(|warning| warning.message.contains("always holds")), settled, "{lot}");
        }
    }

    #[test]
    fn more_faults_than_anybody_reads_are_counted() {
        let faults = check(&"flow \"a\" { plya }\n".repeat(300)).unwrap_err();
        assert_eq!(faults.len(), 200);
        assert!(faults[199].help.as_ref().unwrap().ends_with("399 more were found."));
    }

    #[test]
    fn a_file_too_many_is_named_and_none_is_passed_over() {
        let file = |number: usize| SourceFile { path: format!("{number}.kdl"), text: String::new() };
        let files: Vec<SourceFile> = (0..=MOST_FILES).map(file).collect();
        let faults = load(&files, &names(), &Config::default()).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].path, "65536.kdl");
        assert!(faults[0].message.contains("65536 files at most"), "{}", faults[0]);
    }

    #[test]
    fn a_thousand_flows_load_as_one_does() {
        for count in [1, 1_000] {
            let flows: String = (0..count)
                .map(|at| format!("flow \"f{at}\" {{\n    play \"closed\"\n    go \"f{}\"\n}}\n", (at + 1) % count))
                .collect();
            let text = format!("number \"+551140031234\" flow=\"f0\"\n{flows}");
            assert_eq!(check(&text).unwrap().program.flows().count(), count);
        }
    }

    #[test]
    fn any_bytes_are_a_program_or_faults() {
        let alphabet =
            ["{", "}", "\"", "a", "flow", " ", "\n", "=", "#", "\\", "/*", "*/", "(", "if", "else", ";", "é", "1"];
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..1_000 {
            let length = rng.usize(0..60);
            let text: String = (0..length).map(|_| *rng.choice(alphabet.iter()).unwrap()).collect();
            let _ = check(&text);
        }
    }

    #[test]
    fn a_dialplan_with_any_word_changed_is_a_program_or_faults() {
        let words: Vec<&str> = DESIGN.split_inclusive([' ', '\n', '{', '}']).collect();
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let mut changed = words.clone();
            let (from, to) = (rng.usize(0..words.len()), rng.usize(0..words.len()));
            changed.swap(from, to);
            changed.remove(rng.usize(0..words.len()));
            let _ = check(&changed.concat());
        }
    }
}
