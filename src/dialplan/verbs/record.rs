//! `record`: the call is recorded from here on, both sides of it.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Consent;
use crate::dialplan::order::Order;
use crate::dialplan::order::RecordOrder;
use crate::dialplan::template::Template;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;
use crate::media::both_sides::Channels;

#[derive(Debug)]
pub(super) struct Record;

const ACTIONS: &[&str] = &["start", "pause", "resume", "stop"];
const CHANNELS: &[&str] = &["mono", "stereo"];

impl Verb for Record {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "record",
    help: "Records the call from here on, through queues, talks and transfers, to its end or to `record \"stop\"`.",
    arguments: &[Parameter::optional(
        "action",
        Kind::Word(ACTIONS),
        "start",
        "a pause is cut out: the file goes on at `resume` as if no time had passed",
    )],
    properties: &[
        Parameter::optional(
            "channels",
            Kind::Word(CHANNELS),
            "mono",
            "both sides mixed, or the caller left and what he hears right",
        ),
        Parameter::optional("name", Kind::Text, "none", "what the list of recordings calls it"),
        Parameter::optional("notice", Kind::Prompt, "nothing", "what the caller hears before the recording begins"),
    ],
    needs: Needs::Answer,
    example: "record channels=\"stereo\" name=\"{caller}\" notice=\"recording-notice\"\nqueue \"vendas\"",
    ..Sheet::PLAIN
};

impl Compile for Record {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let action = filled.maybe_word("action").unwrap_or("start");
        let given = ["channels", "name", "notice"].into_iter().filter(|name| filled.has(name));
        let of_start = given.filter(|_| action != "start").map(|name| {
            let hint = format!("Write `{name}` where the recording begins.");
            (format!("`record \"{action}\"` does not take `{name}`"), hint)
        });
        of_start.collect()
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let action = match filled.maybe_word("action").unwrap_or("start") {
            "pause" => Ordered::Other(RecordOrder::Pause),
            "resume" => Ordered::Other(RecordOrder::Resume),
            "stop" => Ordered::Other(RecordOrder::Stop),
            _ => Ordered::Start {
                channels: filled.maybe_word("channels").and_then(Channels::named).unwrap_or(Channels::Mono),
                name: filled.has("name").then(|| filled.template("name")),
                notice: filled.maybe_text("notice"),
            },
        };
        Box::new(action)
    }
}

#[derive(Debug)]
enum Ordered {
    Start { channels: Channels, name: Option<Template>, notice: Option<String> },
    Other(RecordOrder),
}

/// Letters of a name that are kept.
const LONGEST_NAME: usize = 100;

impl Action for Ordered {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        match self {
            Ordered::Start { .. } if moment.memory.consent == Some(Consent::Refused) => {
                moment.note(Reason::NotRecorded);
                Turn::Next
            }
            Ordered::Start { notice: Some(notice), .. } => {
                moment.play(vec![notice.clone()], None);
                Turn::Wait
            }
            Ordered::Start { channels, name, notice: None } => start(*channels, name.as_ref(), moment),
            Ordered::Other(order) => {
                moment.order(Order::Record(order.clone()));
                Turn::Next
            }
        }
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (self, news) {
            (Ordered::Start { channels, name, .. }, News::PlayFinished) => start(*channels, name.as_ref(), moment),
            _ => Turn::Wait,
        }
    }
}

fn start(channels: Channels, name: Option<&Template>, moment: &mut Moment<'_>) -> Turn {
    let name = name.map(|name| moment.fill(name).chars().take(LONGEST_NAME).collect());
    moment.order(Order::Record(RecordOrder::Start { name, channels }));
    Turn::Next
}
