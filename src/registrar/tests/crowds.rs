//! Many phones at once, phones that ask for too much, and routers that meddle.

use super::*;
use crate::registrar::config::Percent;
use crate::registrar::gate::Stage;

impl Desk {
    fn asks(&mut self) -> Option<Response> {
        let request = request("a", 1, "");
        self.registrar.turn_away(&request, || Stage::Asks, self.now)
    }

    fn evidence(&mut self) -> Vec<String> {
        self.effects().into_iter().filter(|effect| effect.starts_with("rewritten")).collect()
    }
}

#[test]
fn when_everybody_comes_at_once_the_rest_hears_when_to_come_back() {
    let mut desk = new_desk();
    let let_in = (0..2000).take_while(|_| desk.asks().is_none()).count();
    assert_eq!(let_in, 1500, "a quarter is kept for those who answer a challenge");
    let waits: Vec<u32> = (0..100)
        .map(|_| {
            let later = desk.asks().unwrap();
            assert_eq!(later.status, 503);
            later.headers.number(&Name::RetryAfter).unwrap()
        })
        .collect();
    assert!(waits.iter().all(|wait| (5..=35).contains(wait)));
    assert!(waits.iter().collect::<BTreeSet<_>>().len() > 15, "they do not come back together: {waits:?}");
    assert_eq!(desk.registrar.turned_away(), 101);
    desk.advance(1);
    assert!(desk.asks().is_none());
}

#[test]
fn what_is_granted_differs_so_that_phones_do_not_come_back_together() {
    let mut desk = new_desk();
    desk.registrar.config.jitter = Percent(10);
    let granted: Vec<u32> = (1..=200)
        .map(|cseq| {
            let response = desk.register("a", cseq, ONE);
            contacts(&response)[0].rsplit_once('=').unwrap().1.parse().unwrap()
        })
        .collect();
    assert!(granted.iter().all(|seconds| (3240..=3600).contains(seconds)), "{granted:?}");
    assert!(granted.iter().collect::<BTreeSet<_>>().len() > 50);
    let least = desk.register("a", 201, &format!("{ONE}Expires: 60\r\n"));
    assert_eq!(contacts(&least), ["<sip:200@10.0.0.5:5060>;expires=60"], "never less than the least");
}

#[test]
fn a_phone_that_changes_its_mind_leaves_nothing_behind() {
    let mut desk = new_desk();
    for cseq in 0..500 {
        let expires = if cseq % 2 == 0 { 3600 } else { 60 };
        desk.register("a", cseq + 1, &format!("{ONE}Expires: {expires}\r\n"));
        desk.advance(1);
        desk.effects();
    }
    assert!(desk.registrar.table.expiries() <= 62, "{}", desk.registrar.table.expiries());
    assert_eq!(desk.registrar.len(), 1);
    desk.advance(3600);
    assert_eq!((desk.registrar.len(), desk.registrar.table.expiries()), (0, 0));
}

#[test]
fn what_is_too_long_or_too_many_is_refused() {
    let mut desk = new_desk();
    let long = "x".repeat(1100);
    assert_eq!(desk.register("a", 1, &format!("Contact: <sip:200@10.0.0.5;pn-prid={long}>\r\n")).status, 400);
    assert_eq!(
        desk.register("a", 1, &format!("{ONE};+sip.instance=\"<{long}>\"\r\n").replace("\r\n;", ";")).status,
        400
    );
    assert_eq!(desk.register(&long[..300], 1, ONE).status, 400);
    let five: String = (1..=5).map(|host| format!("Contact: <sip:200@10.0.0.{host}>;expires=0\r\n")).collect();
    assert_eq!(desk.register("a", 1, &five).status, 403, "this extension may have two phones");
    assert!(desk.registrar.is_empty() && desk.effects().is_empty());
}

#[test]
fn a_phone_s_name_is_cut_where_it_is_too_long_and_kept_once() {
    let mut desk = new_desk();
    desk.register("a", 1, ONE);
    desk.register("b", 1, TWO);
    let bindings = desk.registrar.contacts("200", desk.now);
    let [one, other] = [&bindings[0], &bindings[1]].map(|binding| binding.user_agent.clone().unwrap());
    assert!(Arc::ptr_eq(&one, &other));
    for number in 0..2 * MOST_USER_AGENTS {
        desk.registrar.interned(&format!("Phone/{number}"));
    }
    assert_eq!(desk.registrar.user_agents.len(), MOST_USER_AGENTS);
}

#[test]
fn a_router_that_writes_in_messages_is_told_of_once_a_day() {
    let mut desk = new_desk();
    desk.register("77@198.51.100.9", 1, ONE);
    let told = desk.evidence();
    assert!(told.len() == 1 && told[0].contains("Call-ID names the public address"), "{told:?}");
    let view = &desk.registrar.view(desk.now, desk.wall())[0];
    assert_eq!((view.nat, view.nat_evidence.len()), ("alg", 1));
    desk.register("77@198.51.100.9", 2, ONE);
    assert!(desk.evidence().is_empty());
    for day in 0..24 {
        desk.advance(3599);
        desk.register("77@198.51.100.9", day + 3, ONE);
    }
    assert!(desk.evidence().is_empty());
    desk.advance(60);
    desk.register("77@198.51.100.9", 99, ONE);
    assert_eq!(desk.evidence().len(), 1);
}

#[test]
fn a_sign_that_only_the_first_register_shows_is_remembered_with_the_binding() {
    let mut desk = new_desk();
    let public = "Contact: <sip:200@198.51.100.9:40000>\r\n";
    desk.mark = desk.registrar.first_look(&request("a", 1, public), &desk.hop);
    desk.register("a", 1, public);
    desk.mark = desk.registrar.first_look(&request("b", 1, public), &desk.hop);
    assert_eq!(desk.mark, Mark::default(), "a phone that is registered may know its address from us");
    desk.register("a", 2, public);
    assert_eq!(desk.registrar.view(desk.now, desk.wall())[0].nat, "alg");
}
