//! What each service says of itself, one file each; the contract is in [`crate::outage::reading`].

pub(super) mod apple;
pub(super) mod meta;
pub(super) mod microsoft;
pub(super) mod rss;
pub(super) mod statuspage;
pub(super) mod telegram;
pub(super) mod whatsapp;
