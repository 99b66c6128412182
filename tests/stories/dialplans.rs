//! The dialplan changes while calls go on: taken up whole, refused with all its faults, and gone back from.

use std::path::Path;

use desvio::call::explain::explain;
use desvio::config;
use desvio::dialplan::difference::What;
use desvio::dialplan::fault::Severity;
use desvio::dialplan::rehearsal::rehearse_some;
use desvio::media::prompts::Prompts;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::DialplanView;
use desvio::switch::command::DialplanWish;
use desvio::switch::input::Input;
use desvio::switch::input::Trigger;

use crate::bench::Bench;
use crate::bench::origin;
use crate::bench::secs;

const DESIGN: &str = include_str!("../data/design.kdl");

fn view(pbx: &mut Bench, wish: DialplanWish) -> DialplanView {
    match pbx.asks(Command::Dialplan(wish)) {
        Ok(Answer::Dialplan(view)) => *view,
        other => panic!("{other:?}"),
    }
}

/// The menu takes another key for sales, and the notice is another one.
fn changed() -> String {
    DESIGN.replace("key \"1\"", "key \"5\"").replace("answer\n", "answer\n    play \"welcome\"\n")
}

#[test]
fn a_caller_in_the_menu_keeps_his_dialplan_and_the_next_one_walks_the_new_one() {
    let mut pbx = Bench::new();
    let customer = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.hears(customer, "main-menu");

    pbx.on_disk = changed();
    let taken_up = view(&mut pbx, DialplanWish::Reload);
    assert_eq!((taken_up.older_calls, taken_up.changes.len()), (1, 1));
    let change = &taken_up.changes[0];
    assert_eq!((change.kind.as_str(), change.name.as_str(), change.what), ("flow", "entrada", What::Changed));
    assert!(change.lines.contains(&"+ play \"welcome\"".to_owned()), "{:?}", change.lines);
    assert!(pbx.was_published("dialplan.loaded"));

    // 1 still means sales to him.
    pbx.presses(customer, "1");
    pbx.advance(secs(1));
    assert!(pbx.heard(customer).iter().all(|name| name != "invalid-key"), "{}", pbx.trace);
    let calls = pbx.asks(Command::Calls).expect("calls");
    let Answer::Calls(calls) = calls else { panic!("{calls:?}") };
    assert_eq!(calls[0].queue.as_deref(), Some("vendas"), "{}", pbx.trace);

    let second = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.hears(second, "welcome");
    assert_eq!(view(&mut pbx, DialplanWish::Show).older_calls, 1);
    pbx.hangs_up(customer);
    pbx.advance(secs(1));
    assert_eq!(view(&mut pbx, DialplanWish::Show).older_calls, 0);
}

#[test]
fn a_recording_that_sounds_otherwise_is_told_before_and_when_it_is_taken_up() {
    let mut pbx = Bench::new();
    let mut prompts = Prompts::shipped();
    let other = include_bytes!("../../dialplans/prompts/pt-BR/closed.wav").to_vec();
    prompts.overlay("welcome", "pt-BR", other).expect("a WAV file");
    pbx.prompts_on_disk = Some(prompts);
    for wish in [DialplanWish::Compare, DialplanWish::Reload] {
        let view = view(&mut pbx, wish);
        assert_eq!(view.prompts.iter().map(String::as_str).collect::<Vec<_>>(), ["welcome (pt-BR)"]);
        assert!(view.changes.is_empty());
    }
    assert!(view(&mut pbx, DialplanWish::Compare).prompts.is_empty(), "it runs");
}

#[test]
fn a_faulty_dialplan_is_refused_with_all_its_faults_and_the_old_one_goes_on() {
    let mut pbx = Bench::new();
    let before = view(&mut pbx, DialplanWish::Show).hash;
    pbx.on_disk =
        DESIGN.replace("queue \"vendas\" up-to", "queue \"venda\" up-to").replace("go \"recado\"", "go \"recados\"");
    for wish in [DialplanWish::Compare, DialplanWish::Reload] {
        let answer = pbx.asks(Command::Dialplan(wish)).expect("an answer");
        let Answer::DialplanRefused(faults) = answer else { panic!("{answer:?}") };
        let slips = faults.iter().filter(|fault| fault.severity == Severity::Fault).count();
        assert_eq!(slips, 4, "{faults:#?}");
    }
    assert!(pbx.was_published("dialplan.refused"));
    pbx.input(Input::ReloadDialplan(Trigger::Signal));
    assert_eq!(view(&mut pbx, DialplanWish::Show).hash, before);

    let customer = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.hears(customer, "main-menu");
}

#[test]
fn a_signal_takes_up_the_files_and_nothing_happens_where_they_say_the_same() {
    let mut pbx = Bench::new();
    pbx.input(Input::ReloadDialplan(Trigger::Signal));
    assert!(!pbx.was_published("dialplan.loaded"));
    pbx.on_disk = changed();
    pbx.input(Input::ReloadDialplan(Trigger::Watch));
    assert!(pbx.was_published("dialplan.loaded"));
}

#[test]
fn a_comparison_changes_nothing() {
    let mut pbx = Bench::new();
    let before = view(&mut pbx, DialplanWish::Show);
    pbx.on_disk = changed() + "flow \"nova\" { hangup }\n";
    let compared = view(&mut pbx, DialplanWish::Compare);
    let names: Vec<&str> = compared.changes.iter().map(|change| change.name.as_str()).collect();
    assert_eq!(names, ["entrada", "nova"]);
    // That nobody comes to the new flow is doubtful, and said.
    assert_eq!(compared.hash, before.hash);
    assert!(compared.warnings.iter().any(|doubt| doubt.message.contains("nova")), "{:?}", compared.warnings);
}

#[test]
fn one_goes_back_only_to_what_was_kept() {
    let mut pbx = Bench::new();
    let refused = pbx.asks(Command::Dialplan(DialplanWish::RollBack)).expect_err("nothing is kept");
    assert_eq!(refused.rule, "nothing-earlier");
    let first = view(&mut pbx, DialplanWish::Show).hash;
    pbx.on_disk = changed();
    view(&mut pbx, DialplanWish::Reload);
    pbx.earlier = Some(DESIGN.to_owned());
    assert_eq!(view(&mut pbx, DialplanWish::RollBack).hash, first);
}

#[test]
fn a_call_that_is_over_is_explained_from_its_record() {
    let mut pbx = Bench::new();
    pbx.whatsapp_is_set("down");
    let customer = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.hangs_up(customer);
    pbx.advance(secs(1));
    let told: Vec<(String, String)> =
        explain(&pbx.store.records[0]).into_iter().map(|sentence| (sentence.place, sentence.text)).collect();
    let says = |place: &str, part: &str| told.iter().any(|(at, text)| at == place && text.contains(part));
    assert!(says("", "At that moment `whatsapp` was down."), "{told:#?}");
    assert!(says("plan.kdl:12", "holds: it is down."), "{told:#?}");
    assert!(says("plan.kdl:13", "The dialplan says `play \"whatsapp-down\"`."), "{told:#?}");
    assert!(told.last().is_some_and(|(_, text)| text.starts_with("The caller ended the call after ")), "{told:#?}");
}

#[test]
fn the_picture_counts_the_callers_of_this_moment() {
    let mut pbx = Bench::new();
    pbx.customer_calls();
    pbx.advance(secs(1));
    let drawing = |pbx: &mut Bench, flow: Option<&str>| {
        let wish = DialplanWish::Draw { flow: flow.map(str::to_owned) };
        pbx.asks(Command::Dialplan(wish))
    };
    let Ok(Answer::Drawing(picture)) = drawing(&mut pbx, None) else { panic!() };
    let svg = picture.svg();
    assert!(svg.contains("1 caller is here"), "{svg}");
    let Ok(Answer::Drawing(picture)) = drawing(&mut pbx, Some("recado")) else { panic!() };
    let svg = picture.svg();
    assert!(!svg.contains("is here"), "{svg}");
    assert_eq!(drawing(&mut pbx, Some("nosuch")).expect_err("no flow").rule, "unknown-name");
}

#[test]
fn the_tests_of_the_shipped_dialplans_pass_and_come_to_every_step() {
    for file in [
        "config/desvio.toml",
        "dialplans/examples/clinica.toml",
        "dialplans/examples/plantao.toml",
        "dialplans/examples/central.toml",
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let loaded = config::load(&file).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let (outcomes, coverage) = rehearse_some(&loaded.program, &loaded.names, origin(), "");
        let failed: Vec<String> = outcomes.iter().filter(|it| !it.passed()).map(ToString::to_string).collect();
        assert_eq!(failed, [""; 0], "{}", file.display());
        assert!(coverage.not_reached.is_empty(), "{coverage}");
    }
}
