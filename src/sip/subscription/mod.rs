//! Event subscriptions as the side sees them that is asked and tells: RFC 6665.
//!
//! What is told is a [`document::Document`], written anew for each NOTIFY, because its version belongs to the subscription.
//! When a NOTIFY may leave is decided by the [`notifier::Notifier`]; who may subscribe to what, by the PBX.

pub mod config;
pub mod dialog_info;
pub mod document;
pub mod message_summary;
pub(in crate::sip) mod notifier;
pub mod package;
pub mod presence;
pub mod wish;
mod xml;
