//! A world in which nothing is the matter, and a dialplan of any size, for what is counted and measured.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use desvio::dialplan::config::Config;
use desvio::dialplan::load::load;
use desvio::dialplan::names::Names;
use desvio::dialplan::program::Program;
use desvio::dialplan::scene::ChannelGlance;
use desvio::dialplan::scene::ExtensionState;
use desvio::dialplan::scene::QueueGlance;
use desvio::dialplan::scene::Scene;
use desvio::dialplan::source::SourceFile;
use desvio::dialplan::walk::Caller;
use desvio::dialplan::walk::Walk;
use desvio::outage::ChannelState;
use jiff::Timestamp;

pub(crate) const NUMBER: &str = "+551140031234";

pub(crate) struct Calm;

impl Scene for Calm {
    fn wall(&self, _now: Instant) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn channel(&self, _name: &str, _now: Instant) -> ChannelGlance {
        ChannelGlance { state: ChannelState::Up, since: None }
    }

    fn queue(&self, _name: &str, _now: Instant) -> QueueGlance {
        QueueGlance::default()
    }

    fn calls(&self) -> usize {
        1
    }

    fn calls_over(&self, _trunk: &str) -> usize {
        1
    }

    fn extension(&self, _number: &str) -> ExtensionState {
        ExtensionState::Free
    }
}

pub(crate) fn names() -> Names {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let prompts = ["closed", "goodbye", "invalid-key", "main-menu", "welcome", "whatsapp-down", "voicemail"];
    Names {
        extensions: set(&["200", "201"]),
        queues: set(&["vendas"]),
        trunks: set(&["operadora"]),
        channels: set(&["whatsapp"]),
        prompts: prompts.map(|name| (name.to_owned(), set(&["pt-BR"]))).into(),
        agents: BTreeMap::from([("vendas".to_owned(), vec!["200".to_owned()])]),
        ..Names::default()
    }
}

/// So many flows as a business has them: a look at a channel, a menu, a queue, a phone, a text.
pub(crate) fn dialplan(flows: usize) -> SourceFile {
    let mut text = format!("number \"{NUMBER}\" flow=\"f0\"\nroute \"+*\" trunk=\"operadora\"\n");
    for at in 0..flows {
        let next = (at + 1) % flows;
        write!(
            text,
            "flow \"f{at}\" {{\n    answer\n    if channel=\"whatsapp\" is=\"down\" {{\n        play \"whatsapp-down\"\n        \
             message to=\"caller\" \"O WhatsApp caiu, {{caller}}.\"\n    }}\n    menu \"main-menu\" wait=\"5s\" tries=3 {{\n        \
             key \"1\" {{ queue \"vendas\" up-to=\"90s\" {{ timeout {{ go \"f{next}\" }} }} }}\n        \
             key \"0\" {{ dial \"200\" ring-for=\"20s\" {{ no-answer {{ go \"f{next}\" }} }} }}\n        \
             otherwise {{ hangup }}\n    }}\n}}\n"
        )
        .expect("writing to a string does not fail");
    }
    SourceFile { path: "calm.kdl".to_owned(), text }
}

pub(crate) fn program(file: SourceFile) -> Arc<Program> {
    let checked = load(&[file], &names(), &Config::default());
    checked.unwrap_or_else(|faults| panic!("{}", faults[0])).program
}

pub(crate) fn walk(program: &Arc<Program>, seed: u64) -> Walk {
    let flow = program.flow_for(NUMBER).expect("a number of ours");
    let caller = Caller::new("+5511999998888", NUMBER, Some("operadora".to_owned()));
    Walk::new(Arc::clone(program), flow, caller, "pt-BR", seed)
}
