//! What each condition sees and what may be said of it, each shown by a call that takes one branch or the other.

use crate::dialplan::example::names;
use crate::dialplan::example::program;
use crate::dialplan::example::start;
use crate::dialplan::example::with_steps;
use crate::dialplan::rehearsal::rehearse;

const LISTS: &str = "list \"vip\" {\n    number \"+5511999998888\" \"Dona Maria\"\n    number \"+5521*\"\n}\n";

/// Which prompt a caller hears first after these steps, in a world that is set up so.
fn hears(steps: &str, world: &str, call: &str, prompt: &str) -> bool {
    let text = format!(
        "{LISTS}{}test \"t\" {{\n{world}\ncall to=\"+551140031234\" {call}\nhears \"{prompt}\" within=\"10s\"\n}}\n",
        with_steps(steps)
    );
    rehearse(&program(&text), &names(), start()).iter().all(|outcome| outcome.passed())
}

/// Whether an `if` with this on its line holds.
fn holds(condition: &str, world: &str, call: &str) -> bool {
    let steps = format!("if {condition} {{ play \"welcome\" }}\nelse {{ play \"closed\" }}");
    let yes = hears(&steps, world, call, "welcome");
    assert_eq!(hears(&steps, world, call, "closed"), !yes, "{condition}");
    yes
}

#[test]
fn a_channel_has_four_states_of_which_two_count_as_others() {
    let holds_in = |state: &str| {
        let world = format!("channel \"whatsapp\" \"{state}\"");
        let states = ["up", "degraded", "down", "recovering"];
        states.map(|is| holds(&format!("channel=\"whatsapp\" is=\"{is}\""), &world, ""))
    };
    assert_eq!(holds_in("up"), [true, false, false, false]);
    assert_eq!(holds_in("degraded"), [true, true, false, false]);
    assert_eq!(holds_in("down"), [false, false, true, false]);
    assert_eq!(holds_in("recovering"), [false, false, true, true]);
}

#[test]
fn when_takes_the_exact_state_before_the_one_that_it_counts_as() {
    let exact = "when channel=\"whatsapp\" {\nis \"down\" { play \"closed\" }\nis \"recovering\" { play \"holiday\" }\nis \"up\" { play \"welcome\" }\n}";
    assert!(hears(exact, "channel \"whatsapp\" \"recovering\"", "", "holiday"));
    assert!(hears(exact, "channel \"whatsapp\" \"down\"", "", "closed"));
    assert!(hears(exact, "channel \"whatsapp\" \"degraded\"", "", "welcome"));
    let broad = "when channel=\"whatsapp\" {\nis \"down\" { play \"closed\" }\notherwise { play \"welcome\" }\n}";
    assert!(hears(broad, "channel \"whatsapp\" \"recovering\"", "", "closed"));
    assert!(hears(broad, "", "", "welcome"));
}

#[test]
fn when_nothing_fits_and_no_otherwise_is_written_the_walk_goes_on_below() {
    let steps = "when channel=\"whatsapp\" {\nis \"down\" { play \"closed\" }\n}\nplay \"goodbye\"";
    assert!(hears(steps, "", "", "goodbye"));
    assert!(hears(steps, "channel \"whatsapp\" \"down\"", "", "closed"));
}

#[test]
fn hours_tell_a_holiday_from_a_night() {
    let steps = "when hours=\"comercial\" {\nis \"closed\" { play \"closed\" }\nis \"open\" { play \"welcome\" }\n}";
    assert!(hears(steps, "at \"2026-11-23T12:00:00-03:00\"", "", "welcome"));
    assert!(hears(steps, "at \"2026-11-23T22:00:00-03:00\"", "", "closed"));
    assert!(holds("hours=\"comercial\" is-not=\"open\"", "at \"2026-11-22T12:00:00-03:00\"", ""));
}

#[test]
fn a_caller_is_known_by_number_beginning_list_country_or_by_showing_none() {
    let from = |number: &str| format!("from=\"{number}\"");
    assert!(holds("caller=\"+5511*\"", "", &from("+5511999998888")));
    assert!(!holds("caller=\"+5511*\"", "", &from("+5521999998888")));
    assert!(holds("caller=\"+5511999998888\"", "", &from("+5511999998888")));
    assert!(holds("caller=\"withheld\"", "", &from("withheld")));
    assert!(!holds("caller=\"withheld\"", "", &from("200")));
    assert!(holds("caller=\"extension\"", "", &from("200")));
    assert!(!holds("caller=\"extension\"", "", &from("+5511999998888")));
    assert!(!holds("caller=\"extension\"", "", &from("withheld")));
    assert!(holds("caller-in=\"vip\"", "", &from("+5521333344444")));
    assert!(holds("not-caller-in=\"vip\"", "", &from("+5531333344444")));
    assert!(!holds("caller-in=\"vip\"", "", &from("withheld")));
    assert!(holds("caller-country=\"BR\"", "", &from("+5511999998888")));
    assert!(!holds("caller-country=\"+1\"", "", &from("+5511999998888")));
    assert!(!holds("caller-country=\"BR\"", "", &from("withheld")));
}

#[test]
fn when_caller_takes_the_first_branch_that_fits() {
    let steps = "when \"caller\" {\nis \"withheld\" { play \"closed\" }\nin \"vip\" { play \"holiday\" }\ncountry \"PT\" \"ES\" { play \"goodbye\" }\nis \"+5511*\" \"200\" { play \"welcome\" }\notherwise { play \"all-busy\" }\n}";
    let heard = |number: &str, prompt: &str| hears(steps, "", &format!("from=\"{number}\""), prompt);
    assert!(heard("withheld", "closed"));
    assert!(heard("+5511999998888", "holiday"));
    assert!(heard("+351912345678", "goodbye"));
    assert!(heard("+5511988887777", "welcome"));
    assert!(heard("200", "welcome"));
    assert!(heard("+5531988887777", "all-busy"));
}

#[test]
fn the_called_number_and_the_trunk_are_looked_at() {
    assert!(holds("called=\"+551140031234\"", "", ""));
    assert!(!holds("called=\"+5521*\"", "", ""));
    assert!(holds("trunk=\"operadora\"", "", "trunk=\"operadora\""));
    assert!(!holds("trunk=\"operadora\"", "", "trunk=\"reserva\""));
    assert!(holds("not-trunk=\"operadora\"", "", ""), "a call of one of our phones comes through none");
}

#[test]
fn a_queue_is_counted_and_timed() {
    let world = "queue \"vendas\" waiting=6 agents=2 free=0 longest-wait=\"4m\" estimated-wait=\"12m\"";
    assert!(holds("waiting-in=\"vendas\" more-than=5", world, ""));
    assert!(!holds("waiting-in=\"vendas\" more-than=6", world, ""));
    assert!(holds("waiting-in=\"vendas\" at-least=6 less-than=7", world, ""));
    assert!(holds("waiting-in=\"vendas\" is=6", world, ""));
    assert!(holds("waiting-in=\"vendas\" is-not=5", world, ""));
    assert!(holds("longest-wait-in=\"vendas\" at-least=\"4m\"", world, ""));
    assert!(!holds("longest-wait-in=\"vendas\" more-than=\"4m\"", world, ""));
    assert!(holds("estimated-wait-in=\"vendas\" more-than=\"10m\"", world, ""));
    assert!(holds("agents-in=\"vendas\" at-most=2", world, ""));
    assert!(holds("free-agents-in=\"vendas\" less-than=1", world, ""));
    assert!(holds("queue=\"vendas\" is=\"waiting\"", world, ""));
    let steps = "when waiting-in=\"vendas\" {\nmore-than 10 { play \"closed\" }\nmore-than 5 { play \"holiday\" }\notherwise { play \"welcome\" }\n}";
    assert!(hears(steps, world, "", "holiday"));
    assert!(hears(steps, "", "", "welcome"));
}

#[test]
fn where_nobody_can_tell_the_wait_neither_a_comparison_nor_its_contrary_holds() {
    assert!(!holds("estimated-wait-in=\"vendas\" more-than=\"1s\"", "", ""));
    assert!(!holds("estimated-wait-in=\"vendas\" less-than=\"23h\"", "", ""));
}

#[test]
fn an_extension_is_free_busy_or_away() {
    let is = |word: &str, manner: &str| {
        holds(&format!("extension=\"200\" is=\"{word}\""), &format!("agent \"200\" {manner}"), "")
    };
    assert!(is("free", "ignores") && is("reachable", "ignores"));
    assert!(is("busy", "busy") && is("reachable", "busy") && !is("free", "busy"));
    assert!(is("unreachable", "away") && !is("reachable", "away"));
}

#[test]
fn calls_are_counted_everywhere_and_over_one_trunk() {
    assert!(holds("calls=\"in-progress\" is=1", "", ""));
    assert!(holds("calls=\"in-progress\" more-than=50", "calls 51", ""));
    assert!(holds("calls-over=\"operadora\" at-least=30", "calls 30 over=\"operadora\"", ""));
    assert!(!holds("calls-over=\"reserva\" at-least=1", "calls 30 over=\"operadora\"", ""));
}

#[test]
fn a_lot_falls_the_same_way_for_the_same_seed() {
    let drawn: Vec<bool> = (0..40).map(|seed| holds("chance=50", &format!("seed {seed}"), "")).collect();
    let again: Vec<bool> = (0..40).map(|seed| holds("chance=50", &format!("seed {seed}"), "")).collect();
    assert_eq!(drawn, again);
    let yes = drawn.iter().filter(|drawn| **drawn).count();
    assert!((10..=30).contains(&yes), "{yes} of 40");
}

#[test]
fn the_keys_that_were_pressed_last_are_remembered() {
    let steps =
        "answer\nwait \"2s\"\nwhen \"keys\" {\nis \"*9\" { play \"welcome\" }\notherwise { play \"closed\" }\n}";
    let pressing = |keys: &str, prompt: &str| {
        let text = with_steps(steps)
            + &format!(
                "test \"t\" {{\ncall to=\"+551140031234\"\npasses \"1s\"\npress \"{keys}\"\nhears \"{prompt}\"\n}}\n"
            );
        rehearse(&program(&text), &names(), start()).iter().all(|outcome| outcome.passed())
    };
    assert!(pressing("*9", "welcome"));
    assert!(pressing("12*9", "welcome"));
    assert!(pressing("*91", "closed"));
}

#[test]
fn all_that_stands_on_the_line_of_an_if_must_hold() {
    let world = "channel \"whatsapp\" \"down\"\nat \"2026-11-23T12:00:00-03:00\"";
    assert!(holds("channel=\"whatsapp\" is=\"down\" hours=\"comercial\" is=\"open\"", world, ""));
    assert!(!holds("channel=\"whatsapp\" is=\"up\" hours=\"comercial\" is=\"open\"", world, ""));
    assert!(!holds("channel=\"whatsapp\" is=\"down\" hours=\"comercial\" is=\"closed\"", world, ""));
    assert!(holds("channel=\"whatsapp\" is-not=\"up\" caller=\"+55*\" not-caller=\"+5521*\"", world, ""));
    assert!(holds("not hours=\"comercial\" is=\"closed\"", world, ""));
    assert!(!holds("not hours=\"comercial\" is=\"open\"", world, ""));
    assert!(!holds("not not-caller=\"+5521*\"", world, ""));
}

/// The first prompt after `gather`, `set` and what follows them.
fn after_typing(digits: &str, steps: &str, prompt: &str) -> bool {
    let text = with_steps(&format!("gather \"main-menu\" into=\"cpf\" digits=11\n{steps}"))
        + &format!(
            "test \"t\" {{\ncall to=\"+551140031234\"\nhears \"main-menu\"\npress \"{digits}#\"\nhears \"{prompt}\"\n}}\n"
        );
    rehearse(&program(&text), &names(), start()).iter().all(|outcome| outcome.passed())
}

#[test]
fn a_variable_is_compared_as_text_and_digits_as_a_number_too() {
    let takes = |condition: &str, digits: &str| {
        let steps = format!("if variable=\"cpf\" {condition} {{ play \"welcome\" }}\nelse {{ play \"closed\" }}");
        after_typing(digits, &steps, "welcome")
    };
    assert!(takes("is=\"123\"", "123") && !takes("is=\"123\"", "0123"));
    assert!(takes("begins-with=\"12\"", "123") && takes("ends-with=\"23\"", "123") && takes("contains=\"2\"", "123"));
    assert!(!takes("begins-with=\"2\"", "123"));
    assert!(takes("more-than=99", "0123") && takes("at-most=123", "123") && takes("at-least=0 less-than=5", "4"));
    assert!(takes("is-not=\"123\"", "124") && takes("is=\"{cpf}\"", "5"));
    assert!(!takes("contains=\"{caller-name}\"", "5"), "nothing contains nothing");
}

#[test]
fn set_and_count_give_values_that_later_steps_use() {
    let steps = "set \"nome\" \"Cliente {cpf}\"\ncount \"voltas\"\ncount \"voltas\" by=4\nwhen variable=\"voltas\" {\nat-least 5 { message to=\"caller\" \"{nome}, {voltas}\" }\n}\nplay \"goodbye\"";
    let text = with_steps(&format!("gather \"main-menu\" into=\"cpf\" digits=3\n{steps}"))
        + "test \"t\" {\ncall to=\"+551140031234\"\nhears \"main-menu\"\npress \"123\"\ntexts containing=\"Cliente 123, 5\"\n}\n";
    assert!(rehearse(&program(&text), &names(), start())[0].passed());
    assert!(after_typing(
        "12*",
        "set \"n\" \"{cpf}\" as=\"number\"\nif variable=\"n\" is=\"\" { play \"closed\" }",
        "closed"
    ));
}

#[test]
fn facts_are_filled_in_and_not_read_again() {
    let texted = |text: &str, world: &str, call: &str, wanted: &str| {
        let steps = format!("message to=\"+5511988887777\" \"{text}\"\nplay \"goodbye\"");
        let text = with_steps(&steps)
            + &format!(
                "test \"t\" {{\nat \"2026-11-23T12:39:05.250-03:00\"\n{world}\ncall to=\"+551140031234\" {call}\ntexts containing=\"{wanted}\"\n}}\n"
            );
        rehearse(&program(&text), &names(), start())[0]
            .failure
            .clone()
            .map_or_else(String::new, |failure| failure.found)
    };
    assert_eq!(texted("{caller} {called}", "", "from=\"200\"", "200 +551140031234"), "");
    assert_eq!(texted("<{caller-name}>", "", "name=\"{called}\"", "<{called}>"), "", "a name is only quoted");
    assert_eq!(texted("<{trunk}>", "", "trunk=\"operadora\"", "<operadora>"), "");
    assert_eq!(texted("{date} {time}", "", "", "2026-11-23 12:39"), "");
    assert_eq!(texted("{protocol} {protocol}", "", "", "202611234554525001 202611234554525001"), "");
    assert_eq!(texted("{call-id} {language} <{keys}>", "", "", "call_rehearsal pt-BR <>"), "");
    let down = "channel \"whatsapp\" \"down\"";
    assert_eq!(texted("{channel.whatsapp.state} {channel.whatsapp.since}", down, "", "down 12:39"), "");
    let queue = "queue \"vendas\" waiting=3 agents=2 longest-wait=\"61s\" estimated-wait=\"5m\"";
    let figures = "{queue.vendas.waiting} {queue.vendas.position} {queue.vendas.agents} {queue.vendas.longest-wait} {queue.vendas.estimated-wait}";
    assert_eq!(texted(figures, queue, "", "3 4 2 2 5"), "");
    assert_eq!(texted("<{queue.vendas.estimated-wait}>", "", "", "<>"), "");
}

#[test]
fn a_text_that_is_made_of_itself_does_not_grow_without_end() {
    let steps = "set \"x\" \"0123456789\" as=\"text\"\n".to_owned()
        + &"set \"x\" \"{x}{x}\"\n".repeat(12)
        + "message to=\"caller\" \"{x}\"\nplay \"goodbye\"";
    let text = with_steps(&steps) + "test \"t\" {\ncall to=\"+551140031234\"\nhears \"goodbye\"\ntexts to=\"200\"\n}\n";
    let failure = rehearse(&program(&text), &names(), start())[0].failure.clone().unwrap();
    assert!(failure.found.len() < 1_200, "{}", failure.found.len());
}
