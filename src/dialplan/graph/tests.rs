//! What is in the picture, that it is the same every time, and that nothing written in a dialplan breaks it.

use super::*;
use crate::dialplan::example::DESIGN;
use crate::dialplan::example::LOJA;
use crate::dialplan::example::program;
use crate::dialplan::example::with_steps;

fn picture(text: &str) -> String {
    svg(&program(text), None, &Live::new())
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn flows_queues_mailboxes_and_numbers_are_drawn_and_told_in_words() {
    let drawn = picture(LOJA);
    assert_eq!(count(&drawn, "<g class=\"card\">"), 4);
    assert_eq!(count(&drawn, "class=\"pill queue\""), 1);
    assert_eq!(count(&drawn, "class=\"pill mailbox\""), 1);
    assert_eq!(count(&drawn, "class=\"pill number\""), 1);
    assert!(drawn.contains("number +551140031234 leads to flow entrada."));
    assert!(drawn.contains("flow vendas leads to queue vendas, flow recado."));
    assert!(drawn.contains("prefers-color-scheme: dark"));
    assert_eq!(drawn, picture(LOJA));
}

#[test]
fn one_flow_is_drawn_with_what_it_leads_to_alone() {
    let program = program(LOJA);
    let flow = program.flow_named("vendas");
    let picture = svg(&program, flow, &Live::new());
    assert_eq!(count(&picture, "<g class=\"card\">"), 2);
    assert!(!picture.contains("flow entrada"));
    assert!(!mermaid(&program, flow).contains("entrada"));
}

#[test]
fn callers_are_shown_where_they_stand() {
    let program = program(LOJA);
    let queue = program.steps.iter().position(|step| step.text.starts_with("queue \"vendas\" up-to=\"3m\"")).unwrap();
    let spot = Spot::new(crate::dialplan::program::StepId(u32::try_from(queue).unwrap()));
    let picture = svg(&program, None, &Live::from([(spot, 12)]));
    // At the step, at its flow and at the queue.
    assert_eq!(count(&picture, "12 callers are here"), 3);
}

#[test]
fn a_queue_bears_its_name_wherever_that_stands_on_the_line() {
    let drawn = picture(&with_steps("queue up-to=\"90s\" \"vendas\" { timeout { hangup } }"));
    assert!(drawn.contains("leads to queue vendas."), "{drawn}");
    assert!(!drawn.contains("queue 90s"), "{drawn}");
}

#[test]
fn nothing_that_an_owner_writes_breaks_the_picture() {
    let text = with_steps("say text=\"<b>&amp;\\\"]|x\"\nplay \"closed\"");
    assert_eq!(svg::escaped("a\u{1}b\u{fffe}c\u{ffff}"), "a b c ");
    let picture = picture(&text);
    assert!(picture.contains("&lt;b&gt;&amp;amp;"), "{picture}");
    assert_eq!(count(&picture, "<svg"), count(&picture, "</svg>"));
    assert!(!mermaid(&program(&text), None).contains("]|x"));
}

#[test]
fn flows_that_go_round_are_drawn_once() {
    let text = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { play \"closed\"; go \"b\" }\nflow \"b\" { wait \"1s\"; go \"a\" }\n";
    assert_eq!(count(&picture(text), "<g class=\"card\">"), 2);
    let many: String =
        (0..300).map(|at| format!("flow \"f{at}\" {{ wait \"1s\"; go \"f{}\" }}\n", (at * 7 + 1) % 300)).collect();
    assert_eq!(count(&picture(&format!("number \"+551140031234\" flow=\"f0\"\n{many}")), "<g class=\"card\">"), 300);
}

#[test]
fn a_flow_that_is_called_goes_back_and_the_call_goes_on() {
    let text =
        "number \"+551140031234\" flow=\"a\"\nflow \"a\" { call \"b\"; hangup }\nflow \"b\" { play \"closed\" }\n";
    assert_eq!(count(&picture(text), "goes back"), 1);
    let drawn = mermaid(&program(text), None);
    assert_eq!((count(&drawn, "-.->"), count(&drawn, "e1((")), (1, 1), "{drawn}");
}

#[test]
fn mermaid_shows_each_step_and_each_way_out() {
    let drawn = mermaid(&program(DESIGN), None);
    assert!(drawn.starts_with("flowchart LR\n"), "{drawn}");
    assert!(drawn.contains("[(\"queue &quot;vendas&quot; up-to=&quot;90s&quot;\")]"), "{drawn}");
    assert!(drawn.contains("-->|\"key &quot;1&quot;\"| "), "{drawn}");
    assert_eq!(count(&drawn, "subgraph"), 2);
}

#[test]
fn mermaid_shows_all_numbers_of_a_flow_and_its_steps_in_the_order_in_which_they_stand() {
    let text = "number \"+551140031234\" flow=\"a\"\nnumber \"+551140035678\" flow=\"a\"\nflow \"a\" {\n    menu \"main-menu\" {\n        key \"1\" { play \"welcome\" }\n        key \"2\" { play \"closed\" }\n    }\n    hangup\n}\n";
    let drawn = mermaid(&program(text), None);
    let places: Vec<usize> = [
        "n0([\"+551140031234\"",
        "n1([\"+551140035678\"",
        "{\"menu",
        "play &quot;welcome",
        "play &quot;closed",
        "hangup",
    ]
    .map(|part| drawn.find(part).unwrap_or_else(|| panic!("no {part} in {drawn}")))
    .into();
    assert!(places.is_sorted(), "{drawn}");
}
