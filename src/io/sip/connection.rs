//! One stream from its first byte to its last: cuts messages out of it, writes messages to it, and knows when to give up.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::ReadHalf;
use tokio::io::WriteHalf;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::io::sip::Arrival;
use crate::io::sip::tcp::Report;
use crate::sip::agent::stand_in::unreachable;
use crate::sip::framing::Frame;
use crate::sip::framing::Framer;
use crate::sip::framing::PONG;
use crate::sip::hop::ConnectionId;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transport;

/// A peer that connects and says nothing is not a phone.
const FIRST_WORD_WITHIN: Duration = Duration::from_secs(30);
/// Nothing at all from a peer for this long: longer than a registration lasts, so that an idle phone stays reachable.
const SILENT_FOR: Duration = Duration::from_secs(2 * 3_600);
/// One message must be taken by the peer's kernel within this time.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of one read.
const CHUNK: usize = 16 * 1024;

/// What a connection's task is tied to.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: ConnectionId,
    pub(super) remote: SocketAddr,
    pub(super) queue: mpsc::Receiver<Bytes>,
    pub(super) reports: mpsc::Sender<Report>,
}

/// Opens a connection of ours, then serves it like any other.
///
/// Nobody else knows its id yet, so what waited for one that cannot be opened is answered here.
pub(super) async fn open(mut line: Line, local: SocketAddr) {
    match timeout(CONNECTED_WITHIN, TcpStream::connect(line.remote)).await {
        Ok(Ok(stream)) => return serve(stream, line).await,
        Ok(Err(error)) => tracing::debug!(remote = %line.remote, %error, "no connection"),
        Err(_) => tracing::debug!(remote = %line.remote, "no connection in time"),
    }
    let Line { id, remote, ref mut queue, ref reports } = line;
    let hop = Hop { transport: Transport::Tcp, local, remote, connection: Some(id) };
    queue.close();
    while let Some(bytes) = queue.recv().await {
        if let Some(answer) = unreachable(bytes) {
            let _ = reports.send(Report::Arrived(Arrival::Packet(Packet { hop, bytes: answer }))).await;
        }
    }
    lost(reports, id).await;
}

/// Reads and writes until either fails; then says so, once.
pub(super) async fn serve(stream: TcpStream, line: Line) {
    let Line { id, remote, queue, reports } = line;
    // SIP messages are small and somebody waits for each of them.
    let _ = stream.set_nodelay(true);
    if let Ok(local) = stream.local_addr() {
        let hop = Hop { transport: Transport::Tcp, local, remote, connection: Some(id) };
        let (reader, writer) = tokio::io::split(stream);
        let (pongs, ponging) = mpsc::channel(1);
        let ended = tokio::select! {
            ended = read(reader, hop, &reports, &pongs) => ended,
            ended = write(writer, queue, ponging) => ended,
        };
        tracing::debug!(%remote, why = ?ended.err(), "connection ended");
    }
    lost(&reports, id).await;
}

async fn lost(reports: &mpsc::Sender<Report>, id: ConnectionId) {
    // Nobody listens any more: the process is ending.
    let _ = reports.send(Report::Arrived(Arrival::Lost(id))).await;
}

async fn read(
    mut reader: ReadHalf<TcpStream>,
    hop: Hop,
    reports: &mpsc::Sender<Report>,
    pongs: &mpsc::Sender<()>,
) -> io::Result<()> {
    let mut framer = Framer::new();
    let mut chunk = vec![0; CHUNK];
    let mut patience = FIRST_WORD_WITHIN;
    loop {
        let length = timeout(patience, reader.read(&mut chunk)).await??;
        if length == 0 {
            return Ok(());
        }
        framer.push(&chunk[..length]);
        while let Some(frame) = framer.next_frame() {
            patience = SILENT_FOR;
            take(frame, hop, reports, pongs).await;
        }
    }
}

async fn take(frame: Frame, hop: Hop, reports: &mpsc::Sender<Report>, pongs: &mpsc::Sender<()>) {
    let bytes = match frame {
        Frame::Message(bytes) => bytes,
        Frame::Ping => {
            // One pong answers for all pings that came before it was written.
            let _ = pongs.try_send(());
            return;
        }
        Frame::Bad(error) => {
            tracing::debug!(remote = %hop.remote, %error, "a message cannot be cut from a stream");
            let _ = reports.send(Report::Bad(hop, error)).await;
            return;
        }
    };
    // Waits while the event loop is behind: the peer's own sending is slowed down by it.
    let _ = reports.send(Report::Arrived(Arrival::Packet(Packet { hop, bytes }))).await;
}

async fn write(
    mut writer: WriteHalf<TcpStream>,
    mut queue: mpsc::Receiver<Bytes>,
    mut pongs: mpsc::Receiver<()>,
) -> io::Result<()> {
    loop {
        let bytes = tokio::select! {
            message = queue.recv() => message,
            ping = pongs.recv() => ping.map(|()| Bytes::from_static(PONG)),
        };
        let Some(bytes) = bytes else { return Ok(()) };
        timeout(WRITTEN_WITHIN, writer.write_all(&bytes)).await??;
    }
}
