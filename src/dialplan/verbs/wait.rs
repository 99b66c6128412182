//! `wait`: nothing happens for a while.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Wait;

impl Verb for Wait {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "wait",
    help: "Lets time pass in silence.",
    arguments: &[Parameter::required("time", Kind::Duration, "how long")],
    time: Time::Takes,
    example: "answer\nwait \"500ms\"",
    ..Sheet::PLAIN
};

impl Compile for Wait {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Pause(filled.duration("time")))
    }
}

#[derive(Debug)]
struct Pause(Duration);

impl Action for Pause {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.wake_in(self.0, "the dialplan waits");
        Turn::Wait
    }

    fn on(&self, news: News, _moment: &mut Moment<'_>) -> Turn {
        match news {
            News::TimeUp => Turn::Next,
            _ => Turn::Wait,
        }
    }
}
