//! The system's name servers, asked by hickory.

use std::net::IpAddr;
use std::time::Duration;
use std::time::Instant;

use hickory_resolver::Resolver;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::RecordType;

use crate::io::resolve::ResolveError;
use crate::io::resolve::plan::Naptr;
use crate::io::resolve::plan::Srv;
use crate::io::resolve::search::Answer;
use crate::io::resolve::search::NameServer;

pub(super) struct SystemNames {
    inner: Resolver<TokioRuntimeProvider>,
}

impl SystemNames {
    pub(super) fn new() -> Result<SystemNames, ResolveError> {
        let builder = Resolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "the system's name servers are not known; only addresses and /etc/hosts will do");
            Resolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        });
        let inner = builder.build().map_err(|error| ResolveError::NoResolver(error.to_string()))?;
        Ok(SystemNames { inner })
    }
}

impl NameServer for SystemNames {
    async fn naptr(&self, name: &str) -> Answer<Naptr> {
        answer(self.inner.lookup(rooted(name), RecordType::NAPTR).await, |data| match data {
            RData::NAPTR(record) => Some(Naptr {
                order: record.order,
                preference: record.preference,
                flags: text(&record.flags),
                services: text(&record.services),
                replacement: record.replacement.to_string(),
            }),
            _ => None,
        })
    }

    async fn srv(&self, name: &str) -> Answer<Srv> {
        answer(self.inner.lookup(rooted(name), RecordType::SRV).await, |data| match data {
            RData::SRV(record) => Some(Srv {
                priority: record.priority,
                weight: record.weight,
                target: record.target.to_string(),
                port: record.port,
            }),
            _ => None,
        })
    }

    async fn addresses(&self, name: &str) -> Answer<IpAddr> {
        match self.inner.lookup_ip(name).await {
            Ok(found) => records(found.iter().collect(), found.valid_until()),
            Err(error) => failure(&error),
        }
    }
}

/// A name with a dot at its end is not looked for in the domains of `/etc/resolv.conf`.
fn rooted(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn answer<T>(found: Result<Lookup, NetError>, read: impl Fn(&RData) -> Option<T>) -> Answer<T> {
    match found {
        Ok(found) => {
            let all = found.answers().iter().filter_map(|record| read(&record.data)).collect();
            records(all, found.valid_until())
        }
        Err(error) => failure(&error),
    }
}

fn records<T>(all: Vec<T>, valid_until: Instant) -> Answer<T> {
    if all.is_empty() {
        return Answer::Nothing;
    }
    Answer::Records(all, valid_until.checked_duration_since(Instant::now()).unwrap_or(Duration::ZERO))
}

fn failure<T>(error: &NetError) -> Answer<T> {
    match error.is_no_records_found() || error.is_nx_domain() {
        true => Answer::Nothing,
        false => Answer::Failed(error.to_string()),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
