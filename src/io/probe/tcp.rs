//! Is anybody listening: a connection to the first address that takes it.

use std::net::SocketAddr;

use futures_util::future::select_ok;
use tokio::net::TcpStream;

use crate::io::probe::dns::Names;

/// Addresses of one name that are tried at the same time.
const AT_ONCE: usize = 4;

const HTTPS: u16 = 443;

pub(super) async fn connect(names: &Names, target: &str) -> Result<TcpStream, String> {
    let (host, port) = host_and_port(target)?;
    let found = names.addresses_of(host).await;
    let addresses = found.map_err(|why| format!("name lookup: {why}"))?;
    let tries = addresses.into_iter().take(AT_ONCE).map(|ip| {
        let connection = TcpStream::connect(SocketAddr::new(ip, port));
        Box::pin(connection)
    });
    let (stream, _others) = select_ok(tries).await.map_err(|error| error.to_string())?;
    Ok(stream)
}

/// `host`, `host:port`, `[address]:port`; port 443 where none is said.
pub(super) fn host_and_port(target: &str) -> Result<(&str, u16), String> {
    let fault = || format!("`{target}` is not `host:port`");
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
