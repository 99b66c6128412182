//! Whose fault it is that a channel cannot be used.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// Nothing is wrong.
    #[default]
    None,
    /// The channel itself fails.
    Channel,
    /// Unrelated control targets fail as well: nothing can be said of the channel, and its state stands still.
    OurLine,
    /// The resolver that we use fails where others answer.
    OurResolver,
    /// The service is there and refuses our token, or our account has used up what it may.
    OurCredential,
    /// The service is there and cannot reach our webhook.
    OurWebhook,
    /// A second path or somebody outside sees the channel up: it is blocked for us only.
    BlockedHere,
}

impl Blame {
    pub const ALL: [Blame; 7] = [
        Blame::None,
        Blame::Channel,
        Blame::OurLine,
        Blame::OurResolver,
        Blame::OurCredential,
        Blame::OurWebhook,
        Blame::BlockedHere,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Blame::None => "none",
            Blame::Channel => "channel",
            Blame::OurLine => "our-line",
            Blame::OurResolver => "our-resolver",
            Blame::OurCredential => "our-credential",
            Blame::OurWebhook => "our-webhook",
            Blame::BlockedHere => "blocked-here",
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
