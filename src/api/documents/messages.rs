//! Texts.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// A text, in either direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageDocument {
    /// `msg_…`
    pub id: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// E.164, an extension, or `anonymous`.
    pub from: String,
    /// E.164, or an extension.
    pub to: String,
    /// The words.
    pub text: String,
    /// The channel that carries it.
    pub channel: String,
    /// `queued`, `sending`, `sent`, `delivered`, `failed` or `received`.
    pub status: String,
    /// The provider's own name for it.
    pub provider_id: Option<String>,
    /// How often it was handed to the provider.
    pub attempts: u32,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// When its status last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated: Timestamp,
    /// Why it failed, or why it has to be sent again.
    pub error: Option<String>,
    /// It was sent again although the first try may have arrived.
    pub maybe_twice: bool,
}
