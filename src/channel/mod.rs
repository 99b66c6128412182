//! One contract for SMS and chat: what tells whether a channel lives, how a text is sent, what a webhook says.
//!
//! Pure: an HTTP request is a value that `io` carries out. A kind of channel is one file in [`channels`]; what most of them share
//! is a configurable HTTP [`provider`]. When a text is sent, again or never again, is decided in [`outbox`].

pub mod channels;
pub mod config;
pub mod message;
pub mod outbox;
#[cfg(test)]
mod outbox_stories;
pub mod provider;
pub mod segments;
pub mod template;
pub mod traffic;
pub mod webhook;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::channel::message::MessageId;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookError;
use crate::channel::webhook::WebhookReader;
use crate::outage::probe::Probe;

/// A channel as the configuration made it. A kind says what is particular; the rest goes through the provider.
pub trait Channel: fmt::Debug + Send + Sync {
    fn name(&self) -> &str;

    /// The word in the configuration's `kind`.
    fn kind(&self) -> &'static str;

    /// What shows that the channel lives; empty for a channel that nobody can probe.
    fn probes(&self) -> &[Probe];

    /// How texts leave; `None` for a channel that is only watched.
    fn provider(&self) -> Option<&Provider> {
        None
    }

    fn webhook(&self) -> Option<&WebhookReader> {
        None
    }

    fn can_send(&self) -> bool {
        self.provider().is_some()
    }

    fn repeats(&self) -> Repeats {
        self.provider().map_or(Repeats::MayArriveTwice, Provider::repeats)
    }

    fn route(&self, outbound: &Outbound) -> Result<Route, ComposeError> {
        let provider = self.provider().ok_or(ComposeError::CannotSend)?;
        provider.compose(outbound).map(Route::Http)
    }

    fn read_answer(&self, answer: &HttpAnswer) -> SendOutcome {
        match self.provider() {
            Some(provider) => provider.read_answer(answer),
            None => SendOutcome::Refused { why: ComposeError::CannotSend.to_string() },
        }
    }

    fn read_webhook(&self, webhook: &Webhook) -> Result<Vec<Inbound>, WebhookError> {
        let reader = self.webhook().ok_or(WebhookError::NotExpected)?;
        reader.read(webhook)
    }
}

/// A text on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    pub id: MessageId,
    /// Empty: whatever the provider's configuration says.
    pub from: String,
    pub to: String,
    pub text: String,
}

/// How one text leaves the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Http(HttpRequest),
    /// A SIP MESSAGE to an extension's phones (RFC 3428).
    Sip {
        extension: String,
    },
}

/// What happens when the same text is handed over twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// The provider knows it again by its key.
    AreRecognised,
    MayArriveTwice,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    Accepted {
        provider_id: Option<String>,
    },
    /// For good: trying again would be refused again.
    Refused {
        why: String,
    },
    /// Certainly not taken; `after` is what the provider asked for.
    TryAgain {
        after: Option<Duration>,
        why: String,
    },
    /// It may have been taken.
    Unknown {
        why: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    #[error("this channel sends no texts: it has no `send`")]
    CannotSend,
    #[error("the text has no sender: say `from`, or set it in the channel's `send`")]
    NoSender,
    #[error("header `{header}` would contain a control character")]
    UnfitForHeader { header: String },
    #[error("`{to}` is not an extension")]
    NotAnExtension { to: String },
}

#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// From `Retry-After` (RFC 9110 §10.2.3), a date already turned into a span.
    pub retry_after: Option<Duration>,
    pub body: Bytes,
}

/// Why there is no answer; the difference decides whether a text may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum HttpFailure {
    /// No connection, no valid URL: the request never left.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It left, but no whole answer came back.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// What a provider sent to us.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    pub headers: Vec<(String, String)>,
    /// Without the question mark.
    pub query: String,
    pub body: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    Text {
        from: String,
        /// Empty where the provider does not say.
        to: String,
        text: String,
        provider_id: Option<String>,
    },
    /// What became of a text of ours.
    Receipt { provider_id: String, delivery: Delivery },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    Failed { why: String },
}

impl SendOutcome {
    pub fn of_failure(failure: &HttpFailure) -> SendOutcome {
        let why = failure.to_string();
        match failure {
            HttpFailure::NotSent(_) => SendOutcome::TryAgain { after: None, why },
            HttpFailure::NoAnswer(_) => SendOutcome::Unknown { why },
        }
    }
}

/// Headers, query and body hold credentials and customers' texts.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {url}", self.method)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook of {} bytes", self.body.len())
    }
}
