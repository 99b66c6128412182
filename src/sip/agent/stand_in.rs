//! Answers that the sockets give themselves, because the message in question never reaches the user agent or the peer.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::sip::agent::core::add_tag;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::parse::ParseError;

/// The answer to what [`crate::sip::framing`] could not cut from a stream; none where it must be dropped silently.
pub fn refusal(error: &ParseError, remote: SocketAddr, tag: u64) -> Option<Bytes> {
    let mut reply = error.reply()?;
    reply.headers.stamp_via(remote);
    add_tag(&mut reply, tag);
    Some(reply.write())
}

/// What stands for the answer to a request of ours that could not be sent at all: 503, RFC 3261 §8.1.3.1.
pub(super) fn unreachable(sent: Bytes) -> Option<Bytes> {
    match Message::parse(sent) {
        Ok(Message::Request(request)) if request.method != Method::Ack => Some(request.reply(503).write()),
        _ => None,
    }
}
