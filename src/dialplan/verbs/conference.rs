//! `conference`: the caller talks with all others who are in the same conference.

use std::time::Duration;

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::attendance::AfterModerator;
use crate::dialplan::attendance::Attendance;
use crate::dialplan::attendance::BeforeModerator;
use crate::dialplan::attendance::Comings;
use crate::dialplan::attendance::ConferenceOutcome;
use crate::dialplan::attendance::Speech;
use crate::dialplan::attendance::Standing;
use crate::dialplan::attendance::Tape;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::order::HangupCause;
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
pub(super) struct Conference;

/// The longest pause while a PIN is typed.
const WAIT: Duration = Duration::from_secs(8);
const TRIES: u16 = 3;
/// The key that says "that is all".
const FINISH: char = '#';
const ASKS_FOR_PIN: &str = "conference-pin";
const MOST_MEMBERS: u32 = 100;
const YES_NO: Kind = Kind::Word(&["yes", "no"]);

impl Verb for Conference {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "conference",
    help: "Lets the caller talk with all others who are in the conference, until he hangs up. Where a PIN is set, he is asked for it first; the third wrong one sends him away. After ten wrong ones within 15 minutes, over all calls, none is right for the rest of them.",
    arguments: &[Parameter::required("conference", Kind::Name, "who comes in under the same name is in the same one")],
    properties: &[
        Parameter::optional("pin", Kind::Keys, "none", "what the caller must type to come in"),
        Parameter::optional("moderator-pin", Kind::Keys, "none", "what a moderator types instead"),
        Parameter::optional("moderator", YES_NO, "no", "whoever comes in here is a moderator, whatever he types"),
        Parameter::optional("muted", YES_NO, "no", "the caller hears and is not heard, until the API lets him speak"),
        Parameter::optional("max", Kind::Integer { least: 2, most: 500 }, "100", "so many may be in it"),
        Parameter::optional("record", YES_NO, "no", "the conference is recorded from the time this caller comes in"),
        Parameter::optional(
            "wait-for-moderator",
            YES_NO,
            "no",
            "the caller hears music until the first moderator has come in",
        ),
        Parameter::optional(
            "ends-with-moderator",
            YES_NO,
            "no",
            "when the last moderator has left, the caller goes on with the next step",
        ),
        Parameter::optional(
            "announce",
            Kind::Word(&["tone", "none"]),
            "tone",
            "what all hear when the caller comes and goes",
        ),
        Parameter::optional("leave-key", Kind::Key, "none", "this key leads out, to the next step"),
    ],
    children: Children::Branches(&[
        Branch::new("full", "as many are in it as may").at_once(),
        Branch {
            default: "the caller hears `goodbye` and the call ends",
            ..Branch::new("wrong-pin", "the third PIN was wrong as well, or none was typed")
        },
    ]),
    after: After::BranchOrNext,
    time: Time::Takes,
    needs: Needs::Answer,
    example: "conference \"equipe\" pin=\"1234\" moderator-pin=\"9876\" wait-for-moderator=\"yes\" {\n    full { play \"all-busy\" }\n    wrong-pin { hangup }\n}\nhangup",
    ..Sheet::PLAIN
};

impl Compile for Conference {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        match (filled.maybe_text("pin"), filled.maybe_text("moderator-pin")) {
            (pin, moderator) if pin.iter().chain(&moderator).any(|pin| pin.contains(FINISH)) => vec![(
                format!("a PIN with `{FINISH}` in it can never be typed"),
                format!("Choose other keys: `{FINISH}` says that the PIN is complete."),
            )],
            (None, Some(_)) => vec![(
                "`moderator-pin` stands without `pin`".to_owned(),
                "Add a `pin` for the others, or write `moderator=\"yes\"` in a flow of the moderators' own.".to_owned(),
            )],
            (Some(pin), Some(moderator)) if moderator.starts_with(&pin) || pin.starts_with(&moderator) => vec![(
                "one PIN begins with the other".to_owned(),
                "Choose two that differ: the first that fits is taken.".to_owned(),
            )],
            _ => Vec::new(),
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let yes = |name| filled.maybe_word(name) == Some("yes");
        let standing = if yes("moderator") { Standing::Moderator } else { Standing::Participant };
        let pins = [("pin", standing), ("moderator-pin", Standing::Moderator)];
        let pins = pins.into_iter().filter_map(|(name, standing)| Some((filled.maybe_text(name)?, standing)));
        Box::new(Room {
            pins: pins.collect(),
            attendance: Attendance {
                conference: filled.text("conference"),
                standing,
                speech: if yes("muted") { Speech::Muted } else { Speech::Open },
                most: filled.maybe_integer("max").unwrap_or(MOST_MEMBERS) as usize,
                tape: if yes("record") { Tape::Runs } else { Tape::AsItIs },
                before_moderator: if yes("wait-for-moderator") {
                    BeforeModerator::Waits
                } else {
                    BeforeModerator::Talks
                },
                after_moderator: if yes("ends-with-moderator") {
                    AfterModerator::Leaves
                } else {
                    AfterModerator::Stays
                },
                comings: if filled.maybe_word("announce") == Some("none") {
                    Comings::Silent
                } else {
                    Comings::Announced
                },
            },
            leave_key: filled.maybe_key("leave-key"),
            full: filled.branch("full"),
            wrong_pin: filled.branch("wrong-pin"),
        })
    }
}

#[derive(Debug)]
struct Room {
    /// Empty: nothing is asked.
    pins: Vec<(String, Standing)>,
    /// As without a PIN.
    attendance: Attendance,
    leave_key: Option<char>,
    full: Option<StepId>,
    wrong_pin: Option<StepId>,
}

const ASKING: u8 = 0;
const TYPING: u8 = 1;
const INSIDE: u8 = 2;

impl Action for Room {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        if self.pins.is_empty() { self.enter(self.attendance.standing, moment) } else { self.ask(moment) }
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match (news, moment.memory.stage) {
            (News::PlayFinished, ASKING) => self.wait_for_keys(moment),
            (News::Digit, ASKING) => {
                moment.order(Order::StopPlaying);
                self.take(moment)
            }
            (News::Digit, TYPING) => self.take(moment),
            (News::Digit, _) => self.on_key_inside(moment),
            (News::TimeUp, TYPING) => {
                moment.note(Reason::Silence);
                // Half a PIN is a guess as well, where another is longer.
                if !moment.memory.digits.is_empty() {
                    self.tell_wrong_pin(moment);
                }
                self.try_again(moment)
            }
            (News::ConferenceLeft(outcome), INSIDE) => self.leave(outcome, moment),
            _ => Turn::Wait,
        }
    }
}

impl Room {
    fn ask(&self, moment: &mut Moment<'_>) -> Turn {
        // What was typed ahead is a PIN already.
        if !moment.memory.digits.is_empty() || !moment.speaks(ASKS_FOR_PIN) {
            return self.take(moment);
        }
        moment.memory.stage = ASKING;
        moment.play(vec![ASKS_FOR_PIN.to_owned()], None);
        Turn::Wait
    }

    fn wait_for_keys(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.stage = TYPING;
        moment.wake_in(WAIT, "the caller has not typed the PIN");
        Turn::Wait
    }

    fn take(&self, moment: &mut Moment<'_>) -> Turn {
        let digits = &moment.memory.digits;
        let typed: String = digits.iter().filter(|digit| **digit != FINISH).collect();
        // Guessed at too often: for a while no PIN is right.
        let is_shut = moment.scene.refuses_pins(&self.attendance.conference, moment.now);
        if let Some((_, standing)) = self.pins.iter().find(|(pin, _)| *pin == typed && !is_shut) {
            return self.enter(*standing, moment);
        }
        let longest = self.pins.iter().map(|(pin, _)| pin.len()).max().unwrap_or(0);
        if !digits.contains(&FINISH) && typed.len() < longest {
            return self.wait_for_keys(moment);
        }
        moment.note(Reason::WrongPin);
        self.tell_wrong_pin(moment);
        self.try_again(moment)
    }

    fn tell_wrong_pin(&self, moment: &mut Moment<'_>) {
        let conference = self.attendance.conference.clone();
        moment.order(Order::WrongPin { conference });
    }

    fn try_again(&self, moment: &mut Moment<'_>) -> Turn {
        moment.memory.digits.clear();
        moment.sleep_no_more();
        moment.memory.round += 1;
        if moment.memory.round >= TRIES {
            return self.wrong_pin.map_or(Turn::Goodbye, Turn::To);
        }
        self.ask(moment)
    }

    fn enter(&self, standing: Standing, moment: &mut Moment<'_>) -> Turn {
        moment.memory.digits.clear();
        moment.sleep_no_more();
        moment.memory.stage = INSIDE;
        let attendance = Attendance { standing, ..self.attendance.clone() };
        moment.order(Order::JoinConference(Box::new(attendance)));
        Turn::Wait
    }

    fn on_key_inside(&self, moment: &mut Moment<'_>) -> Turn {
        let leaves = moment.memory.digits.iter().any(|digit| Some(*digit) == self.leave_key);
        moment.memory.digits.clear();
        if !leaves {
            return Turn::Wait;
        }
        moment.order(Order::LeaveConference);
        self.leave(ConferenceOutcome::ByKey, moment)
    }

    fn leave(&self, outcome: ConferenceOutcome, moment: &mut Moment<'_>) -> Turn {
        moment.note(Reason::Conference(outcome));
        match outcome {
            ConferenceOutcome::Full | ConferenceOutcome::KeptApart => self.full.map_or(Turn::Next, Turn::To),
            ConferenceOutcome::Ended | ConferenceOutcome::ByKey => Turn::Next,
            ConferenceOutcome::SentAway => Turn::End(HangupCause::Normal),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dialplan::example::names;
    use crate::dialplan::example::program;
    use crate::dialplan::example::shown;
    use crate::dialplan::example::start;
    use crate::dialplan::example::with_steps;
    use crate::dialplan::rehearsal::rehearse;

    fn passes(steps: &str, lines: &str) -> bool {
        let text = with_steps(steps) + "test \"t\" {\ncall to=\"+551140031234\"\n" + lines + "\n}\n";
        rehearse(&program(&text), &names(), start()).iter().all(|outcome| outcome.passed())
    }

    const GUARDED: &str =
        "conference \"equipe\" pin=\"1234\" moderator-pin=\"98765\" {\nwrong-pin { play \"closed\" }\n}\nhangup";

    #[test]
    fn an_open_conference_is_joined_at_once() {
        assert!(passes("conference \"equipe\"\nhangup", "joins \"equipe\"\nhangs-up\nends \"normal\""));
        assert!(!passes("conference \"equipe\"\nhangup", "joins \"vendas\""));
    }

    #[test]
    fn either_pin_leads_in_and_the_third_wrong_one_out() {
        assert!(passes(GUARDED, "press \"1234\"\njoins \"equipe\""));
        assert!(passes(GUARDED, "press \"98765\"\njoins \"equipe\""));
        assert!(passes(GUARDED, "press \"1#\"\npress \"1234\"\njoins \"equipe\""));
        assert!(passes(GUARDED, "press \"11#\"\npress \"55555\"\npress \"9#\"\nhears \"closed\""));
        assert!(passes(GUARDED, "passes \"40s\"\nhears \"closed\""));
        assert!(!passes(GUARDED, "press \"11#\"\npress \"55555\"\njoins \"equipe\""));
    }

    #[test]
    fn pins_that_nobody_could_type_are_faults() {
        let fault = |pins: &str| shown(&with_steps(&format!("conference \"equipe\" {pins}\nhangup"))).join("\n");
        assert_eq!(fault("pin=\"1234\" moderator-pin=\"98*\""), "");
        assert!(fault("pin=\"12#4\"").contains("a PIN with `#` in it can never be typed"), "{}", fault("pin=\"12#4\""));
        assert!(fault("pin=\"1234\" moderator-pin=\"9#\"").contains("a PIN with `#`"));
        assert!(fault("moderator-pin=\"9\"").contains("stands without `pin`"));
        assert!(fault("pin=\"12\" moderator-pin=\"123\"").contains("begins with the other"));
    }

    #[test]
    fn a_key_leads_out_to_the_next_step() {
        let steps = "conference \"equipe\" leave-key=\"#\"\nplay \"closed\"\nhangup";
        assert!(passes(steps, "joins \"equipe\"\npress \"5\"\npress \"#\"\nhears \"closed\""));
        assert!(!passes(steps, "joins \"equipe\"\npress \"5\"\nhears \"closed\""));
    }
}
