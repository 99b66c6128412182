//! A dialplan asks another program while the caller waits, and nobody else does.

use desvio::dialplan::lookup::LookUpFailure;
use desvio::switch::input::Input;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::secs;

const PLAN: &str = r#"number "+551140031234" flow="entrada"

flow "entrada" {
    answer
    http "GET" "https://crm.example/clientes/{caller}" timeout="5s" {
        take "nivel" into="nivel"
        failed { play "all-busy" }
        missing { play "closed" }
    }
    tag "nivel" "{nivel}"
    play "welcome"
}
"#;

#[test]
fn the_answer_is_in_the_record_and_the_caller_goes_on() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    assert!(!pbx.is_played_to(customer), "silence while it is asked\n{}", pbx.trace);
    let asked = pbx.looked_up(r#"{"nivel":"ouro"}"#);
    assert_eq!((asked.method, asked.url.as_str()), ("GET", "https://crm.example/clientes/%2B5511999998888"));
    pbx.advance(secs(1));
    pbx.hears(customer, "welcome");
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!(record.tags.get("nivel").map(String::as_str), Some("ouro"));
    let told = record.steps.iter().any(|step| step.what.ends_with(": it answered"));
    assert!(told, "{:?}", record.steps);
}

#[test]
fn a_program_that_does_not_answer_costs_five_seconds_and_the_late_answer_is_dropped() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let customer = pbx.customer_calls();
    let (ticket, query) = pbx.question();
    pbx.questions.push((ticket, query));
    pbx.advance(secs(6));
    pbx.hears(customer, "all-busy");
    assert!(pbx.questions.is_empty(), "the question is called off");
    pbx.input(Input::LookedUp { ticket, findings: Ok(vec![Some("ouro".to_owned())]) });
    pbx.hangs_up(customer);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().tags.get("nivel"), None);
}

#[test]
fn a_caller_who_hangs_up_calls_the_question_off() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let customer = pbx.customer_calls();
    assert_eq!(pbx.questions.len(), 1);
    pbx.hangs_up(customer);
    assert!(pbx.questions.is_empty(), "{}", pbx.trace);
    pbx.all_is_quiet();
}

#[test]
fn one_caller_who_waits_for_an_answer_holds_up_no_other() {
    let mut pbx = Bench::with_dialplan(PLAN);
    let first = pbx.customer_calls();
    let second = pbx.add("outra", "198.51.100.10:5060".parse().expect("an address"), None);
    pbx.calls(second, Some("+5511988887777"), BUSINESS);
    let (of_first, _) = pbx.question();
    let asked = pbx.looked_up("{}");
    assert!(asked.url.ends_with("%2B5511988887777") && !asked.url.contains(&CUSTOMER[1..]));
    pbx.advance(secs(1));
    pbx.hears(second, "closed");
    assert!(pbx.heard(first).is_empty());
    pbx.input(Input::LookedUp { ticket: of_first, findings: Err(LookUpFailure::Status(503)) });
    pbx.advance(secs(1));
    pbx.hears(first, "all-busy");
}
