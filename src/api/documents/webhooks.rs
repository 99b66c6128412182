//! Programs that are told of events.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// A program that is told of events, and how its deliveries stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Webhook)]
#[serde(deny_unknown_fields)]
pub struct WebhookDocument {
    /// As in `[[webhook]]`.
    pub name: String,
    /// Without its query.
    pub url: String,
    /// Kinds of events that it wants; an empty list stands for all.
    pub events: Vec<String>,
    /// Events that are not taken yet.
    pub pending: u64,
    /// Events that were taken, within the last seven days.
    pub delivered: u64,
    /// Events that were given up, within the last seven days.
    pub failed: u64,
    /// Why the newest that is pending or failed was not taken; null where there is none.
    pub last_failure: Option<String>,
}

/// From when on events are told once more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = Replay)]
#[serde(deny_unknown_fields)]
pub struct ReplayDocument {
    /// Events of this moment and later, as far as they are kept: seven days.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// How many events are told once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Replayed)]
#[serde(deny_unknown_fields)]
pub struct ReplayedDocument {
    /// They keep their ids.
    pub events: u64,
}
