//! `gather`: the caller types a number that later steps use.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Order;
use crate::dialplan::program::StepId;
use crate::dialplan::template::VariableId;
use crate::dialplan::trail::Reason;
use crate::dialplan::variable::VariableKind;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;
use crate::dialplan::verb::Yields;

#[derive(Debug)]
pub(super) struct Gather;

const WAIT: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;
/// The key that says "that is all".
const FINISH: char = '#';

impl Verb for Gather {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "gather",
    help: "Plays a prompt and takes the digits that the caller types, until there are enough, `#` is pressed, or a pause follows.",
    arguments: &[Parameter::required("prompt", Kind::Prompt, "what is asked for")],
    properties: &[
        Parameter::required("into", Kind::Variable, "the name by which later texts call it: `{name}`"),
        Parameter::required("digits", Kind::Integer { least: 1, most: 32 }, "how many digits are taken at most"),
        Parameter::optional("wait", Kind::Duration, "5s", "the longest pause, after the prompt and between digits"),
        Parameter::optional(
            "tries",
            Kind::Integer { least: 1, most: 10 },
            "3",
            "how often the prompt is played while nothing is typed",
        ),
    ],
    children: Children::Branches(&[Branch {
        default: "the walk goes on with the next step and the variable is empty",
        ..Branch::new("timeout", "after the last try, if nothing was typed")
    }]),
    after: After::Next,
    time: Time::Takes,
    needs: Needs::Answer,
    yields: Some(Yields {
        parameter: "into",
        kind: Some(VariableKind::Digits),
        help: "what was typed; empty after silence",
    }),
    example: "gather \"main-menu\" into=\"pedido\" digits=6 {\n    timeout { hangup }\n}\nsay digits=\"{pedido}\"",
    ..Sheet::PLAIN
};

impl Compile for Gather {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Entry {
            prompt: filled.text("prompt"),
            into: filled.variable("into"),
            most: filled.integer("digits"),
            wait: filled.maybe_duration("wait").unwrap_or(WAIT),
            tries: filled.maybe_integer("tries").unwrap_or(TRIES),
            timeout: filled.branch("timeout"),
        })
    }
}

#[derive(Debug)]
struct Entry {
    prompt: String,
    into: VariableId,
    most: u32,
    wait: Duration,
    tries: u32,
    timeout: Option<StepId>,
}

const ASKING: u8 = 0;
const WAITING: u8 = 1;

impl Action for Entry {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        self.ask(moment)
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (news, moment.memory.stage) {
            (News::PlayFinished, ASKING) => {
                moment.memory.stage = WAITING;
                self.await_digit(moment);
                Turn::Wait
            }
            (News::Digit, ASKING) => {
                moment.order(Order::StopPlaying);
                moment.memory.stage = WAITING;
                self.take_or_wait(moment)
            }
            (News::Digit, _) => self.take_or_wait(moment),
            (News::TimeUp, _) if moment.memory.digits.is_empty() => self.on_silence(moment),
            (News::TimeUp, _) => self.take(moment),
            _ => Turn::Wait,
        }
    }
}

impl Entry {
    fn ask(&self, moment: &mut Moment<'_>) -> Turn {
        if !moment.memory.digits.is_empty() {
            moment.memory.stage = WAITING;
            return self.take_or_wait(moment);
        }
        moment.memory.stage = ASKING;
        moment.play(vec![self.prompt.clone()], None);
        Turn::Wait
    }

    fn await_digit(&self, moment: &mut Moment<'_>) {
        moment.wake_in(self.wait, "the caller has not typed the next digit");
    }

    fn take_or_wait(&self, moment: &mut Moment<'_>) -> Turn {
        let digits = &moment.memory.digits;
        if digits.len() >= self.most as usize || digits.contains(&FINISH) {
            return self.take(moment);
        }
        self.await_digit(moment);
        Turn::Wait
    }

    /// Takes what belongs to this entry; what was typed beyond it stays for the next step.
    fn take(&self, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        let mut value = String::new();
        while value.len() < self.most as usize {
            match moment.take_digit() {
                None | Some(FINISH) => break,
                Some(digit) => value.push(digit),
            }
        }
        // The `#` after a full number belongs to it.
        if moment.memory.digits.first() == Some(&FINISH) && value.len() == self.most as usize {
            moment.take_digit();
        }
        moment.set_variable(self.into, value);
        moment.note(Reason::Gathered);
        Turn::Next
    }

    fn on_silence(&self, moment: &mut Moment<'_>) -> Turn {
        moment.note(Reason::Silence);
        if u32::from(moment.memory.round) + 1 < self.tries {
            moment.memory.round += 1;
            return self.ask(moment);
        }
        moment.set_variable(self.into, String::new());
        self.timeout.map_or(Turn::Next, Turn::To)
    }
}
