//! Those who are parked.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// Somebody who waits in a slot to be picked up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Parked)]
#[serde(deny_unknown_fields)]
pub struct ParkedDocument {
    /// What is typed to pick him up.
    pub slot: u32,
    /// `call_…`
    pub call: String,
    /// Who waits: E.164, an extension, or `anonymous`.
    pub caller: String,
    /// The extension that parked him; null where no phone of ours did.
    pub parked_by: Option<String>,
    /// Since when he waits there.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When the dialplan takes him from there.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
