//! Busy lamps, presence and message-waiting lamps of softphones.

use desvio::sip::headers::Name;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;
use desvio::switch::command::Mark;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;
use crate::pick_ups::calls_with_replaces;
use crate::pick_ups::replaces;

/// Carla watches Bruno's phone.
fn watching(event: &str) -> (Bench, PhoneId, PhoneId, PhoneId) {
    let mut pbx = Bench::larger();
    let (ana, bruno, carla) = (pbx.registered("200"), pbx.registered("201"), pbx.registered("202"));
    pbx.does(carla, |phone, now| phone.subscribes(event, "201", 3600, now));
    assert_eq!(pbx.answered(carla), 200);
    (pbx, ana, bruno, carla)
}

fn last(pbx: &Bench, phone: PhoneId) -> String {
    pbx.phones[phone.0].notice().body.clone()
}

#[test]
fn a_busy_lamp_follows_a_call_from_its_first_ring_to_its_end() {
    let (mut pbx, ana, bruno, carla) = watching("dialog");
    let notice = pbx.phones[carla.0].notice().clone();
    assert_eq!((notice.event.as_str(), notice.state.as_str()), ("dialog", "active;expires=3600"));
    assert_eq!(notice.request.headers.content_type(), Some("application/dialog-info+xml"));
    assert!(notice.says("version=\"0\" state=\"full\" entity=\"sip:201@desvio.test\""), "{}", notice.body);
    pbx.calls(ana, None, "201");
    let ringing = last(&pbx, carla);
    assert!(ringing.contains("<state>early</state>") && ringing.contains("direction=\"recipient\""), "{ringing}");
    assert!(ringing.contains("display=\"Ana\">sip:200@desvio.test<"), "{ringing}");
    pbx.picks_up(bruno);
    assert!(last(&pbx, carla).contains("<state>confirmed</state>"));
    pbx.hangs_up(ana);
    assert!(last(&pbx, carla).contains("<state>terminated</state>"));
    let versions: Vec<String> = pbx.phones[carla.0]
        .notices
        .iter()
        .map(|it| it.body.split("version=\"").nth(2).unwrap()[..1].to_owned())
        .collect();
    let expected: Vec<String> = (0..versions.len()).map(|version| version.to_string()).collect();
    assert_eq!(versions, expected, "versions rise by one");
    pbx.all_is_quiet();
}

#[test]
fn whoever_sees_the_lamp_can_pick_the_call_up() {
    let (mut pbx, ana, bruno, carla) = watching("dialog");
    pbx.calls(ana, None, "201");
    let notice = pbx.phones[carla.0].notice().clone();
    let replaces = format!(
        "{};to-tag={};from-tag={}",
        notice.attribute("call-id"),
        notice.attribute("local-tag"),
        notice.attribute("remote-tag")
    );
    pbx.phones[carla.0].next_headers = vec![(Name::Replaces, replaces.into())];
    pbx.calls(carla, None, "201");
    pbx.is_silent(bruno);
    pbx.are_talking(ana, carla);
    assert!(last(&pbx, carla).contains("<state>terminated</state>"), "Bruno's lamp is dark");
}

#[test]
fn a_lamp_shows_the_caller_too_and_who_he_talks_to_after_a_transfer() {
    let (mut pbx, ana, bruno, carla) = watching("dialog");
    let davi = pbx.registered("203");
    pbx.calls(bruno, None, "200");
    assert!(last(&pbx, carla).contains("direction=\"initiator\""));
    pbx.picks_up(ana);
    pbx.does(ana, |phone, now| phone.refers("<sip:203@desvio.test>", &[], now));
    pbx.picks_up(davi);
    pbx.are_talking(bruno, davi);
    assert!(last(&pbx, carla).contains("sip:203@desvio.test"), "{}", last(&pbx, carla));
}

#[test]
fn a_lamp_of_the_one_who_stays_shows_the_phone_that_took_the_others_place() {
    let (mut pbx, ana, bruno, carla) = watching("dialog");
    let davi = pbx.registered("203");
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    assert!(last(&pbx, carla).contains("sip:200@desvio.test"));
    let named = replaces(&pbx, ana, "");
    calls_with_replaces(&mut pbx, davi, &[named]);
    pbx.are_talking(davi, bruno);
    assert!(last(&pbx, carla).contains("sip:203@desvio.test"), "{}", last(&pbx, carla));
}

#[test]
fn presence_is_closed_open_or_on_the_phone() {
    let (mut pbx, ana, bruno, carla) = watching("presence");
    assert!(last(&pbx, carla).contains("<basic>open</basic>"));
    pbx.calls(ana, None, "201");
    assert!(!last(&pbx, carla).contains("on-the-phone"), "a phone that rings is free");
    pbx.picks_up(bruno);
    assert!(last(&pbx, carla).contains("on-the-phone"));
    pbx.hangs_up(bruno);
    assert!(!last(&pbx, carla).contains("on-the-phone"));
    pbx.does(bruno, |phone, now| phone.register(0, now));
    assert!(last(&pbx, carla).contains("<basic>closed</basic>"));
}

#[test]
fn messages_light_the_lamp_until_they_are_heard_or_deleted() {
    let mut pbx = Bench::larger_with("", PLAN);
    let ana = pbx.registered("200");
    pbx.does(ana, |phone, now| phone.subscribes("message-summary", "200", 3600, now));
    assert_eq!(pbx.answered(ana), 200);
    assert!(last(&pbx, ana).contains("Messages-Waiting: no") && last(&pbx, ana).contains("Voice-Message: 0/0"));
    for count in 1..=2 {
        let customer = pbx.customer_calls();
        pbx.advance(secs(30));
        let leg = pbx.leg(customer);
        pbx.recording_ends(leg);
        pbx.advance(secs(20));
        assert!(last(&pbx, ana).contains(&format!("Voice-Message: {count}/0")), "{}", last(&pbx, ana));
    }
    assert!(last(&pbx, ana).contains("Messages-Waiting: yes\r\nMessage-Account: sip:200@desvio.test\r\n"));
    let voicemail = Box::new(pbx.store.voicemails[0].clone());
    let mark = Command::MarkVoicemail { voicemail, mark: Mark::Heard };
    let Ok(Answer::Voicemail(heard)) = pbx.asks(mark) else { panic!("not marked") };
    assert!(heard.heard.is_some());
    assert!(last(&pbx, ana).contains("Voice-Message: 1/1"), "{}", last(&pbx, ana));
    pbx.restarts(PLAN);
    pbx.does(ana, |phone, now| phone.subscribes("message-summary", "200", 3600, now));
    assert!(last(&pbx, ana).contains("Voice-Message: 1/1"), "{}", last(&pbx, ana));
    for voicemail in pbx.store.voicemails.clone() {
        pbx.asks(Command::DeleteVoicemail { voicemail: Box::new(voicemail) }).expect("it is there");
    }
    assert!(last(&pbx, ana).contains("Messages-Waiting: no") && last(&pbx, ana).contains("Voice-Message: 0/0"));
    assert!(pbx.store.voicemails.is_empty());
    let again = Command::DeleteVoicemail { voicemail: heard };
    assert_eq!(pbx.asks(again).expect_err("it is gone").status, 404);
}

const PLAN: &str = r#"
number "+551140031234" flow="recado"
flow "recado" { voicemail "200" }
"#;

#[test]
fn a_mailbox_belongs_to_its_extension_and_may_have_another_name() {
    let geral = "[[extension]]\nnumber = \"204\"\nmailbox = \"geral\"\npassword = \"segredo\"\n";
    let mut pbx = Bench::larger_with(geral, PLAN);
    let eva = pbx.registered("204");
    for (of, status) in [("204", 200), ("geral", 200), ("200", 403)] {
        pbx.does(eva, |phone, now| phone.subscribes("message-summary", of, 3600, now));
        assert_eq!(pbx.answered(eva), status, "{of}");
    }
    assert!(last(&pbx, eva).contains("Message-Account: sip:geral@desvio.test"));
}

#[test]
fn what_nobody_tells_and_nobody_may_watch_is_refused() {
    let mut pbx = Bench::larger();
    let ana = pbx.registered("200");
    let mut refused = |event: &str, of: &str, more: &[(Name, String)]| {
        pbx.does(ana, |phone, now| phone.subscribes_with(event, of, more, now));
        (pbx.answered(ana), pbx.phones[ana.0].last_answer.clone().expect("an answer").headers)
    };
    let (status, headers) = refused("as-feature-event", "200", &[]);
    assert_eq!((status, headers.lists(&Name::AllowEvents, "message-summary")), (489, true));
    let (status, headers) = refused("dialog", "201", &[(Name::Expires, "10".to_owned())]);
    assert_eq!((status, headers.first(&Name::MinExpires)), (423, Some("60")));
    let (status, headers) = refused("dialog", "201", &[(Name::Accept, "text/plain".to_owned())]);
    assert_eq!((status, headers.first(&Name::Accept)), (406, Some("application/dialog-info+xml")));
    assert_eq!(refused("dialog", "299", &[]).0, 404);
    assert!(pbx.phones[ana.0].notices.is_empty());
    let stranger = pbx.add("mallory", "203.0.113.66:5060".parse().expect("an address"), None);
    pbx.does(stranger, |phone, now| phone.subscribes("dialog", "201", 600, now));
    assert_eq!(pbx.answered(stranger), 401);
    let carrier = pbx.trunk();
    pbx.does(carrier, |phone, now| phone.subscribes("dialog", "201", 600, now));
    assert_eq!(pbx.answered(carrier), 403);
}

#[test]
fn a_subscription_is_fetched_refreshed_ended_and_expires() {
    let (mut pbx, .., carla) = watching("dialog");
    let first = pbx.phones[carla.0].notice().clone();
    pbx.advance(secs(3000));
    pbx.does(carla, |phone, now| phone.subscribes_again(&first, 600, 2, now));
    assert_eq!(pbx.answered(carla), 200);
    assert_eq!(pbx.phones[carla.0].notice().state, "active;expires=600");
    pbx.does(carla, |phone, now| phone.subscribes_again(&first, 20, 3, now));
    assert_eq!(pbx.answered(carla), 423);
    pbx.advance(secs(601));
    assert_eq!(pbx.phones[carla.0].notice().state, "terminated;reason=timeout");
    pbx.does(carla, |phone, now| phone.subscribes_again(&first, 600, 4, now));
    assert_eq!(pbx.answered(carla), 481, "it is not known any more");

    pbx.does(carla, |phone, now| phone.subscribes("dialog", "201", 0, now));
    assert_eq!(pbx.answered(carla), 200);
    assert_eq!(pbx.phones[carla.0].notice().state, "terminated;reason=timeout");
    pbx.does(carla, |phone, now| phone.subscribes("dialog", "201", 600, now));
    let last = pbx.phones[carla.0].notice().clone();
    pbx.does(carla, |phone, now| phone.subscribes_again(&last, 0, 2, now));
    assert_eq!(pbx.phones[carla.0].notice().state, "terminated;reason=timeout");
    assert!(pbx.switch.gauges().subscriptions.iter().all(|(_, count)| *count == 0));
}

#[test]
fn a_phone_that_does_not_know_its_subscription_or_does_not_answer_is_told_no_more() {
    for (answer, wait) in [(Some(481), 0), (None, 33)] {
        let (mut pbx, ana, bruno, carla) = watching("dialog");
        pbx.phones[carla.0].answers_notices = answer;
        pbx.calls(ana, None, "201");
        pbx.picks_up(bruno);
        pbx.advance(secs(wait));
        assert!(pbx.switch.gauges().subscriptions.iter().all(|(_, count)| *count == 0), "{answer:?}");
        pbx.phones[carla.0].answers_notices = Some(200);
        let told = pbx.phones[carla.0].notices.len();
        pbx.hangs_up(ana);
        pbx.all_is_quiet();
        assert_eq!(pbx.phones[carla.0].notices.len(), told);
    }
}

#[test]
fn what_changes_while_a_notify_is_on_its_way_is_told_once_and_newest() {
    let (mut pbx, ana, bruno, carla) = watching("dialog");
    pbx.phones[carla.0].answers_notices = None;
    pbx.calls(ana, None, "201");
    pbx.picks_up(bruno);
    pbx.hangs_up(ana);
    let before = pbx.phones[carla.0].notices.len();
    pbx.phones[carla.0].answers_notices = Some(200);
    pbx.advance(secs(5));
    let told: Vec<&str> = pbx.phones[carla.0].notices[before..].iter().map(|notice| notice.body.as_str()).collect();
    assert!(told.last().is_some_and(|body| body.contains("<state>terminated</state>")), "{told:?}");
    assert!(told.iter().all(|body| !body.contains("confirmed")), "what is over is not told: {told:?}");
}

#[test]
fn subscriptions_are_bounded() {
    let config =
        include_str!("../data/bench.toml").replace("[media]", "[sip.subscriptions]\nmax_per_extension = 2\n\n[media]");
    let mut pbx = Bench::build(&config, include_str!("../data/design.kdl"));
    let (ana, bruno) = (pbx.registered("200"), pbx.registered("201"));
    for status in [200, 200, 403] {
        pbx.does(ana, |phone, now| phone.subscribes("dialog", "201", 600, now));
        assert_eq!(pbx.answered(ana), status);
    }
    pbx.does(bruno, |phone, now| phone.subscribes("presence", "200", 600, now));
    assert_eq!(pbx.answered(bruno), 200);
    let gauges = pbx.switch.gauges().subscriptions;
    assert_eq!(gauges, [("message-summary", 0), ("dialog", 2), ("presence", 1)]);
}

#[test]
fn lamps_come_back_after_a_restart_when_phones_subscribe_anew() {
    let (mut pbx, ana, _, carla) = watching("dialog");
    let first = pbx.phones[carla.0].notice().clone();
    pbx.restarts(include_str!("../data/design.kdl"));
    pbx.does(carla, |phone, now| phone.subscribes_again(&first, 600, 2, now));
    assert_eq!(pbx.answered(carla), 481);
    pbx.does(carla, |phone, now| phone.subscribes("dialog", "201", 600, now));
    assert_eq!(pbx.answered(carla), 200);
    pbx.calls(ana, None, "201");
    assert!(last(&pbx, carla).contains("<state>early</state>"));
}

#[test]
fn options_say_what_can_be_subscribed_to() {
    let mut pbx = Bench::larger();
    let ana = pbx.registered("200");
    pbx.does(ana, |phone, now| phone.asks_options(now));
    assert_eq!(pbx.answered(ana), 200);
    let headers = pbx.phones[ana.0].last_answer.clone().expect("an answer").headers;
    assert!(headers.lists(&Name::AllowEvents, "dialog") && headers.lists(&Name::Supported, "replaces"));
    assert!(headers.lists(&Name::Allow, "REFER") && headers.lists(&Name::Allow, "SUBSCRIBE"));
}
