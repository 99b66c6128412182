//! Of the audio's room only what reads what peers send (session descriptions, RTP, RTCP, STUN, the beginning of DTLS), and
//! what a dialplan speaks of.

#[path = "../../src/io/media/transport/hello.rs"]
mod hello;

#[path = "../../src/media/sdp.rs"]
pub mod sdp;
#[path = "../../src/media/sdp_writer.rs"]
mod sdp_writer;

#[path = "../../src/media/far.rs"]
pub mod far;
#[path = "../../src/media/rtcp.rs"]
pub mod rtcp;
#[path = "../../src/media/rtcp_xr.rs"]
pub mod rtcp_xr;
#[path = "../../src/media/rtp.rs"]
pub mod rtp;
#[path = "../../src/media/stun.rs"]
pub mod stun;

#[path = "../../src/media/amounts.rs"]
pub mod amounts;
#[path = "../../src/media/both_sides.rs"]
pub mod both_sides;
#[path = "../../src/media/clip.rs"]
pub mod clip;
#[path = "../../src/media/codec.rs"]
pub mod codec;
#[path = "../../src/media/codecs/mod.rs"]
pub mod codecs;
#[path = "../../src/media/conceal.rs"]
pub mod conceal;
#[path = "../../src/media/fmtp.rs"]
pub mod fmtp;
#[path = "../../src/media/level.rs"]
pub mod level;
#[path = "../../src/media/pitch.rs"]
pub mod pitch;
#[path = "../../src/media/resample.rs"]
pub mod resample;
#[path = "../../src/media/speech.rs"]
pub mod speech;
#[path = "../../src/media/tone.rs"]
pub mod tone;
#[path = "../../src/media/wav.rs"]
pub mod wav;

/// What the first message of a handshake of DTLS offers.
pub fn srtp_profiles(datagram: &[u8]) -> Option<Vec<u16>> {
    hello::client_hello(datagram).and_then(hello::srtp_profiles)
}
