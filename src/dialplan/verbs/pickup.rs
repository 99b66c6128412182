//! `pickup`: takes whoever is parked in a slot.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::program::StepId;
use crate::dialplan::template::Template;
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
pub(super) struct Pickup;

impl Verb for Pickup {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "pickup",
    help: "Connects the caller with whoever is parked in a slot, into whose call he goes; this flow ends with it.",
    arguments: &[Parameter::required("slot", Kind::Text, "its number, or a variable that holds it")],
    children: Children::Branches(&[Branch::new("nobody", "nobody is parked there").at_once()]),
    after: After::BranchOrNext,
    time: Time::Takes,
    needs: Needs::Answer,
    example: "gather \"welcome\" into=\"slot\" digits=3\npickup \"{slot}\" {\n    nobody { play \"nobody-available\" }\n}\nhangup",
    ..Sheet::PLAIN
};

impl Compile for Pickup {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(TakeFrom { slot: filled.template("slot"), nobody: filled.branch("nobody") })
    }
}

#[derive(Debug)]
struct TakeFrom {
    slot: Template,
    nobody: Option<StepId>,
}

impl Action for TakeFrom {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let slot = moment.fill(&self.slot);
        moment.order(Order::PickUp { slot });
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::PickUpFailed => {
                moment.note(Reason::NobodyParked);
                self.nobody.map_or(Turn::Next, Turn::To)
            }
            News::TalkStarted => {
                moment.note(Reason::PickedUp);
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
