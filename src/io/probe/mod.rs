//! Asks a target whether it is there: a name, a port, a handshake, a page. Says what happened, never what it means.
//!
//! Every probe makes a fresh lookup and a fresh connection, and is bounded in time and bytes: a target that answers slowly,
//! endlessly, with garbage or with one redirect after the other costs us no more than its time-out.

mod dns;
#[cfg(test)]
mod loopback;
mod page;
#[cfg(test)]
pub(super) mod stand_ins;
mod tcp;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;
use tokio_rustls::TlsConnector;

use crate::io::probe::dns::Names;
use crate::io::trust;
use crate::io::trust::TrustError;
use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;

/// `[probes]`: how channels are looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name servers to ask, such as `1.1.1.1:53`. Default: those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// A PEM file with further certificate authorities. Default: none.
    pub trust: Option<PathBuf>,
}

/// Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Prober {
    names: Names,
    tls: TlsConnector,
    http: reqwest::Client,
}

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("name servers cannot be set up: {0}")]
    Resolver(String),
    #[error("HTTP cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
}

impl Prober {
    pub fn new(config: &Config) -> Result<Prober, ProbeError> {
        let names = Names::new(&config.resolvers)?;
        let tls = trust::client_config(config.trust.as_deref())?;
        Ok(Prober { http: page::client(tls.clone(), names.clone())?, tls: TlsConnector::from(Arc::new(tls)), names })
    }

    /// Never longer than `within`.
    pub async fn run(&self, probe: &Probe, within: Duration) -> Evidence {
        let started = Instant::now();
        let asked = tokio::time::timeout(within, self.ask(probe)).await;
        let outcome = match asked {
            Ok(Ok(())) => Outcome::Answered { took: started.elapsed() },
            Ok(Err(why)) => Outcome::Failed { fault: Fault::Other, why },
            Err(_) => {
                Outcome::failed(Fault::Timeout, format!("no answer within {}", humantime::format_duration(within)))
            }
        };
        probe.evidence(outcome, Timestamp::now())
    }

    async fn ask(&self, probe: &Probe) -> Result<(), String> {
        match probe.layer {
            Layer::Dns => self.names.addresses_of(&probe.target).await.map(drop),
            Layer::Tcp => tcp::connect(&self.names, &probe.target).await.map(drop),
            Layer::Tls => tls::shake_hands(&self.names, &self.tls, &probe.target).await,
            Layer::Http => page::fetch(&self.http, &probe.target).await,
            other => Err(format!("`{other}` is not probed")),
        }
    }
}
