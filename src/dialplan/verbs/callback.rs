//! `callback`: the caller need not wait; he is called back when it is his turn.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::Booking;
use crate::dialplan::order::Order;
use crate::dialplan::program::HoursId;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;
use crate::media::speech;

#[derive(Debug)]
pub(super) struct Callback;

impl Verb for Callback {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "callback",
    help: "Books a call back to the caller, at the place that he has in the queue. He is called when an agent is free and nobody \
           who waits has waited longer, hears who calls, and presses 1. One booking a number.",
    arguments: &[Parameter::required("queue", Kind::Queue, "whose agents talk to him")],
    properties: &[
        Parameter::optional(
            "offer",
            Kind::Prompt,
            "he is not asked: coming here is his wish",
            "what offers it; 1 takes it, any other key and silence decline",
        ),
        Parameter::optional(
            "confirm",
            Kind::Prompt,
            "the number that he shows is taken",
            "played before his number is read to him; 1 keeps it, any other key asks for another",
        ),
        Parameter::optional(
            "enter",
            Kind::Prompt,
            "without a number that he shows, it fails",
            "what asks for a number; it ends with `#` or a pause, and must be in our own country",
        ),
        Parameter::optional("hours", Kind::Hours, "at any time", "when he may be called"),
    ],
    children: Children::Branches(&[
        Branch::new("booked", "he will be called back").at_once(),
        Branch::new("declined", "he does not want it").at_once(),
        Branch::new("full", "as many are to be called back as may").at_once().or("failed", "as `failed`"),
        Branch::new("failed", "there is no number that can be called").at_once(),
    ]),
    after: After::BranchOrNext,
    needs: Needs::Answer,
    speaks_with: &[
        "digit-0", "digit-1", "digit-2", "digit-3", "digit-4", "digit-5", "digit-6", "digit-7", "digit-8", "digit-9",
    ],
    example: "callback \"vendas\" offer=\"callback-offer\" hours=\"comercial\" {\n    booked { play \"callback-confirmed\"; hangup }\n    failed { play \"goodbye\"; hangup }\n}\nqueue \"vendas\"",
    ..Sheet::PLAIN
};

impl Compile for Callback {
    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Offer {
            queue: filled.text("queue"),
            offer: filled.maybe_text("offer"),
            confirm: filled.maybe_text("confirm"),
            enter: filled.maybe_text("enter"),
            hours: filled.has("hours").then(|| filled.hours("hours")),
            booked: filled.branch("booked"),
            declined: filled.branch("declined"),
            full: filled.branch("full").or(filled.branch("failed")),
            failed: filled.branch("failed"),
        })
    }
}

#[derive(Debug)]
struct Offer {
    queue: String,
    offer: Option<String>,
    confirm: Option<String>,
    enter: Option<String>,
    hours: Option<HoursId>,
    booked: Option<StepId>,
    declined: Option<StepId>,
    full: Option<StepId>,
    failed: Option<StepId>,
}

const OFFERING: u8 = 0;
const CONFIRMING: u8 = 1;
const ENTERING: u8 = 2;
const BOOKING: u8 = 3;

const YES: char = '1';
const FINISH: char = '#';
/// For one key, and for the next digit.
const PATIENCE: Duration = Duration::from_secs(5);
/// ITU-T E.164 §6, and the prefixes that people dial before it.
const LONGEST_NUMBER: usize = 20;

impl Action for Offer {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        match &self.offer {
            Some(offer) => Self::ask(OFFERING, vec![offer.clone()], moment),
            None => self.confirm(moment),
        }
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (news, moment.memory.stage) {
            (News::Booked(outcome), BOOKING) => self.turn(outcome, moment),
            (_, BOOKING) => Turn::Wait,
            (News::PlayFinished, _) => {
                moment.wake_in(PATIENCE, "the caller has not answered the offer of a callback");
                Turn::Wait
            }
            (News::Digit, ENTERING) => self.on_digit_of_number(moment),
            (News::Digit, stage) => {
                moment.order(Order::StopPlaying);
                self.on_key(stage, moment)
            }
            (News::TimeUp, ENTERING) => self.entered(moment),
            (News::TimeUp, OFFERING) => {
                moment.note(Reason::Silence);
                self.decline(moment)
            }
            // Silence after one's own number is consent: it was wanted a moment ago.
            (News::TimeUp, _) => self.book(Self::shown(moment).unwrap_or_default(), moment),
            _ => Turn::Wait,
        }
    }
}

impl Offer {
    fn ask(stage: u8, prompts: Vec<String>, moment: &mut Moment<'_>) -> Turn {
        moment.memory.stage = stage;
        // A key that was meant for something else is no answer.
        moment.memory.digits.clear();
        moment.play(prompts, None);
        Turn::Wait
    }

    fn on_key(&self, stage: u8, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        let key = moment.take_digit().unwrap_or(YES);
        moment.note(Reason::Pressed(key));
        match (stage, key) {
            (OFFERING, YES) => self.confirm(moment),
            (OFFERING, _) => self.decline(moment),
            (_, YES) => self.book(Self::shown(moment).unwrap_or_default(), moment),
            _ => self.enter(moment),
        }
    }

    fn confirm(&self, moment: &mut Moment<'_>) -> Turn {
        match (Self::shown(moment), &self.confirm) {
            (Some(number), Some(confirm)) => {
                let prompts = std::iter::once(confirm.clone()).chain(speech::digits(&number));
                Self::ask(CONFIRMING, prompts.collect(), moment)
            }
            (Some(number), None) => self.book(number, moment),
            (None, _) => self.enter(moment),
        }
    }

    fn enter(&self, moment: &mut Moment<'_>) -> Turn {
        match &self.enter {
            Some(enter) => Self::ask(ENTERING, vec![enter.clone()], moment),
            None => self.turn(BookingOutcome::NoNumber, moment),
        }
    }

    fn on_digit_of_number(&self, moment: &mut Moment<'_>) -> Turn {
        let digits = &moment.memory.digits;
        if digits.contains(&FINISH) || digits.len() >= LONGEST_NUMBER {
            return self.entered(moment);
        }
        if digits.len() == 1 {
            moment.order(Order::StopPlaying);
        }
        moment.wake_in(PATIENCE, "the caller has not typed the next digit");
        Turn::Wait
    }

    fn entered(&self, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        let digits = std::mem::take(&mut moment.memory.digits);
        let number: String = digits.into_iter().filter(char::is_ascii_digit).collect();
        match number.is_empty() {
            true => {
                moment.note(Reason::Silence);
                self.decline(moment)
            }
            false => self.book(number, moment),
        }
    }

    fn book(&self, number: String, moment: &mut Moment<'_>) -> Turn {
        moment.sleep_no_more();
        moment.memory.stage = BOOKING;
        let booking = Booking {
            queue: self.queue.clone(),
            number,
            caller: moment.memory.caller.from.clone(),
            from: moment.memory.caller.to.clone(),
            language: moment.memory.language.clone(),
            hours: self.hours.map(|hours| moment.program.hours[hours.0 as usize].name.clone()),
        };
        moment.order(Order::Book(Box::new(booking)));
        Turn::Wait
    }

    fn turn(&self, outcome: BookingOutcome, moment: &mut Moment<'_>) -> Turn {
        moment.note(Reason::Booking(outcome));
        let branch = match outcome {
            BookingOutcome::Booked => self.booked,
            BookingOutcome::Full => self.full,
            BookingOutcome::NoNumber => self.failed,
        };
        branch.map_or(Turn::Next, Turn::To)
    }

    fn decline(&self, _moment: &mut Moment<'_>) -> Turn {
        self.declined.map_or(Turn::Next, Turn::To)
    }

    /// The number that the caller shows; none for an extension or one who hides it.
    fn shown(moment: &Moment<'_>) -> Option<String> {
        let from = &moment.memory.caller.from;
        from.starts_with('+').then(|| from.clone())
    }
}
