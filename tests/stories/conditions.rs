//! What a dialplan sees of the running PBX: channels, queues, calls, who calls; and what it sends on of it.

use desvio::call::record::Record;

use crate::bench::BUSINESS;
use crate::bench::Bench;
use crate::bench::secs;

/// A dialplan with these steps for the business's number.
fn plan(steps: &str) -> String {
    format!("number \"{BUSINESS}\" flow=\"a\"\nflow \"a\" {{\nanswer\n{steps}\nhangup\n}}\n")
}

/// The value of a tag in the record of the call that ended last.
fn tag(pbx: &Bench, name: &str) -> String {
    let record: &Record = pbx.store.records.last().expect("a record");
    record.tags.get(name).cloned().unwrap_or_else(|| panic!("no tag {name}\n{}", pbx.trace))
}

#[test]
fn a_recovering_channel_is_told_from_one_that_is_down() {
    let steps = "when channel=\"whatsapp\" {\nis \"recovering\" { tag \"seen\" \"recovering {channel.whatsapp.state}\" }\nis \"down\" { tag \"seen\" \"down\" }\notherwise { tag \"seen\" \"up\" }\n}";
    let mut pbx = Bench::with_dialplan(&plan(steps));
    pbx.fallen.push("whatsapp".to_owned());
    pbx.advance(secs(120));
    pbx.customer_calls();
    pbx.advance(secs(1));
    assert_eq!(tag(&pbx, "seen"), "down");

    pbx.fallen.clear();
    pbx.advance(secs(10 * 60));
    pbx.customer_calls();
    pbx.advance(secs(1));
    assert_eq!(tag(&pbx, "seen"), "recovering recovering");
}

#[test]
fn a_queue_is_seen_with_its_callers_its_agents_and_its_pace() {
    let steps = "set \"wait\" \"{queue.vendas.estimated-wait}\"\nset \"waiting\" \"{queue.vendas.waiting}\"\nset \"agents\" \"{queue.vendas.agents}\"\ntag \"seen\" \"{wait}/{waiting}/{agents}\"\nif waiting-in=\"vendas\" at-least=1 { hangup }\nqueue \"vendas\"";
    let mut pbx = Bench::with_dialplan(&plan(steps));
    let ana = pbx.registered("200");

    // An agent is free: nobody need wait.
    let first = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.picks_up(ana);
    pbx.advance(secs(120));
    pbx.hangs_up(first);
    pbx.advance(secs(30));
    assert_eq!(tag(&pbx, "seen"), "0/0/1");

    // She talks; one waits, and the next is told so.
    let talking = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.picks_up(ana);
    let waiting = pbx.customer_calls();
    pbx.advance(secs(2));
    pbx.customer_calls();
    pbx.advance(secs(2));
    let seen = tag(&pbx, "seen");
    assert!(seen.ends_with("/1/1") && !seen.starts_with("0/"), "{seen}\n{}", pbx.trace);
    pbx.hangs_up(talking);
    pbx.hangs_up(waiting);
}

#[test]
fn calls_are_counted_while_they_last() {
    let steps = "if calls=\"in-progress\" more-than=1 { tag \"seen\" \"many\"; hangup }\ntag \"seen\" \"alone\"\nqueue \"vendas\"";
    let mut pbx = Bench::with_dialplan(&plan(steps));
    pbx.registered("200");
    let first = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.customer_calls();
    pbx.advance(secs(1));
    assert_eq!(tag(&pbx, "seen"), "many");
    pbx.hangs_up(first);
    pbx.advance(secs(1));
    assert_eq!(tag(&pbx, "seen"), "alone");
    let again = pbx.customer_calls();
    pbx.advance(secs(1));
    pbx.hangs_up(again);
    pbx.advance(secs(1));
    assert_eq!(tag(&pbx, "seen"), "alone", "those who have gone do not count");
}

#[test]
fn two_callers_of_one_moment_get_different_protocols_and_the_record_has_each() {
    let steps = "message to=\"caller\" \"Protocolo {protocol}\"\ncall \"b\"\ntag \"again\" \"{protocol}\"\ntag \"id\" \"{call-id}\"";
    let text = plan(steps) + "flow \"b\" { tag \"within\" \"{protocol}\" }\n";
    let mut pbx = Bench::with_dialplan(&text);
    pbx.customer_calls();
    pbx.customer_calls();
    pbx.advance(secs(1));
    let protocols: Vec<&String> = pbx.store.records.iter().map(|record| &record.tags["protocol"]).collect();
    assert_eq!(protocols.len(), 2);
    assert_ne!(protocols[0], protocols[1]);
    for record in &pbx.store.records {
        assert_eq!(record.tags["protocol"].len(), 18);
        assert_eq!(record.tags["protocol"], record.tags["again"]);
        assert_eq!(record.tags["protocol"], record.tags["within"]);
        assert_eq!(record.tags["id"], record.id.to_string());
    }
}

#[test]
fn the_trunk_and_a_withheld_number_are_seen() {
    let steps = "when \"trunk\" {\nis \"operadora\" { set \"by\" \"trunk\" }\notherwise { set \"by\" \"phone\" }\n}\nif caller=\"withheld\" { set \"who\" \"nobody\" }\nelse { set \"who\" \"somebody\" }\ntag \"seen\" \"{by} {who} {caller}\"";
    let mut pbx = Bench::with_dialplan(&plan(steps));
    let carrier = pbx.trunk();
    pbx.calls(carrier, Some("anonymous"), BUSINESS);
    pbx.advance(secs(1));
    assert_eq!(tag(&pbx, "seen"), "trunk nobody anonymous");
    let ana = pbx.registered("200");
    pbx.calls(ana, None, BUSINESS);
    pbx.advance(secs(1));
    assert_eq!(tag(&pbx, "seen"), "phone somebody 200");
}
