//! Does the name resolve: by one of our own name servers, by a chosen one, or by those of the zone itself.

use std::net::IpAddr;
use std::net::SocketAddr;

use futures_util::future::join_all;
use hickory_resolver::proto::rr::Name;

use crate::io::probe::names;
use crate::io::probe::names::Names;
use crate::io::probe::question::Recursion;
use crate::io::probe::question::Reply;
use crate::io::probe::trouble::Trouble;
use crate::outage::fault::Fault;
use crate::outage::probe::server_address;
use crate::outage::vantage::Resolver;

pub(super) async fn look_up(
    names: &Names,
    host: &str,
    resolver: Option<&Resolver>,
    from: Option<IpAddr>,
) -> Result<(), Trouble> {
    if names::literal(host).is_some() {
        return Ok(());
    }
    let name = names::absolute(host)?;
    let reply = match resolver {
        None => names.ask_ours(&name, from).await?,
        Some(Resolver::Ours(server) | Resolver::Other(server)) => match server_address(server) {
            Some(address) => names::address_by(address, from, &name, Recursion::Desired).await?,
            None => names.ask_ours(&name, from).await?,
        },
        Some(Resolver::Authoritative(server)) => {
            let servers = match server_address(server) {
                Some(address) => vec![address],
                None => names.zone_servers(host).await.map_err(nowhere)?,
            };
            return ask_zone(&servers, from, &name).await;
        }
    };
    names.judge(host, &reply)
}

/// Nobody was asked, so nothing is said of the zone.
fn nowhere(trouble: Trouble) -> Trouble {
    Trouble::new(Fault::Other, format!("the servers of its zone cannot be found: {}", trouble.why))
}

/// One server of the zone that knows the name is enough: resolvers go on to the next one as well.
async fn ask_zone(servers: &[SocketAddr], from: Option<IpAddr>, name: &Name) -> Result<(), Trouble> {
    let asked = servers.iter().map(|server| names::address_by(*server, from, name, Recursion::Unwanted));
    let answers = join_all(asked).await;
    let knows = |answer: &Result<Reply, Trouble>| answer.as_ref().is_ok_and(|reply| reply.exists);
    if answers.iter().any(knows) {
        return Ok(());
    }
    let trouble = answers.into_iter().find_map(Result::err);
    let trouble = trouble.unwrap_or_else(|| Trouble::new(Fault::NoAddress, "they do not know the name"));
    let why = format!("none of {} servers of the zone knows it: {}", servers.len(), trouble.why);
    Err(Trouble { why, ..trouble })
}
