//! Datagrams with the time at which the kernel had them.
//!
//! Over the loopback that is when the other side sent them: how late we come to read them is not among what is measured.

use std::io;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;
use std::time::SystemTime;

use nix::sys::socket::ControlMessageOwned;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::SockaddrIn;
use nix::sys::socket::recvmsg;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::time::TimeSpec;

pub(crate) struct Arrival {
    pub(crate) length: usize,
    pub(crate) from: SocketAddr,
    /// As [`now`].
    pub(crate) at: Duration,
}

/// The wall clock, which the kernel's stamps are on, since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// From now on the kernel stamps what this socket gets.
pub(crate) fn stamp(socket: &UdpSocket) -> io::Result<()> {
    Ok(setsockopt(socket, ReceiveTimestampns, &true)?)
}

/// Reads stamped datagrams without an allocation for each.
pub(crate) struct Reader {
    control: Vec<u8>,
}

impl Reader {
    pub(crate) fn new() -> Reader {
        Reader { control: nix::cmsg_space!(TimeSpec) }
    }

    /// The next datagram of a socket, which is IPv4's; `None` when none is there, or none came for as long as the socket waits.
    /// One without a stamp counts as lost.
    pub(crate) fn read(&mut self, socket: &UdpSocket, datagram: &mut [u8]) -> Option<Arrival> {
        let mut slices = [IoSliceMut::new(datagram)];
        let control = Some(self.control.as_mut_slice());
        let message = recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut slices, control, MsgFlags::empty()).ok()?;
        let stamp = message.cmsgs().ok()?.find_map(|part| match part {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
            _ => None,
        });
        let from = SocketAddr::V4(SocketAddrV4::from(message.address?));
        Some(Arrival { length: message.bytes, from, at: Duration::from(stamp?) })
    }
}
