//! Is anybody listening: a connection to the first address that takes it, directly or by a second way out.

use std::io;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::net::SocketAddr;

use futures_util::future::select_ok;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;

use crate::io::probe::names::Names;
use crate::io::probe::trouble::Trouble;
use crate::outage::fault::Fault;
use crate::outage::probe::Via;

/// Addresses of one name that are tried at the same time.
const AT_ONCE: usize = 4;

const HTTPS: u16 = 443;

/// What a proxy may say before the tunnel stands.
const LONGEST_ANSWER: usize = 8 * 1024;

/// When the name does not resolve, its last known addresses are tried: a dead name and a dead service are two things.
pub(super) async fn knock(names: &Names, via: Option<&Via>, target: &str) -> Result<(), Trouble> {
    let (host, port) = host_and_port(target)?;
    let unresolved = match connect(names, via, target).await {
        Err(trouble) if trouble.fault.is_lookup() => trouble,
        other => return other.map(drop),
    };
    let known = names.last_known(host);
    if known.is_empty() {
        return Err(unresolved);
    }
    match first_of(known, port, via).await {
        Ok(_) => Ok(()),
        Err(trouble) => {
            let why = format!("its last known addresses: {} ({})", trouble.why, unresolved.why);
            Err(Trouble { why, ..trouble })
        }
    }
}

pub(super) async fn connect(names: &Names, via: Option<&Via>, target: &str) -> Result<TcpStream, Trouble> {
    let (host, port) = host_and_port(target)?;
    match via {
        Some(Via::Proxy(proxy)) => through_proxy(names, proxy, host, port).await,
        Some(Via::Address(_)) | None => {
            let found = names.addresses_of(host, address_of(via)).await;
            first_of(found.map_err(Trouble::of_lookup)?, port, via).await
        }
    }
}

/// The address of ours to come from.
pub(super) fn address_of(via: Option<&Via>) -> Option<IpAddr> {
    match via {
        Some(Via::Address(address)) => Some(*address),
        Some(Via::Proxy(_)) | None => None,
    }
}

async fn first_of(addresses: Vec<IpAddr>, port: u16, via: Option<&Via>) -> Result<TcpStream, Trouble> {
    let from = address_of(via);
    let tries = addresses.into_iter().take(AT_ONCE).map(|ip| {
        let connection = connect_from(from, SocketAddr::new(ip, port));
        Box::pin(connection)
    });
    let (stream, _others) = select_ok(tries).await.map_err(|error| Trouble::of_io(&error))?;
    Ok(stream)
}

pub(super) async fn connect_from(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let Some(from) = from else {
        return TcpStream::connect(to).await;
    };
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// RFC 9110 §9.3.6: the proxy looks the name up, and tells by its status whether it got there.
async fn through_proxy(names: &Names, proxy: &str, host: &str, port: u16) -> Result<TcpStream, Trouble> {
    let way = |trouble: Trouble| Trouble::new(Fault::Other, format!("the proxy {proxy}: {}", trouble.why));
    let mut stream = Box::pin(connect(names, None, proxy)).await.map_err(way)?;
    let wish = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    let broken = |error: io::Error| way(Trouble::of_io(&error));
    stream.write_all(wish.as_bytes()).await.map_err(broken)?;
    match status_of_tunnel(&mut stream).await.map_err(broken)? {
        200..=299 => Ok(stream),
        407 => Err(way(Trouble::new(Fault::Other, "it wants a password"))),
        504 => Err(Trouble::new(Fault::Timeout, "the proxy gets no answer from there")),
        status => Err(Trouble::new(Fault::Unreachable, format!("the proxy does not get there: status {status}"))),
    }
}

/// Letter by letter, so that nothing is taken that belongs to the tunnel.
async fn status_of_tunnel(stream: &mut TcpStream) -> io::Result<u16> {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < LONGEST_ANSWER {
        answer.push(stream.read_u8().await?);
    }
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "this is no HTTP proxy"))
}

/// `host`, `host:port`, `[address]:port`; port 443 where none is said.
pub(super) fn host_and_port(target: &str) -> Result<(&str, u16), Trouble> {
    let fault = || Trouble::new(Fault::Other, format!("`{target}` is not `host:port`"));
    match target.rsplit_once(':') {
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => Ok((target, HTTPS)),
        Some((host, port)) if !port.ends_with(']') => Ok((host, port.parse().map_err(|_| fault())?)),
        _ => Ok((target, HTTPS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_with_or_without_a_port() {
        assert_eq!(host_and_port("a.example"), Ok(("a.example", 443)));
        assert_eq!(host_and_port("a.example:5061"), Ok(("a.example", 5061)));
        assert_eq!(host_and_port("[::1]:80"), Ok(("[::1]", 80)));
        assert_eq!(host_and_port("[::1]"), Ok(("[::1]", 443)));
        assert_eq!(host_and_port("::1"), Ok(("::1", 443)));
        assert!(host_and_port("a.example:https").is_err());
    }
}
