//! Of the audio's room only what reads and writes session descriptions.

#[path = "../../src/media/sdp.rs"]
pub mod sdp;
#[path = "../../src/media/sdp_writer.rs"]
mod sdp_writer;
