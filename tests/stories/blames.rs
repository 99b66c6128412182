//! Whose fault it is: what the owner is told, what programs and customers see, whether calls change, and how it ends.

use std::time::Duration;

use desvio::api::status_page;
use desvio::outage::ChannelState;
use desvio::outage::Layer;
use desvio::outage::Role;
use desvio::outage::blame::Blame;
use desvio::outage::fault::Fault;
use desvio::outage::incident::Incident;
use desvio::outage::reports::Report;
use desvio::outage::reports::Says;
use desvio::outage::schedule::Due;
use desvio::switch::command::Answer;
use desvio::switch::command::ChannelView;
use desvio::switch::command::Command;
use jiff::tz::TimeZone;

use crate::bench::Bench;
use crate::bench::secs;
use crate::world::Ill;

const CONFIG: &str = include_str!("../data/bench.toml");
const PLAN: &str = include_str!("../data/design.kdl");

/// A second channel whose own API is asked; the owner is texted.
const MORE: &str = r#"
[[channel]]
name = "telegram"
kind = "telegram"
account = { token = "1:x" }

[alarm]
text = ["+5511999990000"]
text_by = ["sms"]
"#;

fn bench() -> Bench {
    let mut pbx = Bench::build(&format!("{CONFIG}{MORE}"), PLAN);
    pbx.advance(secs(120));
    pbx
}

fn views(pbx: &mut Bench) -> Vec<ChannelView> {
    match pbx.asks(Command::Channels) {
        Ok(Answer::Channels(views)) => views,
        other => panic!("{other:?}"),
    }
}

fn view(pbx: &mut Bench, name: &str) -> ChannelView {
    views(pbx).into_iter().find(|view| view.name == name).expect("a channel of this name")
}

/// State and blame.
fn verdict(pbx: &mut Bench, name: &str) -> (ChannelState, Blame) {
    let verdict = view(pbx, name).verdict;
    (verdict.state, verdict.blame)
}

/// What `/status` says, in English.
fn page(pbx: &mut Bench) -> String {
    let config = toml::from_str("channels = { whatsapp = 'WhatsApp', telegram = 'Telegram' }").expect("a page");
    status_page::html(&config, &views(pbx), "en", &TimeZone::UTC)
}

/// What the owner is texted meanwhile; the provider takes everything at once.
fn told_within(pbx: &mut Bench, time: Duration) -> Vec<String> {
    let (mut told, until) = (Vec::new(), pbx.now + time);
    while pbx.now < until {
        pbx.advance(secs(5));
        while !pbx.http.is_empty() {
            let body = pbx.http_answers(200, r#"{"id":"sm"}"#).body;
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            let (to, text) = (&body["to"], body["text"].as_str().expect("a text"));
            if to == "+5511999990000" {
                told.push(text.split_once(": ").expect("after the clock").1.to_owned());
            }
        }
    }
    told
}

#[track_caller]
fn incidents(pbx: &Bench, subject: &str) -> Vec<Incident> {
    pbx.store.incidents.values().filter(|incident| incident.channel == subject).cloned().collect()
}

fn callers_hear_the_everyday_dialplan(pbx: &mut Bench) {
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    assert_eq!(pbx.heard(customer), ["main-menu"], "{}", pbx.trace);
    pbx.hangs_up(customer);
}

const DEAD_LINE: Ill = Ill { meets: |_| true, fault: Fault::Unreachable, why: "network is unreachable" };

#[test]
fn when_our_own_line_dies_every_channel_stands_still_and_the_owner_hears_of_the_line_alone() {
    let mut pbx = bench();
    pbx.ills.push(DEAD_LINE);
    let texts = told_within(&mut pbx, secs(60));
    assert_eq!(texts, ["a nossa própria internet está falhando; nada se pode dizer dos canais."], "{}", pbx.trace);
    for name in ["whatsapp", "telegram"] {
        assert_eq!(verdict(&mut pbx, name), (ChannelState::Up, Blame::OurLine));
        let view = serde_json::to_value(view(&mut pbx, name)).expect("JSON");
        assert_eq!((&view["frozen"], &view["blame"]), (&true.into(), &"our-line".into()), "{view}");
        assert!(view["reasons"][0].as_str().expect("a reason").starts_with("our line: "), "{view}");
    }
    assert!(page(&mut pbx).contains("<b>WhatsApp</b> works"), "{}", page(&mut pbx));
    callers_hear_the_everyday_dialplan(&mut pbx);

    let told = told_within(&mut pbx, Duration::from_secs(40 * 60));
    assert_eq!(told, Vec::<String>::new(), "once is enough");
    assert_eq!(pbx.store.incidents.len(), 1, "one line, one incident");
    let states: Vec<ChannelState> = views(&mut pbx).iter().map(|view| view.verdict.state).collect();
    assert!(states.iter().all(|state| *state == ChannelState::Up), "{states:?}");

    pbx.ills.clear();
    let told = told_within(&mut pbx, secs(60));
    assert_eq!(told, ["a nossa própria internet voltou a funcionar."]);
    let incident = incidents(&pbx, "our-line").remove(0);
    assert!(!incident.is_open(), "{}", pbx.trace);
    assert_eq!((incident.blame, incident.alarms.len()), (Blame::OurLine, 2));
    assert!(views(&mut pbx).iter().all(|view| !view.verdict.frozen && view.verdict.blame == Blame::None));
}

#[test]
fn an_outage_that_our_line_hides_is_neither_ended_nor_told_anew() {
    let mut pbx = bench();
    pbx.fallen.push("whatsapp".to_owned());
    assert_eq!(told_within(&mut pbx, secs(90)), ["whatsapp está fora do ar."]);
    pbx.ills.push(DEAD_LINE);
    pbx.fallen.clear();
    let told = told_within(&mut pbx, Duration::from_secs(20 * 60));
    assert_eq!(told, ["a nossa própria internet está falhando; nada se pode dizer dos canais."]);
    assert_eq!(verdict(&mut pbx, "whatsapp"), (ChannelState::Down, Blame::OurLine));
    assert!(page(&mut pbx).contains("<b>WhatsApp</b> is out of order"));
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.hears(customer, "whatsapp-down");
    pbx.hangs_up(customer);

    pbx.ills.clear();
    assert_eq!(told_within(&mut pbx, secs(120)), ["a nossa própria internet voltou a funcionar."]);
    assert_eq!(verdict(&mut pbx, "whatsapp"), (ChannelState::Recovering, Blame::Channel));
    assert_eq!(told_within(&mut pbx, Duration::from_secs(16 * 60)), ["whatsapp voltou a funcionar."]);
    assert!(incidents(&pbx, "whatsapp").iter().all(|incident| !incident.is_open()));
    assert_eq!(pbx.store.incidents.len(), 2);
}

#[test]
fn an_outage_that_a_person_declares_while_our_line_is_in_doubt_is_told_as_the_channel_s() {
    let mut pbx = bench();
    pbx.ills.push(DEAD_LINE);
    assert_eq!(told_within(&mut pbx, secs(60)).len(), 1, "of the line");
    pbx.whatsapp_is_set("down");
    assert_eq!(told_within(&mut pbx, secs(60)), ["whatsapp está fora do ar."], "{}", pbx.trace);
    let incident = incidents(&pbx, "whatsapp").remove(0);
    assert_eq!((incident.state, incident.blame), (ChannelState::Down, Blame::Channel));
    assert_eq!(incident.timeline[0].text, "whatsapp is down");

    pbx.asks(Command::ClearOverride { channel: "whatsapp".to_owned() }).expect("it was set");
    assert_eq!(told_within(&mut pbx, secs(60)), ["whatsapp voltou a funcionar."], "{}", pbx.trace);
    let incident = incidents(&pbx, "whatsapp").remove(0);
    assert_eq!((incident.is_open(), incident.blame), (false, Blame::Channel));
    assert!(!incident.timeline.iter().any(|entry| entry.text.contains("internet")), "{:?}", incident.timeline);

    pbx.ills.clear();
    assert_eq!(told_within(&mut pbx, secs(120)), ["a nossa própria internet voltou a funcionar."]);
    assert_eq!((pbx.store.incidents.len(), verdict(&mut pbx, "whatsapp").0), (2, ChannelState::Up));
}

/// Names that our own resolver looks up, and pages that are reached by them.
fn goes_by_our_resolver(due: &Due) -> bool {
    let asks_ours = due.probe.resolver.as_ref().is_none_or(|resolver| resolver.is_ours());
    due.probe.layer == Layer::Http || due.probe.layer == Layer::Dns && asks_ours
}

#[test]
fn when_our_resolver_fails_no_call_changes_and_the_owner_is_told_what_to_mend() {
    let mut pbx = bench();
    pbx.ills.push(Ill { meets: goes_by_our_resolver, fault: Fault::ServFail, why: "SERVFAIL" });
    let told = told_within(&mut pbx, secs(120));
    assert_eq!(told, ["o servidor de nomes que usamos está falhando."], "{}", pbx.trace);
    for name in ["whatsapp", "telegram"] {
        assert_eq!(verdict(&mut pbx, name), (ChannelState::Degraded, Blame::OurResolver), "{}", pbx.trace);
    }
    assert!(page(&mut pbx).contains("<b>Telegram</b> has problems"));
    callers_hear_the_everyday_dialplan(&mut pbx);
    assert_eq!(pbx.store.incidents.len(), 1);

    pbx.ills.clear();
    let told = told_within(&mut pbx, secs(120));
    assert_eq!(told, ["o servidor de nomes que usamos voltou a funcionar."]);
    assert!(incidents(&pbx, "our-line").iter().all(|incident| !incident.is_open()));
    assert_eq!(verdict(&mut pbx, "telegram"), (ChannelState::Up, Blame::None));
}

/// One question to Telegram's API is answered so, until it is mended.
fn telegram_says(question: fn(&Due) -> bool, fault: Fault, why: &'static str, blame: Blame, text: &str) {
    let mut pbx = bench();
    pbx.ills.push(Ill { meets: question, fault, why });
    let told = told_within(&mut pbx, Duration::from_secs(5 * 60));
    assert_eq!(told, [text], "{}", pbx.trace);
    assert_eq!(verdict(&mut pbx, "telegram"), (ChannelState::Degraded, blame));
    assert_eq!(verdict(&mut pbx, "whatsapp"), (ChannelState::Up, Blame::None), "others go on");
    let seen = view(&mut pbx, "telegram").verdict;
    assert!(!seen.frozen && seen.reasons.iter().any(|reason| reason.contains(why)), "{:?}", seen.reasons);
    let page_now = page(&mut pbx);
    assert!(page_now.contains("<b>Telegram</b> has problems: messages may not arrive"), "{page_now}");
    assert!(page_now.contains("<b>WhatsApp</b> works") && !page_now.contains(why), "{page_now}");
    callers_hear_the_everyday_dialplan(&mut pbx);

    let told = told_within(&mut pbx, Duration::from_secs(40 * 60));
    assert_eq!(told, Vec::<String>::new(), "nobody is told twice");
    pbx.ills.clear();
    assert_eq!(told_within(&mut pbx, Duration::from_secs(10 * 60)), ["telegram voltou a funcionar."]);
    assert_eq!(verdict(&mut pbx, "telegram"), (ChannelState::Up, Blame::None));
    let incident = incidents(&pbx, "telegram").remove(0);
    assert_eq!((incident.is_open(), incident.blame), (false, blame));
    assert_eq!(pbx.store.incidents.len(), 1, "{}", pbx.trace);
}

#[test]
fn a_token_that_has_expired_is_told_as_ours_to_renew() {
    telegram_says(
        |due| due.probe.layer == Layer::Api,
        Fault::CredentialRefused,
        "401: Unauthorized",
        Blame::OurCredential,
        "telegram recusa a nossa credencial: é preciso renovar o token.",
    );
}

#[test]
fn a_webhook_of_ours_that_takes_nothing_is_told_although_every_port_answers() {
    telegram_says(
        |due| due.probe.target.ends_with("/getWebhookInfo"),
        Fault::WebhookBacklog,
        "250 updates wait",
        Blame::OurWebhook,
        "telegram não alcança o nosso webhook: as mensagens dos clientes não chegam.",
    );
}

/// For so long, with a word of the branch in Recife each minute; what the owner is texted meanwhile.
fn seen_from_recife(pbx: &mut Bench, minutes: u64, says: Says) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..minutes {
        let report = Report { from: "filial-recife".to_owned(), says, reason: String::new() };
        pbx.asks(Command::ReportChannel { channel: "whatsapp".to_owned(), report }).expect("it is taken");
        told.extend(told_within(pbx, secs(60)));
    }
    told
}

#[test]
fn what_is_blocked_where_we_are_and_works_elsewhere_sends_nobody_to_the_phone() {
    let mut pbx = bench();
    seen_from_recife(&mut pbx, 2, Says::Up);
    let by_ours: fn(&Due) -> bool = |due| due.channel == "whatsapp" && due.probe.role() == Role::Channel;
    pbx.ills.push(Ill { meets: by_ours, fault: Fault::Reset, why: "connection reset" });
    let told = seen_from_recife(&mut pbx, 10, Says::Up);
    let blocked = "whatsapp está bloqueado onde estamos, e funciona em outros lugares.";
    assert_eq!(told.last().map(String::as_str), Some(blocked), "{told:?}");
    assert_eq!(verdict(&mut pbx, "whatsapp"), (ChannelState::Degraded, Blame::BlockedHere), "{}", pbx.trace);
    assert_eq!(verdict(&mut pbx, "telegram"), (ChannelState::Up, Blame::None));
    assert!(page(&mut pbx).contains("<b>WhatsApp</b> has problems"));
    callers_hear_the_everyday_dialplan(&mut pbx);

    pbx.ills.clear();
    assert_eq!(seen_from_recife(&mut pbx, 20, Says::Up), ["whatsapp voltou a funcionar."]);
    assert_eq!(verdict(&mut pbx, "whatsapp"), (ChannelState::Up, Blame::None));
    let incident = incidents(&pbx, "whatsapp").remove(0);
    assert_eq!((incident.is_open(), incident.blame), (false, Blame::BlockedHere), "{:#?}", incident.timeline);
    assert_eq!(pbx.store.incidents.len(), 1);
}

#[test]
fn where_nobody_can_read_what_is_blocked_callers_hear_of_it() {
    let detector = "kind = \"whatsapp\"\ndetector = { blocked_here = \"down\" }\n";
    let mut pbx = Bench::build(&CONFIG.replacen("kind = \"whatsapp\"\n", detector, 1), PLAN);
    pbx.fallen.push("whatsapp".to_owned());
    seen_from_recife(&mut pbx, 10, Says::Up);
    assert_eq!(verdict(&mut pbx, "whatsapp"), (ChannelState::Down, Blame::BlockedHere), "{}", pbx.trace);
    let customer = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.hears(customer, "whatsapp-down");
}

/// What other servers were told of WhatsApp since this was asked last.
fn told_to_peers(pbx: &mut Bench) -> Vec<Says> {
    let told = std::mem::take(&mut pbx.told_to_peers).into_iter();
    told.filter(|(channel, _)| channel == "whatsapp").map(|(_, says)| says).collect()
}

#[test]
fn other_servers_are_told_each_minute_what_we_see_ourselves_and_nothing_that_they_told_us() {
    let mut pbx = bench();
    told_to_peers(&mut pbx);
    pbx.advance(secs(180));
    assert_eq!(told_to_peers(&mut pbx), [Says::Up; 3]);
    seen_from_recife(&mut pbx, 5, Says::Down);
    assert_eq!(verdict(&mut pbx, "whatsapp").0, ChannelState::Degraded, "one voice is not enough");
    assert!(told_to_peers(&mut pbx).iter().all(|says| *says == Says::Up), "we still see it up");

    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(90));
    let told = told_to_peers(&mut pbx);
    assert_eq!(told.last(), Some(&Says::Down), "{told:?}\n{}", pbx.trace);
    pbx.advance(secs(120));
    assert_eq!(told_to_peers(&mut pbx), [Says::Down; 2]);
    pbx.fallen.clear();
    pbx.advance(secs(180));
    assert_eq!(told_to_peers(&mut pbx).last(), Some(&Says::Up), "though it still counts as down");

    pbx.ills.push(DEAD_LINE);
    pbx.advance(secs(60));
    told_to_peers(&mut pbx);
    pbx.advance(Duration::from_secs(600));
    assert_eq!(told_to_peers(&mut pbx), [], "whose line is dead has nothing to say");
}
