//! Connection reuse of RFC 5923: a peer that called us can ask to be called over the same stream.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::sip::hop::Hop;
use crate::sip::message::Message;

/// Where the sender of this request listens and would rather be reached over the stream that it came by; none if it does
/// not ask for that. RFC 5923 §4.
pub(super) fn wanted(message: &Bytes, hop: Hop) -> Option<SocketAddr> {
    let Ok(Message::Request(request)) = Message::parse(message.clone()) else {
        return None;
    };
    let via = request.headers.via().ok().filter(|via| via.params.has("alias"))?;
    Some(SocketAddr::new(hop.remote.ip(), via.port.unwrap_or(hop.transport.default_port())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::hop::Transport;

    #[test]
    fn only_who_asks_is_called_over_its_own_stream() {
        let [local, remote] = ["192.0.2.1:5061", "198.51.100.7:40000"].map(|address| address.parse().unwrap());
        let hop = Hop { transport: Transport::Tls, local, remote, connection: None };
        let place = |via: &str| {
            let text = format!("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TLS {via}\r\nCSeq: 1 OPTIONS\r\n\r\n");
            wanted(&Bytes::from(text), hop).map(|place| place.to_string())
        };
        assert_eq!(place("proxy.example:5071;branch=z9hG4bK1;alias").as_deref(), Some("198.51.100.7:5071"));
        assert_eq!(place("proxy.example;alias;branch=z9hG4bK1").as_deref(), Some("198.51.100.7:5061"));
        assert_eq!(place("proxy.example:5071;branch=z9hG4bK1"), None);
        assert_eq!(wanted(&Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n"), hop), None);
    }
}
