//! Of the audio's room only what reads what peers send (session descriptions, RTP, RTCP), and what a dialplan speaks of.

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
