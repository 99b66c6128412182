//! `dial`: rings phones, together or one after the other, until somebody takes the call.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::compile::Compiler;
use crate::dialplan::dial_order::Acceptance;
use crate::dialplan::dial_order::Announcement;
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::dial_order::Meanwhile;
use crate::dialplan::dial_order::ShownCaller;
use crate::dialplan::fill::Filled;
use crate::dialplan::happening::DialOutcome;
use crate::dialplan::kind::Kind;
use crate::dialplan::names::Shows;
use crate::dialplan::order::DialTarget;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::program::StepId;
use crate::dialplan::template::Template;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Dial;

const RING_FOR: Duration = Duration::from_secs(30);
/// Each may have several phones, and each phone is a leg of the call.
const MOST_TOGETHER: usize = 20;
/// Letters of a name on a display.
const LONGEST_NAME: usize = 64;

impl Verb for Dial {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "dial",
    help: "Rings somebody. When their talk is over, the call ends. Several are rung one after the other, or together: then the first who takes the call has it, and the other phones show no missed call.",
    arguments: &[Parameter::repeated(
        "target",
        Kind::Target,
        "whom to ring; one after the other, the branches speak of the last",
    )],
    properties: &[
        Parameter::optional("ring", Kind::Word(&["in-turn", "together"]), "in-turn", "how several are rung"),
        Parameter::optional("ring-for", Kind::Duration, "30s", "how long each phone rings"),
        Parameter::optional(
            "caller-id",
            Kind::OwnNumber,
            "the caller's number, as far as the trunk shows it",
            "the number that the phones show",
        ),
        Parameter::optional("caller-name", Kind::Text, "the caller's", "the name that phones of ours show"),
        Parameter::optional(
            "announce",
            Kind::Prompt,
            "nothing",
            "what whoever answers hears before the two are joined; the caller hears ringing until then",
        ),
        Parameter::optional(
            "accept-key",
            Kind::Key,
            "whoever answers has the call",
            "only who presses this key after `announce` has it, within 8s, asked twice; another key declines. The other phones ring until then",
        ),
        Parameter::optional("music", Kind::Music, "the ringing tone", "what the caller hears meanwhile"),
        Parameter::optional("up-to", Kind::Duration, "as long as they like", "the longest talk"),
    ],
    children: Children::Branches(&[
        Branch::new(
            "no-answer",
            "a phone rang for as long as `ring-for` says, or its owner did not press `accept-key`",
        ),
        Branch::new("busy", "the line is busy").at_once(),
        Branch::new("declined", "the call was declined, also by hanging up on the announcement").at_once(),
        Branch::new("unreachable", "no phone of the extension is registered").at_once(),
        Branch::new("failed", "the number does not exist, or the trunk refused").at_once(),
        Branch { default: "the call ends", ..Branch::new("too-long", "they have talked for as long as `up-to` says") },
    ]),
    after: After::BranchOrNext,
    time: Time::Takes,
    example: "dial \"200\" \"201\" ring=\"together\" ring-for=\"20s\" caller-name=\"Loja {caller}\" {\n    no-answer { voicemail \"geral\" }\n    busy { play \"all-busy\" }\n}\nhangup",
    ..Sheet::PLAIN
};

impl Compile for Dial {
    fn check_among(&self, filled: &Filled, compiler: &Compiler<'_>) -> Vec<(String, String)> {
        let targets = filled.targets("target");
        let mut wrong = Vec::new();
        if filled.has("accept-key") && !filled.has("announce") {
            wrong.push((
                "`accept-key` stands without `announce`".to_owned(),
                "Add the prompt that says which key takes the call.".to_owned(),
            ));
        }
        if filled.branch("too-long").is_some() && !filled.has("up-to") {
            wrong.push((
                "`too-long` stands without `up-to`".to_owned(),
                "Say how long they may talk: `up-to=\"30m\"`.".to_owned(),
            ));
        }
        if is_together(filled) && targets.len() > MOST_TOGETHER {
            wrong.push((
                format!("{} cannot ring together", targets.len()),
                format!("At most {MOST_TOGETHER} can; make them agents of a queue with the strategy `ring-all`."),
            ));
        }
        let number = filled.maybe_text("caller-id");
        wrong.extend(number.into_iter().flat_map(|number| hidden_by(&number, &targets, compiler)));
        wrong
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let outcomes = [
            ("no-answer", DialOutcome::NoAnswer),
            ("busy", DialOutcome::Busy),
            ("declined", DialOutcome::Declined),
            ("unreachable", DialOutcome::Unreachable),
            ("failed", DialOutcome::Failed),
        ];
        let branches = outcomes.into_iter();
        let branches = branches.filter_map(|(name, outcome)| Some((outcome, filled.branch(name)?)));
        let targets = filled.targets("target");
        Box::new(Ring {
            rounds: match is_together(filled) {
                true => vec![targets],
                false => targets.into_iter().map(|target| vec![target]).collect(),
            },
            ring_for: filled.maybe_duration("ring-for").unwrap_or(RING_FOR),
            number: filled.maybe_text("caller-id"),
            name: filled.has("caller-name").then(|| filled.template("caller-name")),
            announce: filled.maybe_text("announce"),
            acceptance: filled.maybe_key("accept-key").map_or(Acceptance::ByAnswer, Acceptance::ByKey),
            meanwhile: filled.maybe_text("music").map_or(Meanwhile::Ringback, Meanwhile::Music),
            up_to: filled.maybe_duration("up-to"),
            branches: branches.collect(),
            too_long: filled.branch("too-long"),
        })
    }
}

fn is_together(filled: &Filled) -> bool {
    filled.maybe_word("ring") == Some("together")
}

/// Trunks that would carry the call and show their own number whatever the dialplan says.
fn hidden_by(number: &str, targets: &[DialTarget], compiler: &Compiler<'_>) -> Vec<(String, String)> {
    let mut hidden = Vec::new();
    for target in targets {
        for trunk in trunks_towards(target, compiler) {
            let line = compiler.names.lines.get(trunk);
            let Some(line) = line.filter(|line| line.shows == Shows::ItsOwn && line.number != number) else { continue };
            hidden.push((
                format!("trunk `{trunk}` shows {} and not {number}", line.number),
                format!("Its `caller_id_pass` is false. Write `caller-id=\"{}\"`, or leave it out.", line.number),
            ));
        }
    }
    hidden.dedup();
    hidden
}

fn trunks_towards<'a>(target: &'a DialTarget, compiler: &'a Compiler<'_>) -> Vec<&'a str> {
    match target {
        DialTarget::Number(called) => {
            compiler.routes.route_for(called).map(|route| route.trunks(0)).unwrap_or_default()
        }
        DialTarget::Address { trunks, .. } => trunks.iter().map(String::as_str).collect(),
        DialTarget::Extension(_) | DialTarget::Device { .. } => Vec::new(),
    }
}

#[derive(Debug)]
struct Ring {
    /// The targets of each ring together.
    rounds: Vec<Vec<DialTarget>>,
    ring_for: Duration,
    number: Option<String>,
    name: Option<Template>,
    announce: Option<String>,
    acceptance: Acceptance,
    meanwhile: Meanwhile,
    up_to: Option<Duration>,
    branches: Vec<(DialOutcome, StepId)>,
    too_long: Option<StepId>,
}

/// Below these bits a stage counts who hears the announcement.
const OVERDUE: u8 = 0x80;
const TALKING: u8 = 0x40;
const LISTENERS: u8 = 0x3f;

impl Action for Ring {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        self.ring(moment)
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::TimeUp => self.on_time_up(moment),
            News::DialEnded(outcome) => self.after(outcome, moment),
            News::CalleeListens => {
                moment.memory.stage += u8::from(moment.memory.stage & LISTENERS < LISTENERS);
                moment.note(Reason::CalleeListens);
                Turn::Wait
            }
            News::CalleeLeft => self.on_callee_left(moment),
            News::TalkStarted => {
                moment.memory.stage = TALKING;
                match self.up_to {
                    Some(up_to) => moment.wake_in(up_to, "they talk, and may not for longer"),
                    None => moment.sleep_no_more(),
                }
                moment.note(Reason::TalkStarted);
                Turn::Wait
            }
            News::TalkEnded => {
                moment.note(Reason::TalkEnded);
                Turn::End(HangupCause::Normal)
            }
            _ => Turn::Wait,
        }
    }
}

impl Ring {
    fn ring(&self, moment: &mut Moment<'_>) -> Turn {
        let Some(targets) = self.rounds.get(usize::from(moment.memory.round)) else {
            return Turn::Next;
        };
        moment.memory.stage = 0;
        let name = self.name.as_ref().map(|name| on_display(&moment.fill(name)));
        let announcement = self.announce.as_ref().map(|prompt| Announcement {
            prompt: prompt.clone(),
            language: moment.memory.language.clone(),
            acceptance: self.acceptance,
        });
        moment.order(Order::Dial(Box::new(DialOrder {
            targets: targets.clone(),
            ring_for: self.ring_for,
            shown: ShownCaller { number: self.number.clone(), name },
            announcement,
            meanwhile: self.meanwhile.clone(),
        })));
        moment.wake_in(self.ring_for, "the phone rings and nobody has answered");
        Turn::Wait
    }

    /// Nobody is interrupted who is just hearing what the call is about.
    fn on_time_up(&self, moment: &mut Moment<'_>) -> Turn {
        match moment.memory.stage {
            TALKING => {
                moment.note(Reason::TalkTooLong);
                moment.order(Order::EndTalk);
                self.too_long.map_or(Turn::End(HangupCause::Normal), Turn::To)
            }
            0 => self.give_up(moment),
            _ => {
                moment.memory.stage |= OVERDUE;
                Turn::Wait
            }
        }
    }

    fn on_callee_left(&self, moment: &mut Moment<'_>) -> Turn {
        moment.note(Reason::CalleeLeft);
        moment.memory.stage -= u8::from(moment.memory.stage & LISTENERS > 0);
        if moment.memory.stage == OVERDUE { self.give_up(moment) } else { Turn::Wait }
    }

    fn give_up(&self, moment: &mut Moment<'_>) -> Turn {
        moment.order(Order::StopDialling);
        self.after(DialOutcome::NoAnswer, moment)
    }

    fn after(&self, outcome: DialOutcome, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        moment.note(Reason::Dial(outcome));
        moment.memory.round += 1;
        if usize::from(moment.memory.round) < self.rounds.len() {
            return self.ring(moment);
        }
        let branch = self.branches.iter().find(|(known, _)| *known == outcome);
        branch.map_or(Turn::Next, |(_, entry)| Turn::To(*entry))
    }
}

/// What comes from a caller is cut, and breaks no header.
fn on_display(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect()
}
