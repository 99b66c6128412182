//! Whether a message that could be read says what a message must say. RFC 3261 §8.1.1, §8.2.2, §16.3.
//!
//! Looks and does not copy: every header that routing or matching relies on is checked against its grammar, the rest
//! is nobody's business until someone asks for it. What the server can serve (methods, extensions, bodies) is decided
//! further up.

use super::headers::HeaderError;
use super::headers::Headers;
use super::headers::Name;
use super::message::Message;
use super::message::Request;
use super::message::Response;
use super::method::Method;
use super::name_addr::NameAddrView;
use super::parse::Fault;
use super::parse::ParseError;
use super::syntax::SyntaxError;
use super::typed::malformed;
use super::uri::Scheme;
use super::via::ViaView;

impl Message {
    pub fn validate(&self) -> Result<(), ParseError> {
        match self {
            Message::Request(request) => request.validate(),
            Message::Response(response) => response.validate(),
        }
    }
}

impl Request {
    /// What must not be acted on comes back as an error that knows its answer: 400, or 416 for a foreign scheme.
    pub fn validate(&self) -> Result<(), ParseError> {
        let checked = self.check();
        checked.map_err(|fault| ParseError::answer(fault, self.method.as_str().as_bytes(), &self.headers))
    }

    fn check(&self) -> Result<(), Fault> {
        if check_common(&self.headers)? != self.method {
            return Err(Fault::MethodMismatch);
        }
        self.headers.max_forwards()?;
        check_addresses(&self.headers, &Name::Route)?;
        check_addresses(&self.headers, &Name::RecordRoute)?;
        if !self.headers.is_contact_star() {
            check_addresses(&self.headers, &Name::Contact)?;
        }
        if self.uri.headers.is_some() {
            return Err(Fault::UriHeaders);
        }
        match self.uri.scheme {
            Scheme::Other(_) => Err(Fault::Scheme),
            Scheme::Sip | Scheme::Sips | Scheme::Tel => Ok(()),
        }
    }
}

impl Response {
    /// A response without a Via, a dialog or a CSeq belongs to nobody; the error never has an answer.
    pub fn validate(&self) -> Result<(), ParseError> {
        check_common(&self.headers).map(drop).map_err(ParseError::drop)
    }
}

/// What every message has, each but the Via once. A tag is not asked for: RFC 2543 knew none. RFC 3261 §8.1.1.
fn check_common(headers: &Headers) -> Result<Method, Fault> {
    check_list(headers, &Name::Via, |value| ViaView::parse(value).map(drop))?;
    if !headers.contains(&Name::Via) {
        return Err(HeaderError::Missing(Name::Via).into());
    }
    headers.address_view(&Name::From)?;
    headers.address_view(&Name::To)?;
    headers.call_id()?;
    Ok(headers.cseq()?.method)
}

fn check_addresses(headers: &Headers, name: &Name) -> Result<(), Fault> {
    check_list(headers, name, |value| NameAddrView::parse(value).map(drop))
}

fn check_list(headers: &Headers, name: &Name, check: fn(&[u8]) -> Result<(), SyntaxError>) -> Result<(), Fault> {
    for value in headers.list_bytes(name) {
        check(value).map_err(|why| malformed(name, why))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const GOOD: &str = "BYE sip:200@x SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n\
        To: <sip:b@x>;tag=2\r\nCall-ID: 1@a\r\nCSeq: 7 BYE\r\nMax-Forwards: 70\r\n\r\n";

    fn fault(from: &str, to: &str) -> Option<(Fault, Option<u16>)> {
        let message = Message::parse(Bytes::from(GOOD.replace(from, to))).unwrap();
        message.validate().err().map(|error| (error.fault.clone(), error.status()))
    }

    #[test]
    fn an_ordinary_request_passes() {
        assert_eq!(fault("", ""), None);
        assert_eq!(fault("sip:200@x", "tel:+5511999998888"), None);
    }

    #[test]
    fn every_mandatory_header_is_missed() {
        for (row, name) in [
            ("From: <sip:a@x>;tag=1", Name::From),
            ("To: <sip:b@x>;tag=2", Name::To),
            ("Call-ID: 1@a", Name::CallId),
            ("CSeq: 7 BYE", Name::CSeq),
        ] {
            assert_eq!(fault(row, "X: y"), Some((HeaderError::Missing(name).into(), Some(400))));
        }
        let no_via = fault("Via: SIP/2.0/UDP a;branch=z9hG4bK1", "X: y");
        assert_eq!(no_via, Some((HeaderError::Missing(Name::Via).into(), None)));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert_eq!(fault("7 BYE", "7 INVITE"), Some((Fault::MethodMismatch, Some(400))));
        assert_eq!(fault("sip:200@x", "sip:200@x?Route=a"), Some((Fault::UriHeaders, Some(400))));
        assert_eq!(fault("sip:200@x", "soap.beep://x"), Some((Fault::Scheme, Some(416))));
        assert_eq!(fault("Max-Forwards: 70", "Max-Forwards: 256").unwrap().1, Some(400));
        assert_eq!(fault("Max-Forwards: 70", "Contact: *").map(drop), None);
        assert_eq!(fault("Max-Forwards: 70", "Contact: <sip:a").unwrap().1, Some(400));
    }

    #[test]
    fn a_bad_ack_or_response_is_never_answered() {
        let ack = Message::parse(Bytes::from(GOOD.replace("BYE sip", "ACK sip"))).unwrap();
        assert_eq!(ack.validate().unwrap_err().status(), None);
        let response = Message::parse(Bytes::from(GOOD.replace("BYE sip:200@x SIP/2.0", "SIP/2.0 200 OK"))).unwrap();
        assert!(response.validate().is_ok());
        let Message::Response(mut response) = response else { panic!("a response") };
        response.headers.set(Name::CSeq, "9923492834920349 BYE");
        assert!(response.validate().unwrap_err().reply().is_none());
    }
}
