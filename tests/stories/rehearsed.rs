//! What `desvio simulate` tells and what the server does are the same: equal dialplans, callers and keys, equal steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use desvio::dialplan::config::Config;
use desvio::dialplan::load::load;
use desvio::dialplan::names::Names;
use desvio::dialplan::program::Program;
use desvio::dialplan::simulate::Situation;
use desvio::dialplan::simulate::simulate;
use desvio::dialplan::source::SourceFile;
use desvio::media::prompts::Prompts;
use desvio::outage::ChannelState;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::secs;

const RUNS: u64 = 150;
/// No call of this file lasts longer.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// Writes dialplans in which nobody answers a phone and every question is asked with the same prompt.
struct Author(fastrand::Rng);

impl Author {
    fn dialplan(&mut self) -> String {
        // Only forward: each call ends before the trail of its record is full.
        let flows: String = (0..3).map(|at| format!("flow \"f{at}\" {{\n{}}}\n", self.steps(at, 0))).collect();
        format!(
            "number \"{BUSINESS}\" flow=\"f0\"\nhours \"always\" timezone=\"UTC\" {{ open \"mon-sun\" \"00:00-24:00\" }}\n\
             {flows}flow \"f3\" {{ play \"goodbye\"; hangup }}\n"
        )
    }

    fn steps(&mut self, flow: usize, depth: usize) -> String {
        let most = if depth == 0 { 5 } else { 2 };
        (0..self.0.usize(1..=most)).map(|_| self.step(flow, depth) + "\n").collect()
    }

    fn step(&mut self, flow: usize, depth: usize) -> String {
        let simple = match self.0.usize(..14) {
            0 => "answer",
            1 => "progress",
            2 => "ringing",
            3 => "play \"closed\"",
            4 => "play \"welcome\" \"closed\"",
            5 => "wait \"2s\"",
            6 => "message to=\"caller\" \"Oi {caller}\"",
            7 => "tag \"a\" \"{caller}\"",
            8 => "say digits=\"12\"",
            9 => "language \"en\"",
            10 => "on-hangup { tag \"gone\" \"yes\" }",
            11 => return format!("go \"f{}\"", self.0.usize(flow + 1..=3)),
            _ if depth >= 3 => "hangup",
            _ => return self.block(flow, depth + 1),
        };
        simple.to_owned()
    }

    fn block(&mut self, flow: usize, depth: usize) -> String {
        let mut inner = || self.steps(flow, depth);
        let (one, other) = (inner(), inner());
        match self.0.usize(..6) {
            0 => format!("if channel=\"whatsapp\" is=\"down\" {{\n{one}}}\nelse {{\n{other}}}"),
            1 => format!("if hours=\"always\" is=\"open\" {{\n{one}}}\nelse {{\n{other}}}"),
            2 => format!(
                "menu \"main-menu\" tries=2 {{\nkey \"1\" {{\n{one}}}\nkey \"2\" {{\n{other}}}\notherwise {{ hangup }}\n}}"
            ),
            3 => format!("gather \"main-menu\" into=\"x\" digits=1 tries=1 {{\ntimeout {{\n{one}}}\n}}"),
            4 => format!("dial \"200\" ring-for=\"8s\" {{\nno-answer {{\n{one}}}\nbusy {{\n{other}}}\n}}"),
            _ => format!("queue \"vendas\" up-to=\"12s\" {{\ntimeout {{\n{one}}}\n}}"),
        }
    }
}

fn names() -> Names {
    let prompts = Prompts::shipped();
    Names {
        extensions: ["200", "201"].map(str::to_owned).into(),
        queues: ["vendas".to_owned()].into(),
        channels: ["whatsapp", "sms"].map(str::to_owned).into(),
        trunks: ["operadora".to_owned()].into(),
        prompts: prompts.names(),
        agents: BTreeMap::from([("vendas".to_owned(), vec!["200".to_owned(), "201".to_owned()])]),
        ..Names::default()
    }
}

fn program(text: &str) -> Option<Arc<Program>> {
    let file = SourceFile { path: "plan.kdl".to_owned(), text: text.to_owned() };
    load(&[file], &names(), &Config::default()).ok().map(|checked| checked.program)
}

#[derive(Debug, Clone)]
struct Lot {
    down: bool,
    keys: Vec<String>,
}

/// `plan.kdl:7  menu …: the caller pressed 1`
fn rehearsed(program: &Arc<Program>, lot: &Lot, origin: Instant) -> Vec<String> {
    let situation = Situation {
        from: CUSTOMER.to_owned(),
        to: BUSINESS.to_owned(),
        trunk: None,
        at: "2026-11-23T12:39:00-03:00".parse().expect("a moment"),
        channels: if lot.down { vec![("whatsapp".to_owned(), ChannelState::Down)] } else { Vec::new() },
        press: lot.keys.clone(),
    };
    let simulation = simulate(program, &names(), &situation, origin).expect("a number of ours");
    let told = |what: &str, reason: &str| match reason {
        "" => what.to_owned(),
        reason => format!("{what}: {reason}"),
    };
    simulation.steps.iter().map(|step| format!("{}  {}", step.place, told(&step.step, &step.reason))).collect()
}

fn served(text: &str, lot: &Lot) -> Vec<String> {
    let mut pbx = Bench::with_dialplan(text);
    for number in ["200", "201"] {
        pbx.registered(number);
    }
    if lot.down {
        pbx.whatsapp_is_set("down");
    }
    let caller = pbx.customer_calls();
    let mut keys = lot.keys.iter();
    let mut asked = 0;
    let end = pbx.now + LONGEST;
    while pbx.store.records.is_empty() && pbx.now < end {
        let heard = if pbx.has_media(caller) { pbx.heard(caller) } else { Vec::new() };
        let questions = heard.iter().filter(|prompt| *prompt == "main-menu").count();
        if questions > asked {
            asked = questions;
            if let Some(key) = keys.next() {
                pbx.presses(caller, key);
                continue;
            }
        }
        pbx.advance(Duration::from_millis(250));
    }
    pbx.advance(secs(1));
    let ordered = pbx.only_record().steps.iter().filter(|step| !step.place.is_empty());
    ordered.map(|step| format!("{}  {}", step.place, step.what)).collect()
}

/// Without the beginnings of steps of which the next line tells how they went on: a key that is pressed at the same moment
/// stands in the line of its menu.
fn outcomes(steps: Vec<String>) -> Vec<String> {
    let goes_on = |at: usize| steps.get(at + 1).is_some_and(|next| next.starts_with(&format!("{}: ", steps[at])));
    (0..steps.len()).filter(|at| !goes_on(*at)).map(|at| steps[at].clone()).collect()
}

#[test]
fn a_simulated_call_takes_the_steps_that_the_server_takes() {
    let mut author = Author(fastrand::Rng::with_seed(31));
    let (mut compared, mut steps) = (0, 0);
    for seed in 0..RUNS {
        let text = author.dialplan();
        let mut rng = fastrand::Rng::with_seed(seed);
        let keys = (0..rng.usize(..4)).map(|_| ["1", "2"][rng.usize(..2)].to_owned()).collect();
        let lot = Lot { down: rng.bool(), keys };
        let Some(program) = program(&text) else {
            continue;
        };
        let rehearsed = rehearsed(&program, &lot, crate::bench::origin());
        // A record keeps the first and the last steps of a longer call.
        if rehearsed.len() > 60 {
            continue;
        }
        assert_eq!(outcomes(served(&text, &lot)), outcomes(rehearsed.clone()), "seed {seed}, {lot:?}\n{text}");
        compared += 1;
        steps += rehearsed.len();
    }
    assert!(compared > 100 && steps > 500, "{compared} calls of {steps} steps were compared");
}
