//! Flows that call each other: where they come back to, and where they do not.

use crate::dialplan::example::names;
use crate::dialplan::example::program;
use crate::dialplan::example::shown;
use crate::dialplan::example::start;
use crate::dialplan::rehearsal::rehearse;

/// These flows and a call to the first, `a`, of which this is expected; what went wrong, if anything did.
fn told(flows: &str, expected: &str) -> String {
    let text = format!(
        "number \"+551140031234\" flow=\"a\"\n{flows}\ntest \"t\" {{\ncall to=\"+551140031234\"\n{expected}\n}}\n"
    );
    let outcome = rehearse(&program(&text), &names(), start()).remove(0);
    outcome.failure.map_or_else(String::new, |failure| failure.to_string())
}

#[test]
fn a_called_flow_comes_back_where_it_ends() {
    let flows = "flow \"a\" {\ncall \"b\"\nplay \"goodbye\"\n}\nflow \"b\" {\nplay \"welcome\"\ncall \"c\"\nplay \"closed\"\n}\nflow \"c\" { play \"holiday\" }";
    let heard = "hears \"welcome\"\nhears \"holiday\"\nhears \"closed\"\nhears \"goodbye\"\nends \"normal\"";
    assert_eq!(told(flows, heard), "");
}

#[test]
fn a_called_flow_is_told_as_left_and_come_back_to() {
    let flows = "flow \"a\" {\ncall \"b\"\nplay \"goodbye\"\n}\nflow \"b\" { play \"welcome\" }";
    let told = told(flows, "hears \"closed\"");
    let way: Vec<&str> = told.lines().skip(2).collect();
    assert_eq!(
        way,
        [
            "      0.0s  a.kdl:3  call \"b\"",
            "      0.0s  a.kdl:6  play \"welcome\" → the call is answered first",
            "      3.0s  a.kdl:3  call \"b\" → back from there",
            "      3.0s  a.kdl:4  play \"goodbye\"",
        ]
    );
}

#[test]
fn what_a_called_flow_sets_stays_set() {
    let flows = "flow \"a\" {\ncall \"b\"\nmessage to=\"caller\" \"{x}\"\nplay \"closed\"\n}\nflow \"b\" {\nset \"x\" \"sim\"\nlanguage \"en\"\non-hangup { message to=\"caller\" \"tchau {x}\" }\n}";
    assert_eq!(told(flows, "texts containing=\"sim\"\nhangs-up\ntexts containing=\"tchau sim\""), "");
}

#[test]
fn go_within_a_called_flow_leads_on_for_good() {
    let flows = "flow \"a\" {\ncall \"b\"\nplay \"goodbye\"\n}\nflow \"b\" {\nif chance=99 { go \"c\" }\n}\nflow \"c\" { play \"closed\" }";
    assert_eq!(told(flows, "hears \"closed\"\nends \"normal\" within=\"4s\""), "");
    assert!(told(flows, "hears \"goodbye\"").contains("not before the call was over"));
}

#[test]
fn return_comes_back_before_the_end_and_ends_a_call_that_was_led_nowhere() {
    let flows = "flow \"a\" {\ncall \"b\"\nplay \"goodbye\"\n}\nflow \"b\" {\nif channel=\"whatsapp\" is=\"up\" { return }\nplay \"closed\"\n}";
    assert_eq!(told(flows, "hears \"goodbye\""), "");
    assert!(told(flows, "hears \"closed\"").contains("last heard: goodbye"));
    assert_eq!(
        told(
            "flow \"a\" {\nif channel=\"whatsapp\" is=\"up\" { return }\nplay \"closed\"\n}",
            "ends \"normal\" within=\"1s\""
        ),
        ""
    );
}

#[test]
fn a_caller_who_hangs_up_in_a_called_flow_is_gone_and_what_was_left_to_do_runs() {
    let flows = "flow \"a\" {\non-hangup { message to=\"caller\" \"tchau\" }\ncall \"b\"\nmessage to=\"caller\" \"voltou\"\n}\nflow \"b\" { play \"welcome\" }";
    assert_eq!(told(flows, "hears \"welcome\"\nhangs-up\ntexts containing=\"tchau\""), "");
    assert!(told(flows, "hears \"welcome\"\nhangs-up\ntexts containing=\"voltou\"").contains("not before"));
}

#[test]
fn a_flow_without_steps_comes_back_at_once() {
    let flows = "flow \"a\" {\ncall \"b\"\nplay \"goodbye\"\n}\nflow \"b\" { }";
    assert_eq!(told(flows, "hears \"goodbye\""), "");
}

fn faults(flows: &str) -> Vec<String> {
    shown(&format!("number \"+551140031234\" flow=\"a\"\n{flows}\n"))
}

#[test]
fn sixteen_flows_may_call_each_other_and_seventeen_may_not() {
    let row = |count: usize| {
        let flows = (1..count).map(|at| format!("flow \"f{at}\" {{ call \"f{}\" }}\n", at + 1));
        format!("flow \"a\" {{ call \"f1\" }}\n{}flow \"f{count}\" {{ play \"closed\" }}\n", flows.collect::<String>())
    };
    assert_eq!(faults(&row(16)), [""; 0]);
    let deep = format!(
        "number \"+551140031234\" flow=\"a\"\n{}test \"t\" {{\ncall to=\"+551140031234\"\nhears \"closed\"\n}}\n",
        row(16)
    );
    assert!(rehearse(&program(&deep), &names(), start())[0].passed());
    assert_eq!(
        faults(&row(17)),
        ["a.kdl:2:12: from here more than 16 flows call each other\n    Use `go` where the walk need not come back."]
    );
}

#[test]
fn no_flow_calls_itself() {
    assert_eq!(
        faults("flow \"a\" {\nplay \"closed\"\ncall \"a\"\n}"),
        [
            "a.kdl:4:1: flow `a` calls itself\n    A called flow comes back where it ends. To begin one anew, write `go`."
        ]
    );
    assert_eq!(
        faults("flow \"a\" { call \"b\" }\nflow \"b\" {\nplay \"closed\"\ncall \"a\"\n}"),
        [
            "a.kdl:5:1: flows `a` → `b` call each other in a round\n    A called flow comes back where it ends. To begin one anew, write `go`."
        ]
    );
}

#[test]
fn a_round_through_a_called_flow_that_takes_time_is_none() {
    assert_eq!(faults("flow \"a\" {\ncall \"b\"\ngo \"a\"\n}\nflow \"b\" { play \"closed\" }"), [""; 0]);
    assert_eq!(
        faults("flow \"a\" {\ncall \"b\"\ngo \"a\"\n}\nflow \"b\" { tag \"x\" \"y\" }"),
        [
            "a.kdl:3:1: flow `a` can go round for ever without any time passing\n    Put a `play`, `menu` or `wait` in between, or end the call."
        ]
    );
}

#[test]
fn steps_after_a_call_that_never_comes_back_are_never_come_to() {
    assert_eq!(
        faults("flow \"a\" {\ncall \"b\"\nplay \"closed\"\n}\nflow \"b\" { hangup }"),
        ["a.kdl:4:1: warning: no call comes here: `call` above does not go on\n    Remove it, or move it up."]
    );
}

#[test]
fn the_language_of_one_caller_is_not_asked_of_another_who_calls_the_same_flow() {
    // `closing-soon` exists in Portuguese alone.
    let flows = "flow \"a\" {\nmenu \"main-menu\" {\nkey \"1\" {\ncall \"b\"\nplay \"closing-soon\"\n}\nkey \"2\" { go \"c\" }\n}\n}\nflow \"b\" { play \"welcome\" }\nflow \"c\" {\nlanguage \"en\"\ncall \"b\"\nplay \"closed\"\n}";
    assert_eq!(faults(flows), [""; 0]);
    let changed = "flow \"a\" {\ncall \"b\"\nplay \"closing-soon\"\n}\nflow \"b\" { language \"en\" }";
    assert_eq!(faults(changed).len(), 1, "the called flow's language stays");
}

#[test]
fn a_variable_that_can_be_used_before_it_has_a_value_is_doubtful() {
    let warns =
        |flows: &str| faults(flows).iter().filter(|fault| fault.contains("before it was given a value")).count();
    assert_eq!(warns("flow \"a\" {\nsay digits=\"{x}\"\ngather \"main-menu\" into=\"x\" digits=2\n}"), 1);
    assert_eq!(warns("flow \"a\" {\ngather \"main-menu\" into=\"x\" digits=2\nsay digits=\"{x}\"\n}"), 0);
    let one_way = "flow \"a\" {\nif chance=50 { set \"x\" \"1\" }\nsay digits=\"{x}\"\n}";
    assert_eq!(warns(one_way), 1, "on one way it has none");
    let both_ways = "flow \"a\" {\nif chance=50 { set \"x\" \"1\" }\nelse { set \"x\" \"2\" }\nsay digits=\"{x}\"\n}";
    assert_eq!(warns(both_ways), 0);
    let called = "flow \"a\" {\ncall \"b\"\nsay digits=\"{x}\"\n}\nflow \"b\" { set \"x\" \"1\" }";
    assert_eq!(warns(called), 0, "the called flow gives it one");
    let early = "flow \"a\" {\nif chance=50 { call \"b\" }\nelse { set \"x\" \"1\"; call \"b\" }\n}\nflow \"b\" { say digits=\"{x}\" }";
    assert_eq!(warns(early), 1, "one of its callers has not");
    let compared = "flow \"a\" {\nif variable=\"x\" is=\"1\" { hangup }\nset \"x\" \"1\"\nplay \"closed\"\n}";
    assert_eq!(warns(compared), 1);
}
