//! `mailbox`: the messages of a mailbox are listened to.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::mailbox_name;
use crate::dialplan::order::Order;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Mailbox;

impl Verb for Mailbox {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "mailbox",
    help: "Lets the caller listen to a mailbox and record its greeting. Phones of its owner come in at once; others type the PIN of its `[[mailbox]]`.",
    arguments: &[Parameter::required("mailbox", Kind::Name, "the name that `voicemail` gives it")],
    time: Time::Takes,
    needs: Needs::Answer,
    // Each is somewhere all that is said, and what follows waits for its end.
    speaks_with: &[
        "mailbox-menu",
        "mailbox-pin",
        "mailbox-wrong-pin",
        "mailbox-new",
        "mailbox-old",
        "mailbox-from",
        "mailbox-at",
        "mailbox-keys",
        "mailbox-deleted",
        "mailbox-no-more",
        "mailbox-greeting",
        "mailbox-greeting-saved",
        "thank-you",
    ],
    example: "mailbox \"geral\"\nhangup",
    ..Sheet::PLAIN
};

impl Compile for Mailbox {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        mailbox_name::faults(&filled.text("mailbox"))
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Listen { mailbox: filled.text("mailbox") })
    }
}

#[derive(Debug)]
struct Listen {
    mailbox: String,
}

impl Action for Listen {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.digits.clear();
        moment.order(Order::Mailbox { mailbox: self.mailbox.clone(), language: moment.memory.language.clone() });
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::MailboxLeft => {
                moment.memory.digits.clear();
                Turn::Next
            }
            _ => Turn::Wait,
        }
    }
}
