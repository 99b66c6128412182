//! Why the server cannot start, or could not end well; each with its mend.

use std::io;
use std::net::SocketAddr;

use tokio::task::JoinError;

use crate::api::token::TokenError;
use crate::config::secrets::SecretError;
use crate::io::http::HttpError;
use crate::io::lookup::AskerError;
use crate::io::media::pump::PumpError;
use crate::io::peer::PeerError;
use crate::io::probe::ProbeError;
use crate::io::resolve::ResolveError;
use crate::io::sip::error::ListenError;
use crate::io::speech::EngineError;
use crate::io::webhook::WebhookError;
use crate::store::error::StoreError;
use crate::store::writer::Unwritten;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("{address} is taken{holder}\n    `[api] listen` names it: end that program, or choose another port")]
    ApiTaken { address: SocketAddr, holder: String },
    #[error("{address} cannot be opened: {why}\n    `[api] listen` names it")]
    Api { address: SocketAddr, why: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Pump(#[from] PumpError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Asker(#[from] AskerError),
    #[error(transparent)]
    Speech(#[from] EngineError),
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("the metrics cannot be set up: {0}")]
    Metrics(String),
    #[error("threads cannot be started: {0}")]
    Runtime(io::Error),
    #[error("a worker failed: {0}")]
    Worker(JoinError),
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(getrandom::Error),
    #[error("not everything is on the disk: {0}")]
    Unwritten(#[from] Unwritten),
}
