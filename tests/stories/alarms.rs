//! Who is told when a channel falls, by which way, how often, and what is done when nobody is reached.

use std::time::Duration;

use desvio::outage::incident::Alarm;
use desvio::outage::incident::By;
use desvio::outage::incident::Outcome;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

const CONFIG: &str = include_str!("../data/bench.toml");
const PLAN: &str = include_str!("../data/design.kdl");
const OWNER: &str = "+5511999990000";

const SECOND_CHANNEL: &str = r#"
[[channel]]
name = "reserve"
kind = "sms"

[channel.send]
url = "http://reserve.test/send"
body = '{"to":"{to}","text":"{text}"}'
"#;

/// The owner is extension 201, called; and a mobile, texted.
fn bench(more: &str) -> Bench {
    let alarm = "\n[alarm]\ncall = [\"201\"]\ntext = [\"+5511999990000\"]\ntries = 3\npause = \"2m\"\n";
    Bench::build(&format!("{CONFIG}{more}{alarm}"), PLAN)
}

fn alarms(pbx: &Bench) -> Vec<&Alarm> {
    pbx.store.incidents.values().flat_map(|incident| &incident.alarms).collect()
}

#[track_caller]
fn only(pbx: &Bench, by: By) -> &Alarm {
    let found: Vec<&Alarm> = alarms(pbx).into_iter().filter(|alarm| alarm.by == by).collect();
    assert_eq!(found.len(), 1, "{found:#?}\n{}", pbx.trace);
    found[0]
}

fn rings(pbx: &Bench, phone: PhoneId) -> bool {
    pbx.phones[phone.0].ringing.is_some()
}

#[test]
fn the_number_that_the_owner_sees_may_be_written_as_people_write_it() {
    let config = format!("{CONFIG}\n[alarm]\ncall = [\"201\"]\nfrom = \"+55 11 4003-1234\"\n");
    let mut pbx = Bench::build(&config, PLAN);
    let owner = pbx.registered("201");
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(1));
    let invited = pbx.phones[owner.0].invited.as_ref().expect("he is called");
    assert!(invited.headers.from_user().is_some_and(|user| user == "+551140031234"), "{}", pbx.trace);
}

#[test]
fn the_owner_hears_it_again_until_a_key_is_pressed() {
    let mut pbx = bench("");
    let owner = pbx.registered("201");
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(1));
    pbx.picks_up(owner);
    pbx.advance(secs(15));
    for prompt in ["alarm-notice", "alarm-down", "alarm-confirm"] {
        pbx.hears(owner, prompt);
    }
    pbx.advance(secs(15));
    let times = pbx.heard(owner).iter().filter(|heard| *heard == "alarm-notice").count();
    assert!(times >= 2, "it is said again: {:?}", pbx.heard(owner));
    pbx.presses(owner, "1");
    pbx.advance(secs(10));
    pbx.hears(owner, "alarm-confirmed");
    pbx.advance(secs(5));
    assert_eq!(only(&pbx, By::Call).outcome, Outcome::Confirmed, "{}", pbx.trace);
    pbx.advance(Duration::from_secs(20 * 60));
    assert!(!rings(&pbx, owner), "who has confirmed it is left in peace");
    assert_eq!(only(&pbx, By::Call).tries, 1);
}

#[test]
fn nobody_who_does_not_answer_is_called_more_often_than_said() {
    let mut pbx = bench("");
    let owner = pbx.registered("201");
    pbx.whatsapp_is_set("down");
    let mut rang = 0;
    for _ in 0..120 {
        let before = rings(&pbx, owner);
        pbx.advance(secs(10));
        rang += u32::from(!before && rings(&pbx, owner));
    }
    let alarm = only(&pbx, By::Call);
    assert_eq!((alarm.outcome, alarm.tries), (Outcome::Failed, 3), "{}", pbx.trace);
    assert_eq!(rang, 3, "{}", pbx.trace);
    assert!(pbx.was_published("alarm.settled"));
    pbx.all_is_quiet();
}

#[test]
fn the_text_goes_by_a_channel_that_works_and_says_which_one_does_not() {
    let mut pbx = bench("");
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(1));
    let request = pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    let body = String::from_utf8_lossy(&request.body).into_owned();
    assert!(body.contains(OWNER) && body.contains("whatsapp está fora do ar"), "{body}");
    pbx.advance(secs(5));
    assert_eq!(only(&pbx, By::Text).outcome, Outcome::Sent);
}

#[test]
fn a_provider_that_does_not_take_the_alarm_is_followed_by_the_next() {
    let mut pbx = bench(SECOND_CHANNEL);
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(1));
    assert_eq!(pbx.http.len(), 1, "one way at a time");
    assert!(pbx.http[0].1.url.contains("sms.test"));
    pbx.advance(secs(61));
    let by_reserve = pbx.http.iter().position(|(_, request)| request.url.contains("reserve.test"));
    let at = by_reserve.unwrap_or_else(|| panic!("nobody else was asked\n{}", pbx.trace));
    let asked = pbx.http.remove(at);
    pbx.http.insert(0, asked);
    pbx.http_answers(200, "{}");
    pbx.advance(secs(5));
    let alarm = only(&pbx, By::Text);
    assert_eq!((alarm.outcome, alarm.via.len()), (Outcome::Sent, 2), "{}", pbx.trace);
}

#[test]
fn the_failing_channel_does_not_carry_the_news_of_its_own_failure() {
    let mut pbx = bench(SECOND_CHANNEL);
    let wish = desvio::switch::command::OverrideWish {
        state: desvio::outage::ChannelState::Down,
        reason: String::new(),
        author: "the owner".to_owned(),
        lasts: None,
    };
    let down = desvio::switch::command::Command::Override { channel: "sms".to_owned(), wish };
    pbx.asks(down).expect("a channel of this name");
    pbx.advance(secs(1));
    assert_eq!(pbx.http.len(), 1);
    assert!(pbx.http[0].1.url.contains("reserve.test"), "{}", pbx.http[0].1.url);
}

#[test]
fn a_flapping_channel_makes_one_alarm_for_each_change() {
    let mut pbx = bench("");
    for state in ["down", "up", "down", "up"] {
        pbx.whatsapp_is_set(state);
        pbx.advance(secs(1));
        while !pbx.http.is_empty() {
            pbx.http_answers(200, r#"{"id":"x"}"#);
        }
        pbx.advance(secs(30));
    }
    let texts = alarms(&pbx).into_iter().filter(|alarm| alarm.by == By::Text).count();
    let calls = alarms(&pbx).into_iter().filter(|alarm| alarm.by == By::Call).count();
    assert_eq!((texts, calls), (4, 4), "{}", pbx.trace);
}

#[test]
fn what_a_later_change_has_made_old_news_is_not_told() {
    let mut pbx = bench("");
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(40));
    pbx.whatsapp_is_set("up");
    pbx.advance(secs(5));
    let down = alarms(&pbx).into_iter().find(|alarm| alarm.by == By::Call && alarm.text.contains("fora do ar"));
    assert_eq!(down.expect("filed").outcome, Outcome::Superseded, "{}", pbx.trace);
}

#[test]
fn an_alarm_that_was_under_way_at_a_crash_is_tried_on_and_not_begun_anew() {
    let mut pbx = bench("");
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(1));
    pbx.http_answers(200, r#"{"id":"sm-1"}"#);
    pbx.advance(secs(5));
    pbx.restarts(PLAN);
    let owner = pbx.phones.len();
    let phone = pbx.registered("201");
    assert_eq!(phone.0, owner);
    pbx.advance(secs(125));
    pbx.picks_up(phone);
    pbx.presses(phone, "5");
    pbx.advance(secs(15));
    assert_eq!(only(&pbx, By::Call).outcome, Outcome::Confirmed, "{}", pbx.trace);
    assert_eq!(only(&pbx, By::Text).outcome, Outcome::Sent);
    assert!(pbx.http.is_empty(), "no second text");
}

#[test]
fn that_it_is_over_is_told_after_a_crash_as_well_and_that_it_began_no_more() {
    let mut pbx = bench("");
    pbx.whatsapp_is_set("down");
    pbx.advance(secs(1));
    pbx.whatsapp_is_set("up");
    pbx.advance(secs(3));
    pbx.restarts(PLAN);
    let phone = pbx.registered("201");
    pbx.advance(secs(125));
    pbx.picks_up(phone);
    pbx.advance(secs(10));
    pbx.hears(phone, "alarm-back");
    pbx.presses(phone, "5");
    pbx.advance(secs(15));
    let calls = alarms(&pbx).into_iter().filter(|alarm| alarm.by == By::Call);
    let told: Vec<Outcome> = calls.map(|alarm| alarm.outcome).collect();
    assert_eq!(told, [Outcome::Superseded, Outcome::Confirmed], "{}", pbx.trace);
    assert!(!rings(&pbx, phone));
}

#[test]
fn nobody_is_told_twice_that_an_outage_which_was_recovering_goes_on() {
    let mut pbx = bench("");
    pbx.advance(secs(120));
    for (fails, time) in [(true, 120), (false, 300), (true, 120), (false, 20 * 60)] {
        pbx.fallen.clear();
        if fails {
            pbx.fallen.push("whatsapp".to_owned());
        }
        for _ in 0..time / 5 {
            pbx.advance(secs(5));
            while !pbx.http.is_empty() {
                pbx.http_answers(200, r#"{"id":"x"}"#);
            }
        }
    }
    let texts = alarms(&pbx).into_iter().filter(|alarm| alarm.by == By::Text);
    let texts: Vec<&str> = texts.map(|alarm| alarm.text.as_str()).collect();
    assert_eq!(texts.len(), 2, "down and back: {texts:?}");
}
