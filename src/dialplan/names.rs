//! What a dialplan may refer to: everything that the configuration and the prompt folders define.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

/// The names that a dialplan may use. A name that is not here is a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub extensions: BTreeSet<String>,
    pub queues: BTreeSet<String>,
    pub trunks: BTreeSet<String>,
    /// Each trunk and its `host`, in the order in which the configuration has them.
    pub hosts: Vec<(String, String)>,
    /// Trunk → the network that it leads to. One that is not listed leads to the telephone network.
    pub networks: BTreeMap<String, TrunkNetwork>,
    pub channels: BTreeSet<String>,
    /// Prompt → the languages in which it exists.
    pub prompts: BTreeMap<String, BTreeSet<String>>,
    /// Hold music: what is shipped, and files and folders of the owner's.
    pub music: BTreeSet<String>,
    /// `[[credential]]` → the host that it is for.
    pub credentials: BTreeMap<String, String>,
    /// Queue → its agents, in the order in which a rehearsal rings them.
    pub agents: BTreeMap<String, Vec<String>>,
    /// Queue → how many may wait in it. One that is not listed takes everybody.
    pub max_waiting: BTreeMap<String, usize>,
    /// Prompt → how long it lasts on the virtual clock. A prompt that is not listed lasts [`PROMPT_LASTS`].
    pub durations: BTreeMap<String, Duration>,
    /// Trunk → the number of ours that it has as `caller_id`, if it has one.
    pub lines: BTreeMap<String, Line>,
}

/// How a trunk shows callers to those outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In E.164.
    pub number: String,
    pub shows: Shows,
}

/// Whose number the called see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// The one that the call comes with, where that is a number.
    TheCallers,
    /// The trunk's own, always: `caller_id_pass = false`.
    ItsOwn,
}

/// How long a prompt of unknown length lasts in a rehearsal.
pub const PROMPT_LASTS: Duration = Duration::from_secs(3);

/// What lies behind a trunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrunkNetwork {
    #[default]
    Telephone,
    /// WhatsApp Business Calling.
    Whatsapp,
    /// Exchanges and phones of our own, which reach no telephone network.
    Private,
}

impl TrunkNetwork {
    /// Whether calls of the two may be connected. Meta forbids the telephone network on any leg of a WhatsApp call.
    pub fn may_meet(self, other: TrunkNetwork) -> bool {
        use TrunkNetwork::Telephone;
        use TrunkNetwork::Whatsapp;
        !matches!((self, other), (Whatsapp, Telephone) | (Telephone, Whatsapp))
    }
}

impl Names {
    pub fn network_of(&self, trunk: &str) -> TrunkNetwork {
        self.networks.get(trunk).copied().unwrap_or_default()
    }

    /// The trunks that lead to this host; a configuration may have IPv6 addresses without brackets.
    pub(super) fn trunks_to(&self, host: &str) -> Vec<String> {
        let bare = |host: &str| host.trim_matches(['[', ']']).to_ascii_lowercase();
        let leads_there = self.hosts.iter().filter(|(_, of)| bare(of) == bare(host));
        leads_there.map(|(trunk, _)| trunk.clone()).collect()
    }

    /// How long this prompt lasts on the virtual clock.
    pub fn duration_of(&self, prompt: &str) -> Duration {
        self.durations.get(prompt).copied().unwrap_or(PROMPT_LASTS)
    }

    /// What trunks show as ours.
    pub fn numbers_of_trunks(&self) -> BTreeSet<String> {
        self.lines.values().map(|line| line.number.clone()).collect()
    }

    /// Every language in which at least one prompt exists.
    pub fn languages(&self) -> BTreeSet<String> {
        self.prompts.values().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trunks_are_found_by_their_host_in_the_order_of_the_configuration() {
        let hosts = [("b", "PBX.example"), ("a", "pbx.example"), ("six", "2001:db8::1")];
        let hosts = hosts.map(|(trunk, host)| (trunk.to_owned(), host.to_owned())).into();
        let names = Names { hosts, ..Names::default() };
        assert_eq!(names.trunks_to("pbx.example"), ["b", "a"]);
        assert_eq!(names.trunks_to("[2001:DB8::1]"), ["six"]);
        assert!(names.trunks_to("example").is_empty());
    }
}
