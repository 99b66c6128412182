//! Runs the `test` blocks of a dialplan on a virtual clock, with the walk that serves real callers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use crate::dialplan::coverage::Coverage;
use crate::dialplan::coverage::Reached;
use crate::dialplan::names::Names;
use crate::dialplan::order::HangupCause;
use crate::dialplan::program::Program;
use crate::dialplan::script::Act;
use crate::dialplan::script::Expectation;
use crate::dialplan::script::Line;
use crate::dialplan::script::Test;
use crate::dialplan::stand_in;
use crate::dialplan::trail::Told;
use crate::dialplan::world::Event;
use crate::dialplan::world::World;
use crate::media::speech;

/// How one test went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestOutcome {
    pub name: String,
    /// `dialplans/loja.kdl:37`
    pub place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// The first expectation that did not come true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The line of the expectation.
    pub place: String,
    /// As the owner wrote it.
    pub expected: String,
    /// What came instead.
    pub found: String,
    /// The steps that the caller took until then.
    pub trail: Vec<String>,
}

impl TestOutcome {
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// Runs all tests in the order of the files. `origin` is where the virtual clock begins; any instant will do.
pub fn rehearse(program: &Arc<Program>, names: &Names, origin: Instant) -> Vec<TestOutcome> {
    rehearse_some(program, names, origin, "").0
}

/// Runs the tests whose names hold the text, and tells what they came to.
pub fn rehearse_some(
    program: &Arc<Program>,
    names: &Names,
    origin: Instant,
    part_of_name: &str,
) -> (Vec<TestOutcome>, Coverage) {
    let mut reached = Reached::new(program);
    let tests = program.tests.iter().filter(|test| test.name.contains(part_of_name));
    let outcomes = tests.map(|test| TestOutcome {
        name: test.name.clone(),
        place: program.place(test.file, test.line),
        failure: run(test, program, names, origin, &mut reached),
    });
    (outcomes.collect(), reached.coverage(program))
}

fn run(test: &Test, program: &Arc<Program>, names: &Names, origin: Instant, reached: &mut Reached) -> Option<Failure> {
    let caller = test.caller.clone();
    let mut world = World::new(program, names, test.flow, caller, test.at, origin);
    world.set_manners(test.manners.clone());
    for setting in &test.settings {
        world.set(setting.clone());
    }
    world.parked.clone_from(&test.parked);
    for change in &test.channels {
        world.change(change.clone());
    }
    for stand_in in &test.stand_ins {
        world.stand_in(stand_in.clone());
    }
    world.callbacks = test.callbacks;
    world.begin();
    let failed = first_failure(test, &mut world);
    reached.walked(&world.story, world.is_over(), program);
    failed.map(|(line, expected)| failure(test, line, expected, &world, program))
}

fn first_failure<'t>(test: &'t Test, world: &mut World<'_>) -> Option<(&'t Line, &'t Expectation)> {
    let mut seen = Seen::default();
    for line in &test.lines {
        match &line.act {
            Act::Press(keys) => world.press(keys),
            Act::Pass(time) => world.pass(*time),
            Act::HangUp => world.hang_up(),
            Act::PickUp { talks } => world.is_picked_up(*talks),
            Act::Change(change) => world.change(change.clone()),
            Act::Set(setting) => world.set(setting.clone()),
            Act::StandIn(stand_in) => world.stand_in(stand_in.clone()),
            Act::Expect(expected) => {
                if !seen.comes_true(expected, line.within, world) {
                    return Some((line, expected));
                }
            }
        }
    }
    None
}

/// How far the events have been looked through, for each sort of expectation on its own: a text that is sent before
/// the caller reaches a flow may be expected before or after it.
#[derive(Debug, Default)]
struct Seen(BTreeMap<&'static str, usize>);

impl Seen {
    /// Lets time pass until the expectation comes true, but no longer than it may take.
    fn comes_true(&mut self, expected: &Expectation, within: Duration, world: &mut World<'_>) -> bool {
        let until = world.now() + within;
        let seen = self.0.entry(sort(expected)).or_default();
        let mut looked = *seen;
        loop {
            let new = &world.events[looked..];
            if let Some(at) = new.iter().position(|event| expected.is_met_by(event)) {
                *seen = looked + at + 1;
                return true;
            }
            looked = world.events.len();
            if !world.advance(until) {
                return false;
            }
        }
    }
}

fn sort(expected: &Expectation) -> &'static str {
    match expected {
        Expectation::Hears(_) => "hears",
        Expectation::HearsFirst { .. } => "hears-first",
        Expectation::Says(_) => "says",
        Expectation::Reaches(_) => "reaches",
        Expectation::Rings(_) => "rings",
        Expectation::Texts { .. } => "texts",
        Expectation::Records(_) => "records",
        Expectation::Ends(_) => "ends",
        Expectation::Joins(_) => "joins",
        Expectation::Parks => "parks",
        Expectation::HandsOn(_) => "hands-on",
        Expectation::Consents(_) => "consents",
        Expectation::Asks { .. } => "asks",
        Expectation::Books { .. } => "books",
        Expectation::Emits { .. } => "emits",
    }
}

impl Expectation {
    fn is_met_by(&self, event: &Event) -> bool {
        match (self, event) {
            (Expectation::Hears(prompt), Event::Heard(heard)) => prompt == heard,
            (Expectation::HearsFirst { who, prompt }, Event::Announced { to, prompt: heard }) => {
                who == to && prompt == heard
            }
            (Expectation::Parks, Event::Parked) => true,
            (Expectation::HandsOn(to), Event::HandedOn(number)) => to == number,
            (Expectation::Consents(answer), Event::Consented(said)) => *answer == said.word(),
            (Expectation::Says(text), Event::Said(said)) => text == said,
            (Expectation::Reaches(flow), Event::Reached(reached)) => flow == reached,
            (Expectation::Says(text), Event::Counted { prompts, language }) => counts(text, prompts, language),
            (Expectation::Rings(who), Event::Rang(rang)) => who == rang,
            (Expectation::Texts { to, containing }, Event::Texted { to: sent_to, text }) => {
                to.as_ref().is_none_or(|to| to == sent_to)
                    && containing.as_ref().is_none_or(|part| text.contains(part.as_str()))
            }
            (Expectation::Records(mailbox), Event::Recorded(recorded)) => mailbox == recorded,
            (Expectation::Emits { name, containing }, Event::Emitted { name: emitted, fields }) => {
                name == emitted && containing.as_ref().is_none_or(|part| fields.contains(part.as_str()))
            }
            (Expectation::Books { queue, number }, Event::Booked { queue: booked, number: called }) => {
                queue == booked && number.as_ref().is_none_or(|number| number == called)
            }
            (Expectation::Asks { url, containing }, Event::Asked { url: asked, body, .. }) => {
                stand_in::fits(url, asked) && containing.as_ref().is_none_or(|part| body.contains(part.as_str()))
            }
            (Expectation::Joins(conference), Event::Joined(joined)) => conference == joined,
            (Expectation::Ends(cause), Event::Ended(ended)) => cause.is_none_or(|cause| cause == ended.word()),
            _ => false,
        }
    }
}

/// Whether these prompts say this, digit by digit or as a number.
fn counts(text: &str, prompts: &[String], language: &str) -> bool {
    if speech::digits(text) == prompts {
        return true;
    }
    let counted = text.parse().ok().zip(speech::Language::of(language));
    let counted = counted.and_then(|(number, language)| speech::cardinal(number, language));
    counted.as_deref() == Some(prompts)
}

fn failure(test: &Test, line: &Line, expected: &Expectation, world: &World<'_>, program: &Program) -> Failure {
    let told = world.story.iter().map(|entry| entry.told(program, world.origin));
    Failure {
        place: program.place(test.file, line.number),
        expected: line.text.clone(),
        found: found(expected, line.within, world),
        trail: told.map(|told| trail_line(&told, world)).collect(),
    }
}

/// What came instead, as far as it helps to see the slip.
fn found(expected: &Expectation, within: Duration, world: &World<'_>) -> String {
    let same_sort = world.events.iter().rev().find_map(|event| match (expected, event) {
        (Expectation::Hears(_), Event::Heard(prompt)) => Some(format!("last heard: {prompt}")),
        (Expectation::HearsFirst { .. }, Event::Announced { to, prompt }) => {
            Some(format!("last announced: {prompt}, to {to}"))
        }
        (Expectation::HandsOn(_), Event::HandedOn(number)) => Some(format!("last handed on: to {number}")),
        (Expectation::Consents(_), Event::Consented(said)) => Some(format!("last said: {}", said.word())),
        (Expectation::Says(_), Event::Said(text)) => Some(format!("last said: {text}")),
        (Expectation::Says(_), Event::Counted { prompts, .. }) => Some(format!("last said: {}", prompts.join(", "))),
        (Expectation::Rings(_), Event::Rang(who)) => Some(format!("last rang: {who}")),
        (Expectation::Texts { .. }, Event::Texted { to, text }) => Some(format!("last text: to {to}, \"{text}\"")),
        (Expectation::Records(_), Event::Recorded(mailbox)) => Some(format!("last recorded: {mailbox}")),
        (Expectation::Emits { .. }, Event::Emitted { name, fields }) => Some(format!("last told: {name} {fields}")),
        (Expectation::Books { .. }, Event::Booked { queue, number }) => Some(format!("last booked: {queue}, {number}")),
        (Expectation::Asks { .. }, Event::Asked { method, url, body }) => {
            Some(format!("last asked: {method} {url} {body}"))
        }
        (Expectation::Joins(_), Event::Joined(conference)) => Some(format!("last joined: {conference}")),
        (Expectation::Ends(_), Event::Ended(cause)) => Some(format!("it ended: {}", cause.word())),
        _ => None,
    });
    let mut found = match world.is_over() {
        true => format!("not before the call was over ({})", ending(&world.events)),
        false => format!("not within {}", humantime::format_duration(within)),
    };
    if let Some(same_sort) = same_sort {
        found = format!("{found}; {same_sort}");
    }
    found
}

fn ending(events: &[Event]) -> &'static str {
    let mut events = events.iter().rev();
    let cause = events.find_map(|event| match event {
        Event::Ended(cause) => Some(*cause),
        _ => None,
    });
    cause.unwrap_or(HangupCause::Normal).word()
}

fn trail_line(told: &Told, world: &World<'_>) -> String {
    let at = seconds(world.since_start(told.at));
    let Told { place, text, reason, .. } = told;
    match reason.is_empty() {
        true => format!("{at:>8}  {place}  {text}"),
        false => format!("{at:>8}  {place}  {text} → {reason}"),
    }
}

/// `93.0s`
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

impl fmt::Display for TestOutcome {
    /// A line in the manner of `cargo test`; a failure with all that helps to find the slip.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(failure) = &self.failure else {
            return write!(f, "test {} ... ok", self.name);
        };
        write!(f, "test {} ... FAILED\n{failure}", self.name)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: expected `{}`", self.place, self.expected)?;
        write!(f, "    {}", self.found)?;
        for line in &self.trail {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::example::DESIGN;
    use crate::dialplan::example::LOJA;
    use crate::dialplan::example::names;
    use crate::dialplan::example::program;
    use crate::dialplan::example::start;
    use crate::dialplan::example::with_steps;

    fn outcomes(text: &str) -> Vec<TestOutcome> {
        rehearse(&program(text), &names(), start())
    }

    fn shown(steps: &str, test: &str) -> String {
        let text = with_steps(steps) + "test \"t\" {\n" + test + "\n}\n";
        let outcomes: Vec<String> = outcomes(&text).iter().map(ToString::to_string).collect();
        outcomes.join("\n")
    }

    #[test]
    fn the_sample_loads_and_its_test_passes() {
        let outcomes = outcomes(DESIGN);
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].to_string(), "test outage at 12:39, the caller gives up waiting ... ok");
    }

    #[test]
    fn the_shipped_shop_passes_its_tests() {
        for outcome in outcomes(LOJA) {
            assert!(outcome.passed(), "{outcome}");
        }
    }

    #[test]
    fn a_failure_names_the_line_and_tells_the_way_there() {
        assert_eq!(
            shown(
                "answer\nplay \"closed\"\ndial \"200\" ring-for=\"10s\"",
                "call to=\"+551140031234\"\nhears \"closed\"\nhears \"goodbye\""
            ),
            "test t ... FAILED\n\
             a.kdl:12: expected `hears \"goodbye\"`\n    \
                 not before the call was over (normal); last heard: closed\n      \
                 0.0s  a.kdl:5  answer → the call is answered first\n      \
                 0.0s  a.kdl:6  play \"closed\"\n      \
                 3.0s  a.kdl:7  dial \"200\" ring-for=\"10s\"\n     \
                 13.0s  a.kdl:7  dial \"200\" ring-for=\"10s\" → nobody answered"
        );
    }

    #[test]
    fn an_expectation_waits_no_longer_than_it_says() {
        let steps = "wait \"20s\"\nplay \"closed\"";
        let call = "call to=\"+551140031234\"\n";
        assert_eq!(shown(steps, &format!("{call}hears \"closed\"")), "test t ... ok");
        let failed = shown(steps, &format!("{call}hears \"closed\" within=\"19s\""));
        assert!(failed.contains("not within 19s"), "{failed}");
    }

    #[test]
    fn order_counts_within_a_sort_of_expectation_and_not_between_sorts() {
        let steps = "message to=\"caller\" \"oi\"\nplay \"closed\" \"goodbye\"";
        let call = "call to=\"+551140031234\"\n";
        let passes = |lines: &str| shown(steps, &format!("{call}{lines}")) == "test t ... ok";
        assert!(passes("hears \"closed\"\nhears \"goodbye\"\ntexts containing=\"oi\""));
        assert!(!passes("hears \"goodbye\"\nhears \"closed\""));
        assert!(!passes("hears \"closed\"\nhears \"closed\""));
        assert!(!passes("texts containing=\"oi\"\ntexts containing=\"oi\""));
    }

    #[test]
    fn what_is_said_can_be_expected() {
        let call = "call from=\"+5511999998888\" to=\"+551140031234\"\n";
        let says = |steps: &str, text: &str| shown(steps, &format!("{call}says \"{text}\""));
        assert_eq!(says("say digits=\"{caller}\"", "5511999998888"), "test t ... ok");
        assert_eq!(says("say number=\"7\"", "7"), "test t ... ok");
        assert_eq!(says("say text=\"Sim, {caller}\"", "Sim, +5511999998888"), "test t ... ok");
        assert!(says("say digits=\"12\"", "21").contains("last said: digit-1, digit-2"));
    }

    #[test]
    fn a_channel_changes_while_the_call_goes_on() {
        let steps = "wait \"5s\"\nif channel=\"whatsapp\" is=\"down\" { play \"whatsapp-down\" }";
        let call = "call to=\"+551140031234\"\nhears \"whatsapp-down\"";
        let before = |line: &str| shown(steps, &format!("{line}\n{call}"));
        assert_eq!(before("channel \"whatsapp\" down after=\"4s\""), "test t ... ok");
        assert!(before("channel \"whatsapp\" down after=\"6s\"").contains("FAILED"));
    }

    #[test]
    fn agents_answer_decline_ignore_are_busy_or_away() {
        let steps = "dial \"200\" ring-for=\"10s\" {\nno-answer { play \"closed\" }\nbusy { play \"all-busy\" }\ndeclined { play \"goodbye\" }\nunreachable { play \"holiday\" }\n}";
        for (does, heard) in [("ignores", "closed"), ("busy", "all-busy"), ("declines", "goodbye"), ("away", "holiday")]
        {
            let test = format!("agent \"200\" {does}\ncall to=\"+551140031234\"\nhears \"{heard}\"");
            assert_eq!(shown(steps, &test), "test t ... ok", "{does}");
        }
        let answers = "agent \"200\" answers talks=\"30s\"\ncall to=\"+551140031234\"\nrings \"200\"\npasses \"32s\"\nends \"normal\" within=\"1s\"";
        assert_eq!(shown(steps, answers), "test t ... ok");
    }

    const TOGETHER: &str = "dial \"200\" \"201\" ring=\"together\" ring-for=\"10s\" announce=\"welcome\" {\nno-answer { play \"closed\" }\nbusy { play \"all-busy\" }\ndeclined { play \"goodbye\" }\n}";

    #[test]
    fn phones_ring_together_and_whoever_answers_hears_the_announcement() {
        let test = "agent \"200\" ignores\nagent \"201\" answers after=\"4s\" talks=\"20s\"\ncall to=\"+551140031234\"\nrings \"200\"\nrings \"201\" within=\"1ms\"\nhears \"welcome\" who=\"201\" within=\"4s\"\nends \"normal\" within=\"23s\"";
        assert_eq!(shown(TOGETHER, test), "test t ... ok");
    }

    #[test]
    fn the_caller_does_not_hear_what_is_announced_to_another() {
        let test = "agent \"200\" answers\ncall to=\"+551140031234\"\nhears \"welcome\"";
        assert!(shown(TOGETHER, test).contains("FAILED"));
        let test = "agent \"200\" answers\ncall to=\"+551140031234\"\nhears \"welcome\" who=\"201\"";
        assert!(shown(TOGETHER, test).contains("last announced: welcome, to 200"));
    }

    #[test]
    fn of_those_who_ring_together_the_first_in_the_order_of_outcomes_counts() {
        let heard = |ana: &str, bruno: &str, prompt: &str| {
            let agents = format!("agent \"200\" {ana}\nagent \"201\" {bruno}\n");
            shown(TOGETHER, &format!("{agents}call to=\"+551140031234\"\nhears \"{prompt}\""))
        };
        assert_eq!(heard("declines", "busy", "all-busy"), "test t ... ok");
        assert_eq!(heard("away", "declines", "goodbye"), "test t ... ok");
        assert_eq!(heard("declines", "ignores", "closed"), "test t ... ok");
        assert_eq!(heard("answers accepts=\"no\"", "ignores", "goodbye"), "test t ... ok");
    }

    #[test]
    fn with_a_key_to_accept_the_others_ring_until_it_is_pressed() {
        let steps = TOGETHER.replace("announce=", "accept-key=\"1\" announce=");
        let refuses = "agent \"200\" answers accepts=\"no\"\nagent \"201\" answers after=\"8s\" talks=\"20s\"\ncall to=\"+551140031234\"\nhears \"welcome\" who=\"200\"\nhears \"welcome\" who=\"201\"\nends \"normal\"";
        assert_eq!(shown(&steps, refuses), "test t ... ok");
    }

    #[test]
    fn a_parked_caller_is_picked_up_or_the_flow_goes_on() {
        let steps = "park up-to=\"60s\"\nplay \"closed\"\nhangup";
        let call = "call to=\"+551140031234\"\nparks\n";
        let passes = |lines: &str| shown(steps, &format!("{call}{lines}"));
        assert_eq!(passes("passes \"59s\"\npicks-up talks=\"10s\"\nends \"normal\" within=\"10s\""), "test t ... ok");
        assert_eq!(passes("passes \"60s\"\nhears \"closed\" within=\"1s\""), "test t ... ok");
        assert!(passes("passes \"61s\"\npicks-up\nhears \"goodbye\"").contains("nobody has picked the caller up"));
    }

    #[test]
    fn whoever_dials_a_slot_gets_who_is_parked_there() {
        let steps = "pickup \"701\" { nobody { play \"closed\" } }\nhangup";
        let call = "call from=\"200\" to=\"+551140031234\"\n";
        assert_eq!(shown(steps, &format!("parked \"701\"\n{call}ends \"normal\" within=\"61s\"")), "test t ... ok");
        assert_eq!(shown(steps, &format!("parked \"702\"\n{call}hears \"closed\"")), "test t ... ok");
    }

    #[test]
    fn a_trunk_that_does_not_connect_the_caller_is_helped_out() {
        let steps = "answer\ntransfer \"+5511988887777\" by=\"refer\" { busy { play \"all-busy\" } }";
        let call = "call to=\"+551140031234\"\nhands-on \"+5511988887777\"\n";
        assert_eq!(shown(steps, &format!("{call}ends \"normal\" within=\"1s\"")), "test t ... ok");
        let busy = format!("agent \"+5511988887777\" busy\n{call}hears \"all-busy\"");
        assert_eq!(shown(steps, &busy), "test t ... ok");
    }

    #[test]
    fn what_the_caller_says_to_being_recorded_decides() {
        let steps = "answer\nconsent \"recording-notice\" refuse-key=\"9\" { refused { play \"closed\" } }\nrecord name=\"x\"\nplay \"welcome\"";
        let call = "call to=\"+551140031234\"\nhears \"recording-notice\"\n";
        let test = |lines: &str| shown(steps, &format!("{call}{lines}"));
        assert_eq!(test("press \"9\"\nconsents \"refused\"\nhears \"closed\"\nhears \"welcome\""), "test t ... ok");
        assert!(test("press \"9\"\nhears \"welcome\"\nrecords \"x\"").contains("not recorded: the caller has refused"));
        assert_eq!(test("consents \"given\" within=\"7s\"\nrecords \"x\""), "test t ... ok");
        assert_eq!(test("press \"1\"\nconsents \"given\" within=\"1ms\""), "test t ... ok", "a key for a later menu");
    }

    #[test]
    fn outcomes_are_data() {
        let outcome = &outcomes(DESIGN)[0];
        assert_eq!(
            serde_json::to_string(outcome).unwrap(),
            r#"{"name":"outage at 12:39, the caller gives up waiting","place":"a.kdl:29"}"#
        );
    }
}
