//! Is it really them: a handshake with their name, and a certificate that is valid today.

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::io::probe::certificate;
use crate::io::probe::names::Names;
use crate::io::probe::tcp;
use crate::io::probe::trouble::Trouble;
use crate::outage::fault::Fault;
use crate::outage::probe::Via;

/// When the certificate ends; `None`: it does not say so in a way that we understand.
pub(super) async fn shake_hands(
    names: &Names,
    connector: &TlsConnector,
    via: Option<&Via>,
    target: &str,
) -> Result<Option<Timestamp>, Trouble> {
    let (host, _) = tcp::host_and_port(target)?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| Trouble::new(Fault::Other, format!("`{host}` cannot be the name in a certificate")))?;
    let stream = tcp::connect(names, via, target).await?;
    let shaken = connector.connect(name, stream).await;
    let shaken = shaken.map_err(|error| Trouble::of_io(&error))?;
    let (_, session) = shaken.get_ref();
    let first = session.peer_certificates().and_then(|chain| chain.first());
    Ok(first.and_then(|first| certificate::not_after(first)))
}
