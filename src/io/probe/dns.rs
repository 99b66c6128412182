//! Names to addresses, by the name servers that the operator chose, without a cache: a stale answer would hide an outage.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::config::NameServerConfig;
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::DnsError;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::ResponseCode;
use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;

use crate::io::probe::ProbeError;

#[derive(Clone)]
pub(super) struct Names {
    resolver: TokioResolver,
}

/// One lost datagram is not an outage: asked again after this.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

impl Names {
    pub(super) fn new(servers: &[SocketAddr]) -> Result<Names, ProbeError> {
        let fault = |why: NetError| ProbeError::Resolver(why.to_string());
        let mut builder = match servers {
            [] => Resolver::builder_tokio().map_err(fault)?,
            chosen => {
                let servers = chosen.iter().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        options.timeout = ASK_AGAIN_AFTER;
        options.attempts = 2;
        let resolver = builder.build().map_err(fault)?;
        Ok(Names { resolver })
    }

    /// At least one; the error says in a word what the name servers said.
    pub(super) async fn addresses_of(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![address]);
        }
        // With the final dot no search domain is tried.
        let absolute = format!("{}.", host.trim_end_matches('.'));
        let found = self.resolver.lookup_ip(absolute).await;
        let addresses: Vec<IpAddr> = found.map_err(|error| in_a_word(&error))?.iter().collect();
        match addresses.is_empty() {
            true => Err(NO_ADDRESS.to_owned()),
            false => Ok(addresses),
        }
    }
}

const NO_ADDRESS: &str = "the name has no address";

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = address.port();
    }
    NameServerConfig::new(address.ip(), true, connections)
}

fn in_a_word(error: &NetError) -> String {
    match error {
        NetError::Timeout => "timeout".to_owned(),
        NetError::NoConnections => "no name server can be reached".to_owned(),
        NetError::Dns(DnsError::NoRecordsFound(none)) => code_word(none.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => code_word(*code),
        NetError::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// RFC 1035 §4.1.1, in the words that `dig` uses.
fn code_word(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => NO_ADDRESS.to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => other.to_string(),
    }
}

/// HTTP probes ask the same name servers.
impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let found = names.addresses_of(name.as_str()).await;
            let addresses = found.map_err(|why| format!("name lookup: {why}"))?;
            // The port comes from the URL.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
