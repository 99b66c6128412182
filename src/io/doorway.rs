//! A door that anybody may knock at: so many connections at a time, and none that only holds its place.
//!
//! Whoever sends slowly, reads slowly or says nothing holds a place, and the places come free by themselves. Strangers have
//! their time and no more; programs stay as long as there is something to tell them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio::time::Sleep;
use tokio::time::sleep;

/// Connections at a time: of strangers, and of programs.
const MOST_STRANGERS: usize = 256;
const MOST_PROGRAMS: usize = 512;
/// However busy a stranger's connection is.
const LONGEST: Duration = Duration::from_secs(30);
/// A program that has been told nothing for so long has not finished its request, does not read, or is gone. Longer than
/// the comments of the event stream are apart, and than any request takes.
const UNANSWERED: Duration = Duration::from_secs(60);
/// After a failure to accept, such as no file descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

pub struct Doorway {
    listener: TcpListener,
    places: Arc<Semaphore>,
    stay: Stay,
}

/// How long a connection may be there.
#[derive(Debug, Clone, Copy)]
enum Stay {
    AtMost(Duration),
    /// Since we could last write to it.
    Unanswered(Duration),
}

/// One connection, which holds its place until it is dropped.
pub struct Visit {
    stream: TcpStream,
    stay: Stay,
    end: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Doorway {
    pub fn for_strangers(listener: TcpListener) -> Self {
        Self::with(listener, MOST_STRANGERS, Stay::AtMost(LONGEST))
    }

    pub fn for_programs(listener: TcpListener) -> Self {
        Self::with(listener, MOST_PROGRAMS, Stay::Unanswered(UNANSWERED))
    }

    fn with(listener: TcpListener, most: usize, stay: Stay) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(most)), stay }
    }
}

impl Stay {
    fn span(self) -> Duration {
        match self {
            Stay::AtMost(span) | Stay::Unanswered(span) => span,
        }
    }
}

impl Listener for Doorway {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else {
                sleep(PAUSE).await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let (stay, end) = (self.stay, Box::pin(sleep(self.stay.span())));
                    return (Visit { stream, stay, end, _place: place }, address);
                }
                Err(why) => {
                    tracing::debug!(%why, "nobody can come in");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Visit {
    fn is_over(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn on_written(&mut self) {
        if let Stay::Unanswered(span) = self.stay {
            self.end.as_mut().reset(Instant::now() + span);
        }
    }
}

impl AsyncRead for Visit {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.is_over(context)?;
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_over(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.on_written();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[test]
    fn who_says_nothing_holds_a_place_no_longer_than_he_may() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut door = Doorway::with(listener, 1, Stay::AtMost(Duration::from_millis(20)));
            let silent = TcpStream::connect(address).await.unwrap();
            let (mut visit, _) = door.accept().await;
            let read = visit.read(&mut [0; 8]).await;
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
            drop((visit, silent));
            let _next = TcpStream::connect(address).await.unwrap();
            door.accept().await;
        });
    }

    #[test]
    fn a_program_stays_while_it_is_told_something_and_not_by_sending_letter_by_letter() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut program = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let span = Duration::from_millis(200);
            let mut door = Doorway::with(listener, 1, Stay::Unanswered(span));
            let came = Instant::now();
            let (mut visit, _) = door.accept().await;
            sleep(span / 2).await;
            visit.write_all(b": still here").await.unwrap();
            let mut letters = 0;
            let why = loop {
                program.write_all(b"G").await.unwrap();
                match visit.read(&mut [0; 1]).await {
                    Ok(_) => letters += 1,
                    Err(why) => break why.kind(),
                }
                sleep(span / 20).await;
            };
            assert_eq!(why, io::ErrorKind::TimedOut);
            assert!(came.elapsed() >= span * 3 / 2 && letters > 1, "{:?}, {letters} letters", came.elapsed());
        });
    }
}
