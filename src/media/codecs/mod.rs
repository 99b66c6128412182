//! The codecs: a file for each, listed here and in [`crate::media::codec`].

pub mod g722;
pub mod opus;
pub mod pcma;
pub mod pcmu;
