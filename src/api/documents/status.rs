//! The server and its lines.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// The server at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
#[serde(deny_unknown_fields)]
pub struct StatusDocument {
    /// Of the program.
    pub version: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// It is ending and takes no new calls.
    pub draining: bool,
    /// Calls now.
    pub calls: u64,
    /// Calls since the start.
    pub calls_total: u64,
    /// Phones that are registered.
    pub registrations: u64,
    /// Sources of too many wrong passwords, not listened to at this moment.
    pub blocked_sources: u64,
    /// Callers in queues.
    pub waiting: u64,
    /// Channels that the dialplan counts as down.
    pub channels_down: Vec<String>,
    /// Lines to the telephone network.
    pub trunks: Vec<TrunkDocument>,
}

/// A line to the telephone network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Trunk)]
#[serde(deny_unknown_fields)]
pub struct TrunkDocument {
    /// As in `[[trunk]]`.
    pub name: String,
    /// `ready`, `resolving`, `registering`, `refused: …`, `unreachable: …`.
    pub state: String,
    /// Calls over it now.
    pub calls: u32,
    /// Of these, calls that came to us.
    pub calls_in: u32,
    /// Of these, calls that we sent.
    pub calls_out: u32,
    /// How many it may carry; null where nothing limits it.
    pub max_calls: Option<u32>,
    /// Its addresses, in the order in which calls try them.
    pub targets: Vec<TargetDocument>,
}

/// One address of a trunk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Target)]
#[serde(deny_unknown_fields)]
pub struct TargetDocument {
    /// Address and port.
    pub address: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// `up`, `down`, `resting` (it asked to be left alone), `unknown`.
    pub state: String,
}

/// Whether new calls should be sent here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthDocument {
    /// `live` or `ready`.
    pub status: String,
}
