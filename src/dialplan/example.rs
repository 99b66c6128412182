//! Names, files and times for the tests of this room.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::dialplan::config::Config;
use crate::dialplan::fault::Fault;
use crate::dialplan::load::Checked;
use crate::dialplan::load::load;
use crate::dialplan::names::Line;
use crate::dialplan::names::Names;
use crate::dialplan::names::Shows;
use crate::dialplan::program::Program;
use crate::dialplan::source::SourceFile;

pub(super) const DESIGN: &str = include_str!("../../tests/data/design.kdl");
pub(super) const LOJA: &str = include_str!("../../dialplans/loja.kdl");

/// The prompts that exist in every language of the tests.
const PROMPTS: &[&str] = &[
    "all-busy",
    "callback-confirmed",
    "callback-offer",
    "closed",
    "extension-busy",
    "goodbye",
    "holiday",
    "invalid-key",
    "mailbox-at",
    "mailbox-deleted",
    "mailbox-from",
    "mailbox-greeting",
    "mailbox-greeting-saved",
    "mailbox-keys",
    "mailbox-menu",
    "mailbox-new",
    "mailbox-no-more",
    "mailbox-old",
    "mailbox-pin",
    "mailbox-wrong-pin",
    "main-menu",
    "nobody-available",
    "queue-full",
    "queue-position",
    "recording-notice",
    "thank-you",
    "voicemail",
    "welcome",
    "whatsapp-down",
];

pub(super) fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    Instant::now()
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The extensions, queue, trunk and channel of the sample, a second trunk; `closing-soon` exists in Portuguese alone.
pub(super) fn names() -> Names {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let everywhere = set(&["pt-BR", "en"]);
    let digits = (0..10).map(|digit| format!("digit-{digit}"));
    let prompts = PROMPTS.iter().map(|name| (*name).to_owned()).chain(digits);
    let mut prompts: BTreeMap<_, _> = prompts.map(|name| (name, everywhere.clone())).collect();
    prompts.insert("closing-soon".to_owned(), set(&["pt-BR"]));
    Names {
        extensions: set(&["200", "201"]),
        queues: set(&["vendas"]),
        trunks: set(&["operadora", "reserva"]),
        hosts: [("operadora", "sip.operadora.example"), ("reserva", "pbx.example")]
            .map(|(trunk, host)| (trunk.to_owned(), host.to_owned()))
            .into(),
        networks: BTreeMap::new(),
        channels: set(&["whatsapp"]),
        prompts,
        music: set(&["default", "calma"]),
        credentials: BTreeMap::from([("loja".to_owned(), "api.loja.example".to_owned())]),
        agents: BTreeMap::from([("vendas".to_owned(), vec!["200".to_owned(), "201".to_owned()])]),
        max_waiting: BTreeMap::from([("vendas".to_owned(), 200)]),
        durations: BTreeMap::new(),
        lines: BTreeMap::from([(
            "reserva".to_owned(),
            Line { number: "+551140030000".to_owned(), shows: Shows::ItsOwn },
        )]),
    }
}

pub(super) fn check(text: &str) -> Result<Checked, Vec<Fault>> {
    let file = SourceFile { path: "a.kdl".to_owned(), text: text.to_owned() };
    load(&[file], &names(), &Config::default())
}

/// Doubts about what callers pay and hear, which most of the flows of our tests would raise.
const DOUBTS: [&str; 4] = ["costly-announcement", "loop-without-end", "queue-without-overflow", "silent-menu"];

/// The faults and warnings of one file, as they are shown, without those doubts.
pub(super) fn shown(text: &str) -> Vec<String> {
    let found = match check(text) {
        Ok(checked) => checked.warnings,
        Err(faults) => faults,
    };
    let found = found.iter().filter(|fault| !DOUBTS.contains(&fault.code));
    found.map(ToString::to_string).collect()
}

pub(super) fn program(text: &str) -> Arc<Program> {
    match check(text) {
        Ok(checked) => checked.program,
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            panic!("{}", faults.join("\n"))
        }
    }
}

/// These steps as the flow of the business's number, beside a second flow to go to.
pub(super) fn with_steps(steps: &str) -> String {
    let called = match steps.contains("saudacao") {
        true => "; number \"+551140030000\" flow=\"saudacao\"; flow \"saudacao\" { play \"welcome\" }",
        false => "",
    };
    format!(
        "number \"+551140031234\" flow=\"entrada\"{called}\nroute \"+*\" trunk=\"operadora\"; route \"1*\" trunk=\"operadora\"\n\
         hours \"comercial\" timezone=\"America/Sao_Paulo\" {{ open \"mon-fri\" \"09:00-18:00\" }}\n\
         flow \"entrada\" {{\n{steps}\n}}\n"
    )
}
