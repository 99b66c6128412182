//! That one side of a talk is not heard, which side, and why in all likelihood.

use std::fmt;
use std::net::SocketAddr;

use crate::media::refusal::Refusal;

/// Why no audio passes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing has come since the stream was agreed on, of any kind.
    NeverCame,
    /// Its reports come, its audio does not.
    OnlyReports,
    /// Something comes, but not from where it should.
    Elsewhere { from: SocketAddr },
    /// Something comes from there that was not agreed on.
    Unusable { why: Refusal },
    /// It came, and stopped.
    Stopped,
    /// We send no more, because the far side's address has not shown that it wants what we send.
    Withheld,
    /// Our packets do not leave: the network or a firewall of this machine refuses them.
    Unsent,
}

/// Who is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The far side, by us.
    Theirs,
    /// We, by the far side.
    Ours,
}

impl Side {
    pub fn word(self) -> &'static str {
        match self {
            Side::Theirs => "theirs",
            Side::Ours => "ours",
        }
    }
}

impl Silence {
    /// How many causes there are.
    pub const COUNT: usize = 7;

    /// All labels of `desvio_rtp_quiet_total`, in the order of [`Silence::index`].
    pub const WORDS: [&str; Silence::COUNT] =
        ["never-came", "only-reports", "elsewhere", "unusable", "stopped", "withheld", "unsent"];

    pub fn index(self) -> usize {
        match self {
            Silence::NeverCame => 0,
            Silence::OnlyReports => 1,
            Silence::Elsewhere { .. } => 2,
            Silence::Unusable { .. } => 3,
            Silence::Stopped => 4,
            Silence::Withheld => 5,
            Silence::Unsent => 6,
        }
    }

    pub fn word(self) -> &'static str {
        Silence::WORDS[self.index()]
    }

    pub fn side(self) -> Side {
        match self {
            Silence::Withheld | Silence::Unsent => Side::Ours,
            _ => Side::Theirs,
        }
    }
}

/// The likely cause, for people.
impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::NeverCame => {
                f.write_str("nothing ever came: NAT, a firewall, or a wrong address in one of the two SDPs")
            }
            Silence::OnlyReports => f.write_str("only RTCP comes: it is muted, or its RTP is blocked on the way"),
            Silence::Elsewhere { from } => {
                write!(f, "packets come from {from}, which is not the address that was heard or named before")
            }
            Silence::Unusable { why } => write!(f, "what comes was not agreed on ({})", why.word()),
            Silence::Stopped => f.write_str("it came and stopped: the network, the device, or a mute that sends nothing"),
            Silence::Withheld => f.write_str(
                "we stopped sending: nothing has come back from its address, which may not be its own (`[media] unproven_for`)",
            ),
            Silence::Unsent => f.write_str("our packets do not leave: no route, or a firewall of this machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_word_and_its_side() {
        let from = "192.0.2.7:4000".parse().unwrap();
        let all = [
            Silence::NeverCame,
            Silence::OnlyReports,
            Silence::Elsewhere { from },
            Silence::Unusable { why: Refusal::PayloadType },
            Silence::Stopped,
            Silence::Withheld,
            Silence::Unsent,
        ];
        assert_eq!(all.map(Silence::index), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(all.map(|it| it.side().word()), ["theirs", "theirs", "theirs", "theirs", "theirs", "ours", "ours"]);
        assert_eq!(all[2].to_string().split(' ').nth(3), Some("192.0.2.7:4000,"));
        assert_eq!(all[3].to_string(), "what comes was not agreed on (payload-type)");
    }
}
