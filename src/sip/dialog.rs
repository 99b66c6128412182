//! A dialog of RFC 3261 §12: who the two ends are, which number comes next, and the way to the other end.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::sip::agent::identity::number_text;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::network::is_public;
use crate::sip::uri::Uri;
use crate::sip::via::SentBy;

/// One dialog, from either side; early ones too.
#[derive(Debug)]
pub(in crate::sip) struct Dialog {
    call_id: Bytes,
    /// Our address with our tag, as it stands in From or To.
    local: Bytes,
    remote: Bytes,
    local_tag: u64,
    /// Empty while unknown, and for peers of RFC 2543.
    remote_tag: Box<str>,
    /// Of a caller: what the last provisional response named.
    early_tag: Box<str>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    target: Uri,
    routes: Vec<NameAddr>,
    hop: Hop,
    way: Way,
    role: Role,
    /// The user part of our Contact.
    pub(in crate::sip) contact_user: Option<String>,
}

/// How the next hop is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The peer's addresses can be reached as they are written.
    Written,
    /// The peer stands behind NAT or uses a stream: back over the hop that it used last.
    Back,
}

/// Which end began the dialog, and so made its Call-ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Role {
    Caller,
    Callee,
}

/// Why a request does not belong where its To tag points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sip) enum Mismatch {
    /// Answered 481.
    OtherDialog,
    /// Answered 500, RFC 3261 §12.2.2.
    OutOfOrder,
}

impl Dialog {
    /// RFC 3261 §12.1.1: the dialog that our answer to this INVITE creates.
    pub(in crate::sip) fn of_callee(invite: &Request, sent_by: SentBy, hop: Hop, local_tag: u64) -> Option<Dialog> {
        let headers = &invite.headers;
        let contact = headers.contacts().ok()?.into_iter().next();
        // RFC 2543 §6.13: who names no Contact is reached where the From says.
        let target = contact.or_else(|| headers.from_header().ok())?.uri;
        let mut dialog = Dialog {
            call_id: copied(headers.first_bytes(&Name::CallId)?),
            local: tagged(headers.first_bytes(&Name::To)?, local_tag),
            remote: copied(headers.first_bytes(&Name::From)?),
            local_tag,
            remote_tag: headers.from_tag().unwrap_or_default().into(),
            early_tag: Box::default(),
            local_cseq: 0,
            remote_cseq: headers.cseq().ok().map(|cseq| cseq.number),
            target,
            routes: routes(headers),
            hop,
            way: Way::of(sent_by, hop),
            role: Role::Callee,
            contact_user: invite.uri.user().map(str::to_owned),
        };
        dialog.choose_hop();
        Some(dialog)
    }

    /// The caller's end, before any response: RFC 3261 §12.1.2 completes it.
    pub(in crate::sip) fn of_caller(invite: &Request, hop: Hop, local_tag: u64) -> Dialog {
        let headers = &invite.headers;
        let text = |name: &Name| headers.first_bytes(name).map(copied).unwrap_or_default();
        let from = headers.from_header().ok();
        Dialog {
            call_id: text(&Name::CallId),
            local: text(&Name::From),
            remote: text(&Name::To),
            local_tag,
            remote_tag: Box::default(),
            early_tag: Box::default(),
            local_cseq: headers.cseq().map_or(1, |cseq| cseq.number),
            remote_cseq: None,
            target: invite.uri.clone(),
            routes: headers.routes().unwrap_or_default(),
            hop,
            way: Way::to(&invite.uri, hop),
            role: Role::Caller,
            contact_user: from.and_then(|from| from.uri.user().map(str::to_owned)),
        }
    }

    /// RFC 3261 §12.1.2: an early dialog. One of several, behind a forking proxy; only the 2xx says which one stays.
    pub(in crate::sip) fn on_provisional(&mut self, response: &Response) {
        if let Some(tag) = response.headers.to_tag().filter(|tag| **tag != *self.early_tag) {
            self.early_tag = tag.into();
        }
    }

    /// RFC 3261 §12.1.2 and §13.2.2.4: what the 2xx of the far end settles.
    pub(in crate::sip) fn establish(&mut self, response: &Response) {
        let headers = &response.headers;
        if let Some(to) = headers.first_bytes(&Name::To) {
            self.remote = copied(to);
        }
        self.remote_tag = headers.to_tag().unwrap_or_default().into();
        self.routes = routes(headers);
        self.routes.reverse();
        self.refresh_target(headers);
    }

    /// A Contact in a request or response that may move the far end. RFC 3261 §12.2.
    pub(in crate::sip) fn refresh_target(&mut self, headers: &Headers) {
        let contacts = headers.contacts().unwrap_or_default();
        let Some(contact) = contacts.into_iter().next() else {
            return;
        };
        self.target = contact.uri;
        self.choose_hop();
    }

    /// Whether a request that carries our tag belongs here, RFC 3261 §12.2.2; takes note of its number.
    pub(in crate::sip) fn admit(&mut self, request: &Request, sent_by: SentBy, hop: Hop) -> Result<(), Mismatch> {
        let headers = &request.headers;
        let same_call = headers.first_bytes(&Name::CallId).is_some_and(|id| *id == self.call_id);
        let same_peer = self.remote_tag.is_empty() || headers.from_tag().unwrap_or_default() == &*self.remote_tag;
        if !(same_call && same_peer) {
            return Err(Mismatch::OtherDialog);
        }
        if request.method == Method::Ack {
            return Ok(());
        }
        let number = headers.cseq().map_or(0, |cseq| cseq.number);
        if self.remote_cseq.is_some_and(|last| number < last) {
            return Err(Mismatch::OutOfOrder);
        }
        // RFC 3261 §12.1.2: before it is answered, phones behind a proxy may each count for themselves.
        if self.role == Role::Callee || !self.remote_tag.is_empty() {
            self.remote_cseq = Some(number);
        }
        self.follow(sent_by, hop);
        Ok(())
    }

    /// A peer behind NAT, or one that opened a new connection, is answered where it is now.
    fn follow(&mut self, sent_by: SentBy, hop: Hop) {
        let moved = hop.connection != self.hop.connection || Way::of(sent_by, hop) == Way::Back;
        if self.way == Way::Back && moved {
            self.hop = hop;
        }
    }

    /// A request in this dialog without its Via: RFC 3261 §12.2.1.1.
    pub(in crate::sip) fn request(&mut self, method: Method) -> Request {
        self.local_cseq += 1;
        let number = self.local_cseq;
        self.numbered(method, number)
    }

    /// RFC 3261 §13.2.2.4: the ACK carries the number of the INVITE whose 2xx it confirms.
    pub(in crate::sip) fn ack(&self, number: u32) -> Request {
        self.numbered(Method::Ack, number)
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let cseq = format!("{number} {method}");
        let loose = self.routes.first().is_none_or(|first| first.uri.params.has("lr"));
        let (uri, strict) = match self.routes.split_first() {
            Some((first, rest)) if !loose => (first.uri.clone(), Some(rest)),
            _ => (self.target.clone(), None),
        };
        let mut request = Request::new(method, uri);
        let headers = &mut request.headers;
        for route in strict.unwrap_or(&self.routes) {
            headers.push(Name::Route, route.text());
        }
        if strict.is_some() {
            // RFC 3261 §12.2.1.1: a strict router is the Request-URI, the far end comes last.
            headers.push(Name::Route, NameAddr::new(self.target.clone()).text());
        }
        headers.push(Name::From, self.local.clone());
        headers.push(Name::To, self.remote.clone());
        headers.push(Name::CallId, self.call_id.clone());
        headers.push(Name::CSeq, cseq);
        request
    }

    /// Whether an INVITE from outside is the one that began this dialog, for the same user: with another it is a call that
    /// was passed on and may well end with us (a "spiral", RFC 3261 §16.3 item 4).
    pub(in crate::sip) fn is_echoed_by(&self, invite: &Request) -> bool {
        let same_call = invite.headers.first_bytes(&Name::CallId).is_some_and(|id| *id == self.call_id);
        self.role == Role::Caller && same_call && invite.uri.user() == self.target.user()
    }

    /// Gives a request that is repeated the next number, whatever was sent in between.
    pub(in crate::sip) fn number_anew(&mut self, request: &mut Request) {
        self.local_cseq += 1;
        let cseq = format!("{} {}", self.local_cseq, request.method);
        request.headers.set(Name::CSeq, cseq);
    }

    /// Takes note of a request that was repeated with credentials, and so with a higher number.
    pub(in crate::sip) fn on_sent(&mut self, request: &Request) {
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        self.local_cseq = self.local_cseq.max(number);
    }

    /// The connection is gone: the far end is reached anew, if at all.
    pub(in crate::sip) fn on_connection_lost(&mut self) {
        self.hop.connection = None;
    }

    /// RFC 3261 §12.2.1.1 names the next hop by a URI. We go there if it is a plain address that can be meant.
    fn choose_hop(&mut self) {
        let next = self.routes.first().map_or(&self.target, |first| &first.uri);
        if self.way == Way::Written && self.hop.transport == Transport::Udp {
            self.hop.remote = written_address(next, self.hop).unwrap_or(self.hop.remote);
        }
    }

    pub(in crate::sip) fn hop(&self) -> Hop {
        self.hop
    }

    pub(in crate::sip) fn local(&self) -> &Bytes {
        &self.local
    }

    pub(in crate::sip) fn local_tag(&self) -> u64 {
        self.local_tag
    }

    pub(in crate::sip) fn remote_tag(&self) -> &str {
        &self.remote_tag
    }

    /// The far end's tag as far as it is known, be it of an early dialog.
    pub(in crate::sip) fn known_tag(&self) -> &str {
        if self.remote_tag.is_empty() { &self.early_tag } else { &self.remote_tag }
    }

    pub(in crate::sip) fn call_id(&self) -> &[u8] {
        &self.call_id
    }

    pub(in crate::sip) fn role(&self) -> Role {
        self.role
    }
}

impl Way {
    /// A Via that does not say where the request really came from shows a NAT in between.
    fn of(sent_by: SentBy, hop: Hop) -> Way {
        let honest = sent_by.address == Some(hop.remote.ip());
        match hop.transport {
            Transport::Udp if honest => Way::Written,
            _ => Way::Back,
        }
    }

    /// A hop that is not the address in the URI is the flow of a registration, or a proxy that we were told to use.
    fn to(target: &Uri, hop: Hop) -> Way {
        let elsewhere = target.host.address().is_some_and(|address| address != hop.remote.ip());
        match hop.transport {
            Transport::Udp if !elsewhere => Way::Written,
            _ => Way::Back,
        }
    }
}

/// The address in a URI, unless it cannot be reached from here: a name (nobody here asks DNS), another transport, or a
/// private address at the far end of a public hop.
fn written_address(uri: &Uri, hop: Hop) -> Option<SocketAddr> {
    // RFC 5627 §4.4: a GRUU of ours names us, and the peer stands where its request came from.
    let address = uri.host.address().filter(|_| !uri.params.has("gr"))?;
    let over_udp = uri.param("transport").is_none_or(|transport| transport.eq_ignore_ascii_case("udp"));
    let hidden = is_public(hop.remote.ip()) && !is_public(address);
    let same_family = address.is_ipv4() == hop.remote.is_ipv4();
    let port = uri.port.unwrap_or(Transport::Udp.default_port());
    (over_udp && !hidden && same_family && port != 0).then(|| SocketAddr::new(address, port))
}

/// RFC 3261 §12.1: the Record-Routes, in the order of the message.
fn routes(headers: &Headers) -> Vec<NameAddr> {
    headers.record_routes().unwrap_or_default()
}

fn tagged(address: &Bytes, tag: u64) -> Bytes {
    let tag = number_text(tag);
    Bytes::from([&address[..], b";tag=", tag.as_bytes()].concat())
}

/// A slice would keep the whole datagram in memory as long as the call lasts.
fn copied(value: &Bytes) -> Bytes {
    Bytes::copy_from_slice(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Message;
    use crate::sip::transaction::testing::udp;

    fn request(text: &str) -> Request {
        match Message::parse(Bytes::from(text.replace('\n', "\r\n"))) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn invite(via: &str, more: &str) -> Request {
        request(&format!(
            "INVITE sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {via};branch=z9hG4bK1\nFrom: \"Ana\" <sip:ana@x>;tag=hers\n\
             To: <sip:us@y>\nCall-ID: one\nCSeq: 7 INVITE\n{more}\n"
        ))
    }

    fn callee(via: &str, more: &str) -> Dialog {
        let invite = invite(via, more);
        let sent_by = invite.headers.sent_by().unwrap();
        Dialog::of_callee(&invite, sent_by, udp(), 0xabc).unwrap()
    }

    fn routes_of(request: &Request) -> Vec<&str> {
        request.headers.all(&Name::Route).collect()
    }

    #[test]
    fn the_called_end_turns_the_names_round_and_keeps_the_route() {
        let more = "Contact: <sip:ana@192.0.2.9>\nRecord-Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>\n";
        let mut dialog = callee("192.0.2.2", more);
        let bye = dialog.request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:ana@192.0.2.9");
        assert_eq!(routes_of(&bye), ["<sip:192.0.2.7;lr>", "<sip:192.0.2.8;lr>"]);
        assert_eq!(bye.headers.first(&Name::From), Some("<sip:us@y>;tag=0000000000000abc"));
        assert_eq!(bye.headers.first(&Name::To), Some("\"Ana\" <sip:ana@x>;tag=hers"));
        assert_eq!(bye.headers.first(&Name::CSeq), Some("1 BYE"));
        assert_eq!(dialog.hop().remote, "192.0.2.7:5060".parse::<SocketAddr>().unwrap());
    }

    #[test]
    fn a_strict_router_stands_in_the_request_uri() {
        let more = "Contact: <sip:ana@192.0.2.9>\nRecord-Route: <sip:192.0.2.7>, <sip:192.0.2.8;lr>\n";
        let bye = callee("192.0.2.2", more).request(Method::Bye);
        assert_eq!(bye.uri.to_string(), "sip:192.0.2.7");
        assert_eq!(routes_of(&bye), ["<sip:192.0.2.8;lr>", "<sip:ana@192.0.2.9>"]);
    }

    #[test]
    fn a_peer_behind_nat_is_reached_over_the_hop_it_used_last() {
        let more = "Contact: <sip:ana@10.0.0.5:5062>\n";
        let mut dialog = callee("10.0.0.5:5062", more);
        assert_eq!(dialog.hop(), udp());
        let moved = Hop { remote: "192.0.2.2:7777".parse().unwrap(), ..udp() };
        let bye = request(
            "BYE sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bK2\nFrom: <sip:ana@x>;tag=hers\n\
             To: <sip:us@y>;tag=0000000000000abc\nCall-ID: one\nCSeq: 8 BYE\n\n",
        );
        let sent_by = bye.headers.sent_by().unwrap();
        assert_eq!(dialog.admit(&bye, sent_by, moved), Ok(()));
        assert_eq!(dialog.hop(), moved);
    }

    #[test]
    fn the_calling_end_learns_the_route_backwards_and_the_contact_without_leaving_a_flow() {
        let mut request = invite("192.0.2.1", "");
        request.uri = Uri::parse("sip:bob@192.0.2.2").unwrap();
        let mut response = request.reply(200);
        response.headers.set(Name::To, "<sip:us@y>;tag=theirs");
        response.headers.push(Name::Contact, "<sip:bob@192.0.2.9:5070>");
        response.headers.push(Name::RecordRoute, "<sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>");
        let mut direct = Dialog::of_caller(&request, udp(), 1);
        direct.establish(&response);
        assert_eq!(direct.remote_tag(), "theirs");
        let bye = direct.request(Method::Bye);
        assert_eq!(bye.headers.first(&Name::CSeq), Some("8 BYE"));
        assert_eq!(routes_of(&bye), ["<sip:192.0.2.8;lr>", "<sip:192.0.2.7;lr>"]);
        assert_eq!(direct.hop().remote, "192.0.2.8:5060".parse::<SocketAddr>().unwrap());

        request.uri = Uri::parse("sip:bob@10.0.0.9").unwrap();
        let mut flow = Dialog::of_caller(&request, udp(), 1);
        flow.establish(&response);
        assert_eq!(flow.hop(), udp());
    }

    #[test]
    fn other_dialogs_and_old_numbers_are_told_apart() {
        let mut dialog = callee("192.0.2.2", "Contact: <sip:ana@192.0.2.9>\n");
        let mut late = invite("192.0.2.2", "");
        let sent_by = late.headers.sent_by().unwrap();
        late.headers.set(Name::CSeq, "6 INVITE");
        assert_eq!(dialog.admit(&late, sent_by, udp()), Err(Mismatch::OutOfOrder));
        late.headers.set(Name::From, "<sip:ana@x>;tag=another");
        assert_eq!(dialog.admit(&late, sent_by, udp()), Err(Mismatch::OtherDialog));
    }
}
