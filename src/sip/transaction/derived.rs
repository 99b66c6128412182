//! Requests that are made from an INVITE of ours: the ACK of a refusal (RFC 3261 §17.1.1.3) and the CANCEL (§9.1).

use bytes::Bytes;

use crate::sip::headers::Name;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;

/// The ACK of a final response that is not a 2xx: it goes where the INVITE went, with the To of the response.
pub(in crate::sip) fn ack_of_refusal(invite: &Request, response: &Response) -> Request {
    let mut ack = same_way(invite, Method::Ack);
    if let Some(to) = response.headers.first_bytes(&Name::To) {
        ack.headers.set(Name::To, to.clone());
    }
    ack
}

/// The CANCEL of an INVITE that is not decided.
pub(in crate::sip) fn cancel(invite: &Request) -> Request {
    same_way(invite, Method::Cancel)
}

fn same_way(invite: &Request, method: Method) -> Request {
    let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
    let cseq = format!("{number} {}", method.as_str());
    let mut request = Request::new(method, invite.uri.clone());
    for name in [Name::Via, Name::From, Name::To, Name::CallId] {
        if let Some(value) = invite.headers.first_bytes(&name) {
            request.headers.push(name, value.clone());
        }
    }
    request.headers.push(Name::CSeq, cseq);
    request.headers.push(Name::MaxForwards, Bytes::from_static(b"70"));
    for route in invite.headers.all_bytes(&Name::Route) {
        request.headers.push(Name::Route, route.clone());
    }
    request
}
