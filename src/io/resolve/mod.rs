//! Where a trunk's host is: RFC 3263, by the system's name servers.
//!
//! An address is taken as it stands; a name with a port is looked up as a host; a name alone is looked up as NAPTR, then
//! as a service (SRV), then as a host. What follows from which answer is decided by [`plan`], which asks nobody, and put
//! together by [`search`], which asks anybody who is a [`search::NameServer`].

mod hickory;
mod plan;
mod search;

use std::net::SocketAddr;
use std::time::Duration;

use crate::io::resolve::hickory::SystemNames;
use crate::io::resolve::search::Search;
use crate::sip::hop::Transport;

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the name server did not find `{host}`: {why}")]
    NotFound { host: String, why: String },
    #[error("`{host}` has no address for SIP over {transport}")]
    NoAddress { host: String, transport: Transport },
    #[error("`{host}` says that it offers no SIP service")]
    NotOffered { host: String },
    #[error("no name server can be asked: {0}")]
    NoResolver(String),
}

/// A transport and an address to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// All places of one host, and how long that is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Best first.
    pub places: Vec<Place>,
    /// The shortest of all records, at least 30 s and at most 1 h.
    pub lasts: Duration,
}

/// Asks the system's name servers.
pub struct Resolver {
    names: SystemNames,
}

impl Resolver {
    /// As `/etc/resolv.conf` and `/etc/hosts` say; where there is none, the machine itself is asked.
    pub fn from_system() -> Result<Resolver, ResolveError> {
        SystemNames::new().map(|names| Resolver { names })
    }

    /// Every place where the host can be reached, best first; `dice` decides between equals (RFC 2782).
    pub async fn places(
        &self,
        host: &str,
        port: Option<u16>,
        transport: Option<Transport>,
        dice: u64,
    ) -> Result<Found, ResolveError> {
        Search::new(&self.names, fastrand::Rng::with_seed(dice)).run(host, port, transport).await
    }
}
