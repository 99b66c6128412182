//! `tone`: what a telephone exchange would be heard saying.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Order;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;
use crate::media::tone::Signal;

#[derive(Debug)]
pub(super) struct Tone;

const TONES: &[&str] = &["ringback", "busy", "congestion", "beep"];
const LASTS: Duration = Duration::from_secs(5);

impl Verb for Tone {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "tone",
    help: "Plays a tone of the telephone network: over and over for its time, a `beep` once.",
    arguments: &[Parameter::required("tone", Kind::Word(TONES), "which one")],
    properties: &[Parameter::optional("up-to", Kind::Duration, "5s", "how long; a `beep` ends by itself")],
    time: Time::Takes,
    needs: Needs::Audio,
    example: "progress\ntone \"busy\" up-to=\"10s\"\nreject \"busy\"",
    ..Sheet::PLAIN
};

impl Compile for Tone {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        match filled.maybe_word("tone") == Some("beep") && filled.has("up-to") {
            true => vec![("a beep is heard once".to_owned(), "Leave `up-to` out.".to_owned())],
            false => Vec::new(),
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let signal = match filled.word("tone") {
            "ringback" => Signal::Ringback,
            "busy" => Signal::Busy,
            "congestion" => Signal::Congestion,
            _ => Signal::Beep,
        };
        Box::new(Sound { signal, up_to: filled.maybe_duration("up-to").unwrap_or(LASTS) })
    }
}

#[derive(Debug)]
struct Sound {
    signal: Signal,
    up_to: Duration,
}

impl Action for Sound {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.order(Order::Tone { signal: self.signal });
        if self.signal != Signal::Beep {
            moment.wake_in(self.up_to, "a tone is heard");
        }
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::PlayFinished => Turn::Next,
            News::TimeUp => {
                moment.order(Order::StopPlaying);
                Turn::Next
            }
            _ => Turn::Wait,
        }
    }
}
