//! `if channel="whatsapp" is="down"`

use super::super::action::Moment;
use super::super::condition::Condition;
use super::super::condition::Seen;
use super::super::condition::Sight;
use super::super::condition::Word;
use super::super::fill::Filled;
use super::super::kind::Kind;
use super::super::verb::Parameter;

#[derive(Debug)]
pub(super) struct Channel;

impl Condition for Channel {
    fn subject(&self) -> Parameter {
        Parameter::optional("channel", Kind::Channel, "nothing", "the state of a chat channel")
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }

    fn compile(&self, filled: &Filled, is: &str) -> Box<dyn Sight> {
        Box::new(State {
            channel: filled.text("channel"),
            down: is == "down",
        })
    }
}

const WORDS: &[Word] = &[
    Word::new("up", "customers can write to us there"),
    Word::new("down", "they cannot, or could not until a moment ago"),
];

#[derive(Debug)]
struct State {
    channel: String,
    down: bool,
}

impl Sight for State {
    fn look(&self, moment: &mut Moment<'_>) -> Seen {
        let down = moment.scene.channel_is_down(&self.channel);
        Seen {
            word: if down { "it is down" } else { "it is up" },
            holds: down == self.down,
        }
    }
}
