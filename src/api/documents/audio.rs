//! How a party's audio is heard by the far side.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// What a party's RTCP says of the audio that it gets from us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Far)]
#[serde(deny_unknown_fields)]
pub struct FarDocument {
    /// Packets that it missed; below zero where it counts duplicates; null where it sends VoIP metrics only.
    pub packets_lost: Option<i64>,
    /// Share of our packets that it missed, 0 to 1.
    pub loss: Option<f64>,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: Option<f32>,
    /// How we sound to it, 1 to 4.5, by ITU-T G.107.
    pub mos: Option<f64>,
    /// The rating behind it.
    pub r_factor: Option<f64>,
    /// VoIP metrics of RFC 3611, from phones that send them.
    pub voip: Option<VoipDocument>,
}

/// A phone's own account of what its owner hears (RFC 3611 §4.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = VoipMetrics)]
#[serde(deny_unknown_fields)]
pub struct VoipDocument {
    /// Lost, 0 to 1.
    pub loss: f64,
    /// Too late for its jitter buffer, 0 to 1.
    pub discarded: f64,
    /// Lost or discarded within bursts, 0 to 1.
    pub burst_loss: f64,
    /// Mean length of bursts in milliseconds.
    pub burst_ms: u64,
    /// Lost or discarded between bursts, 0 to 1.
    pub gap_loss: f64,
    /// Mean length of gaps in milliseconds.
    pub gap_ms: u64,
    /// Milliseconds.
    pub round_trip_ms: u64,
    /// Milliseconds that the phone itself adds.
    pub end_system_delay_ms: u64,
    /// Milliseconds.
    pub jitter_buffer_ms: u64,
    /// Level of speech.
    pub signal_dbm: Option<i8>,
    /// Level of noise.
    pub noise_dbm: Option<i8>,
    /// Its own rating, 0 to 100.
    pub r_factor: Option<u8>,
    /// Its own opinion as a listener, 1 to 5.
    pub mos_listening: Option<f64>,
    /// Its own opinion of the conversation, 1 to 5.
    pub mos_conversation: Option<f64>,
}
