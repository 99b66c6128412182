//! What a REGISTER tells of the way it took: whether a NAT stands between, and whether something wrote in the message.
//!
//! A NAT changes the addresses of packets and nothing inside them. A router with a "SIP ALG" also rewrites headers, often
//! only some of them, and breaks calls that would have worked. It gives itself away where one header names the address that
//! only the outside sees, while another still names the phone's own. Each sign below is one that no phone makes by itself:
//! better one router unnoticed than a good one blamed.

use std::net::IpAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::sip::digest::signed_uri;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::network::is_public;
use crate::sip::nonce::Mark;
use crate::sip::uri::Uri;

/// What stands between a phone and us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// The phone believes to be elsewhere than where its packets come from.
    behind_nat: bool,
    signs: u8,
}

const CONTACT: u8 = 1;
const CALL_ID: u8 = 2;
const TO: u8 = 4;
const REQUEST_URI: u8 = 8;

/// What each sign says to the operator.
const WORDS: [(u8, &str); 4] = [
    (
        CONTACT,
        "before any answer of ours the Contact named the public address, while the Via named a private one \
         (the router's SIP ALG, or STUN in the phone)",
    ),
    (CALL_ID, "the Call-ID names the public address, while the Via names a private one"),
    (TO, "the To names the phone's public address in place of our domain"),
    (REQUEST_URI, "the Request-URI names another address than the one that the phone signed"),
];

/// The mark of a challenge whose REGISTER named the public address in its Contact although nobody had told it.
const CONTACT_KNEW: Mark = Mark(1);

impl Translation {
    /// `mark` is what [`first_look`] found in the request that was challenged.
    pub(super) fn of(request: &Request, hop: &Hop, mark: Mark) -> Translation {
        let headers = &request.headers;
        let Some(way) = Way::of(headers, hop) else {
            return Translation::default();
        };
        let sign = |is_there: bool, sign: u8| if is_there { sign } else { 0 };
        let signs = match way.can_be_rewritten(headers) {
            true => {
                sign(mark == CONTACT_KNEW && way.hides(), CONTACT)
                    | sign(way.hides() && way.is_source(call_id_host(headers)), CALL_ID)
                    | sign(way.names_source_as_domain(headers), TO)
                    | sign(was_redirected(request, hop), REQUEST_URI)
            }
            false => 0,
        };
        Translation { behind_nat: way.via != way.source, signs }
    }

    /// A sign that was seen once does not go away because a refresh cannot show it.
    pub(super) fn and_before(self, before: Translation) -> Translation {
        Translation { signs: self.signs | before.signs, ..self }
    }

    pub(super) fn is_rewritten(self) -> bool {
        self.signs != 0
    }

    /// `none`, `nat` or `alg`, for the API.
    pub(super) fn word(self) -> &'static str {
        match (self.is_rewritten(), self.behind_nat) {
            (true, _) => "alg",
            (false, true) => "nat",
            (false, false) => "none",
        }
    }

    pub(super) fn evidence(self) -> Vec<&'static str> {
        WORDS.iter().filter(|(sign, _)| self.signs & sign != 0).map(|(_, words)| *words).collect()
    }
}

/// What a REGISTER without credentials shows, to be noted in the challenge. `Fresh` phones only: one that was answered by
/// us before may have learned its public address from our answers.
pub(super) fn first_look(request: &Request, hop: &Hop) -> Mark {
    let headers = &request.headers;
    let Some(way) = Way::of(headers, hop).filter(|way| way.hides() && way.can_be_rewritten(headers)) else {
        return Mark::default();
    };
    let contacts = headers.contacts().unwrap_or_default();
    let knows = |uri: &Uri| way.is_source(uri.host.address()) && uri.port.is_none_or(|port| port == hop.remote.port());
    let all_know = !contacts.is_empty() && contacts.iter().all(|contact| knows(&contact.uri));
    if all_know { CONTACT_KNEW } else { Mark::default() }
}

/// Where the phone says it is, and where it is.
struct Way {
    via: IpAddr,
    source: IpAddr,
    local: IpAddr,
    is_secure: bool,
}

impl Way {
    fn of(headers: &Headers, hop: &Hop) -> Option<Way> {
        Some(Way {
            via: headers.via_address()?,
            source: hop.remote.ip().to_canonical(),
            local: hop.local.ip().to_canonical(),
            is_secure: hop.transport.is_secure(),
        })
    }

    /// What is encrypted nobody rewrites, and a proxy may.
    fn can_be_rewritten(&self, headers: &Headers) -> bool {
        !self.is_secure && headers.list_bytes(&Name::Via).nth(1).is_none()
    }

    /// The phone names an address of its own that the outside does not see.
    fn hides(&self) -> bool {
        self.via != self.source && !is_public(self.via)
    }

    fn is_source(&self, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| address == self.source && address != self.local)
    }

    /// The To of a REGISTER is our domain: a phone never puts itself there.
    fn names_source_as_domain(&self, headers: &Headers) -> bool {
        self.is_source(headers.to_address())
    }
}

/// Many phones write `number@their-own-address`.
fn call_id_host(headers: &Headers) -> Option<IpAddr> {
    let (_, host) = headers.call_id().ok()?.rsplit_once('@')?;
    host.trim_matches(['[', ']']).parse().ok()
}

/// The phone signs the URI that it sends to. Two addresses that differ were made to differ; names may be resolved on the
/// way, and a test tool that signs the address it sends to is not meant.
fn was_redirected(request: &Request, hop: &Hop) -> bool {
    let Some(sent) = request.uri.host.address() else {
        return false;
    };
    let signed = signed_uri(request).and_then(|uri| uri.host.address());
    signed.is_some_and(|signed| sent != signed && signed != hop.local.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::hop::Transport;
    use crate::sip::message::Message;

    const PUBLIC: &str = "203.0.113.9:40000";

    fn hop(transport: Transport) -> Hop {
        Hop { transport, local: "192.0.2.1:5060".parse().unwrap(), remote: PUBLIC.parse().unwrap(), connection: None }
    }

    struct Letter {
        uri: &'static str,
        via: &'static str,
        to: &'static str,
        call_id: &'static str,
        contact: &'static str,
        more: &'static str,
    }

    /// As a phone at 192.168.1.5 writes it, untouched.
    const HONEST: Letter = Letter {
        uri: "sip:desvio.local",
        via: "SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bK1;rport",
        to: "<sip:200@desvio.local>",
        call_id: "77@192.168.1.5",
        contact: "<sip:200@192.168.1.5:5060>",
        more: "",
    };

    fn request(letter: &Letter) -> Request {
        let Letter { uri, via, to, call_id, contact, more } = letter;
        let text = format!(
            "REGISTER {uri} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:200@desvio.local>;tag=1\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 REGISTER\r\nContact: {contact}\r\n{more}Content-Length: 0\r\n\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(Bytes::from(text)) else { panic!("malformed") };
        request
    }

    fn seen(letter: &Letter) -> &'static str {
        let request = request(letter);
        let mark = first_look(&request, &hop(Transport::Udp));
        Translation::of(&request, &hop(Transport::Udp), mark).word()
    }

    #[test]
    fn a_nat_alone_is_no_crime() {
        assert_eq!(seen(&HONEST), "nat");
        let open = Letter { via: "SIP/2.0/UDP 203.0.113.9:40000;branch=z9hG4bK1", ..HONEST };
        assert_eq!(seen(&open), "none", "with STUN in every header, or without any NAT");
    }

    #[test]
    fn a_contact_that_knew_the_public_address_before_we_told_it() {
        let rewritten = Letter { contact: "<sip:200@203.0.113.9:40000>", ..HONEST };
        assert_eq!(seen(&rewritten), "alg");
        let request = request(&rewritten);
        assert_eq!(
            Translation::of(&request, &hop(Transport::Udp), Mark(0)).word(),
            "nat",
            "pjsip and Linphone learn it"
        );
        let other_port = Letter { contact: "<sip:200@203.0.113.9:5060>", ..HONEST };
        assert_eq!(seen(&other_port), "nat");
    }

    #[test]
    fn a_call_id_that_names_the_outside() {
        assert_eq!(seen(&Letter { call_id: "77@203.0.113.9", ..HONEST }), "alg");
        let host_of_its_own = Letter {
            via: "SIP/2.0/UDP 203.0.113.9:40000;branch=z9hG4bK1",
            call_id: "77@203.0.113.9",
            contact: "<sip:200@203.0.113.9:40000>",
            ..HONEST
        };
        assert_eq!(seen(&host_of_its_own), "none", "a phone without NAT may well name its address");
    }

    #[test]
    fn a_domain_that_became_the_phone() {
        assert_eq!(seen(&Letter { to: "<sip:200@203.0.113.9>", ..HONEST }), "alg");
        assert_eq!(seen(&Letter { to: "<sip:200@192.0.2.1>", ..HONEST }), "nat", "our address will do for our domain");
    }

    #[test]
    fn a_request_uri_that_is_not_what_was_signed() {
        let signed = "Authorization: Digest username=\"200\", realm=\"r\", nonce=\"n\", uri=\"sip:198.51.100.1\", response=\"x\"\r\n";
        let redirected = Letter { uri: "sip:192.0.2.1", more: signed, ..HONEST };
        assert_eq!(seen(&redirected), "alg");
        assert_eq!(seen(&Letter { uri: "sip:198.51.100.1:5060", more: signed, ..HONEST }), "nat");
        assert_eq!(seen(&Letter { more: signed, ..HONEST }), "nat", "a name may stand for any address");
    }

    #[test]
    fn nobody_is_blamed_behind_a_proxy_or_over_tls() {
        let rewritten = Letter { call_id: "77@203.0.113.9", ..HONEST };
        let over_tls = Translation::of(&request(&rewritten), &hop(Transport::Tls), Mark(1));
        assert_eq!((over_tls.word(), over_tls.evidence()), ("nat", vec![]));
        let proxied = Letter {
            via: "SIP/2.0/UDP 192.168.1.1;branch=z9hG4bK2, SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK1",
            ..rewritten
        };
        assert_eq!(seen(&proxied), "nat");
    }
}
