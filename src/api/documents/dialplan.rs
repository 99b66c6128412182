//! The dialplan that new calls walk, and what another would change.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The dialplan that new calls walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Dialplan)]
#[serde(deny_unknown_fields)]
pub struct DialplanDocument {
    /// SHA-256 of its files.
    pub hash: String,
    /// When new calls began to walk it.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Numbers of ours.
    pub numbers: u64,
    /// Flows.
    pub flows: u64,
    /// `test` blocks.
    pub tests: u64,
    /// Calls in progress that began with another dialplan, and keep it.
    pub older_calls: u64,
    /// Against the one before, or of the files against this one.
    pub changes: Vec<ChangeDocument>,
    /// Recordings that sound otherwise, likewise: `NAME (LANGUAGE)`.
    pub prompts: Vec<String>,
    /// What is doubtful, as `desvio check --json` writes it.
    #[schema(value_type = Vec<Object>)]
    pub warnings: Vec<Value>,
}

/// One part of a dialplan that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = DialplanChange)]
#[serde(deny_unknown_fields)]
pub struct ChangeDocument {
    /// `flow`, `number`, `route`, `hours`, …
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// `added`, `removed` or `changed`.
    pub what: String,
    /// Of one that changed: lines that went, after `- `, and came, after `+ `.
    pub lines: Vec<String>,
}
