//! What holds for every dialplan and every caller: reading never fails in another way than by faults, and every call ends.
//!
//! The programs are made from the sheets, so that a new verb is among them from its first day.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::dialplan::config::Config;
use crate::dialplan::example::check;
use crate::dialplan::example::names;
use crate::dialplan::example::start;
use crate::dialplan::fault::Fault;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::happening::Happening;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::kind::Kind;
use crate::dialplan::load::load;
use crate::dialplan::program::Program;
use crate::dialplan::source::SourceFile;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Need;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Verb;
use crate::dialplan::verbs::VERBS;
use crate::dialplan::walk::Caller;
use crate::dialplan::world::World;

const NUMBER: &str = "+551140031234";
const FLOWS: usize = 3;

/// Writes dialplans by lot.
struct Author(fastrand::Rng);

impl Author {
    fn dialplan(&mut self) -> String {
        let flows: String = (0..FLOWS).map(|at| format!("flow \"f{at}\" {{\n{}}}\n", self.steps(0))).collect();
        format!(
            "number \"{NUMBER}\" flow=\"f0\"\nroute \"+*\" trunk=\"operadora\"\n\
             hours \"h\" timezone=\"America/Sao_Paulo\" {{ open \"mon-fri\" \"09:00-18:00\" }}\n{flows}"
        )
    }

    fn steps(&mut self, depth: usize) -> String {
        let most = if depth == 0 { 6 } else { 3 };
        (0..self.0.usize(1..=most)).map(|_| self.step(depth) + "\n").collect()
    }

    fn step(&mut self, depth: usize) -> String {
        let verb = VERBS[self.0.usize(..VERBS.len())];
        match (verb.sheet().name, depth) {
            ("if", 0..3) => self.fork(depth),
            // Their values depend on each other in ways that a sheet cannot say.
            ("if" | "when" | "say", _) => "say digits=\"{caller}\"".to_owned(),
            _ => self.by_sheet(verb, depth).unwrap_or_else(|| "wait \"1s\"".to_owned()),
        }
    }

    fn fork(&mut self, depth: usize) -> String {
        let looks = [
            "channel=\"whatsapp\" is=\"down\"",
            "hours=\"h\" is=\"open\"",
            "queue=\"vendas\" is=\"staffed\"",
            "extension=\"200\" is=\"free\"",
            "chance=50",
        ];
        let look = looks[self.0.usize(..looks.len())];
        let (then, otherwise) = (self.steps(depth + 1), self.steps(depth + 1));
        format!("if {look} {{\n{then}}}\nelse {{\n{otherwise}}}")
    }

    /// None where a value is wanted that nobody here can write.
    fn by_sheet(&mut self, verb: &dyn Verb, depth: usize) -> Option<String> {
        let sheet = verb.sheet();
        let mut line = sheet.name.to_owned();
        for parameter in sheet.arguments {
            if self.is_written(parameter) {
                line += &format!(" {}", self.value(parameter.kind)?);
            }
        }
        for parameter in verb.properties() {
            if self.is_written(&parameter)
                && let Some(value) = self.value(parameter.kind)
            {
                line += &format!(" {}={value}", parameter.name);
            } else if parameter.need == Need::Required {
                return None;
            }
        }
        let branches = sheet.branches();
        if branches.is_empty() || depth >= 3 {
            return (sheet.name != "menu").then_some(line);
        }
        line += " {\n";
        for branch in branches.iter().filter(|_| self.0.u32(..100) < 70).collect::<Vec<&Branch>>() {
            let value = match branch.value {
                Some(kind) => format!(" {}", self.value(kind)?),
                None => String::new(),
            };
            line += &format!("{}{value} {{\n{}}}\n", branch.name, self.steps(depth + 1));
        }
        Some(line + "}")
    }

    fn is_written(&mut self, parameter: &Parameter) -> bool {
        !matches!(parameter.need, Need::Optional { .. }) || self.0.u32(..100) < 30
    }

    fn value(&mut self, kind: Kind) -> Option<String> {
        let one_of = |words: &[&str], rng: &mut fastrand::Rng| format!("\"{}\"", words[rng.usize(..words.len())]);
        let rng = &mut self.0;
        Some(match kind {
            Kind::Integer { least, most } => rng.u32(least..=most.min(least + 9)).to_string(),
            Kind::Word(words) => one_of(words, rng),
            Kind::Duration => one_of(&["1s", "10s", "90s"], rng),
            Kind::Flow => format!("\"f{}\"", rng.usize(..FLOWS)),
            Kind::Queue => one_of(&["vendas"], rng),
            Kind::Extension => one_of(&["200", "201"], rng),
            Kind::Trunk => one_of(&["operadora"], rng),
            Kind::Prompt => one_of(&["closed", "main-menu", "welcome"], rng),
            Kind::Channel => one_of(&["whatsapp"], rng),
            Kind::Language => one_of(&["en", "pt-BR"], rng),
            Kind::Key => one_of(&["1", "2", "*"], rng),
            Kind::Target => one_of(&["200", "+442079460000", "sip:maria@pbx.example"], rng),
            Kind::Recipient => one_of(&["caller", "200"], rng),
            Kind::Text => one_of(&["oi {caller}", "Obrigado."], rng),
            Kind::Name => one_of(&["geral", "x"], rng),
            Kind::Variable => one_of(&["cpf", "pedido"], rng),
            _ => return None,
        })
    }
}

/// None where the lot has made faults.
fn program(author: &mut Author) -> Option<Arc<Program>> {
    check(&author.dialplan()).ok().map(|checked| checked.program)
}

fn caller(from: &str) -> Caller {
    Caller::new(from, NUMBER, None)
}

/// A day on the virtual clock.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// So many moments may one call have.
const MOST_MOMENTS: usize = 200_000;

#[test]
fn every_call_ends_or_waits_for_somebody_and_ends_when_the_caller_hangs_up() {
    let mut author = Author(fastrand::Rng::with_seed(11));
    let (mut loaded, mut ended) = (0, 0);
    for seed in 0..5_000_u64 {
        let Some(program) = program(&mut author) else {
            continue;
        };
        loaded += 1;
        let mut rng = fastrand::Rng::with_seed(seed);
        let from = ["+5511999998888", "anonymous"][rng.usize(..2)];
        let (names, flow) = (names(), program.flow_for(NUMBER).unwrap());
        let at = "2026-11-23T12:39:00-03:00".parse().unwrap();
        let mut world = World::new(&program, &names, flow, caller(from), at, start());
        world.begin();
        let end = world.now() + DAY;
        let mut moments = 0;
        loop {
            moments += 1;
            assert!(moments < MOST_MOMENTS, "seed {seed}: it never stops");
            if rng.u32(..100) < 3 {
                world.press(["1", "2", "#", "9"][rng.usize(..4)]);
            }
            if !world.advance(end) {
                break;
            }
        }
        ended += usize::from(world.is_over());
        world.hang_up();
        assert!(world.is_over(), "seed {seed}: the caller has gone and the call goes on");
    }
    assert!(loaded > 300 && ended > 200, "the author writes {loaded} sound dialplans; {ended} calls end by themselves");
}

#[test]
fn nothing_that_happens_in_a_wrong_order_keeps_a_call_alive() {
    let mut author = Author(fastrand::Rng::with_seed(13));
    let mut rng = fastrand::Rng::with_seed(17);
    for _ in 0..1_500 {
        let Some(program) = program(&mut author) else {
            continue;
        };
        wild_call(&program, &mut rng, start());
    }
}

fn wild_call(program: &Arc<Program>, rng: &mut fastrand::Rng, origin: Instant) {
    let names = names();
    let flow = program.flow_for(NUMBER).unwrap();
    let at = "2026-11-23T12:39:00-03:00".parse().unwrap();
    let mut world = World::new(program, &names, flow, caller("200"), at, origin);
    world.begin();
    for _ in 0..60 {
        match wild_happening(rng) {
            Some(happening) => world.tell(happening),
            None => drop(world.advance(world.now() + Duration::from_millis(rng.u64(..4_000)))),
        }
    }
    world.hang_up();
    assert!(world.is_over());
}

fn wild_happening(rng: &mut fastrand::Rng) -> Option<Happening> {
    Some(match rng.u8(..14) {
        0 => Happening::Answered,
        1 => Happening::PlayFinished,
        2 => Happening::Digit('1'),
        3 => Happening::Digit('7'),
        4 => Happening::QueueLeft(QueueOutcome::Full),
        5 => Happening::TalkStarted,
        6 => Happening::TalkEnded,
        7 => Happening::DialEnded(DialOutcome::Busy),
        8 => Happening::VoicemailDone,
        9 => Happening::MailboxLeft,
        10 => Happening::Started,
        _ => return None,
    })
}

fn faults_of(bytes: &[u8]) -> Vec<Fault> {
    let Ok(file) = SourceFile::from_bytes("a.kdl", bytes.to_vec()) else {
        return Vec::new();
    };
    match load(&[file], &names(), &Config::default()) {
        Ok(checked) => checked.warnings,
        Err(faults) => faults,
    }
}

fn hold_together(text: &str, faults: &[Fault]) {
    let lines = u32::try_from(text.split('\n').count()).unwrap();
    for fault in faults {
        assert!(fault.line >= 1 && fault.column >= 1 && fault.end_line <= lines, "{fault:?}");
        assert!((fault.line, fault.column) <= (fault.end_line, fault.end_column), "{fault:?}");
        let length = text.split('\n').nth(fault.line as usize - 1).unwrap().chars().count() as u32;
        assert!(fault.column <= length + 1, "{fault:?} in a line of {length}");
        let _ = fault.in_full();
    }
    assert!(faults.is_sorted_by_key(|fault| (fault.line, fault.column)), "{faults:?}");
}

#[test]
fn faults_are_in_order_and_within_the_file_whatever_is_written() {
    let mut author = Author(fastrand::Rng::with_seed(19));
    let mut rng = fastrand::Rng::with_seed(23);
    for _ in 0..1_500 {
        let mut letters: Vec<char> = author.dialplan().chars().collect();
        for _ in 0..rng.usize(..6) {
            if letters.is_empty() {
                break;
            }
            let at = rng.usize(..letters.len());
            match rng.u8(..4) {
                0 => letters[at] = ['"', '{', '}', '\n', '\r', 'é', '\u{2028}', '\\', '#', ';'][rng.usize(..10)],
                1 => letters.insert(at, ['"', '{', '}', '\n', '/', '=', '\u{feff}', '\0'][rng.usize(..8)]),
                2 => drop(letters.drain(at..(at + 9).min(letters.len()))),
                _ => letters.truncate(at.max(1)),
            }
        }
        let text: String = letters.into_iter().collect();
        hold_together(&text, &faults_of(text.as_bytes()));
    }
}

#[test]
fn any_bytes_are_a_program_or_faults_in_their_place() {
    let mut rng = fastrand::Rng::with_seed(29);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..rng.usize(..80)).map(|_| rng.u8(..)).collect();
        let faults = faults_of(&bytes);
        if let Ok(text) = String::from_utf8(bytes) {
            hold_together(&text, &faults);
        }
    }
}

/// Dialplans by somebody who means harm, each of some ten megabytes where it can be.
fn hostile() -> Vec<(&'static str, String)> {
    let many = 10 << 20;
    let shapes = [
        ("braces", "{"),
        ("closing braces", "}"),
        ("quotes", "\""),
        ("hashes", "#"),
        ("raw texts", "#\""),
        ("comments", "/*"),
        ("hidden", "/-"),
        ("blank lines", "\n"),
        ("words", "a "),
        ("values", "a=1 "),
        ("steps", "flow a{b}\n"),
        ("backslashes", "\\"),
        ("letters", "é"),
    ];
    let mut texts: Vec<(&str, String)> =
        shapes.iter().map(|(name, part)| (*name, part.repeat(many / part.len()))).collect();
    texts.push(("a text in many hashes", format!("a {0}\"{1}\"", "#".repeat(many / 2), "\"".repeat(many / 2))));
    texts.push(("one long name", format!("flow \"a\" {{ {} }}", "x".repeat(many))));
    texts
        .push(("one long text", format!("flow \"a\" {{ message to=\"caller\" \"{}\" }}", "{caller}".repeat(many / 8))));
    texts.push(("a thousand blocks", "a {\n".repeat(1_000) + &"}\n".repeat(1_000)));
    texts.push(("one line", "flow \"a\" { plya }; ".repeat(100_000)));
    texts.push(("names that are nearly right", nearly_right()));
    texts.push(("a choice of many", choice_of_many()));
    texts
}

fn choice_of_many() -> String {
    let cases: String = (0..200_000).map(|at| format!("is \"{at}\" {{ hangup }}\n")).collect();
    format!("flow \"a\" {{ set \"x\" \"1\"; when variable=\"x\" {{\n{cases}}} }}\nflow \"b\" {{ plya }}\n")
}

fn nearly_right() -> String {
    let name = |at: usize| format!("{}{at:06}", "a".repeat(50));
    (0..20_000).map(|at| format!("flow \"{}\" {{ go \"{}x\" }}\n", name(at), name(at))).collect()
}

#[test]
fn whoever_means_harm_is_answered_with_faults_that_a_person_can_read() {
    for (name, text) in hostile() {
        let faults = faults_of(text.as_bytes());
        assert!(faults.len() <= 400, "{name}");
        let longest = faults.iter().map(|fault| fault.in_full().len()).max().unwrap_or(0);
        assert!(longest < 16_000, "{name}: a fault of {longest} letters");
        assert!(!faults.is_empty() || name == "blank lines" || name == "one long text", "{name}");
    }
}

#[test]
fn ten_thousand_flows_are_a_program() {
    let flows: String = (0..10_000)
        .map(|at| format!("flow \"f{at}\" {{\n    play \"closed\"\n    menu \"main-menu\" {{\n        key \"1\" {{ go \"f{}\" }}\n        otherwise {{ hangup }}\n    }}\n}}\n", (at + 1) % 10_000))
        .collect();
    let text = format!("number \"{NUMBER}\" flow=\"f0\"\n{flows}");
    assert_eq!(check(&text).unwrap().program.flows().count(), 10_000);
}
