//! `menu`: the caller chooses with one key.
//!
//! A key pressed while the prompt plays stops it; one pressed before the menu began is taken without a word.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Order;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Menu;

const WAIT: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;
/// Played after a wrong key, where it exists.
const INVALID_KEY: &str = "invalid-key";

impl Verb for Menu {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "menu",
    help: "Plays a prompt and lets the caller choose with one key. A key stops the prompt; keys pressed earlier count.",
    arguments: &[Parameter::required("prompt", Kind::Prompt, "what the choices are")],
    properties: &[
        Parameter::optional("wait", Kind::Duration, "5s", "how long to wait for a key after the prompt"),
        Parameter::optional(
            "tries",
            Kind::Integer { least: 1, most: 10 },
            "3",
            "how often the prompt is played; a wrong key uses up a try",
        ),
    ],
    children: Children::Branches(&[
        Branch {
            value: Some(Kind::Key),
            default: "the key is a wrong one: the prompt is played again",
            ..Branch::new("key", "what this key does")
        },
        Branch {
            default: "the caller hears `goodbye` and the call ends",
            ..Branch::new("otherwise", "after the last try, whether keys were wrong or none was pressed")
        },
        Branch {
            ..Branch::new("timeout", "after the last try, if no key was pressed then").or("otherwise", "as `otherwise`")
        },
    ]),
    after: After::BranchesOnly,
    time: Time::Takes,
    needs: Needs::Answer,
    example: "menu \"main-menu\" wait=\"5s\" tries=3 {\n    key \"1\" { queue \"vendas\" }\n    otherwise { voicemail \"geral\" }\n}",
    ..Sheet::PLAIN
};

impl Compile for Menu {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        if filled.branches.iter().any(|branch| branch.name == "key") {
            return Vec::new();
        }
        let help = "Write a `key \"1\" { … }` for each choice; to play a prompt only, use `play`.";
        vec![("this menu offers no key".to_owned(), help.to_owned())]
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let keys = filled.branches.iter().filter_map(|branch| Some((branch.key?, branch.entry)));
        Box::new(Choice {
            prompt: filled.text("prompt"),
            wait: filled.maybe_duration("wait").unwrap_or(WAIT),
            tries: filled.maybe_integer("tries").unwrap_or(TRIES),
            keys: keys.collect(),
            otherwise: filled.branch("otherwise"),
            timeout: filled.branch("timeout"),
        })
    }
}

#[derive(Debug)]
struct Choice {
    prompt: String,
    wait: Duration,
    tries: u32,
    keys: Vec<(char, StepId)>,
    otherwise: Option<StepId>,
    timeout: Option<StepId>,
}

const ASKING: u8 = 0;
const WAITING: u8 = 1;
const CORRECTING: u8 = 2;

impl Action for Choice {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        self.ask(moment)
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (news, moment.memory.stage) {
            (News::PlayFinished, ASKING) => {
                moment.memory.stage = WAITING;
                moment.wake_in(self.wait, "the caller has not chosen a key");
                Turn::Wait
            }
            (News::PlayFinished, CORRECTING) => self.ask(moment),
            (News::Digit, WAITING) => self.take(moment),
            (News::Digit, _) => {
                moment.order(Order::StopPlaying);
                self.take(moment)
            }
            (News::TimeUp, _) => {
                moment.note(Reason::Silence);
                self.try_again(self.timeout.or(self.otherwise), moment)
            }
            _ => Turn::Wait,
        }
    }
}

impl Choice {
    fn ask(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.stage = ASKING;
        if !moment.memory.digits.is_empty() {
            return self.take(moment);
        }
        moment.play(vec![self.prompt.clone()], None);
        Turn::Wait
    }

    fn take(&self, moment: &mut Moment<'_>) -> Turn {
        let Some(key) = moment.take_digit() else {
            return Turn::Wait;
        };
        moment.sleep_no_more();
        if let Some((_, entry)) = self.keys.iter().find(|(known, _)| *known == key) {
            moment.note(Reason::Pressed(key));
            return Turn::To(*entry);
        }
        moment.note(Reason::WrongKey(key));
        if self.is_last_try(moment) || !moment.speaks(INVALID_KEY) {
            return self.try_again(self.otherwise, moment);
        }
        moment.memory.round += 1;
        moment.memory.stage = CORRECTING;
        moment.play(vec![INVALID_KEY.to_owned()], None);
        Turn::Wait
    }

    fn try_again(&self, last_way_out: Option<StepId>, moment: &mut Moment<'_>) -> Turn {
        if self.is_last_try(moment) {
            return last_way_out.map_or(Turn::Goodbye, Turn::To);
        }
        moment.memory.round += 1;
        self.ask(moment)
    }

    fn is_last_try(&self, moment: &Moment<'_>) -> bool {
        u32::from(moment.memory.round) + 1 >= self.tries
    }
}
