//! Is it really them: a handshake with their name, and a certificate that is valid today.

use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::io::probe::dns::Names;
use crate::io::probe::tcp;

pub(super) async fn shake_hands(names: &Names, connector: &TlsConnector, target: &str) -> Result<(), String> {
    let (host, _) = tcp::host_and_port(target)?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| format!("`{host}` cannot be the name in a certificate"))?;
    let stream = tcp::connect(names, target).await?;
    let shaken = connector.connect(name, stream).await;
    shaken.map(drop).map_err(|error| error.to_string())
}
