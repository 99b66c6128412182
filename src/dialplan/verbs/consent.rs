//! `consent`: the caller hears that he is recorded, and may refuse.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Consent as Answer;
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
pub(super) struct Consent;

const WAIT: Duration = Duration::from_secs(4);

impl Verb for Consent {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "consent",
    help: "Tells the caller that the call is recorded, and lets him refuse or asks for his yes. The answer stands in the record of the call. After a no nothing records it: no `record`, no queue, and no order of the API.",
    arguments: &[Parameter::required("notice", Kind::Prompt, "what the caller hears; it names the key")],
    properties: &[
        Parameter::optional(
            "refuse-key",
            Kind::Key,
            "there must be an `accept-key`",
            "whoever does not press it agrees",
        ),
        Parameter::optional(
            "accept-key",
            Kind::Key,
            "there must be a `refuse-key`",
            "whoever does not press it refuses",
        ),
        Parameter::optional("wait", Kind::Duration, "4s", "how long to wait for the key after the notice"),
    ],
    children: Children::Branches(&[
        Branch::new("given", "the caller may be recorded"),
        Branch::new("refused", "the caller may not be recorded"),
    ]),
    after: After::BranchOrNext,
    time: Time::Takes,
    needs: Needs::Audio,
    example: "consent \"recording-notice\" refuse-key=\"9\" {\n    refused { tag \"recording\" \"refused\" }\n}\nrecord name=\"{caller}\"\nqueue \"vendas\"",
    ..Sheet::PLAIN
};

impl Compile for Consent {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        match (filled.has("refuse-key"), filled.has("accept-key")) {
            (false, false) => vec![(
                "this `consent` leaves the caller no choice".to_owned(),
                "Add `refuse-key=\"9\"`, or `accept-key=\"1\"` where the law wants a spoken yes.".to_owned(),
            )],
            (true, true) => vec![(
                "`refuse-key` and `accept-key` stand side by side".to_owned(),
                "Keep one: what silence means follows from it.".to_owned(),
            )],
            _ => Vec::new(),
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let (key, silence) = match filled.maybe_key("accept-key") {
            Some(key) => (Some(key), Answer::Refused),
            None => (filled.maybe_key("refuse-key"), Answer::Given),
        };
        Box::new(Ask {
            notice: filled.text("notice"),
            key,
            silence,
            wait: filled.maybe_duration("wait").unwrap_or(WAIT),
            given: filled.branch("given"),
            refused: filled.branch("refused"),
        })
    }
}

#[derive(Debug)]
struct Ask {
    notice: String,
    key: Option<char>,
    /// What it means that this key is not pressed.
    silence: Answer,
    wait: Duration,
    given: Option<StepId>,
    refused: Option<StepId>,
}

impl Action for Ask {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.play(vec![self.notice.clone()], None);
        Turn::Wait
    }

    /// What was pressed before the notice is no answer to it, and another key is one for a later menu.
    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::PlayFinished => {
                moment.wake_in(self.wait, "the caller may still press a key about the recording");
                Turn::Wait
            }
            News::Digit if moment.memory.digits.last().copied() == self.key => {
                moment.memory.digits.pop();
                moment.order(Order::StopPlaying);
                self.conclude(self.silence.opposite(), moment)
            }
            News::Digit => {
                moment.order(Order::StopPlaying);
                self.conclude(self.silence, moment)
            }
            News::TimeUp => self.conclude(self.silence, moment),
            _ => Turn::Wait,
        }
    }
}

impl Ask {
    fn conclude(&self, answer: Answer, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        moment.note(Reason::Consent(answer));
        moment.memory.consent = Some(answer);
        moment.order(Order::Consent(answer));
        let branch = match answer {
            Answer::Given => self.given,
            Answer::Refused => self.refused,
        };
        branch.map_or(Turn::Next, Turn::To)
    }
}
