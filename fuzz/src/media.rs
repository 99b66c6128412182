//! Of the audio's room only what reads what peers send: session descriptions, RTP, RTCP.

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
