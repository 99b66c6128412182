//! `park`: the caller waits in a slot until somebody picks him up there.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::HangupCause;
use crate::dialplan::order::Order;
use crate::dialplan::order::ParkOrder;
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
pub(super) struct Park;

const FIRST: u32 = 701;
const LAST: u32 = 720;
const UP_TO: Duration = Duration::from_secs(120);
/// How long the phone of whoever parked the caller rings when nobody came.
const RINGS_BACK: Duration = Duration::from_secs(30);
const SLOT: Kind = Kind::Integer { least: 1, most: 9999 };

impl Verb for Park {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "park",
    help: "Parks the caller in the first free slot, with music, until somebody takes him from there by `pickup`. A phone of ours that calls in hears the number of the slot, and may then transfer a caller into its place; one that transferred a caller here unasked gets the number as a text.",
    arguments: &[],
    properties: &[
        Parameter::optional("first", SLOT, "701", "the first slot"),
        Parameter::optional("last", SLOT, "720", "the last slot"),
        Parameter::optional("up-to", Kind::Duration, "2m", "the longest wait"),
        Parameter::optional("music", Kind::Music, "default", "what the caller hears"),
    ],
    children: Children::Branches(&[
        Branch {
            default: "the phone that parked the caller rings for 30s; then the walk goes on with the next step",
            ..Branch::new("timeout", "nobody has come within `up-to`")
        },
        Branch::new("full", "no slot is free").at_once(),
    ]),
    after: After::BranchOrNext,
    time: Time::Takes,
    needs: Needs::Answer,
    speaks_with: &[
        "digit-0", "digit-1", "digit-2", "digit-3", "digit-4", "digit-5", "digit-6", "digit-7", "digit-8", "digit-9",
    ],
    example: "park first=701 last=720 up-to=\"90s\" {\n    full { play \"all-busy\" }\n}\nvoicemail \"geral\"",
    ..Sheet::PLAIN
};

impl Compile for Park {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let (first, last) = slots(filled);
        match first <= last {
            true => Vec::new(),
            false => vec![(
                format!("there is no slot from {first} to {last}"),
                "Write the lower number as `first` and the higher as `last`.".to_owned(),
            )],
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let (first, last) = slots(filled);
        Box::new(Slot {
            first,
            last,
            music: filled.maybe_text("music"),
            up_to: filled.maybe_duration("up-to").unwrap_or(UP_TO),
            timeout: filled.branch("timeout"),
            full: filled.branch("full"),
        })
    }
}

/// One end that is written moves the other along.
fn slots(filled: &Filled) -> (u32, u32) {
    match (filled.maybe_integer("first"), filled.maybe_integer("last")) {
        (Some(first), Some(last)) => (first, last),
        (Some(first), None) => (first, first + (LAST - FIRST)),
        (None, Some(last)) => (last.saturating_sub(LAST - FIRST).max(1), last),
        (None, None) => (FIRST, LAST),
    }
}

#[derive(Debug)]
struct Slot {
    first: u32,
    last: u32,
    music: Option<String>,
    up_to: Duration,
    timeout: Option<StepId>,
    full: Option<StepId>,
}

const PARKED: u8 = 0;
const RINGING_BACK: u8 = 1;
const TALKING: u8 = 2;

impl Action for Slot {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.digits.clear();
        let language = moment.memory.language.clone();
        moment.order(Order::Park(ParkOrder {
            first: self.first,
            last: self.last,
            up_to: self.up_to,
            music: self.music.clone(),
            language,
        }));
        moment.wake_in(self.up_to, "nobody has picked the caller up");
        Turn::Wait
    }

    fn slots(&self) -> Option<RangeInclusive<u32>> {
        Some(self.first..=self.last)
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (news, moment.memory.stage) {
            (News::ParkFull, _) => {
                moment.sleep_no_more();
                moment.note(Reason::LotFull);
                self.full.map_or(Turn::Next, Turn::To)
            }
            (News::TimeUp, PARKED) => self.come_back(moment),
            (News::TimeUp, RINGING_BACK) => {
                moment.order(Order::StopDialling);
                Turn::Next
            }
            (News::DialEnded(outcome), RINGING_BACK) => {
                moment.sleep_no_more();
                moment.note(Reason::Dial(outcome));
                Turn::Next
            }
            (News::TalkStarted, stage) => {
                moment.sleep_no_more();
                moment.note(if stage == PARKED { Reason::PickedUp } else { Reason::TalkStarted });
                moment.memory.stage = TALKING;
                Turn::Wait
            }
            (News::TalkEnded, _) => {
                moment.note(Reason::TalkEnded);
                Turn::End(HangupCause::Normal)
            }
            _ => Turn::Wait,
        }
    }
}

impl Slot {
    fn come_back(&self, moment: &mut Moment<'_>) -> Turn {
        moment.note(Reason::NobodyCame);
        moment.order(Order::Unpark);
        if let Some(timeout) = self.timeout {
            return Turn::To(timeout);
        }
        moment.memory.stage = RINGING_BACK;
        moment.order(Order::RingBackParker { ring_for: RINGS_BACK });
        moment.wake_in(RINGS_BACK, "whoever parked the caller does not answer");
        Turn::Wait
    }
}
