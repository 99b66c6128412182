//! `[[queue]]` in the configuration.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::queue::agent::AgentId;

/// `[[queue]]`: callers who wait for the same group of agents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub name: String,
    /// Extensions whose phones ring, in the order that `in-order` and `round-robin` follow.
    pub agents: Vec<AgentId>,
    /// Who rings next. Default: longest-idle.
    #[serde(default)]
    pub strategy: StrategyName,
    /// How long one agent's phone rings before the next is tried. Default: 20 s.
    #[serde(default = "ring_for", with = "humantime_serde")]
    pub ring_for: Duration,
    /// Peace for an agent after a call of this queue. Default: 10 s.
    #[serde(default = "wrap_up", with = "humantime_serde")]
    pub wrap_up: Duration,
    /// Peace for an agent who declined, was busy or did not answer; at least 1 s. Default: 5 s.
    #[serde(default = "retry_after", with = "humantime_serde")]
    pub retry_after: Duration,
    /// Further callers hear the dialplan's `full` branch. Default: 200 callers.
    #[serde(default = "max_waiting")]
    pub max_waiting: usize,
    /// The prompt that plays in a loop. Default: `default`.
    #[serde(default = "hold_music")]
    pub hold_music: String,
    /// Whether its talks are recorded, one channel for each side. Default: false.
    #[serde(default)]
    pub record: bool,
    /// Callbacks that may be open; further callers take the `full` branch of `callback`. Default: 100.
    #[serde(default = "max_callbacks")]
    pub max_callbacks: usize,
    /// How often somebody is called back until it is given up. Default: 3.
    #[serde(default = "callback_tries")]
    pub callback_tries: usize,
    /// Between two tries. Default: 10 min.
    #[serde(default = "callback_spacing", with = "humantime_serde")]
    pub callback_spacing: Duration,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    RingAll,
    #[default]
    LongestIdle,
    RoundRobin,
    FewestCalls,
    InOrder,
}

impl Config {
    /// A queue with every default.
    pub fn named(name: &str, agents: &[&str]) -> Config {
        Config {
            name: name.to_owned(),
            agents: agents.iter().map(|id| AgentId((*id).to_owned())).collect(),
            strategy: StrategyName::default(),
            ring_for: ring_for(),
            wrap_up: wrap_up(),
            retry_after: retry_after(),
            max_waiting: max_waiting(),
            hold_music: hold_music(),
            record: false,
            max_callbacks: max_callbacks(),
            callback_tries: callback_tries(),
            callback_spacing: callback_spacing(),
        }
    }

    /// A phone that declines at once must not be called in a loop.
    pub(super) fn rest_after_refusal(&self) -> Duration {
        self.retry_after.max(Duration::from_secs(1))
    }
}

fn ring_for() -> Duration {
    Duration::from_secs(20)
}

fn wrap_up() -> Duration {
    Duration::from_secs(10)
}

fn retry_after() -> Duration {
    Duration::from_secs(5)
}

fn max_waiting() -> usize {
    200
}

fn max_callbacks() -> usize {
    100
}

fn callback_tries() -> usize {
    3
}

fn callback_spacing() -> Duration {
    Duration::from_secs(10 * 60)
}

fn hold_music() -> String {
    "default".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_needs_only_a_name_and_agents() {
        let config: Config = toml::from_str("name = \"vendas\"\nagents = [\"200\"]").unwrap();
        assert_eq!(config.strategy, StrategyName::LongestIdle);
        assert_eq!(config.ring_for, Duration::from_secs(20));
        assert_eq!(config.max_waiting, 200);
    }

    #[test]
    fn an_unknown_key_or_strategy_is_a_fault_that_lists_what_is_known() {
        let head = "name = \"vendas\"\nagents = [\"200\"]\n";
        let unknown = toml::from_str::<Config>(&format!("{head}ring = \"5s\"")).unwrap_err();
        assert!(unknown.message().contains("ring_for"), "{unknown}");
        let strategy = toml::from_str::<Config>(&format!("{head}strategy = \"idle\"")).unwrap_err();
        assert!(strategy.message().contains("longest-idle"), "{strategy}");
    }
}
