//! A dialplan of any bytes: a program or faults, in their order and within the file; a program is then called and tested.

#![no_main]

use std::collections::BTreeMap;
use std::time::Instant;

use desvio_fuzz::dialplan::config::Config;
use desvio_fuzz::dialplan::fault::Fault;
use desvio_fuzz::dialplan::load::load;
use desvio_fuzz::dialplan::names::Names;
use desvio_fuzz::dialplan::rehearsal::rehearse;
use desvio_fuzz::dialplan::simulate::Situation;
use desvio_fuzz::dialplan::simulate::simulate;
use desvio_fuzz::dialplan::source::SourceFile;
use desvio_fuzz::outage::ChannelState;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = SourceFile::from_bytes("a.kdl", data.to_vec()) else {
        return;
    };
    let (text, names) = (file.text.clone(), names());
    let checked = match load(&[file], &names, &Config::default()) {
        Ok(checked) => checked,
        Err(faults) => {
            assert!(!faults.is_empty());
            return hold_together(&text, &faults);
        }
    };
    hold_together(&text, &checked.warnings);
    let now = Instant::now();
    for (number, _) in checked.program.numbers().take(3) {
        let situation = Situation {
            from: "+5511999998888".to_owned(),
            to: number.to_owned(),
            trunk: None,
            at: "2026-11-23T12:39:00-03:00".parse().expect("a moment"),
            channels: vec![("whatsapp".to_owned(), ChannelState::Down)],
            press: vec!["1".to_owned(), "9".to_owned(), "0".to_owned()],
        };
        simulate(&checked.program, &names, &situation, now).expect("a number of ours");
    }
    rehearse(&checked.program, &names, now);
});

fn hold_together(text: &str, faults: &[Fault]) {
    let lines = text.split('\n').count();
    for fault in faults {
        assert!(fault.end_line as usize <= lines && fault.line <= fault.end_line, "{fault:?}");
        assert!(!fault.in_full().is_empty());
    }
    assert!(faults.is_sorted_by_key(|fault| (fault.line, fault.column)));
}

fn names() -> Names {
    let prompts = ["closed", "goodbye", "invalid-key", "main-menu", "voicemail", "welcome", "whatsapp-down"];
    let languages = || ["en".to_owned(), "pt-BR".to_owned()].into();
    Names {
        extensions: ["200", "201"].map(str::to_owned).into(),
        queues: ["vendas".to_owned()].into(),
        trunks: ["operadora", "reserva"].map(str::to_owned).into(),
        hosts: vec![("reserva".to_owned(), "pbx.example".to_owned())],
        channels: ["whatsapp".to_owned()].into(),
        prompts: prompts.map(|name| (name.to_owned(), languages())).into(),
        agents: BTreeMap::from([("vendas".to_owned(), vec!["200".to_owned(), "201".to_owned()])]),
        ..Names::default()
    }
}
