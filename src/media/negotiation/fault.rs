//! Why no audio can be agreed on, and what the offerer is told of it.

use std::net::IpAddr;

use crate::media::sdp::SdpError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    #[error(transparent)]
    NotSdp(#[from] SdpError),
    #[error("no audio is offered")]
    NoAudio,
    #[error("no codec in common: offered are {offered}")]
    NoCommonCodec { offered: String },
    #[error("encrypted audio ({protocol}) is switched off here: offer RTP/AVP")]
    Encrypted { protocol: String },
    #[error("audio must be encrypted here: offer RTP/SAVP with a=crypto, or UDP/TLS/RTP/SAVPF with a=fingerprint")]
    NotEncrypted,
    #[error("audio must be encrypted by DTLS here: offer UDP/TLS/RTP/SAVP with a=fingerprint, not {protocol}")]
    NoHandshake { protocol: String },
    #[error("{protocol} comes without keys that we can use: {missing}")]
    NoKeys { protocol: String, missing: &'static str },
    #[error("audio transport `{protocol}` is not supported: offer RTP/AVP or RTP/SAVP")]
    UnknownProtocol { protocol: String },
    #[error("audio is expected at `{address}`, which cannot be reached from {local}")]
    Unreachable { address: String, local: IpAddr },
    #[error("the audio stream was refused")]
    Refused,
}

impl NegotiationError {
    /// The status that tells the offerer: 400 for what is no SDP, 488 for what cannot be agreed on (RFC 3261 §21.4.26).
    pub fn status(&self) -> u16 {
        match self {
            NegotiationError::NotSdp(_) => 400,
            _ => 488,
        }
    }

    /// The code of the `Warning` that goes with it. RFC 3261 §20.43.
    pub fn warning(&self) -> u16 {
        match self {
            NegotiationError::Unreachable { .. } => 302,
            NegotiationError::Encrypted { .. }
            | NegotiationError::NotEncrypted
            | NegotiationError::NoHandshake { .. }
            | NegotiationError::UnknownProtocol { .. } => 303,
            NegotiationError::NoAudio | NegotiationError::Refused => 304,
            NegotiationError::NoCommonCodec { .. } => 305,
            NegotiationError::NoKeys { .. } => 306,
            NegotiationError::NotSdp(_) => 399,
        }
    }
}
