//! The words in which trunks are spoken of.

/// How a trunk stands, for people, metrics and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrunkState {
    /// Its addresses are looked up for the first time.
    Resolving,
    /// Our first REGISTER has no answer yet, or the last one has run out.
    Registering,
    Ready,
    /// The registrar does not want us; another try will not help.
    Refused,
    /// No address, no answer to REGISTER, or no target that answers OPTIONS.
    Unreachable,
}

impl TrunkState {
    pub const ALL: [TrunkState; 5] = [
        TrunkState::Resolving,
        TrunkState::Registering,
        TrunkState::Ready,
        TrunkState::Refused,
        TrunkState::Unreachable,
    ];

    pub fn word(self) -> &'static str {
        match self {
            TrunkState::Resolving => "resolving",
            TrunkState::Registering => "registering",
            TrunkState::Ready => "ready",
            TrunkState::Refused => "refused",
            TrunkState::Unreachable => "unreachable",
        }
    }
}

/// Which way a call goes over a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    In,
    Out,
}

/// Why a trunk takes no further call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::switch) enum Full {
    #[error("carries as many calls as it may")]
    Calls,
    #[error("as many calls begin in this second as may")]
    Rate,
}

/// What `/metrics` shows of a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkGauge {
    pub name: String,
    pub state: TrunkState,
    pub calls_in: u32,
    pub calls_out: u32,
}
