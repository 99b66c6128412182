//! Asks a target whether it is there: a name, a port, a handshake, a page, the service itself. Says what happened, never what
//! it means for the channel.
//!
//! Every probe makes a fresh lookup and a fresh connection, since one that stayed open says nothing about new ones; what knows
//! whom to trust and how to speak HTTP is built once. Each is bounded in time and bytes: a target that answers slowly,
//! endlessly, with garbage or with one redirect after the other costs us no more than its time-out.

mod api;
mod certificate;
mod dns;
#[cfg(test)]
mod loopback;
mod names;
#[cfg(test)]
mod nasty;
mod page;
mod question;
#[cfg(test)]
pub(crate) mod stand_ins;
mod tcp;
mod tls;
mod trouble;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;
use reqwest::Client;
use rustls::ClientConfig;
use rustls::client::Resumption;
use serde::Deserialize;
use tokio_rustls::TlsConnector;

use crate::io::probe::names::Names;
use crate::io::probe::trouble::Trouble;
use crate::io::trust;
use crate::io::trust::TrustError;
use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Outcome;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;
use crate::outage::probe::Via;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

/// `[probes]`: how channels are looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Our own name servers, such as `192.0.2.53:53`, which `ours` stands for. Default: those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// A PEM file with further certificate authorities. Default: none.
    pub trust: Option<PathBuf>,
    /// Probes that are under way at the same time; one that finds no room is left out. Default: 256.
    pub at_once: usize,
}

/// One for the whole process.
pub struct Prober {
    names: Names,
    tls: ClientConfig,
    connector: TlsConnector,
    /// One client for each way out, made when it is first needed.
    clients: Mutex<BTreeMap<Option<Via>, Client>>,
    /// Targets whose certificate was said to end soon.
    ending: Mutex<BTreeSet<String>>,
    /// Name servers other than ours that have answered anything.
    heard: Mutex<BTreeSet<(Vantage, Resolver)>>,
}

/// What one probe brought home.
#[derive(Debug)]
pub struct Ran {
    /// None where nothing can be said: a status page that does not answer is no outage. Several from a page of many services.
    pub evidence: Vec<Evidence>,
    pub took: Duration,
    /// Whether the target gave what was asked of it.
    pub failed: Option<Fault>,
    pub certificate_ends: Option<Timestamp>,
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

/// What an attempt found, beyond that somebody is there.
#[derive(Default)]
struct Found {
    /// Of a page: outcomes by the service that they speak of.
    services: Vec<(Option<String>, Result<(), Trouble>)>,
    certificate_ends: Option<Timestamp>,
}

/// A certificate that ends sooner than this should have been renewed.
const ENDS_SOON: Duration = Duration::from_secs(3 * 24 * 3600);

impl Default for Config {
    fn default() -> Config {
        Config { resolvers: Vec::new(), trust: None, at_once: 256 }
    }
}

impl Prober {
    pub fn new(config: &Config) -> Result<Prober, ProbeError> {
        let names = Names::new(&config.resolvers)?;
        let tls = trust::client_config(config.trust.as_deref())?;
        let mut strict = tls.clone();
        // A session that is taken up again shows no certificate.
        strict.resumption = Resumption::disabled();
        let connector = TlsConnector::from(Arc::new(strict));
        let prober = Prober {
            names,
            tls,
            connector,
            clients: Mutex::default(),
            ending: Mutex::default(),
            heard: Mutex::default(),
        };
        prober.client(None)?;
        Ok(prober)
    }

    /// Never longer than `within`.
    pub async fn run(&self, probe: &Probe, within: Duration) -> Ran {
        let started = Instant::now();
        let asked = tokio::time::timeout(within, self.ask(probe)).await;
        let found = asked.unwrap_or_else(|_| Err(late(probe.layer, within)));
        let took = started.elapsed();
        let failed = match &found {
            Ok(found) => found.services.iter().find_map(|(_, is)| is.as_ref().err()).map(|trouble| trouble.fault),
            Err(trouble) => Some(trouble.fault),
        };
        self.note_who_answers(probe, failed);
        let certificate_ends = found.as_ref().ok().and_then(|found| found.certificate_ends);
        Ran { evidence: self.evidence(probe, found, took), took, failed, certificate_ends }
    }

    async fn ask(&self, probe: &Probe) -> Result<Found, Trouble> {
        let (names, via, target) = (&self.names, probe.via.as_ref(), &probe.target);
        match probe.layer {
            Layer::Dns => {
                let from = tcp::address_of(via);
                // Has room for a datagram in it; the others need not carry that from thread to thread.
                Box::pin(dns::look_up(names, target, probe.resolver.as_ref(), from)).await?;
            }
            Layer::Tcp => tcp::knock(names, via, target).await?,
            Layer::Tls => {
                let certificate_ends = tls::shake_hands(names, &self.connector, via, target).await?;
                return Ok(Found { services: Vec::new(), certificate_ends });
            }
            Layer::Http => page::visit(&self.client_for(probe)?, probe).await?,
            Layer::Api | Layer::Feed => {
                let services = api::ask(&self.client_for(probe)?, probe).await?;
                return Ok(Found { services, certificate_ends: None });
            }
            Layer::Traffic | Layer::Report | Layer::Person => {
                return Err(Trouble::new(Fault::Other, format!("`{}` is not probed", probe.layer)));
            }
        }
        Ok(Found::default())
    }

    fn evidence(&self, probe: &Probe, found: Result<Found, Trouble>, took: Duration) -> Vec<Evidence> {
        let at = Timestamp::now();
        let outcome = |is: Result<(), Trouble>| match is {
            Ok(()) => Outcome::Answered { took },
            Err(Trouble { fault, why }) => Outcome::Failed { fault, why },
        };
        match found {
            Err(trouble) if self.says_nothing(probe, trouble.fault) => {
                let Trouble { fault, why } = trouble;
                tracing::debug!(target = probe.target, layer = %probe.layer, %fault, why, "a probe says nothing");
                Vec::new()
            }
            Err(trouble) => vec![probe.evidence(outcome(Err(trouble)), at)],
            Ok(found) if found.services.is_empty() => {
                let mut evidence = vec![probe.evidence(outcome(Ok(())), at)];
                evidence.extend(self.certificate_evidence(probe, found.certificate_ends, at));
                evidence
            }
            Ok(found) => {
                let of_service = |(service, is): (Option<String>, Result<(), Trouble>)| {
                    let mut evidence = probe.evidence(outcome(is), at);
                    if let Some(service) = service {
                        evidence.target = format!("{} ({service})", evidence.target);
                    }
                    evidence
                };
                found.services.into_iter().map(of_service).collect()
            }
        }
    }

    /// A feed that cannot be read, for whatever reason, says nothing of its channel. Nor does a name server that has never
    /// answered: many networks let nobody ask any but their own.
    fn says_nothing(&self, probe: &Probe, fault: Fault) -> bool {
        match (probe.layer, &probe.resolver) {
            (Layer::Feed, _) => true,
            (Layer::Dns, Some(Resolver::Authoritative(_))) if fault == Fault::Other => true,
            (Layer::Dns, Some(resolver @ (Resolver::Other(_) | Resolver::Authoritative(_)))) => {
                fault == Fault::LookupTimeout && !self.heard().contains(&(probe.vantage.clone(), resolver.clone()))
            }
            _ => false,
        }
    }

    fn note_who_answers(&self, probe: &Probe, failed: Option<Fault>) {
        if let Some(resolver) = &probe.resolver
            && !matches!(failed, Some(Fault::LookupTimeout | Fault::Other))
        {
            self.heard().insert((probe.vantage.clone(), resolver.clone()));
        }
    }

    fn heard(&self) -> MutexGuard<'_, BTreeSet<(Vantage, Resolver)>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A certificate that ends soon is a target of its own beside the handshake, so that it can make no outage by itself. Of
    /// somebody unrelated it is not our business.
    fn certificate_evidence(&self, probe: &Probe, ends: Option<Timestamp>, at: Timestamp) -> Option<Evidence> {
        let ends = ends.filter(|_| !probe.control)?;
        let left = Duration::try_from(ends.duration_since(at)).unwrap_or_default();
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = match left < ENDS_SOON {
            true => {
                ending.insert(probe.target.clone());
                let why = format!("its certificate ends in {}", trouble::in_days(left.as_secs()));
                Outcome::failed(Fault::EndingCertificate, why)
            }
            false if ending.remove(&probe.target) => Outcome::Answered { took: Duration::ZERO },
            false => return None,
        };
        let mut evidence = probe.evidence(outcome, at);
        evidence.target = format!("the certificate of {}", probe.target);
        Some(evidence)
    }

    fn client_for(&self, probe: &Probe) -> Result<Client, Trouble> {
        self.client(probe.via.as_ref()).map_err(|error| Trouble::new(Fault::Other, error.to_string()))
    }

    fn client(&self, via: Option<&Via>) -> Result<Client, ProbeError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&via.cloned()) {
            return Ok(client.clone());
        }
        let client = page::client(self.tls.clone(), self.names.clone(), via)?;
        clients.insert(via.cloned(), client.clone());
        Ok(client)
    }
}

fn late(layer: Layer, within: Duration) -> Trouble {
    let trouble = Trouble::late(within);
    match layer {
        Layer::Dns => Trouble { fault: Fault::LookupTimeout, ..trouble },
        _ => trouble,
    }
}
