//! `if channel="whatsapp" is="down"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Seen;
use crate::dialplan::condition::Sight;
use crate::dialplan::condition::Word;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Parameter;

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
        Box::new(State { channel: filled.text("channel"), down: is == "down" })
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
        Seen { word: if down { "it is down" } else { "it is up" }, holds: down == self.down }
    }
}
