//! Walks one imagined call through the dialplan and tells each step: what, where, when and why.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use crate::dialplan::names::Names;
use crate::dialplan::program::Program;
use crate::dialplan::rehearsal::seconds;
use crate::dialplan::script::ChannelChange;
use crate::dialplan::trail::Told;
use crate::dialplan::walk::Caller;
use crate::dialplan::world::Event;
use crate::dialplan::world::World;
use crate::outage::ChannelState;

/// Who calls, when, and what the world is like. Nobody answers a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    pub from: String,
    /// One of our numbers, in E.164.
    pub to: String,
    /// By which the call comes in; none: by that whose number is called, if one of them has it.
    pub trunk: Option<String>,
    pub at: Timestamp,
    /// The states of channels that are not simply up.
    pub channels: Vec<(String, ChannelState)>,
    /// Keys, each pressed as soon as a menu or an entry asks for one.
    pub press: Vec<String>,
}

/// A call that was walked to its end, or for as long as anybody would watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Simulation {
    /// The trunk that the call came in through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
    pub steps: Vec<SimulatedStep>,
    /// How it ended, in words.
    pub ending: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimulatedStep {
    /// Virtual time since the call began.
    pub at_ms: u64,
    pub place: String,
    pub flow: String,
    /// The step as the owner wrote it.
    pub step: String,
    /// Why the walk went on as it did; empty where a step just happened.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    #[error("no `number` of the dialplan is {to}; its numbers are: {known}")]
    UnknownNumber { to: String, known: String },
    #[error("{to} is an extension: calls from phone to phone walk through no dialplan")]
    Extension { to: String },
    #[error("no trunk is called {name}; there are: {known}")]
    UnknownTrunk { name: String, known: String },
    #[error("{from} is an extension: its calls come in through no trunk")]
    NotFromOutside { from: String },
    #[error("no channel is called {name}; there are: {known}")]
    UnknownChannel { name: String, known: String },
}

/// A caller in a queue that nobody answers may wait for ever; we do not.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Walks the call. `origin` is where the virtual clock begins; any instant will do.
pub fn simulate(
    program: &Arc<Program>,
    names: &Names,
    situation: &Situation,
    origin: Instant,
) -> Result<Simulation, SimulateError> {
    let trunk = trunk(names, situation)?;
    if let Some(outgoing) = outgoing(program, names, situation) {
        return Ok(outgoing);
    }
    let mut world = set_up(program, names, situation, trunk.clone(), origin)?;
    world.begin();
    let mut keys = situation.press.iter();
    let end = origin + LONGEST;
    loop {
        let asked = matches!(world.verb(), Some("menu" | "gather" | "conference" | "callback"));
        match keys.as_slice().first().filter(|_| asked) {
            Some(pressed) => {
                keys.next();
                world.press(pressed);
            }
            None if !world.advance(end) => break,
            None => {}
        }
    }
    let ending = match keys.as_slice() {
        [] => ending(&world),
        left => format!("{}; nobody asked for the keys {}", ending(&world), left.join(", ")),
    };
    let told = world.story.iter().enumerate();
    let steps = told.map(|(at, entry)| simulated(entry.told(program, origin), world.routes.get(&at), &world)).collect();
    Ok(Simulation { trunk, steps, ending })
}

/// The trunk by which the call comes in: extensions come by none.
fn trunk(names: &Names, situation: &Situation) -> Result<Option<String>, SimulateError> {
    let from = &situation.from;
    match &situation.trunk {
        Some(_) if names.extensions.contains(from) => Err(SimulateError::NotFromOutside { from: from.clone() }),
        Some(name) if !names.trunks.contains(name) => {
            let known: Vec<&str> = names.trunks.iter().map(String::as_str).collect();
            Err(SimulateError::UnknownTrunk { name: name.clone(), known: known.join(", ") })
        }
        Some(name) => Ok(Some(name.clone())),
        None if names.extensions.contains(from) => Ok(None),
        None => Ok(names.lines.iter().find(|(_, line)| line.number == situation.to).map(|(trunk, _)| trunk.clone())),
    }
}

/// An extension that calls a number outside walks no flow: the route is all there is to tell.
fn outgoing(program: &Program, names: &Names, situation: &Situation) -> Option<Simulation> {
    let route = program.route_for(&situation.to)?;
    let is_inside = program.flow_for(&situation.to).is_some() || names.extensions.contains(&situation.to);
    if is_inside || !names.extensions.contains(&situation.from) {
        return None;
    }
    let step = SimulatedStep {
        at_ms: 0,
        place: route.place.clone(),
        flow: String::new(),
        step: format!("route \"{}\"", route.pattern),
        reason: format!("over {}", route.describe()),
    };
    Some(Simulation {
        trunk: None,
        steps: vec![step],
        ending: match route.trunks(0).len() {
            0 | 1 => "the call leaves".to_owned(),
            _ => "the call leaves; a trunk that fails is followed by the next".to_owned(),
        },
    })
}

fn set_up<'n>(
    program: &Arc<Program>,
    names: &'n Names,
    situation: &Situation,
    trunk: Option<String>,
    origin: Instant,
) -> Result<World<'n>, SimulateError> {
    let to = situation.to.clone();
    let Some(flow) = program.flow_for(&to) else {
        if names.extensions.contains(&to) {
            return Err(SimulateError::Extension { to });
        }
        let known: Vec<&str> = program.numbers().map(|(number, _)| number).collect();
        let known = known.join(", ");
        return Err(SimulateError::UnknownNumber { to, known });
    };
    let caller = Caller::new(situation.from.clone(), to, trunk);
    let mut world = World::new(program, names, flow, caller, situation.at, origin);
    for (name, state) in &situation.channels {
        if !names.channels.contains(name) {
            let known: Vec<&str> = names.channels.iter().map(String::as_str).collect();
            let (name, known) = (name.clone(), known.join(", "));
            return Err(SimulateError::UnknownChannel { name, known });
        }
        world.change(ChannelChange { after: Duration::ZERO, channel: name.clone(), state: *state });
    }
    Ok(world)
}

fn simulated(told: Told, route: Option<&String>, world: &World<'_>) -> SimulatedStep {
    let at = world.since_start(told.at);
    let route = route.map(|route| format!("over {route}"));
    let reasons = route.into_iter().chain(Some(told.reason).filter(|reason| !reason.is_empty()));
    SimulatedStep {
        at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
        place: told.place,
        flow: told.flow,
        step: told.text,
        reason: reasons.collect::<Vec<_>>().join(": "),
    }
}

fn ending(world: &World<'_>) -> String {
    let mut events = world.events.iter().rev();
    let cause = events.find_map(|event| match event {
        Event::Ended(cause) => Some(*cause),
        _ => None,
    });
    let watched = match world.is_over() {
        true => world.since_start(world.now()),
        false => LONGEST,
    };
    let at = seconds(watched);
    match (cause, world.verb()) {
        (Some(cause), _) => format!("the call ends after {at}: {}", cause.word()),
        (None, Some(verb)) => format!("after {at} the caller is still in `{verb}`"),
        (None, None) => format!("the call ends after {at}"),
    }
}

impl fmt::Display for SimulatedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = seconds(Duration::from_millis(self.at_ms));
        write!(f, "{at:>8}  {}  {}", self.place, self.step)?;
        match self.reason.as_str() {
            "" => Ok(()),
            reason => write!(f, " → {reason}"),
        }
    }
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(trunk) = &self.trunk {
            writeln!(f, "{:>10}the call comes in through trunk `{trunk}`", "")?;
        }
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        write!(f, "{:>10}{}", "", self.ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::example::DESIGN;
    use crate::dialplan::example::names;
    use crate::dialplan::example::program;
    use crate::dialplan::example::start;
    use crate::dialplan::example::with_steps;

    fn situation() -> Situation {
        Situation {
            from: "+5511999998888".to_owned(),
            to: "+551140031234".to_owned(),
            trunk: None,
            at: "2026-11-23T12:39:00-03:00".parse().unwrap(),
            channels: vec![("whatsapp".to_owned(), ChannelState::Down)],
            press: vec!["1".to_owned()],
        }
    }

    #[test]
    fn each_step_is_told_with_its_time_and_reason() {
        let simulation = simulate(&program(DESIGN), &names(), &situation(), start()).unwrap();
        assert_eq!(
            simulation.to_string().lines().collect::<Vec<_>>(),
            [
                "    0.0s  a.kdl:11  answer → the call is answered first",
                "    0.0s  a.kdl:12  if channel=\"whatsapp\" is=\"down\" → yes: it is down",
                "    0.0s  a.kdl:13  play \"whatsapp-down\"",
                "    3.0s  a.kdl:14  message to=\"caller\" \"O WhatsApp esta fora do ar. Voce ja esta falando conosco.\"",
                "    3.0s  a.kdl:16  if hours=\"comercial\" is=\"closed\" → no: it is open",
                "    3.0s  a.kdl:17  menu \"main-menu\" wait=\"5s\" tries=3 → the caller pressed 1",
                "    3.0s  a.kdl:18  queue \"vendas\" up-to=\"90s\"",
                "   93.0s  a.kdl:18  queue \"vendas\" up-to=\"90s\" → the wait was too long",
                "   93.0s  a.kdl:18  go \"recado\"",
                "   93.0s  a.kdl:25  voicemail \"geral\"",
                "  106.0s  a.kdl:26  hangup",
                "          the call ends after 106.0s: normal",
            ]
        );
        let json = serde_json::to_string(&simulation.steps[5]).unwrap();
        assert_eq!(
            json,
            r#"{"at_ms":3000,"place":"a.kdl:17","flow":"entrada","step":"menu \"main-menu\" wait=\"5s\" tries=3","reason":"the caller pressed 1"}"#
        );
    }

    #[test]
    fn the_trunk_that_carries_a_call_to_an_address_is_named() {
        let text = with_steps("dial \"sip:maria@pbx.example\"\nhangup");
        let simulation = simulate(&program(&text), &names(), &situation(), start()).unwrap();
        let way = simulation.steps.iter().find(|step| step.step.starts_with("dial")).unwrap();
        assert!(way.reason.starts_with("over reserva"), "{way:?}");
    }

    #[test]
    fn a_call_comes_in_through_the_trunk_that_is_named_or_through_that_of_the_number() {
        let text = with_steps("if trunk=\"reserva\" { reject \"busy\" }\nhangup")
            + "number \"+551140030000\" flow=\"entrada\"\n";
        let ending = |situation: &Situation| {
            let simulation = simulate(&program(&text), &names(), situation, start()).unwrap();
            (simulation.trunk, simulation.steps[0].reason.clone())
        };
        let no = "no: the call did not come through it".to_owned();
        let yes = "yes: the call came through it".to_owned();
        assert_eq!(ending(&situation()), (None, no.clone()));
        let of_number = Situation { to: "+551140030000".to_owned(), ..situation() };
        assert_eq!(ending(&of_number), (Some("reserva".to_owned()), yes.clone()));
        let named = Situation { trunk: Some("reserva".to_owned()), ..situation() };
        assert_eq!(ending(&named), (Some("reserva".to_owned()), yes));
        let other = Situation { trunk: Some("operadora".to_owned()), ..of_number };
        assert_eq!(ending(&other), (Some("operadora".to_owned()), no));
        let told = simulate(&program(&text), &names(), &named, start()).unwrap().to_string();
        assert!(told.starts_with("          the call comes in through trunk `reserva`\n"), "{told}");
    }

    #[test]
    fn a_trunk_that_is_unknown_and_one_of_an_extension_are_said_to_be_wrong() {
        let wrong =
            |situation: Situation| simulate(&program(DESIGN), &names(), &situation, start()).unwrap_err().to_string();
        let unknown = Situation { trunk: Some("operador".to_owned()), ..situation() };
        assert_eq!(wrong(unknown.clone()), "no trunk is called operador; there are: operadora, reserva");
        let phone = Situation { to: "201".to_owned(), ..situation() };
        assert_eq!(wrong(phone), "201 is an extension: calls from phone to phone walk through no dialplan");
        let inside = Situation { from: "200".to_owned(), ..unknown };
        assert_eq!(wrong(inside.clone()), "200 is an extension: its calls come in through no trunk");
        let out = Situation { to: "+5511988887777".to_owned(), ..inside };
        let refused = simulate(&program(&format!("{ROUTES}{DESIGN}")), &names(), &out, start()).unwrap_err();
        assert_eq!(refused.to_string(), "200 is an extension: its calls come in through no trunk");
    }

    const ROUTES: &str = "route \"+55*\" {\n    trunk \"operadora\" weight=70\n    trunk \"reserva\" weight=30\n}\n";

    #[test]
    fn a_number_outside_is_told_with_the_trunks_that_would_be_tried() {
        let text = format!(
            "number \"+551140031234\" flow=\"a\"\n{ROUTES}flow \"a\" {{ dial \"+5511999998888\" ring-for=\"10s\" }}\n"
        );
        let simulation = simulate(&program(&text), &names(), &situation(), start()).unwrap();
        assert_eq!(simulation.steps[0].reason, "over operadora (70 %) or reserva (30 %)");
    }

    #[test]
    fn an_extension_that_calls_outside_takes_a_route() {
        let text = format!("{ROUTES}{DESIGN}");
        let to = "+5511988887777".to_owned();
        let outgoing = Situation { from: "200".to_owned(), to, ..situation() };
        let simulation = simulate(&program(&text), &names(), &outgoing, start()).unwrap();
        assert_eq!(
            simulation.to_string().lines().next().unwrap(),
            "    0.0s  a.kdl:1  route \"+55*\" → over operadora (70 %) or reserva (30 %)"
        );
        let stranger = Situation { from: "+5511977776666".to_owned(), ..outgoing };
        assert!(simulate(&program(&text), &names(), &stranger, start()).is_err());
    }

    #[test]
    fn a_queue_that_nobody_answers_is_not_watched_for_ever() {
        let text = with_steps("queue \"vendas\"");
        let quiet = Situation { press: Vec::new(), ..situation() };
        let simulation = simulate(&program(&text), &names(), &quiet, start()).unwrap();
        assert_eq!(simulation.ending, "after 1800.0s the caller is still in `queue`");
    }

    #[test]
    fn keys_that_nobody_asked_for_are_named() {
        let press = vec!["1".to_owned(), "2".to_owned()];
        let simulation = simulate(&program(DESIGN), &names(), &Situation { press, ..situation() }, start()).unwrap();
        assert_eq!(simulation.ending, "the call ends after 106.0s: normal; nobody asked for the keys 2");
    }

    #[test]
    fn an_unknown_number_is_answered_with_the_known_ones() {
        let situation = Situation { to: "+551100000000".to_owned(), ..situation() };
        let error = simulate(&program(DESIGN), &names(), &situation, start()).unwrap_err();
        assert_eq!(error.to_string(), "no `number` of the dialplan is +551100000000; its numbers are: +551140031234");
    }
}
