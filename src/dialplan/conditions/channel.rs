//! `if channel="whatsapp" is="down"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::condition::Word;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::verb::Parameter;
use crate::outage::ChannelState;

#[derive(Debug)]
pub(super) struct Channel;

impl Condition for Channel {
    fn subject(&self) -> Parameter {
        Parameter::optional("channel", Kind::Channel, "nothing", "the state of a chat channel")
    }

    fn compares(&self) -> Compares {
        Compares::States(WORDS)
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Of(filled.text("channel")))
    }
}

const WORDS: &[Word] = &[
    Word::new("up", "customers can write to us there; `degraded` counts as `up`"),
    Word::new("degraded", "something fails, not enough or not for long enough to call it down"),
    Word::new("down", "they cannot, or could not until a moment ago: `recovering` counts as `down`"),
    Word::new("recovering", "it answers again, but not yet for long enough to be believed"),
];

#[derive(Debug)]
struct Of(String);

impl Look for Of {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        match moment.scene.channel(&self.0, moment.now).state {
            ChannelState::Up => Sight::new(Facts::States(&["up"]), &"it is up"),
            ChannelState::Degraded => Sight::new(Facts::States(&["degraded", "up"]), &"it is degraded"),
            ChannelState::Down => Sight::new(Facts::States(&["down"]), &"it is down"),
            ChannelState::Recovering => Sight::new(Facts::States(&["recovering", "down"]), &"it is recovering"),
        }
    }
}
