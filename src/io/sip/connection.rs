//! One open stream to its last byte: cuts messages out of it, writes messages to it, and knows when to give up.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use futures_util::SinkExt;
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::ReadHalf;
use tokio::io::WriteHalf;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::io::sip::Arrival;
use crate::io::sip::limits::Limits;
use crate::io::sip::queue::Waiting;
use crate::io::sip::streams::Report;
use crate::io::sip::wire::Socket;
use crate::io::sip::wire::Wire;
use crate::sip::framing::Frame;
use crate::sip::framing::Framer;
use crate::sip::framing::PONG;
use crate::sip::hop::Hop;
use crate::sip::hop::Packet;
use crate::sip::hop::Transmit;

/// Octets of one read, and of messages that are written together.
const CHUNK: usize = 16 * 1024;
/// A browser cannot ping, and a proxy before us closes what is silent for a minute: we do it. RFC 7118 §6.
const FRAMES_PINGED_EVERY: Duration = Duration::from_secs(30);
/// RFC 5626 §4.4.1, as browsers send it: in a message of its own.
const PING: &[u8] = b"\r\n\r\n";

/// What a connection's task is tied to.
#[derive(Debug)]
pub(super) struct Line {
    /// Names the connection.
    pub(super) hop: Hop,
    pub(super) waiting: Waiting,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) limits: Arc<Limits>,
}

/// How messages stand in a stream.
#[derive(Debug)]
pub(super) enum Carrier {
    /// One behind the other, RFC 3261 §18.3.
    Stream(Wire),
    /// One to a frame, RFC 7118 §5.
    Frames(Box<WebSocketStream<Wire>>),
}

impl Carrier {
    pub(super) fn plain(stream: TcpStream) -> Carrier {
        Carrier::Stream(Wire::Plain(Socket::new(stream)))
    }

    /// See [`Wire::move_here`].
    pub(super) fn move_here(&mut self) -> io::Result<()> {
        match self {
            Carrier::Stream(wire) => wire.move_here(),
            Carrier::Frames(socket) => socket.get_mut().move_here(),
        }
    }
}

/// Why a stream is no more.
#[derive(Debug)]
pub(super) enum End {
    /// By the peer, or because we end.
    Closed,
    Broken(io::Error),
    /// It could not be opened, or its handshake failed.
    Refused(io::Error),
    /// The handshake took too long, or no message came.
    Mute,
    /// Nothing came for a long time.
    Idle,
    /// It did not take what we sent.
    Slow,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Closed => f.write_str("closed"),
            End::Broken(error) => write!(f, "broken: {error}"),
            End::Refused(error) => write!(f, "not opened: {error}"),
            End::Mute => f.write_str("no handshake or message came in time"),
            End::Idle => f.write_str("nothing came for a long time"),
            End::Slow => f.write_str("the peer does not read what we send it"),
        }
    }
}

impl Line {
    /// Nobody listens any more: the process is ending.
    pub(super) async fn ended(self, end: End) {
        let connection = self.hop.connection.expect("a line names its connection");
        let _ = self.reports.send(Report::Ended(connection, end)).await;
    }

    /// Hands back what waited for a connection that cannot be opened: nobody else knows of it yet.
    pub(super) async fn hand_back(&mut self) {
        self.waiting.close();
        while let Some(bytes) = self.waiting.next().await {
            let transmit = Transmit { hop: self.hop, bytes };
            let _ = self.reports.send(Report::Arrived(Arrival::Unsent(transmit))).await;
        }
    }
}

/// Reads and writes until either fails; then says so, once.
pub(super) async fn serve(carrier: Carrier, mut line: Line) {
    let end = match carrier {
        Carrier::Stream(wire) => {
            let (reader, writer) = tokio::io::split(wire);
            let (pongs, ponging) = mpsc::channel(1);
            let Line { hop, waiting, reports, limits } = &mut line;
            tokio::select! {
                end = read(reader, *hop, reports, &pongs, limits) => end,
                end = write(writer, waiting, ponging, limits.written_within) => end,
            }
        }
        Carrier::Frames(socket) => exchange_frames(*socket, &mut line).await,
    };
    line.ended(end).await;
}

async fn read(
    mut reader: ReadHalf<Wire>,
    hop: Hop,
    reports: &mpsc::Sender<Report>,
    pongs: &mpsc::Sender<()>,
    limits: &Limits,
) -> End {
    let mut framer = Framer::within(limits.sizes);
    let mut chunk = vec![0; CHUNK];
    // For the whole of the first message: one that comes letter by letter is no phone either.
    let first = tokio::time::sleep(limits.first_message_within);
    tokio::pin!(first);
    let mut heard = false;
    loop {
        let read = tokio::select! {
            read = timeout(limits.silent_for, reader.read(&mut chunk)) => read,
            () = &mut first, if !heard => return End::Mute,
        };
        let length = match read {
            Err(_) => return End::Idle,
            Ok(Err(error)) => return End::Broken(error),
            Ok(Ok(0)) => return End::Closed,
            Ok(Ok(length)) => length,
        };
        framer.push(&chunk[..length]);
        while let Some(frame) = framer.next_frame() {
            heard |= !matches!(frame, Frame::Bad(_));
            take(frame, hop, reports, pongs).await;
        }
    }
}

async fn take(frame: Frame, hop: Hop, reports: &mpsc::Sender<Report>, pongs: &mpsc::Sender<()>) {
    let report = match frame {
        Frame::Message(bytes) => Report::Arrived(Arrival::Packet(Packet { hop, bytes })),
        Frame::Ping => {
            // One pong answers for all pings that came before it was written.
            let _ = pongs.try_send(());
            return;
        }
        Frame::Bad(error) => {
            tracing::debug!(remote = %hop.remote, %error, "a message cannot be cut from a stream");
            Report::Bad(hop, error)
        }
    };
    // Waits while the event loop is behind: the peer's own sending is slowed down by it.
    let _ = reports.send(report).await;
}

async fn write(
    mut writer: WriteHalf<Wire>,
    waiting: &mut Waiting,
    mut pongs: mpsc::Receiver<()>,
    patience: Duration,
) -> End {
    let mut batch = BytesMut::new();
    loop {
        let first = tokio::select! {
            message = waiting.next() => message,
            ping = pongs.recv() => ping.map(|()| Bytes::from_static(PONG)),
        };
        let Some(first) = first else { return End::Closed };
        let octets = gather(first, waiting, &mut batch);
        let written = timeout(patience, async {
            writer.write_all(&octets).await?;
            writer.flush().await
        });
        match written.await {
            Err(_) => return End::Slow,
            Ok(Err(error)) => return End::Broken(error),
            Ok(Ok(())) => {}
        }
    }
}

/// What waits already leaves in one write; a single message is not copied.
fn gather(first: Bytes, waiting: &mut Waiting, batch: &mut BytesMut) -> Bytes {
    let Some(second) = waiting.more() else {
        return first;
    };
    batch.extend_from_slice(&first);
    batch.extend_from_slice(&second);
    while batch.len() < CHUNK
        && let Some(next) = waiting.more()
    {
        batch.extend_from_slice(&next);
    }
    batch.split().freeze()
}

async fn exchange_frames(mut socket: WebSocketStream<Wire>, line: &mut Line) -> End {
    let Line { hop, waiting, reports, limits } = line;
    let mut pings = tokio::time::interval(FRAMES_PINGED_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let first = tokio::time::sleep(limits.first_message_within);
    tokio::pin!(first);
    let mut heard = false;
    loop {
        let answer = tokio::select! {
            frame = timeout(limits.silent_for, socket.next()) => match frame {
                Err(_) => return End::Idle,
                Ok(None | Some(Ok(Message::Close(_)))) => return End::Closed,
                Ok(Some(Err(error))) => return End::Broken(io::Error::other(error)),
                Ok(Some(Ok(frame))) => {
                    let answer = take_frame(frame, *hop, reports, &mut heard).await;
                    let Some(answer) = answer else { continue };
                    answer
                }
            },
            message = waiting.next() => match message {
                Some(bytes) => frame_of(bytes),
                None => return End::Closed,
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
            () = &mut first, if !heard => return End::Mute,
        };
        match timeout(limits.written_within, socket.send(answer)).await {
            Err(_) => return End::Slow,
            Ok(Err(error)) => return End::Broken(io::Error::other(error)),
            Ok(Ok(())) => {}
        }
    }
}

/// Pings of the protocol are answered by the library.
async fn take_frame(frame: Message, hop: Hop, reports: &mpsc::Sender<Report>, heard: &mut bool) -> Option<Message> {
    let bytes = match frame {
        Message::Text(text) => Bytes::from(text),
        Message::Binary(bytes) => bytes,
        _ => return None,
    };
    *heard = true;
    if bytes == PING {
        return Some(Message::Text(Utf8Bytes::from_static("\r\n")));
    }
    let _ = reports.send(Report::Arrived(Arrival::Packet(Packet { hop, bytes }))).await;
    None
}

/// RFC 7118 §4.2: text where it is text, as most clients expect it.
fn frame_of(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}
