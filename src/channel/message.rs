//! One text, in or out, with where it stands.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::channel::Delivery;
use crate::channel::Outbound;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub direction: Direction,
    pub from: String,
    pub to: String,
    pub text: String,
    /// The channel's name in the configuration.
    pub channel: String,
    pub status: MessageStatus,
    pub provider_id: Option<String>,
    /// How often it was handed to the provider.
    #[serde(default)]
    pub attempts: u32,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Why it failed, or why it has to be sent again.
    pub error: Option<String>,
    /// It was sent again although the first try may have arrived.
    #[serde(default)]
    pub maybe_twice: bool,
}

/// `msg_` and 26 letters and digits. It is the idempotency key as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Inbound,
    Outbound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// Ours to send; certainly not with the provider.
    Queued,
    /// Handed over; the outcome is not known.
    Sending,
    /// The provider took it.
    Sent,
    Delivered,
    Failed,
    /// Inbound.
    Received,
}

impl Direction {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

impl MessageStatus {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            MessageStatus::Queued => "queued",
            MessageStatus::Sending => "sending",
            MessageStatus::Sent => "sent",
            MessageStatus::Delivered => "delivered",
            MessageStatus::Failed => "failed",
            MessageStatus::Received => "received",
        }
    }
}

impl Message {
    pub fn outbound(id: MessageId, channel: &str, to: &str, text: &str, wall: Timestamp) -> Message {
        Message {
            id,
            direction: Direction::Outbound,
            from: String::new(),
            to: to.to_owned(),
            text: text.to_owned(),
            channel: channel.to_owned(),
            status: MessageStatus::Queued,
            provider_id: None,
            attempts: 0,
            created: wall,
            updated: wall,
            error: None,
            maybe_twice: false,
        }
    }

    /// What the provider reports later. A report that comes late does not undo a delivery.
    pub fn on_delivery(&mut self, delivery: Delivery, wall: Timestamp) {
        if self.status == MessageStatus::Delivered {
            return;
        }
        (self.status, self.error) = match delivery {
            Delivery::Delivered => (MessageStatus::Delivered, None),
            Delivery::Failed { why } => (MessageStatus::Failed, Some(why)),
        };
        self.updated = wall;
    }

    pub(super) fn to_send(&self) -> Outbound {
        Outbound { id: self.id.clone(), from: self.from.clone(), to: self.to.clone(), text: self.text.clone() }
    }
}

impl MessageId {
    pub fn random(rng: &mut fastrand::Rng) -> MessageId {
        let tail: String = (0..26).map(|_| char::from(LETTERS[rng.usize(..LETTERS.len())])).collect();
        MessageId(format!("msg_{tail}"))
    }
}

/// No vowels and no look-alikes: ids are read out on the phone.
const LETTERS: &[u8] = b"0123456789bcdfghjkmnpqrstvwxyz";

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
