//! What a dialplan may refer to: everything that the configuration and the prompt folders define.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

/// The names that a dialplan may use. A name that is not here is a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub extensions: BTreeSet<String>,
    pub queues: BTreeSet<String>,
    pub trunks: BTreeSet<String>,
    pub channels: BTreeSet<String>,
    /// Prompt → the languages in which it exists.
    pub prompts: BTreeMap<String, BTreeSet<String>>,
    /// Hold music: what is shipped, and files and folders of the owner's.
    pub music: BTreeSet<String>,
    /// `[[credential]]` → the host that it is for.
    pub credentials: BTreeMap<String, String>,
    /// Queue → its agents, in the order in which a rehearsal rings them.
    pub agents: BTreeMap<String, Vec<String>>,
    /// Prompt → how long it lasts on the virtual clock. A prompt that is not listed lasts [`PROMPT_LASTS`].
    pub durations: BTreeMap<String, Duration>,
}

/// How long a prompt of unknown length lasts in a rehearsal.
pub const PROMPT_LASTS: Duration = Duration::from_secs(3);

impl Names {
    /// How long this prompt lasts on the virtual clock.
    pub fn duration_of(&self, prompt: &str) -> Duration {
        self.durations.get(prompt).copied().unwrap_or(PROMPT_LASTS)
    }

    /// Every language in which at least one prompt exists.
    pub fn languages(&self) -> BTreeSet<String> {
        self.prompts.values().flatten().cloned().collect()
    }
}
