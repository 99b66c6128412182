//! One datagram socket: read and written without waiting, with a bounded queue for what the kernel cannot take yet.
//!
//! The kernel is asked to tell when there is something to read, and only while something waits to be written when that is
//! possible: otherwise every datagram that has left would wake the event loop once more.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::io::sip::DATAGRAM;
use crate::io::sip::error::ListenError;
use crate::sip::config::Listener;

/// Asked of the kernel in each direction, in bytes: a burst of some 4,000 INVITEs. It may grant less (`net.core.rmem_max`).
const KERNEL_BUFFER: usize = 8 << 20;
/// Datagrams that wait for room in the kernel's buffer. SIP repeats what is lost beyond it.
const MOST_WAITING: usize = 4_096;

#[derive(Debug)]
pub(super) struct Port {
    socket: AsyncFd<UdpSocket>,
    local: SocketAddr,
    waiting: VecDeque<(SocketAddr, Bytes)>,
    /// The same socket once more, while something waits.
    writable: Option<AsyncFd<UdpSocket>>,
}

/// Why a datagram is lost.
#[derive(Debug)]
pub(super) enum SendError {
    Full,
    System(io::Error),
}

impl Port {
    pub(super) fn bind(listener: Listener) -> Result<Port, ListenError> {
        let socket = bind(listener.address).map_err(|why| ListenError::new(listener, why))?;
        let local = socket.get_ref().local_addr().map_err(|why| ListenError::new(listener, why))?;
        Ok(Port { socket, local, waiting: VecDeque::new(), writable: None })
    }

    /// As bound; the address may be a wildcard.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_read_ready(context).map(|_| ())
    }

    /// One datagram, in the buffer; none when there is none now. An error of the socket is one of an earlier send: the next
    /// call goes on behind it.
    pub(super) fn receive<'b>(&self, buffer: &'b mut [u8; DATAGRAM]) -> Option<(SocketAddr, &'b [u8])> {
        match self.socket.try_io(Interest::READABLE, |socket| socket.recv_from(buffer)) {
            Ok((length, remote)) => Some((remote, &buffer[..length])),
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    tracing::debug!(local = %self.local, %error, "a datagram could not be read");
                }
                None
            }
        }
    }

    /// Sends now, else queues behind what waits already: order is kept.
    pub(super) fn send(&mut self, bytes: &Bytes, remote: SocketAddr) -> Result<(), SendError> {
        if self.waiting.is_empty() {
            match self.socket.get_ref().send_to(bytes, remote) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(SendError::System(error)),
            }
        }
        if self.waiting.len() >= MOST_WAITING {
            return Err(SendError::Full);
        }
        self.waiting.push_back((remote, bytes.clone()));
        Ok(())
    }

    /// Writes what waits as far as the kernel takes it, and asks to be woken for the rest.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) {
        while let Some((remote, bytes)) = self.waiting.front() {
            if self.writable.is_none() {
                self.writable =
                    self.socket.get_ref().try_clone().and_then(|socket| watch(socket, Interest::WRITABLE)).ok();
            }
            let ready = self.writable.as_ref().map(|socket| socket.poll_write_ready(context));
            let Some(Poll::Ready(Ok(mut ready))) = ready else {
                return;
            };
            match ready.try_io(|socket| socket.get_ref().send_to(bytes, *remote)) {
                Err(_would_block) => continue,
                Ok(Err(error)) => tracing::debug!(%remote, %error, "a datagram was not sent"),
                Ok(Ok(_)) => {}
            }
            self.waiting.pop_front();
        }
        self.writable = None;
    }
}

#[expect(deprecated, reason = "sound for a socket that is owned: it is open until it is no longer watched")]
fn watch(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, interest)
}

fn bind(address: SocketAddr) -> io::Result<AsyncFd<UdpSocket>> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` may both be listed; each family has its own socket and its own addresses in Via.
        socket.set_only_v6(true)?;
    }
    // The kernel cuts what is too much; less than asked for is no reason not to start.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    watch(socket.into(), Interest::READABLE)
}
