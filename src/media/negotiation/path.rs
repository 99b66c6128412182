//! Where packets go and in which portions.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use crate::media::codec::CodecKind;
use crate::media::codec::FRAME_MS;
use crate::media::negotiation::Local;
use crate::media::negotiation::fault::NegotiationError;
use crate::media::negotiation::ice;
use crate::media::sdp;
use crate::media::sdp::Connection;
use crate::media::sdp::Direction;
use crate::media::sdp::Media;
use crate::media::sdp::Session;
use crate::media::security::Ice;

/// Where the far side of a media line takes packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) remote: SocketAddr,
    pub(super) remote_rtcp: Option<SocketAddr>,
    /// What the address itself says: one to which nothing can be sent means hold.
    hold: Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    No,
    ByAddress,
}

impl Path {
    pub(super) fn find(
        local: &Local,
        session: &Session,
        theirs: &Media,
        ice: Option<&Ice>,
    ) -> Result<Path, NegotiationError> {
        if let Some(ice) = ice {
            return Ok(Path { remote: first_try(local, session, theirs, ice), remote_rtcp: None, hold: Hold::No });
        }
        let address = remote_address(local, session, theirs)?;
        let hold = if sdp::is_hold(address) { Hold::ByAddress } else { Hold::No };
        Ok(Path { remote: SocketAddr::new(address, theirs.port), remote_rtcp: remote_rtcp(theirs, address), hold })
    }

    /// What we may do.
    pub(super) fn direction(&self, session: &Session, theirs: &Media) -> Direction {
        let direction = session.direction_of(theirs).reversed();
        match self.hold {
            Hold::ByAddress => direction.without_sending(),
            Hold::No => direction,
        }
    }
}

/// Before ICE has found a pair: the address of the line itself, as long as it is one. RFC 8839 §3.2.1.1 fills it with zeros.
fn first_try(local: &Local, session: &Session, theirs: &Media, ice: &Ice) -> SocketAddr {
    let said = remote_address(local, session, theirs).ok().filter(|address| !sdp::is_hold(*address));
    let nowhere = match local.address.is_ipv4() {
        true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        false => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let said = said.map(|address| SocketAddr::new(address, theirs.port));
    said.or_else(|| ice::default_address(ice)).unwrap_or(SocketAddr::new(nowhere, theirs.port))
}

fn remote_address(local: &Local, session: &Session, theirs: &Media) -> Result<IpAddr, NegotiationError> {
    let local = local.address.ip();
    let unreachable = |address: String| NegotiationError::Unreachable { address, local };
    match session.connection_of(theirs) {
        Some(Connection::Address(address)) if address.is_ipv4() == local.is_ipv4() => Ok(*address),
        Some(Connection::Address(address)) if sdp::is_hold(*address) => Ok(*address),
        Some(Connection::Address(address)) => Err(unreachable(address.to_string())),
        Some(Connection::Name(name)) => Err(unreachable(name.clone())),
        None => Err(unreachable("no c= line".to_owned())),
    }
}

fn remote_rtcp(theirs: &Media, address: IpAddr) -> Option<SocketAddr> {
    if theirs.shares_rtcp() {
        return None;
    }
    match theirs.rtcp() {
        Some((port, elsewhere)) => Some(SocketAddr::new(elsewhere.unwrap_or(address), port)),
        None => Some(SocketAddr::new(address, theirs.port.saturating_add(1))),
    }
}

/// What the far side asks for, in whole frames of 20 ms and at most three; one for Opus, whose packets we do not string together.
pub(super) fn packet_time(theirs: &Media, codec: CodecKind) -> u8 {
    let wanted = theirs.ptime().unwrap_or(FRAME_MS).min(theirs.maxptime().unwrap_or(u32::MAX));
    match (codec, wanted) {
        (CodecKind::Opus, _) | (_, ..40) => 20,
        (_, 40..60) => 40,
        (_, 60..) => 60,
    }
}
