//! `voicemail`: the caller leaves a message.

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
pub(super) struct Voicemail;

impl Verb for Voicemail {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "voicemail",
    help: "Asks for a message after the tone and records it until silence, `#`, or the longest length.",
    arguments: &[Parameter::required("mailbox", Kind::Name, "under which name the message is kept")],
    time: Time::Takes,
    needs: Needs::Answer,
    speaks_with: &["voicemail"],
    example: "voicemail \"geral\"",
    ..Sheet::PLAIN
};

impl Compile for Voicemail {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        mailbox_name::faults(&filled.text("mailbox"))
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Take { mailbox: filled.text("mailbox") })
    }
}

#[derive(Debug)]
struct Take {
    mailbox: String,
}

impl Action for Take {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        // A key pressed earlier must not end the recording.
        moment.memory.digits.clear();
        moment.order(Order::Voicemail { mailbox: self.mailbox.clone(), language: moment.memory.language.clone() });
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::VoicemailDone => {
                moment.memory.digits.clear();
                Turn::Next
            }
            _ => Turn::Wait,
        }
    }
}
