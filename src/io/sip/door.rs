//! One listening socket for streams.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::io::sip::streams::Report;
use crate::sip::hop::Transport;

/// Peers that wait to be accepted, asked of the kernel.
const BACKLOG: i32 = 1_024;
/// After a failure, so that a process without file descriptors does not spin.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn accept(listener: TcpListener, transport: Transport, reports: mpsc::Sender<Report>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if reports.send(Report::Accepted(stream, remote, transport)).await.is_err() {
                    return;
                }
            }
            // The process has no file descriptor left, or the peer was gone already: the next one may do better.
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the last run's connections to time out in the kernel.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
