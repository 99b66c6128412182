//! What stands between a connection and its first message: being accepted, TLS, and the upgrade to a WebSocket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::server::Acceptor;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::TlsConnector;

use crate::io::sip::connection;
use crate::io::sip::connection::Carrier;
use crate::io::sip::connection::End;
use crate::io::sip::connection::Line;
use crate::io::sip::streams::Report;
use crate::io::sip::tls::Inside;
use crate::io::sip::tls::Met;
use crate::io::sip::tls::Tls;
use crate::io::sip::tls::names_in;
use crate::io::sip::websocket;
use crate::io::sip::wire::Socket;
use crate::io::sip::wire::Wire;
use crate::sip::hop::Transport;

/// A connection that is through its handshakes.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) line: Line,
    pub(super) carrier: Carrier,
    /// What the peer's verified certificate may be called by.
    pub(super) names: Vec<String>,
}

/// Greets a peer that connected to us, and reports when it is through.
pub(super) async fn greet(stream: TcpStream, line: Line, tls: Arc<Tls>, origins: Arc<[String]>) {
    let transport = line.hop.transport;
    let greeted = timeout(line.limits.greeted_within, async {
        // It came to life on another thread; until it is through, it is this one's.
        let mut wire = Wire::Plain(Socket::new(stream));
        wire.move_here()?;
        let wire = match transport {
            Transport::Tls => accept_tls(wire, &tls, Inside::Sip).await?,
            Transport::Wss => accept_tls(wire, &tls, Inside::Http).await?,
            Transport::Udp | Transport::Tcp | Transport::Ws => wire,
        };
        let names = wire.certificate().map(names_in).unwrap_or_default();
        let carrier = match transport {
            Transport::Ws | Transport::Wss => Carrier::Frames(Box::new(websocket::accept(wire, &origins).await?)),
            Transport::Udp | Transport::Tcp | Transport::Tls => Carrier::Stream(wire),
        };
        Ok((carrier, names))
    });
    match greeted.await {
        Ok(Ok((carrier, names))) => ready(Ready { line, carrier, names }).await,
        Ok(Err(error)) => line.ended(End::Refused(error)).await,
        Err(_) => line.ended(End::Mute).await,
    }
}

async fn ready(ready: Ready) {
    let reports = ready.line.reports.clone();
    let _ = reports.send(Report::Ready(Box::new(ready))).await;
}

async fn accept_tls(wire: Wire, tls: &Tls, inside: Inside) -> io::Result<Wire> {
    let Wire::Plain(socket) = wire else {
        return Ok(wire);
    };
    let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    let hello = start.client_hello();
    let config = tls.server(inside, hello.alpn().into_iter().flatten());
    let config = config.ok_or_else(|| io::Error::other("there is no certificate to show"))?;
    let stream = start.into_stream(config).await?;
    Ok(Wire::Tls(Box::new(stream.into())))
}

/// Opens a stream of ours and serves it on the same thread; what waited for one that cannot be opened is handed back.
pub(super) async fn call(mut line: Line) {
    match timeout(line.limits.connected_within, connect(&line)).await {
        Ok(Ok(wire)) => return connection::serve(Carrier::Stream(wire), line).await,
        Ok(Err(error)) => fail(&mut line, &error).await,
        Err(_) => fail(&mut line, &io::ErrorKind::TimedOut.into()).await,
    }
    line.ended(End::Refused(io::ErrorKind::NotConnected.into())).await;
}

/// The same with TLS, whose handshake is reported before it is served.
pub(super) async fn call_tls(mut line: Line, met: Met) {
    let within = line.limits.connected_within + line.limits.greeted_within;
    match timeout(within, connect_tls(&line, &met)).await {
        Ok(Ok(wire)) => {
            let names = wire.certificate().map(names_in).unwrap_or_default();
            return ready(Ready { line, carrier: Carrier::Stream(wire), names }).await;
        }
        Ok(Err(error)) => {
            tracing::warn!(remote = %line.hop.remote, host = ?met.name, %error, "no TLS with this peer");
            fail(&mut line, &error).await;
        }
        Err(_) => fail(&mut line, &io::ErrorKind::TimedOut.into()).await,
    }
    line.ended(End::Refused(io::ErrorKind::NotConnected.into())).await;
}

async fn fail(line: &mut Line, error: &io::Error) {
    tracing::debug!(remote = %line.hop.remote, transport = %line.hop.transport, %error, "no connection");
    line.hand_back().await;
}

async fn connect(line: &Line) -> io::Result<Wire> {
    let stream = dial(line.hop.local, line.hop.remote).await?;
    Ok(Wire::Plain(Socket::new(stream)))
}

/// From the address that our Via names: a peer that knows us by it must see it.
async fn dial(local: SocketAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Err(error) = socket.bind(SocketAddr::new(local.ip(), 0)) {
        tracing::debug!(%local, %error, "this machine has no such address any more; the system chooses another");
    }
    socket.connect(remote).await
}

async fn connect_tls(line: &Line, met: &Met) -> io::Result<Wire> {
    let name =
        met.name.clone().ok_or_else(|| io::Error::other("the trunk's host is no name that a certificate can have"))?;
    let stream = timeout(line.limits.connected_within, dial(line.hop.local, line.hop.remote)).await??;
    let stream = TlsConnector::from(Arc::clone(&met.config)).connect(name, Socket::new(stream)).await?;
    Ok(Wire::Tls(Box::new(stream.into())))
}
