//! `echo`: the caller hears himself, to try a line.

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

#[derive(Debug)]
pub(super) struct Echo;

const UP_TO: Duration = Duration::from_secs(60);

impl Verb for Echo {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "echo",
    help: "Sends the caller's own voice back, to try a line and its delay. `#` ends it early.",
    properties: &[Parameter::optional("up-to", Kind::Duration, "60s", "how long")],
    time: Time::Takes,
    needs: Needs::Answer,
    example: "echo up-to=\"30s\"",
    ..Sheet::PLAIN
};

impl Compile for Echo {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Mirror { up_to: filled.maybe_duration("up-to").unwrap_or(UP_TO) })
    }
}

#[derive(Debug)]
struct Mirror {
    up_to: Duration,
}

impl Action for Mirror {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.digits.clear();
        moment.order(Order::Echo);
        moment.wake_in(self.up_to, "the caller hears himself");
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        let ended = match news {
            News::TimeUp => true,
            News::Digit => moment.take_digit() == Some('#'),
            _ => false,
        };
        if !ended {
            return Turn::Wait;
        }
        moment.sleep_no_more();
        moment.order(Order::StopPlaying);
        Turn::Next
    }
}
