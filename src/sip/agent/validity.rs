//! Requests that nobody further in should see: RFC 3261 §8.2.1 to §8.2.3, in that order.

use crate::sip::agent::identity::ALLOW;
use crate::sip::agent::identity::SUPPORTED;
use crate::sip::content;
use crate::sip::content::ACCEPTED_FOR_CALLS;
use crate::sip::content::SDP;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::limits::Limits;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::session::timer;
use crate::sip::session::timer::Policy;
use crate::sip::via::MAGIC_COOKIE;

/// The answer to a request that is refused without asking anybody; `None` for one that is in order.
pub(super) fn refusal(request: &Request, limits: &Limits) -> Option<Response> {
    by_method(request)
        .or_else(|| by_hops(request))
        .or_else(|| by_extension(request))
        .or_else(|| by_contact(request))
        .or_else(|| by_content(request, limits.nesting))
}

/// RFC 3261 §26.2.2: `sips:` promises that nobody on the way reads along.
pub(super) fn insecure(request: &Request, hop: Hop) -> Option<Response> {
    let broken = request.uri.is_sips() && !hop.transport.is_secure();
    broken.then(|| request.reply(416).with_reason("sips needs TLS"))
}

/// 501 for a method that we never heard of, 405 for one that we know and do not do. RFC 3261 §8.2.1.
fn by_method(request: &Request) -> Option<Response> {
    let status = match request.method {
        Method::Other(_) => 501,
        // Inside a call it may tell how a REFER of ours fares.
        Method::Notify if request.headers.to_tag().is_none() => 405,
        _ => return None,
    };
    let mut response = request.reply(status);
    response.headers.push(Name::Allow, ALLOW);
    Some(response)
}

/// RFC 3261 §16.3 item 3, RFC 7332 §3: only what we would hand on needs a hop more.
fn by_hops(request: &Request) -> Option<Response> {
    let is_handed_on = matches!(request.method, Method::Invite | Method::Message) && request.headers.to_tag().is_none();
    let is_spent = is_handed_on && request.headers.max_forwards() == Ok(Some(0));
    is_spent.then(|| request.reply(483))
}

/// RFC 3261 §8.2.2.3: all that a peer requires and we do not know is named.
fn by_extension(request: &Request) -> Option<Response> {
    let registrar: &[&str] = if request.method == Method::Register { &REGISTRAR } else { &[] };
    let known =
        |option: &str| SUPPORTED.split(", ").chain(registrar.iter().copied()).any(|it| it.eq_ignore_ascii_case(option));
    let unknown = |option: &&str| !known(option);
    let required: Vec<&str> = request.headers.list(&Name::Require).filter(unknown).collect();
    if required.is_empty() {
        return None;
    }
    let mut response = request.reply(420);
    response.headers.push(Name::Unsupported, required.join(", "));
    Some(response)
}

/// RFC 4028 §9: the interval that a peer asks for is shorter than we bear.
pub(super) fn by_interval(request: &Request, policy: Policy) -> Option<Response> {
    if !matches!(request.method, Method::Invite | Method::Update) {
        return None;
    }
    let least = timer::too_small(request, policy)?;
    let mut response = request.reply(422);
    response.headers.push(Name::MinSe, least.to_string());
    Some(response)
}
/// What the registrar does: RFC 3327, RFC 5626, RFC 5627.
const REGISTRAR: [&str; 3] = ["path", "outbound", "gruu"];

/// RFC 3261 §8.1.1.8: without exactly one Contact an INVITE cannot become a dialog. RFC 2543 §6.13 asked for none, and
/// whoever knows only that has no magic cookie in the branch.
fn by_contact(request: &Request) -> Option<Response> {
    let is_old = || !request.headers.branch().is_some_and(|branch| branch.starts_with(MAGIC_COOKIE));
    let usable = || match request.headers.list_bytes(&Name::Contact).count() {
        0 => is_old(),
        1 => !request.headers.is_contact_star(),
        _ => false,
    };
    let faulty = request.method == Method::Invite && !usable();
    faulty.then(|| request.reply(400).with_reason("Bad Request: an INVITE has one Contact"))
}

/// RFC 3261 §8.2.3: a call is described by SDP, alone or inside a multipart.
fn by_content(request: &Request, nesting: usize) -> Option<Response> {
    let describes_call = matches!(request.method, Method::Invite | Method::Update | Method::Prack);
    if !describes_call {
        return None;
    }
    let fault = content::find(&request.headers, &request.body, SDP, nesting).err()?;
    Some(fault.refuse(request, ACCEPTED_FOR_CALLS))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::sip::message::Message;

    fn refused(method: &str, more: &str, body: &str) -> Option<(u16, Response)> {
        let text = format!(
            "{method} sip:200@desvio.local SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n{more}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Ok(Message::Request(request)) = Message::parse(Bytes::from(text)) else {
            panic!("the test's request is malformed")
        };
        refusal(&request, &Limits::default()).map(|response| (response.status, response))
    }

    #[test]
    fn unknown_methods_hear_501_and_known_ones_that_we_do_not_do_405() {
        let (status, response) = refused("BREW", "", "").unwrap();
        assert_eq!((status, response.headers.first(&Name::Allow)), (501, Some(ALLOW)));
        assert_eq!(refused("NOTIFY", "", "").unwrap().0, 405);
        assert!(refused("OPTIONS", "", "").is_none() && refused("REFER", "", "").is_none());
    }

    #[test]
    fn no_hops_left_and_unknown_extensions() {
        assert_eq!(refused("INVITE", "Max-Forwards: 0\r\n", "").unwrap().0, 483);
        assert!(
            refused("OPTIONS", "Max-Forwards: 0\r\n", "").is_none()
                && refused("BYE", "Max-Forwards: 0\r\n", "").is_none()
        );
        let (status, response) = refused("OPTIONS", "Require: 100rel, replaces, nothing\r\n", "").unwrap();
        assert_eq!((status, response.headers.first(&Name::Unsupported)), (420, Some("nothing")));
    }

    #[test]
    fn an_invite_of_the_first_sip_needs_no_contact() {
        let invite = "INVITE sip:200@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n\
            Call-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
        let Ok(Message::Request(request)) = Message::parse(Bytes::from(invite)) else { panic!("it can be read") };
        assert!(refusal(&request, &Limits::default()).is_none());
    }

    #[test]
    fn an_invite_needs_a_contact_and_sdp() {
        let contact = "Contact: <sip:a@192.0.2.2>\r\n";
        assert_eq!(refused("INVITE", "", "").unwrap().0, 400);
        assert!(refused("INVITE", contact, "").is_none());
        let odd = format!("{contact}Content-Type: text/plain\r\n");
        assert_eq!(refused("INVITE", &odd, "hello").unwrap().0, 415);
        let squeezed = format!("{contact}Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n");
        assert_eq!(refused("INVITE", &squeezed, "x").unwrap().0, 415);
    }
}
