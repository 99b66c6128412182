//! Those who are called back.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// Somebody who is to be called back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Callback)]
#[serde(deny_unknown_fields)]
pub struct CallbackDocument {
    /// `cb_…`
    pub id: String,
    /// Whose agents will talk to him.
    pub queue: String,
    /// Whom we call, in E.164.
    pub number: String,
    /// The number of ours that he called and will see.
    pub from: String,
    /// In which he is greeted.
    pub language: String,
    /// The call in which it was booked.
    pub call: String,
    /// When it was booked.
    #[schema(value_type = String, format = DateTime)]
    pub booked: Timestamp,
    /// Since when he has waited: his place in the line.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The dialplan's hours within which he is called; null for any time.
    pub hours: Option<String>,
    /// `waiting` or `calling`; in events also `completed`, `hung-up`, `failed` or `canceled`.
    pub state: String,
    /// What was tried.
    pub tries: Vec<TryDocument>,
    /// Before this he is not called.
    #[schema(value_type = String, format = DateTime)]
    pub next_try: Timestamp,
}

/// One try to call somebody back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CallbackTry)]
#[serde(deny_unknown_fields)]
pub struct TryDocument {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its record has this id; empty where no way out was found.
    pub call: String,
    /// `talked`, `hung-up`, `no-answer`, `busy`, `not-confirmed`, `failed` or `interrupted` (also while it runs).
    pub result: String,
}
