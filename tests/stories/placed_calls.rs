//! Calls that programs place: into a flow, with something to hear, or between two parties.

use desvio::call::machine::Detect;
use desvio::call::record::CallId;
use desvio::call::record::Direction;
use desvio::call::record::Status;
use desvio::media::answering::AnsweredBy;
use desvio::media::answering::Verdict;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::PlaceCall;
use desvio::switch::command::Problem;
use desvio::switch::command::Then;
use desvio::switch::effect::Subject;

use crate::bench::Bench;
use crate::bench::CUSTOMER;
use crate::bench::secs;

fn place(pbx: &mut Bench, to: &str, then: Then) -> Result<CallId, Problem> {
    place_and(pbx, to, then, Detect::Nothing)
}

fn place_and(pbx: &mut Bench, to: &str, then: Then, detect: Detect) -> Result<CallId, Problem> {
    let wish = PlaceCall { to: to.to_owned(), from: None, then, ring_for: secs(45), detect };
    match pbx.asks(Command::PlaceCall(wish))? {
        Answer::Call(view) => Ok(view.id),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_placed_call_walks_through_the_flow_once_it_is_answered() {
    let mut pbx = Bench::new();
    let carrier = pbx.trunk();
    place(&mut pbx, CUSTOMER, Then::Flow("entrada".to_owned())).expect("placed");
    pbx.rings(carrier);
    pbx.picks_up(carrier);
    pbx.advance(secs(2));
    pbx.hears(carrier, "main-menu");
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
    let record = pbx.only_record();
    assert_eq!(
        (record.direction, record.status, record.to.as_str()),
        (Direction::Outbound, Status::Completed, CUSTOMER)
    );
    assert_eq!(record.trunk.as_deref(), Some("operadora"));
}

#[test]
fn a_placed_call_that_plays_a_prompt_ends_after_it() {
    let mut pbx = Bench::new();
    let carrier = pbx.trunk();
    place(&mut pbx, CUSTOMER, Then::Play { prompt: "whatsapp-down".to_owned(), language: None }).expect("placed");
    pbx.picks_up(carrier);
    pbx.hears(carrier, "whatsapp-down");
    pbx.advance(secs(60));
    pbx.ended(carrier, "bye");
    pbx.all_is_quiet();
}

#[test]
fn who_has_answered_a_placed_call_is_told_while_it_runs_and_in_its_record() {
    let mut pbx = Bench::new();
    let carrier = pbx.trunk();
    let then = Then::Flow("entrada".to_owned());
    let id = place_and(&mut pbx, CUSTOMER, then, Detect::Machine).expect("placed");
    pbx.picks_up(carrier);
    let view = |pbx: &mut Bench| match pbx.asks(Command::Call(id.clone())) {
        Ok(Answer::Call(view)) => view.answered_by,
        other => panic!("{other:?}"),
    };
    assert_eq!(view(&mut pbx), None);
    let verdict = Verdict { by: AnsweredBy::Machine, confidence: 90 };
    pbx.is_found_to_be(carrier, verdict);
    assert_eq!(view(&mut pbx), Some(verdict));
    pbx.hangs_up(carrier);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().answered_by, Some(verdict));
}

#[test]
fn click_to_call_rings_the_agent_first_and_then_the_customer() {
    let mut pbx = Bench::new();
    let ana = pbx.registered("200");
    let carrier = pbx.trunk();
    place(&mut pbx, "200", Then::Connect(CUSTOMER.to_owned())).expect("placed");
    pbx.rings(ana);
    pbx.is_silent(carrier);
    pbx.picks_up(ana);
    pbx.rings(carrier);
    pbx.picks_up(carrier);
    pbx.are_talking(ana, carrier);
    pbx.hangs_up(carrier);
    pbx.ended(ana, "bye");
    pbx.all_is_quiet();
    assert_eq!((pbx.only_record().from.as_str(), pbx.only_record().to.as_str()), ("200", CUSTOMER));
}

#[test]
fn a_placed_call_can_be_looked_at_and_ended() {
    let mut pbx = Bench::new();
    let carrier = pbx.trunk();
    let id = place(&mut pbx, CUSTOMER, Then::Flow("entrada".to_owned())).expect("placed");
    let Ok(Answer::Call(view)) = pbx.asks(Command::Call(id.clone())) else { panic!("it is running") };
    assert_eq!(view.status, Status::Ringing);
    pbx.picks_up(carrier);
    pbx.asks(Command::HangUp(id.clone())).expect("it is running");
    pbx.ended(carrier, "bye");
    pbx.all_is_quiet();
    assert_eq!(pbx.asks(Command::Call(id)).map(|_| ()).map_err(|problem| problem.status), Err(404));
    let status = |subject: &Subject| match subject {
        Subject::Call(call) => Some(call.status),
        Subject::Record(record) => Some(record.status),
        Subject::Other(_) => None,
    };
    let told: Vec<(&str, &str)> =
        pbx.events.iter().filter_map(|event| Some((event.kind, status(&event.data)?.as_str()))).collect();
    let queued = ("call.queued", "queued");
    let ringing = ("call.ringing", "ringing");
    assert_eq!(told, [queued, ringing, ("call.in-progress", "in-progress"), ("call.completed", "completed")]);
}

#[test]
fn nobody_answers_a_placed_call_and_it_says_so() {
    let mut pbx = Bench::new();
    let carrier = pbx.trunk();
    place(&mut pbx, CUSTOMER, Then::Flow("entrada".to_owned())).expect("placed");
    pbx.rings(carrier);
    pbx.advance(secs(46));
    pbx.is_silent(carrier);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().status, Status::NoAnswer);
}

#[test]
fn a_busy_number_is_reported_as_busy() {
    let mut pbx = Bench::new();
    let carrier = pbx.trunk();
    place(&mut pbx, CUSTOMER, Then::Flow("entrada".to_owned())).expect("placed");
    pbx.declines(carrier, 486);
    pbx.all_is_quiet();
    assert_eq!(pbx.only_record().status, Status::Busy);
}

#[test]
fn what_cannot_be_placed_is_refused_with_a_reason() {
    let mut pbx = Bench::new();
    let flow = Then::Flow("entrada".to_owned());
    assert_eq!(
        place(&mut pbx, CUSTOMER, Then::Flow("entrda".to_owned())).map_err(|problem| problem.rule),
        Err("unknown-name")
    );
    assert_eq!(place(&mut pbx, "200", flow.clone()).map_err(|problem| problem.rule), Err("not-registered"));
    assert_eq!(place(&mut pbx, "999", flow).map_err(|problem| problem.rule), Err("no-route"));
}

#[test]
fn a_wish_that_nobody_would_hear_is_refused_with_the_names_that_there_are() {
    let mut pbx = Bench::new();
    pbx.registered("200");
    let mut refused = |then: Then, from: Option<&str>| {
        let from = from.map(str::to_owned);
        let wish = PlaceCall { to: "200".to_owned(), from, then, ring_for: secs(45), detect: Detect::Nothing };
        let problem = pbx.asks(Command::PlaceCall(wish)).expect_err("it is refused");
        assert_eq!((problem.status, problem.rule), (422, "unknown-name"), "{problem}");
        problem.hint
    };
    let say = |language: &str| Then::Say { text: "Oi".to_owned(), language: Some(language.to_owned()) };
    assert!(refused(say("português"), None).contains("pt-BR"));
    assert!(refused(say("pt-BR"), Some("abc")).starts_with("extensions: 200"));
    assert!(refused(Then::Flow("entrda".to_owned()), None).contains("Did you mean `entrada`?"));
    assert!(refused(Then::Queue("venda".to_owned()), None).contains("Did you mean `vendas`?"));
    let play = Then::Play { prompt: "goodby".to_owned(), language: None };
    assert!(refused(play, None).contains("Did you mean `goodbye`?"));
}
