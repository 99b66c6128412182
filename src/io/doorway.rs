//! A door that strangers may knock at: so many connections at a time, none for long.
//!
//! Whoever sends slowly, reads slowly or says nothing holds a place, and the places come free by themselves.

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
use tokio::time::Sleep;
use tokio::time::sleep;

/// Connections at a time.
const MOST: usize = 256;
/// However busy a connection is.
const LONGEST: Duration = Duration::from_secs(30);
/// After a failure to accept, such as no file descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

pub struct Doorway {
    listener: TcpListener,
    places: Arc<Semaphore>,
    longest: Duration,
}

/// One connection, which holds its place until it is dropped.
pub struct Visit {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Doorway {
    pub fn new(listener: TcpListener) -> Self {
        Self::with(listener, MOST, LONGEST)
    }

    fn with(listener: TcpListener, most: usize, longest: Duration) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(most)), longest }
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
                    return (Visit { stream, end: Box::pin(sleep(self.longest)), _place: place }, address);
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
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

    use super::*;

    #[test]
    fn who_says_nothing_holds_a_place_no_longer_than_he_may() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut door = Doorway::with(listener, 1, Duration::from_millis(20));
            let silent = TcpStream::connect(address).await.unwrap();
            let (mut visit, _) = door.accept().await;
            let read = visit.read(&mut [0; 8]).await;
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
            drop((visit, silent));
            let _next = TcpStream::connect(address).await.unwrap();
            door.accept().await;
        });
    }
}
