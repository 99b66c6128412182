//! What is said and how it travels: SDP offers and answers, RTP, keys pressed, codecs, prompts and tones.
//!
//! Pure: packets are byte slices that somebody else has received and somebody else will send, and the time is handed in.
//! The threads that carry audio live in [`crate::io`]; the switch speaks to them in the words of [`command`].

pub mod amounts;
pub mod answering;
pub mod both_sides;
pub mod chime;
pub mod clip;
pub mod codec;
pub mod codecs;
pub mod command;
pub mod conceal;
pub mod config;
mod delay;
pub mod dtmf;
pub mod ear;
pub mod emodel;
pub mod far;
pub mod figures;
pub mod fmtp;
mod goertzel;
pub mod ice;
pub mod inband;
pub mod jitter;
pub mod level;
pub mod mixer;
pub mod mouth;
pub mod negotiation;
pub mod noise;
pub mod ogg;
pub mod ogg_opus;
mod pitch;
pub mod playout;
pub mod presses;
pub mod prompts;
pub mod reception;
pub mod recording;
pub mod refusal;
pub mod resample;
pub mod rtcp;
pub mod rtcp_xr;
pub mod rtp;
pub mod sdp;
mod sdp_writer;
pub mod security;
mod shelf;
pub mod silence;
pub mod speech;
pub mod srtp;
mod stretch;
pub mod stun;
pub mod tone;
pub mod transcode;
pub mod wav;
